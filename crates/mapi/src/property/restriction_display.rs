//! Restrictions as text (`Display`).

use std::borrow::Cow;
use std::fmt::{self, Display};

use super::display::several;
use super::operators::{BitmapOperator, FuzzyLevel, RelationalOperator};
use super::tag::PropTag;
use super::value::{PropertyValue, Restriction, TaggedValue};

/// How properties are called where something is put in words.
pub type Namer<'a> = &'a dyn Fn(PropTag) -> Cow<'static, str>;

/// The name that a property has in a mailbox, or its tag's number.
pub fn store_name(tag: PropTag) -> Cow<'static, str> {
    tag.store_name().map_or_else(|| format!("{:#010x}", tag.0).into(), Cow::Borrowed)
}

/// A restriction in words; see [`Restriction::words`].
struct Words<'a> {
    restriction: &'a Restriction,
    name: Namer<'a>,
}

impl Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        words(f, self.name, self.restriction)
    }
}

impl Restriction {
    /// The restriction in words, with properties called as `name` says: for an address book, or where the
    /// names of named properties are known.
    pub fn words<'a>(&'a self, name: Namer<'a>) -> impl Display + 'a {
        Words { restriction: self, name }
    }
}

impl Restriction {
    /// Converts strings in a code page to UTF-16, for display, where `read` can decode them.
    pub fn read_texts(&mut self, read: &dyn Fn(&[u8]) -> Option<String>) {
        let value = |tagged: &mut TaggedValue| {
            if let PropertyValue::String8(text) = &tagged.value
                && let Some(text) = read(text)
            {
                tagged.value = PropertyValue::from(text.as_str());
            }
        };
        match self {
            Self::And(list) | Self::Or(list) => list.iter_mut().for_each(|one| one.read_texts(read)),
            Self::Not(inner) => inner.read_texts(read),
            Self::Content { value: one, .. } | Self::Property { value: one, .. } => value(one),
            Self::SubObject { restriction, .. } | Self::Count { restriction, .. } => {
                restriction.read_texts(read);
            }
            Self::Comment { values, restriction } => {
                values.iter_mut().for_each(value);
                if let Some(inner) = restriction {
                    inner.read_texts(read);
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
        words(f, &store_name, self)
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

/// How contents are looked for: the verb, and in brackets what is overlooked.
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
fn joined(
    f: &mut fmt::Formatter<'_>,
    name: Namer<'_>,
    list: &[Restriction],
    word: &str,
    none: &str,
) -> fmt::Result {
    if list.is_empty() {
        return f.write_str(none);
    }
    for (place, one) in list.iter().enumerate() {
        if place > 0 {
            write!(f, " {word} ")?;
        }
        bracketed(f, name, one)?;
    }
    Ok(())
}

fn bracketed(f: &mut fmt::Formatter<'_>, name: Namer<'_>, one: &Restriction) -> fmt::Result {
    match one {
        Restriction::And(list) | Restriction::Or(list) if list.len() > 1 => {
            write!(f, "({})", one.words(name))
        }
        _ => words(f, name, one),
    }
}

fn words(f: &mut fmt::Formatter<'_>, name: Namer<'_>, one: &Restriction) -> fmt::Result {
    use Restriction as R;
    match one {
        R::And(list) => joined(f, name, list, "and", "anything"),
        R::Or(list) => joined(f, name, list, "or", "nothing"),
        R::Not(inner) => {
            f.write_str("not ")?;
            bracketed(f, name, inner)
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
            write!(f, " has ({})", restriction.words(name))
        }
        R::Comment { values, restriction } => {
            match restriction {
                Some(inner) => bracketed(f, name, inner)?,
                None => f.write_str("anything")?,
            }
            f.write_str(" (comment: ")?;
            several(f, values, |f, value| value.fmt(f))?;
            f.write_str(")")
        }
        R::Count { count, restriction } => {
            write!(f, "the first {count} with ")?;
            bracketed(f, name, restriction)
        }
    }
}
