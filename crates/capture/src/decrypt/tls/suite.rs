//! The hash and the cipher of each cipher suite.

use ring::{aead, hmac};

/// A hash of a key schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
}

impl Hash {
    pub(super) const fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
        }
    }

    /// The size of a hash value, in bytes.
    pub(super) const fn size(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

/// The cipher that protects records.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cipher {
    Aead(Aead),
    /// AES-CBC with an HMAC, by the sizes of their keys.
    Cbc {
        key: usize,
        mac: Mac,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aead {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
}

impl Aead {
    pub(super) const fn algorithm(self) -> &'static aead::Algorithm {
        match self {
            Self::Aes128Gcm => &aead::AES_128_GCM,
            Self::Aes256Gcm => &aead::AES_256_GCM,
            Self::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mac {
    Sha1,
    Sha256,
    Sha384,
}

impl Mac {
    pub(super) const fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
        }
    }

    pub(super) const fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

/// The parameters of a cipher suite for the protection of records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Suite {
    pub(super) hash: Hash,
    pub(super) cipher: Cipher,
}

impl Suite {
    /// The suite of TLS 1.3 with this number (RFC 8446 B.4).
    pub(super) const fn tls13(number: u16) -> Option<Self> {
        let (hash, aead) = match number {
            0x1301 => (Hash::Sha256, Aead::Aes128Gcm),
            0x1302 => (Hash::Sha384, Aead::Aes256Gcm),
            0x1303 => (Hash::Sha256, Aead::ChaCha20Poly1305),
            _ => return None,
        };
        Some(Self { hash, cipher: Cipher::Aead(aead) })
    }

    /// The suite of TLS 1.2 with this number, regardless of its key exchange (RFC 5246 A.5, RFC 5288, RFC 5289, RFC
    /// 7905).
    pub(super) const fn tls12(number: u16) -> Option<Self> {
        let (hash, cipher) = match number {
            0x009c | 0x009e | 0x00a2 | 0xc02b | 0xc02f => (Hash::Sha256, Cipher::Aead(Aead::Aes128Gcm)),
            0x009d | 0x009f | 0x00a3 | 0xc02c | 0xc030 => (Hash::Sha384, Cipher::Aead(Aead::Aes256Gcm)),
            0xcca8..=0xccaa => (Hash::Sha256, Cipher::Aead(Aead::ChaCha20Poly1305)),
            0x002f | 0x0032 | 0x0033 | 0xc009 | 0xc013 => {
                (Hash::Sha256, Cipher::Cbc { key: 16, mac: Mac::Sha1 })
            }
            0x0035 | 0x0038 | 0x0039 | 0xc00a | 0xc014 => {
                (Hash::Sha256, Cipher::Cbc { key: 32, mac: Mac::Sha1 })
            }
            0x003c | 0x0040 | 0x0067 | 0xc023 | 0xc027 => {
                (Hash::Sha256, Cipher::Cbc { key: 16, mac: Mac::Sha256 })
            }
            0x003d | 0x006a | 0x006b => (Hash::Sha256, Cipher::Cbc { key: 32, mac: Mac::Sha256 }),
            0xc024 | 0xc028 => (Hash::Sha384, Cipher::Cbc { key: 32, mac: Mac::Sha384 }),
            _ => return None,
        };
        Some(Self { hash, cipher })
    }
}
