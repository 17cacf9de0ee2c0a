//! Exceptions of recurring appointments ([MS-OXOCAL] 2.2.1.44.2 to 2.2.1.44.5).

use std::borrow::Cow;

use wire::{Decode, Encode, Reader, Result, Writer};

use super::minutes::local_time;
use super::packed::{block, wide};
use crate::inspect::{Inspect, Node, string8, string16};

/// `ARO_SUBJECT` of [`ExceptionInfo::overrides`]: the subject differs from that of the series.
const SUBJECT: u16 = 0x0001;
/// `ARO_MEETINGTYPE`.
const MEETING_TYPE: u16 = 0x0002;
/// `ARO_REMINDERDELTA`.
const REMINDER_DELTA: u16 = 0x0004;
/// `ARO_REMINDER`.
const REMINDER: u16 = 0x0008;
/// `ARO_LOCATION`.
const LOCATION: u16 = 0x0010;
/// `ARO_BUSYSTATUS`.
const BUSY_STATUS: u16 = 0x0020;
/// `ARO_ATTACHMENT`.
const ATTACHMENT: u16 = 0x0040;
/// `ARO_SUBTYPE`.
const SUB_TYPE: u16 = 0x0080;
/// `ARO_APPTCOLOR`.
const COLOR: u16 = 0x0100;
/// `ARO_EXCEPTIONAL_BODY`: the body differs; there is no field for it.
const BODY: u16 = 0x0200;

/// The first `WriterVersion2` that writes a `ChangeHighlight` ([MS-OXOCAL] 2.2.1.44.3).
const WITH_HIGHLIGHT: u32 = 0x3009;

/// The numeric fields of an [`ExceptionInfo`] in their order, each with the flag that indicates its presence.
const NUMBERS: [(u16, &str); 7] = [
    (MEETING_TYPE, "meeting_type"),
    (REMINDER_DELTA, "reminder_minutes"),
    (REMINDER, "reminder"),
    (BUSY_STATUS, "busy_status"),
    (ATTACHMENT, "attachments"),
    (SUB_TYPE, "all_day"),
    (COLOR, "color"),
];

/// The number of [`NUMBERS`] that precede the location.
const BEFORE_LOCATION: usize = 3;

/// The modified occurrences of an appointment ([MS-OXOCAL] 2.2.1.44.5, from `ExceptionInfo` to `ReservedBlock2`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exceptions {
    /// `ExceptionInfo`, for each modified occurrence.
    pub infos: Vec<ExceptionInfo>,
    /// `ReservedBlock1`.
    pub reserved1: Vec<u8>,
    /// `ExtendedException`, for each modified occurrence.
    pub extended: Vec<ExtendedException>,
    /// `ReservedBlock2`.
    pub reserved2: Vec<u8>,
    /// Bytes that some clients append.
    pub rest: Vec<u8>,
}

/// A modified occurrence ([MS-OXOCAL] 2.2.1.44.2). Times are in minutes since 1601, in local time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExceptionInfo {
    /// `StartDateTime`, `EndDateTime` and `OriginalStartTime`.
    pub times: [u32; 3],
    /// `OverrideFlags`: the properties that differ from the series.
    pub overrides: u16,
    /// The subject, in the client's code page.
    pub subject: Option<Text8>,
    /// The location, in the client's code page.
    pub location: Option<Text8>,
    /// Those of `MeetingType`, `ReminderDelta`, `ReminderSet`, `BusyStatus`, `Attachment`, `SubType` and
    /// `AppointmentColor` whose flag is set in `overrides`.
    pub numbers: Vec<u32>,
}

/// A text that follows two lengths, the first of which is one greater than the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text8 {
    /// The first length, as received.
    pub longer: u16,
    /// The text, in the client's code page.
    pub bytes: Vec<u8>,
}

/// The Unicode part of a modified occurrence ([MS-OXOCAL] 2.2.1.44.4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExtendedException {
    /// `ChangeHighlight`: the properties that were changed when the meeting was last sent, and reserved bytes. Present
    /// from `WriterVersion2` 0x3009 on.
    pub highlight: Option<Vec<u8>>,
    /// `ReservedBlockEE1`.
    pub reserved1: Vec<u8>,
    /// The subject and location; present if one of them differs from the series.
    pub wide: Option<WideException>,
}

/// The subject and location of a modified occurrence in Unicode.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WideException {
    /// `StartDateTime`, `EndDateTime` and `OriginalStartDate`.
    pub times: [u32; 3],
    /// The subject, in UTF-16.
    pub subject: Option<Vec<u8>>,
    /// The location, in UTF-16.
    pub location: Option<Vec<u8>>,
    /// `ReservedBlockEE2`.
    pub reserved2: Vec<u8>,
}

fn times(r: &mut Reader<'_>) -> Result<[u32; 3]> {
    Ok([r.u32("StartDateTime")?, r.u32("EndDateTime")?, r.u32("OriginalStartTime")?])
}

fn write_wide(w: &mut Writer, text: &[u8], field: &'static str) -> Result<()> {
    w.len16(text.len() / 2, field)?.bytes(text);
    Ok(())
}

impl<'a> Decode<'a> for Text8 {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let (longer, length) = (r.u16("Length")?, r.u16("Length2")?);
        Ok(Self { longer, bytes: r.bytes(usize::from(length), "text")?.to_vec() })
    }
}

impl Encode for Text8 {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u16(self.longer).len16(self.bytes.len(), "Length2")?.bytes(&self.bytes);
        Ok(())
    }
}

impl<'a> Decode<'a> for ExceptionInfo {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let (times, overrides) = (times(r)?, r.u16("OverrideFlags")?);
        let mut numbers = Vec::new();
        let has = |flag: u16| overrides & flag != 0;
        let subject = has(SUBJECT).then(|| Text8::decode(r)).transpose()?;
        let (before, behind) = NUMBERS.split_at(BEFORE_LOCATION);
        for (_, name) in before.iter().filter(|(flag, _)| has(*flag)) {
            numbers.push(r.u32(name)?);
        }
        let location = has(LOCATION).then(|| Text8::decode(r)).transpose()?;
        for (_, name) in behind.iter().filter(|(flag, _)| has(*flag)) {
            numbers.push(r.u32(name)?);
        }
        Ok(Self { times, overrides, subject, location, numbers })
    }
}

impl ExceptionInfo {
    /// Returns the numeric fields with their names.
    fn named(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let present = NUMBERS.iter().filter(|(flag, _)| self.overrides & flag != 0);
        present.zip(&self.numbers).map(|((_, name), number)| (*name, *number))
    }

    fn numbers_before_location(&self) -> usize {
        let (before, _) = NUMBERS.split_at(BEFORE_LOCATION);
        before.iter().filter(|(flag, _)| self.overrides & flag != 0).count()
    }
}

impl Encode for ExceptionInfo {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.times[0]).u32(self.times[1]).u32(self.times[2]).u16(self.overrides);
        if let Some(subject) = &self.subject {
            subject.encode(w)?;
        }
        let before = self.numbers_before_location();
        for number in self.numbers.iter().take(before) {
            w.u32(*number);
        }
        if let Some(location) = &self.location {
            location.encode(w)?;
        }
        for number in self.numbers.iter().skip(before) {
            w.u32(*number);
        }
        Ok(())
    }
}

impl ExtendedException {
    fn read(r: &mut Reader<'_>, of: &ExceptionInfo, writer_version: u32) -> Result<Self> {
        let highlight =
            (writer_version >= WITH_HIGHLIGHT).then(|| block(r, "ChangeHighlight")).transpose()?;
        let reserved1 = block(r, "ReservedBlockEE1")?;
        let has = |flag: u16| of.overrides & flag != 0;
        let wide = (has(SUBJECT) || has(LOCATION)).then(|| {
            let times = times(r)?;
            let subject = has(SUBJECT).then(|| wide(r, "WideCharSubject")).transpose()?;
            let location = has(LOCATION).then(|| wide(r, "WideCharLocation")).transpose()?;
            Ok(WideException { times, subject, location, reserved2: block(r, "ReservedBlockEE2")? })
        });
        Ok(Self { highlight, reserved1, wide: wide.transpose()? })
    }
}

impl Encode for ExtendedException {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        for bytes in self.highlight.iter().chain([&self.reserved1]) {
            w.len32(bytes.len(), "ReservedBlockEE1Size")?.bytes(bytes);
        }
        let Some(wide) = &self.wide else { return Ok(()) };
        w.u32(wide.times[0]).u32(wide.times[1]).u32(wide.times[2]);
        for text in wide.subject.iter().chain(&wide.location) {
            write_wide(w, text, "WideCharLength")?;
        }
        w.len32(wide.reserved2.len(), "ReservedBlockEE2Size")?.bytes(&wide.reserved2);
        Ok(())
    }
}

impl Exceptions {
    /// Reads `count` modified occurrences that were written by a client of `writer_version` (`WriterVersion2`).
    ///
    /// # Errors
    /// Fails if the bytes do not have this form.
    pub fn read(r: &mut Reader<'_>, count: u16, writer_version: u32) -> Result<Self> {
        let count = r.count(u32::from(count), 14, u32::from(u16::MAX), "ExceptionCount")?;
        let infos: Vec<_> = (0..count).map(|_| ExceptionInfo::decode(r)).collect::<Result<_>>()?;
        let reserved1 = block(r, "ReservedBlock1")?;
        let extended = infos.iter().map(|info| ExtendedException::read(r, info, writer_version));
        let extended = extended.collect::<Result<_>>()?;
        let reserved2 = block(r, "ReservedBlock2")?;
        Ok(Self { infos, reserved1, extended, reserved2, rest: r.rest().to_vec() })
    }
}

impl Encode for Exceptions {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.infos.iter().try_for_each(|info| info.encode(w))?;
        w.len32(self.reserved1.len(), "ReservedBlock1Size")?.bytes(&self.reserved1);
        self.extended.iter().try_for_each(|extended| extended.encode(w))?;
        w.len32(self.reserved2.len(), "ReservedBlock2Size")?.bytes(&self.reserved2).bytes(&self.rest);
        Ok(())
    }
}

impl Inspect for Exceptions {
    fn to_node(&self) -> Node {
        let one = |(index, info): (usize, &ExceptionInfo)| {
            let wide = self.extended.get(index).and_then(|extended| extended.wide.as_ref());
            let [start, end, original] = info.times.map(|minutes| Node::Text(local_time(minutes)));
            let mut fields: Vec<(Cow<'static, str>, Node)> =
                vec![("original_start".into(), original), ("start".into(), start), ("end".into(), end)];
            let mut text = |name: &'static str, wide: Option<&Vec<u8>>, narrow: Option<&Text8>| {
                let node =
                    wide.map(|wide| string16(wide)).or_else(|| narrow.map(|text| string8(&text.bytes)));
                fields.extend(node.map(|node| (name.into(), node)));
            };
            text("subject", wide.and_then(|wide| wide.subject.as_ref()), info.subject.as_ref());
            text("location", wide.and_then(|wide| wide.location.as_ref()), info.location.as_ref());
            fields.extend(info.named().map(|(name, number)| (name.into(), Node::Number(number.into()))));
            if info.overrides & BODY != 0 {
                fields.push(("body".into(), Node::Text("differs".to_owned())));
            }
            Node::Fields(fields)
        };
        Node::List(self.infos.iter().enumerate().map(one).collect())
    }
}
