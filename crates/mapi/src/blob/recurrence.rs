//! Recurrence patterns of appointments and tasks ([MS-OXOCAL] 2.2.1.44.1).

use std::borrow::Cow;

use wire::{Decode, Encode, Reader, Result, Writer};

use super::exceptions::Exceptions;
use super::minutes::local_time;
use crate::inspect::{Inspect, Node};

wire::wire_enum! {
    /// How often something recurs ([MS-OXOCAL] 2.2.1.44.1 `RecurFrequency`).
    pub struct Frequency(u16) {
        /// Every so many days.
        daily = 0x200A,
        /// Every so many weeks.
        weekly = 0x200B,
        /// Every so many months.
        monthly = 0x200C,
        /// Every so many years.
        yearly = 0x200D,
    }
}

wire::wire_enum! {
    /// When a recurrence ends ([MS-OXOCAL] 2.2.1.44.1 `EndType`).
    pub struct EndType(u32) {
        /// After a date.
        after_date = 0x0000_2021,
        /// After a number of occurrences.
        after_count = 0x0000_2022,
        /// Never.
        never = 0x0000_2023,
        /// Never, as some clients write it.
        never_ends = 0xFFFF_FFFF,
    }
}

/// `RecurrencePattern`: when something recurs ([MS-OXOCAL] 2.2.1.44.1). `PidLidTaskRecurrence` is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecurrencePattern {
    /// `ReaderVersion` and `WriterVersion`.
    pub versions: [u16; 2],
    /// How often.
    pub frequency: Frequency,
    /// `PatternType`: what `specific` says.
    pub pattern_type: u16,
    /// `CalendarType`: zero for the Gregorian calendar.
    pub calendar_type: u16,
    /// `FirstDateTime`: from where periods are counted, in minutes.
    pub first_date_time: u32,
    /// The interval: in minutes where it is daily, in weeks or months otherwise.
    pub period: u32,
    /// `SlidingFlag`: whether a task's next occurrence is counted from its completion.
    pub sliding_flag: u32,
    /// `PatternTypeSpecific`: days of the week, a day of the month, or both.
    pub specific: Vec<u32>,
    /// When it ends.
    pub end_type: EndType,
    /// How many occurrences there are.
    pub occurrence_count: u32,
    /// `FirstDOW`: the day on which weeks begin, from zero for Sunday.
    pub first_day_of_week: u32,
    /// Days of occurrences that are not there as the pattern has them, in minutes since 1601.
    pub deleted: Vec<u32>,
    /// Days of occurrences that are there, but changed.
    pub modified: Vec<u32>,
    /// The first day.
    pub start_date: u32,
    /// The last day.
    pub end_date: u32,
}

/// `PidLidAppointmentRecur`: when an appointment recurs ([MS-OXOCAL] 2.2.1.44.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppointmentRecurrencePattern {
    /// The days.
    pub pattern: RecurrencePattern,
    /// `ReaderVersion2` and `WriterVersion2`.
    pub versions: [u32; 2],
    /// When each occurrence begins, in minutes since midnight.
    pub start_time: u32,
    /// When each ends.
    pub end_time: u32,
    /// How many occurrences differ from the others.
    pub exception_count: u16,
    /// What differs in them.
    pub exceptions: Differences,
}

/// What differs in the changed occurrences of an appointment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Differences {
    /// As [MS-OXOCAL] has it.
    Known(Exceptions),
    /// In another form: some clients leave the newer parts out.
    Unknown(Vec<u8>),
}

/// How many numbers `PatternTypeSpecific` has; none for a pattern that is not known.
const fn specific(pattern_type: u16) -> Option<usize> {
    match pattern_type {
        0x0000 => Some(0),
        0x0001 | 0x0002 | 0x0004 | 0x000A | 0x000C => Some(1),
        0x0003 | 0x000B => Some(2),
        _ => None,
    }
}

/// How many changed occurrences are read at most.
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

/// A day, from minutes since 1601.
fn day(minutes: u32) -> Node {
    Node::Text(local_time(minutes).split(' ').next().unwrap_or_default().to_owned())
}

fn days(minutes: &[u32]) -> Node {
    Node::List(minutes.iter().copied().map(day).collect())
}

/// The days of the week in a mask, Sunday first.
fn week(mask: u32) -> Node {
    const NAMES: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    let named = NAMES.iter().enumerate().filter(|(place, _)| mask >> place & 1 == 1);
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
