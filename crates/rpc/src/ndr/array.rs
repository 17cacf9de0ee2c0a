//! Conformant and varying arrays (C706 14.3.3).

use wire::Result;

use super::codec::Ndr;
use super::reader::NdrReader;
use super::writer::NdrWriter;

/// Reads `count` elements, aligned if there are any.
pub(super) fn read_elements<T: Ndr>(
    r: &mut NdrReader<'_>,
    count: u32,
    field: &'static str,
) -> Result<Vec<T>> {
    let count = r.count(count, T::MIN_SIZE, field)?;
    if size_of::<T>() > size_of::<u16>() {
        // Not bytes or code units.
        r.inner().spend(count, field)?;
    }
    if count != 0 {
        r.align(T::ALIGN, field)?;
    }
    T::read_items(r, count, field)
}

/// Writes the elements `items`, aligned if there are any.
pub(super) fn write_elements<T: Ndr>(items: &[T], w: &mut NdrWriter, field: &'static str) -> Result<()> {
    if !items.is_empty() {
        w.align(T::ALIGN);
    }
    T::write_items(items, w, field)
}

/// Writes the fields of a varying array (C706 14.3.3.3).
fn write_varying<T: Ndr>(offset: u32, items: &[T], w: &mut NdrWriter, field: &'static str) -> Result<()> {
    w.u32(offset);
    w.count(items.len(), "actual_count")?;
    write_elements(items, w, field)
}

/// Reads the deferred parts of all `items`.
pub(super) fn read_deferred_items<T: Ndr>(items: &mut [T], r: &mut NdrReader<'_>) -> Result<()> {
    items.iter_mut().try_for_each(|item| item.read_deferred(r))
}

/// Writes the deferred parts of all `items`.
pub(super) fn write_deferred_items<T: Ndr>(items: &[T], w: &mut NdrWriter) -> Result<()> {
    items.iter().try_for_each(|item| item.write_deferred(w))
}

/// A conformant array (`T a[]` with `[size_is(n)]`): all of its elements are sent (\[C706\] 14.3.3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conformant<T>(pub Vec<T>);

impl<T> Default for Conformant<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ndr> Ndr for Conformant<T> {
    const ALIGN: usize = T::ALIGN;
    const MIN_SIZE: usize = 0;

    fn read_conformance(r: &mut NdrReader<'_>) -> Result<()> {
        r.read_max_count()
    }

    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        let count = r.take_max_count(field)?;
        read_elements(r, count, field).map(Self)
    }

    fn read_deferred(&mut self, r: &mut NdrReader<'_>) -> Result<()> {
        read_deferred_items(&mut self.0, r)
    }

    fn write_conformance(&self, w: &mut NdrWriter) -> Result<()> {
        w.count(self.0.len(), "max_count")
    }

    fn write_scalars(&self, w: &mut NdrWriter, field: &'static str) -> Result<()> {
        write_elements(&self.0, w, field)
    }

    fn write_deferred(&self, w: &mut NdrWriter) -> Result<()> {
        write_deferred_items(&self.0, w)
    }
}

/// A varying array (`T a[N]` with `[length_is(n)]`): a part of its elements is sent (\[C706\] 14.3.3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Varying<T> {
    /// The index of the first element that is sent.
    pub offset: u32,
    /// The elements that are sent.
    pub items: Vec<T>,
}

impl<T> Varying<T> {
    /// Creates an array whose first elements are `items`.
    pub const fn new(items: Vec<T>) -> Self {
        Self { offset: 0, items }
    }
}

impl<T: Ndr> Ndr for Varying<T> {
    const ALIGN: usize = super::codec::larger(4, T::ALIGN);
    const MIN_SIZE: usize = 8;

    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        let offset = r.u32("offset")?;
        let count = r.u32("actual_count")?;
        Ok(Self { offset, items: read_elements(r, count, field)? })
    }

    fn read_deferred(&mut self, r: &mut NdrReader<'_>) -> Result<()> {
        read_deferred_items(&mut self.items, r)
    }

    fn write_scalars(&self, w: &mut NdrWriter, field: &'static str) -> Result<()> {
        write_varying(self.offset, &self.items, w, field)
    }

    fn write_deferred(&self, w: &mut NdrWriter) -> Result<()> {
        write_deferred_items(&self.items, w)
    }
}

/// A conformant varying array (`T a[]` with `[size_is(m), length_is(n)]`, \[C706\] 14.3.3.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConformantVarying<T> {
    /// The index of the first element that is sent.
    pub offset: u32,
    /// The elements that are sent.
    pub items: Vec<T>,
    /// The number of elements after those that are sent.
    pub spare: u32,
}

impl<T> ConformantVarying<T> {
    /// Creates an array of exactly `items`.
    pub const fn new(items: Vec<T>) -> Self {
        Self { offset: 0, items, spare: 0 }
    }

    /// The element count that the array is declared with.
    fn max_count(&self, w: &mut NdrWriter) -> Result<u32> {
        let count = u64::try_from(self.items.len()).unwrap_or(u64::MAX);
        let count = count.saturating_add(self.offset.into()).saturating_add(self.spare.into());
        u32::try_from(count).map_err(|_| w.inner().invalid("max_count", count, "at most 4294967295 elements"))
    }
}

impl<T: Ndr> Ndr for ConformantVarying<T> {
    const ALIGN: usize = super::codec::larger(4, T::ALIGN);
    const MIN_SIZE: usize = 8;

    fn read_conformance(r: &mut NdrReader<'_>) -> Result<()> {
        r.read_max_count()
    }

    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        let max_count = r.take_max_count(field)?;
        let offset = r.u32("offset")?;
        let count = r.u32("actual_count")?;
        let used = offset.checked_add(count);
        let Some(spare) = used.and_then(|used| max_count.checked_sub(used)) else {
            return Err(r
                .inner()
                .invalid(field, u64::from(count), "at most max_count elements")
                .within("array"));
        };
        Ok(Self { offset, items: read_elements(r, count, field)?, spare })
    }

    fn read_deferred(&mut self, r: &mut NdrReader<'_>) -> Result<()> {
        read_deferred_items(&mut self.items, r)
    }

    fn write_conformance(&self, w: &mut NdrWriter) -> Result<()> {
        let max_count = self.max_count(w)?;
        w.u32(max_count);
        Ok(())
    }

    fn write_scalars(&self, w: &mut NdrWriter, field: &'static str) -> Result<()> {
        write_varying(self.offset, &self.items, w, field)
    }

    fn write_deferred(&self, w: &mut NdrWriter) -> Result<()> {
        write_deferred_items(&self.items, w)
    }
}
