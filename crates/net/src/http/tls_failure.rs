//! Why TLS handshakes fail, with a client or with the server, and what an administrator can do about it.

use std::io;

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
    #[error("the server supports no TLS version that upstream.tls allows")]
    Version,
    /// The other end responds with something other than TLS.
    #[error("the server does not speak TLS on this port")]
    NotTls,
    /// Anything else.
    #[error("{0}")]
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
    /// Anything else.
    #[error("TLS handshake failed: {0}")]
    Other(String),
}

/// The reasons of failures that are common to both sides.
enum Common<'a> {
    Certificate(&'a CertificateError),
    Version,
    NotTls,
    Other,
}

impl<'a> Common<'a> {
    fn of(error: &'a io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
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

impl ClientTlsFailure {
    /// The reason of the failed handshake with a client that `error` describes.
    pub(crate) fn of(error: &io::Error) -> Self {
        match Common::of(error) {
            Common::Version => Self::Version,
            Common::NotTls => Self::NotTls,
            Common::Certificate(_) | Common::Other => Self::Other(error.to_string()),
        }
    }
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
