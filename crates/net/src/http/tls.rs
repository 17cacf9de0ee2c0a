//! TLS at both ends: what we show to clients, and whom we believe to be the server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use identity::ChannelBindings;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::http::pem::{self, Content, FileFault, Role};

/// The oldest version of TLS that is spoken.
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

/// Why TLS can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that can't be used.
    #[error("{}: {fault}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What it is for.
        role: Role,
        /// What is wrong.
        fault: FileFault,
    },
    /// Certificate and key do not go together.
    #[error(
        "{}: this key does not belong to the certificate in {}: give the key with which the certificate was requested; \
         the server's own certificate has to be the first in its file", key.display(), certificate.display()
    )]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The certificate of the key is not the first in its file (RFC 8446 4.4.2).
    #[error(
        "{}: the certificate for the key in {} is number {number} in this file: put it first, and behind it its \
         issuer's and so on", certificate.display(), key.display()
    )]
    Order {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Which certificate is the key's, from one.
        number: usize,
    },
    /// TLS can't be set up with the versions that are allowed.
    #[error("TLS can't be set up: {0}")]
    Setup(rustls::Error),
    /// A server name that is none.
    #[error(
        "{0:?} is no name that a certificate can have: expected a host name or an address, as exch.lab.test"
    )]
    Name(String),
}

impl TlsError {
    /// What the file is for that is wrong, where it is one.
    pub const fn role(&self) -> Option<Role> {
        match self {
            Self::File { role, .. } => Some(*role),
            Self::Mismatch { .. } => Some(Role::Key),
            Self::Order { .. } => Some(Role::Certificate),
            Self::Setup(_) | Self::Name(_) => None,
        }
    }

    /// What a file holds instead of what it should.
    pub const fn content(&self) -> Option<&Content> {
        match self {
            Self::File { fault: FileFault::Holds(unsuitable), .. } => Some(&unsuitable.content),
            _ => None,
        }
    }
}

/// Our end towards clients.
#[derive(Clone)]
pub struct TlsIdentity {
    pub(crate) acceptor: TlsAcceptor,
    /// What binds a client's NTLM to this TLS (RFC 5929 4).
    pub(crate) bindings: ChannelBindings,
}

impl std::fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsIdentity")
    }
}

impl TlsIdentity {
    /// Shows the certificate in `certificate`, whose chain may follow it there, with the key in `key`, both
    /// PEM.
    ///
    /// # Errors
    /// When they can't be read or don't go together.
    pub fn load(certificate: &Path, key: &Path, oldest: TlsVersion) -> Result<Self, TlsError> {
        let chain = certificates(certificate, Role::Certificate)?;
        let first =
            chain.first().ok_or_else(|| file(certificate, Role::Certificate, FileFault::Certificate))?;
        let bindings = end_point(first);
        let (secret, signing) = signing_key(key)?;
        match CertifiedKey::new(chain.clone(), Arc::clone(&signing)).keys_match() {
            // Of some keys the public half is not known.
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

/// Our end towards a server.
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
    /// Believes a server to be `name` that shows a certificate for it which leads to one of those in
    /// `ca_file`, or in the usual place of this machine's where none is given.
    ///
    /// # Errors
    /// When the file can't be read, or `name` is no server's.
    pub fn new(name: &str, ca_file: Option<&Path>, oldest: TlsVersion) -> Result<Self, TlsError> {
        let path = ca_file.unwrap_or(Path::new(MACHINES_OWN));
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

/// Where Debian, Ubuntu and Alpine keep the authorities that a machine trusts.
const MACHINES_OWN: &str = "/etc/ssl/certs/ca-certificates.crt";

fn file(path: &Path, role: Role, fault: FileFault) -> TlsError {
    TlsError::File { path: path.to_owned(), role, fault }
}

pub(crate) fn certificates(path: &Path, role: Role) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    pem::certificates(path, role).map_err(|fault| file(path, role, fault))
}

/// The private key in the file `path`, as it is and as TLS signs with it.
fn signing_key(path: &Path) -> Result<(PrivateKeyDer<'static>, Arc<dyn SigningKey>), TlsError> {
    let secret = pem::private_key(path).map_err(|fault| file(path, Role::Key, fault))?;
    let provider = rustls::crypto::ring::default_provider();
    let signing = provider.key_provider.load_private_key(secret.clone_key());
    Ok((secret, signing.map_err(|_| file(path, Role::Key, FileFault::Key))?))
}

/// Checks that the file `path` holds a private key that can be used.
///
/// # Errors
/// When it doesn't, or can't be read.
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

/// `tls-server-end-point`: the certificate's hash, by the function of its signature, or SHA-256 where that is
/// weaker (RFC 5929 4.1).
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
    fn a_file_that_holds_no_key_is_named_with_what_it_lacks() {
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
