//! Decrypts records: AEAD ciphers, and AES-CBC with an HMAC.

use ring::aead::{Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::cbc::{AesCbc, BLOCK_SIZE, CbcKeys};
use super::suite::{Aead, Cipher};

/// The size of the header of a record: type, version, length (RFC 8446 5.1).
pub(super) const HEADER_SIZE: usize = 1 /* type */ + 2 /* version */ + 2 /* length */;

const TAG_SIZE: usize = 16;
const EXPLICIT_NONCE_SIZE: usize = 8;

/// The keys of one direction of TLS 1.2.
pub(super) struct CipherKeys {
    pub(super) mac: Zeroizing<Vec<u8>>,
    pub(super) key: Zeroizing<Vec<u8>>,
    pub(super) iv: Zeroizing<Vec<u8>>,
}

/// A record as it was sent.
#[derive(Clone, Copy)]
pub(super) struct EncryptedRecord<'a> {
    pub(super) header: [u8; HEADER_SIZE],
    pub(super) fragment: &'a [u8],
}

/// A decrypted record.
pub(super) struct DecryptedRecord {
    /// The type of the content.
    pub(super) content: u8,
    pub(super) plain: Vec<u8>,
}

/// Decrypts the records of one direction under one key.
pub(super) enum Decryptor {
    Tls13 { key: LessSafeKey, iv: [u8; 12] },
    Gcm { key: LessSafeKey, salt: [u8; 4] },
    ChaCha { key: LessSafeKey, iv: [u8; 12] },
    Cbc(CbcKeys),
}

impl std::fmt::Debug for Decryptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Decryptor {
    pub(super) fn tls13(aead: Aead, key: &[u8], iv: &[u8]) -> Option<Self> {
        let iv = iv.try_into().ok()?;
        Some(Self::Tls13 { key: aead_key(aead, key)?, iv })
    }

    pub(super) fn tls12(cipher: Cipher, keys: &CipherKeys, encrypt_then_mac: bool) -> Option<Self> {
        Some(match cipher {
            Cipher::Aead(aead @ Aead::ChaCha20Poly1305) => {
                let iv = keys.iv.as_slice().try_into().ok()?;
                Self::ChaCha { key: aead_key(aead, &keys.key)?, iv }
            }
            Cipher::Aead(aead) => {
                let salt = keys.iv.as_slice().try_into().ok()?;
                Self::Gcm { key: aead_key(aead, &keys.key)?, salt }
            }
            Cipher::Cbc { mac, .. } => {
                let cipher = AesCbc::new(&keys.key)?;
                Self::Cbc(CbcKeys { cipher, mac, mac_key: keys.mac.clone(), encrypt_then_mac })
            }
        })
    }

    /// The minimum number of bytes that a fragment has beside its content.
    pub(super) const fn overhead(&self) -> usize {
        match self {
            Self::Tls13 { .. } => TAG_SIZE + 1,
            Self::Gcm { .. } => EXPLICIT_NONCE_SIZE + TAG_SIZE,
            Self::ChaCha { .. } => TAG_SIZE,
            Self::Cbc(keys) => BLOCK_SIZE + keys.mac.size() + 1,
        }
    }

    /// Decrypts the record with this sequence number. Returns `None` if its authentication fails.
    pub(super) fn decrypt(&self, sequence: u64, record: EncryptedRecord<'_>) -> Option<DecryptedRecord> {
        let fragment = record.fragment;
        let plain = match self {
            Self::Tls13 { key, iv } => {
                let nonce = record_nonce(iv, sequence);
                return inner_plaintext(decrypt_aead(key, nonce, &record.header, fragment)?);
            }
            Self::Gcm { key, salt } => {
                let (explicit, fragment) = fragment.split_at_checked(EXPLICIT_NONCE_SIZE)?;
                let length = fragment.len().checked_sub(TAG_SIZE)?;
                decrypt_aead(key, gcm_nonce(*salt, explicit), &record.additional(sequence, length), fragment)?
            }
            Self::ChaCha { key, iv } => {
                let length = fragment.len().checked_sub(TAG_SIZE)?;
                let additional = record.additional(sequence, length);
                decrypt_aead(key, record_nonce(iv, sequence), &additional, fragment)?
            }
            Self::Cbc(keys) => keys.decrypt(fragment, |length| record.additional(sequence, length))?,
        };
        let [content, ..] = record.header;
        Some(DecryptedRecord { content, plain })
    }
}

impl EncryptedRecord<'_> {
    /// The additional authenticated data of TLS 1.2, for a content of this `length` (RFC 5246 6.2.3.1, 6.2.3.3).
    fn additional(&self, sequence: u64, length: usize) -> [u8; 13] {
        let [content, major, minor, ..] = self.header;
        let mut out = [0; 13];
        let (front, back) = out.split_at_mut(8);
        front.copy_from_slice(&sequence.to_be_bytes());
        let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        back.copy_from_slice(&[content, major, minor, high, low]);
        out
    }
}

/// The content of a record of TLS 1.3: the type of the content follows it, and zeros follow the type (RFC
/// 8446 5.4).
fn inner_plaintext(mut plain: Vec<u8>) -> Option<DecryptedRecord> {
    while plain.last() == Some(&0) {
        plain.pop();
    }
    let content = plain.pop()?;
    Some(DecryptedRecord { content, plain })
}

fn aead_key(aead: Aead, key: &[u8]) -> Option<LessSafeKey> {
    UnboundKey::new(aead.algorithm(), key).ok().map(LessSafeKey::new)
}

/// The nonce of a record: the XOR of initialization vector and sequence number (RFC 8446 5.3, RFC 7905
/// 2).
fn record_nonce(iv: &[u8; 12], sequence: u64) -> [u8; 12] {
    let mut nonce = *iv;
    for (byte, number) in nonce.iter_mut().skip(4).zip(sequence.to_be_bytes()) {
        *byte ^= number;
    }
    nonce
}

/// The nonce of a record of AES-GCM in TLS 1.2: the salt and the explicit nonce (RFC 5288 3).
fn gcm_nonce(salt: [u8; 4], explicit: &[u8]) -> [u8; 12] {
    let mut nonce = [0; 12];
    for (byte, value) in nonce.iter_mut().zip(salt.iter().chain(explicit)) {
        *byte = *value;
    }
    nonce
}

fn decrypt_aead(key: &LessSafeKey, nonce: [u8; 12], additional: &[u8], encrypted: &[u8]) -> Option<Vec<u8>> {
    let mut buffer = encrypted.to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    let length = key.open_in_place(nonce, Aad::from(additional), &mut buffer).ok()?.len();
    buffer.truncate(length);
    Some(buffer)
}
