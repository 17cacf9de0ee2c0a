//! What the conversions of a message and of those in it share.

use crate::limits::{Error, Limits, Loss, lose};

/// Returns the SMTP address for a distinguished name of an address book, if it is known.
pub type Resolve<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// What the message and those in it share.
pub(super) struct Context<'a> {
    pub(super) limits: &'a Limits,
    pub(super) resolve: &'a Resolve<'a>,
    pub(super) losses: Vec<Loss>,
    pub(super) parts: usize,
    pub(super) recipients: usize,
}

impl Context<'_> {
    pub(super) fn lose(&mut self, loss: Loss) {
        lose(&mut self.losses, loss);
    }

    /// Fails if `length` exceeds the limit of bytes.
    pub(super) fn fits(&self, length: usize) -> Result<(), Error> {
        if length > self.limits.bytes { Err(Error::Bytes(self.limits.bytes)) } else { Ok(()) }
    }

    /// Counts a part.
    pub(super) fn part(&mut self) -> Result<(), Error> {
        self.parts = self.parts.saturating_add(1);
        if self.parts > self.limits.parts { Err(Error::Parts(self.limits.parts)) } else { Ok(()) }
    }
}
