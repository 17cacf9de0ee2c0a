//! Evaluates restrictions for objects ([MS-OXNSPI] 2.2.5, [MS-OXCDATA] 2.12).

use std::cmp::Ordering;

use mapi::ErrorCode;
use mapi::property::{
    BitmapOperator, FuzzyLevel, PropTag, PropType, PropertyValue, RelationalOperator, Restriction,
    TaggedValue,
};

use super::properties::{View, typed};
use super::resolve::matches_anr;
use super::{Directory, Entry, fold};
use crate::codepage::CodePage;
use crate::values::compare::satisfies;
use crate::values::restriction::contains;

/// The maximum nesting of restrictions.
const MAX_DEPTH: usize = 32;

impl Directory {
    /// Whether `restriction` can be evaluated here.
    ///
    /// # Errors
    /// `TooComplex` for other kinds, and for those that are nested too deeply.
    pub(crate) fn check(restriction: &Restriction, depth: usize) -> Result<(), ErrorCode> {
        let deeper = depth.saturating_add(1);
        match restriction {
            _ if depth >= MAX_DEPTH => Err(ErrorCode::MAPI_E_TOO_COMPLEX),
            Restriction::And(all) | Restriction::Or(all) => {
                all.iter().try_for_each(|one| Self::check(one, deeper))
            }
            Restriction::Not(inner) => Self::check(inner, deeper),
            Restriction::Content { .. }
            | Restriction::Exist { .. }
            | Restriction::BitMask { .. }
            | Restriction::Size { .. }
            | Restriction::CompareProperties { .. } => Ok(()),
            Restriction::Property { relop, .. } => match *relop {
                RelationalOperator::RELOP_RE | RelationalOperator::RELOP_MEMBER_OF_DL => {
                    Err(ErrorCode::MAPI_E_TOO_COMPLEX)
                }
                _ => Ok(()),
            },
            Restriction::SubObject { .. } | Restriction::Comment { .. } | Restriction::Count { .. } => {
                Err(ErrorCode::MAPI_E_TOO_COMPLEX)
            }
        }
    }

    /// Whether `entry` matches `restriction`, whose 8-bit texts are in `code_page`.
    pub(crate) fn holds(&self, entry: &Entry, restriction: &Restriction, code_page: CodePage) -> bool {
        let view = View { code_page, ephemeral: false };
        match restriction {
            Restriction::And(all) => all.iter().all(|one| self.holds(entry, one, code_page)),
            Restriction::Or(any) => any.iter().any(|one| self.holds(entry, one, code_page)),
            Restriction::Not(inner) => !self.holds(entry, inner, code_page),
            Restriction::Exist { tag } => self.value(entry, *tag, view).is_some(),
            Restriction::Content { fuzzy_level, tag, value } => {
                // Names are compared ignoring case, whatever the client requests, as directories do.
                let level = fuzzy_level.with(FuzzyLevel::FL_IGNORECASE);
                self.contents(entry, *tag, view).iter().any(|own| contains(own, value, level, code_page))
            }
            Restriction::Property { relop, tag, value } => self.compares(entry, *relop, *tag, value, view),
            Restriction::BitMask { operator, tag, mask } => match self.value(entry, *tag, view) {
                Some(PropertyValue::Integer32(number)) => {
                    let set = number.cast_unsigned() & mask != 0;
                    set == (*operator == BitmapOperator::BMR_NEZ)
                }
                _ => false,
            },
            Restriction::Size { relop, tag, size } => self.value(entry, *tag, view).is_some_and(|value| {
                let size = usize::try_from(*size).unwrap_or(usize::MAX);
                satisfies(*relop, length(&value).cmp(&size))
            }),
            Restriction::CompareProperties { relop, tag1, tag2 } => {
                let value = |tag| self.value(entry, tag, view);
                let both = value(*tag1).zip(value(*tag2));
                both.and_then(|(a, b)| order(&a, &b)).is_some_and(|order| satisfies(*relop, order))
            }
            Restriction::SubObject { .. } | Restriction::Comment { .. } | Restriction::Count { .. } => false,
        }
    }

    fn compares(
        &self,
        entry: &Entry,
        relop: RelationalOperator,
        tag: PropTag,
        value: &TaggedValue,
        view: View,
    ) -> bool {
        let asked = to_unicode(&value.value, view.code_page);
        if tag.is_same_property(PropTag::PidTagAnr) {
            return asked.to_text().is_some_and(|name| matches_anr(entry, &name));
        }
        let Some(own) = self.value(entry, tag, view) else { return false };
        let single = |own: &PropertyValue| order(own, &asked).is_some_and(|order| satisfies(relop, order));
        match own {
            PropertyValue::MultipleUnicode(texts) => {
                texts.into_iter().any(|text| single(&PropertyValue::Unicode(text)))
            }
            own => single(&own),
        }
    }

    /// The texts or bytes of a property: one for each value.
    fn contents(&self, entry: &Entry, tag: PropTag, view: View) -> Vec<PropertyValue> {
        match self.value(entry, tag, view) {
            Some(PropertyValue::MultipleUnicode(texts)) => {
                texts.into_iter().map(PropertyValue::Unicode).collect()
            }
            Some(value) => vec![value],
            None => Vec::new(),
        }
    }
}

/// `value` with its 8-bit texts converted to UTF-16.
fn to_unicode(value: &PropertyValue, code_page: CodePage) -> PropertyValue {
    match value {
        PropertyValue::String8(bytes) => PropertyValue::from(code_page.decode(bytes).as_str()),
        other => other.clone(),
    }
}

fn order(own: &PropertyValue, asked: &PropertyValue) -> Option<Ordering> {
    Some(match (own, asked) {
        (PropertyValue::Unicode(own), PropertyValue::Unicode(asked)) => {
            fold(&own.to_string_lossy()).cmp(&fold(&asked.to_string_lossy()))
        }
        (PropertyValue::Integer32(own), PropertyValue::Integer32(asked)) => own.cmp(asked),
        (PropertyValue::Boolean(own), PropertyValue::Boolean(asked)) => own.cmp(asked),
        (PropertyValue::Binary(own), PropertyValue::Binary(asked)) => own.cmp(asked),
        _ => return None,
    })
}

/// The size of a value in bytes.
fn length(value: &PropertyValue) -> usize {
    match value {
        PropertyValue::Unicode(text) => text.as_le_bytes().len(),
        PropertyValue::Binary(bytes) => bytes.len(),
        PropertyValue::Boolean(_) => 2,
        PropertyValue::Integer32(_) => 4,
        _ => 0,
    }
}

/// The text for positioning a table, from an 8-bit or a UTF-16 text.
pub(crate) fn sought(value: &TaggedValue, code_page: CodePage) -> Option<String> {
    let value = to_unicode(&value.value, code_page);
    match typed(value, PropType::PtypString, code_page)? {
        PropertyValue::Unicode(text) => Some(fold(&text.to_string_lossy())),
        _ => None,
    }
}
