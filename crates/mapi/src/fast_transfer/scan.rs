//! Finds the end of a property in a `FastTransfer` stream without decoding it.

use wire::{Error, ErrorKind, Result};

use super::limits::Limits;
use super::marker::Marker;
use super::property::{Layout, unknown_type};
use crate::property::PropTag;

/// The most bytes of a named property's name; [MS-OXCPRPT] servers take far shorter ones.
const MAX_NAME: usize = 2048;

/// What is known of the token at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It has at least so many bytes.
    Need(usize),
    /// It has so many bytes, and they are there.
    Whole(usize),
    /// So many bytes are before a value of `length` bytes that is too large to be held.
    Large { header: usize, length: u32 },
}

/// Where a token ends, found out while its bytes come in. Each byte is looked at once.
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
        left: u32,
        start: usize,
    },
}

impl Scan {
    /// Goes on with `bytes`, all of the token that is there, from its first byte on.
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
            Stage::Items { left: 0, .. } => return Ok(Some(Step::Whole(self.at))),
            Stage::Items { left, start } => {
                let Some(length) = u32_at(bytes, self.at) else {
                    return Ok(Some(Step::Need(self.at.saturating_add(4))));
                };
                self.at = behind(self.at, length);
                let size = self.at.saturating_sub(start);
                if size > limits.multiple {
                    return Err(too_long("length", start, size, limits.multiple));
                }
                self.stage = Stage::Items { left: left.saturating_sub(1), start };
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
                self.stage = Stage::Items { left: length, start: self.at };
                Ok(None)
            }
            Layout::Fixed(_) | Layout::Variable => {
                let end = behind(self.at, length);
                let header = self.at.saturating_add(4);
                let is_large = end.saturating_sub(header) > limits.value;
                Ok(Some(if is_large { Step::Large { header, length } } else { Step::Whole(end) }))
            }
        }
    }
}

/// Where what has its `length` at `at` ends.
fn behind(at: usize, length: u32) -> usize {
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
