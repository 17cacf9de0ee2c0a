use std::fmt;

use wire::{Endian, Result, Utf16};

use super::{Ndr, NdrReader, NdrWriter};

/// The header of a conformant varying string: how many units follow, and how many more there is room for.
fn read_header(r: &mut NdrReader<'_>, field: &'static str) -> Result<(u32, u32)> {
    let max_count = r.take_max_count(field)?;
    let offset = r.u32("offset")?;
    if offset != 0 {
        return Err(r.inner().invalid("offset", u64::from(offset), "a string that starts at its beginning"));
    }
    let count = r.u32("actual_count")?;
    match max_count.checked_sub(count) {
        Some(spare) => Ok((count, spare)),
        None => Err(r.inner().invalid("actual_count", u64::from(count), "at most max_count units")),
    }
}

/// The units of a string, as many as the writer is to count.
fn unit_count(text: usize, tail: Option<usize>) -> usize {
    text.saturating_add(tail.unwrap_or(1))
}

macro_rules! string {
    ($(#[$doc:meta])* $name:ident, $unit:ident, $text:ty) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Default)]
        pub struct $name {
            /// The units before the terminator.
            pub text: $text,
            /// All that was sent from the first zero unit on, where that is anything but one terminator.
            pub tail: Option<Vec<$unit>>,
            /// For how many units there is room behind those that are sent.
            pub spare: u32,
        }

        impl $name {
            /// The units before the terminator, to be replaced; a special ending goes with them.
            pub fn set(&mut self, text: $text) {
                *self = Self { text, ..Self::default() };
            }

            fn from_units(mut text: $text, spare: u32) -> Self {
                let end = text.first_zero().unwrap_or(text.len());
                let tail = text.split_off(end);
                // One terminator and nothing else is what everybody sends.
                let tail = (tail.len() != 1).then(|| tail.into_units());
                Self { text, tail, spare }
            }

            /// For how many units the string has room, with those that are sent: its `max_count`.
            pub fn max_count(&self) -> u64 {
                u64::try_from(self.count()).unwrap_or(u64::MAX).saturating_add(u64::from(self.spare))
            }

            fn count(&self) -> usize {
                unit_count(self.text.len(), self.tail.as_ref().map(Vec::len))
            }
        }

        impl Ndr for $name {
            const ALIGN: usize = 4;
            const MIN_SIZE: usize = 8;

            fn read_conformance(r: &mut NdrReader<'_>) -> Result<()> {
                r.read_max_count()
            }

            fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
                let (count, spare) = read_header(r, field)?;
                let count = r.count::<$unit>(count, field)?;
                Ok(Self::from_units(<$text>::read_units(r, count, field)?, spare))
            }

            fn write_conformance(&self, w: &mut NdrWriter) -> Result<()> {
                w.count(usize::try_from(self.max_count()).unwrap_or(usize::MAX), "max_count")
            }

            fn write_scalars(&self, w: &mut NdrWriter, field: &'static str) -> Result<()> {
                w.u32(0);
                w.count(self.count(), "actual_count")?;
                self.text.write_units(w, field)?;
                $unit::write_items(self.tail.as_deref().unwrap_or(&[0]), w, field)
            }
        }
    };
}

/// What holds the units of a string.
trait Units<U>: Sized {
    fn read_units(r: &mut NdrReader<'_>, count: usize, field: &'static str) -> Result<Self>;
    fn write_units(&self, w: &mut NdrWriter, field: &'static str) -> Result<()>;
    fn first_zero(&self) -> Option<usize>;
    fn into_units(self) -> Vec<U>;
}

impl Units<u8> for Vec<u8> {
    fn read_units(r: &mut NdrReader<'_>, count: usize, field: &'static str) -> Result<Self> {
        u8::read_items(r, count, field)
    }

    fn write_units(&self, w: &mut NdrWriter, field: &'static str) -> Result<()> {
        u8::write_items(self, w, field)
    }

    fn first_zero(&self) -> Option<usize> {
        self.iter().position(|unit| *unit == 0)
    }

    fn into_units(self) -> Self {
        self
    }
}

impl Units<u16> for Utf16 {
    fn read_units(r: &mut NdrReader<'_>, count: usize, field: &'static str) -> Result<Self> {
        if r.inner().endian() == Endian::Big {
            return u16::read_items(r, count, field).map(Self::from_units);
        }
        let bytes = r.inner().shared(count.saturating_mul(2), field)?;
        Ok(Self::from_le(bytes).unwrap_or_default())
    }

    fn write_units(&self, w: &mut NdrWriter, _field: &'static str) -> Result<()> {
        w.inner().bytes(self.as_le_bytes());
        Ok(())
    }

    fn first_zero(&self) -> Option<usize> {
        self.zero()
    }

    fn into_units(self) -> Vec<u16> {
        self.units().collect()
    }
}

string!(
    /// A `[string] char*`: bytes in the code page that the operation names, with a terminator
    /// (\[C706\] 14.3.4.2).
    CharString, u8, Vec<u8>
);

string!(
    /// A `[string] wchar_t*`: UTF-16 with a terminator (\[C706\] 14.3.4.2, [MS-RPCE] 2.2.4).
    WcharString, u16, Utf16
);

impl CharString {
    /// The string `text` with a terminator.
    pub fn new(text: impl AsRef<[u8]>) -> Self {
        Self { text: text.as_ref().to_vec(), ..Self::default() }
    }

    /// The text as if it were UTF-8, with U+FFFD for what is not.
    pub fn to_string_lossy(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }
}

impl WcharString {
    /// The string `text` with a terminator.
    pub fn new(text: &str) -> Self {
        Self { text: Utf16::new(text), ..Self::default() }
    }

    /// The text, with U+FFFD for what is not valid.
    pub fn to_string_lossy(&self) -> String {
        self.text.to_string_lossy()
    }
}

impl fmt::Debug for CharString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string_lossy())
    }
}

impl fmt::Debug for WcharString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string_lossy())
    }
}
