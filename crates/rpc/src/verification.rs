//! The verification trailer ([MS-RPCE] 2.2.2.13). A client appends it to a stub, so that the server detects
//! modified headers if headers are not signed.

use wire::{Decode, Encode, Endian, Reader, Result, Writer};

use crate::pdu::{DataRepresentation, PduType, SyntaxId};

/// The first bytes of a trailer ([MS-RPCE] 2.2.2.13.1).
pub const SIGNATURE: [u8; 8] = [0x8a, 0xe3, 0x13, 0x71, 0x02, 0xf4, 0x36, 0x71];

/// The number of bytes at the end of a stub that are searched for a trailer.
const SEARCHED: usize = 1024;

const COMMAND_MASK: u16 = 0x3fff;
const BITMASK_1: u16 = 1;
const PCONTEXT: u16 = 2;
const HEADER2: u16 = 3;
/// The last command ([MS-RPCE] 2.2.2.13 `SEC_VT_COMMAND_END`).
const END: u16 = 0x4000;
/// A receiver that does not know the command must refuse the call (`SEC_VT_MUST_PROCESS_COMMAND`).
const MUST_PROCESS: u16 = 0x8000;

/// In [`VerificationTrailer::bitmask`]: the client supports header signing, and announced it in its bind.
pub const CLIENT_SUPPORT_HEADER_SIGNING: u32 = 1;

/// A verification trailer's commands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerificationTrailer {
    /// `rpc_sec_vt_bitmask` ([MS-RPCE] 2.2.2.13.2).
    pub bitmask: Option<u32>,
    /// `rpc_sec_vt_pcontext` ([MS-RPCE] 2.2.2.13.4): the interface and the transfer syntax.
    pub pcontext: Option<(SyntaxId, SyntaxId)>,
    /// `rpc_sec_vt_header2` ([MS-RPCE] 2.2.2.13.3).
    pub header2: Option<Header2>,
    /// The trailer has an unknown command that must be processed.
    pub unknown_must_process: bool,
}

/// The parts of a request's header that a trailer repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header2 {
    /// The PDU's type.
    pub ptype: PduType,
    /// The data representation.
    pub drep: DataRepresentation,
    /// The call id.
    pub call_id: u32,
    /// The presentation context.
    pub context_id: u16,
    /// The operation number.
    pub opnum: u16,
}

/// The values that a trailer must repeat.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// Whether the bind's header had `PFC_SUPPORT_HEADER_SIGN`.
    pub bind_header_signing: bool,
    /// The interface as the client named it in its bind, and the transfer syntax.
    pub pcontext: (SyntaxId, SyntaxId),
    /// The request's header.
    pub header2: Header2,
}

impl VerificationTrailer {
    /// The trailer at the end of `stub`, and its offset. The offset is a multiple of four, and the commands end with
    /// the stub; other occurrences of the signature are data of the stub.
    pub fn find(stub: &[u8], endian: Endian) -> Option<(usize, Self)> {
        let first = stub.len().saturating_sub(SEARCHED).next_multiple_of(4);
        let mut candidates = (first..stub.len()).step_by(4);
        candidates.find_map(|start| {
            let commands = stub.get(start..)?.strip_prefix(&SIGNATURE)?;
            let mut r = Reader::with_endian(commands, endian);
            let trailer = Self::decode_commands(&mut r).ok()?;
            r.is_empty().then_some((start, trailer))
        })
    }

    fn decode_commands(r: &mut Reader<'_>) -> Result<Self> {
        let mut trailer = Self::default();
        loop {
            let command = r.u16("command")?;
            let length = usize::from(r.u16("length")?);
            let mut value = r.sub(length, "value")?;
            match command & COMMAND_MASK {
                BITMASK_1 => trailer.bitmask = Some(value.u32("bits")?),
                PCONTEXT => {
                    let interface = SyntaxId::decode(&mut value)?;
                    trailer.pcontext = Some((interface, SyntaxId::decode(&mut value)?));
                }
                HEADER2 => trailer.header2 = Some(Header2::decode(&mut value)?),
                _ if command & MUST_PROCESS != 0 => trailer.unknown_must_process = true,
                _ => {}
            }
            if command & END != 0 {
                return Ok(trailer);
            }
        }
    }

    /// Whether all commands of the trailer match `expected`.
    pub fn matches(&self, expected: &Expected) -> bool {
        let claims_signing = self.bitmask.is_some_and(|bits| bits & CLIENT_SUPPORT_HEADER_SIGNING != 0);
        !(self.unknown_must_process || claims_signing && !expected.bind_header_signing)
            && self.pcontext.is_none_or(|found| found == expected.pcontext)
            && self.header2.is_none_or(|found| found == expected.header2)
    }

    /// The bytes that follow a stub of `stub_length` bytes: padding to a multiple of four, then the trailer.
    ///
    /// # Errors
    /// Never: every value fits its field.
    pub fn to_tail(&self, stub_length: usize) -> Result<Vec<u8>> {
        let mut commands = Vec::new();
        if let Some(bits) = self.bitmask {
            commands.push((BITMASK_1, bits.to_le_bytes().to_vec()));
        }
        if let Some((interface, transfer)) = &self.pcontext {
            commands.push((PCONTEXT | MUST_PROCESS, [interface.to_bytes()?, transfer.to_bytes()?].concat()));
        }
        if let Some(header) = &self.header2 {
            commands.push((HEADER2 | MUST_PROCESS, header.to_bytes()?));
        }
        if commands.is_empty() {
            commands.push((BITMASK_1, vec![0; 4]));
        }
        if let Some((code, _)) = commands.last_mut() {
            *code |= END;
        }
        let mut w = Writer::with_capacity(96);
        w.zeros(stub_length.wrapping_neg() % 4).bytes(&SIGNATURE);
        for (code, value) in commands {
            w.u16(code).len16(value.len(), "length")?.bytes(&value);
        }
        Ok(w.into_vec())
    }
}

impl Encode for Header2 {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u8(self.ptype.0).u8(0).u16(0).bytes(&self.drep.0);
        w.u32(self.call_id).u16(self.context_id).u16(self.opnum);
        Ok(())
    }
}

impl<'a> Decode<'a> for Header2 {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let ptype = PduType(r.u8("PTYPE")?);
        r.bytes(3, "Reserved")?;
        Ok(Self {
            ptype,
            drep: DataRepresentation(r.array("drep")?),
            call_id: r.u32("call_id")?,
            context_id: r.u16("p_cont_id")?,
            opnum: r.u16("opnum")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn full() -> VerificationTrailer {
        VerificationTrailer {
            bitmask: Some(CLIENT_SUPPORT_HEADER_SIGNING),
            pcontext: Some((SyntaxId::NDR64, SyntaxId::NDR)),
            header2: Some(Header2 {
                ptype: PduType::REQUEST,
                drep: DataRepresentation::LITTLE,
                call_id: 7,
                context_id: 1,
                opnum: 11,
            }),
            unknown_must_process: false,
        }
    }

    fn expected() -> Expected {
        let full = full();
        Expected {
            bind_header_signing: true,
            pcontext: full.pcontext.unwrap(),
            header2: full.header2.unwrap(),
        }
    }

    #[test]
    fn each_mismatch_is_detected() {
        assert!(full().matches(&expected()));
        assert!(!full().matches(&Expected { bind_header_signing: false, ..expected() }));
        assert!(!full().matches(&Expected { pcontext: (SyntaxId::NDR, SyntaxId::NDR), ..expected() }));
        let header2 = Header2 { opnum: 12, ..expected().header2 };
        assert!(!full().matches(&Expected { header2, ..expected() }));
    }

    #[test]
    fn an_unknown_command_that_must_be_processed_is_reported() {
        let mut stub = SIGNATURE.to_vec();
        stub.extend_from_slice(&[0x09, 0xc0, 0, 0]);
        let (start, trailer) = VerificationTrailer::find(&stub, Endian::Little).unwrap();
        assert_eq!(start, 0);
        assert!(!trailer.matches(&expected()));
        stub[9] = 0x40;
        let (_, trailer) = VerificationTrailer::find(&stub, Endian::Little).unwrap();
        assert!(trailer.matches(&expected()));
    }

    #[test]
    fn a_signature_within_a_stub_begins_no_trailer() {
        let mut stub = SIGNATURE.to_vec();
        stub.extend_from_slice(&[0xff; 24]);
        assert_eq!(VerificationTrailer::find(&stub, Endian::Little), None);
    }

    #[test]
    fn a_verification_trailer_of_windows_is_decoded() {
        let tail = VerificationTrailer { pcontext: None, header2: None, ..full() }.to_tail(3).unwrap();
        assert_eq!(
            tail,
            [0, 0x8a, 0xe3, 0x13, 0x71, 0x02, 0xf4, 0x36, 0x71, 0x01, 0x40, 0x04, 0, 1, 0, 0, 0]
        );
    }

    proptest! {
        #[test]
        fn a_trailer_behind_a_stub_is_found(mut stub in proptest::collection::vec(any::<u8>(), 0..3000)) {
            let length = stub.len();
            stub.extend(full().to_tail(length).unwrap());
            let (start, found) = VerificationTrailer::find(&stub, Endian::Little).unwrap();
            prop_assert_eq!(start, length.next_multiple_of(4));
            prop_assert_eq!(found, full());
        }

        #[test]
        fn no_bytes_cause_a_panic(stub in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut stub = stub;
            stub.splice(0..0, SIGNATURE);
            let _ = VerificationTrailer::find(&stub, Endian::Big);
        }
    }
}
