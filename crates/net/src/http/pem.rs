//! Reads files with certificates and keys in PEM (RFC 7468). For a file with another content, the error names the
//! content and how to convert it.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The certificate that is sent to clients, with its chain.
    Certificate,
    /// Its private key.
    Key,
    /// The certificates of authorities.
    Authorities,
}

impl Role {
    /// What is expected in the file.
    const fn wanted(self) -> &'static str {
        match self {
            Self::Certificate => "a certificate in PEM, which begins with -----BEGIN CERTIFICATE-----",
            Self::Key => "a private key in PEM, which begins with -----BEGIN PRIVATE KEY-----",
            Self::Authorities => {
                "certificates of authorities in PEM, each of which begins with -----BEGIN CERTIFICATE-----"
            }
        }
    }

    /// What to do if the file does not contain it.
    const fn instead(self) -> &'static str {
        match self {
            Self::Certificate => "give the certificate that an authority issued for it",
            Self::Key => "give the private key that belongs to it, in PEM",
            Self::Authorities => "give the certificates of the authorities that issue the server's",
        }
    }
}

/// The content of a file that should have another content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing, or blanks.
    Empty,
    /// Text in UTF-16.
    Utf16,
    /// A byte order mark before the text.
    ByteOrderMark,
    /// A certificate.
    Certificate,
    /// A certificate in another form of PEM.
    OtherCertificate,
    /// A request for a certificate.
    Request,
    /// A private key.
    PrivateKey,
    /// A private key under a passphrase.
    EncryptedKey,
    /// A private key of OpenSSH.
    OpenSshKey,
    /// A public key.
    PublicKey,
    /// Certificates in PKCS #7 (RFC 2315).
    Pkcs7,
    /// A certificate in DER.
    DerCertificate,
    /// A private key in DER.
    DerKey,
    /// A private key under a passphrase, in DER.
    DerEncryptedKey,
    /// Certificates in PKCS #7, in DER.
    DerPkcs7,
    /// A certificate with its key under a passphrase (RFC 7292).
    Pkcs12,
    /// PEM of another kind.
    OtherPem(String),
    /// Anything else.
    NoPem,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The path is a directory, a pipe or a device.
    #[error("is not a regular file")]
    NoFile,
    /// The file is too large.
    #[error(
        "is larger than {0} bytes, the limit for a file of this kind: check that the key names the right file"
    )]
    TooLarge(u64),
    /// The file has another content.
    #[error(transparent)]
    Holds(#[from] Unsuitable),
    /// The line that ends a section is missing.
    #[error(
        "a line -----END ...----- is missing: the file is cut off, or its lines do not begin at the left margin"
    )]
    CutOff,
    /// A section is not base64.
    #[error("the text between -----BEGIN ...----- and -----END ...----- is not base64: copy the file again")]
    Base64,
    /// A line that should begin a section is invalid.
    #[error("the line {0:?} does not begin a section of PEM (for example -----BEGIN CERTIFICATE-----)")]
    Begin(String),
    /// The first certificate is invalid.
    #[error("its first certificate cannot be read: it is damaged, or not an X.509 certificate of version 3")]
    Certificate,
    /// All certificates are invalid.
    #[error("none of the {0} certificates in it can be read: they are damaged, or not X.509 certificates")]
    Authorities(usize),
    /// The key is invalid or of another kind.
    #[error(
        "its private key cannot be used: it is damaged, or neither RSA of 2048 bits or more, ECDSA with P-256 or P-384, nor Ed25519"
    )]
    Key,
}

/// A file with another content than it should have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", Advice(self))]
pub struct Unsuitable {
    pub(crate) path: PathBuf,
    pub(crate) role: Role,
    pub(crate) content: Content,
}

struct Advice<'a>(&'a Unsuitable);

impl fmt::Display for Advice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unsuitable { path, role, content } = self.0;
        let (path, is_key) = (path.display(), *role == Role::Key);
        let closed = if is_key { ", and run chmod 600 on it" } else { "" };
        if let Some((holds, command)) = content.conversion(is_key) {
            return write!(
                f,
                "{holds}: make a file in PEM with `openssl {command} -in {path} -out NEW`{closed}"
            );
        }
        let (wanted, lacks) = (role.wanted(), if is_key { "no private key" } else { "no certificate" });
        match content {
            Content::Empty => write!(f, "is empty: expected {wanted}"),
            Content::Utf16 => write!(
                f,
                "is text in UTF-16: convert it with `iconv -f UTF-16 -t UTF-8 {path} >NEW`{closed}, and have no byte order \
                 mark in it"
            ),
            Content::ByteOrderMark => {
                f.write_str("begins with a byte order mark: save it as UTF-8 without one")
            }
            Content::OtherPem(label) => write!(f, "holds PEM of another kind, {label:?}: expected {wanted}"),
            Content::NoPem => write!(f, "holds nothing in PEM: expected {wanted}"),
            Content::Certificate if !is_key => f.write_str(LEFT_MARGIN),
            Content::PrivateKey if is_key => f.write_str(LEFT_MARGIN),
            other => write!(f, "holds {} and {lacks}: {}", other.name(), role.instead()),
        }
    }
}

const LEFT_MARGIN: &str =
    "holds nothing that begins at the left margin: remove the blanks in front of its lines";

impl Content {
    /// The description of content that `openssl` can convert to the expected content, and the command for it.
    const fn conversion(&self, is_key: bool) -> Option<(&'static str, &'static str)> {
        Some(match (self, is_key) {
            (Self::OtherCertificate, false) => ("holds a certificate in another form of PEM", "x509"),
            (Self::DerCertificate, false) => ("holds a certificate in DER", "x509 -inform DER"),
            (Self::Pkcs7, false) => ("holds certificates in PKCS #7", "pkcs7 -print_certs"),
            (Self::DerPkcs7, false) => {
                ("holds certificates in PKCS #7, DER", "pkcs7 -inform DER -print_certs")
            }
            (Self::Pkcs12, false) => {
                ("holds a certificate with its key in PKCS #12 (.p12, .pfx)", "pkcs12 -nokeys")
            }
            (Self::Pkcs12, true) => {
                ("holds a certificate with its key in PKCS #12 (.p12, .pfx)", "pkcs12 -nocerts -nodes")
            }
            (Self::DerKey, true) => ("holds a private key in DER", "pkey -inform DER"),
            (Self::DerEncryptedKey, true) => ("holds an encrypted private key in DER", "pkcs8 -inform DER"),
            (Self::EncryptedKey, true) => ("the private key is encrypted", "pkey"),
            _ => return None,
        })
    }

    /// The description of the content, for a message that names the missing content beside it.
    const fn name(&self) -> &'static str {
        match self {
            Self::Certificate | Self::OtherCertificate | Self::DerCertificate => "a certificate",
            Self::Request => "a request for a certificate (CSR)",
            Self::PrivateKey | Self::DerKey => "a private key",
            Self::EncryptedKey | Self::DerEncryptedKey => "an encrypted private key",
            Self::OpenSshKey => "a key of OpenSSH",
            Self::PublicKey => "a public key",
            Self::Pkcs7 | Self::DerPkcs7 => "certificates in PKCS #7",
            Self::Pkcs12 => "a certificate with its key in PKCS #12",
            Self::Empty | Self::Utf16 | Self::ByteOrderMark | Self::OtherPem(_) | Self::NoPem => {
                "something else"
            }
        }
    }
}

/// The most bytes of a file with certificates: those of all public authorities take a quarter of a mebibyte.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Reads the regular file `path`. Never waits for the writer of a pipe.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileFault> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !opened.metadata()?.is_file() {
        return Err(FileFault::NoFile);
    }
    let mut bytes = Zeroizing::new(Vec::new());
    opened.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
        return Err(FileFault::TooLarge(LARGEST));
    }
    Ok(bytes)
}

/// The UTF-8 byte order mark, which some editors write at the beginning of a file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The certificates in the file `path`, of which there is at least one.
pub(crate) fn certificates(path: &Path, role: Role) -> Result<Vec<CertificateDer<'static>>, FileFault> {
    let bytes = read(path)?;
    // Its first certificate would be skipped.
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return Err(fault(pem::Error::NoItemsFound, path, role, &bytes));
    }
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let all = all.map_err(|error| fault(error, path, role, &bytes))?;
    if all.is_empty() { Err(fault(pem::Error::NoItemsFound, path, role, &bytes)) } else { Ok(all) }
}

/// The private key in the file `path`.
pub(crate) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, FileFault> {
    let bytes = read(path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| fault(error, path, Role::Key, &bytes))
}

fn fault(error: pem::Error, path: &Path, role: Role, bytes: &[u8]) -> FileFault {
    let holds = |content| FileFault::Holds(Unsuitable { path: path.to_owned(), role, content });
    match error {
        pem::Error::NoItemsFound => holds(content(bytes, role)),
        // The headers of an encrypted key are not base64.
        _ if role == Role::Key && is_encrypted(bytes) => holds(Content::EncryptedKey),
        pem::Error::MissingSectionEnd { .. } => FileFault::CutOff,
        pem::Error::IllegalSectionStart { line } => {
            FileFault::Begin(String::from_utf8_lossy(&line).trim_end().chars().take(80).collect())
        }
        pem::Error::Io(error) => FileFault::Read(error),
        _ => FileFault::Base64,
    }
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Whether a private key in PEM is encrypted: by PKCS #8 (RFC 5958 3), or as RFC 1421 4.6.1.1 has it.
fn is_encrypted(bytes: &[u8]) -> bool {
    has(bytes, b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || has(bytes, b"Proc-Type: 4,ENCRYPTED")
}

/// The content of `bytes`, in which nothing for `role` was found.
fn content(bytes: &[u8], role: Role) -> Content {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Content::Empty;
    }
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'-', 0, ..] | [0, b'-', ..] => return Content::Utf16,
        [0xef, 0xbb, 0xbf, ..] => return Content::ByteOrderMark,
        _ => {}
    }
    let labels: Vec<String> = bytes.split(|byte| *byte == b'\n').filter_map(label).collect();
    in_pem(&labels, bytes, role).or_else(|| in_der(bytes)).unwrap_or(Content::NoPem)
}

/// The label in a line that begins a part of PEM.
fn label(line: &[u8]) -> Option<String> {
    let label = line.trim_ascii().strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----")?;
    Some(String::from_utf8_lossy(label).chars().take(80).collect())
}

fn in_pem(labels: &[String], bytes: &[u8], role: Role) -> Option<Content> {
    let has_label = |name: &str| labels.iter().any(|label| label == name);
    let has_key = labels.iter().any(|label| label.ends_with("PRIVATE KEY"));
    let certificate = has_label("CERTIFICATE").then_some(Content::Certificate);
    let key = if has_label("OPENSSH PRIVATE KEY") {
        Some(Content::OpenSshKey)
    } else if is_encrypted(bytes) {
        Some(Content::EncryptedKey)
    } else {
        has_key.then_some(Content::PrivateKey)
    };
    // An invalid form of the wanted content explains more than other content.
    let (first, second) = if role == Role::Key { (key, certificate) } else { (certificate, key) };
    let is_request = |label: &String| label.ends_with("CERTIFICATE REQUEST");
    first.or(second).or_else(|| {
        Some(match labels.first()? {
            _ if has_label("TRUSTED CERTIFICATE") || has_label("X509 CERTIFICATE") => {
                Content::OtherCertificate
            }
            _ if labels.iter().any(is_request) => Content::Request,
            _ if has_label("PKCS7") || has_label("CMS") => Content::Pkcs7,
            _ if labels.iter().any(|label| label.ends_with("PUBLIC KEY")) => Content::PublicKey,
            other => Content::OtherPem(other.clone()),
        })
    })
}

/// The content of `bytes` if they are a sequence in DER (X.690 8.9).
fn in_der(bytes: &[u8]) -> Option<Content> {
    let length = *bytes.get(1)?;
    let header = if length < 0x80 { 2 } else { usize::from(length & 0x7f).saturating_add(2) };
    let inner = bytes.get(header..).filter(|_| bytes.first() == Some(&0x30))?;
    // The object identifiers of signedData (RFC 2315 14) and of PBES2 (RFC 8018 A.4).
    let signed_data = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
    let encrypted = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05];
    if inner.starts_with(&signed_data) {
        return Some(Content::DerPkcs7);
    }
    if inner.starts_with(&[0x02, 0x01, 0x03]) {
        return Some(Content::Pkcs12);
    }
    if PrivateKeyDer::try_from(bytes).is_ok() {
        return Some(Content::DerKey);
    }
    if inner.get(..32).is_some_and(|begin| has(begin, &encrypted)) {
        return Some(Content::DerEncryptedKey);
    }
    let certificate = CertificateDer::from(bytes);
    webpki::EndEntityCert::try_from(&certificate).ok().map(|_| Content::DerCertificate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_of_a_file_is_classified() {
        for (bytes, expected) in [
            (&b""[..], Content::Empty),
            (b" \r\n", Content::Empty),
            (b"\xff\xfe-\0", Content::Utf16),
            (b"-\0-\0-\0", Content::Utf16),
            (b"\xef\xbb\xbf-----BEGIN CERTIFICATE-----", Content::ByteOrderMark),
            (b"-----BEGIN EC PARAMETERS-----\n", Content::OtherPem("EC PARAMETERS".to_owned())),
            (b"-----BEGIN NEW CERTIFICATE REQUEST-----\r\n", Content::Request),
            (b"  -----BEGIN CERTIFICATE-----\n", Content::Certificate),
            (b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", Content::EncryptedKey),
            (b"hello\n", Content::NoPem),
            (b"0", Content::NoPem),
            (b"0\xff", Content::NoPem),
            (b"0\x84\xff\xff\xff\xff", Content::NoPem),
            (b"0\x82\x01\x00\x02\x01\x03", Content::Pkcs12),
        ] {
            assert_eq!(content(bytes, Role::Certificate), expected, "{bytes:?}");
        }
        // The wanted content decides, though it cannot be read.
        let both = b" -----BEGIN CERTIFICATE-----\n -----BEGIN PRIVATE KEY-----\n";
        assert_eq!(content(both, Role::Certificate), Content::Certificate);
        assert_eq!(content(both, Role::Key), Content::PrivateKey);
    }

    #[test]
    fn a_long_label_is_truncated() {
        let bytes = [b"-----BEGIN ", &vec![b'X'; 100_000][..], b"-----\n"].concat();
        let Content::OtherPem(label) = content(&bytes, Role::Key) else { panic!("no label") };
        assert_eq!(label.len(), 80);
    }
}
