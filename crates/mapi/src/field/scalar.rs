//! Fields with the same layout in all formats: numbers, newtypes of numbers, GUIDs, and arrays of a fixed length.

use wire::{FileTime, Guid, Reader, Result, Writer};

use super::format::{Field, Format, HandleRole};
use crate::ErrorCode;
use crate::property::{PropTag, PropType};

macro_rules! scalar_field {
    ($($name:ident)*) => {
        $(impl<F: Format> Field<F> for $name {
            const MIN_SIZE: usize = size_of::<Self>();

            #[inline]
            fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
                r.$name(field)
            }

            #[inline]
            fn write(&self, w: &mut Writer, _field: &'static str) -> Result<()> {
                w.$name(*self);
                Ok(())
            }
        })*
    };
}

scalar_field!(u8 u16 u32 u64 i32 i64);

/// Implements [`Field`] for newtypes of unsigned numbers.
macro_rules! newtype_field {
    ($($name:ident($inner:ident)),* $(,)?) => {
        $(impl<F: $crate::field::format::Format> $crate::field::format::Field<F> for $name {
            const MIN_SIZE: usize = size_of::<$inner>();

            #[inline]
            fn read(r: &mut ::wire::Reader<'_>, field: &'static str) -> ::wire::Result<Self> {
                Ok(Self(r.$inner(field)?))
            }

            #[inline]
            fn write(&self, w: &mut ::wire::Writer, _field: &'static str) -> ::wire::Result<()> {
                w.$inner(self.0);
                Ok(())
            }
        })*
    };
}

/// Declares an enumeration as `wire_enum!` does, which is a field and inspected by the names of its values.
macro_rules! enum_field {
    ($(#[$outer:meta])* $vis:vis struct $name:ident($repr:ident) { $($body:tt)* }) => {
        ::wire::wire_enum! { $(#[$outer])* $vis struct $name($repr) { $($body)* } }
        $crate::inspect::inspect_named!($name);
        $crate::field::scalar::newtype_field!($name($repr));
    };
}

/// Declares flags as `wire_flags!` does, which are a field and inspected by the names of the flags.
macro_rules! flags_field {
    ($(#[$outer:meta])* $vis:vis struct $name:ident($repr:ident) { $($body:tt)* }) => {
        ::wire::wire_flags! { $(#[$outer])* $vis struct $name($repr) { $($body)* } }
        $crate::inspect::inspect_named!($name);
        $crate::field::scalar::newtype_field!($name($repr));
    };
}

pub(crate) use {enum_field, flags_field, newtype_field};

newtype_field!(ErrorCode(u32), PropTag(u32), PropType(u16), FileTime(u64));

impl<F: Format> Field<F> for Guid {
    const MIN_SIZE: usize = 16;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        Ok(Self::from_le(r.array(field)?))
    }

    fn write(&self, w: &mut Writer, _field: &'static str) -> Result<()> {
        w.bytes(&self.to_le());
        Ok(())
    }
}

/// A fixed number of fields.
impl<F: Format, T: Field<F> + Copy + Default, const N: usize> Field<F> for [T; N] {
    #[allow(clippy::arithmetic_side_effects, reason = "of constants")]
    const MIN_SIZE: usize = N * T::MIN_SIZE;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        let mut items = [T::default(); N];
        for item in &mut items {
            *item = T::read(r, field)?;
        }
        Ok(items)
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        self.iter().try_for_each(|item| item.write(w, field))
    }
}

impl<F: Format, T: Field<F>> Field<F> for Box<T> {
    const MIN_SIZE: usize = T::MIN_SIZE;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        T::read(r, field).map(Self::new)
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        T::write(self, w, field)
    }

    fn read_with(r: &mut Reader<'_>, field: &'static str, context: F::Context) -> Result<Self> {
        T::read_with(r, field, context).map(Self::new)
    }

    fn handle_index(&mut self, visit: &mut dyn FnMut(HandleRole, &mut u8)) {
        T::handle_index(self, visit);
    }

    fn index_with_role(&self, role: HandleRole) -> Option<u8> {
        T::index_with_role(self, role)
    }
}
