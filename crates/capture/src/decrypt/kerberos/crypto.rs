//! Encryption types: AES with SHA-1 (RFC 3961, RFC 3962), AES with SHA-2 (RFC 8009), RC4 (RFC 4757).

use std::fmt;

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit as _};
use ring::hmac;
use zeroize::Zeroizing;

use super::rc4;
use super::usage::Usage;

pub(super) const BLOCK: usize = 16;

/// A supported encryption type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EncryptionType {
    Aes128Sha1,
    Aes256Sha1,
    Aes128Sha2,
    Aes256Sha2,
    Rc4,
}

impl EncryptionType {
    pub(super) const fn from_number(number: i64) -> Option<Self> {
        Some(match number {
            17 => Self::Aes128Sha1,
            18 => Self::Aes256Sha1,
            19 => Self::Aes128Sha2,
            20 => Self::Aes256Sha2,
            23 => Self::Rc4,
            _ => return None,
        })
    }

    /// The name in `klist` and `krb5.conf`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Aes128Sha1 => "aes128-cts-hmac-sha1-96",
            Self::Aes256Sha1 => "aes256-cts-hmac-sha1-96",
            Self::Aes128Sha2 => "aes128-cts-hmac-sha256-128",
            Self::Aes256Sha2 => "aes256-cts-hmac-sha384-192",
            Self::Rc4 => "arcfour-hmac",
        }
    }

    const fn key_size(self) -> usize {
        match self {
            Self::Aes128Sha1 | Self::Aes128Sha2 | Self::Rc4 => 16,
            Self::Aes256Sha1 | Self::Aes256Sha2 => 32,
        }
    }

    /// The size of its checksum, in bytes.
    pub(super) const fn checksum_size(self) -> usize {
        match self {
            Self::Aes128Sha1 | Self::Aes256Sha1 => 12,
            Self::Aes128Sha2 | Self::Rc4 => 16,
            Self::Aes256Sha2 => 24,
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Aes128Sha2 => hmac::HMAC_SHA256,
            Self::Aes256Sha2 => hmac::HMAC_SHA384,
            _ => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        }
    }

    /// Whether the ciphertext is authenticated (RFC 8009 5), not the plaintext (RFC 3961 5.3).
    pub(super) const fn authenticates_ciphertext(self) -> bool {
        matches!(self, Self::Aes128Sha2 | Self::Aes256Sha2)
    }
}

/// A key.
#[derive(Clone)]
pub(super) struct Key {
    encryption: EncryptionType,
    bytes: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The purpose of a derived key, which is the last byte of the constant from which it is derived (RFC 3961 5.3).
#[derive(Clone, Copy)]
enum Derived {
    /// For checksums.
    Checksum,
    /// For encryption.
    Encryption,
    /// For the integrity of encrypted data.
    Integrity,
}

impl Derived {
    const fn byte(self) -> u8 {
        match self {
            Self::Checksum => 0x99,
            Self::Encryption => 0xaa,
            Self::Integrity => 0x55,
        }
    }
}

impl Key {
    /// Creates a key of the encryption type with this number. `None` if that is not supported, or the key has the
    /// wrong size.
    pub(super) fn new(encryption: i64, bytes: &[u8]) -> Option<Self> {
        let encryption = EncryptionType::from_number(encryption)?;
        let fits = bytes.len() == encryption.key_size();
        fits.then(|| Self { encryption, bytes: Zeroizing::new(bytes.to_vec()) })
    }

    pub(super) const fn encryption(&self) -> EncryptionType {
        self.encryption
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Decrypts a message of RFC 4120; `None` if it was encrypted with another key.
    pub(super) fn decrypt(&self, usage: Usage, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        if self.encryption == EncryptionType::Rc4 {
            return rc4::decrypt(self.bytes(), usage, sealed);
        }
        let length = sealed.len().checked_sub(self.encryption.checksum_size())?;
        let (cipher, checksum) = sealed.split_at_checked(length)?;
        let plain = Zeroizing::new(self.decrypt_blocks(usage, cipher)?);
        let authenticated: [&[u8]; 2] =
            if self.encryption.authenticates_ciphertext() { [&[0; BLOCK], cipher] } else { [&plain, &[]] };
        if !self.integrity_fits(usage, &authenticated, checksum) {
            return None;
        }
        plain.get(BLOCK..).map(|plain| Zeroizing::new(plain.to_vec()))
    }

    /// Decrypts without checking the integrity: AES in CBC mode with ciphertext stealing, with an initialization
    /// vector of zeros (RFC 3962 5). The first block is the confounder.
    pub(super) fn decrypt_blocks(&self, usage: Usage, cipher: &[u8]) -> Option<Vec<u8>> {
        let key = self.derived(usage, Derived::Encryption)?;
        if cipher.len() < BLOCK {
            return None;
        }
        match self.encryption.key_size() {
            16 => cts(&aes::Aes128::new_from_slice(&key).ok()?, cipher),
            _ => cts(&aes::Aes256::new_from_slice(&key).ok()?, cipher),
        }
    }

    /// Whether `code` authenticates the encrypted `parts`.
    pub(super) fn integrity_fits(&self, usage: Usage, parts: &[&[u8]], code: &[u8]) -> bool {
        self.code_fits(usage, Derived::Integrity, parts, code)
    }

    /// Whether `code` is the checksum of `parts`.
    pub(super) fn checksum_fits(&self, usage: Usage, parts: &[&[u8]], code: &[u8]) -> bool {
        self.code_fits(usage, Derived::Checksum, parts, code)
    }

    fn code_fits(&self, usage: Usage, derived: Derived, parts: &[&[u8]], code: &[u8]) -> bool {
        let Some(key) = self.derived(usage, derived) else { return false };
        let own = code_of(self.encryption.hmac(), &key, parts);
        let size = self.encryption.checksum_size();
        code.len() == size && own.as_ref().get(..size) == Some(code)
    }

    fn derived(&self, usage: Usage, derived: Derived) -> Option<Zeroizing<Vec<u8>>> {
        let [a, b, c, d] = usage.0.to_be_bytes();
        let constant = [a, b, c, d, derived.byte()];
        match self.encryption {
            EncryptionType::Aes128Sha1 => {
                Some(derive_sha1(&aes::Aes128::new_from_slice(&self.bytes).ok()?, constant, 1))
            }
            EncryptionType::Aes256Sha1 => {
                Some(derive_sha1(&aes::Aes256::new_from_slice(&self.bytes).ok()?, constant, 2))
            }
            EncryptionType::Aes128Sha2 | EncryptionType::Aes256Sha2 => {
                let encrypts = matches!(derived, Derived::Encryption);
                let size =
                    if encrypts { self.encryption.key_size() } else { self.encryption.checksum_size() };
                // KDF-HMAC-SHA2 (RFC 8009 3).
                let bits = u32::try_from(size.saturating_mul(8)).ok()?.to_be_bytes();
                let parts: [&[u8]; 4] = [&1_u32.to_be_bytes(), &constant, &[0], &bits];
                let out = code_of(self.encryption.hmac(), &self.bytes, &parts);
                Some(Zeroizing::new(out.as_ref().get(..size)?.to_vec()))
            }
            EncryptionType::Rc4 => None,
        }
    }
}

fn code_of(algorithm: hmac::Algorithm, key: &[u8], parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(algorithm, key));
    for part in parts {
        context.update(part);
    }
    context.sign()
}

/// DK of RFC 3961 5.1: encrypts the constant, folded to a block, repeatedly.
fn derive_sha1(
    aes: &impl BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16>,
    constant: [u8; 5],
    blocks: usize,
) -> Zeroizing<Vec<u8>> {
    let mut block = aes::Block::from(fold(&constant));
    let mut out = Zeroizing::new(Vec::with_capacity(blocks.saturating_mul(BLOCK)));
    for _ in 0..blocks {
        aes.encrypt_block(&mut block);
        out.extend_from_slice(&block);
    }
    out
}

/// n-fold of RFC 3961 5.1, to 128 bits: the sum, with end-around carry, of copies of the text, each rotated right by
/// 13 bits more than the previous one.
pub(super) fn fold(text: &[u8]) -> [u8; BLOCK] {
    let bits = text.len().saturating_mul(8);
    let gcd = |mut a: usize, mut b: usize| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let total = text.len().saturating_mul(BLOCK).checked_div(gcd(text.len(), BLOCK)).unwrap_or(0);
    let bit = |at: usize| {
        let (copy, within) = (at.checked_div(bits).unwrap_or(0), at.checked_rem(bits).unwrap_or(0));
        // The bit that is rotated to this position.
        let turned = copy.saturating_mul(13).checked_rem(bits).unwrap_or(0);
        let from = within.saturating_add(bits).saturating_sub(turned).checked_rem(bits).unwrap_or(0);
        let byte = text.get(from / 8).copied().unwrap_or_default();
        u128::from(byte >> (7 - from % 8) & 1)
    };
    let mut sum = 0_u128;
    for start in (0..total.saturating_mul(8)).step_by(BLOCK * 8) {
        let block = (start..start.saturating_add(BLOCK * 8)).fold(0_u128, |block, at| block << 1 | bit(at));
        let (added, carry) = sum.overflowing_add(block);
        sum = added.wrapping_add(u128::from(carry));
    }
    sum.to_be_bytes()
}

/// CBC-CS3: the last two blocks are swapped, and the last may be short.
pub(super) fn cts(
    aes: &impl BlockCipherDecrypt<BlockSize = aes::cipher::consts::U16>,
    cipher: &[u8],
) -> Option<Vec<u8>> {
    let decrypt = |block: &[u8; BLOCK]| {
        let mut out = aes::Block::from(*block);
        aes.decrypt_block(&mut out);
        <[u8; BLOCK]>::from(out)
    };
    let xor = |block: [u8; BLOCK], with: &[u8]| {
        block.into_iter().zip(with.iter().copied()).map(|(a, b)| a ^ b).collect::<Vec<u8>>()
    };
    let mut plain = Vec::with_capacity(cipher.len());
    let mut previous = [0; BLOCK];
    if cipher.len() == BLOCK {
        return Some(decrypt(cipher.first_chunk()?).to_vec());
    }
    let short = (cipher.len() - 1) % BLOCK + 1;
    let (front, last) = cipher.split_at_checked(cipher.len() - short)?;
    let (front, swapped) = front.split_last_chunk::<BLOCK>()?;
    for block in front.as_chunks::<BLOCK>().0 {
        plain.extend(xor(decrypt(block), &previous));
        previous = *block;
    }
    let opened = decrypt(swapped);
    // The bytes that the short block lacks were stolen from the other block.
    let mut whole = opened;
    whole.get_mut(..short)?.copy_from_slice(last);
    plain.extend(xor(decrypt(&whole), &previous));
    plain.extend(xor(opened, last));
    Some(plain)
}
