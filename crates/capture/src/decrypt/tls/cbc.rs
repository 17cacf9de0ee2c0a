//! AES-CBC with an HMAC, the cipher of older suites of TLS 1.2 (RFC 5246 6.2.3.2, RFC 7366).

use aes::cipher::{BlockCipherDecrypt as _, KeyInit as _};
use ring::hmac;
use zeroize::Zeroizing;

use super::suite::Mac;

pub(super) const BLOCK_SIZE: usize = 16;

/// AES-CBC and an HMAC under the keys of one direction.
pub(super) struct CbcKeys {
    pub(super) cipher: AesCbc,
    pub(super) mac: Mac,
    pub(super) mac_key: Zeroizing<Vec<u8>>,
    pub(super) encrypt_then_mac: bool,
}

/// AES in CBC mode.
pub(super) enum AesCbc {
    Aes128(aes::Aes128),
    Aes256(aes::Aes256),
}

impl CbcKeys {
    /// Decrypts the fragment of a record. `additional` returns the data that the MAC covers before a content
    /// of this length. Returns `None` if the MAC or the padding is wrong.
    pub(super) fn decrypt(&self, fragment: &[u8], additional: impl Fn(usize) -> [u8; 13]) -> Option<Vec<u8>> {
        if self.encrypt_then_mac {
            // RFC 7366 3.
            let (encrypted, code) =
                fragment.split_at_checked(fragment.len().checked_sub(self.mac.size())?)?;
            let is_authentic = self.verify_mac(&[&additional(encrypted.len()), encrypted], code);
            return if is_authentic { self.cipher.decrypt(encrypted) } else { None };
        }
        let mut plain = self.cipher.decrypt(fragment)?;
        let length = plain.len().checked_sub(self.mac.size())?;
        let (content, code) = plain.split_at_checked(length)?;
        if !self.verify_mac(&[&additional(length), content], code) {
            return None;
        }
        plain.truncate(length);
        Some(plain)
    }

    /// Whether `code` is the MAC over `parts`.
    fn verify_mac(&self, parts: &[&[u8]], code: &[u8]) -> bool {
        let key = hmac::Key::new(self.mac.hmac(), &self.mac_key);
        hmac::verify(&key, &parts.concat(), code).is_ok()
    }
}

impl AesCbc {
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        Some(match key.len() {
            16 => Self::Aes128(aes::Aes128::new_from_slice(key).ok()?),
            32 => Self::Aes256(aes::Aes256::new_from_slice(key).ok()?),
            _ => return None,
        })
    }

    /// Decrypts `encrypted`, which begins with the initialization vector, and removes the padding. Returns
    /// `None` if the padding is invalid (RFC 5246 6.2.3.2).
    fn decrypt(&self, encrypted: &[u8]) -> Option<Vec<u8>> {
        let (iv, body) = encrypted.split_at_checked(BLOCK_SIZE)?;
        let (blocks, rest) = body.as_chunks::<BLOCK_SIZE>();
        if blocks.is_empty() || !rest.is_empty() {
            return None;
        }
        let mut previous: [u8; BLOCK_SIZE] = iv.try_into().ok()?;
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
        let is_valid = plain.get(length..)?.iter().all(|byte| *byte == padding);
        plain.truncate(length);
        is_valid.then_some(plain)
    }
}
