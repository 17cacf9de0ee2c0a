//! The stubs that a connection of remote calls holds: of calls that have not come whole, and of calls under way.

use std::sync::Arc;

use identity::Identity;

use crate::body_budget::{BodyBudget, Full, SMALL, Share};

/// Under which of its connection's security contexts a call is made; none for unauthenticated calls.
pub(crate) type ContextId = Option<u32>;

/// What a connection holds under each of its security contexts.
#[derive(Debug)]
pub(crate) struct Stubs {
    budget: Arc<BodyBudget>,
    /// The calls under way: their numbers, their contexts, and the bytes of their stubs.
    under_way: Vec<(u32, ContextId, usize)>,
    shares: Vec<(ContextId, Share)>,
}

impl Stubs {
    pub(crate) const fn new(budget: Arc<BodyBudget>) -> Self {
        Self { budget, under_way: Vec::new(), shares: Vec::new() }
    }

    /// The call `id`, whose stub has `bytes`, is under way.
    pub(crate) fn begin(&mut self, id: u32, context: ContextId, bytes: usize) {
        self.under_way.push((id, context, bytes));
    }

    /// How many calls are under way.
    pub(crate) const fn calls(&self) -> usize {
        self.under_way.len()
    }

    /// The bytes of all calls under way.
    pub(crate) fn bytes(&self) -> usize {
        self.under_way.iter().map(|(.., bytes)| *bytes).sum()
    }

    /// The call `id` was answered.
    pub(crate) fn end(&mut self, id: u32) {
        if let Some(place) = self.under_way.iter().position(|(call, ..)| *call == id) {
            self.under_way.swap_remove(place);
        }
    }

    /// Counts the calls under way and `more` bytes beside them as what is held for `identity` under `context`.
    ///
    /// # Errors
    /// Says which limit is reached. Then what was counted before still is.
    pub(crate) fn hold(&mut self, context: ContextId, identity: &Identity, more: usize) -> Result<(), Full> {
        let own = self.under_way.iter().filter(|(_, other, _)| *other == context);
        let bytes = own.map(|(.., bytes)| *bytes).sum::<usize>().saturating_add(more);
        if let Some((_, share)) = self.shares.iter_mut().find(|(other, _)| *other == context) {
            return share.set(bytes);
        }
        if bytes > SMALL {
            let mut share = self.budget.share(identity);
            share.set(bytes)?;
            self.shares.push((context, share));
        }
        Ok(())
    }

    /// Under none of the security contexts enough is held to be counted.
    pub(crate) fn release(&mut self) {
        self.shares.clear();
    }

    /// Counts anew what is held under other security contexts than those of `unfinished` calls.
    pub(crate) fn shrink(&mut self, unfinished: impl Fn(ContextId) -> bool) {
        let Self { under_way, shares, .. } = self;
        shares.retain_mut(|(context, share)| {
            let own = under_way.iter().filter(|(_, other, _)| other == context);
            let bytes = own.map(|(.., bytes)| *bytes).sum();
            // What shrinks is not refused, and each call under way was counted by `hold`.
            unfinished(*context) || (bytes > SMALL && share.set(bytes).is_ok())
        });
    }
}
