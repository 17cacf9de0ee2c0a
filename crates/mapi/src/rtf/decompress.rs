//! Decompression of RTF ([MS-OXRTFCP] 3.1).

use wire::{Decode, Error, ErrorKind, Reader, Result};

use super::crc::crc;
use super::dictionary::{DICTIONARY, MAX_MATCH, MIN_MATCH, WINDOW};
use super::header::{CompType, HEADER_REST, RtfHeader};

/// Decompresses the RTF in `bytes` to at most `limit` bytes. Bytes after the compressed content are ignored.
///
/// No memory is allocated by `RAWSIZE`, since the content contains an end mark. If the end mark is missing, the
/// decompressed size must be at least `RAWSIZE`.
///
/// # Errors
/// Fails if the content is truncated, has another checksum, or refers to bytes that were not written yet, or if the RTF
/// is longer than `limit`.
pub fn decompress(bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    inner(bytes, limit).map_err(|error| error.within("RTFCOMPRESSED"))
}

fn inner(bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    let mut r = Reader::new(bytes);
    let header = RtfHeader::decode(&mut r)?;
    let Some(size) = header.comp_size.checked_sub(HEADER_REST) else {
        return Err(Error::invalid("COMPSIZE", 0, u64::from(header.comp_size), "12 or more"));
    };
    let size = r.count(size, 1, u32::MAX, "CONTENTS")?;
    let offset = r.offset();
    let contents = r.bytes(size, "CONTENTS")?;
    if header.comp_type == CompType::UNCOMPRESSED {
        return stored(contents, header.raw_size, limit, offset);
    }
    let found = crc(contents);
    if found != header.crc {
        return Err(Error::invalid("CRC", 12, u64::from(header.crc), "the checksum of the contents"));
    }
    Decompressor::new(limit, offset).run(contents, header.raw_size)
}

fn stored(contents: &[u8], raw_size: u32, limit: usize, offset: usize) -> Result<Vec<u8>> {
    let size = usize::try_from(raw_size).unwrap_or(usize::MAX);
    let Some(rtf) = contents.get(..size) else {
        let kind = ErrorKind::Truncated { needed: size, available: contents.len() };
        return Err(Error::new(kind, "CONTENTS", offset));
    };
    if size > limit { Err(too_long(size, limit, offset)) } else { Ok(rtf.to_vec()) }
}

fn too_long(length: usize, limit: usize, offset: usize) -> Error {
    let wide = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
    Error::new(ErrorKind::TooLong { length: wide(length), limit: wide(limit) }, "CONTENTS", offset)
}

/// The decompressed bytes, preceded by the initial dictionary. The last 4096 bytes are the dictionary.
struct Decompressor {
    out: Vec<u8>,
    limit: usize,
    offset: usize,
}

impl Decompressor {
    fn new(limit: usize, offset: usize) -> Self {
        Self { out: DICTIONARY.to_vec(), limit, offset }
    }

    fn run(mut self, contents: &[u8], raw_size: u32) -> Result<Vec<u8>> {
        let mut r = Reader::new(contents);
        while !r.is_empty() {
            let control = r.u8("CONTROL")?;
            for bit in 0..8 {
                if control & (1 << bit) != 0 {
                    let reference = u16::from_be_bytes(r.array("DICTREF")?);
                    if self.copy(reference, r.offset())? {
                        return Ok(self.finish());
                    }
                } else if r.is_empty() {
                    break;
                } else {
                    let byte = r.u8("LITERAL")?;
                    self.push(&[byte])?;
                }
            }
        }
        let size = self.out.len().saturating_sub(DICTIONARY.len());
        let needed = usize::try_from(raw_size).unwrap_or(usize::MAX);
        if size < needed {
            return Err(r.error(ErrorKind::Truncated { needed, available: size }, "CONTENTS"));
        }
        Ok(self.finish())
    }

    fn finish(mut self) -> Vec<u8> {
        self.out.drain(..DICTIONARY.len());
        self.out
    }

    fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let size = self.out.len().saturating_add(bytes.len()).saturating_sub(DICTIONARY.len());
        if size > self.limit {
            return Err(too_long(size, self.limit, self.offset));
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// Appends the bytes to which `reference` refers; returns true if it is the end mark.
    fn copy(&mut self, reference: u16, at: usize) -> Result<bool> {
        let place = usize::from(reference >> 4);
        let length = usize::from(reference & 0xF).saturating_add(MIN_MATCH);
        let end = self.out.len();
        // The distance to the position in the circular dictionary.
        let distance = (end % WINDOW).saturating_add(WINDOW).saturating_sub(place) % WINDOW;
        if distance == 0 {
            return Ok(true);
        }
        let Some(start) = end.checked_sub(distance) else {
            return Err(Error::invalid(
                "DICTREF",
                at,
                u64::from(reference),
                "a position that was written before",
            ));
        };
        // The source may overlap the destination, and grows while it is copied.
        let mut remaining = length;
        while remaining > 0 {
            let mut chunk = [0; MAX_MATCH];
            let from =
                self.out.get(start.saturating_add(length.saturating_sub(remaining))..).unwrap_or_default();
            let size = from.len().min(remaining);
            let (Some(source), Some(chunk)) = (from.get(..size), chunk.get_mut(..size)) else { break };
            chunk.copy_from_slice(source);
            self.push(chunk)?;
            remaining = remaining.saturating_sub(size);
        }
        Ok(false)
    }
}
