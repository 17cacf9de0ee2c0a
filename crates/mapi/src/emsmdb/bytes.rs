//! NDR types for the byte arrays of the EMSMDB interface.

use rpc::ndr::{Conformant, ConformantVarying, Ndr, NdrReader, NdrWriter};
use wire::Result;

/// `[in, size_is(cb)] unsigned char rgb[], [in] unsigned long cb`: a byte array that is followed by its size.
///
/// Decoding fails if the size differs from that of the array.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InBytes(pub Vec<u8>);

/// `[out, length_is(*pcb), size_is(*pcb)] unsigned char rgb[], [in, out] unsigned long *pcb`: a byte array that is
/// followed by its size.
///
/// Decoding fails if the size differs from that of the array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutBytes(pub ConformantVarying<u8>);

impl OutBytes {
    /// Creates an array of `bytes` without spare room.
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(ConformantVarying::new(bytes))
    }

    /// The content of the array.
    pub fn as_slice(&self) -> &[u8] {
        &self.0.items
    }
}

impl Default for OutBytes {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

/// Reads the count that follows an array, which must be `length`.
pub(super) fn read_count<C: Ndr + Into<u32>>(
    r: &mut NdrReader<'_>,
    length: usize,
    field: &'static str,
) -> Result<()> {
    let count: u32 = C::read(r, field)?.into();
    if usize::try_from(count).ok() != Some(length) {
        return Err(r.inner().invalid(field, u64::from(count), "the count of the array before it"));
    }
    Ok(())
}

impl Ndr for InBytes {
    const ALIGN: usize = 4;
    const MIN_SIZE: usize = 4;

    fn read_conformance(r: &mut NdrReader<'_>) -> Result<()> {
        Conformant::<u8>::read_conformance(r)
    }

    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        let Conformant(bytes) = Conformant::<u8>::read_scalars(r, field)?;
        read_count::<u32>(r, bytes.len(), field)?;
        Ok(Self(bytes))
    }

    fn write_conformance(&self, w: &mut NdrWriter) -> Result<()> {
        w.count(self.0.len(), "max_count")
    }

    fn write_scalars(&self, w: &mut NdrWriter, field: &'static str) -> Result<()> {
        w.inner().bytes(&self.0);
        w.count(self.0.len(), field)
    }
}

impl Ndr for OutBytes {
    const ALIGN: usize = 4;
    const MIN_SIZE: usize = 12;

    fn read_conformance(r: &mut NdrReader<'_>) -> Result<()> {
        ConformantVarying::<u8>::read_conformance(r)
    }

    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        let bytes = ConformantVarying::<u8>::read_scalars(r, field)?;
        read_count::<u32>(r, bytes.items.len(), field)?;
        Ok(Self(bytes))
    }

    fn write_conformance(&self, w: &mut NdrWriter) -> Result<()> {
        self.0.write_conformance(w)
    }

    fn write_scalars(&self, w: &mut NdrWriter, field: &'static str) -> Result<()> {
        self.0.write_scalars(w, field)?;
        w.count(self.0.items.len(), field)
    }
}

/// `[in, size_is(cb)] unsigned char rgb[], [in] unsigned short cb`: like [`InBytes`], with a 16-bit size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShortInBytes(pub Vec<u8>);

impl Ndr for ShortInBytes {
    const ALIGN: usize = 4;
    const MIN_SIZE: usize = 2;

    fn read_conformance(r: &mut NdrReader<'_>) -> Result<()> {
        Conformant::<u8>::read_conformance(r)
    }

    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        let Conformant(bytes) = Conformant::<u8>::read_scalars(r, field)?;
        read_count::<u16>(r, bytes.len(), field)?;
        Ok(Self(bytes))
    }

    fn write_conformance(&self, w: &mut NdrWriter) -> Result<()> {
        w.count(self.0.len(), "max_count")
    }

    fn write_scalars(&self, w: &mut NdrWriter, field: &'static str) -> Result<()> {
        w.inner().bytes(&self.0);
        w.align(2);
        w.inner().len16(self.0.len(), field).map(|_| ())
    }
}

/// 32-bit words up to the end of the stub, where the parameters are not documented.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words(pub Vec<u32>);

impl Ndr for Words {
    const ALIGN: usize = 4;
    const MIN_SIZE: usize = 0;

    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        let mut words = Vec::new();
        while r.inner().remaining() >= 4 {
            words.push(r.u32(field)?);
        }
        Ok(Self(words))
    }

    fn write_scalars(&self, w: &mut NdrWriter, _field: &'static str) -> Result<()> {
        self.0.iter().for_each(|word| w.u32(*word));
        Ok(())
    }
}
