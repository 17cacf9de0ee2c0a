//! Display of restrictions as text.

use std::borrow::Cow;
use std::fmt::{self, Display};

use super::display::several;
use super::operators::{BitmapOperator, FuzzyLevel, RelationalOperator};
use super::tag::PropTag;
use super::value::{PropertyValue, Restriction, TaggedValue};

/// A function that returns the name of a property for display.
pub type Namer<'a> = &'a dyn Fn(PropTag) -> Cow<'static, str>;

/// The name that a property has in a mailbox, or its tag in hexadecimal if it has no known name.
pub fn store_name_or_hex(tag: PropTag) -> Cow<'static, str> {
    tag.store_name().map_or_else(|| format!("{:#010x}", tag.0).into(), Cow::Borrowed)
}

/// The return type of [`Restriction::display_with`].
struct DisplayWith<'a> {
    restriction: &'a Restriction,
    name: Namer<'a>,
}

impl Display for DisplayWith<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_restriction(f, self.name, self.restriction)
    }
}

impl Restriction {
    /// Displays the restriction with the property names that `name` returns, for an address book, or if the names of
    /// named properties are known.
    pub fn display_with<'a>(&'a self, name: Namer<'a>) -> impl Display + 'a {
        DisplayWith { restriction: self, name }
    }
}

impl Restriction {
    /// Converts texts in a code page to UTF-16, for display, if `decode` can decode them.
    pub fn decode_texts(&mut self, decode: &dyn Fn(&[u8]) -> Option<String>) {
        let value = |tagged: &mut TaggedValue| {
            if let PropertyValue::String8(text) = &tagged.value
                && let Some(text) = decode(text)
            {
                tagged.value = PropertyValue::from(text.as_str());
            }
        };
        match self {
            Self::And(list) | Self::Or(list) => list.iter_mut().for_each(|one| one.decode_texts(decode)),
            Self::Not(inner) => inner.decode_texts(decode),
            Self::Content { value: one, .. } | Self::Property { value: one, .. } => value(one),
            Self::SubObject { restriction, .. } | Self::Count { restriction, .. } => {
                restriction.decode_texts(decode);
            }
            Self::Comment { values, restriction } => {
                values.iter_mut().for_each(value);
                if let Some(inner) = restriction {
                    inner.decode_texts(decode);
                }
            }
            _ => {}
        }
    }
}

impl Display for Restriction {
    /// For example `PidTagSubject contains "x" (ignoring case) and not PidTagHasAttachments = true`, with names
    /// as a mailbox has them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_restriction(f, &store_name_or_hex, self)
    }
}

/// The sign or the words of a comparison.
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

/// Writes the value that a property is compared to, with the name of the value's tag if it is a different property.
fn compared(f: &mut fmt::Formatter<'_>, name: Namer<'_>, tag: PropTag, value: &TaggedValue) -> fmt::Result {
    if value.is_absent() {
        return f.write_str("no value");
    }
    value.value.fmt(f)?;
    if !value.tag.is_same_property(tag) {
        write!(f, " (as {})", name(value.tag))?;
    }
    Ok(())
}

/// Writes a content restriction: the match as a verb, and in parentheses the differences that are ignored.
fn content(
    f: &mut fmt::Formatter<'_>,
    name: Namer<'_>,
    level: FuzzyLevel,
    tag: PropTag,
    value: &TaggedValue,
) -> fmt::Result {
    f.write_str(&name(tag))?;
    f.write_str(match level.0 & 0xFFFF {
        0 => " is ",
        1 => " contains ",
        2 => " begins with ",
        _ => " matches ",
    })?;
    compared(f, name, tag, value)?;
    let known = [
        (FuzzyLevel::FL_IGNORECASE, "ignoring case"),
        (FuzzyLevel::FL_IGNORENONSPACE, "ignoring accents"),
        (FuzzyLevel::FL_LOOSE, "loosely"),
    ];
    let mut rest = level.without(FuzzyLevel(0x3));
    let mut separator = " (";
    for (flag, words) in known {
        if rest.contains(flag) {
            rest = rest.without(flag);
            write!(f, "{separator}{words}")?;
            separator = ", ";
        }
    }
    if rest.0 != 0 {
        write!(f, "{separator}{:#x}", rest.0)?;
        separator = ", ";
    }
    f.write_str(if separator == ", " { ")" } else { "" })
}

/// Writes the conditions of a list, separated by `word`; nested lists are parenthesised.
fn joined(
    f: &mut fmt::Formatter<'_>,
    name: Namer<'_>,
    list: &[Restriction],
    word: &str,
    empty: &str,
) -> fmt::Result {
    if list.is_empty() {
        return f.write_str(empty);
    }
    for (index, one) in list.iter().enumerate() {
        if index > 0 {
            write!(f, " {word} ")?;
        }
        parenthesised(f, name, one)?;
    }
    Ok(())
}

fn parenthesised(f: &mut fmt::Formatter<'_>, name: Namer<'_>, one: &Restriction) -> fmt::Result {
    match one {
        Restriction::And(list) | Restriction::Or(list) if list.len() > 1 => {
            write!(f, "({})", one.display_with(name))
        }
        _ => write_restriction(f, name, one),
    }
}

fn write_restriction(f: &mut fmt::Formatter<'_>, name: Namer<'_>, one: &Restriction) -> fmt::Result {
    use Restriction as R;
    match one {
        R::And(list) => joined(f, name, list, "and", "anything"),
        R::Or(list) => joined(f, name, list, "or", "nothing"),
        R::Not(inner) => {
            f.write_str("not ")?;
            parenthesised(f, name, inner)
        }
        R::Content { fuzzy_level, tag, value } => content(f, name, *fuzzy_level, *tag, value),
        R::Property { relop, tag, value } => {
            f.write_str(&name(*tag))?;
            compare(f, *relop)?;
            compared(f, name, *tag, value)
        }
        R::CompareProperties { relop, tag1, tag2 } => {
            f.write_str(&name(*tag1))?;
            compare(f, *relop)?;
            f.write_str(&name(*tag2))
        }
        R::BitMask { operator, tag, mask } => {
            f.write_str(&name(*tag))?;
            match *operator {
                BitmapOperator::BMR_EQZ => write!(f, " has none of the bits {mask:#x}"),
                BitmapOperator::BMR_NEZ => write!(f, " has one of the bits {mask:#x}"),
                BitmapOperator(other) => write!(f, " (bit test {other:#x}) {mask:#x}"),
            }
        }
        R::Size { relop, tag, size } => {
            f.write_str("size of ")?;
            f.write_str(&name(*tag))?;
            compare(f, *relop)?;
            write!(f, "{size}")
        }
        R::Exist { tag } => {
            f.write_str(&name(*tag))?;
            f.write_str(" exists")
        }
        R::SubObject { object, restriction } => {
            f.write_str("one of ")?;
            f.write_str(&name(*object))?;
            write!(f, " has ({})", restriction.display_with(name))
        }
        R::Comment { values, restriction } => {
            match restriction {
                Some(inner) => parenthesised(f, name, inner)?,
                None => f.write_str("anything")?,
            }
            f.write_str(" (comment: ")?;
            several(f, values, |f, value| value.fmt(f))?;
            f.write_str(")")
        }
        R::Count { count, restriction } => {
            write!(f, "the first {count} with ")?;
            parenthesised(f, name, restriction)
        }
    }
}
