//! The common elements of the messages: signature, type, and the variable parts after the fixed fields.

use wire::{Error, ErrorKind, Reader, Result, Writer};

/// The largest accepted token, in bytes. Those of Windows are smaller than 3,000 bytes.
pub const MAX_TOKEN: usize = 16_384;

/// The position of a variable part in a message ([MS-NLMP] 2.2.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Field {
    /// The length of the part, in bytes.
    pub length: u16,
    /// Should be the length again; ignored.
    pub maximum: u16,
    /// The offset of the part from the start of the message.
    pub offset: u32,
}

impl Field {
    pub(super) fn decode(r: &mut Reader<'_>, name: &'static str) -> Result<Self> {
        Ok(Self { length: r.u16(name)?, maximum: r.u16(name)?, offset: r.u32(name)? })
    }

    pub(super) fn encode(self, w: &mut Writer) {
        w.u16(self.length).u16(self.maximum).u32(self.offset);
    }

    /// The part's bytes, in a payload that starts at `start`.
    pub(super) fn slice<'a>(self, payload: &'a [u8], start: usize, name: &'static str) -> Result<&'a [u8]> {
        if self.length == 0 {
            return Ok(&[]);
        }
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let length = usize::from(self.length);
        let found = offset
            .checked_sub(start)
            .and_then(|from| payload.get(from..))
            .and_then(|tail| tail.get(..length));
        found.ok_or_else(|| {
            let available = payload.len().saturating_add(start).saturating_sub(offset);
            Error::new(ErrorKind::Truncated { needed: length, available }, name, offset)
        })
    }
}

/// Collects the variable parts of a message.
pub(super) struct Payload {
    pub(super) start: usize,
    pub(super) bytes: Vec<u8>,
}

impl Payload {
    pub(super) fn put(&mut self, part: &[u8], name: &'static str) -> Result<Field> {
        let too_long = |limit| {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            Error::new(ErrorKind::TooLong { length, limit }, name, 0)
        };
        let length = u16::try_from(part.len()).map_err(|_| too_long(u16::MAX.into()))?;
        let offset = self.start.saturating_add(self.bytes.len());
        let offset = u32::try_from(offset).map_err(|_| too_long(u32::MAX.into()))?;
        self.bytes.extend_from_slice(part);
        Ok(Field { length, maximum: length, offset })
    }
}

/// `Signature` ([MS-NLMP] 2.2.1).
pub(crate) const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

/// Reads the signature and the message type, which must be `message_type`; `expected` is its name in errors.
pub(super) fn header(r: &mut Reader<'_>, message_type: u32, expected: &'static str) -> Result<()> {
    if r.array::<8>("Signature")? != *SIGNATURE {
        return Err(r.error(ErrorKind::Text { expected: "NTLMSSP and a zero" }, "Signature"));
    }
    let found = r.u32("MessageType")?;
    if found != message_type {
        return Err(r.invalid("MessageType", found.into(), expected));
    }
    Ok(())
}
