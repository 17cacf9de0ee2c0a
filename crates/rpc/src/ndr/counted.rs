//! Counted arrays that pointers refer to, as structures of an interface contain them.

use wire::Result;

use super::array::{read_deferred_items, read_elements, write_deferred_items, write_elements};
use super::codec::Ndr;
use super::reader::NdrReader;
use super::writer::NdrWriter;

/// A count with a unique pointer to a conformant array of that many elements:
/// `DWORD c; [size_is(c)] T* p;`. Equality ignores the referent id.
#[derive(Debug, Clone, Eq)]
pub struct SizedPtr<T> {
    /// The id that was read, or zero to have the writer choose one.
    pub referent: u32,
    /// The elements; `None` is the null pointer.
    pub items: Option<Vec<T>>,
    /// The count that was read. Written only with a null pointer: an array is counted.
    pub count: u32,
}

impl<T> SizedPtr<T> {
    /// No elements, and a null pointer.
    pub const NULL: Self = Self { referent: 0, items: None, count: 0 };

    /// Creates a pointer to `items`. The writer chooses its id.
    pub const fn new(items: Vec<T>) -> Self {
        Self { referent: 0, items: Some(items), count: 0 }
    }

    /// The elements; empty for the null pointer.
    pub fn as_slice(&self) -> &[T] {
        self.items.as_deref().unwrap_or_default()
    }

    /// The elements, to be changed; empty for the null pointer.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        self.items.as_deref_mut().unwrap_or_default()
    }
}

impl<T> Default for SizedPtr<T> {
    fn default() -> Self {
        Self::NULL
    }
}

impl<T: PartialEq> PartialEq for SizedPtr<T> {
    fn eq(&self, other: &Self) -> bool {
        self.items == other.items && (self.items.is_some() || self.count == other.count)
    }
}

impl<T: Ndr> Ndr for SizedPtr<T> {
    const ALIGN: usize = 4;
    const MIN_SIZE: usize = 8;

    #[inline]
    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        let count = r.u32(field)?;
        Ok(Self { count, referent: r.u32(field)?, items: None })
    }

    fn read_deferred(&mut self, r: &mut NdrReader<'_>) -> Result<()> {
        if self.referent == 0 {
            return Ok(());
        }
        let max_count = r.u32("max_count")?;
        if max_count != self.count {
            return Err(r.inner().invalid("max_count", u64::from(max_count), "the count beside the pointer"));
        }
        self.items = Some(r.descend("items", |r| {
            let mut items = read_elements(r, max_count, "items")?;
            read_deferred_items(&mut items, r)?;
            Ok(items)
        })?);
        Ok(())
    }

    fn write_scalars(&self, w: &mut NdrWriter, field: &'static str) -> Result<()> {
        let referent = match (self.referent, &self.items) {
            (_, None) => {
                w.u32(self.count);
                w.u32(0);
                return Ok(());
            }
            (referent, Some(items)) => {
                w.count(items.len(), field)?;
                if referent == 0 { w.new_referent() } else { referent }
            }
        };
        w.u32(referent);
        Ok(())
    }

    fn write_deferred(&self, w: &mut NdrWriter) -> Result<()> {
        let Some(items) = &self.items else { return Ok(()) };
        w.count(items.len(), "max_count")?;
        w.descend("items", |w| {
            write_elements(items, w, "items")?;
            write_deferred_items(items, w)
        })
    }
}

/// A structure of a count and a conformant array of that many elements: `DWORD c; [size_is(c)] T a[];`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted<T>(pub Vec<T>);

impl<T> Default for Counted<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ndr> Ndr for Counted<T> {
    const ALIGN: usize = super::codec::larger(4, T::ALIGN);
    const MIN_SIZE: usize = 4;

    fn read_conformance(r: &mut NdrReader<'_>) -> Result<()> {
        r.read_max_count()
    }

    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        let max_count = r.take_max_count(field)?;
        r.align(Self::ALIGN, field)?;
        let count = r.u32(field)?;
        if count != max_count {
            return Err(r.inner().invalid(field, u64::from(count), "the same count as max_count"));
        }
        read_elements(r, count, field).map(Self)
    }

    fn read_deferred(&mut self, r: &mut NdrReader<'_>) -> Result<()> {
        read_deferred_items(&mut self.0, r)
    }

    fn write_conformance(&self, w: &mut NdrWriter) -> Result<()> {
        w.count(self.0.len(), "max_count")
    }

    fn write_scalars(&self, w: &mut NdrWriter, field: &'static str) -> Result<()> {
        w.align(Self::ALIGN);
        w.count(self.0.len(), field)?;
        write_elements(&self.0, w, field)
    }

    fn write_deferred(&self, w: &mut NdrWriter) -> Result<()> {
        write_deferred_items(&self.0, w)
    }
}

/// Two parameters: a count, and a reference to a conformant array of that many elements:
/// `[in] DWORD c, [in, size_is(c)] T a[]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizedArray<T>(pub Vec<T>);

impl<T> Default for SizedArray<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ndr> Ndr for SizedArray<T> {
    const ALIGN: usize = super::codec::larger(4, T::ALIGN);
    const MIN_SIZE: usize = 8;

    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        let count = r.u32(field)?;
        let max_count = r.u32("max_count")?;
        if count != max_count {
            return Err(r.inner().invalid("max_count", u64::from(max_count), "the count before the array"));
        }
        read_elements(r, count, field).map(Self)
    }

    fn read_deferred(&mut self, r: &mut NdrReader<'_>) -> Result<()> {
        read_deferred_items(&mut self.0, r)
    }

    fn write_scalars(&self, w: &mut NdrWriter, field: &'static str) -> Result<()> {
        w.count(self.0.len(), field)?;
        w.count(self.0.len(), "max_count")?;
        write_elements(&self.0, w, field)
    }

    fn write_deferred(&self, w: &mut NdrWriter) -> Result<()> {
        write_deferred_items(&self.0, w)
    }
}
