//! What a mechanism has to offer: the one trait that a new one implements, and a line in `mechanism` is all else.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::auth_config::{AcceptorConfig, InitiatorConfig};
use crate::channel_bindings::ChannelBindings;
use crate::error::AuthError;
use crate::handshake::{Acceptor, Initiator};
use crate::passthrough::transcript::Transcript;
use crate::spnego::tokens::Oid;

/// What one sign-in over HTTP authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The connection, by a handshake in several legs ([MS-NTHT], RFC 4559). So none is made on a connection that
    /// several clients share.
    Connection,
    /// The one request, which carries all that it takes. So it is sent only where others cannot read it.
    Request,
}

/// The protocol that a handshake is carried by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// DCE/RPC, with a third leg and header signing in mechanisms of GSS-API (`GSS_C_DCE_STYLE`).
    Rpc,
    /// HTTP, where no messages are protected.
    Http,
}

/// The channel on which a handshake takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    /// What carries it.
    pub carrier: Carrier,
    /// What binds it to its TLS; none where there is no TLS.
    pub bindings: Option<ChannelBindings>,
    /// Whether SPNEGO negotiated it.
    pub(crate) negotiated: bool,
}

impl Channel {
    /// A connection of DCE/RPC.
    pub const RPC: Self = Self { carrier: Carrier::Rpc, bindings: None, negotiated: false };

    /// A connection of HTTP, in a TLS that has these bindings.
    pub const fn http(bindings: Option<ChannelBindings>) -> Self {
        Self { carrier: Carrier::Http, bindings, negotiated: false }
    }

    /// The same for a mechanism that SPNEGO negotiates.
    pub(crate) const fn negotiated(self) -> Self {
        Self { negotiated: true, ..self }
    }
}

/// A security package: what is known of one mechanism, and how its two ends are made.
///
/// ```
/// use identity::{Mechanism, Package, Scope};
///
/// /// A mechanism that servers take, and we only pass through or know by name.
/// struct Digest;
///
/// impl Package for Digest {
///     fn name(&self) -> &'static str {
///         "digest"
///     }
///
///     fn http_scheme(&self) -> Option<&'static str> {
///         Some("Digest")
///     }
///
///     fn scope(&self) -> Scope {
///         Scope::Request
///     }
/// }
///
/// const DIGEST: Mechanism = Mechanism::of(&Digest);
/// assert!(DIGEST.is_scheme(b"digest") && DIGEST != Mechanism::BASIC);
/// ```
pub trait Package: Sync {
    /// The mechanism's name, in lower case, as a configuration has it.
    fn name(&self) -> &'static str;

    /// Its `auth_type` in DCE/RPC ([MS-RPCE] 2.2.1.1.7); none where it is not one of DCE/RPC.
    fn rpc_auth_type(&self) -> Option<u8> {
        None
    }

    /// Its scheme in HTTP (RFC 9110 11.1); none where it is not one of HTTP.
    fn http_scheme(&self) -> Option<&'static str> {
        None
    }

    /// What a server writes in `WWW-Authenticate` to offer it: its scheme, with parameters where it has any.
    fn http_challenge(&self) -> Option<&'static str> {
        self.http_scheme()
    }

    /// What one sign-in over HTTP authenticates.
    fn scope(&self) -> Scope {
        Scope::Connection
    }

    /// What it is called in SPNEGO, the usual name first; empty where it is not negotiated.
    fn oids(&self) -> &'static [Oid] {
        &[]
    }

    /// What its messages begin with, where clients send them as they are under the name of Negotiate.
    fn bare_prefix(&self) -> Option<&'static [u8]> {
        None
    }

    /// Whether we have both ends of it. Otherwise it only passes through to the server.
    fn has_ends(&self) -> bool {
        false
    }

    /// The server's end of one handshake, on `channel`.
    ///
    /// # Errors
    /// When we have none, or not with this configuration.
    fn acceptor(
        &self,
        _config: &Arc<AcceptorConfig>,
        _channel: Channel,
    ) -> Result<Box<dyn Acceptor>, AuthError> {
        Err(AuthError::NoMechanism)
    }

    /// The client's end of one handshake, on `channel`.
    ///
    /// # Errors
    /// When we have none, or not with these credentials.
    fn initiator(
        &self,
        _config: &InitiatorConfig,
        _channel: Channel,
    ) -> Result<Box<dyn Initiator>, AuthError> {
        Err(AuthError::NoMechanism)
    }

    /// The name in a client's token of the account that it wants to sign in with, not proven; none where the token has
    /// none.
    fn claimed_name(&self, _token: &[u8]) -> Option<String> {
        None
    }

    /// What follows a sign-in that passes through to the server; none where it does not pass through.
    fn transcript(&self) -> Option<Box<dyn Transcript>> {
        None
    }

    /// Whether a server may take it without having offered it to a request without credentials.
    fn accepted_unoffered(&self) -> bool {
        false
    }

    /// A token that no account has, made of random `bytes`.
    fn invalid_token(&self, bytes: &[u8; 32]) -> Vec<u8> {
        bytes.to_vec()
    }

    /// The token in what stands behind the scheme in `Authorization` or `WWW-Authenticate`.
    ///
    /// # Errors
    /// When it is not written as the scheme has it.
    fn read_http(&self, credentials: &[u8]) -> Result<Zeroizing<Vec<u8>>, AuthError> {
        let token = STANDARD.decode(credentials).map_err(|_| AuthError::NotBase64)?;
        Ok(Zeroizing::new(token))
    }

    /// What stands behind the scheme for this token.
    fn write_http(&self, token: &[u8]) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(token))
    }
}
