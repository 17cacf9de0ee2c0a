//! TLS: the proxy's certificate for clients, and the certificates that it trusts at servers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use identity::ChannelBindings;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::http::pem::{self, Content, FileFault, Role};

/// The oldest version of TLS that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl TlsVersion {
    const fn and_newer(self) -> &'static [&'static SupportedProtocolVersion] {
        const ONE: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
        const BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
        match self {
            Self::Tls12 => BOTH,
            Self::Tls13 => ONE,
        }
    }
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be used.
    #[error("{}: {fault}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What it is for.
        role: Role,
        /// What is wrong.
        fault: FileFault,
    },
    /// The key is not that of the certificate.
    #[error(
        "{}: key does not match the certificate in {}: use the key with which the certificate was requested; the \
         proxy's own certificate has to be the first in its file", key.display(), certificate.display()
    )]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The certificate of the key is not the first in its file (RFC 8446 4.4.2).
    #[error(
        "{}: the certificate for the key in {} is number {number} in this file: put it first, followed by the \
         certificates of its issuers, up to the root", certificate.display(), key.display()
    )]
    Order {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Which certificate is the key's, from one.
        number: usize,
    },
    /// TLS cannot be set up with the configured versions.
    #[error("cannot set up TLS: {0}")]
    Setup(rustls::Error),
    /// The server's name is invalid.
    #[error(
        "{0:?} is not a valid server name: expected a host name or an address (for example exch.lab.test)"
    )]
    Name(String),
}

impl TlsError {
    /// The purpose of the file that is wrong, if there is one.
    pub const fn role(&self) -> Option<Role> {
        match self {
            Self::File { role, .. } => Some(*role),
            Self::Mismatch { .. } => Some(Role::Key),
            Self::Order { .. } => Some(Role::Certificate),
            Self::Setup(_) | Self::Name(_) => None,
        }
    }

    /// What the file contains, if that is not what was expected.
    pub const fn content(&self) -> Option<&Content> {
        match self {
            Self::File { fault: FileFault::Holds(unsuitable), .. } => Some(&unsuitable.content),
            _ => None,
        }
    }
}

/// The server side of TLS, for connections from clients: a certificate and its key.
#[derive(Clone)]
pub struct TlsIdentity {
    pub(crate) acceptor: TlsAcceptor,
    /// The channel bindings of its connections (RFC 5929 4).
    pub(crate) bindings: ChannelBindings,
}

impl std::fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsIdentity")
    }
}

impl TlsIdentity {
    /// Loads the certificate in `certificate`, whose chain may follow it there, and the key in `key`, both in PEM.
    ///
    /// # Errors
    /// If they cannot be read or do not match.
    pub fn load(certificate: &Path, key: &Path, oldest: TlsVersion) -> Result<Self, TlsError> {
        let chain = certificates(certificate, Role::Certificate)?;
        let first =
            chain.first().ok_or_else(|| file(certificate, Role::Certificate, FileFault::Certificate))?;
        let bindings = end_point(first);
        let (secret, signing) = signing_key(key)?;
        match CertifiedKey::new(chain.clone(), Arc::clone(&signing)).keys_match() {
            // The public half of some keys is not known.
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                return Err(mismatch(certificate, key, &chain, &signing));
            }
            Err(_) => return Err(file(certificate, Role::Certificate, FileFault::Certificate)),
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(oldest.and_newer())
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .map_err(TlsError::Setup)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), bindings })
    }
}

/// The client side of TLS, for connections to a server: the server's name, and the trusted authorities.
#[derive(Clone)]
pub struct TlsTrust {
    pub(crate) connector: TlsConnector,
    pub(crate) name: ServerName<'static>,
}

impl std::fmt::Debug for TlsTrust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TlsTrust({:?})", self.name)
    }
}

impl TlsTrust {
    /// Accepts certificates for `name` that are issued by an authority in `ca_file`, or by one that this machine
    /// trusts if there is no such file.
    ///
    /// # Errors
    /// If the file cannot be read, or `name` is not a valid name of a server.
    pub fn new(name: &str, ca_file: Option<&Path>, oldest: TlsVersion) -> Result<Self, TlsError> {
        let path = ca_file.unwrap_or(Path::new(SYSTEM_CA_FILE));
        let mut roots = RootCertStore::empty();
        let all = certificates(path, Role::Authorities)?;
        let count = all.len();
        let (added, _) = roots.add_parsable_certificates(all);
        if added == 0 {
            return Err(file(path, Role::Authorities, FileFault::Authorities(count)));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(oldest.and_newer())
            .map_err(TlsError::Setup)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name(name.to_owned()))?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }
}

/// The authorities that a machine trusts, on Debian, Ubuntu and Alpine.
const SYSTEM_CA_FILE: &str = "/etc/ssl/certs/ca-certificates.crt";

fn file(path: &Path, role: Role, fault: FileFault) -> TlsError {
    TlsError::File { path: path.to_owned(), role, fault }
}

pub(crate) fn certificates(path: &Path, role: Role) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    pem::certificates(path, role).map_err(|fault| file(path, role, fault))
}

/// The private key in the file `path`, and its signing key.
fn signing_key(path: &Path) -> Result<(PrivateKeyDer<'static>, Arc<dyn SigningKey>), TlsError> {
    let secret = pem::private_key(path).map_err(|fault| file(path, Role::Key, fault))?;
    let provider = rustls::crypto::ring::default_provider();
    let signing = provider.key_provider.load_private_key(secret.clone_key());
    Ok((secret, signing.map_err(|_| file(path, Role::Key, FileFault::Key))?))
}

/// Checks that the file `path` holds a usable private key.
///
/// # Errors
/// If it does not, or cannot be read.
pub fn check_key(path: &Path) -> Result<(), TlsError> {
    signing_key(path).map(drop)
}

/// Why the first certificate of `chain` is not that of the key `signing`.
fn mismatch(
    certificate: &Path,
    key: &Path,
    chain: &[CertificateDer<'static>],
    signing: &Arc<dyn SigningKey>,
) -> TlsError {
    let is_its = |one: &CertificateDer<'static>| {
        CertifiedKey::new(vec![one.clone()], Arc::clone(signing)).keys_match().is_ok()
    };
    let (certificate, key) = (certificate.to_owned(), key.to_owned());
    match chain.iter().position(is_its) {
        Some(at) => TlsError::Order { certificate, key, number: at.saturating_add(1) },
        None => TlsError::Mismatch { certificate, key },
    }
}

/// `tls-server-end-point`: the certificate, hashed with the hash function of its signature algorithm, or with SHA-256
/// in place of MD5 and SHA-1 (RFC 5929 4.1).
pub(crate) fn end_point(certificate: &CertificateDer<'_>) -> ChannelBindings {
    use ring::digest::{SHA256, SHA384, SHA512, digest};
    let signed_by = |oid: &[u8]| certificate.windows(oid.len()).any(|window| window == oid);
    let rsa = |last: u8| [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last];
    let ecdsa = |last: u8| [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, last];
    let function = if signed_by(&rsa(0x0c)) || signed_by(&ecdsa(0x03)) {
        &SHA384
    } else if signed_by(&rsa(0x0d)) || signed_by(&ecdsa(0x04)) {
        &SHA512
    } else {
        &SHA256
    };
    ChannelBindings::tls_server_end_point(digest(function, certificate).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_key_is_an_error_that_names_the_file() {
        let path = std::env::temp_dir().join(format!("mapiproxy-no-key-{}.pem", std::process::id()));
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        let refused = TlsIdentity::load(&path, &path, TlsVersion::default()).map(drop);
        std::fs::remove_file(&path).unwrap();
        let refused = refused.unwrap_err();
        assert_eq!(refused.role(), Some(Role::Key));
        let expected =
            format!("{}: holds a certificate and no private key: give the private", path.display());
        assert!(refused.to_string().starts_with(&expected), "{refused}");
    }
}
