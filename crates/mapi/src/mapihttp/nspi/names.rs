//! Lists of names to resolve, and names before the auxiliary blocks, with the deviations of clients.

use wire::{Reader, Result, Utf16, Writer};

use crate::field::Field;
use crate::mapihttp::auxiliary::AuxiliaryBuffer;
use crate::mapihttp::field::MAX_ITEMS;
use crate::mapihttp::format::MapiHttp;

/// The byte that some clients send before each name.
const FLAG: u8 = 0xFF;

/// How the names of a list are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NamesForm {
    /// As specified, the names follow each other, each with its terminating zero.
    #[default]
    Specified,
    /// Each name is preceded by a byte with all bits set, like the `HasValue` byte that is specified before property
    /// values ([MS-OXCMAPIHTTP] 2.2.1.1).
    Flagged,
    /// Each name ends with two zeros, as Microsoft's protocol tests send it.
    DoubleTerminated,
}

/// A list of names that is encoded with its 32-bit count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names<T> {
    /// The names to resolve or convert, in the order of the request.
    pub names: Vec<T>,
    /// How they are encoded.
    pub form: NamesForm,
}

impl<T> Names<T> {
    /// Creates a list of `names` in the specified form.
    pub const fn new(names: Vec<T>) -> Self {
        Self { names, form: NamesForm::Specified }
    }
}

impl<T: Field<MapiHttp> + Default + PartialEq> Field<MapiHttp> for Names<T> {
    const MIN_SIZE: usize = 4;

    /// Reads names in the first form after which the body ends as it must: a name itself may begin with the byte of
    /// [`NamesForm::Flagged`].
    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        for form in [NamesForm::Flagged, NamesForm::Specified, NamesForm::DoubleTerminated] {
            let mut ahead = r.clone();
            if let Some(names) = read_as(form, &mut ahead, field)
                && ends_after(&ahead)
            {
                *r = ahead;
                return Ok(Self { names, form });
            }
        }
        Vec::read(r, field).map(Self::new)
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        w.len32(self.names.len(), field)?;
        for name in &self.names {
            if self.form == NamesForm::Flagged {
                w.u8(FLAG);
            }
            name.write(w, field)?;
            if self.form == NamesForm::DoubleTerminated {
                T::default().write(w, field)?;
            }
        }
        Ok(())
    }
}

/// Reads names in a form. Returns `None` if they are not encoded so, or if the list is empty.
fn read_as<T>(form: NamesForm, r: &mut Reader<'_>, field: &'static str) -> Option<Vec<T>>
where
    T: Field<MapiHttp> + Default + PartialEq,
{
    let count = r.u32(field).ok()?;
    if count == 0 || (form == NamesForm::Flagged && r.peek().first() != Some(&FLAG)) {
        return None;
    }
    let size = if form == NamesForm::Specified { T::MIN_SIZE } else { T::MIN_SIZE.saturating_add(1) };
    let count = r.elements(count, size, MAX_ITEMS, field).ok()?;
    let mut names = Vec::with_capacity(count);
    for _ in 0..count {
        if form == NamesForm::Flagged && r.u8(field).ok()? != FLAG {
            return None;
        }
        names.push(T::read(r, field).ok()?);
        // The second zero is encoded as an empty name is.
        if form == NamesForm::DoubleTerminated && T::read(r, field).ok()? != T::default() {
            return None;
        }
    }
    Some(names)
}

/// Whether a body ends as it must after its names: with the auxiliary blocks.
fn ends_after(r: &Reader<'_>) -> bool {
    let mut end = r.clone();
    <AuxiliaryBuffer as Field<MapiHttp>>::read(&mut end, "AuxiliaryBuffer").is_ok() && end.is_empty()
}

/// A distinguished name in UTF-16, which is the last field before the auxiliary blocks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WideDn {
    /// The distinguished name.
    pub name: Utf16,
    /// Whether it ends with two zeros, as Microsoft's protocol tests send it, in place of one.
    pub double_terminated: bool,
}

impl From<&str> for WideDn {
    fn from(name: &str) -> Self {
        Self { name: name.into(), double_terminated: false }
    }
}

impl Field<MapiHttp> for WideDn {
    const MIN_SIZE: usize = 2;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        let name = <Utf16 as Field<MapiHttp>>::read(r, field)?;
        let mut ahead = r.clone();
        let double_terminated = !ends_after(r) && ahead.u16(field) == Ok(0) && ends_after(&ahead);
        if double_terminated {
            *r = ahead;
        }
        Ok(Self { name, double_terminated })
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        Field::<MapiHttp>::write(&self.name, w, field)?;
        if self.double_terminated {
            w.u16(0);
        }
        Ok(())
    }
}
