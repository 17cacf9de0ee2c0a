//! Types of values of the configuration that only it has.

use std::collections::BTreeMap;

use net::http::TlsVersion;
use rpc::pdu::AuthLevel;

use super::declare::keywords;

/// What becomes of the server's other directories, by their names.
pub(crate) type Directories = BTreeMap<String, DirectoryAccess>;

keywords! {
    /// A side of the proxy.
    CapturedSide {
        /// Where clients are.
        Client = "client",
        /// Where the server is.
        Upstream = "upstream",
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
    /// How a virtual directory of the server is served.
    DirectoryAccess {
        /// It is relayed.
        Relayed = "relayed",
        /// It is refused.
        Refused = "refused",
        /// Requests to it are answered as if it did not exist.
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
