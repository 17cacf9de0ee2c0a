//! RC4 with HMAC-MD5 (RFC 4757): messages and GSS-API tokens.

use ::rc4::{KeyInit as _, Rc4, StreamCipher as _};
use hmac::{Hmac, Mac as _};
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use super::usage::Usage;

const CHECKSUM: usize = 16;
const CONFOUNDER: usize = 8;

/// The head of a token: `TOK_ID`, `SGN_ALG`, `SEAL_ALG`, `Filler` (RFC 4757 7.2, 7.3).
const HEAD: usize = 8;

type Bytes16 = Zeroizing<[u8; 16]>;

fn keyed(key: &[u8], parts: &[&[u8]]) -> Bytes16 {
    let mut block = Zeroizing::new([0_u8; 64]);
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let mut code = Hmac::<Md5>::new(&(*block).into());
    for part in parts {
        code.update(part);
    }
    Zeroizing::new(code.finalize().into_bytes().into())
}

fn stream(key: &Bytes16) -> Rc4 {
    // `Rc4` needs 32 bytes. The key schedule repeats the key, so doubling it makes no difference.
    let mut twice = Zeroizing::new([0; 32]);
    for (place, byte) in twice.iter_mut().zip(key.iter().chain(key.iter())) {
        *place = *byte;
    }
    Rc4::new(&(*twice).into())
}

/// Decrypts a message of RFC 4120 (RFC 4757 5).
pub(super) fn decrypt(key: &[u8], usage: Usage, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (checksum, sealed) = sealed.split_at_checked(CHECKSUM)?;
    let usage = match usage.0 {
        3 | 9 => 8,
        other => other,
    };
    let own = keyed(key, &[&usage.to_le_bytes()]);
    let mut plain = Zeroizing::new(sealed.to_vec());
    stream(&keyed(&*own, &[checksum])).apply_keystream(&mut plain);
    if keyed(&*own, &[&plain]).as_slice() != checksum {
        return None;
    }
    Some(Zeroizing::new(plain.get(CONFOUNDER..)?.to_vec()))
}

/// The fields of a token (RFC 4757 7).
pub(super) struct Token<'a> {
    head: &'a [u8],
    sequence: [u8; 8],
    checksum: &'a [u8],
    confounder: &'a [u8],
}

impl<'a> Token<'a> {
    /// Parses a token without framing.
    pub(super) fn read(token: &'a [u8]) -> Option<Self> {
        let (head, rest) = token.split_at_checked(HEAD)?;
        let (sequence, rest) = rest.split_first_chunk()?;
        let (checksum, confounder) = rest.split_at_checked(8)?;
        Some(Self { head, sequence: *sequence, checksum, confounder })
    }

    /// Whether the token is the signature of `parts` (RFC 4757 7.2).
    pub(super) fn verify(&self, key: &[u8], parts: &[&[u8]]) -> bool {
        self.head.starts_with(&[1, 1, 0x11, 0]) && self.fits(key, 15, &[], parts)
    }

    /// Decrypts `body`, which is signed together with the bytes `before` and `after` it (RFC 4757 7.3).
    pub(super) fn unwrap(&self, key: &[u8], before: &[u8], body: &[u8], after: &[u8]) -> Option<Vec<u8>> {
        if !self.head.starts_with(&[2, 1, 0x11, 0, 0x10, 0]) || self.confounder.len() != CONFOUNDER {
            return None;
        }
        let number = self.number(key);
        let local: Zeroizing<Vec<u8>> = Zeroizing::new(key.iter().map(|byte| byte ^ 0xf0).collect());
        let sealing = keyed(&*keyed(&local, &[&0_u32.to_le_bytes()]), &[&number]);
        let mut plain = [self.confounder, body].concat();
        stream(&sealing).apply_keystream(&mut plain);
        let (confounder, body) = plain.split_at_checked(CONFOUNDER)?;
        self.fits(key, 13, confounder, &[before, body, after]).then(|| body.to_vec())
    }

    /// The sequence number, which is encrypted with a key that depends on the checksum.
    fn number(&self, key: &[u8]) -> [u8; 4] {
        let own = keyed(&*keyed(key, &[&0_u32.to_le_bytes()]), &[self.checksum]);
        let mut number = self.sequence;
        stream(&own).apply_keystream(&mut number);
        let [a, b, c, d, ..] = number;
        [a, b, c, d]
    }

    fn fits(&self, key: &[u8], usage: u32, confounder: &[u8], parts: &[&[u8]]) -> bool {
        let signing = keyed(key, &[b"signaturekey\0"]);
        let mut digest = Md5::new();
        digest.update(usage.to_le_bytes());
        digest.update(self.head);
        digest.update(confounder);
        for part in parts {
            digest.update(part);
        }
        let digest: [u8; 16] = digest.finalize().into();
        keyed(&*signing, &[&digest]).get(..8) == Some(self.checksum)
    }
}
