//! Types of values that exist only in the configuration.

use std::collections::BTreeMap;

use net::http::TlsVersion;
use rpc::pdu::AuthLevel;

use super::declare::keywords;

/// How the virtual directories of the server are served, by name.
pub(crate) type Directories = BTreeMap<String, DirectoryAccess>;

keywords! {
    /// A side of the proxy.
    CapturedSide {
        /// The side of the clients.
        Client = "client",
        /// The side of the server.
        Upstream = "upstream",
    }
}

keywords! {
    /// The oldest version of TLS that is accepted.
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
    /// How the channel bindings of NTLM are checked.
    Bindings {
        /// They are not checked.
        Ignore = "ignore",
        /// They are checked if the client sends them.
        Allow = "allow",
        /// They are required.
        Require = "require",
    }
}

keywords! {
    /// How a virtual directory of the server is served.
    DirectoryAccess {
        /// Its requests are forwarded.
        Forwarded = "forwarded",
        /// Its requests are refused.
        Refused = "refused",
        /// Its requests are refused as if it did not exist.
        Absent = "absent",
    }
}

keywords! {
    /// The protection level of calls ([MS-RPCE] 2.2.1.1.8).
    #[derive(Default)]
    ProtectionLevel {
        /// Calls are not authenticated.
        None = "none",
        /// Authentication of the connection only.
        Connect = "connect",
        /// Authentication of each fragment.
        Packet = "packet",
        /// Each fragment is signed.
        Integrity = "integrity",
        /// Each fragment is signed, and its stub is encrypted.
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
