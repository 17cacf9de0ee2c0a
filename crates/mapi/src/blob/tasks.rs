//! Properties of tasks and of flagged messages.

use wire::{Decode, Encode, Reader, Result, Writer, utf16_length};

use super::entry_ids::entry_id_or_bytes;
use super::minutes::local_time;
use super::packed::block;
use crate::inspect::{Inspect, Node, string8, string16};
use crate::zero_terminated::{read_string8, read_unicode, write_string8, write_unicode};

/// `PidLidTaskAssigners`: the users who assigned a task; the last one is at the end ([MS-OXOTASK] 2.2.2.2.16).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskAssigners {
    /// The users, in order.
    pub assigners: Vec<TaskAssigner>,
    /// The bytes after the users.
    pub rest: Vec<u8>,
}

/// A user who assigned a task.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskAssigner {
    /// The entry id of the user, which clients write with its length.
    pub entry_id: Vec<u8>,
    /// `szDisplayName`: the name of the user, in the client's code page.
    pub narrow_name: Vec<u8>,
    /// `wzDisplayName`: the name of the user.
    pub name: wire::Utf16,
    /// The bytes after the names.
    pub rest: Vec<u8>,
}

impl<'a> Decode<'a> for TaskAssigner {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Self {
            entry_id: block(r, "EID")?,
            narrow_name: read_string8(r, "szDisplayName")?.to_vec(),
            name: read_unicode(r, "wzDisplayName")?,
            rest: r.rest().to_vec(),
        })
    }
}

impl Encode for TaskAssigner {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.len32(self.entry_id.len(), "cbEntryID")?.bytes(&self.entry_id);
        write_string8(w, &self.narrow_name, "szDisplayName")?;
        write_unicode(w, &self.name, "wzDisplayName")?;
        w.bytes(&self.rest);
        Ok(())
    }
}

impl<'a> Decode<'a> for TaskAssigners {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let count = r.u32("cAssigners")?;
        // The minimum size: a length, an empty entry id with its length, and two empty names.
        let count = r.count(count, 11, u32::MAX, "cAssigners")?;
        let mut assigners = Vec::with_capacity(count.min(16));
        for _ in 0..count {
            let length = r.u32("cbAssigner")?;
            let mut assigner = r.sub(usize::try_from(length).unwrap_or(usize::MAX), "assigner")?;
            assigners.push(TaskAssigner::decode(&mut assigner)?);
        }
        Ok(Self { assigners, rest: r.rest().to_vec() })
    }
}

impl Encode for TaskAssigners {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.len32(self.assigners.len(), "cAssigners")?;
        for assigner in &self.assigners {
            let mark = w.mark32();
            assigner.encode(w)?;
            let length = w.since(mark, 4);
            w.fill32(mark, length, "cbAssigner")?;
        }
        w.bytes(&self.rest);
        Ok(())
    }
}

impl Inspect for TaskAssigners {
    fn to_node(&self) -> Node {
        let one = |assigner: &TaskAssigner| {
            let name = assigner.name.to_node();
            let name = if assigner.name.is_empty() { string8(&assigner.narrow_name) } else { name };
            Node::Fields(vec![
                ("name".into(), name),
                ("entry_id".into(), entry_id_or_bytes(&assigner.entry_id)),
            ])
        };
        Node::List(self.assigners.iter().map(one).collect())
    }
}

/// `PidTagSwappedToDoData`: a second set of the properties of a flagged message ([MS-OXOFLAG] 2.2.1.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwappedToDoData {
    /// `ulVersion`: the version of the format, 1.
    pub version: u32,
    /// `dwFlags`: the fields that are valid.
    pub flags: u32,
    /// `dwToDoItem`: the value of `PidTagToDoItemFlags`.
    pub to_do_item: u32,
    /// `wszFlagTo`: the value of `PidLidFlagRequest`, in zero-terminated UTF-16.
    pub flag_to: [u8; 512],
    /// `rtmStartDate`, `rtmDueDate` and `rtmReminder`, in minutes since 1601.
    pub times: [u32; 3],
    /// `fReminderSet`: 1 if a reminder is set, 0 otherwise.
    pub reminder_set: u32,
}

impl<'a> Decode<'a> for SwappedToDoData {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Self {
            version: r.u32("ulVersion")?,
            flags: r.u32("dwFlags")?,
            to_do_item: r.u32("dwToDoItem")?,
            flag_to: r.array("wszFlagTo")?,
            times: [r.u32("rtmStartDate")?, r.u32("rtmDueDate")?, r.u32("rtmReminder")?],
            reminder_set: r.u32("fReminderSet")?,
        })
    }
}

impl Encode for SwappedToDoData {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.version).u32(self.flags).u32(self.to_do_item).bytes(&self.flag_to);
        w.u32(self.times[0]).u32(self.times[1]).u32(self.times[2]).u32(self.reminder_set);
        Ok(())
    }
}

impl Inspect for SwappedToDoData {
    fn to_node(&self) -> Node {
        let text = self.flag_to.get(..utf16_length(&self.flag_to).unwrap_or(self.flag_to.len()));
        let [start, due, reminder] = self.times.map(|minutes| Node::Text(local_time(minutes)));
        Node::Fields(vec![
            ("version".into(), self.version.to_node()),
            ("flags".into(), self.flags.to_node()),
            ("to_do_item".into(), self.to_do_item.to_node()),
            ("flag_to".into(), string16(text.unwrap_or_default())),
            ("start_date".into(), start),
            ("due_date".into(), due),
            ("reminder".into(), reminder),
            ("reminder_set".into(), self.reminder_set.to_node()),
        ])
    }
}
