//! The token of each message: RFC 4121 4.2, or RFC 4757 7 in the framing of RFC 2743 3.1.

use identity::der::any_element;
use wire::{Endian, Reader};

use super::crypto::{BLOCK, EncryptionType, Key};
use super::rc4;
use super::usage::Usage;

const HEADER: usize = 16;

/// `TOK_ID` of tokens that sign and of those that wrap.
const MIC: [u8; 2] = [4, 4];
const WRAP: [u8; 2] = [5, 4];

/// Flags of a token (RFC 4121 4.2.2).
const SENT_BY_ACCEPTOR: u8 = 1;
const SEALED: u8 = 2;

/// A message with its token: the encrypted bytes, and those around them, which are signed too if both sides sign
/// headers ([MS-RPCE] 3.3.1.5.2.2).
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) before: &'a [u8],
    pub(super) body: &'a [u8],
    pub(super) after: &'a [u8],
    pub(super) token: &'a [u8],
}

impl Message<'_> {
    /// Decrypts the body; `None` if it was encrypted with another key, or in another way.
    pub(super) fn unseal(&self, key: &Key) -> Option<Vec<u8>> {
        if key.encryption() == EncryptionType::Rc4 {
            let token = rc4::Token::read(unframed(self.token)?)?;
            return token.unwrap(key.bytes(), self.before, self.body, self.after);
        }
        let (header, rest) = self.token.split_at_checked(HEADER)?;
        let mut r = Reader::with_endian(header, Endian::Big);
        let id: [u8; 2] = r.array("TOK_ID").ok()?;
        let [flags, _] = r.array("Flags").ok()?;
        let extra = usize::from(r.u16("EC").ok()?);
        if id != WRAP || flags & SEALED == 0 {
            return None;
        }
        let usage = if flags & SENT_BY_ACCEPTOR == 0 { Usage::INITIATOR_SEAL } else { Usage::ACCEPTOR_SEAL };
        // In DCE style the token is rotated so that the body keeps its position: the header is followed by the
        // filler, the copy of the header, the checksum, and the confounder (RFC 4121 4.2.5, [MS-KILE] 3.4.5.4.1). The
        // rotation is the same for all such tokens, so RRC is not read: with another one the checksum does not match.
        let tail = extra.saturating_add(HEADER);
        let (tail, rest) = rest.split_at_checked(tail)?;
        let (checksum, confounder) = rest.split_at_checked(key.encryption().checksum_size())?;
        if confounder.len() != BLOCK {
            return None;
        }
        let cipher = [confounder, self.body, tail].concat();
        let plain = key.decrypt_blocks(usage, &cipher)?;
        let cut = |bytes: &[u8]| -> Option<(Vec<u8>, Vec<u8>, Vec<u8>)> {
            let (confounder, rest) = bytes.split_at_checked(BLOCK)?;
            let (body, tail) = rest.split_at_checked(self.body.len())?;
            Some((confounder.to_vec(), body.to_vec(), tail.to_vec()))
        };
        let (decrypted_confounder, body, decrypted_tail) = cut(&plain)?;
        let fits = if key.encryption().authenticates_ciphertext() {
            let parts = [&[0; BLOCK], confounder, self.before, self.body, self.after, tail];
            key.integrity_fits(usage, &parts, checksum)
        } else {
            let parts = [&decrypted_confounder, self.before, &body, self.after, &decrypted_tail];
            key.integrity_fits(usage, &parts, checksum)
        };
        fits.then_some(body)
    }

    /// Whether the token signs the message with this key.
    pub(super) fn verify(&self, key: &Key) -> bool {
        if key.encryption() == EncryptionType::Rc4 {
            let token = unframed(self.token).and_then(rc4::Token::read);
            return token
                .is_some_and(|token| token.verify(key.bytes(), &[self.before, self.body, self.after]));
        }
        let Some((header, checksum)) = self.token.split_at_checked(HEADER) else { return false };
        let acceptor = header.get(2).is_some_and(|flags| flags & SENT_BY_ACCEPTOR != 0);
        let usage = if acceptor { Usage::ACCEPTOR_SIGN } else { Usage::INITIATOR_SIGN };
        header.starts_with(&MIC)
            && key.checksum_fits(usage, &[self.before, self.body, self.after, header], checksum)
    }
}

/// The contents of the framing of RFC 2743 3.1. In DCE style its length may include the message.
fn unframed(token: &[u8]) -> Option<&[u8]> {
    let mut r = Reader::with_endian(token, Endian::Big);
    if r.u8("frame").ok()? != 0x60 {
        return None;
    }
    let more = match r.u8("length").ok()? {
        0..=0x7f => 0,
        long @ 0x81..=0x84 => usize::from(long & 0x7f),
        _ => return None,
    };
    r.bytes(more, "length").ok()?;
    any_element(&mut r, "thisMech").ok()?;
    Some(r.rest())
}
