//! Splits a FastTransfer stream, received in pieces, into tokens.

use wire::{Error, ErrorKind, Reader, Result, Writer};

use super::limits::Limits;
use super::marker::Marker;
use super::property::{PropInfo, Property};
use super::scan::{Scan, Step};

/// A lexical element of a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Token<'a> {
    /// A marker, which begins or ends a group.
    Marker(Marker),
    /// A property with its value.
    Property(Property<'a>),
    /// A property whose value exceeds [`Limits::value`]. It is followed by [`Token::Piece`]s with `length` bytes in
    /// total.
    Large {
        /// The tag and name of the property.
        info: PropInfo<'a>,
        /// The size of the value, in bytes.
        length: u32,
    },
    /// Consecutive bytes of a large value.
    Piece {
        /// The bytes of the piece.
        bytes: &'a [u8],
        /// Whether these are the last bytes of the value.
        is_last: bool,
    },
}

impl<'a> Token<'a> {
    /// Appends the encoded token.
    ///
    /// # Errors
    /// Fails if the value of a property does not match the type of its tag, or its name is invalid.
    pub fn write(&self, w: &mut Writer) -> Result<()> {
        match self {
            Self::Marker(marker) => w.u32(marker.0),
            Self::Property(property) => return property.write(w),
            Self::Large { info, length } => {
                info.write(w)?;
                w.u32(*length)
            }
            Self::Piece { bytes, .. } => w.bytes(bytes),
        };
        Ok(())
    }

    fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
        if let Some(marker) = r.clone().u32("marker").ok().and_then(Marker::from_number) {
            return Ok(Self::Marker(marker));
        }
        let property = Property::read(&mut r)?;
        r.finish()?;
        Ok(Self::Property(property))
    }
}

/// Decodes a stream that is received in pieces, split at arbitrary positions. It holds the bytes of at most one
/// incomplete token, whose size is bounded by its [`Limits`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tokenizer {
    limits: Limits,
    scan: Scan,
    /// The available bytes of an incomplete token.
    pending: Vec<u8>,
    /// The minimum size of that token, in bytes.
    need: usize,
    /// The number of bytes of a large value that are still missing.
    large: u32,
    /// The offset of the current token in the stream.
    start: usize,
    fault: Option<Error>,
}

impl Tokenizer {
    /// Creates a tokenizer at the beginning of a stream.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Decodes `bytes`, the next bytes of the stream, and passes each complete token to `visit`.
    ///
    /// # Errors
    /// Fails if the stream is malformed; the offset is that in the whole stream. Errors of `visit` are returned. All
    /// further calls return the same error.
    pub fn feed(&mut self, bytes: &[u8], mut visit: impl FnMut(Token<'_>) -> Result<()>) -> Result<()> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.next(rest, &mut visit) {
                Ok(consumed) => rest = rest.get(consumed..).unwrap_or_default(),
                Err(mut fault) => {
                    fault.offset = fault.offset.saturating_add(self.start);
                    let fault = fault.within("FastTransfer");
                    self.fault = Some(fault.clone());
                    return Err(fault);
                }
            }
        }
        Ok(())
    }

    /// Checks that the stream is complete.
    ///
    /// # Errors
    /// Fails if the stream was malformed, or ends within a token.
    pub fn finish(&self) -> Result<()> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let available = self.pending.len();
        let needed = match self.large {
            0 if available == 0 => return Ok(()),
            0 => self.need,
            remaining => usize::try_from(remaining).unwrap_or(usize::MAX),
        };
        let kind = ErrorKind::Truncated { needed, available };
        Err(Error::new(kind, "element", self.start).within("FastTransfer"))
    }

    /// The offset of the current token, in bytes from the start of the stream.
    pub const fn position(&self) -> usize {
        self.start
    }

    /// The available bytes of an incomplete token.
    pub fn pending(&self) -> &[u8] {
        &self.pending
    }

    /// Decodes from the start of `rest`; returns the number of bytes that were consumed, at least one.
    fn next(&mut self, rest: &[u8], visit: &mut impl FnMut(Token<'_>) -> Result<()>) -> Result<usize> {
        if self.large > 0 {
            return self.piece(rest, visit);
        }
        if self.pending.is_empty() {
            let step = self.scan.step(rest, &self.limits)?;
            return match step {
                Step::Need(size) => {
                    self.need = size;
                    self.pending.extend_from_slice(rest);
                    Ok(rest.len())
                }
                Step::Whole(size) => {
                    visit(Token::read(rest.get(..size).unwrap_or_default())?)?;
                    Ok(self.finish_token(size))
                }
                Step::Large { header, length } => {
                    visit(large(rest, length)?)?;
                    self.large = length;
                    Ok(self.finish_token(header))
                }
            };
        }
        let consumed = self.need.saturating_sub(self.pending.len()).min(rest.len());
        self.pending.extend_from_slice(rest.get(..consumed).unwrap_or_default());
        if self.pending.len() < self.need {
            return Ok(consumed);
        }
        let size = match self.scan.step(&self.pending, &self.limits)? {
            Step::Need(size) => {
                self.need = size;
                return Ok(consumed);
            }
            Step::Whole(size) => {
                visit(Token::read(&self.pending)?)?;
                size
            }
            Step::Large { header, length } => {
                visit(large(&self.pending, length)?)?;
                self.large = length;
                header
            }
        };
        self.pending.clear();
        self.pending.shrink_to(KEPT);
        self.finish_token(size);
        Ok(consumed)
    }

    fn finish_token(&mut self, size: usize) -> usize {
        self.scan = Scan::default();
        self.start = self.start.saturating_add(size);
        size
    }

    fn piece(&mut self, rest: &[u8], visit: &mut impl FnMut(Token<'_>) -> Result<()>) -> Result<usize> {
        let remaining = usize::try_from(self.large).unwrap_or(usize::MAX);
        let bytes = rest.get(..remaining).unwrap_or(rest);
        let is_last = bytes.len() == remaining;
        visit(Token::Piece { bytes, is_last })?;
        self.large = self.large.saturating_sub(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.start = self.start.saturating_add(bytes.len());
        Ok(bytes.len())
    }
}

/// The capacity of the buffer that is kept between tokens, in bytes.
const KEPT: usize = 4096;

fn large(bytes: &[u8], length: u32) -> Result<Token<'_>> {
    Ok(Token::Large { info: PropInfo::read(&mut Reader::new(bytes))?, length })
}
