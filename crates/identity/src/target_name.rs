//! The service principal name for which a client authenticates, as the client states it.

use crate::carrier::Carrier;

/// Classes of services of other protocols than DCE/RPC, as their clients name them. A list of those that DCE/RPC has
/// is not possible: clients name `host`, the services of Exchange, or `cifs` whatever the protocol (impacket).
const OTHER_THAN_RPC: [&str; 20] = [
    "HTTP",
    "wsman",
    "ldap",
    "GC",
    "DNS",
    "smtp",
    "SmtpSvc",
    "imap",
    "imap4",
    "pop",
    "pop3",
    "nntp",
    "ftp",
    "sip",
    "xmpp",
    "nfs",
    "MSSQLSvc",
    "MSOLAPSvc.3",
    "MSOLAPDisco.3",
    "TERMSRV",
];

/// A service principal name: `class/host`, optionally followed by a port or the name of the service
/// ([MS-KILE] 3.1.5.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TargetName<'a> {
    /// The class of the service; `None` if the name is only a host.
    class: Option<&'a str>,
    /// The host, without port and the dot at the end.
    pub(crate) host: &'a str,
}

impl<'a> TargetName<'a> {
    pub(crate) fn parse(name: &'a str) -> Self {
        let (class, rest) = name.split_once('/').map_or((None, name), |(class, rest)| (Some(class), rest));
        let host = rest.split('/').next().unwrap_or_default();
        let host = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _)) => address,
            None if host.matches(':').count() == 1 => host.split(':').next().unwrap_or_default(),
            None => host,
        };
        Self { class, host: host.trim_end_matches('.') }
    }

    /// Whether clients of `carrier` name services of this class. Otherwise the handshake was made for another
    /// protocol, and an attacker may have forwarded it.
    pub(crate) fn belongs_to(self, carrier: Carrier) -> bool {
        let is = |class: &str| self.class.is_some_and(|other| other.eq_ignore_ascii_case(class));
        match carrier {
            Carrier::Http => is("HTTP"),
            Carrier::Rpc => !OTHER_THAN_RPC.into_iter().any(is),
        }
    }
}
