//! What the conversions of a message and of those in it share.

use crate::limits::{Error, Limits, Loss, lose};

/// The number of parts, recipients and losses so far.
pub(super) struct Context<'a> {
    pub(super) limits: &'a Limits,
    pub(super) losses: Vec<Loss>,
    pub(super) parts: usize,
    pub(super) recipients: usize,
}

/// Where an entity is: how many messages and multipart entities are around it, itself included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Depth {
    pub(super) messages: usize,
    pub(super) multiparts: usize,
}

impl Context<'_> {
    pub(super) fn lose(&mut self, loss: Loss) {
        lose(&mut self.losses, loss);
    }

    /// Counts a part.
    pub(super) fn part(&mut self) -> Result<(), Error> {
        self.parts = self.parts.saturating_add(1);
        if self.parts > self.limits.parts { Err(Error::Parts(self.limits.parts)) } else { Ok(()) }
    }

    /// Counts a recipient.
    pub(super) fn recipient(&mut self) -> Result<(), Error> {
        self.recipients = self.recipients.saturating_add(1);
        let limit = self.limits.recipients;
        if self.recipients > limit { Err(Error::Recipients(limit)) } else { Ok(()) }
    }
}

impl Depth {
    /// The place of a message in this place.
    pub(super) fn message(self, limits: &Limits) -> Result<Self, Error> {
        let messages = self.messages.saturating_add(1);
        if messages > limits.depth { Err(Error::Depth(limits.depth)) } else { Ok(Self { messages, ..self }) }
    }

    /// The place of the parts of a multipart entity in this place.
    pub(super) fn multipart(self, limits: &Limits) -> Result<Self, Error> {
        let multiparts = self.multiparts.saturating_add(1);
        let limit = limits.multiparts;
        if multiparts > limit { Err(Error::Multiparts(limit)) } else { Ok(Self { multiparts, ..self }) }
    }
}
