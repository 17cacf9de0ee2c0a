//! How values, rows and restrictions are shown.

use std::borrow::Cow;

use super::{
    FlaggedValue, LargePropertyTagArray, PropTag, PropertyList, PropertyRow, PropertyTagArray, PropertyValue,
    Restriction, TaggedValue, TypedValue,
};
use crate::show::{Show, Shown};

/// A list of `values`, each as `show` says.
fn list<T>(values: &[T], show: impl FnMut(&T) -> Shown) -> Shown {
    Shown::List(values.iter().map(show).collect())
}

fn text8(text: &[u8]) -> Shown {
    Shown::Text(String::from_utf8_lossy(text).into_owned())
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
            Self::String8(text) => text8(text),
            Self::Unicode(text) => text.show(),
            Self::Time(_) | Self::ServerId(_) | Self::Restriction(_) | Self::RuleAction(_) => {
                Shown::Text(self.to_string())
            }
            Self::Guid(value) => value.show(),
            Self::Binary(bytes) | Self::Object(bytes) => Shown::Bytes(bytes.clone()),
            Self::MultipleInteger16(values) => values.show(),
            Self::MultipleInteger32(values) => values.show(),
            Self::MultipleInteger64(values) | Self::MultipleCurrency(values) => values.show(),
            Self::MultipleFloating32(values) => list(values, |value| Shown::Float(f64::from(*value))),
            Self::MultipleFloating64(values) | Self::MultipleFloatingTime(values) => {
                list(values, |value| Shown::Float(*value))
            }
            Self::MultipleString8(texts) => list(texts, |text| text8(text)),
            Self::MultipleUnicode(texts) => texts.show(),
            Self::MultipleTime(times) => list(times, |time| Shown::Text(Self::Time(*time).to_string())),
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

impl TaggedValue {
    fn named(&self) -> (Cow<'static, str>, Shown) {
        (self.tag.to_string().into(), self.value.show())
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
    /// The row as it is shown where its columns are known: values by their columns' names.
    pub fn show_with(&self, columns: &[PropTag]) -> Shown {
        let Shown::List(values) = self.show() else { return Shown::Nothing };
        Shown::Fields(columns.iter().map(|column| column.to_string().into()).zip(values).collect())
    }
}

impl Show for Restriction {
    fn show(&self) -> Shown {
        Shown::Text(self.to_string())
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
