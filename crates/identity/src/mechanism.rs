//! The list of authentication mechanisms.

mod basic;
mod bearer;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use options::{OptionError, OptionSpec, Options};
use zeroize::Zeroizing;

use self::basic::Basic;
use self::bearer::Bearer;
use crate::auth_config::{AcceptorConfig, InitiatorConfig};
use crate::error::AuthError;
use crate::handshake::{Acceptor, Initiator};
use crate::ntlm::config::ServerNames;
use crate::ntlm::mechanism::Ntlm;
use crate::package::{Channel, Package, Scope};
use crate::pass_through::transcript::Transcript;
use crate::settings::Settings;
use crate::spnego::mechanism::Spnego;

/// The mechanisms that SPNEGO negotiates, the preferred one first.
static NEGOTIATED: [&dyn Package; 1] = [&Ntlm];

static SPNEGO: Spnego = Spnego::around(&NEGOTIATED);

/// An authentication mechanism. Mechanisms are compared by name.
#[derive(Clone, Copy)]
pub struct Mechanism(&'static dyn Package);

impl Mechanism {
    /// SPNEGO (RFC 4178): `RPC_C_AUTHN_GSS_NEGOTIATE` in DCE/RPC, Negotiate in HTTP (RFC 4559).
    pub const SPNEGO: Self = Self(&SPNEGO);
    /// NTLM ([MS-NLMP]): `RPC_C_AUTHN_WINNT` in DCE/RPC, NTLM in HTTP ([MS-NTHT]).
    pub const NTLM: Self = Self(&Ntlm);
    /// Bearer tokens (RFC 6750), which only pass through.
    pub const BEARER: Self = Self(&Bearer);
    /// Basic (RFC 7617): a name and a password in clear text.
    pub const BASIC: Self = Self(&Basic);

    /// All mechanisms, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::SPNEGO, Self::NTLM, Self::BEARER, Self::BASIC];

    /// The mechanisms that may have options: those that are offered, and those that only SPNEGO negotiates.
    fn configurable() -> impl Iterator<Item = &'static dyn Package> {
        let is_offered =
            |package: &&dyn Package| Self::ALL.into_iter().any(|other| other.name() == package.name());
        let negotiated = NEGOTIATED.into_iter().filter(move |package| !is_offered(package));
        Self::ALL.into_iter().map(|mechanism| mechanism.0).chain(negotiated)
    }

    /// What a configuration can set for the acceptors of all mechanisms.
    pub fn options() -> impl Iterator<Item = &'static OptionSpec> {
        Self::configurable().flat_map(Package::options)
    }

    /// The settings of the acceptors of all mechanisms: as their `options` are configured, for a server with these
    /// `names`.
    ///
    /// # Errors
    /// [`OptionError::Refused`] if a mechanism does not accept the value of an option.
    pub fn settings(options: &Options, names: &ServerNames) -> Result<Settings, OptionError> {
        Self::configurable()
            .try_fold(Settings::default(), |settings, package| package.configure(options, names, settings))
    }

    /// The mechanism that `package` is.
    pub const fn of(package: &'static dyn Package) -> Self {
        Self(package)
    }

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Its `auth_type` in DCE/RPC; `None` if DCE/RPC does not have it.
    pub fn rpc_auth_type(self) -> Option<u8> {
        self.0.rpc_auth_type()
    }

    /// Its scheme in HTTP; `None` if HTTP does not have it.
    pub fn http_scheme(self) -> Option<&'static str> {
        self.0.http_scheme()
    }

    /// Whether its scheme in HTTP is `name`, compared without regard to case.
    pub fn is_scheme(self, name: &[u8]) -> bool {
        self.http_scheme().is_some_and(|scheme| name.eq_ignore_ascii_case(scheme.as_bytes()))
    }

    /// The mechanism of [`Mechanism::ALL`] whose scheme in HTTP is `name`.
    pub fn by_scheme(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.is_scheme(name))
    }

    /// The challenge with which a server offers it in `WWW-Authenticate`.
    pub fn http_challenge(self) -> Option<&'static str> {
        self.0.http_challenge()
    }

    /// What one authentication over HTTP applies to.
    pub fn scope(self) -> Scope {
        self.0.scope()
    }

    /// Whether both ends are implemented. Otherwise the mechanism only passes through to the server.
    pub fn has_ends(self) -> bool {
        self.0.has_ends()
    }

    /// The server's end of one handshake, on `channel`.
    ///
    /// # Errors
    /// If it is not implemented, or not possible with this configuration.
    pub fn acceptor(
        self,
        config: &Arc<AcceptorConfig>,
        channel: Channel,
    ) -> Result<Box<dyn Acceptor>, AuthError> {
        self.0.acceptor(config, channel)
    }

    /// The client's end of one handshake, on `channel`.
    ///
    /// # Errors
    /// If it is not implemented, or not possible with these credentials.
    pub fn initiator(
        self,
        config: &InitiatorConfig,
        channel: Channel,
    ) -> Result<Box<dyn Initiator>, AuthError> {
        self.0.initiator(config, channel)
    }

    pub(crate) fn claimed_name(self, token: &[u8]) -> Option<String> {
        self.0.claimed_name(token)
    }

    pub(crate) fn name_is_for_display(self) -> bool {
        self.0.name_is_for_display()
    }

    pub(crate) fn transcript(self) -> Option<Box<dyn Transcript>> {
        self.0.transcript()
    }

    pub(crate) fn accepted_unoffered(self) -> bool {
        self.0.accepted_unoffered()
    }

    pub(crate) fn invalid_token(self, bytes: &[u8; 32]) -> Vec<u8> {
        self.0.invalid_token(bytes)
    }

    pub(crate) fn read_http(self, credentials: &[u8]) -> Result<Zeroizing<Vec<u8>>, AuthError> {
        self.0.read_http(credentials)
    }

    pub(crate) fn write_http(self, token: &[u8]) -> Zeroizing<String> {
        self.0.write_http(token)
    }
}

impl PartialEq for Mechanism {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Mechanism {}

impl Hash for Mechanism {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Debug for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mechanism({})", self.name())
    }
}

impl fmt::Display for Mechanism {
    /// Its scheme in HTTP, or its name if it has none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.http_scheme().unwrap_or_else(|| self.name()))
    }
}
