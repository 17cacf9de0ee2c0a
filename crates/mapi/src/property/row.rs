//! Property rows ([MS-OXCDATA] 2.8).

use wire::{Reader, Result, Writer};

use super::codec::{fits, read_of_type, read_value, write_value};
use super::layout::Layout;
use super::layout::Nesting;
use super::tag::{PropTag, PropType};
use super::value::PropertyValue;
use crate::ErrorCode;

/// The number of zero-length values that a row may have beyond its number of bytes.
const SPARE_VALUES: usize = 32;

/// A property in a [`PropertyRow::Flagged`] (`FlaggedPropertyValue` and `FlaggedPropertyValueWithType`,
/// [MS-OXCDATA] 2.11.5, 2.11.6).
///
/// The property type is encoded only if the type of the column is `PtypUnspecified`. Otherwise it is the type of the
/// column.
#[derive(Debug, Clone, PartialEq)]
pub enum FlaggedValue {
    /// The value; [`PropertyValue::Typed`] if the type of the column is `PtypUnspecified`.
    Value(PropertyValue),
    /// The object does not have the property.
    Absent(PropType),
    /// The server returned this error instead of the value.
    Error(PropType, ErrorCode),
}

impl FlaggedValue {
    pub(super) const VALUE: u8 = 0x00;
    pub(super) const ABSENT: u8 = 0x01;
    pub(super) const ERROR: u8 = 0x0A;

    /// The value, if the property is present.
    pub fn value(&self) -> Option<&PropertyValue> {
        match self {
            Self::Value(value) => Some(value.untyped()),
            _ => None,
        }
    }

    /// Reads the value of a column of type `prop_type`.
    ///
    /// # Errors
    /// Fails if the bytes are truncated or not a value of the type.
    pub fn read(r: &mut Reader<'_>, prop_type: PropType, layout: Layout) -> Result<Self> {
        let nesting = Nesting::new(layout);
        if prop_type.of_value() != PropType::PtypUnspecified {
            return Ok(match r.u8("Flag")? {
                Self::VALUE => Self::Value(read_value(r, prop_type, nesting)?),
                Self::ABSENT => Self::Absent(prop_type),
                Self::ERROR => Self::Error(prop_type, ErrorCode(r.u32("PropertyValue")?)),
                other => return Err(r.invalid("Flag", u64::from(other), "0x0, 0x1 or 0xa")),
            });
        }
        let sent = PropType(r.u16("PropertyType")?);
        Ok(match r.u8("Flag")? {
            Self::VALUE => Self::Value(PropertyValue::Typed(Box::new(read_of_type(r, sent, nesting)?))),
            Self::ABSENT => Self::Absent(sent),
            Self::ERROR => Self::Error(sent, ErrorCode(r.u32("PropertyValue")?)),
            other => return Err(r.invalid("Flag", u64::from(other), "0x0, 0x1 or 0xa")),
        })
    }

    /// Writes the value of a column of type `prop_type`.
    ///
    /// # Errors
    /// Fails if the value is of another type, or too long for its length field.
    pub fn write(&self, w: &mut Writer, prop_type: PropType, layout: Layout) -> Result<()> {
        let nesting = Nesting::new(layout);
        if let Self::Value(value) = self {
            w.require(fits(value, prop_type), "PropertyValue", value.prop_type().0, "the column's type")?;
        }
        let with_type = prop_type.of_value() == PropType::PtypUnspecified;
        match self {
            Self::Value(PropertyValue::Typed(typed)) => {
                w.u16(typed.prop_type.0).u8(Self::VALUE);
                return write_value(&typed.value, w, nesting);
            }
            Self::Value(value) => {
                w.u8(Self::VALUE);
                return write_value(value, w, nesting);
            }
            Self::Absent(sent) | Self::Error(sent, _) if with_type => drop(w.u16(sent.0)),
            Self::Absent(_) | Self::Error(..) => {}
        }
        match self {
            Self::Error(_, code) => drop(w.u8(Self::ERROR).u32(code.0)),
            _ => drop(w.u8(Self::ABSENT)),
        }
        Ok(())
    }
}

/// The properties of one object in the order of the requested columns or tags, without tags
/// ([MS-OXCDATA] 2.8.1; `AddressBookPropertyRow`, [MS-OXCMAPIHTTP] 2.2.1.7).
#[derive(Debug, Clone, PartialEq)]
pub enum PropertyRow {
    /// All properties are present (`StandardPropertyRow`).
    Standard(Vec<PropertyValue>),
    /// Some properties may be absent (`FlaggedPropertyRow`).
    Flagged(Vec<FlaggedValue>),
}

/// The default is a row without columns.
impl Default for PropertyRow {
    fn default() -> Self {
        Self::Standard(Vec::new())
    }
}

impl PropertyRow {
    pub(super) const STANDARD: u8 = 0x00;
    pub(super) const FLAGGED: u8 = 0x01;

    /// Reads a row with a value for each of `columns`.
    ///
    /// # Errors
    /// Fails if the bytes are truncated or not a row of these columns.
    pub fn read(r: &mut Reader<'_>, columns: &[PropTag], layout: Layout) -> Result<Self> {
        Self::read_inner(r, columns, layout).map_err(|error| error.within("PropertyRow"))
    }

    fn read_inner(r: &mut Reader<'_>, columns: &[PropTag], layout: Layout) -> Result<Self> {
        let before = r.offset();
        match r.u8("Flag")? {
            Self::STANDARD => {
                r.spend(columns.len(), "ValueArray")?;
                let mut values = Vec::with_capacity(columns.len().min(r.remaining().saturating_add(1)));
                let mut empty = 0usize;
                for column in columns {
                    let start = r.offset();
                    values.push(read_value(r, column.prop_type(), Nesting::new(layout))?);
                    if r.offset() == start {
                        empty = empty.saturating_add(1);
                        // Values without bytes cost memory as well, so that their number is limited.
                        if empty > r.offset().saturating_sub(before).saturating_add(SPARE_VALUES) {
                            let found = u64::try_from(empty).unwrap_or(u64::MAX);
                            return Err(r.invalid("ValueArray", found, "fewer zero-length values"));
                        }
                    }
                }
                Ok(Self::Standard(values))
            }
            Self::FLAGGED => {
                let count = u32::try_from(columns.len()).unwrap_or(u32::MAX);
                let mut values = Vec::with_capacity(r.elements(count, 1, u32::MAX, "ValueArray")?);
                for column in columns {
                    values.push(FlaggedValue::read(r, column.prop_type(), layout)?);
                }
                Ok(Self::Flagged(values))
            }
            other => Err(r.invalid("Flag", u64::from(other), "0x0 or 0x1")),
        }
    }

    /// Writes the row, which must have a value for each of `columns`, of the type of the column.
    ///
    /// # Errors
    /// Fails if the number or types of the values differ, or if a value is too long for its length field.
    pub fn write(&self, w: &mut Writer, columns: &[PropTag], layout: Layout) -> Result<()> {
        let found = u64::try_from(self.len()).unwrap_or(u64::MAX);
        w.require(self.len() == columns.len(), "ValueArray", found, "a value for each column")
            .map_err(|error| error.within("PropertyRow"))?;
        match self {
            Self::Standard(values) => {
                w.u8(Self::STANDARD);
                for (value, column) in values.iter().zip(columns) {
                    let is_valid = fits(value, column.prop_type());
                    w.require(is_valid, "PropertyValue", value.prop_type().0, "the column's type")
                        .map_err(|error| error.within("PropertyRow"))?;
                    write_value(value, w, Nesting::new(layout))?;
                }
            }
            Self::Flagged(values) => {
                w.u8(Self::FLAGGED);
                for (value, column) in values.iter().zip(columns) {
                    value.write(w, column.prop_type(), layout)?;
                }
            }
        }
        Ok(())
    }

    /// Creates a row of `values`, one for each column: a standard row if all are present, otherwise a flagged row. A
    /// [`PropertyValue::Error`] becomes [`FlaggedValue::Error`], unless the type of the column is `PtypErrorCode`.
    pub fn new(columns: &[PropTag], values: Vec<Option<PropertyValue>>) -> Self {
        let complete = values
            .iter()
            .zip(columns)
            .all(|(value, column)| value.as_ref().is_some_and(|value| fits(value, column.prop_type())));
        if complete && values.len() == columns.len() {
            return Self::Standard(values.into_iter().flatten().collect());
        }
        let flagged = values.into_iter().zip(columns).map(|(value, column)| {
            let prop_type = column.prop_type();
            match value {
                Some(PropertyValue::Error(code)) if prop_type != PropType::PtypErrorCode => {
                    FlaggedValue::Error(prop_type, code)
                }
                Some(value) => FlaggedValue::Value(value),
                None => FlaggedValue::Absent(prop_type),
            }
        });
        Self::Flagged(flagged.collect())
    }

    /// The number of values, present or absent.
    pub const fn len(&self) -> usize {
        match self {
            Self::Standard(values) => values.len(),
            Self::Flagged(values) => values.len(),
        }
    }

    /// Whether the row has no columns.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at `index`, if it is present, without its encoded type.
    pub fn value(&self, index: usize) -> Option<&PropertyValue> {
        match self {
            Self::Standard(values) => values.get(index).map(PropertyValue::untyped),
            Self::Flagged(values) => values.get(index).and_then(FlaggedValue::value),
        }
    }

    /// The reason why the value at `index` is not present.
    pub fn error(&self, index: usize) -> Option<ErrorCode> {
        match self {
            Self::Flagged(values) => match values.get(index) {
                Some(FlaggedValue::Error(_, code)) => Some(*code),
                Some(FlaggedValue::Absent(_)) => Some(ErrorCode::MAPI_E_NOT_FOUND),
                _ => None,
            },
            Self::Standard(_) => None,
        }
    }

    /// The value of the property with the id of `tag`, of any type.
    pub fn get(&self, columns: &[PropTag], tag: PropTag) -> Option<&PropertyValue> {
        let index = columns.iter().position(|column| column.is_same_property(tag))?;
        self.value(index)
    }

    /// Each column with its value, if it is present.
    pub fn iter<'a>(
        &'a self,
        columns: &'a [PropTag],
    ) -> impl Iterator<Item = (PropTag, Option<&'a PropertyValue>)> {
        columns.iter().enumerate().map(|(index, column)| (*column, self.value(index)))
    }
}
