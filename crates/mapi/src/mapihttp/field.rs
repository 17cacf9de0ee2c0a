//! The types of fields in bodies.

use std::num::NonZeroU8;

use wire::{Bytes, Reader, Result, Utf16, Writer};

use super::format::MapiHttp;
use crate::emsmdb::RpcFlags;
use crate::field::{Field, newtype_field};
use crate::nspi::{DisplayType, FlatUid, MId, Stat};
use crate::zero_terminated::{read_string8, read_unicode, write_string8, write_unicode};

/// The maximum number of entries in a list: that of an explicit table ([MS-OXCMAPIHTTP] 2.2.5.12.1).
pub(crate) const MAX_ITEMS: u32 = 100_000;

newtype_field!(DisplayType(u32), MId(u32), RpcFlags(u32));

impl Field<MapiHttp> for FlatUid {
    const MIN_SIZE: usize = 16;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        r.array(field).map(Self)
    }

    fn write(&self, w: &mut Writer, _: &'static str) -> Result<()> {
        w.bytes(&self.0);
        Ok(())
    }
}

/// `STAT` without padding ([MS-OXNSPI] 2.2.8).
impl Field<MapiHttp> for Stat {
    const MIN_SIZE: usize = 36;

    fn read(r: &mut Reader<'_>, _: &'static str) -> Result<Self> {
        let mut read = || {
            Ok(Self {
                sort_type: r.u32("SortType")?,
                container_id: MId(r.u32("ContainerID")?),
                current_rec: MId(r.u32("CurrentRec")?),
                delta: r.i32("Delta")?,
                num_pos: r.u32("NumPos")?,
                total_recs: r.u32("TotalRecs")?,
                code_page: r.u32("CodePage")?,
                template_locale: r.u32("TemplateLocale")?,
                sort_locale: r.u32("SortLocale")?,
            })
        };
        read().map_err(|error: wire::Error| error.within("STAT"))
    }

    fn write(&self, w: &mut Writer, _: &'static str) -> Result<()> {
        w.u32(self.sort_type).u32(self.container_id.0).u32(self.current_rec.0).i32(self.delta);
        w.u32(self.num_pos).u32(self.total_recs).u32(self.code_page);
        w.u32(self.template_locale).u32(self.sort_locale);
        Ok(())
    }
}

/// A 32-bit count, followed by as many entries.
impl<T: Field<MapiHttp>> Field<MapiHttp> for Vec<T> {
    const MIN_SIZE: usize = 4;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        let count = r.u32(field)?;
        let count = r.elements(count, T::MIN_SIZE, MAX_ITEMS, field)?;
        let mut items = Self::with_capacity(count);
        for _ in 0..count {
            items.push(T::read(r, field)?);
        }
        Ok(items)
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        w.len32(self.len(), field)?;
        self.iter().try_for_each(|item| item.write(w, field))
    }
}

/// A text that ends with a zero code unit.
impl Field<MapiHttp> for Utf16 {
    const MIN_SIZE: usize = 2;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        read_unicode(r, field)
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        write_unicode(w, self, field)
    }
}

/// A string of bytes that is encoded with a terminating zero.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct String8(pub Vec<u8>);

impl From<&str> for String8 {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl Field<MapiHttp> for String8 {
    const MIN_SIZE: usize = 1;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        read_string8(r, field).map(|text| Self(text.to_vec()))
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        write_string8(w, &self.0, field)
    }
}

/// Bytes that are encoded with their 32-bit size.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SizedBytes(pub Bytes);

impl Field<MapiHttp> for SizedBytes {
    const MIN_SIZE: usize = 4;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        let size = r.u32(field)?;
        let size = r.count(size, 1, u32::MAX, field)?;
        r.shared(size, field).map(Self)
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        w.len32(self.0.len(), field)?.bytes(&self.0);
        Ok(())
    }
}

/// A field that is preceded by a byte which indicates its presence. All values except zero indicate presence; the byte
/// is preserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Maybe<T> {
    /// The field is absent.
    #[default]
    Absent,
    /// The field is present, with this byte before it.
    Present(NonZeroU8, T),
}

impl<T> Maybe<T> {
    /// A field that is present, with a byte of all ones before it, which [MS-OXCMAPIHTTP] specifies as true.
    pub const fn new(value: T) -> Self {
        Self::Present(NonZeroU8::MAX, value)
    }

    /// The field, if it is present.
    pub const fn get(&self) -> Option<&T> {
        match self {
            Self::Absent => None,
            Self::Present(_, value) => Some(value),
        }
    }

    /// The field, if it is present, for modification.
    pub const fn get_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Absent => None,
            Self::Present(_, value) => Some(value),
        }
    }
}

impl<T> From<Option<T>> for Maybe<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::new)
    }
}

impl<T: Field<MapiHttp>> Field<MapiHttp> for Maybe<T> {
    const MIN_SIZE: usize = 1;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        match NonZeroU8::new(r.u8(field)?) {
            None => Ok(Self::Absent),
            Some(flag) => T::read(r, field).map(|value| Self::Present(flag, value)),
        }
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        match self {
            Self::Absent => {
                w.u8(0);
                Ok(())
            }
            Self::Present(flag, value) => {
                w.u8(flag.get());
                value.write(w, field)
            }
        }
    }
}
