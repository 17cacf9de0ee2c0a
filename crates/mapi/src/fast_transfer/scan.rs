//! Finds the end of a property in a FastTransfer stream without decoding it.

use wire::{Error, ErrorKind, Result};

use super::limits::Limits;
use super::marker::Marker;
use super::property::{Layout, unknown_type};
use crate::property::PropTag;

/// The maximum size of a named property's name, in bytes. Servers accept only much shorter ones ([MS-OXCPRPT]).
const MAX_NAME: usize = 2048;

/// The progress of scanning a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The token has at least this many bytes, which are not all available.
    Need(usize),
    /// The token has this many bytes, and all are available.
    Whole(usize),
    /// The token's value of `length` bytes exceeds the limit; it is preceded by `header` bytes.
    Large { header: usize, length: u32 },
}

/// Finds the end of a token whose bytes are received in pieces. Each byte is examined once.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Scan {
    at: usize,
    stage: Stage,
    tag: PropTag,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum Stage {
    #[default]
    Tag,
    NameKind,
    NameText,
    Value,
    Items {
        remaining: u32,
        start: usize,
    },
}

impl Scan {
    /// Continues with `bytes`, the available bytes of the token from its first one on.
    pub(super) fn step(&mut self, bytes: &[u8], limits: &Limits) -> Result<Step> {
        loop {
            match self.advance(bytes, limits)? {
                None => {}
                Some(Step::Whole(size)) if bytes.len() < size => return Ok(Step::Need(size)),
                Some(step) => return Ok(step),
            }
        }
    }

    fn advance(&mut self, bytes: &[u8], limits: &Limits) -> Result<Option<Step>> {
        match self.stage {
            Stage::Tag => {
                let Some(number) = u32_at(bytes, 0) else { return Ok(Some(Step::Need(4))) };
                if Marker::from_number(number).is_some() {
                    return Ok(Some(Step::Whole(4)));
                }
                self.tag = PropTag(number);
                self.at = 4;
                self.stage = if self.tag.is_named() { Stage::NameKind } else { Stage::Value };
            }
            Stage::NameKind => {
                let kind_at = self.at.saturating_add(16);
                let Some(kind) = bytes.get(kind_at) else {
                    return Ok(Some(Step::Need(kind_at.saturating_add(1))));
                };
                (self.at, self.stage) = match kind {
                    0 => (kind_at.saturating_add(5), Stage::Value),
                    1 => (kind_at.saturating_add(1), Stage::NameText),
                    other => return Err(Error::invalid("Kind", kind_at, u64::from(*other), "0 or 1")),
                };
            }
            Stage::NameText => {
                let end = self.at.saturating_add(2);
                let Some(unit) = bytes.get(self.at..end) else { return Ok(Some(Step::Need(end))) };
                if unit == [0, 0] {
                    self.stage = Stage::Value;
                } else if end > MAX_NAME {
                    return Err(too_long("name", self.at, end, MAX_NAME));
                }
                self.at = end;
            }
            Stage::Value => return self.value(bytes, limits),
            Stage::Items { remaining: 0, .. } => return Ok(Some(Step::Whole(self.at))),
            Stage::Items { remaining, start } => {
                let Some(length) = u32_at(bytes, self.at) else {
                    return Ok(Some(Step::Need(self.at.saturating_add(4))));
                };
                self.at = value_end(self.at, length);
                let size = self.at.saturating_sub(start);
                if size > limits.multiple {
                    return Err(too_long("length", start, size, limits.multiple));
                }
                self.stage = Stage::Items { remaining: remaining.saturating_sub(1), start };
            }
        }
        Ok(None)
    }

    fn value(&mut self, bytes: &[u8], limits: &Limits) -> Result<Option<Step>> {
        let layout = Layout::of(self.tag).ok_or_else(|| unknown_type(self.tag, 0))?;
        if let Layout::Fixed(size) = layout {
            return Ok(Some(Step::Whole(self.at.saturating_add(size))));
        }
        let Some(length) = u32_at(bytes, self.at) else {
            return Ok(Some(Step::Need(self.at.saturating_add(4))));
        };
        match layout {
            Layout::MultipleFixed(size) => {
                let items = usize::try_from(length).unwrap_or(usize::MAX).saturating_mul(size);
                if items > limits.multiple {
                    return Err(too_long("length", self.at, items, limits.multiple));
                }
                Ok(Some(Step::Whole(self.at.saturating_add(4).saturating_add(items))))
            }
            Layout::MultipleVariable => {
                self.at = self.at.saturating_add(4);
                self.stage = Stage::Items { remaining: length, start: self.at };
                Ok(None)
            }
            Layout::Fixed(_) | Layout::Variable => {
                let end = value_end(self.at, length);
                let header = self.at.saturating_add(4);
                let is_large = end.saturating_sub(header) > limits.value;
                Ok(Some(if is_large { Step::Large { header, length } } else { Step::Whole(end) }))
            }
        }
    }
}

/// The end of a value whose 32-bit `length` field is at `at`.
fn value_end(at: usize, length: u32) -> usize {
    at.saturating_add(4).saturating_add(usize::try_from(length).unwrap_or(usize::MAX))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let found = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*found))
}

fn too_long(field: &'static str, at: usize, length: usize, limit: usize) -> Error {
    let wide = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
    Error::new(ErrorKind::TooLong { length: wide(length), limit: wide(limit) }, field, at)
}
