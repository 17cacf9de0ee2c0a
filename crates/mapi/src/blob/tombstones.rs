//! `PidTagScheduleInfoAppointmentTombstone` ([MS-OXOCAL] 2.2.12.5).

use wire::{Decode, Encode, Reader, Result, Writer};

use super::calendar::GlobalObjectId;
use super::minutes::since_1601;
use super::packed::block;
use crate::inspect::{Inspect, Node, string8};

/// `PidTagScheduleInfoAppointmentTombstone`: meetings that were declined ([MS-OXOCAL] 2.2.12.5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tombstones {
    /// The version of the format, 3.
    pub version: u32,
    /// `RecordsSize`: 20; ignored.
    pub records_size: u32,
    /// The declined meetings.
    pub records: Vec<Tombstone>,
    /// The bytes after the meetings.
    pub rest: Vec<u8>,
}

/// A meeting that was declined ([MS-OXOCAL] 2.2.12.5.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tombstone {
    /// `StartTime` and `EndTime`, in minutes since 1601, in UTC.
    pub times: [u32; 2],
    /// The `PidLidGlobalObjectId` of the meeting.
    pub global_object_id: Vec<u8>,
    /// The name of the user who declined it, in the client's code page.
    pub user_name: Vec<u8>,
}

/// The first four bytes (`Identifier`).
const IDENTIFIER: u32 = 0xBEDE_AFCD;
/// The value of `HeaderSize`, in bytes.
const HEADER_SIZE: u32 = 0x14;

impl<'a> Decode<'a> for Tombstone {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let times = [r.u32("StartTime")?, r.u32("EndTime")?];
        let global_object_id = block(r, "GlobalObjectId")?;
        let size = r.u16("UsernameSize")?;
        let user_name = r.bytes(usize::from(size), "Username")?.to_vec();
        Ok(Self { times, global_object_id, user_name })
    }
}

impl Encode for Tombstone {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.times[0]).u32(self.times[1]);
        w.len32(self.global_object_id.len(), "GlobalObjectIdSize")?.bytes(&self.global_object_id);
        w.len16(self.user_name.len(), "UsernameSize")?.bytes(&self.user_name);
        Ok(())
    }
}

impl<'a> Decode<'a> for Tombstones {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        for (field, expected) in [("Identifier", IDENTIFIER), ("HeaderSize", HEADER_SIZE)] {
            let found = r.u32(field)?;
            if found != expected {
                return Err(r.invalid(field, found.into(), "the header of appointment tombstones"));
            }
        }
        let version = r.u32("Version")?;
        let count = r.u32("RecordsCount")?;
        let records_size = r.u32("RecordsSize")?;
        let count = r.count(count, 14, u32::MAX, "RecordsCount")?;
        let records = (0..count).map(|_| Tombstone::decode(r)).collect::<Result<_>>()?;
        Ok(Self { version, records_size, records, rest: r.rest().to_vec() })
    }
}

impl Encode for Tombstones {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(IDENTIFIER).u32(HEADER_SIZE).u32(self.version);
        w.len32(self.records.len(), "RecordsCount")?.u32(self.records_size);
        self.records.iter().try_for_each(|record| record.encode(w))?;
        w.bytes(&self.rest);
        Ok(())
    }
}

impl Inspect for Tombstones {
    fn to_node(&self) -> Node {
        let one = |record: &Tombstone| {
            let [start, end] = record.times.map(|minutes| since_1601(minutes).to_node());
            let id = &record.global_object_id;
            let id =
                GlobalObjectId::from_bytes(id).map_or_else(|_| Node::Bytes(id.clone()), |id| id.to_node());
            Node::Fields(vec![
                ("start".into(), start),
                ("end".into(), end),
                ("meeting".into(), id),
                ("user_name".into(), string8(&record.user_name)),
            ])
        };
        Node::List(self.records.iter().map(one).collect())
    }
}
