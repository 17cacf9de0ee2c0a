//! How values, rows and restrictions are shown.

use std::borrow::Cow;

use super::{
    FlaggedValue, LargePropertyTagArray, PropTag, PropertyList, PropertyRow, PropertyTagArray, PropertyValue,
    Restriction, TaggedValue, TypedValue,
};
use crate::blob;
use crate::data::FolderId;
use crate::inspect::{Show, Shown, string8};

/// A list of `values`, each as `show` says.
fn list<T>(values: &[T], show: impl FnMut(&T) -> Shown) -> Shown {
    Shown::List(values.iter().map(show).collect())
}

impl Show for PropertyValue {
    fn show(&self) -> Shown {
        match self {
            Self::None(_) => Shown::Nothing,
            Self::Integer16(value) => value.show(),
            Self::Integer32(value) => value.show(),
            Self::Integer64(value) | Self::Currency(value) => value.show(),
            Self::Floating32(value) => Shown::Float(f64::from(*value)),
            Self::Floating64(value) | Self::FloatingTime(value) => Shown::Float(*value),
            Self::Boolean(value) => Shown::Boolean(*value),
            Self::OddBoolean(value) => value.show(),
            Self::Error(code) => code.show(),
            Self::String8(text) => string8(text),
            Self::Unicode(text) => text.show(),
            Self::Time(time) => time.show(),
            Self::ServerId(_) => Shown::Text(self.to_string()),
            Self::Restriction(condition) => condition.show(),
            Self::RuleAction(actions) => actions.show(),
            Self::Guid(value) => value.show(),
            Self::Binary(bytes) | Self::Object(bytes) => Shown::Bytes(bytes.clone()),
            Self::MultipleInteger16(values) => values.show(),
            Self::MultipleInteger32(values) => values.show(),
            Self::MultipleInteger64(values) | Self::MultipleCurrency(values) => values.show(),
            Self::MultipleFloating32(values) => list(values, |value| Shown::Float(f64::from(*value))),
            Self::MultipleFloating64(values) | Self::MultipleFloatingTime(values) => {
                list(values, |value| Shown::Float(*value))
            }
            Self::MultipleString8(texts) => list(texts, |text| string8(text)),
            Self::MultipleUnicode(texts) => texts.show(),
            Self::MultipleTime(times) => times.show(),
            Self::MultipleGuid(values) => values.show(),
            Self::MultipleBinary(values) => list(values, |bytes| Shown::Bytes(bytes.clone())),
            Self::Sparse { values, absent } => match values.show() {
                Shown::List(mut shown) => {
                    for place in absent {
                        let place = usize::try_from(*place).ok().and_then(|place| shown.get_mut(place));
                        if let Some(one) = place {
                            *one = Shown::Nothing;
                        }
                    }
                    Shown::List(shown)
                }
                other => other,
            },
            Self::Typed(typed) => typed.value.show(),
        }
    }
}

impl Show for TypedValue {
    fn show(&self) -> Shown {
        self.value.show()
    }
}

/// How the property of `tag` is shown in a mailbox: ids and what is within bytes as what they mean.
fn meaning(tag: PropTag, value: &PropertyValue) -> Shown {
    let Some(name) = tag.store_name() else { return value.show() };
    let known = match value.untyped() {
        PropertyValue::Integer64(id) => id_of(name, *id),
        PropertyValue::Binary(bytes) => blob::meaning(name, bytes),
        PropertyValue::MultipleBinary(values) => Some(list(values, |bytes| {
            blob::item_meaning(name, bytes).unwrap_or_else(|| Shown::Bytes(bytes.clone()))
        })),
        _ => None,
    };
    known.unwrap_or_else(|| value.show())
}

/// The id that the number of the property `name` is, as ROPs show it; none for another number.
pub fn id_of(name: &str, number: i64) -> Option<Shown> {
    let is_id = matches!(
        name,
        "PidTagFolderId" | "PidTagParentFolderId" | "PidTagMid" | "PidTagInstID" | "PidTagChangeNumber"
    );
    is_id.then(|| FolderId(number.cast_unsigned()).show())
}

impl TaggedValue {
    fn named(&self) -> (Cow<'static, str>, Shown) {
        (self.tag.in_store().to_string().into(), meaning(self.tag, &self.value))
    }
}

impl Show for TaggedValue {
    fn show(&self) -> Shown {
        Shown::Fields(vec![self.named()])
    }
}

impl Show for PropertyList {
    fn show(&self) -> Shown {
        Shown::Fields(self.0.iter().map(TaggedValue::named).collect())
    }
}

impl Show for FlaggedValue {
    fn show(&self) -> Shown {
        match self {
            Self::Value(value) => value.show(),
            Self::Absent(_) => Shown::Nothing,
            Self::Error(_, code) => Shown::Fields(vec![("error".into(), code.show())]),
        }
    }
}

impl Show for PropertyRow {
    fn show(&self) -> Shown {
        match self {
            Self::Standard(values) => values.show(),
            Self::Flagged(values) => values.show(),
        }
    }
}

impl PropertyRow {
    /// The row as it is shown where its columns are known: values by their columns' names, as a mailbox has
    /// them.
    pub fn show_with(&self, columns: &[PropTag]) -> Shown {
        let places = columns.iter().enumerate().take(self.len());
        let fields = places.map(|(place, column)| {
            let shown = match (self.value(place), self) {
                (Some(value), _) => meaning(*column, value),
                (None, Self::Flagged(values)) => values.get(place).map_or(Shown::Nothing, Show::show),
                (None, Self::Standard(_)) => Shown::Nothing,
            };
            (column.in_store().to_string().into(), shown)
        });
        Shown::Fields(fields.collect())
    }
}

impl Show for Restriction {
    fn show(&self) -> Shown {
        Shown::Condition(Box::new(self.clone()))
    }
}

impl Show for PropertyTagArray {
    fn show(&self) -> Shown {
        self.0.show()
    }
}

impl Show for LargePropertyTagArray {
    fn show(&self) -> Shown {
        self.0.show()
    }
}
