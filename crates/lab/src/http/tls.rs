//! The certificate of the HTTP side.

use std::path::Path;
use std::sync::Arc;

use identity::ChannelBindings;
use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// A certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read, or does not have what is expected in PEM.
    #[error("{file}: {source}")]
    File {
        /// The name of the file.
        file: String,
        /// The reason.
        source: pem::Error,
    },
    /// The certificate and the key do not belong together, or cannot be used for TLS.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// The certificate of a server, and its key.
#[derive(Clone)]
pub struct ServerCertificate {
    pub(super) acceptor: TlsAcceptor,
    /// The channel bindings of its connections (RFC 5929 4).
    pub(super) bindings: ChannelBindings,
}

impl std::fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerCertificate")
    }
}

impl ServerCertificate {
    /// Reads the certificate, which the certificates of its issuers may follow, and its key, both in PEM.
    ///
    /// # Errors
    /// If a file cannot be read, or they do not belong together.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(|source| unusable(certificate, source))?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(|source| unusable(key, source))?;
        let first = chain.first().ok_or_else(|| unusable(certificate, pem::Error::NoItemsFound))?;
        let bindings = end_point(first);
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), bindings })
    }
}

fn unusable(path: &Path, source: pem::Error) -> CertificateError {
    CertificateError::File { file: path.display().to_string(), source }
}

/// The `tls-server-end-point` of a certificate: its hash by the function of its signature, and by SHA-256 in place of a
/// weaker one (RFC 5929 4.1). Signatures by SHA-384 and SHA-512 have the object identifiers of RFC 4055 5 and RFC 5758
/// 3.2.
fn end_point(certificate: &CertificateDer<'_>) -> ChannelBindings {
    use ring::digest;
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
    let signed_by = |family: &[u8], last: u8| {
        let oid = [family, &[last]].concat();
        certificate.windows(oid.len()).any(|window| window == oid)
    };
    let function = if signed_by(RSA, 0x0c) || signed_by(ECDSA, 0x03) {
        &digest::SHA384
    } else if signed_by(RSA, 0x0d) || signed_by(ECDSA, 0x04) {
        &digest::SHA512
    } else {
        &digest::SHA256
    };
    ChannelBindings::tls_server_end_point(digest::digest(function, certificate).as_ref())
}
