//! RTS PDUs, which control the two channels of RPC over HTTP ([MS-RPCH] 2.2.3).
//!
//! A [`RtsPdu`] is a PDU of a separate type in the stream of connection-oriented PDUs, and consists of [`Command`]s.
//! [`RtsPdu::name`] is the message ([MS-RPCH] 2.2.4) that the commands form.

mod commands;
mod flags;
mod names;

use wire::{Decode, Encode, Error, ErrorKind, Reader, Result, Writer};

use crate::pdu::{DataRepresentation, Header, PduType, PfcFlags};

pub use self::commands::{ClientAddress, Command, CommandType, Destination, Padding};
pub use self::flags::RtsFlags;

/// The type of every RTS PDU ([MS-RPCH] 2.2.3.6.1).
pub const RTS: PduType = PduType(20);

/// One RTS PDU ([MS-RPCH] 2.2.3.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtsPdu {
    /// The common header. Its `frag_length` is derived from the rest when the PDU is written.
    pub header: Header,
    /// The part after the common header. Some clients send an echo request with the common header only.
    pub body: Option<RtsBody>,
}

/// The part of an RTS PDU after the common header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RtsBody {
    /// The flags, which state the purpose of the PDU.
    pub flags: RtsFlags,
    /// The commands, in order; at most 65,535.
    pub commands: Vec<Command>,
}

impl RtsPdu {
    /// A PDU of `commands`.
    pub const fn new(flags: RtsFlags, commands: Vec<Command>) -> Self {
        let whole = PfcFlags::FIRST_FRAG.with(PfcFlags::LAST_FRAG);
        Self { header: Header::new(RTS, whole, 0), body: Some(RtsBody { flags, commands }) }
    }

    /// The commands, in order.
    pub fn commands(&self) -> &[Command] {
        self.body.as_ref().map_or(&[], |body| &body.commands)
    }

    /// The flags, which state the purpose of the PDU; none if it is only a header.
    pub fn flags(&self) -> RtsFlags {
        self.body.as_ref().map_or(RtsFlags::NONE, |body| body.flags)
    }

    /// The name of the message, identified by its flags and commands, if it is one of those with which clients open and
    /// keep a virtual connection ([MS-RPCH] 2.2.4); `None` for any other.
    pub fn name(&self) -> Option<&'static str> {
        self.body.as_ref().map_or(Some(names::ECHO), |body| names::name_of(body.flags, &body.commands))
    }
}

impl Encode for RtsPdu {
    /// # Errors
    /// If the header is not that of an RTS PDU, or the PDU is longer than 65,535 bytes.
    fn encode(&self, w: &mut Writer) -> Result<()> {
        check(&self.header)?;
        let mut pdu = Writer::with_capacity(128);
        Header { frag_length: 0, ..self.header }.encode(&mut pdu)?;
        if let Some(body) = &self.body {
            pdu.u16(body.flags.0).len16(body.commands.len(), "NumberOfCommands")?;
            body.commands.iter().try_for_each(|command| command.encode(&mut pdu))?;
        }
        let length = u16::try_from(pdu.len()).map_err(|_| {
            let length = u64::try_from(pdu.len()).unwrap_or(u64::MAX);
            Error::new(ErrorKind::TooLong { length, limit: u64::from(u16::MAX) }, "frag_length", 8)
        })?;
        let mut bytes = pdu.into_vec();
        if let Some(place) = bytes.get_mut(8..10) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        w.bytes(&bytes);
        Ok(())
    }
}

impl<'a> Decode<'a> for RtsPdu {
    /// Reads one PDU of `frag_length` bytes.
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let header = Header::from_start(r.peek())?;
        check(&header)?;
        let mut pdu = r.sub(usize::from(header.frag_length), "frag_length")?;
        pdu.bytes(crate::pdu::HEADER_SIZE, "header")?;
        let body = if pdu.is_empty() { None } else { Some(decode_body(&mut pdu)?) };
        pdu.finish().map_err(|error| error.within("RTS"))?;
        Ok(Self { header, body })
    }
}

fn decode_body(r: &mut Reader<'_>) -> Result<RtsBody> {
    let flags = RtsFlags(r.u16("Flags")?);
    let count = r.u16("NumberOfCommands")?;
    let count = r.count(u32::from(count), 4, u32::from(u16::MAX), "NumberOfCommands")?;
    let commands = (0..count).map(|_| Command::decode(r)).collect::<Result<_>>()?;
    Ok(RtsBody { flags, commands })
}

/// Checks that a header is valid for an RTS PDU: without a verifier, and little-endian.
fn check(header: &Header) -> Result<()> {
    if header.ptype != RTS {
        let found = u64::from(header.ptype.0);
        return Err(Error::invalid("PTYPE", 2, found, "an RTS PDU's type, 20").within("RTS"));
    }
    if header.drep != header.drep.as_little() {
        let DataRepresentation([integers, ..]) = header.drep;
        return Err(Error::invalid("packed_drep", 4, u64::from(integers), "little-endian").within("RTS"));
    }
    if header.auth_length != 0 {
        let found = u64::from(header.auth_length);
        return Err(Error::invalid("auth_length", 10, found, "zero").within("RTS"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
