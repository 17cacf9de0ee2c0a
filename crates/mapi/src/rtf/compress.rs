//! Compression of RTF ([MS-OXRTFCP] 3.1).

use wire::{Encode, Result, Writer};

use super::crc::crc;
use super::dictionary::{DICTIONARY, MAX_MATCH, MIN_MATCH, WINDOW};
use super::header::{CompType, HEADER_REST, RtfHeader};

/// The maximum number of earlier positions that are compared for each byte.
const MAX_TRIES: usize = 64;

/// Compresses `rtf` and adds a header.
///
/// # Errors
/// Fails if the size does not fit the header.
pub fn compress(rtf: &[u8]) -> Result<Vec<u8>> {
    let contents = Compressor::new(rtf).run();
    with_header(rtf.len(), CompType::COMPRESSED, crc(&contents), &contents)
}

/// Adds a header to `rtf` without compressing it.
///
/// # Errors
/// Fails if the size does not fit the header.
pub fn store(rtf: &[u8]) -> Result<Vec<u8>> {
    with_header(rtf.len(), CompType::UNCOMPRESSED, 0, rtf)
}

fn with_header(raw_size: usize, comp_type: CompType, crc: u32, contents: &[u8]) -> Result<Vec<u8>> {
    let mut w = Writer::with_capacity(contents.len().saturating_add(16));
    let size = |size: usize| u32::try_from(size).ok().and_then(|size| size.checked_add(HEADER_REST));
    let (Some(comp_size), Ok(raw_size)) = (size(contents.len()), u32::try_from(raw_size)) else {
        let found = u64::try_from(contents.len()).unwrap_or(u64::MAX);
        return Err(w.invalid("COMPSIZE", found, "a size of 32 bits").within("RTFCOMPRESSED"));
    };
    RtfHeader { comp_size, raw_size, comp_type, crc }.encode(&mut w)?;
    w.bytes(contents);
    Ok(w.into_vec())
}

/// Compresses a text by references to the dictionary. Positions are relative to the start of the initial dictionary;
/// modulo the size of the dictionary, they are positions in it.
struct Compressor {
    /// The initial dictionary, followed by the text to compress.
    text: Vec<u8>,
    /// For each pair of bytes, its latest position plus one; zero if the pair has not occurred.
    last: Vec<usize>,
    /// For each position, the previous position of the same pair of bytes plus one; zero for the first occurrence.
    before: Vec<usize>,
    out: Vec<u8>,
    /// The offset of the current control byte in `out`, and the number of its next bit.
    control: usize,
    bit: u32,
}

impl Compressor {
    fn new(rtf: &[u8]) -> Self {
        Self {
            text: [&DICTIONARY[..], rtf].concat(),
            last: vec![0; 1 << 16],
            before: vec![0; WINDOW],
            out: Vec::with_capacity(rtf.len() / 2),
            control: 0,
            bit: 8,
        }
    }

    fn run(mut self) -> Vec<u8> {
        (0..DICTIONARY.len()).for_each(|at| self.remember(at));
        let mut at = DICTIONARY.len();
        while let Some(byte) = self.text.get(at).copied() {
            let (length, from) = self.longest(at);
            let length = if length < MIN_MATCH {
                self.put(false, &[byte]);
                1
            } else {
                self.refer(from, length);
                length
            };
            (at..at.saturating_add(length)).for_each(|at| self.remember(at));
            at = at.saturating_add(length);
        }
        self.refer(at, MIN_MATCH);
        self.out
    }

    /// Returns the length and position of the longest earlier text that is equal to that at `at`.
    fn longest(&self, at: usize) -> (usize, usize) {
        let wanted = self.text.get(at..).unwrap_or_default();
        let wanted = wanted.get(..MAX_MATCH).unwrap_or(wanted);
        let mut best = (0, 0);
        let mut next = self.key(at).and_then(|key| self.last.get(key).copied()).unwrap_or_default();
        for _ in 0..MAX_TRIES {
            let Some(from) = next.checked_sub(1) else { break };
            if at.saturating_sub(from) >= WINDOW {
                break;
            }
            let found = self.text.get(from..).unwrap_or_default();
            let length = wanted.iter().zip(found).take_while(|(one, other)| one == other).count();
            // Of matches with the same length the earliest is used, as by other implementations.
            if length >= best.0 {
                best = (length, from);
            }
            if length == MAX_MATCH {
                break;
            }
            next = self.before.get(from % WINDOW).copied().unwrap_or_default();
        }
        best
    }

    fn remember(&mut self, at: usize) {
        let Some(last) = self.key(at).and_then(|key| self.last.get_mut(key)) else { return };
        if let Some(before) = self.before.get_mut(at % WINDOW) {
            *before = *last;
        }
        *last = at.saturating_add(1);
    }

    fn key(&self, at: usize) -> Option<usize> {
        let pair = self.text.get(at..)?.first_chunk::<2>()?;
        Some(usize::from(u16::from_le_bytes(*pair)))
    }

    fn refer(&mut self, from: usize, length: usize) {
        let at = u16::try_from(from % WINDOW).unwrap_or_default();
        let length = u16::try_from(length.saturating_sub(MIN_MATCH)).unwrap_or_default();
        self.put(true, &(at << 4 | length).to_be_bytes());
    }

    fn put(&mut self, is_reference: bool, bytes: &[u8]) {
        if self.bit == 8 {
            self.control = self.out.len();
            self.out.push(0);
            self.bit = 0;
        }
        if let Some(control) = self.out.get_mut(self.control) {
            *control |= u8::from(is_reference) << self.bit;
        }
        self.bit = self.bit.saturating_add(1);
        self.out.extend_from_slice(bytes);
    }
}
