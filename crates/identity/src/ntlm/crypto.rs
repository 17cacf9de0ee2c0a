//! Key derivation and responses of NTLM ([MS-NLMP] 3.3, 3.4.5).

use des::Des;
use des::cipher::{BlockCipherEncrypt as _, KeyInit as _};
use hmac::{Hmac, Mac as _};
use md4::Md4;
use md5::{Digest as _, Md5};
use rc4::{Rc4, StreamCipher as _};
use zeroize::Zeroizing;

use super::flags::NegotiateFlags;
use super::messages::Authenticate;
use crate::accounts::{NtHash, fold_case};

pub(crate) type HmacMd5 = Hmac<Md5>;
pub(super) type Key = Zeroizing<[u8; 16]>;

/// HMAC-MD5 with `key`, before the message.
pub(super) fn keyed(key: &[u8; 16]) -> HmacMd5 {
    // A key shorter than the hash's block is padded with zeros to the block.
    let mut block = Zeroizing::new([0; 64]);
    if let Some(head) = block.first_chunk_mut() {
        *head = *key;
    }
    HmacMd5::new(&(*block).into())
}

pub(super) fn hmac_md5(key: &[u8; 16], parts: &[&[u8]]) -> Key {
    let mut mac = keyed(key);
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

pub(super) fn rc4(key: &[u8; 16]) -> Rc4 {
    // RC4 repeats its key to 256 bytes, so a key written twice is the same key.
    let mut twice = Zeroizing::new([0; 32]);
    twice.as_chunks_mut::<16>().0.iter_mut().for_each(|half| *half = *key);
    Rc4::new(&(*twice).into())
}

/// `RC4K` ([MS-NLMP] 6).
pub(super) fn rc4k(key: &[u8; 16], data: &mut [u8]) {
    rc4(key).apply_keystream(data);
}

/// `NTOWFv2` ([MS-NLMP] 3.3.2). The user's name counts without regard to case, the domain's with it.
pub(super) fn ntowf_v2(hash: &NtHash, user: &str, domain: &str) -> Key {
    let user = wire::utf16le_bytes(&fold_case(user));
    hmac_md5(hash.expose(), &[&user, &wire::utf16le_bytes(domain)])
}

fn des(key7: &[u8], block: [u8; 8]) -> [u8; 8] {
    // Seven key bits a byte, the lowest bit of each being parity, which DES ignores.
    let bits = key7.iter().fold(0u64, |bits, byte| (bits << 8) | u64::from(*byte));
    let mut key = Zeroizing::new([0u8; 8]);
    for (place, byte) in (0u32..).zip(key.iter_mut()) {
        let shift = 49u32.saturating_sub(place.saturating_mul(7));
        let [low, ..] = ((bits >> shift) << 1).to_le_bytes();
        *byte = low & 0xfe;
    }
    let mut block = block.into();
    Des::new(&(*key).into()).encrypt_block(&mut block);
    block.into()
}

/// `DESL` ([MS-NLMP] 6).
pub(super) fn desl(key: &[u8; 16], data: [u8; 8]) -> [u8; 24] {
    let mut padded = Zeroizing::new([0; 21]);
    if let Some(head) = padded.first_chunk_mut() {
        *head = *key;
    }
    let mut out = [0; 24];
    for (place, key7) in out.as_chunks_mut::<8>().0.iter_mut().zip(padded.as_chunks::<7>().0) {
        *place = des(key7, data);
    }
    out
}

/// The proof in a response, and the key derived from it.
pub(super) struct Response {
    /// `NTProofStr` of an NTLMv2 response, the whole of an `NTLMv1` response.
    pub(super) proof: Zeroizing<[u8; 24]>,
    /// The number of valid bytes in `proof`.
    pub(super) length: usize,
    /// `KeyExchangeKey` ([MS-NLMP] 3.4.5.1).
    pub(super) key_exchange_key: Key,
}

impl Response {
    pub(super) fn proof(&self) -> &[u8] {
        self.proof.get(..self.length).unwrap_or_default()
    }
}

/// The NTLMv2 proof of `temp` ([MS-NLMP] 3.3.2).
pub(super) fn response_v2(response_key: &[u8; 16], server_challenge: [u8; 8], temp: &[u8]) -> Response {
    let nt_proof = hmac_md5(response_key, &[&server_challenge, temp]);
    let key_exchange_key = hmac_md5(response_key, &[&*nt_proof]);
    let mut proof = Zeroizing::new([0; 24]);
    if let Some(head) = proof.first_chunk_mut() {
        *head = *nt_proof;
    }
    Response { proof, length: 16, key_exchange_key }
}

/// The `LMv2` response ([MS-NLMP] 3.3.2).
pub(super) fn lm_v2(response_key: &[u8; 16], server: [u8; 8], client: [u8; 8]) -> Vec<u8> {
    let mut out = hmac_md5(response_key, &[&server, &client]).to_vec();
    out.extend_from_slice(&client);
    out
}

/// The `NTLMv1` response ([MS-NLMP] 3.3.1) without an LM response: with extended session security if there
/// is a client challenge.
pub(super) fn response_v1(hash: &NtHash, server: [u8; 8], client: Option<[u8; 8]>) -> Response {
    let session_base_key = Zeroizing::new(<[u8; 16]>::from(Md4::digest(hash.expose())));
    let Some(client) = client else {
        let proof = Zeroizing::new(desl(hash.expose(), server));
        return Response { proof, length: 24, key_exchange_key: session_base_key };
    };
    let mut digest = Md5::new();
    digest.update(server);
    digest.update(client);
    let digest: [u8; 16] = digest.finalize().into();
    let challenge = digest.first_chunk().copied().unwrap_or_default();
    let proof = Zeroizing::new(desl(hash.expose(), challenge));
    let key_exchange_key = hmac_md5(&session_base_key, &[&server, &client]);
    Response { proof, length: 24, key_exchange_key }
}

/// The side that sends the messages that a key protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Client,
    Server,
}

/// `SIGNKEY` ([MS-NLMP] 3.4.5.2), for extended session security.
pub(super) fn sign_key(exported: &[u8; 16], sender: Sender) -> Key {
    let magic: &[u8] = match sender {
        Sender::Client => b"session key to client-to-server signing key magic constant\0",
        Sender::Server => b"session key to server-to-client signing key magic constant\0",
    };
    digest_key(exported, magic)
}

/// `SEALKEY` ([MS-NLMP] 3.4.5.3), for extended session security.
pub(super) fn seal_key(flags: NegotiateFlags, exported: &[u8; 16], sender: Sender) -> Key {
    let [a, b, c, d, e, f, g, ..] = *exported;
    let magic: &[u8] = match sender {
        Sender::Client => b"session key to client-to-server sealing key magic constant\0",
        Sender::Server => b"session key to server-to-client sealing key magic constant\0",
    };
    if flags.contains(NegotiateFlags::NTLMSSP_NEGOTIATE_128) {
        digest_key(exported, magic)
    } else if flags.contains(NegotiateFlags::NTLMSSP_NEGOTIATE_56) {
        digest_key(&[a, b, c, d, e, f, g], magic)
    } else {
        digest_key(&[a, b, c, d, e], magic)
    }
}

fn digest_key(key: &[u8], magic: &[u8]) -> Key {
    let mut digest = Md5::new();
    digest.update(key);
    digest.update(magic);
    Zeroizing::new(digest.finalize().into())
}

/// CRC-32 (IEEE 802.3, reflected), of parts that follow one another.
pub(super) fn crc32(parts: [&[u8]; 3]) -> u32 {
    let mut crc = !0u32;
    for byte in parts.into_iter().flatten() {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// The message integrity code of a handshake ([MS-NLMP] 3.1.5.1.2). Its own field in `authenticate` is ignored.
pub(super) fn mic(exported: &[u8; 16], negotiate: &[u8], challenge: &[u8], authenticate: &[u8]) -> [u8; 16] {
    let (head, tail) = authenticate.split_at_checked(Authenticate::MIC_OFFSET).unwrap_or((authenticate, &[]));
    let tail = tail.get(16..).unwrap_or_default();
    *hmac_md5(exported, &[negotiate, challenge, head, &[0; 16], tail])
}
