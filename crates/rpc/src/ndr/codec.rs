//! The traits of NDR types and of the parameters of an operation.

use wire::{Endian, Reader, Result};

use super::reader::NdrReader;
use super::writer::NdrWriter;

/// A type with an NDR representation.
pub trait Ndr: Sized {
    /// The alignment of the scalars, in bytes: 1, 2, 4 or 8.
    const ALIGN: usize;

    /// The minimum size of the scalars, without padding, in bytes.
    const MIN_SIZE: usize;

    /// Reads the element count of the conformant array that the value is or ends with, for
    /// [`Ndr::read_scalars`] to find.
    ///
    /// # Errors
    /// If the bytes end before the value does.
    fn read_conformance(_r: &mut NdrReader<'_>) -> Result<()> {
        Ok(())
    }

    /// Reads the scalars; `field` names the value in errors.
    ///
    /// # Errors
    /// If the bytes are not valid for the type.
    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self>;

    /// Reads the targets of the pointers in the scalars.
    ///
    /// # Errors
    /// If the bytes are not valid for the type.
    fn read_deferred(&mut self, _r: &mut NdrReader<'_>) -> Result<()> {
        Ok(())
    }

    /// Writes the element count of the conformant array that the value is or ends with.
    ///
    /// # Errors
    /// If the count does not fit its field.
    fn write_conformance(&self, _w: &mut NdrWriter) -> Result<()> {
        Ok(())
    }

    /// Writes the scalars; `field` names the value in errors.
    ///
    /// # Errors
    /// If a value does not fit its field.
    fn write_scalars(&self, w: &mut NdrWriter, field: &'static str) -> Result<()>;

    /// Writes the targets of the pointers in the scalars.
    ///
    /// # Errors
    /// If a value does not fit its field.
    fn write_deferred(&self, _w: &mut NdrWriter) -> Result<()> {
        Ok(())
    }

    /// Reads a complete value: a parameter, or the target of a pointer.
    ///
    /// # Errors
    /// If the bytes are not valid for the type.
    fn read(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        Self::read_conformance(r)?;
        let mut value = Self::read_scalars(r, field)?;
        value.read_deferred(r)?;
        Ok(value)
    }

    /// Writes a complete value: a parameter, or the target of a pointer.
    ///
    /// # Errors
    /// If a value does not fit its field.
    fn write(&self, w: &mut NdrWriter, field: &'static str) -> Result<()> {
        self.write_conformance(w)?;
        self.write_scalars(w, field)?;
        self.write_deferred(w)
    }

    /// Reads the scalars of `count` values, which [`NdrReader::count`] has found to be possible.
    ///
    /// # Errors
    /// If the bytes are not valid for the type.
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
    /// If a value does not fit its field.
    fn write_items(items: &[Self], w: &mut NdrWriter, field: &'static str) -> Result<()> {
        items.iter().try_for_each(|item| item.write_scalars(w, field))
    }
}

/// The parameters of an operation in one direction, in the order of its IDL.
pub trait Params: Sized {
    /// Reads all parameters.
    ///
    /// # Errors
    /// If the bytes are not valid parameters of the operation.
    fn read_params(r: &mut NdrReader<'_>) -> Result<Self>;

    /// Writes all parameters.
    ///
    /// # Errors
    /// If a value does not fit its field.
    fn write_params(&self, w: &mut NdrWriter) -> Result<()>;

    /// Decodes the parameters from a stub. Also returns the bytes after the last parameter, since senders may pad a
    /// stub.
    ///
    /// # Errors
    /// If the bytes are not valid parameters of the operation.
    fn decode_stub(stub: &[u8], endian: Endian) -> Result<(Self, &[u8])> {
        Self::read_stub(Reader::with_endian(stub, endian))
    }

    /// Decodes the parameters as [`Params::decode_stub`] does, from the rest of `stub`.
    ///
    /// # Errors
    /// As [`Params::decode_stub`].
    fn read_stub(stub: Reader<'_>) -> Result<(Self, &[u8])> {
        let mut r = NdrReader::over(stub);
        let params = Self::read_params(&mut r)?;
        Ok((params, r.rest()))
    }

    /// Encodes the parameters as a little-endian stub.
    ///
    /// # Errors
    /// If a value does not fit its field.
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
