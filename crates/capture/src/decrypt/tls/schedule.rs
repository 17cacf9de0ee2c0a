//! From secrets to keys: the PRF of TLS 1.2 (RFC 5246 5) and HKDF-Expand-Label of TLS 1.3 (RFC 8446 7.1).

use ring::hmac;
use zeroize::Zeroizing;

use super::cipher::{CipherKeys, Decryptor};
use super::keylog::{Random, Secret};
use super::suite::{Cipher, Hash, Suite};

/// The decryptors of both directions of TLS 1.2, the client's first (RFC 5246 6.3).
pub(super) fn tls12(
    suite: Suite,
    master: &[u8],
    (client, server): (&Random, &Random),
    encrypt_then_mac: bool,
) -> Option<[Decryptor; 2]> {
    let (mac, key, iv) = match suite.cipher {
        Cipher::Aead(aead) => {
            // GCM's nonces have eight bytes that each record carries (RFC 5288 3); ChaCha20's have none.
            let implicit = if aead == super::suite::Aead::ChaCha20Poly1305 { 12 } else { 4 };
            (0, aead.algorithm().key_len(), implicit)
        }
        Cipher::Cbc { key, mac } => (mac.size(), key, 0),
    };
    let seed = [b"key expansion".as_slice(), server, client].concat();
    let block = prf(suite.hash, master, &seed, (mac + key + iv) * 2);
    let mut rest = block.as_slice();
    let mut cut = |length: usize| {
        let (part, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(part)
    };
    let macs = [cut(mac)?, cut(mac)?];
    let keys = [cut(key)?, cut(key)?];
    let ivs = [cut(iv)?, cut(iv)?];
    let [client, server] = [0, 1].map(|side| {
        let get = |parts: [&[u8]; 2]| parts.get(side).copied().unwrap_or_default().to_vec();
        let keys = CipherKeys { mac: get(macs).into(), key: get(keys).into(), iv: get(ivs).into() };
        Decryptor::tls12(suite.cipher, &keys, encrypt_then_mac)
    });
    Some([client?, server?])
}

/// The decryptor of one direction of TLS 1.3 under a traffic secret (RFC 8446 7.3).
pub(super) fn tls13(suite: Suite, secret: &[u8]) -> Option<Decryptor> {
    let Cipher::Aead(aead) = suite.cipher else { return None };
    let key = expand_label(suite.hash, secret, b"key", aead.algorithm().key_len());
    let iv = expand_label(suite.hash, secret, b"iv", 12);
    Decryptor::tls13(aead, &key, &iv)
}

/// The traffic secret that follows `secret` by a `KeyUpdate` (RFC 8446 7.2).
pub(super) fn updated(suite: Suite, secret: &[u8]) -> Secret {
    Zeroizing::new(expand_label(suite.hash, secret, b"traffic upd", suite.hash.size()).as_slice().into())
}

/// `P_hash`, of which the PRF consists (RFC 5246 5).
fn prf(hash: Hash, secret: &[u8], seed: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let key = hmac::Key::new(hash.hmac(), secret);
    let mut out = Zeroizing::new(Vec::with_capacity(length.saturating_add(hash.size())));
    let mut a = hmac::sign(&key, seed);
    while out.len() < length {
        out.extend_from_slice(hmac::sign(&key, &[a.as_ref(), seed].concat()).as_ref());
        a = hmac::sign(&key, a.as_ref());
    }
    out.truncate(length);
    out
}

/// HKDF-Expand-Label with an empty context.
fn expand_label(hash: Hash, secret: &[u8], label: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let size = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    let label_size = u8::try_from(label.len().saturating_add(6)).unwrap_or(u8::MAX);
    let info = [size.as_slice(), &[label_size], b"tls13 ", label, &[0]].concat();
    let key = hmac::Key::new(hash.hmac(), secret);
    let mut out = Zeroizing::new(Vec::with_capacity(length.saturating_add(hash.size())));
    let mut previous = Vec::new();
    let mut counter = 1_u8;
    while out.len() < length {
        let block = hmac::sign(&key, &[previous.as_slice(), &info, &[counter]].concat());
        out.extend_from_slice(block.as_ref());
        previous = block.as_ref().to_vec();
        counter = counter.saturating_add(1);
    }
    out.truncate(length);
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
        digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
    }

    #[test]
    fn expand_label_matches_the_keys_of_rfc_8448() {
        let secret = bytes("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21");
        let key = expand_label(Hash::Sha256, &secret, b"key", 16);
        assert_eq!(key.as_slice(), bytes("dbfaa693d1762c5b666af5d950258d01"));
        let iv = expand_label(Hash::Sha256, &secret, b"iv", 12);
        assert_eq!(iv.as_slice(), bytes("5bd3c71b836e0b76bb73265f"));
    }

    #[test]
    fn the_prf_matches_the_published_vector() {
        // P_SHA256 of the vector that the working group's list published with TLS 1.2.
        let secret = bytes("9bbe436ba940f017b17652849a71db35");
        let seed = [b"test label".as_slice(), &bytes("a0ba9f936cda311827a6f796ffd5198c")].concat();
        let out = prf(Hash::Sha256, &secret, &seed, 20);
        assert_eq!(out.as_slice(), bytes("e3f229ba727be17b8d122620557cd453c2aab21d"));
    }
}
