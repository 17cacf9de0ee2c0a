//! Opening records: AEAD ciphers, and AES-CBC with an HMAC.

use aes::cipher::{BlockCipherDecrypt as _, KeyInit as _};
use ring::aead::{Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use zeroize::Zeroizing;

use super::suite::{Aead, Cipher, Mac};

/// Bytes before the fragment of each record: type, version, length (RFC 8446 5.1).
pub(super) const HEADER_SIZE: usize = 5;

const TAG_SIZE: usize = 16;
const BLOCK: usize = 16;
const EXPLICIT_NONCE_SIZE: usize = 8;

/// The keys of one direction of TLS 1.2.
pub(super) struct CipherKeys {
    pub(super) mac: Zeroizing<Vec<u8>>,
    pub(super) key: Zeroizing<Vec<u8>>,
    pub(super) iv: Zeroizing<Vec<u8>>,
}

/// A record, as it was sent.
#[derive(Clone, Copy)]
pub(super) struct Sealed<'a> {
    pub(super) header: [u8; HEADER_SIZE],
    pub(super) fragment: &'a [u8],
}

/// A record that was opened.
pub(super) struct Opened {
    pub(super) content: u8,
    pub(super) plain: Vec<u8>,
}

/// Opens the records of one direction under one key.
pub(super) enum Opener {
    Tls13 { key: LessSafeKey, iv: [u8; 12] },
    Gcm { key: LessSafeKey, salt: [u8; 4] },
    ChaCha { key: LessSafeKey, iv: [u8; 12] },
    Cbc { cipher: Block, mac: Mac, mac_key: Zeroizing<Vec<u8>>, encrypt_then_mac: bool },
}

/// AES of one block.
pub(super) enum Block {
    Aes128(aes::Aes128),
    Aes256(aes::Aes256),
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Opener {
    pub(super) fn tls13(aead: Aead, key: &[u8], iv: &[u8]) -> Option<Self> {
        let iv = iv.try_into().ok()?;
        Some(Self::Tls13 { key: less_safe(aead, key)?, iv })
    }

    pub(super) fn tls12(cipher: Cipher, keys: &CipherKeys, encrypt_then_mac: bool) -> Option<Self> {
        Some(match cipher {
            Cipher::Aead(aead @ Aead::ChaCha20Poly1305) => {
                let iv = keys.iv.as_slice().try_into().ok()?;
                Self::ChaCha { key: less_safe(aead, &keys.key)?, iv }
            }
            Cipher::Aead(aead) => {
                let salt = keys.iv.as_slice().try_into().ok()?;
                Self::Gcm { key: less_safe(aead, &keys.key)?, salt }
            }
            Cipher::Cbc { mac, .. } => {
                let cipher = Block::new(&keys.key)?;
                Self::Cbc { cipher, mac, mac_key: keys.mac.clone(), encrypt_then_mac }
            }
        })
    }

    /// How many bytes a record has beside its plaintext: at least, where it is padded.
    pub(super) const fn overhead(&self) -> usize {
        match self {
            Self::Tls13 { .. } => TAG_SIZE + 1,
            Self::Gcm { .. } => EXPLICIT_NONCE_SIZE + TAG_SIZE,
            Self::ChaCha { .. } => TAG_SIZE,
            Self::Cbc { mac, .. } => BLOCK + mac.size() + 1,
        }
    }

    /// Opens the record with this sequence number; none where it is not that record.
    pub(super) fn open(&self, sequence: u64, record: Sealed<'_>) -> Option<Opened> {
        let [content, major, minor, ..] = record.header;
        let additional = |length: usize| {
            let mut out = [0; 13];
            let (front, back) = out.split_at_mut(8);
            front.copy_from_slice(&sequence.to_be_bytes());
            let length = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
            let [high, low] = length;
            back.copy_from_slice(&[content, major, minor, high, low]);
            out
        };
        let body = record.fragment;
        match self {
            Self::Tls13 { key, iv } => {
                let mut plain = aead(key, xored(iv, sequence), &record.header, body)?;
                // The type of the content stands behind it, and zeros behind that (RFC 8446 5.4).
                while plain.last() == Some(&0) {
                    plain.pop();
                }
                let content = plain.pop()?;
                Some(Opened { content, plain })
            }
            Self::Gcm { key, salt } => {
                let (explicit, body) = body.split_at_checked(EXPLICIT_NONCE_SIZE)?;
                let mut nonce = [0; 12];
                let (front, back) = nonce.split_at_mut(4);
                front.copy_from_slice(salt);
                back.copy_from_slice(explicit);
                let length = body.len().checked_sub(TAG_SIZE)?;
                let plain = aead(key, nonce, &additional(length), body)?;
                Some(Opened { content, plain })
            }
            Self::ChaCha { key, iv } => {
                let length = body.len().checked_sub(TAG_SIZE)?;
                let plain = aead(key, xored(iv, sequence), &additional(length), body)?;
                Some(Opened { content, plain })
            }
            Self::Cbc { cipher, mac, mac_key, encrypt_then_mac } => {
                let plain = if *encrypt_then_mac {
                    // RFC 7366 3.
                    let (sealed, code) = body.split_at_checked(body.len().checked_sub(mac.size())?)?;
                    if !mac_fits(*mac, mac_key, &[&additional(sealed.len()), sealed], code) {
                        return None;
                    }
                    cipher.decrypt(sealed)?
                } else {
                    let mut plain = cipher.decrypt(body)?;
                    let length = plain.len().checked_sub(mac.size())?;
                    let (content, code) = plain.split_at_checked(length)?;
                    if !mac_fits(*mac, mac_key, &[&additional(length), content], code) {
                        return None;
                    }
                    plain.truncate(length);
                    plain
                };
                Some(Opened { content, plain })
            }
        }
    }
}

impl Block {
    fn new(key: &[u8]) -> Option<Self> {
        Some(match key.len() {
            16 => Self::Aes128(aes::Aes128::new_from_slice(key).ok()?),
            32 => Self::Aes256(aes::Aes256::new_from_slice(key).ok()?),
            _ => return None,
        })
    }

    /// CBC with the initialization vector in front; without the padding, which must be right (RFC 5246
    /// 6.2.3.2).
    fn decrypt(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (iv, body) = sealed.split_at_checked(BLOCK)?;
        let (blocks, rest) = body.as_chunks::<BLOCK>();
        if blocks.is_empty() || !rest.is_empty() {
            return None;
        }
        let mut previous: [u8; BLOCK] = iv.try_into().ok()?;
        let mut plain = Vec::with_capacity(body.len());
        for block in blocks {
            let mut out = aes::Block::from(*block);
            match self {
                Self::Aes128(aes) => aes.decrypt_block(&mut out),
                Self::Aes256(aes) => aes.decrypt_block(&mut out),
            }
            plain.extend(out.iter().zip(previous).map(|(byte, before)| byte ^ before));
            previous = *block;
        }
        let padding = *plain.last()?;
        let length = plain.len().checked_sub(usize::from(padding).saturating_add(1))?;
        let right = plain.get(length..)?.iter().all(|byte| *byte == padding);
        plain.truncate(length);
        right.then_some(plain)
    }
}

fn less_safe(aead: Aead, key: &[u8]) -> Option<LessSafeKey> {
    UnboundKey::new(aead.algorithm(), key).ok().map(LessSafeKey::new)
}

/// The nonce of a record: the sequence number is added to the initialization vector (RFC 8446 5.3).
fn xored(iv: &[u8; 12], sequence: u64) -> [u8; 12] {
    let mut nonce = *iv;
    for (byte, number) in nonce.iter_mut().skip(4).zip(sequence.to_be_bytes()) {
        *byte ^= number;
    }
    nonce
}

fn aead(key: &LessSafeKey, nonce: [u8; 12], additional: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let mut buffer = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    let length = key.open_in_place(nonce, Aad::from(additional), &mut buffer).ok()?.len();
    buffer.truncate(length);
    Some(buffer)
}

/// A MAC of TLS 1.2 over `parts`, compared with `code`.
fn mac_fits(mac: Mac, key: &[u8], parts: &[&[u8]], code: &[u8]) -> bool {
    let key = hmac::Key::new(mac.hmac(), key);
    hmac::verify(&key, &parts.concat(), code).is_ok()
}
