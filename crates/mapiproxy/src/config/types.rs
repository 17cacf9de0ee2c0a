//! Types of values of the configuration that only it has.

use std::collections::BTreeMap;
use std::path::PathBuf;

use net::http::TlsVersion;
use rpc::pdu::AuthLevel;
use serde::Deserialize;

use super::declare::keywords;
use super::key::{Setting, Shape};

/// What becomes of the server's other directories, by their names.
pub(crate) type Directories = BTreeMap<String, Way>;

keywords! {
    /// A side of the proxy.
    CapturedSide {
        /// Where clients are.
        Client = "client",
        /// Where the server is.
        Upstream = "upstream",
    }
}

/// As whom we act towards the server.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Credentials {
    /// One account for all.
    Specified(Specified),
    /// Each client itself, who signs in there through us.
    Relayed {},
}

/// The service account.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Specified {
    /// Its name.
    pub(crate) user: String,
    /// Its domain.
    pub(crate) domain: String,
    /// The file with its password.
    pub(crate) password_file: PathBuf,
}

impl Setting for Credentials {
    /// The value of `mode`, which selects the kind.
    fn shape() -> Shape {
        Shape::OneOf(vec!["specified", "relayed"])
    }
}

impl Credentials {
    /// Whether clients sign in at the server.
    pub(crate) const fn are_relayed(&self) -> bool {
        matches!(self, Self::Relayed {})
    }
}

keywords! {
    /// The oldest version of TLS that is spoken.
    Tls {
        /// TLS 1.2.
        Tls12 = "1.2",
        /// TLS 1.3.
        Tls13 = "1.3",
    }
}

impl From<Tls> for TlsVersion {
    fn from(tls: Tls) -> Self {
        match tls {
            Tls::Tls12 => Self::Tls12,
            Tls::Tls13 => Self::Tls13,
        }
    }
}

keywords! {
    /// What is done about the bindings of NTLM to a TLS connection.
    Bindings {
        /// Nothing.
        Ignore = "ignore",
        /// They are checked where there are any.
        Allow = "allow",
        /// They must be there.
        Require = "require",
    }
}

keywords! {
    /// What becomes of one of the server's directories.
    Way {
        /// It is relayed.
        Relayed = "relayed",
        /// It is refused.
        Refused = "refused",
        /// It is not there.
        Absent = "absent",
    }
}

keywords! {
    /// How much of a call is protected.
    #[derive(Default)]
    ProtectionLevel {
        /// Nothing: clients do not sign in.
        None = "none",
        /// Only the sign-in.
        Connect = "connect",
        /// Each fragment's origin.
        Packet = "packet",
        /// Each fragment is signed.
        Integrity = "integrity",
        /// Each fragment is signed, its stub sealed.
        #[default]
        Privacy = "privacy",
    }
}

impl From<ProtectionLevel> for AuthLevel {
    fn from(level: ProtectionLevel) -> Self {
        match level {
            ProtectionLevel::None => Self::NONE,
            ProtectionLevel::Connect => Self::CONNECT,
            ProtectionLevel::Packet => Self::PKT,
            ProtectionLevel::Integrity => Self::PKT_INTEGRITY,
            ProtectionLevel::Privacy => Self::PKT_PRIVACY,
        }
    }
}
