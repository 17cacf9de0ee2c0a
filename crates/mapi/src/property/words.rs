//! Values and restrictions in words, for people to read.

use std::fmt::{self, Display};

use wire::FileTime;

use super::{
    BitmapOperator, FlaggedValue, FuzzyLevel, PropTag, PropType, PropertyValue, RelationalOperator,
    Restriction, TaggedValue,
};

/// How many characters of a text are shown.
const TEXT: usize = 120;
/// How many bytes of a row of bytes are shown.
const BYTES: usize = 32;
/// How many of several values are shown.
const SEVERAL: usize = 8;

/// The first [`BYTES`] of `bytes` in hexadecimal, with their number.
fn bytes(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("0x")?;
    bytes.iter().take(BYTES).try_for_each(|byte| write!(f, "{byte:02x}"))?;
    if bytes.len() > BYTES {
        f.write_str("…")?;
    }
    write!(f, " ({} {})", bytes.len(), if bytes.len() == 1 { "byte" } else { "bytes" })
}

/// `text` in quotation marks, its first [`TEXT`] characters, with its number of characters when that is more.
fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    match text.char_indices().nth(TEXT) {
        None => write!(f, "{text:?}"),
        Some((end, _)) => {
            write!(f, "{:?}… ({} characters)", text.get(..end).unwrap_or(text), text.chars().count())
        }
    }
}

/// `items` in brackets, the first [`SEVERAL`], with their number when there are more.
fn several<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    mut show: impl FnMut(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_str("[")?;
    for (place, item) in items.iter().take(SEVERAL).enumerate() {
        if place > 0 {
            f.write_str(", ")?;
        }
        show(f, item)?;
    }
    if items.len() > SEVERAL {
        write!(f, ", … {} in all", items.len())?;
    }
    f.write_str("]")
}

/// An amount in ten-thousandths.
fn currency(f: &mut fmt::Formatter<'_>, amount: i64) -> fmt::Result {
    let sign = if amount < 0 { "-" } else { "" };
    let parts = amount.unsigned_abs();
    write!(f, "{sign}{}.{:04}", parts / 10_000, parts % 10_000)
}

/// A time in the form of ISO 8601, in UTC; the number itself where that is past the year 9999.
fn time(f: &mut fmt::Formatter<'_>, time: FileTime) -> fmt::Result {
    const SECOND: u64 = 10_000_000;
    const DAY: u64 = 86_400;
    let (seconds, fraction) = (time.0 / SECOND, time.0 % SECOND);
    let (day, second) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = civil(day);
    if year > 9999 {
        return write!(f, "time {:#x}", time.0);
    }
    write!(f, "{year:04}-{month:02}-{day:02}T")?;
    write!(f, "{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
    if fraction != 0 {
        let digits = format!("{fraction:07}");
        write!(f, ".{}", digits.trim_end_matches('0'))?;
    }
    f.write_str("Z")
}

/// Year, month and day of the day that is so many days after 1 January 1601, by the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    // Counted from 1 March 1600, leap days come last in a year, a century and four centuries.
    let days = days.saturating_add(306);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = 1600 + era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

impl fmt::Display for PropertyValue {
    /// Texts in quotation marks and shortened, times as ISO 8601, bytes in hexadecimal with their number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None(PropType::PtypNull) => f.write_str("null"),
            Self::None(PropType::PtypObject) => f.write_str("an object"),
            Self::None(_) => f.write_str("no value"),
            Self::Integer16(value) => value.fmt(f),
            Self::Integer32(value) => value.fmt(f),
            Self::Integer64(value) => value.fmt(f),
            Self::Floating32(value) => value.fmt(f),
            Self::Floating64(value) => value.fmt(f),
            Self::Currency(value) => currency(f, *value),
            Self::FloatingTime(value) => write!(f, "day {value}"),
            Self::Boolean(value) => value.fmt(f),
            Self::OddBoolean(odd) => write!(f, "true ({odd:#04x})"),
            Self::Error(code) => code.fmt(f),
            Self::String8(text) => quoted(f, &String::from_utf8_lossy(text)),
            Self::Unicode(text) => quoted(f, &text.to_string_lossy()),
            Self::Time(value) => time(f, *value),
            Self::Guid(value) => value.fmt(f),
            Self::Binary(value) => bytes(f, value),
            Self::Object(value) => {
                f.write_str("object ")?;
                bytes(f, value)
            }
            Self::ServerId(id) => id.fmt(f),
            Self::Restriction(inner) => inner.fmt(f),
            Self::RuleAction(inner) => inner.fmt(f),
            Self::MultipleInteger16(values) => several(f, values, |f, value| value.fmt(f)),
            Self::MultipleInteger32(values) => several(f, values, |f, value| value.fmt(f)),
            Self::MultipleInteger64(values) => several(f, values, |f, value| value.fmt(f)),
            Self::MultipleFloating32(values) => several(f, values, |f, value| value.fmt(f)),
            Self::MultipleFloating64(values) => several(f, values, |f, value| value.fmt(f)),
            Self::MultipleCurrency(values) => several(f, values, |f, value| currency(f, *value)),
            Self::MultipleFloatingTime(values) => several(f, values, |f, value| write!(f, "day {value}")),
            Self::MultipleString8(texts) => {
                several(f, texts, |f, text| quoted(f, &String::from_utf8_lossy(text)))
            }
            Self::MultipleUnicode(texts) => several(f, texts, |f, text| quoted(f, &text.to_string_lossy())),
            Self::MultipleTime(values) => several(f, values, |f, value| time(f, *value)),
            Self::MultipleGuid(values) => several(f, values, |f, value| value.fmt(f)),
            Self::MultipleBinary(values) => several(f, values, |f, value| bytes(f, value)),
            Self::Sparse { values, absent } => write!(f, "{values}, of which {} absent", absent.len()),
            Self::Typed(typed) => typed.value.fmt(f),
        }
    }
}

impl fmt::Display for TaggedValue {
    /// `PidTagDisplayName_W = "x"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.tag, self.value)
    }
}

impl fmt::Display for FlaggedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => value.fmt(f),
            Self::Absent(_) => f.write_str("absent"),
            Self::Error(_, code) => write!(f, "error {code}"),
        }
    }
}

/// A property's name alone, or its tag where it has none.
fn name(f: &mut fmt::Formatter<'_>, tag: PropTag) -> fmt::Result {
    match tag.name() {
        Some(name) => f.write_str(name),
        None => tag.fmt(f),
    }
}

/// The sign of a comparison.
fn sign(relop: RelationalOperator) -> Option<&'static str> {
    Some(match relop {
        RelationalOperator::RELOP_LT => "<",
        RelationalOperator::RELOP_LE => "<=",
        RelationalOperator::RELOP_GT => ">",
        RelationalOperator::RELOP_GE => ">=",
        RelationalOperator::RELOP_EQ => "=",
        RelationalOperator::RELOP_NE => "!=",
        RelationalOperator::RELOP_RE => "matches",
        RelationalOperator::RELOP_MEMBER_OF_DL => "is a member of",
        _ => return None,
    })
}

fn compare(f: &mut fmt::Formatter<'_>, relop: RelationalOperator) -> fmt::Result {
    match sign(relop) {
        Some(sign) => write!(f, " {sign} "),
        None => write!(f, " (comparison {:#x}) ", relop.0),
    }
}

/// The value that a property is compared to, with its own name where that is another.
fn compared(f: &mut fmt::Formatter<'_>, tag: PropTag, value: &TaggedValue) -> fmt::Result {
    if value.is_absent() {
        return f.write_str("no value");
    }
    value.value.fmt(f)?;
    if !value.tag.is_same_property(tag) {
        f.write_str(" (as ")?;
        name(f, value.tag)?;
        f.write_str(")")?;
    }
    Ok(())
}

/// How contents are looked for: the verb, and in brackets what is overlooked.
fn content(f: &mut fmt::Formatter<'_>, level: FuzzyLevel, tag: PropTag, value: &TaggedValue) -> fmt::Result {
    name(f, tag)?;
    f.write_str(match level.0 & 0xFFFF {
        0 => " is ",
        1 => " contains ",
        2 => " begins with ",
        _ => " matches ",
    })?;
    compared(f, tag, value)?;
    let known = [
        (FuzzyLevel::FL_IGNORECASE, "ignoring case"),
        (FuzzyLevel::FL_IGNORENONSPACE, "ignoring accents"),
        (FuzzyLevel::FL_LOOSE, "loosely"),
    ];
    let mut rest = level.without(FuzzyLevel(0x3));
    let mut mark = " (";
    for (flag, words) in known {
        if rest.contains(flag) {
            rest = rest.without(flag);
            write!(f, "{mark}{words}")?;
            mark = ", ";
        }
    }
    if rest.0 != 0 {
        write!(f, "{mark}{:#x}", rest.0)?;
        mark = ", ";
    }
    f.write_str(if mark == ", " { ")" } else { "" })
}

/// A list of conditions with a word between them; those that are lists themselves stand in brackets.
fn joined(f: &mut fmt::Formatter<'_>, list: &[Restriction], word: &str, none: &str) -> fmt::Result {
    if list.is_empty() {
        return f.write_str(none);
    }
    for (place, one) in list.iter().enumerate() {
        if place > 0 {
            write!(f, " {word} ")?;
        }
        bracketed(f, one)?;
    }
    Ok(())
}

fn bracketed(f: &mut fmt::Formatter<'_>, one: &Restriction) -> fmt::Result {
    match one {
        Restriction::And(list) | Restriction::Or(list) if list.len() > 1 => write!(f, "({one})"),
        _ => one.fmt(f),
    }
}

impl fmt::Display for Restriction {
    /// For example `PidTagSubject contains "x" (ignoring case) and not PidTagHasAttachments = true`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(list) => joined(f, list, "and", "anything"),
            Self::Or(list) => joined(f, list, "or", "nothing"),
            Self::Not(inner) => {
                f.write_str("not ")?;
                bracketed(f, inner)
            }
            Self::Content { fuzzy_level, tag, value } => content(f, *fuzzy_level, *tag, value),
            Self::Property { relop, tag, value } => {
                name(f, *tag)?;
                compare(f, *relop)?;
                compared(f, *tag, value)
            }
            Self::CompareProperties { relop, tag1, tag2 } => {
                name(f, *tag1)?;
                compare(f, *relop)?;
                name(f, *tag2)
            }
            Self::BitMask { operator, tag, mask } => {
                name(f, *tag)?;
                match *operator {
                    BitmapOperator::BMR_EQZ => write!(f, " has none of the bits {mask:#x}"),
                    BitmapOperator::BMR_NEZ => write!(f, " has one of the bits {mask:#x}"),
                    BitmapOperator(other) => write!(f, " (bit test {other:#x}) {mask:#x}"),
                }
            }
            Self::Size { relop, tag, size } => {
                f.write_str("size of ")?;
                name(f, *tag)?;
                compare(f, *relop)?;
                write!(f, "{size}")
            }
            Self::Exist { tag } => {
                name(f, *tag)?;
                f.write_str(" exists")
            }
            Self::SubObject { object, restriction } => {
                f.write_str("one of ")?;
                name(f, *object)?;
                write!(f, " has ({restriction})")
            }
            Self::Comment { values, restriction } => {
                match restriction {
                    Some(inner) => bracketed(f, inner)?,
                    None => f.write_str("anything")?,
                }
                f.write_str(" (comment: ")?;
                several(f, values, |f, value| value.fmt(f))?;
                f.write_str(")")
            }
            Self::Count { count, restriction } => {
                write!(f, "the first {count} with ")?;
                bracketed(f, restriction)
            }
        }
    }
}
