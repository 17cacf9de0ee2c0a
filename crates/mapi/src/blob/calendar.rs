//! `PidLidGlobalObjectId` ([MS-OXOCAL] 2.2.1.27).

use wire::{Decode, Encode, FileTime, Reader, Result, Writer};

use crate::inspect::{Inspect, Node, string8};

/// `PidLidGlobalObjectId`: identifies a meeting or one of its occurrences ([MS-OXOCAL] 2.2.1.27).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlobalObjectId {
    /// The year of the occurrence; zero for the whole series.
    pub year: u16,
    /// The month of the occurrence.
    pub month: u8,
    /// The day of the occurrence.
    pub day: u8,
    /// The time at which the identifier was created.
    pub creation_time: FileTime,
    /// Reserved; zero.
    pub x: [u8; 8],
    /// The bytes that make the identifier unique.
    pub data: Vec<u8>,
}

/// The first bytes of each identifier (`Byte Array ID`).
const ID: [u8; 16] =
    [0x04, 0x00, 0x00, 0x00, 0x82, 0x00, 0xE0, 0x00, 0x74, 0xC5, 0xB7, 0x10, 0x1A, 0x82, 0xE0, 0x08];

/// The prefix of data that contain the UID of an iCalendar object ([MS-OXCICAL] 2.1.3.1.1.20.26).
const V_CAL_UID: &[u8] = b"vCal-Uid\x01\0\0\0";

impl<'a> Decode<'a> for GlobalObjectId {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let id = r.array::<16>("ByteArrayID")?;
        if id != ID {
            return Err(r.invalid("ByteArrayID", u64::from(id[0]), "the Byte Array ID of global object ids"));
        }
        let [high, low] = r.array("YH")?;
        let year = u16::from_be_bytes([high, low]);
        let (month, day) = (r.u8("M")?, r.u8("D")?);
        let creation_time = FileTime(r.u64("CreationTime")?);
        let x = r.array("X")?;
        let size = r.u32("Size")?;
        let data = r.bytes(usize::try_from(size).unwrap_or(usize::MAX), "Data")?.to_vec();
        Ok(Self { year, month, day, creation_time, x, data })
    }
}

impl Encode for GlobalObjectId {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.bytes(&ID).bytes(&self.year.to_be_bytes()).u8(self.month).u8(self.day);
        w.u64(self.creation_time.0).bytes(&self.x).len32(self.data.len(), "Size")?.bytes(&self.data);
        Ok(())
    }
}

impl Inspect for GlobalObjectId {
    fn to_node(&self) -> Node {
        let mut fields = Vec::new();
        if (self.year, self.month, self.day) != (0, 0, 0) {
            let date = format!("{:04}-{:02}-{:02}", self.year, self.month, self.day);
            fields.push(("occurrence".into(), Node::Text(date)));
        }
        if self.creation_time.0 != 0 {
            fields.push(("creation_time".into(), self.creation_time.to_node()));
        }
        fields.push(match self.data.strip_prefix(V_CAL_UID) {
            Some(uid) => ("uid".into(), string8(uid.strip_suffix(b"\0").unwrap_or(uid))),
            None => ("data".into(), Node::Bytes(self.data.clone())),
        });
        Node::Fields(fields)
    }
}
