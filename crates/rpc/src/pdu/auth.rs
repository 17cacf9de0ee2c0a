//! The security trailer of a PDU ([MS-RPCE] 2.2.2.11).

use wire::{Decode, Encode, Error, Reader, Result, Writer};

use super::codes::{AuthLevel, AuthType, PduType};
use super::header::{HEADER_SIZE, Header, SEC_TRAILER_SIZE};

/// The fixed part of a verifier ([MS-RPCE] 2.2.2.11 `sec_trailer`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecTrailer {
    /// The security package.
    pub auth_type: AuthType,
    /// The authentication level.
    pub auth_level: AuthLevel,
    /// The padding before this structure, in bytes.
    pub auth_pad_length: u8,
    /// Reserved.
    pub auth_reserved: u8,
    /// The client's number for the security context.
    pub auth_context_id: u32,
}

impl Encode for SecTrailer {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u8(self.auth_type.0).u8(self.auth_level.0).u8(self.auth_pad_length).u8(self.auth_reserved);
        w.u32(self.auth_context_id);
        Ok(())
    }
}

impl<'a> Decode<'a> for SecTrailer {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Self {
            auth_type: AuthType(r.u8("auth_type")?),
            auth_level: AuthLevel(r.u8("auth_level")?),
            auth_pad_length: r.u8("auth_pad_length")?,
            auth_reserved: r.u8("auth_reserved")?,
            auth_context_id: r.u32("auth_context_id")?,
        })
    }
}

impl SecTrailer {
    /// Reads the trailer of the complete PDU `pdu`, and returns its offset. `None` without a verifier.
    ///
    /// # Errors
    /// When the padding overlaps the fixed fields of the PDU type.
    pub fn find(header: &Header, pdu: &[u8]) -> Result<Option<(usize, Self)>> {
        if header.auth_length == 0 {
            return Ok(None);
        }
        let size = SEC_TRAILER_SIZE.saturating_add(usize::from(header.auth_length));
        let start = pdu.len().checked_sub(size).filter(|start| *start >= HEADER_SIZE);
        let length = u64::from(header.auth_length);
        let start = start.ok_or_else(|| Error::invalid("auth_length", 10, length, "within the fragment"))?;
        let bytes = pdu.get(start..).unwrap_or_default();
        let trailer = Self::decode(&mut Reader::with_endian(bytes, header.drep.endian()?).at_offset(start))?;
        if usize::from(trailer.auth_pad_length) > start.saturating_sub(least_body_end(header.ptype)) {
            let pad = u64::from(trailer.auth_pad_length);
            let place = start.saturating_add(2);
            return Err(Error::invalid("auth_pad_length", place, pad, "no more than the body"));
        }
        Ok(Some((start, trailer)))
    }
}

/// The end of the fixed fields of a PDU type, which padding cannot overlap. As on Windows, the fixed fields
/// of a bind and of its response end with the association group, although presentation contexts always
/// follow.
const fn least_body_end(ptype: PduType) -> usize {
    match ptype {
        PduType::AUTH3 => HEADER_SIZE.saturating_add(4),
        ptype if ends_by_itself(ptype) => HEADER_SIZE.saturating_add(8),
        _ => HEADER_SIZE,
    }
}

/// Whether the end of the body follows from the fields of the PDU type.
const fn ends_by_itself(ptype: PduType) -> bool {
    ptype.is_setup() && ptype.0 != PduType::BIND_NAK.0
}

/// A verifier: the fixed part, and the data of the security package ([MS-RPCE] 2.2.2.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthVerifier<'a> {
    /// The fixed part. `auth_pad_length` zero bytes are written before it.
    pub trailer: SecTrailer,
    /// A token of the handshake, or a signature. Empty only in an `alter_context_resp`: Windows sends the
    /// fixed part there with an `auth_length` of zero, and readers skip it.
    pub token: &'a [u8],
}

impl<'a> AuthVerifier<'a> {
    /// The verifier of the complete PDU `pdu`, and the end of the body before it. The end of a bind or
    /// `alter_context` follows from its fields: `auth_pad_length` is ignored there, since some clients count
    /// wrongly.
    pub(crate) fn find(header: &Header, pdu: &'a [u8]) -> Result<(usize, Option<Self>)> {
        let Some((start, trailer)) = SecTrailer::find(header, pdu)? else { return Ok((pdu.len(), None)) };
        let token = pdu.get(start.saturating_add(SEC_TRAILER_SIZE)..).unwrap_or_default();
        let pad = if ends_by_itself(header.ptype) { 0 } else { usize::from(trailer.auth_pad_length) };
        let end = start.saturating_sub(pad);
        Ok((end, Some(Self { trailer, token })))
    }
}

impl Encode for AuthVerifier<'_> {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.zeros(usize::from(self.trailer.auth_pad_length));
        self.trailer.encode(w)?;
        w.bytes(self.token);
        Ok(())
    }
}
