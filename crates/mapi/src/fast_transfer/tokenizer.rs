//! Splits a `FastTransfer` stream, received in pieces, into tokens.

use wire::{Error, ErrorKind, Reader, Result, Writer};

use super::limits::Limits;
use super::marker::Marker;
use super::property::{PropInfo, Property};
use super::scan::{Scan, Step};

/// A part of a stream that stands for itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Token<'a> {
    /// A marker.
    Marker(Marker),
    /// A property with its value.
    Property(Property<'a>),
    /// A property whose value is too large to be held. [`Token::Piece`]s of altogether `length` bytes follow.
    Large {
        /// Which property.
        info: PropInfo<'a>,
        /// Bytes of its value.
        length: u32,
    },
    /// Some bytes of a large value.
    Piece {
        /// The bytes.
        bytes: &'a [u8],
        /// Whether they are the value's last.
        is_last: bool,
    },
}

impl<'a> Token<'a> {
    /// Appends the token as it lies in a stream.
    ///
    /// # Errors
    /// When a property's value is not of its tag's type, or its name is no name.
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

/// Reads a stream whose bytes come in pieces, cut anywhere. It holds the bytes of one token that is not yet
/// whole, and those are bounded by its [`Limits`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tokenizer {
    limits: Limits,
    scan: Scan,
    /// What is there of a token that is not yet whole.
    pending: Vec<u8>,
    /// How many bytes that token has at least.
    need: usize,
    /// How many bytes of a large value are still to come.
    large: u32,
    /// Where the token at hand begins.
    start: usize,
    fault: Option<Error>,
}

impl Tokenizer {
    /// At the beginning of a stream.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Reads `bytes`, which follow those before, and hands every token that is now whole to `visit`.
    ///
    /// # Errors
    /// When the stream is malformed, with the offset in the whole stream, and what `visit` returned. From then
    /// on every call is answered with the same error.
    pub fn feed(&mut self, bytes: &[u8], mut visit: impl FnMut(Token<'_>) -> Result<()>) -> Result<()> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.next(rest, &mut visit) {
                Ok(taken) => rest = rest.get(taken..).unwrap_or_default(),
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

    /// Ends the stream.
    ///
    /// # Errors
    /// When it was malformed, and when it ends within a token.
    pub fn finish(&self) -> Result<()> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let available = self.pending.len();
        let needed = match self.large {
            0 if available == 0 => return Ok(()),
            0 => self.need,
            left => usize::try_from(left).unwrap_or(usize::MAX),
        };
        let kind = ErrorKind::Truncated { needed, available };
        Err(Error::new(kind, "element", self.start).within("FastTransfer"))
    }

    /// Where the token at hand begins, in bytes from the start of the stream.
    pub const fn position(&self) -> usize {
        self.start
    }

    /// The bytes of the token that is not yet whole.
    pub fn pending(&self) -> &[u8] {
        &self.pending
    }

    /// Reads on from `rest`; how many of its bytes were taken, at least one.
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
                    Ok(self.passed(size))
                }
                Step::Large { header, length } => {
                    visit(large(rest, length)?)?;
                    self.large = length;
                    Ok(self.passed(header))
                }
            };
        }
        let taken = self.need.saturating_sub(self.pending.len()).min(rest.len());
        self.pending.extend_from_slice(rest.get(..taken).unwrap_or_default());
        if self.pending.len() < self.need {
            return Ok(taken);
        }
        let size = match self.scan.step(&self.pending, &self.limits)? {
            Step::Need(size) => {
                self.need = size;
                return Ok(taken);
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
        self.passed(size);
        Ok(taken)
    }

    fn passed(&mut self, size: usize) -> usize {
        self.scan = Scan::default();
        self.start = self.start.saturating_add(size);
        size
    }

    fn piece(&mut self, rest: &[u8], visit: &mut impl FnMut(Token<'_>) -> Result<()>) -> Result<usize> {
        let left = usize::try_from(self.large).unwrap_or(usize::MAX);
        let bytes = rest.get(..left).unwrap_or(rest);
        let is_last = bytes.len() == left;
        visit(Token::Piece { bytes, is_last })?;
        self.large = self.large.saturating_sub(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.start = self.start.saturating_add(bytes.len());
        Ok(bytes.len())
    }
}

/// Room that is kept between tokens.
const KEPT: usize = 4096;

fn large(bytes: &[u8], length: u32) -> Result<Token<'_>> {
    Ok(Token::Large { info: PropInfo::read(&mut Reader::new(bytes))?, length })
}
