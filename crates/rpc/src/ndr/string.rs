//! Conformant varying strings (C706 14.3.4).

use std::fmt;

use wire::{Result, Utf16};

use super::codec::Ndr;
use super::reader::NdrReader;
use super::writer::NdrWriter;

/// The header of a conformant varying string: the number of units, and by how many more the string may grow.
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

/// The units of a string, all of which are sent.
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
            /// The units from the first zero unit on, if they are anything but one terminator.
            pub tail: Option<Vec<$unit>>,
            /// The number of units that the string may grow by: `max_count` less the units that are sent.
            pub spare: u32,
        }

        impl $name {
            /// Replaces the units before the terminator, and removes an unusual termination.
            pub fn set(&mut self, text: $text) {
                *self = Self { text, ..Self::default() };
            }

            /// The maximum number of units, including those that are sent: `max_count`.
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
                let count = r.count(count, <$unit>::MIN_SIZE, field)?;
                let text = <$text as Units>::read_until_zero(r, count, field)?;
                // All known senders write exactly one terminator.
                let tail = match count.saturating_sub(text.len()) {
                    1 => $unit::read_scalars(r, field).map(|_| None)?,
                    left => Some($unit::read_items(r, left, field)?),
                };
                Ok(Self { text, tail, spare })
            }

            fn write_conformance(&self, w: &mut NdrWriter) -> Result<()> {
                w.count(usize::try_from(self.max_count()).unwrap_or(usize::MAX), "max_count")
            }

            fn write_scalars(&self, w: &mut NdrWriter, field: &'static str) -> Result<()> {
                w.u32(0);
                w.count(self.count(), "actual_count")?;
                self.text.write_units(w);
                $unit::write_items(self.tail.as_deref().unwrap_or(&[0]), w, field)
            }
        }
    };
}

/// A container of the units of a string.
trait Units: Sized {
    /// Reads at most `most` units, up to the first zero unit, which is not consumed.
    fn read_until_zero(r: &mut NdrReader<'_>, most: usize, field: &'static str) -> Result<Self>;

    fn write_units(&self, w: &mut NdrWriter);
}

impl Units for Vec<u8> {
    fn read_until_zero(r: &mut NdrReader<'_>, most: usize, field: &'static str) -> Result<Self> {
        let all = r.inner().peek();
        let within = all.get(..most).unwrap_or(all);
        let length = within.iter().position(|unit| *unit == 0).unwrap_or(within.len());
        r.inner().bytes(length, field).map(<[u8]>::to_vec)
    }

    fn write_units(&self, w: &mut NdrWriter) {
        w.inner().bytes(self);
    }
}

impl Units for Utf16 {
    fn read_until_zero(r: &mut NdrReader<'_>, most: usize, field: &'static str) -> Result<Self> {
        Self::read_until_zero(r.inner(), most, field)
    }

    fn write_units(&self, w: &mut NdrWriter) {
        w.inner().bytes(self.as_le_bytes());
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
    /// Creates a string of `text` with a terminator.
    pub fn new(text: impl AsRef<[u8]>) -> Self {
        Self { text: text.as_ref().to_vec(), ..Self::default() }
    }

    /// The text, decoded as UTF-8, with U+FFFD for invalid bytes.
    pub fn to_string_lossy(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }
}

impl WcharString {
    /// Creates a string of `text` with a terminator.
    pub fn new(text: &str) -> Self {
        Self { text: Utf16::new(text), ..Self::default() }
    }

    /// The text, with U+FFFD for invalid units.
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
