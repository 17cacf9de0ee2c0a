//! Display of restrictions as text.

use std::borrow::Cow;
use std::fmt::{self, Display};

use super::inspect::meaning_within;
use super::operators::{BitmapOperator, FuzzyLevel, RelationalOperator};
use super::tag::PropTag;
use super::value::{PropertyValue, Restriction, TaggedValue};
use crate::inspect::Node;
use crate::inspect::display::several;

/// The terms in which a restriction is displayed.
pub trait PropertyTerms {
    /// The name of a property.
    fn name(&self, tag: PropTag) -> Cow<'static, str>;

    /// Decodes a value of the property `tag`; `None` displays it as it is.
    fn meaning(&self, tag: PropTag, value: &PropertyValue) -> Option<Node>;
}

/// The names that properties have in a mailbox.
struct StoreTerms;

impl PropertyTerms for StoreTerms {
    fn name(&self, tag: PropTag) -> Cow<'static, str> {
        store_name_or_hex(tag)
    }

    fn meaning(&self, tag: PropTag, value: &PropertyValue) -> Option<Node> {
        meaning_within(tag.store_name()?, value)
    }
}

/// The name that a property has in a mailbox, or its tag in hexadecimal if it has no known name.
pub fn store_name_or_hex(tag: PropTag) -> Cow<'static, str> {
    tag.store_name().map_or_else(|| format!("{:#010x}", tag.0).into(), Cow::Borrowed)
}

/// The return type of [`Restriction::display_with`].
struct DisplayWith<'a> {
    restriction: &'a Restriction,
    terms: &'a dyn PropertyTerms,
}

impl Display for DisplayWith<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_restriction(f, self.terms, self.restriction)
    }
}

impl Restriction {
    /// Displays the restriction with the names and values of `terms`, for an address book, or if the names of named
    /// properties or the code page of texts are known. As in all displays of restrictions, `{}` shortens long values
    /// and `{:#}` does not.
    pub fn display_with<'a>(&'a self, terms: &'a dyn PropertyTerms) -> impl Display + 'a {
        DisplayWith { restriction: self, terms }
    }
}

impl Display for Restriction {
    /// For example `PidTagSubject contains "x" (ignoring case) and not PidTagHasAttachments = true`, with names
    /// as a mailbox has them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_restriction(f, &StoreTerms, self)
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

/// Writes a value as `terms` decodes it.
fn write_value(f: &mut fmt::Formatter<'_>, terms: &dyn PropertyTerms, tagged: &TaggedValue) -> fmt::Result {
    match (terms.meaning(tagged.tag, &tagged.value), tagged.value.untyped()) {
        (Some(known), _) => known.fmt(f),
        (None, PropertyValue::Restriction(inner)) => write_restriction(f, terms, inner),
        (None, value) => value.fmt(f),
    }
}

/// Writes the value that a property is compared to, with the name of the value's tag if it is a different property.
fn compared(
    f: &mut fmt::Formatter<'_>,
    terms: &dyn PropertyTerms,
    tag: PropTag,
    value: &TaggedValue,
) -> fmt::Result {
    if value.is_absent() {
        return f.write_str("no value");
    }
    write_value(f, terms, value)?;
    if !value.tag.is_same_property(tag) {
        write!(f, " (as {})", terms.name(value.tag))?;
    }
    Ok(())
}

/// Writes a content restriction: the match as a verb, and in parentheses the differences that are ignored.
fn content(
    f: &mut fmt::Formatter<'_>,
    terms: &dyn PropertyTerms,
    level: FuzzyLevel,
    tag: PropTag,
    value: &TaggedValue,
) -> fmt::Result {
    f.write_str(&terms.name(tag))?;
    f.write_str(match level.0 & 0xFFFF {
        0 => " is ",
        1 => " contains ",
        2 => " begins with ",
        _ => " matches ",
    })?;
    compared(f, terms, tag, value)?;
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
    terms: &dyn PropertyTerms,
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
        parenthesised(f, terms, one)?;
    }
    Ok(())
}

fn parenthesised(f: &mut fmt::Formatter<'_>, terms: &dyn PropertyTerms, one: &Restriction) -> fmt::Result {
    match one {
        Restriction::And(list) | Restriction::Or(list) if list.len() > 1 => {
            f.write_str("(")?;
            write_restriction(f, terms, one)?;
            f.write_str(")")
        }
        _ => write_restriction(f, terms, one),
    }
}

fn write_restriction(
    f: &mut fmt::Formatter<'_>,
    terms: &dyn PropertyTerms,
    one: &Restriction,
) -> fmt::Result {
    use Restriction as R;
    match one {
        R::And(list) => joined(f, terms, list, "and", "anything"),
        R::Or(list) => joined(f, terms, list, "or", "nothing"),
        R::Not(inner) => {
            f.write_str("not ")?;
            parenthesised(f, terms, inner)
        }
        R::Content { fuzzy_level, tag, value } => content(f, terms, *fuzzy_level, *tag, value),
        R::Property { relop, tag, value } => {
            f.write_str(&terms.name(*tag))?;
            compare(f, *relop)?;
            compared(f, terms, *tag, value)
        }
        R::CompareProperties { relop, tag1, tag2 } => {
            f.write_str(&terms.name(*tag1))?;
            compare(f, *relop)?;
            f.write_str(&terms.name(*tag2))
        }
        R::BitMask { operator, tag, mask } => {
            f.write_str(&terms.name(*tag))?;
            match *operator {
                BitmapOperator::BMR_EQZ => write!(f, " has none of the bits {mask:#x}"),
                BitmapOperator::BMR_NEZ => write!(f, " has one of the bits {mask:#x}"),
                BitmapOperator(other) => write!(f, " (bit test {other:#x}) {mask:#x}"),
            }
        }
        R::Size { relop, tag, size } => {
            f.write_str("size of ")?;
            f.write_str(&terms.name(*tag))?;
            compare(f, *relop)?;
            write!(f, "{size}")
        }
        R::Exist { tag } => {
            f.write_str(&terms.name(*tag))?;
            f.write_str(" exists")
        }
        R::SubObject { object, restriction } => {
            f.write_str("one of ")?;
            f.write_str(&terms.name(*object))?;
            f.write_str(" has (")?;
            write_restriction(f, terms, restriction)?;
            f.write_str(")")
        }
        R::Comment { values, restriction } => {
            match restriction {
                Some(inner) => parenthesised(f, terms, inner)?,
                None => f.write_str("anything")?,
            }
            f.write_str(" (comment: ")?;
            several(f, values, |f, value| {
                write!(f, "{} = ", terms.name(value.tag))?;
                write_value(f, terms, value)
            })?;
            f.write_str(")")
        }
        R::Count { count, restriction } => {
            write!(f, "the first {count} with ")?;
            parenthesised(f, terms, restriction)
        }
    }
}
