//! Why TLS handshakes fail, with a client or with the server, and what an administrator can do about it.

use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

/// The maximum number of a certificate's names in an error.
const MAX_NAMES: usize = 5;

/// Why a TLS handshake with the server failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsFailure {
    /// The certificate's authority is not trusted.
    #[error(
        "the server's certificate is not signed by a trusted certificate authority: add the authority's certificate to \
         upstream.ca_file (or --ca-file)"
    )]
    Authority,
    /// The certificate has other names.
    #[error(
        "the server's certificate is for {presented}, not for {expected}: set the host of upstream.http (or --server-name) \
         to a name of the certificate, or install a certificate for {expected} on the server"
    )]
    Name {
        /// The name of the server.
        expected: String,
        /// The names of the certificate.
        presented: String,
    },
    /// The certificate has expired.
    #[error("the server's certificate has expired: renew it on the server, and check this machine's clock")]
    Expired,
    /// The certificate is not valid yet.
    #[error("the server's certificate is not valid yet: check the clocks of both machines")]
    NotYet,
    /// The certificate is an authority's.
    #[error(
        "the server's certificate is that of a certificate authority (CA:TRUE): install one that was issued for the server"
    )]
    IsAuthority,
    /// Both ends support no common version.
    #[error(
        "the server supports no TLS version that upstream.tls allows: lower it, or enable a newer version on the server"
    )]
    Version,
    /// The other end responds with something other than TLS.
    #[error(
        "the server does not speak TLS on this port: set upstream.http to its port for TLS, or to http:// if the network to \
         the server is trusted"
    )]
    NotTls,
    /// Both ends support no common cipher suite, key exchange or signature algorithm.
    #[error(
        "the server supports no cipher suite, key exchange or signature algorithm of the proxy, or requires a client \
         certificate ({0}): enable ECDHE with AES-GCM on the server, and require no client certificate"
    )]
    Algorithms(String),
    /// The server requires a certificate of the client.
    #[error(
        "the server requires a client certificate, and the proxy has none: set the server to require no client \
         certificate"
    )]
    ClientCertificate,
    /// The server has no certificate for the name.
    #[error(
        "the server has no TLS service with this host name: set the host of upstream.http (or --server-name) to a name \
         for which the server has a certificate"
    )]
    UnknownName,
    /// The server ended the handshake for another reason.
    #[error("the server ended the TLS handshake ({0}): check the server's certificate and key, and its log")]
    Alert(String),
    /// The connection ended within the handshake.
    #[error(
        "the server closed the connection within the TLS handshake: check that this is its port for TLS, and its log"
    )]
    Closed,
    /// The server accepted the connection, and did not complete the handshake in time.
    #[error(
        "the server accepted the connection and did not complete the TLS handshake within {} s: check that this is its \
         port for TLS, and that the server is not overloaded", .0.as_secs()
    )]
    Silent(Duration),
    /// Anything else.
    #[error("{0}: check upstream.http, and the server's certificate and log")]
    Other(String),
}

/// Why a TLS handshake with a client failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClientTlsFailure {
    /// The client supports no allowed version.
    #[error("TLS handshake failed: the client offers no TLS version that listen.tls allows")]
    Version,
    /// The client sends something other than TLS.
    #[error(
        "TLS handshake failed: the client does not speak TLS, as when it sends plain HTTP to listen.https"
    )]
    NotTls,
    /// The client and the proxy support no common algorithm.
    #[error(
        "TLS handshake failed: the client offers no cipher suite, key exchange or signature algorithm that the proxy \
         supports ({0}): update the client, or enable ECDHE with AES-GCM there"
    )]
    Algorithms(String),
    /// The client offers other protocols by ALPN (RFC 7301).
    #[error(
        "TLS handshake failed: the client offers only protocols other than HTTP/1.1 (ALPN): enable HTTP/1.1 in the \
         client"
    )]
    Protocol,
    /// The client does not trust the certificate of the proxy.
    #[error(
        "TLS handshake failed: the client does not accept the proxy's certificate ({0}): check that listen.certificate \
         has the name that the client uses and the whole chain, and that the client trusts its authority"
    )]
    Certificate(String),
    /// The client ended the handshake for another reason.
    #[error("TLS handshake failed: the client ended it ({0}): check the client's TLS settings")]
    Alert(String),
    /// The connection ended within the handshake.
    #[error(
        "TLS handshake failed: the client closed the connection within it, as port scanners do, or clients that do not \
         accept the certificate"
    )]
    Closed,
    /// Anything else.
    #[error("TLS handshake failed: {0}")]
    Other(String),
}

/// The reasons of failures that are common to both sides.
enum Common<'a> {
    Certificate(&'a CertificateError),
    Version,
    NotTls,
    Algorithms(String),
    Alert(AlertDescription),
    Closed,
    Other,
}

impl<'a> Common<'a> {
    fn of(error: &'a io::Error) -> Self {
        match tls_error(error) {
            Some(Error::InvalidCertificate(why)) => Self::Certificate(why),
            Some(
                Error::AlertReceived(AlertDescription::ProtocolVersion)
                | Error::PeerIncompatible(
                    PeerIncompatible::Tls12NotOffered
                    | PeerIncompatible::Tls12NotOfferedOrEnabled
                    | PeerIncompatible::Tls13RequiredForQuic
                    | PeerIncompatible::SupportedVersionsExtensionRequired
                    | PeerIncompatible::ServerDoesNotSupportTls12Or13
                    | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
                ),
            ) => Self::Version,
            Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => Self::NotTls,
            Some(Error::PeerIncompatible(why)) => Self::Algorithms(format!("{why:?}")),
            Some(Error::AlertReceived(
                alert @ (AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity),
            )) => Self::Algorithms(alert_name(*alert)),
            Some(Error::AlertReceived(alert)) => Self::Alert(*alert),
            None if is_closed(error.kind()) => Self::Closed,
            _ => Self::Other,
        }
    }
}

impl TlsFailure {
    /// The reason of the failed handshake with the server that `error` describes.
    pub(crate) fn of(error: &io::Error) -> Self {
        let why = match Common::of(error) {
            Common::Certificate(why) => why,
            Common::Version => return Self::Version,
            Common::NotTls => return Self::NotTls,
            Common::Algorithms(why) => return Self::Algorithms(why),
            Common::Alert(alert) => return Self::of_alert(alert),
            Common::Closed => return Self::Closed,
            Common::Other => return Self::Other(error.to_string()),
        };
        match why {
            CertificateError::UnknownIssuer => Self::Authority,
            CertificateError::NotValidForNameContext { expected, presented } => {
                Self::Name { expected: expected.to_str().into_owned(), presented: listed(presented) }
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYet,
            CertificateError::Other(other) if is_an_authority(other) => Self::IsAuthority,
            _ => Self::Other(error.to_string()),
        }
    }
}

impl TlsFailure {
    /// The reason for which a server sends this `alert` (RFC 8446 6.2).
    fn of_alert(alert: AlertDescription) -> Self {
        match alert {
            AlertDescription::CertificateRequired => Self::ClientCertificate,
            AlertDescription::UnrecognisedName => Self::UnknownName,
            other => Self::Alert(alert_name(other)),
        }
    }
}

impl ClientTlsFailure {
    /// The reason for which a client sends this `alert` (RFC 8446 6.2).
    fn of_alert(alert: AlertDescription) -> Self {
        let name = alert_name(alert);
        match alert {
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA => Self::Certificate(name),
            _ => Self::Alert(name),
        }
    }

    /// The reason of the failed handshake with a client that `error` describes.
    pub(crate) fn of(error: &io::Error) -> Self {
        if let Some(Error::NoApplicationProtocol) = tls_error(error) {
            return Self::Protocol;
        }
        match Common::of(error) {
            Common::Version => Self::Version,
            Common::NotTls => Self::NotTls,
            Common::Algorithms(why) => Self::Algorithms(why),
            Common::Alert(alert) => Self::of_alert(alert),
            Common::Closed => Self::Closed,
            Common::Certificate(_) | Common::Other => Self::Other(error.to_string()),
        }
    }
}

/// The error of TLS in `error`, if it is one.
fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// Whether an error of this `kind` means that the other end closed the connection.
fn is_closed(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// The name of an alert, for an administrator who searches for it.
fn alert_name(alert: AlertDescription) -> String {
    format!("TLS alert {}, {alert:?}", u8::from(alert))
}

/// The names of a certificate, which rustls has as `DnsName("exch.lab.test")` and `IpAddress(192.0.2.1)`: at most
/// [`MAX_NAMES`], and none that has other characters than host names and addresses have.
fn listed(presented: &[String]) -> String {
    let name = |presented: &String| {
        let inner = presented.strip_suffix(')')?;
        let dns = inner.strip_prefix("DnsName(\"").and_then(|name| name.strip_suffix('"'));
        let name = dns.or_else(|| inner.strip_prefix("IpAddress("))?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._*:".contains(&byte);
        name.bytes().all(is_plain).then(|| name.to_owned())
    };
    let names: Vec<String> = presented.iter().filter_map(name).take(MAX_NAMES).collect();
    if names.is_empty() { "no host name".to_owned() } else { names.join(", ") }
}

/// Whether a certificate was refused because it is an authority's.
fn is_an_authority(error: &rustls::OtherError) -> bool {
    matches!(error.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_side_that_caused_it() {
        let failed = |error: Error| io::Error::new(io::ErrorKind::InvalidData, error);
        let old = failed(Error::PeerIncompatible(PeerIncompatible::Tls12NotOfferedOrEnabled));
        let plain = failed(Error::InvalidMessage(InvalidMessage::InvalidContentType));
        for error in [&old, &plain] {
            let (client, server) =
                (ClientTlsFailure::of(error).to_string(), TlsFailure::of(error).to_string());
            assert!(client.contains("the client") && !client.contains("the server"), "{client}");
            assert!(server.contains("the server") && !server.contains("the client"), "{server}");
        }
        assert_eq!(ClientTlsFailure::of(&old), ClientTlsFailure::Version);
        assert_eq!(TlsFailure::of(&plain), TlsFailure::NotTls);
    }

    #[test]
    fn an_alert_or_the_end_of_the_connection_is_reported_with_what_to_do() {
        let alert = |alert| io::Error::new(io::ErrorKind::InvalidData, Error::AlertReceived(alert));
        let groups = Error::PeerIncompatible(PeerIncompatible::NoKxGroupsInCommon);
        for (error, server, client) in [
            (alert(AlertDescription::HandshakeFailure), "enable ECDHE", "enable ECDHE"),
            (io::Error::new(io::ErrorKind::InvalidData, groups), "enable ECDHE", "enable ECDHE"),
            (
                alert(AlertDescription::CertificateRequired),
                "requires a client certificate",
                "check the client",
            ),
            (alert(AlertDescription::UnrecognisedName), "host of upstream.http", "check the client"),
            (
                alert(AlertDescription::InternalError),
                "alert 80, InternalError): check the",
                "check the client",
            ),
            (alert(AlertDescription::UnknownCA), "TLS alert 48, UnknownCA", "check that listen.certificate"),
            (io::ErrorKind::ConnectionReset.into(), "its port for TLS", "the client closed the connection"),
            (io::ErrorKind::UnexpectedEof.into(), "its port for TLS", "the client closed the connection"),
        ] {
            let (by_server, by_client) =
                (TlsFailure::of(&error).to_string(), ClientTlsFailure::of(&error).to_string());
            assert!(by_server.starts_with("the server ") && by_server.contains(server), "{by_server}");
            assert!(by_client.contains("the client ") && by_client.contains(client), "{by_client}");
        }
        let protocol = io::Error::new(io::ErrorKind::InvalidData, Error::NoApplicationProtocol);
        assert!(ClientTlsFailure::of(&protocol).to_string().contains("enable HTTP/1.1"));
    }

    #[test]
    fn an_error_about_the_name_lists_the_names_of_the_certificate() {
        let presented = |names: &[&str]| {
            let why = CertificateError::NotValidForNameContext {
                expected: "mail.lab.test".try_into().unwrap(),
                presented: names.iter().copied().map(str::to_owned).collect(),
            };
            let error = io::Error::new(io::ErrorKind::InvalidData, Error::InvalidCertificate(why));
            TlsFailure::of(&error).to_string()
        };
        let names = ["DnsName(\"*.lab.test\")", "DnsName(\"a\nb\")", "IpAddress(192.0.2.1)", "DirectoryName"];
        assert_eq!(
            presented(&names),
            "the server's certificate is for *.lab.test, 192.0.2.1, not for mail.lab.test: set the host of upstream.http (or \
             --server-name) to a name of the certificate, or install a certificate for mail.lab.test on the server"
        );
        assert!(presented(&["DnsName(\"a\")"; 9]).contains("is for a, a, a, a, a, not"));
        assert!(presented(&[]).contains("is for no host name, not"));
    }
}
