//! Extended buffers: `RPC_HEADER_EXT` and its payload ([MS-OXCRPC] 2.2.2.1).

use wire::{Bytes, Decode, Encode, Error, ErrorKind, Reader, Result, Writer};

use super::lz77_decode::decompress;
use super::lz77_encode::compress;
use super::obfuscate::obfuscate;

wire::wire_flags! {
    /// The flags of an `RPC_HEADER_EXT`: how its payload is encoded ([MS-OXCRPC] 2.2.2.1).
    pub struct ExtendedFlags(u16) {
        /// The payload is compressed; `SizeActual` is its uncompressed size.
        COMPRESSED = 0x0001,
        /// The payload is obfuscated. If it is also compressed, it was compressed first.
        XOR_MAGIC = 0x0002,
        /// The buffer is the last of its chain.
        LAST = 0x0004,
    }
}

/// The size of an `RPC_HEADER_EXT`, in bytes.
const HEADER_SIZE: usize = 2 /* Version */ + 2 /* Flags */ + 2 /* Size */ + 2 /* SizeActual */;

/// The maximum number of buffers in a chain that [`Limits::default`] accepts.
pub const MAX_CHAIN_LENGTH: usize = 96;

/// The limits of a chain of extended buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The maximum number of buffers in the chain.
    pub buffers: usize,
    /// The maximum size of all decompressed payloads together, in bytes.
    pub payload: usize,
}

impl Default for Limits {
    /// 96 buffers with an average of 32 KiB, the most that a server puts into one ([MS-OXCRPC] 3.1.4.2.1.2.2). A single
    /// buffer may have up to 65,535 bytes.
    fn default() -> Self {
        Self { buffers: MAX_CHAIN_LENGTH, payload: MAX_CHAIN_LENGTH * 0x8000 }
    }
}

/// One extended buffer: an `RPC_HEADER_EXT` and its payload ([MS-OXCRPC] 2.2.2.1, 3.1.4.2.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtendedBuffer {
    /// The flags as received. Encoding respects them, see [`ExtendedBuffer::encode`].
    pub flags: ExtendedFlags,
    /// The decompressed payload; at most 65,535 bytes.
    pub payload: Bytes,
}

impl ExtendedBuffer {
    /// Creates the last buffer of a chain, neither compressed nor obfuscated.
    pub fn plain(payload: impl Into<Bytes>) -> Self {
        Self::with_flags(ExtendedFlags::LAST, payload)
    }

    /// Creates the last buffer of a chain, which is encoded according to `flags`.
    pub fn with_flags(flags: ExtendedFlags, payload: impl Into<Bytes>) -> Self {
        Self { flags: flags.with(ExtendedFlags::LAST), payload: payload.into() }
    }

    /// Whether the buffer is the last of its chain.
    pub const fn is_last(&self) -> bool {
        self.flags.contains(ExtendedFlags::LAST)
    }

    /// Reads a buffer whose decompressed payload has at most `limit` bytes.
    ///
    /// # Errors
    /// Fails if the version is not 0, the sizes contradict the flags or each other, or the payload does not decompress
    /// to `SizeActual` bytes or exceeds `limit`.
    pub fn decode_limited(r: &mut Reader<'_>, limit: usize) -> Result<Self> {
        Self::decode_inner(r, limit).map_err(|error| error.within("RPC_HEADER_EXT"))
    }

    fn decode_inner(r: &mut Reader<'_>, limit: usize) -> Result<Self> {
        let start = r.offset();
        let version = r.u16("Version")?;
        if version != 0 {
            return Err(Error::invalid("Version", start, u64::from(version), "version 0"));
        }
        let flags = ExtendedFlags(r.u16("Flags")?);
        let size = r.u16("Size")?;
        let actual_at = r.offset();
        let actual = r.u16("SizeActual")?;
        let wrong_size = |expected| Error::invalid("SizeActual", actual_at, u64::from(actual), expected);
        if usize::from(actual) > limit {
            let limit = u64::try_from(limit).unwrap_or(u64::MAX);
            let kind = ErrorKind::TooLong { length: u64::from(actual), limit };
            return Err(Error::new(kind, "SizeActual", actual_at));
        }
        let compressed = flags.contains(ExtendedFlags::COMPRESSED);
        if compressed && actual <= size {
            return Err(wrong_size("more than Size, since the payload is compressed"));
        }
        if !compressed && actual != size {
            return Err(wrong_size("the same as Size, since the payload is not compressed"));
        }
        let payload_at = r.offset();
        let mut payload = r.shared(usize::from(size), "Payload")?;
        if flags.contains(ExtendedFlags::XOR_MAGIC) {
            let mut plain = Vec::from(payload);
            obfuscate(&mut plain);
            payload = plain.into();
        }
        if compressed {
            let unpacked = decompress(&payload, usize::from(actual)).map_err(|mut error| {
                error.offset = error.offset.saturating_add(payload_at);
                error
            })?;
            payload = unpacked.into();
        }
        Ok(Self { flags, payload })
    }
}

impl Decode<'_> for ExtendedBuffer {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        Self::decode_limited(r, usize::from(u16::MAX))
    }
}

impl Encode for ExtendedBuffer {
    /// Writes the buffer according to its flags. If compression does not make the payload smaller, the payload is
    /// written uncompressed without [`ExtendedFlags::COMPRESSED`], since `Size` would have to be less than
    /// `SizeActual`.
    ///
    /// # Errors
    /// Fails if the payload has more than 65,535 bytes.
    fn encode(&self, w: &mut Writer) -> Result<()> {
        write_buffer(self.flags, &self.payload, w)
    }
}

fn write_buffer(mut flags: ExtendedFlags, payload: &[u8], w: &mut Writer) -> Result<()> {
    let actual = u16::try_from(payload.len()).map_err(|_| {
        let length = u64::try_from(payload.len()).unwrap_or(u64::MAX);
        let kind = ErrorKind::TooLong { length, limit: u64::from(u16::MAX) };
        Error::new(kind, "SizeActual", w.len()).within("RPC_HEADER_EXT")
    })?;
    let mut packed = None;
    if flags.contains(ExtendedFlags::COMPRESSED) {
        packed = Some(compress(payload)).filter(|packed| packed.len() < payload.len());
        if packed.is_none() {
            flags = flags.without(ExtendedFlags::COMPRESSED);
        }
    }
    let body = packed.as_deref().unwrap_or(payload);
    w.u16(0).u16(flags.0).len16(body.len(), "Size")?.u16(actual);
    let start = w.len();
    w.bytes(body);
    if flags.contains(ExtendedFlags::XOR_MAGIC) {
        obfuscate(w.as_mut_slice().get_mut(start..).unwrap_or_default());
    }
    Ok(())
}

/// Reads `rgbIn` or `rgbOut`: a chain of extended buffers, of which only the last has [`ExtendedFlags::LAST`]
/// ([MS-OXCRPC] 3.1.4.2.1.1.1, 3.1.4.2.1.1.2).
///
/// # Errors
/// Fails if a buffer is invalid (see [`ExtendedBuffer::decode_limited`]), the bytes end before the last buffer, bytes
/// follow it, or the chain exceeds `limits`.
pub fn decode_chain(bytes: &[u8], limits: Limits) -> Result<Vec<ExtendedBuffer>> {
    read_chain(Reader::new(bytes), limits)
}

/// Reads a chain of extended buffers as [`decode_chain`] does, but shares the memory of `bytes` with payloads that are
/// neither compressed nor obfuscated.
///
/// # Errors
/// Fails like [`decode_chain`].
pub fn decode_shared_chain(bytes: &Bytes, limits: Limits) -> Result<Vec<ExtendedBuffer>> {
    read_chain(Reader::sharing(bytes), limits)
}

fn read_chain(mut r: Reader<'_>, limits: Limits) -> Result<Vec<ExtendedBuffer>> {
    let mut chain = Vec::new();
    let mut remaining = limits.payload;
    loop {
        if chain.len() >= limits.buffers {
            let limit = u64::try_from(limits.buffers).unwrap_or(u64::MAX);
            let kind = ErrorKind::TooLong { length: limit.saturating_add(1), limit };
            return Err(r.error(kind, "RPC_HEADER_EXT").within("extended buffers"));
        }
        if r.is_empty() && !chain.is_empty() {
            let found = u64::try_from(chain.len()).unwrap_or(u64::MAX);
            return Err(r.invalid("Flags", found, "a buffer with the Last flag").within("extended buffers"));
        }
        let buffer = ExtendedBuffer::decode_limited(&mut r, remaining)?;
        remaining = remaining.saturating_sub(buffer.payload.len());
        let last = buffer.is_last();
        chain.push(buffer);
        if last {
            break;
        }
    }
    r.finish().map_err(|error| error.within("extended buffers"))?;
    Ok(chain)
}

/// Whether the payloads of a chain of extended buffers have more than `limit` bytes, by the sizes in their headers,
/// up to [`MAX_CHAIN_LENGTH`] buffers. Decompresses nothing.
pub fn is_chain_longer(mut bytes: &[u8], limit: usize) -> bool {
    let mut rest = limit;
    for _ in 0..MAX_CHAIN_LENGTH {
        let Some(([_, _, flags @ .., s0, s1, a0, a1], after)) = bytes.split_first_chunk::<HEADER_SIZE>()
        else {
            break;
        };
        let Some(left) = rest.checked_sub(u16::from_le_bytes([*a0, *a1]).into()) else { return true };
        if ExtendedFlags(u16::from_le_bytes(*flags)).contains(ExtendedFlags::LAST) {
            break;
        }
        let Some(next) = after.get(u16::from_le_bytes([*s0, *s1]).into()..) else { break };
        (bytes, rest) = (next, left);
    }
    false
}

/// Reads `rgbAuxIn` or `rgbAuxOut`: exactly one extended buffer, with [`ExtendedFlags::LAST`]
/// ([MS-OXCRPC] 3.1.4.1.1.1.1).
///
/// # Errors
/// Fails if the buffer is invalid or not the last of its chain, or if bytes follow it.
pub fn decode_one(bytes: &[u8]) -> Result<ExtendedBuffer> {
    let mut r = Reader::new(bytes);
    let buffer = ExtendedBuffer::decode(&mut r)?;
    if !buffer.is_last() {
        let expected = "a single buffer, with the Last flag";
        let flags_at = 2 /* Version */;
        let error = Error::invalid("Flags", flags_at, u64::from(buffer.flags.0), expected);
        return Err(error.within("RPC_HEADER_EXT"));
    }
    r.finish().map_err(|error| error.within("extended buffers"))?;
    Ok(buffer)
}

/// Writes a chain of extended buffers, each according to its flags except [`ExtendedFlags::LAST`], which is set in the
/// last buffer and cleared in the others.
///
/// # Errors
/// Fails if the chain is empty, or a payload has more than 65,535 bytes.
pub fn encode_chain(chain: &[ExtendedBuffer]) -> Result<Vec<u8>> {
    let Some((last, others)) = chain.split_last() else {
        return Err(Error::invalid("RPC_HEADER_EXT", 0, 0, "at least one buffer").within("extended buffers"));
    };
    let capacity = chain.iter().map(|buffer| HEADER_SIZE.saturating_add(buffer.payload.len())).sum();
    let mut w = Writer::with_capacity(capacity);
    for buffer in others {
        write_buffer(buffer.flags.without(ExtendedFlags::LAST), &buffer.payload, &mut w)?;
    }
    write_buffer(last.flags.with(ExtendedFlags::LAST), &last.payload, &mut w)?;
    Ok(w.into_vec())
}
