//! Field types of auxiliary blocks, and the macro that defines their structures.

use wire::{Decode, Encode, Guid, Reader, Result, Utf16, Writer};

/// A field of fixed size.
pub(super) trait Field: Sized {
    fn read(r: &mut Reader<'_>, name: &'static str) -> Result<Self>;
    fn write(&self, w: &mut Writer) -> Result<()>;
}

macro_rules! scalar {
    ($($type:ident),*) => {$(
        impl Field for $type {
            fn read(r: &mut Reader<'_>, name: &'static str) -> Result<Self> {
                r.$type(name)
            }

            fn write(&self, w: &mut Writer) -> Result<()> {
                w.$type(*self);
                Ok(())
            }
        }
    )*};
}

scalar!(u8, u16, u32);

impl<const N: usize> Field for [u8; N] {
    fn read(r: &mut Reader<'_>, name: &'static str) -> Result<Self> {
        r.array(name)
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        w.bytes(self);
        Ok(())
    }
}

impl Field for Guid {
    fn read(r: &mut Reader<'_>, _name: &'static str) -> Result<Self> {
        Self::decode(r)
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        self.encode(w)
    }
}

/// Gives newtypes the representation of what they hold.
macro_rules! newtype_fields {
    ($($name:ty => $repr:ty),* $(,)?) => {$(
        impl $crate::aux_block::fields::Field for $name {
            fn read(r: &mut ::wire::Reader<'_>, name: &'static str) -> ::wire::Result<Self> {
                <$repr as $crate::aux_block::fields::Field>::read(r, name).map(Self)
            }

            fn write(&self, w: &mut ::wire::Writer) -> ::wire::Result<()> {
                $crate::aux_block::fields::Field::write(&self.0, w)
            }
        }
    )*};
}

/// Defines blocks of fixed fields. With `variable`, the block ends with a region that some fields hold offsets
/// into; it is kept as bytes, so that its order and gaps survive.
macro_rules! aux_struct {
    ($(#[$outer:meta])* pub struct $name:ident as $spec:literal {
        $($(#[$inner:meta])* pub $field:ident : $type:ty = $fspec:literal),* $(,)?
        $(; variable $(#[$vmeta:meta])* pub $variable:ident)?
    }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $($(#[$inner])* pub $field: $type,)*
            $($(#[$vmeta])* pub $variable: Vec<u8>,)?
        }

        impl $name {
            pub(super) fn read(r: &mut ::wire::Reader<'_>) -> ::wire::Result<Self> {
                Ok(Self {
                    $($field: <$type as $crate::aux_block::fields::Field>::read(r, $fspec)
                        .map_err(|error| error.within($spec))?,)*
                    $($variable: r.rest().to_vec(),)?
                })
            }

            pub(super) fn write(&self, w: &mut ::wire::Writer) -> ::wire::Result<()> {
                $($crate::aux_block::fields::Field::write(&self.$field, w)?;)*
                $(w.bytes(&self.$variable);)?
                Ok(())
            }
        }
    };
}

pub(super) use {aux_struct, newtype_fields};

/// The zero-terminated text at `offset`, which counts from the start of the block's header, in a `region` that
/// begins `start` bytes behind it. `None` for offset zero, and for one that lies outside of the region.
pub(super) fn text_at(region: &[u8], start: usize, offset: u16) -> Option<Utf16> {
    let bytes = region.get(usize::from(offset).checked_sub(start)?..).filter(|_| offset != 0)?;
    let (units, _) = bytes.as_chunks::<2>();
    Some(Utf16::from_units(units.iter().map(|unit| u16::from_le_bytes(*unit)).take_while(|unit| *unit != 0)))
}

/// The `size` bytes at `offset`, as [`text_at`].
pub(super) fn bytes_at(region: &[u8], start: usize, offset: u16, size: u16) -> Option<&[u8]> {
    let bytes = region.get(usize::from(offset).checked_sub(start)?..).filter(|_| offset != 0)?;
    bytes.get(..usize::from(size))
}

/// A region in which texts and bytes are laid one behind the other.
pub(super) struct Region {
    start: usize,
    bytes: Vec<u8>,
}

impl Region {
    /// An empty region that begins `start` bytes behind the start of the block's header.
    pub(super) const fn new(start: usize) -> Self {
        Self { start, bytes: Vec::new() }
    }

    /// Appends `text` with a terminator and returns its offset; zero where there is no text, and where it lies
    /// too far away.
    pub(super) fn text(&mut self, text: Option<&str>) -> u16 {
        let Some(text) = text else { return 0 };
        self.bytes(&[wire::utf16le_bytes(text), vec![0; 2]].concat())
    }

    /// Appends `bytes` and returns their offset; zero where there are none, and where they lie too far away.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> u16 {
        let at = self.start.saturating_add(self.bytes.len());
        match u16::try_from(at) {
            Ok(offset) if !bytes.is_empty() => {
                self.bytes.extend_from_slice(bytes);
                offset
            }
            _ => 0,
        }
    }

    pub(super) fn into_vec(self) -> Vec<u8> {
        self.bytes
    }
}
