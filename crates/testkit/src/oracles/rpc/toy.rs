//! Two interfaces and a security package that is easily guessed, so that random bytes get past it.

use rpc::security::{PduParts, Protection, ProtectionError};
use rpc::{AuthLevel, SyntaxId};
use wire::Guid;

use crate::input::Input;

/// An interface without a minimum level.
pub(crate) const TOY: SyntaxId = SyntaxId::new(Guid::new(0x1234_5678, 1, 2, *b"toy-face"), 4, 2);
/// An interface that requires sealed calls.
pub(crate) const SECRET: SyntaxId = SyntaxId::new(Guid::new(0x1234_5678, 3, 4, *b"secretif"), 1, 0);

/// The first byte of a valid signature.
pub(super) const RIGHT: u8 = 0xaa;

/// Accepts every signature that begins with [`RIGHT`], and encrypts by an exclusive or.
pub(super) struct Toy;

impl Toy {
    pub(super) fn boxed() -> Box<dyn Protection> {
        Box::new(Self)
    }

    fn seal(level: AuthLevel, body: &mut [u8]) {
        if level == AuthLevel::PKT_PRIVACY {
            for byte in body {
                *byte ^= 0x55;
            }
        }
    }
}

impl Protection for Toy {
    fn signature_len(&self) -> usize {
        4
    }

    fn protect(
        &mut self,
        level: AuthLevel,
        pdu: PduParts<'_>,
        signature: &mut [u8],
    ) -> Result<(), ProtectionError> {
        let PduParts { body, after, .. } = pdu;
        assert_eq!((after.len(), signature.len()), (8, 4));
        signature.fill(RIGHT);
        Self::seal(level, body);
        Ok(())
    }

    fn unprotect(
        &mut self,
        level: AuthLevel,
        pdu: PduParts<'_>,
        signature: &[u8],
    ) -> Result<(), ProtectionError> {
        let PduParts { body, after, .. } = pdu;
        assert_eq!(after.len(), 8);
        Self::seal(level, body);
        if signature.first() == Some(&RIGHT) { Ok(()) } else { Err(ProtectionError) }
    }
}

/// Makes PDUs with valid lengths from records of type, flags, call, verifier and body. Random bytes hardly ever
/// have lengths that agree.
pub(super) fn pdus(input: &mut Input<'_>) -> Vec<u8> {
    let mut stream = Vec::new();
    while !input.is_empty() {
        let (ptype, flags, call_id) = (input.byte() % 20, input.byte(), input.byte() % 8);
        let verifier = input.byte();
        let length = usize::from(input.byte()) * if verifier & 0x40 == 0 { 1 } else { 16 };
        let body = input.take(length);
        let auth = if verifier & 0x80 == 0 { Vec::new() } else { self::verifier(verifier, input) };
        let auth_length = u16::try_from(auth.len().saturating_sub(8)).unwrap_or_default();
        let frag_length = u16::try_from(16 + body.len() + auth.len()).unwrap_or(u16::MAX);
        stream.extend([5, 0, ptype, flags, 0x10, 0, 0, 0]);
        stream.extend(frag_length.to_le_bytes());
        stream.extend(auth_length.to_le_bytes());
        stream.extend([call_id, 0, 0, 0]);
        stream.extend(body);
        stream.extend(auth);
    }
    stream
}

/// A `sec_trailer` and its token. The low bits of `choice` are the length of the padding.
fn verifier(choice: u8, input: &mut Input<'_>) -> Vec<u8> {
    let (level, context, length) = (input.byte() % 8, input.byte() % 4, input.byte() % 32);
    let mut verifier = vec![10, level, choice % 16, 0, context, 0, 0, 0];
    verifier.extend(input.take(usize::from(length)));
    if verifier.len() == 8 {
        verifier.push(RIGHT);
    }
    verifier
}
