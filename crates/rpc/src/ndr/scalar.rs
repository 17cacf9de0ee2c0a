//! Scalars, fixed arrays and context handles in NDR.

use wire::{Decode, Encode, Endian, FileTime, Guid, Result};

use super::codec::Ndr;
use super::reader::NdrReader;
use super::writer::NdrWriter;

macro_rules! scalar {
    ($($type:ident $size:literal),* $(,)?) => {$(
        impl Ndr for $type {
            const ALIGN: usize = $size;
            const MIN_SIZE: usize = $size;

            #[inline]
            fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
                r.align($size, field)?;
                r.inner().$type(field)
            }

            #[inline]
            fn write_scalars(&self, w: &mut NdrWriter, _field: &'static str) -> Result<()> {
                w.align($size);
                w.inner().$type(*self);
                Ok(())
            }

            fn read_items(r: &mut NdrReader<'_>, count: usize, field: &'static str) -> Result<Vec<Self>> {
                let endian = r.endian();
                let bytes = r.inner().bytes(count.saturating_mul($size), field)?;
                let items = bytes.as_chunks::<$size>().0.iter();
                Ok(match endian {
                    Endian::Little => items.map(|bytes| $type::from_le_bytes(*bytes)).collect(),
                    Endian::Big => items.map(|bytes| $type::from_be_bytes(*bytes)).collect(),
                })
            }
        }
    )*};
}

scalar!(u16 2, u32 4, u64 8, i16 2, i32 4, i64 8, f32 4, f64 8);

impl Ndr for u8 {
    const ALIGN: usize = 1;
    const MIN_SIZE: usize = 1;

    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        r.inner().u8(field)
    }

    fn write_scalars(&self, w: &mut NdrWriter, _field: &'static str) -> Result<()> {
        w.inner().u8(*self);
        Ok(())
    }

    fn read_items(r: &mut NdrReader<'_>, count: usize, field: &'static str) -> Result<Vec<Self>> {
        Ok(r.inner().bytes(count, field)?.to_vec())
    }

    fn write_items(items: &[Self], w: &mut NdrWriter, _field: &'static str) -> Result<()> {
        w.inner().bytes(items);
        Ok(())
    }
}

/// A fixed number of bytes, independent of the byte order.
impl<const N: usize> Ndr for [u8; N] {
    const ALIGN: usize = 1;
    const MIN_SIZE: usize = N;

    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        r.inner().array(field)
    }

    fn write_scalars(&self, w: &mut NdrWriter, _field: &'static str) -> Result<()> {
        w.inner().bytes(self);
        Ok(())
    }
}

impl<const N: usize> Ndr for [u16; N] {
    const ALIGN: usize = 2;
    const MIN_SIZE: usize = N.saturating_mul(2);

    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        let mut items = [0; N];
        r.align(2, field)?;
        for item in &mut items {
            *item = r.inner().u16(field)?;
        }
        Ok(items)
    }

    fn write_scalars(&self, w: &mut NdrWriter, _field: &'static str) -> Result<()> {
        w.align(2);
        for item in self {
            w.inner().u16(*item);
        }
        Ok(())
    }
}

/// `UUID`, with its integers in the sender's byte order (\[C706\] appendix A).
impl Ndr for Guid {
    const ALIGN: usize = 4;
    const MIN_SIZE: usize = 16;

    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        r.align(4, field)?;
        Self::decode(r.inner())
    }

    fn write_scalars(&self, w: &mut NdrWriter, _field: &'static str) -> Result<()> {
        w.align(4);
        self.encode(w.inner())
    }
}

/// `FILETIME`: its lower, then its upper half ([MS-DTYP] 2.3.3).
impl Ndr for FileTime {
    const ALIGN: usize = 4;
    const MIN_SIZE: usize = 8;

    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        let low = r.u32(field)?;
        let high = r.u32(field)?;
        Ok(Self(u64::from(high) << 32 | u64::from(low)))
    }

    fn write_scalars(&self, w: &mut NdrWriter, _field: &'static str) -> Result<()> {
        w.align(4);
        w.inner().u64(self.0);
        Ok(())
    }
}

/// A context handle (`ndr_context_handle`, \[C706\] chapter 14): a server's reference to the state that it keeps for
/// a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ContextHandle {
    /// Reserved, zero.
    pub attributes: u32,
    /// The UUID of the handle; nil for no handle.
    pub uuid: Guid,
}

impl ContextHandle {
    /// No handle.
    pub const NULL: Self = Self { attributes: 0, uuid: Guid::NIL };

    /// Creates the handle with this UUID.
    pub const fn new(uuid: Guid) -> Self {
        Self { attributes: 0, uuid }
    }

    /// Whether this is no handle.
    pub fn is_null(&self) -> bool {
        self.uuid.is_nil()
    }
}

impl Ndr for ContextHandle {
    const ALIGN: usize = 4;
    const MIN_SIZE: usize = 20;

    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        let attributes = r.u32(field)?;
        Ok(Self { attributes, uuid: Guid::read_scalars(r, field)? })
    }

    fn write_scalars(&self, w: &mut NdrWriter, field: &'static str) -> Result<()> {
        w.u32(self.attributes);
        self.uuid.write_scalars(w, field)
    }
}

impl<T: Ndr> Ndr for Box<T> {
    const ALIGN: usize = T::ALIGN;
    const MIN_SIZE: usize = T::MIN_SIZE;

    fn read_conformance(r: &mut NdrReader<'_>) -> Result<()> {
        T::read_conformance(r)
    }

    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        T::read_scalars(r, field).map(Self::new)
    }

    fn read_deferred(&mut self, r: &mut NdrReader<'_>) -> Result<()> {
        self.as_mut().read_deferred(r)
    }

    fn write_conformance(&self, w: &mut NdrWriter) -> Result<()> {
        self.as_ref().write_conformance(w)
    }

    fn write_scalars(&self, w: &mut NdrWriter, field: &'static str) -> Result<()> {
        self.as_ref().write_scalars(w, field)
    }

    fn write_deferred(&self, w: &mut NdrWriter) -> Result<()> {
        self.as_ref().write_deferred(w)
    }
}
