//! Lists of names to resolve.

use wire::{Reader, Result, Writer};

use crate::field::Field;
use crate::mapihttp::auxiliary::AuxiliaryBuffer;
use crate::mapihttp::field::MAX_ITEMS;
use crate::mapihttp::format::MapiHttp;

/// The byte that some clients send before each name.
const FLAG: u8 = 0xFF;

/// A list of names that is encoded with its 32-bit count.
///
/// As specified, the names follow each other. Some clients send a byte before each name, like the `HasValue` byte that
/// is specified before property values ([MS-OXCMAPIHTTP] 2.2.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names<T> {
    /// The names to resolve or convert, in the order of the request.
    pub names: Vec<T>,
    /// Whether each name is preceded by a byte with all bits set.
    pub flagged: bool,
}

impl<T> Names<T> {
    /// Creates a list of `names` in the specified form.
    pub const fn new(names: Vec<T>) -> Self {
        Self { names, flagged: false }
    }
}

impl<T: Field<MapiHttp>> Field<MapiHttp> for Names<T> {
    const MIN_SIZE: usize = 4;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        let mut ahead = r.clone();
        if let Some(names) = read_flagged(&mut ahead, field) {
            *r = ahead;
            return Ok(Self { names, flagged: true });
        }
        Vec::read(r, field).map(Self::new)
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        w.len32(self.names.len(), field)?;
        for name in &self.names {
            if self.flagged {
                w.u8(FLAG);
            }
            name.write(w, field)?;
        }
        Ok(())
    }
}

/// Reads names with a byte before each. Returns `None` unless there is a name and the body ends as it must after the
/// names: a name itself may begin with such a byte.
fn read_flagged<T: Field<MapiHttp>>(r: &mut Reader<'_>, field: &'static str) -> Option<Vec<T>> {
    let count = r.u32(field).ok()?;
    if count == 0 || r.peek().first() != Some(&FLAG) {
        return None;
    }
    let count = r.elements(count, T::MIN_SIZE.saturating_add(1), MAX_ITEMS, field).ok()?;
    let mut names = Vec::with_capacity(count);
    for _ in 0..count {
        if r.u8(field).ok()? != FLAG {
            return None;
        }
        names.push(T::read(r, field).ok()?);
    }
    let mut end = r.clone();
    AuxiliaryBuffer::read(&mut end, "AuxiliaryBuffer").ok()?;
    end.is_empty().then_some(names)
}
