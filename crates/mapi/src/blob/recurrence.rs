//! Recurrence patterns of appointments and tasks ([MS-OXOCAL] 2.2.1.44.1).

use std::borrow::Cow;

use wire::{Decode, Encode, Reader, Result, Writer};

use super::exceptions::Exceptions;
use super::minutes::local_time;
use crate::inspect::{Inspect, Node};

wire::wire_enum! {
    /// The frequency of a recurrence ([MS-OXOCAL] 2.2.1.44.1 `RecurFrequency`).
    pub struct Frequency(u16) {
        /// The pattern recurs every given number of days.
        daily = 0x200A,
        /// The pattern recurs every given number of weeks.
        weekly = 0x200B,
        /// The pattern recurs every given number of months.
        monthly = 0x200C,
        /// The pattern recurs every given number of years.
        yearly = 0x200D,
    }
}

wire::wire_enum! {
    /// The end of a recurrence ([MS-OXOCAL] 2.2.1.44.1 `EndType`).
    pub struct EndType(u32) {
        /// The recurrence ends at a date.
        after_date = 0x0000_2021,
        /// The recurrence ends after a number of occurrences.
        after_count = 0x0000_2022,
        /// The recurrence does not end.
        never = 0x0000_2023,
        /// The recurrence does not end; an alternative value that some clients write.
        never_ends = 0xFFFF_FFFF,
    }
}

/// `RecurrencePattern`: the days of a recurring item ([MS-OXOCAL] 2.2.1.44.1), as in `PidLidTaskRecurrence`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecurrencePattern {
    /// `ReaderVersion` and `WriterVersion`.
    pub versions: [u16; 2],
    /// The unit of the recurrence.
    pub frequency: Frequency,
    /// `PatternType`: the meaning of `specific`.
    pub pattern_type: u16,
    /// `CalendarType`: zero for the Gregorian calendar.
    pub calendar_type: u16,
    /// `FirstDateTime`: the start of the first period, in minutes since 1601.
    pub first_date_time: u32,
    /// `Period`: the interval between occurrences, in minutes for daily patterns, in weeks or months for others.
    pub period: u32,
    /// `SlidingFlag`: 1 if the next occurrence of a task is computed from its completion, 0 otherwise.
    pub sliding_flag: u32,
    /// `PatternTypeSpecific`: days of the week, a day of the month, or both.
    pub specific: Vec<u32>,
    /// The kind of end.
    pub end_type: EndType,
    /// The number of occurrences.
    pub occurrence_count: u32,
    /// `FirstDOW`: the first day of the week; zero is Sunday.
    pub first_day_of_week: u32,
    /// `DeletedInstanceDates`: the days of deleted or modified occurrences, in minutes since 1601.
    pub deleted: Vec<u32>,
    /// `ModifiedInstanceDates`: the days of modified occurrences, in minutes since 1601.
    pub modified: Vec<u32>,
    /// The day of the first occurrence, in minutes since 1601.
    pub start_date: u32,
    /// The day of the last occurrence, in minutes since 1601.
    pub end_date: u32,
}

/// `AppointmentRecurrencePattern`: the recurrence of an appointment, as in `PidLidAppointmentRecur` ([MS-OXOCAL]
/// 2.2.1.44.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppointmentRecurrencePattern {
    /// The days of the occurrences.
    pub pattern: RecurrencePattern,
    /// `ReaderVersion2` and `WriterVersion2`.
    pub versions: [u32; 2],
    /// The start of each occurrence, in minutes since midnight.
    pub start_time: u32,
    /// The end of each occurrence, in minutes since midnight of the day of its start.
    pub end_time: u32,
    /// The number of modified occurrences.
    pub exception_count: u16,
    /// The modified occurrences.
    pub exceptions: Differences,
}

/// The modified occurrences of an appointment, decoded if possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Differences {
    /// Occurrences in the form that [MS-OXOCAL] specifies.
    Known(Exceptions),
    /// The bytes of occurrences in another form: some clients omit the Unicode part.
    Unknown(Vec<u8>),
}

/// The number of values in `PatternTypeSpecific`; `None` for an unknown pattern type.
const fn specific(pattern_type: u16) -> Option<usize> {
    match pattern_type {
        0x0000 => Some(0),
        0x0001 | 0x0002 | 0x0004 | 0x000A | 0x000C => Some(1),
        0x0003 | 0x000B => Some(2),
        _ => None,
    }
}

/// The maximum number of deleted or modified occurrences.
const MAX_DAYS: u32 = 0x1_0000;

fn dates(r: &mut Reader<'_>, field: &'static str) -> Result<Vec<u32>> {
    let count = r.u32(field)?;
    let count = r.count(count, 4, MAX_DAYS, field)?;
    (0..count).map(|_| r.u32(field)).collect()
}

impl<'a> Decode<'a> for RecurrencePattern {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let versions = [r.u16("ReaderVersion")?, r.u16("WriterVersion")?];
        let frequency = Frequency(r.u16("RecurFrequency")?);
        let pattern_type = r.u16("PatternType")?;
        let calendar_type = r.u16("CalendarType")?;
        let first_date_time = r.u32("FirstDateTime")?;
        let (period, sliding_flag) = (r.u32("Period")?, r.u32("SlidingFlag")?);
        let Some(numbers) = specific(pattern_type) else {
            return Err(r.invalid("PatternType", u64::from(pattern_type), "a known pattern"));
        };
        Ok(Self {
            versions,
            frequency,
            pattern_type,
            calendar_type,
            first_date_time,
            period,
            sliding_flag,
            specific: (0..numbers).map(|_| r.u32("PatternTypeSpecific")).collect::<Result<_>>()?,
            end_type: EndType(r.u32("EndType")?),
            occurrence_count: r.u32("OccurrenceCount")?,
            first_day_of_week: r.u32("FirstDOW")?,
            deleted: dates(r, "DeletedInstanceDates")?,
            modified: dates(r, "ModifiedInstanceDates")?,
            start_date: r.u32("StartDate")?,
            end_date: r.u32("EndDate")?,
        })
    }
}

impl Encode for RecurrencePattern {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u16(self.versions[0]).u16(self.versions[1]).u16(self.frequency.0).u16(self.pattern_type);
        w.u16(self.calendar_type).u32(self.first_date_time).u32(self.period).u32(self.sliding_flag);
        for number in &self.specific {
            w.u32(*number);
        }
        w.u32(self.end_type.0).u32(self.occurrence_count).u32(self.first_day_of_week);
        for days in [&self.deleted, &self.modified] {
            w.len32(days.len(), "InstanceCount")?;
            for day in days {
                w.u32(*day);
            }
        }
        w.u32(self.start_date).u32(self.end_date);
        Ok(())
    }
}

impl<'a> Decode<'a> for AppointmentRecurrencePattern {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let pattern = RecurrencePattern::decode(r)?;
        let versions = [r.u32("ReaderVersion2")?, r.u32("WriterVersion2")?];
        let (start_time, end_time) = (r.u32("StartTimeOffset")?, r.u32("EndTimeOffset")?);
        let exception_count = r.u16("ExceptionCount")?;
        let bytes = r.rest();
        let exceptions = Exceptions::read(&mut Reader::new(bytes), exception_count, versions[1])
            .map_or_else(|_| Differences::Unknown(bytes.to_vec()), Differences::Known);
        Ok(Self { pattern, versions, start_time, end_time, exception_count, exceptions })
    }
}

impl Encode for AppointmentRecurrencePattern {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.pattern.encode(w)?;
        w.u32(self.versions[0]).u32(self.versions[1]).u32(self.start_time).u32(self.end_time);
        w.u16(self.exception_count);
        match &self.exceptions {
            Differences::Known(exceptions) => exceptions.encode(w),
            Differences::Unknown(bytes) => {
                w.bytes(bytes);
                Ok(())
            }
        }
    }
}

/// Formats the day of a time in minutes since 1601.
fn day(minutes: u32) -> Node {
    Node::Text(local_time(minutes).split(' ').next().unwrap_or_default().to_owned())
}

fn days(minutes: &[u32]) -> Node {
    Node::List(minutes.iter().copied().map(day).collect())
}

/// The names of the days in a bit mask, Sunday first.
fn week(mask: u32) -> Node {
    const NAMES: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    let named = NAMES.iter().enumerate().filter(|(index, _)| mask >> index & 1 == 1);
    Node::List(named.map(|(_, name)| Node::Text((*name).to_owned())).collect())
}

fn number(value: u32) -> Node {
    Node::Number(u64::from(value))
}

impl RecurrencePattern {
    fn fields(&self) -> Vec<(Cow<'static, str>, Node)> {
        let is_daily = self.frequency == Frequency::daily && self.pattern_type == 0;
        let period = if is_daily { ("every_days", self.period / 1440) } else { ("period", self.period) };
        let mut fields = vec![
            ("frequency".into(), Node::Text(self.frequency.to_string())),
            (period.0.into(), number(period.1)),
        ];
        match (self.pattern_type, &self.specific[..]) {
            (1, [mask]) => fields.push(("days_of_week".into(), week(*mask))),
            (_, [day]) => fields.push(("day_of_month".into(), number(*day))),
            (_, [mask, nth]) => {
                fields.push(("days_of_week".into(), week(*mask)));
                fields.push(("occurrence_in_month".into(), number(*nth)));
            }
            _ => {}
        }
        fields.push(("ends".into(), Node::Text(self.end_type.to_string())));
        fields.push(("occurrences".into(), number(self.occurrence_count)));
        fields.push(("deleted".into(), days(&self.deleted)));
        fields.push(("modified".into(), days(&self.modified)));
        fields.push(("first_day".into(), day(self.start_date)));
        fields.push(("last_day".into(), day(self.end_date)));
        fields
    }
}

impl Inspect for RecurrencePattern {
    fn to_node(&self) -> Node {
        Node::Fields(self.fields())
    }
}

impl Inspect for AppointmentRecurrencePattern {
    fn to_node(&self) -> Node {
        let time = |minutes: u32| Node::Text(format!("{:02}:{:02}", minutes / 60, minutes % 60));
        let mut fields = self.pattern.fields();
        fields.push(("start_time".into(), time(self.start_time)));
        fields.push(("end_time".into(), time(self.end_time)));
        if self.exception_count > 0 {
            let exceptions = match &self.exceptions {
                Differences::Known(exceptions) => exceptions.to_node(),
                Differences::Unknown(bytes) => Node::Bytes(bytes.clone()),
            };
            fields.push(("exceptions".into(), exceptions));
        }
        Node::Fields(fields)
    }
}
