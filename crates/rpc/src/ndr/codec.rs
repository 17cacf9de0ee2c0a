//! The traits of NDR types and of the parameters of an operation.

use wire::{Endian, Result};

use super::reader::NdrReader;
use super::writer::NdrWriter;

/// A type with an NDR representation.
pub trait Ndr: Sized {
    /// The alignment of the scalars, in bytes: 1, 2, 4 or 8.
    const ALIGN: usize;

    /// The fewest bytes that the scalars take, without padding.
    const MIN_SIZE: usize;

    /// Reads the element count of the conformant array that the value is or ends with, for
    /// [`Ndr::read_scalars`] to find.
    ///
    /// # Errors
    /// When the bytes end before.
    fn read_conformance(_r: &mut NdrReader<'_>) -> Result<()> {
        Ok(())
    }

    /// Reads what lies in place; `field` names the value in errors.
    ///
    /// # Errors
    /// When the bytes are no such value.
    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self>;

    /// Reads what the pointers in the scalars point to.
    ///
    /// # Errors
    /// When the bytes are no such value.
    fn read_deferred(&mut self, _r: &mut NdrReader<'_>) -> Result<()> {
        Ok(())
    }

    /// Writes the element count of the conformant array that the value is or ends with.
    ///
    /// # Errors
    /// When it does not fit.
    fn write_conformance(&self, _w: &mut NdrWriter) -> Result<()> {
        Ok(())
    }

    /// Writes what lies in place; `field` names the value in errors.
    ///
    /// # Errors
    /// When a part does not fit.
    fn write_scalars(&self, w: &mut NdrWriter, field: &'static str) -> Result<()>;

    /// Writes what the pointers in the scalars point to.
    ///
    /// # Errors
    /// When a part does not fit.
    fn write_deferred(&self, _w: &mut NdrWriter) -> Result<()> {
        Ok(())
    }

    /// Reads a complete value: a parameter, or what a pointer points to.
    ///
    /// # Errors
    /// When the bytes are no such value.
    fn read(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        Self::read_conformance(r)?;
        let mut value = Self::read_scalars(r, field)?;
        value.read_deferred(r)?;
        Ok(value)
    }

    /// Writes a complete value: a parameter, or what a pointer points to.
    ///
    /// # Errors
    /// When a part does not fit.
    fn write(&self, w: &mut NdrWriter, field: &'static str) -> Result<()> {
        self.write_conformance(w)?;
        self.write_scalars(w, field)?;
        self.write_deferred(w)
    }

    /// Reads the scalars of `count` values, which [`NdrReader::count`] has found to be possible.
    ///
    /// # Errors
    /// When the bytes are no such values.
    fn read_items(r: &mut NdrReader<'_>, count: usize, field: &'static str) -> Result<Vec<Self>> {
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(Self::read_scalars(r, field)?);
        }
        Ok(items)
    }

    /// Writes the scalars of `items`.
    ///
    /// # Errors
    /// When a part does not fit.
    fn write_items(items: &[Self], w: &mut NdrWriter, field: &'static str) -> Result<()> {
        items.iter().try_for_each(|item| item.write_scalars(w, field))
    }
}

/// The parameters of an operation in one direction, in the order of its IDL.
pub trait Params: Sized {
    /// Reads all parameters.
    ///
    /// # Errors
    /// When the bytes are no such parameters.
    fn read_params(r: &mut NdrReader<'_>) -> Result<Self>;

    /// Writes all parameters.
    ///
    /// # Errors
    /// When a part does not fit.
    fn write_params(&self, w: &mut NdrWriter) -> Result<()>;

    /// Reads the parameters from a whole stub, and returns the bytes behind the last one with them: senders
    /// may pad a stub.
    ///
    /// # Errors
    /// When the bytes are no such parameters.
    fn decode_stub(stub: &[u8], endian: Endian) -> Result<(Self, &[u8])> {
        let mut r = NdrReader::new(stub, endian);
        let params = Self::read_params(&mut r)?;
        Ok((params, r.rest()))
    }

    /// The parameters as a little-endian stub.
    ///
    /// # Errors
    /// When a part does not fit.
    fn encode_stub(&self) -> Result<Vec<u8>> {
        let mut w = NdrWriter::new();
        self.write_params(&mut w)?;
        Ok(w.into_vec())
    }
}

/// The larger of two alignments, for constants.
#[doc(hidden)]
pub const fn larger(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// The smaller of two sizes, for constants.
#[doc(hidden)]
pub const fn smaller(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}
