//! Splits a byte stream into PDUs.

use bytes::{Bytes, BytesMut};
use wire::Error;

use crate::pdu::{HEADER_SIZE, Header};

/// The largest fragment before a size is negotiated, and the size that a client proposes, in bytes. Windows
/// proposes the same over TCP.
pub const DEFAULT_MAX_FRAGMENT: u16 = 5840;

/// The fragment size that every peer must accept, in bytes (C706 12.6.3.1 `MustRecvFragSize`).
pub const MIN_MAX_FRAGMENT: u16 = 1432;

/// The least fragment size in a `bind_ack`, in bytes, as on Windows. A client that accepts less gets smaller
/// fragments.
pub(crate) const MIN_AGREED_FRAGMENT: u16 = 2048;

/// Collects received bytes and returns complete PDUs.
///
/// The length of a PDU is checked as soon as its header is complete, before the rest arrives. Only bytes that
/// were pushed are buffered.
#[derive(Debug)]
pub struct Framer {
    buffer: BytesMut,
    max_fragment: u16,
    max_setup_fragment: u16,
}

/// Why a header cannot begin a PDU.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The header is invalid.
    #[error("{0}")]
    Header(Error),
    /// The PDU's verifier is longer than the PDU.
    #[error("{error}")]
    Verifier {
        /// The PDU's header.
        header: Header,
        /// What is wrong with the header.
        error: Error,
    },
    /// The PDU is longer than negotiated.
    #[error("PDU of {} bytes exceeds the limit of {limit}", header.frag_length)]
    TooLong {
        /// The PDU's header.
        header: Header,
        /// The longest accepted PDU, in bytes.
        limit: u16,
    },
}

impl Framer {
    /// A framer for requests and responses of up to `max_fragment` bytes, and PDUs of binds and handshakes,
    /// whose tokens cannot be fragmented, of up to `max_setup_fragment` bytes.
    pub fn new(max_fragment: u16, max_setup_fragment: u16) -> Self {
        Self { buffer: BytesMut::new(), max_fragment, max_setup_fragment }
    }

    /// Sets the largest fragment, in bytes, once it is negotiated.
    pub const fn set_max_fragment(&mut self, max_fragment: u16) {
        self.max_fragment = max_fragment;
    }

    /// Adds received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// How many bytes are buffered.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Discards the buffered bytes.
    pub fn clear(&mut self) {
        self.buffer = BytesMut::new();
    }

    /// Takes the buffered bytes, for another reader of the stream.
    pub fn into_rest(self) -> Bytes {
        self.buffer.freeze()
    }

    /// The next PDU, once it is complete.
    ///
    /// # Errors
    /// When the next bytes cannot be a PDU. The stream cannot be read any further, since the next PDU's start
    /// is unknown.
    pub fn next_pdu(&mut self) -> Result<Option<(Header, BytesMut)>, FrameError> {
        if self.buffer.len() < HEADER_SIZE {
            return Ok(None);
        }
        let header = Header::of_any_verifier(&self.buffer).map_err(FrameError::Header)?;
        header.check_verifier().map_err(|error| FrameError::Verifier { header, error })?;
        let limit = if header.ptype.is_setup() { self.max_setup_fragment } else { self.max_fragment };
        if header.frag_length > limit {
            return Err(FrameError::TooLong { header, limit });
        }
        let length = usize::from(header.frag_length);
        if self.buffer.len() < length {
            return Ok(None);
        }
        // An empty buffer keeps no memory.
        let is_all = self.buffer.len() == length;
        let pdu = if is_all { std::mem::take(&mut self.buffer) } else { self.buffer.split_to(length) };
        Ok(Some((header, pdu)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pdu::{Body, Pdu, Request};
    use wire::Encode;

    fn pdu(call_id: u32, stub: &[u8]) -> Vec<u8> {
        let request = Request { alloc_hint: 0, context_id: 0, opnum: 1, object: None, stub };
        Pdu::new(call_id, Body::Request(request)).to_bytes().unwrap()
    }

    #[test]
    fn a_length_under_the_header_is_refused() {
        let mut bytes = pdu(1, b"");
        bytes[8] = 15;
        let mut framer = Framer::new(5840, 5840);
        framer.push(&bytes);
        assert!(matches!(framer.next_pdu(), Err(FrameError::Header(_))));
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_the_bytes_arrive() {
        let mut bytes = pdu(1, b"");
        bytes[8..10].copy_from_slice(&5841_u16.to_le_bytes());
        let mut framer = Framer::new(5840, 65_535);
        framer.push(&bytes[..16]);
        let error = framer.next_pdu().unwrap_err();
        assert_eq!(error.to_string(), "PDU of 5841 bytes exceeds the limit of 5840");
        // A bind may be larger, since it has a whole Kerberos ticket.
        bytes[2] = 11;
        let mut framer = Framer::new(5840, 65_535);
        framer.push(&bytes[..16]);
        assert_eq!(framer.next_pdu(), Ok(None));
    }

    #[test]
    fn a_verifier_longer_than_the_pdu_is_refused() {
        let mut bytes = pdu(1, b"12345678");
        bytes[10] = 9;
        let mut framer = Framer::new(5840, 5840);
        framer.push(&bytes);
        assert!(matches!(framer.next_pdu(), Err(FrameError::Verifier { .. })));
    }

    proptest! {
        #[test]
        fn pdus_are_returned_however_the_stream_is_split(
            stubs in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..8),
            cut in 1_usize..50,
        ) {
            let pdus: Vec<Vec<u8>> = (1..).zip(&stubs).map(|(id, stub)| pdu(id, stub)).collect();
            let mut framer = Framer::new(5840, 5840);
            let mut seen = Vec::new();
            for piece in pdus.concat().chunks(cut) {
                framer.push(piece);
                while let Some((_, pdu)) = framer.next_pdu().unwrap() {
                    seen.push(pdu.to_vec());
                }
            }
            prop_assert_eq!(seen, pdus);
            prop_assert_eq!(framer.buffered(), 0);
        }
    }
}
