//! Time zones of appointments ([MS-OXOCAL] 2.2.1.39 to 2.2.1.43).

use wire::{Decode, Encode, Reader, Result, Utf16, Writer};

use crate::inspect::{Inspect, Node};

/// `SYSTEMTIME` ([MS-DTYP] 2.3.13): the time at which a time zone changes between standard and daylight saving time, as
/// year, month, day of the week, day, hour, minute, second and millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SystemTime(pub [u16; 8]);

/// The differences between UTC and local time, in minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Biases {
    bias: i32,
    standard: i32,
    daylight: i32,
}

/// `PidLidTimeZoneStruct`: the time zone of a recurring meeting ([MS-OXOCAL] 2.2.1.39).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeZoneStruct {
    biases: Biases,
    years: [u16; 2],
    standard_date: SystemTime,
    daylight_date: SystemTime,
}

/// `PidLidAppointmentTimeZoneDefinitionRecur` and related properties: a time zone with its rules ([MS-OXOCAL] 2.2.1.41
/// to 2.2.1.43).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZoneDefinition {
    /// `Major Version` and `Minor Version`.
    pub version: [u8; 2],
    /// `Reserved`: 2.
    pub reserved: u16,
    /// `KeyName`: the name of the time zone.
    pub name: Utf16,
    /// The rules of the time zone; each applies from its year on.
    pub rules: Vec<TimeZoneRule>,
}

/// `TZRule`: a rule of a time zone ([MS-OXOCAL] 2.2.1.41.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeZoneRule {
    version: [u8; 2],
    reserved: u16,
    /// 1 for the rule of the recurring meeting, 2 for the rule that is in effect.
    pub flags: u16,
    /// The first year to which the rule applies.
    pub year: u16,
    x: [u8; 14],
    biases: Biases,
    standard_date: SystemTime,
    daylight_date: SystemTime,
}

impl<'a> Decode<'a> for SystemTime {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let mut parts = [0; 8];
        for part in &mut parts {
            *part = r.u16("SYSTEMTIME")?;
        }
        Ok(Self(parts))
    }
}

impl Encode for SystemTime {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        for part in self.0 {
            w.u16(part);
        }
        Ok(())
    }
}

impl<'a> Decode<'a> for Biases {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let bias = r.u32("lBias")?.cast_signed();
        let standard = r.u32("lStandardBias")?.cast_signed();
        Ok(Self { bias, standard, daylight: r.u32("lDaylightBias")?.cast_signed() })
    }
}

impl Encode for Biases {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        for bias in [self.bias, self.standard, self.daylight] {
            w.u32(bias.cast_unsigned());
        }
        Ok(())
    }
}

impl<'a> Decode<'a> for TimeZoneStruct {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let biases = Biases::decode(r)?;
        let (standard_year, standard_date) = (r.u16("wStandardYear")?, SystemTime::decode(r)?);
        let (daylight_year, daylight_date) = (r.u16("wDaylightYear")?, SystemTime::decode(r)?);
        Ok(Self { biases, years: [standard_year, daylight_year], standard_date, daylight_date })
    }
}

impl Encode for TimeZoneStruct {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.biases.encode(w)?;
        for (year, date) in self.years.iter().zip([self.standard_date, self.daylight_date]) {
            w.u16(*year);
            date.encode(w)?;
        }
        Ok(())
    }
}

impl<'a> Decode<'a> for TimeZoneDefinition {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let version = r.array("Version")?;
        let size = r.u16("cbHeader")?;
        let reserved = r.u16("Reserved")?;
        let length = r.u16("cchKeyName")?;
        if u32::from(size) != u32::from(length) * 2 + 2 /* Reserved */ + 2 /* cchKeyName */ + 2
        /* cRules */
        {
            return Err(r.invalid("cbHeader", u64::from(size), "the size of the header"));
        }
        let units = (0..length).map(|_| r.u16("KeyName")).collect::<Result<Vec<_>>>()?;
        let name = Utf16::from_units(units);
        let count = r.u16("cRules")?;
        let rules = (0..count).map(|_| TimeZoneRule::decode(r)).collect::<Result<_>>()?;
        Ok(Self { version, reserved, name, rules })
    }
}

impl Encode for TimeZoneDefinition {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        let name = self.name.as_le_bytes();
        w.bytes(&self.version).len16(name.len().saturating_add(6), "cbHeader")?.u16(self.reserved);
        w.len16(name.len() / 2, "cchKeyName")?.bytes(name).len16(self.rules.len(), "cRules")?;
        self.rules.iter().try_for_each(|rule| rule.encode(w))
    }
}

impl<'a> Decode<'a> for TimeZoneRule {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let version = r.array("Version")?;
        let reserved = r.u16("Reserved")?;
        let (flags, year) = (r.u16("TZRuleFlags")?, r.u16("wYear")?);
        let (x, biases) = (r.array("X")?, Biases::decode(r)?);
        let (standard_date, daylight_date) = (SystemTime::decode(r)?, SystemTime::decode(r)?);
        Ok(Self { version, reserved, flags, year, x, biases, standard_date, daylight_date })
    }
}

impl Encode for TimeZoneRule {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.bytes(&self.version).u16(self.reserved).u16(self.flags).u16(self.year).bytes(&self.x);
        self.biases.encode(w)?;
        self.standard_date.encode(w)?;
        self.daylight_date.encode(w)
    }
}

impl Inspect for SystemTime {
    fn to_node(&self) -> Node {
        const DAYS: [&str; 7] =
            ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
        let [year, month, week_day, day, hour, minute, ..] = self.0;
        let at = format!("{hour:02}:{minute:02}");
        let week_day = DAYS.get(usize::from(week_day)).copied().unwrap_or("day");
        match (year, month, day) {
            (_, 0, _) => Node::Nothing,
            (0, _, 5) => Node::Text(format!("last {week_day} of month {month}, {at}")),
            (0, ..) => Node::Text(format!("{week_day} {day} of month {month}, {at}")),
            _ => Node::Text(format!("{year:04}-{month:02}-{day:02} {at}")),
        }
    }
}

/// The fields that a time zone and its rules have in common.
fn fields(
    biases: Biases,
    standard: SystemTime,
    daylight: SystemTime,
) -> Vec<(std::borrow::Cow<'static, str>, Node)> {
    let signed = |bias: i32| Node::Signed(i64::from(bias));
    vec![
        ("bias".into(), signed(biases.bias)),
        ("standard_bias".into(), signed(biases.standard)),
        ("daylight_bias".into(), signed(biases.daylight)),
        ("standard_date".into(), standard.to_node()),
        ("daylight_date".into(), daylight.to_node()),
    ]
}

impl Inspect for TimeZoneStruct {
    fn to_node(&self) -> Node {
        Node::Fields(fields(self.biases, self.standard_date, self.daylight_date))
    }
}

impl Inspect for TimeZoneRule {
    fn to_node(&self) -> Node {
        let mut all = vec![
            ("from_year".into(), Node::Number(u64::from(self.year))),
            ("in_effect".into(), Node::Boolean(self.flags & 2 != 0)),
        ];
        all.extend(fields(self.biases, self.standard_date, self.daylight_date));
        Node::Fields(all)
    }
}

impl Inspect for TimeZoneDefinition {
    fn to_node(&self) -> Node {
        let rules = Node::List(self.rules.iter().map(Inspect::to_node).collect());
        Node::Fields(vec![("name".into(), self.name.to_node()), ("rules".into(), rules)])
    }
}
