//! Evaluates restrictions on rows of tables ([MS-OXCDATA] 2.12).

use mapi::ErrorCode;
use mapi::property::{
    BitmapOperator, FuzzyLevel, PropTag, PropertyValue, RelationalOperator, Restriction, TaggedValue,
};

use store::Properties;

use super::compare::{order, satisfies};
use super::convert::{single_values, size, stored};
use crate::codepage::CodePage;
use crate::directory::fold;

/// The properties that stand for nested objects ([MS-OXCDATA] 2.12.9).
const NESTED: [PropTag; 2] = [PropTag::PidTagMessageRecipients, PropTag::PidTagMessageAttachments];
/// The most restrictions within one.
const PARTS_MAX: usize = 1000;

/// The most restrictions, with those within others, that are evaluated on objects for one ROP.
const EVALUATIONS_MAX: usize = 5_000_000;

/// A restriction that is evaluated on several objects, and how many may match it still.
#[derive(Debug)]
pub(crate) struct Filter<'a> {
    restriction: Option<&'a Restriction>,
    code_page: CodePage,
    count: Option<u32>,
    parts: usize,
    evaluated: usize,
}

impl<'a> Filter<'a> {
    /// Without a restriction, all objects match.
    pub(crate) fn new(restriction: Option<&'a Restriction>, code_page: CodePage) -> Self {
        let (restriction, count) = match restriction.map(counted) {
            Some((restriction, count)) => (Some(restriction), count),
            None => (None, None),
        };
        Self { restriction, code_page, count, parts: restriction.map_or(0, parts), evaluated: 0 }
    }

    /// Whether an object matches.
    ///
    /// # Errors
    /// `ecTooComplex` if the restriction has been evaluated on too many objects.
    pub(crate) fn admits(&mut self, object: &dyn Matched) -> Result<bool, ErrorCode> {
        let Some(restriction) = self.restriction else { return Ok(true) };
        self.evaluated = self.evaluated.saturating_add(self.parts);
        if self.evaluated > EVALUATIONS_MAX {
            return Err(ErrorCode::MAPI_E_TOO_COMPLEX);
        }
        if self.count == Some(0) || !matches(restriction, object, self.code_page) {
            return Ok(false);
        }
        self.count = self.count.map(|count| count.saturating_sub(1));
        Ok(true)
    }
}

/// An object on which a restriction is evaluated.
pub(crate) trait Matched {
    /// The value of a property.
    fn value(&self, tag: PropTag) -> Option<PropertyValue>;

    /// The recipients or attachments of a message, for which `tag` stands.
    fn nested(&self, _tag: PropTag) -> Vec<Properties> {
        Vec::new()
    }
}

/// An object without nested ones.
impl<F: Fn(PropTag) -> Option<PropertyValue>> Matched for F {
    fn value(&self, tag: PropTag) -> Option<PropertyValue> {
        self(tag)
    }
}

impl Matched for Properties {
    fn value(&self, tag: PropTag) -> Option<PropertyValue> {
        self.get(tag).cloned()
    }
}

/// The number of restrictions in `restriction`, with itself.
fn parts(restriction: &Restriction) -> usize {
    let (mut pending, mut parts) = (vec![restriction], 0_usize);
    while let Some(part) = pending.pop() {
        parts = parts.saturating_add(1);
        pending.extend(part.children());
    }
    parts
}

/// The restriction without the count that limits how many objects match ([MS-OXCDATA] 2.12.11), and this count.
fn counted(restriction: &Restriction) -> (&Restriction, Option<u32>) {
    match restriction {
        Restriction::Count { count, restriction } => (restriction, Some(*count)),
        other => (other, None),
    }
}

/// Checks that `restriction` can be evaluated. Its depth is limited by its decoder.
///
/// # Errors
/// `ecTooComplex` for kinds that are not supported, for a count within another restriction, and for too many parts.
pub(crate) fn check(restriction: &Restriction) -> Result<(), ErrorCode> {
    let (mut pending, mut parts) = (vec![counted(restriction).0], 0_usize);
    while let Some(part) = pending.pop() {
        parts = parts.saturating_add(1);
        let supported = match part {
            Restriction::SubObject { object, .. } => NESTED.contains(object),
            Restriction::Count { .. } => false,
            Restriction::Property { relop, .. } => {
                !matches!(*relop, RelationalOperator::RELOP_RE | RelationalOperator::RELOP_MEMBER_OF_DL)
            }
            _ => true,
        };
        if !supported || parts > PARTS_MAX {
            return Err(ErrorCode::MAPI_E_TOO_COMPLEX);
        }
        pending.extend(part.children());
    }
    Ok(())
}

/// Whether an object with `values` matches `restriction`, whose 8-bit texts are in `code_page`.
pub(crate) fn matches(restriction: &Restriction, object: &dyn Matched, code_page: CodePage) -> bool {
    let inner = |one: &Restriction| matches(one, object, code_page);
    let values = |tag| object.value(tag);
    match restriction {
        Restriction::And(all) => all.iter().all(inner),
        Restriction::Or(any) => any.iter().any(inner),
        Restriction::Not(one) => !inner(one),
        Restriction::Exist { tag } => values(*tag).is_some(),
        Restriction::Content { fuzzy_level, tag, value } => {
            let contains = |own: &PropertyValue| contains(own, value, *fuzzy_level, code_page);
            values(*tag).is_some_and(|own| single_values(own).iter().any(contains))
        }
        Restriction::Property { relop, tag, value } => {
            let wanted = stored(&value.value, code_page);
            let satisfied =
                |own: &PropertyValue| order(own, &wanted).is_some_and(|order| satisfies(*relop, order));
            let is_list = wanted.prop_type().is_multiple();
            values(*tag).is_some_and(|own| {
                if is_list { satisfied(&own) } else { single_values(own).iter().any(satisfied) }
            })
        }
        Restriction::CompareProperties { relop, tag1, tag2 } => {
            let both = values(*tag1).zip(values(*tag2));
            both.and_then(|(a, b)| order(&a, &b)).is_some_and(|order| satisfies(*relop, order))
        }
        Restriction::BitMask { operator, tag, mask } => match values(*tag) {
            Some(PropertyValue::Integer32(number)) => {
                let set = number.cast_unsigned() & mask != 0;
                set == (*operator == BitmapOperator::BMR_NEZ)
            }
            _ => false,
        },
        Restriction::Size { relop, tag, size: wanted } => values(*tag).is_some_and(|value| {
            let wanted = usize::try_from(*wanted).unwrap_or(usize::MAX);
            satisfies(*relop, size(&value).cmp(&wanted))
        }),
        Restriction::Comment { restriction, .. } => restriction.as_ref().is_none_or(|one| inner(one)),
        Restriction::SubObject { object: tag, restriction } => {
            object.nested(*tag).iter().any(|nested| matches(restriction, nested, code_page))
        }
        Restriction::Count { restriction, .. } => inner(restriction),
    }
}

/// Whether `own` is, begins with or contains `wanted`, as `level` states. An 8-bit text in `wanted` is in `code_page`.
pub(crate) fn contains(
    own: &PropertyValue,
    wanted: &TaggedValue,
    level: FuzzyLevel,
    code_page: CodePage,
) -> bool {
    let loose = FuzzyLevel::FL_IGNORECASE | FuzzyLevel::FL_IGNORENONSPACE | FuzzyLevel::FL_LOOSE;
    match (own, stored(&wanted.value, code_page)) {
        (PropertyValue::Unicode(own), PropertyValue::Unicode(wanted)) => {
            let (mut own, mut wanted) = (own.to_string_lossy(), wanted.to_string_lossy());
            if level.intersects(loose) {
                (own, wanted) = (fold(&own), fold(&wanted));
            }
            if level.contains(FuzzyLevel::FL_PREFIX) {
                own.starts_with(&wanted)
            } else if level.contains(FuzzyLevel::FL_SUBSTRING) {
                own.contains(&wanted)
            } else {
                own == wanted
            }
        }
        (PropertyValue::Binary(own), PropertyValue::Binary(wanted)) => {
            if level.contains(FuzzyLevel::FL_PREFIX) {
                own.starts_with(&wanted)
            } else if level.contains(FuzzyLevel::FL_SUBSTRING) {
                wanted.is_empty() || own.windows(wanted.len()).any(|part| part == wanted)
            } else {
                *own == wanted
            }
        }
        _ => false,
    }
}
