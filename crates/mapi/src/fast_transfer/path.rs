//! The stack of open groups in a FastTransfer stream.

use wire::{Error, ErrorKind, Result};

use super::marker::Marker;

/// The maximum nesting depth of groups.
pub(super) const MAX_DEPTH: u32 = 64;

/// The groups of a stream that have begun and not ended, outermost first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path(Vec<Marker>);

impl Path {
    /// The markers that began the groups, outermost first; empty at the top of a stream.
    pub fn markers(&self) -> &[Marker] {
        &self.0
    }

    /// Updates the path with the next marker of the stream.
    ///
    /// # Errors
    /// Fails if `marker` ends a group that has not begun, or groups are nested too deeply.
    pub fn pass(&mut self, marker: Marker) -> Result<()> {
        while self.0.last().is_some_and(|open| open.is_over_at(marker)) {
            self.0.pop();
        }
        if marker.is_end() {
            if self.0.last().is_none_or(|open| open.end() != Some(marker)) {
                return Err(Error::invalid(
                    "marker",
                    0,
                    u64::from(marker.0),
                    "the end marker of the innermost open group",
                ));
            }
            self.0.pop();
            return Ok(());
        }
        if self.0.len() >= usize::try_from(MAX_DEPTH).unwrap_or(usize::MAX) {
            return Err(Error::new(ErrorKind::TooDeep { limit: MAX_DEPTH }, "marker", 0));
        }
        self.0.push(marker);
        Ok(())
    }
}

impl Marker {
    /// Whether the group that this marker begins ends before `next`, without an end marker.
    pub(super) const fn is_over_at(self, next: Self) -> bool {
        if self.end().is_some() {
            return false;
        }
        if next.is_end() {
            return true;
        }
        match next {
            Self::IncrSyncMessage => !matches!(self, Self::IncrSyncChg),
            Self::IncrSyncStateBegin => true,
            _ if next.end().is_none() => true,
            // Recipients and attachments belong to the change before them.
            _ => !matches!(self, Self::IncrSyncMessage | Self::IncrSyncChg | Self::IncrSyncChgPartial),
        }
    }
}
