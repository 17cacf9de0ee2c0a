//! The trait that a mechanism implements. A new mechanism implements it, and is listed in `mechanism`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use options::{OptionError, OptionSpec, Options};
use zeroize::Zeroizing;

use crate::auth_config::{AcceptorConfig, InitiatorConfig};
use crate::carrier::Carrier;
use crate::channel_bindings::ChannelBindings;
use crate::error::AuthError;
use crate::handshake::{Acceptor, Initiator};
use crate::ntlm::config::ServerNames;
use crate::pass_through::transcript::Transcript;
use crate::settings::Settings;
use crate::spnego::tokens::Oid;

/// What one authentication over HTTP applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The connection, by a handshake in several legs ([MS-NTHT], RFC 4559). Not possible on a connection that
    /// several clients share.
    Connection,
    /// The request, which carries the complete credentials. They are sent only over connections that others cannot
    /// read.
    Request,
}

/// The channel on which a handshake takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    /// The protocol that carries the handshake.
    pub carrier: Carrier,
    /// The channel bindings of its TLS connection; `None` without TLS.
    pub bindings: Option<ChannelBindings>,
    /// Whether SPNEGO negotiated the mechanism.
    pub(crate) negotiated: bool,
}

impl Channel {
    /// A DCE/RPC connection.
    pub const RPC: Self = Self { carrier: Carrier::Rpc, bindings: None, negotiated: false };

    /// An HTTP connection, whose TLS connection has these channel bindings.
    pub const fn http(bindings: Option<ChannelBindings>) -> Self {
        Self { carrier: Carrier::Http, bindings, negotiated: false }
    }

    /// The same for a mechanism that SPNEGO negotiates.
    pub(crate) const fn negotiated(self) -> Self {
        Self { negotiated: true, ..self }
    }
}

/// A security package: the properties of one mechanism, and constructors of its two ends.
///
/// ```
/// use identity::{Mechanism, Package, Scope};
///
/// /// A mechanism that only passes through to the server.
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
    /// The mechanism's name in configurations, in lower case.
    fn name(&self) -> &'static str;

    /// Its `auth_type` in DCE/RPC ([MS-RPCE] 2.2.1.1.7); `None` if DCE/RPC does not have it.
    fn rpc_auth_type(&self) -> Option<u8> {
        None
    }

    /// Its scheme in HTTP (RFC 9110 11.1); `None` if HTTP does not have it.
    fn http_scheme(&self) -> Option<&'static str> {
        None
    }

    /// The challenge with which a server offers it in `WWW-Authenticate`: its scheme and parameters.
    fn http_challenge(&self) -> Option<&'static str> {
        self.http_scheme()
    }

    /// What one authentication over HTTP applies to.
    fn scope(&self) -> Scope {
        Scope::Connection
    }

    /// Its object identifiers in SPNEGO, the usual one first; empty if SPNEGO does not negotiate it.
    fn oids(&self) -> &'static [Oid] {
        &[]
    }

    /// The first bytes of its messages, if clients send them without SPNEGO under the scheme Negotiate.
    fn bare_prefix(&self) -> Option<&'static [u8]> {
        None
    }

    /// Whether both ends are implemented. Otherwise the mechanism only passes through to the server.
    fn has_ends(&self) -> bool {
        false
    }

    /// What a configuration can set for its acceptors, as [`options::declare!`] declares it. No other mechanism has an
    /// option of the same name.
    fn options(&self) -> &'static [OptionSpec] {
        &[]
    }

    /// Adds the settings of its acceptors to `settings`: as its `options` are configured, for a server with these
    /// `names`.
    ///
    /// # Errors
    /// [`OptionError::Refused`] if the mechanism does not accept the value of an option.
    fn configure(
        &self,
        _options: &Options,
        _names: &ServerNames,
        settings: Settings,
    ) -> Result<Settings, OptionError> {
        Ok(settings)
    }

    /// The server's end of one handshake, on `channel`.
    ///
    /// # Errors
    /// If it is not implemented, or not possible with this configuration.
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
    /// If it is not implemented, or not possible with these credentials.
    fn initiator(
        &self,
        _config: &InitiatorConfig,
        _channel: Channel,
    ) -> Result<Box<dyn Initiator>, AuthError> {
        Err(AuthError::NoMechanism)
    }

    /// The account name in a client's token, unverified; `None` if the token has none.
    fn claimed_name(&self, _token: &[u8]) -> Option<String> {
        None
    }

    /// Whether the name in a token is for display only: the issuer of the token chooses it, and no password of the
    /// account is checked.
    fn name_is_for_display(&self) -> bool {
        false
    }

    /// The transcript of one pass-through authentication; `None` if the mechanism does not pass through.
    fn transcript(&self) -> Option<Box<dyn Transcript>> {
        None
    }

    /// Whether a server may accept the mechanism without having offered it in its 401 response.
    fn accepted_unoffered(&self) -> bool {
        false
    }

    /// Creates, from random `bytes`, a token that belongs to no account.
    fn invalid_token(&self, bytes: &[u8; 32]) -> Vec<u8> {
        bytes.to_vec()
    }

    /// Decodes the token after the scheme in `Authorization` or `WWW-Authenticate`.
    ///
    /// # Errors
    /// If it is not encoded as the scheme requires.
    fn read_http(&self, credentials: &[u8]) -> Result<Zeroizing<Vec<u8>>, AuthError> {
        let token = STANDARD.decode(credentials).map_err(|_| AuthError::NotBase64)?;
        Ok(Zeroizing::new(token))
    }

    /// Encodes a token for use after the scheme in a header.
    fn write_http(&self, token: &[u8]) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(token))
    }
}
