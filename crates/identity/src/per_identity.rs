//! A bounded map with one value for each identity.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;

use wire::Now;

use crate::context::{ContextError, Identity, SecurityContext};

/// A bounded map with one value for each identity. Every access needs a security context, so that no caller can see
/// the value of another. If the map is full, a new value replaces the one that was not used for the longest time.
///
/// ```
/// # use std::num::NonZeroUsize;
/// # use identity::{Authority, PerIdentity, ContextCounters, SecurityContext};
/// # use wire::{FileTime, Now};
/// let (contexts, now) = (ContextCounters::new(), Now::at(FileTime(0)));
/// let system = SecurityContext::system(&contexts);
/// let anonymous = SecurityContext::anonymous(&contexts, &Authority::new("lab"));
/// let mut store = PerIdentity::new(NonZeroUsize::new(10).unwrap());
/// store.insert(&system, now, "a secret")?;
/// assert_eq!(store.get(&system, now)?, Some(&mut "a secret"));
/// assert_eq!(store.get(&anonymous, now)?, None);
/// # Ok::<(), identity::ContextError>(())
/// ```
#[derive(Debug)]
pub struct PerIdentity<T> {
    entries: HashMap<Identity, Entry<T>>,
    by_use: BTreeMap<u64, Identity>,
    uses: u64,
    limit: NonZeroUsize,
}

#[derive(Debug)]
struct Entry<T> {
    used: u64,
    value: T,
}

impl<T> PerIdentity<T> {
    /// An empty map for at most `limit` identities.
    pub fn new(limit: NonZeroUsize) -> Self {
        Self { entries: HashMap::new(), by_use: BTreeMap::new(), uses: 0, limit }
    }

    /// The value of the context's identity.
    ///
    /// # Errors
    /// If the context is expired or revoked at `now`.
    pub fn get(&mut self, context: &SecurityContext, now: Now) -> Result<Option<&mut T>, ContextError> {
        context.check(|| now)?;
        self.touch(context.identity());
        Ok(self.entries.get_mut(context.identity()).map(|entry| &mut entry.value))
    }

    /// The value of the context's identity. If it does not exist, inserts the one that `make` returns.
    ///
    /// # Errors
    /// If the context is expired or revoked at `now`.
    pub fn get_or_insert_with(
        &mut self,
        context: &SecurityContext,
        now: Now,
        make: impl FnOnce() -> T,
    ) -> Result<&mut T, ContextError> {
        context.check(|| now)?;
        let identity = context.identity();
        if !self.entries.contains_key(identity) {
            self.make_room();
        }
        self.uses = self.uses.wrapping_add(1);
        let entry =
            self.entries.entry(identity.clone()).or_insert_with(|| Entry { used: self.uses, value: make() });
        self.by_use.remove(&entry.used);
        entry.used = self.uses;
        self.by_use.insert(self.uses, identity.clone());
        Ok(&mut entry.value)
    }

    /// Stores `value` for the context's identity. Returns the value that it replaces: the identity's previous one, or
    /// the least recently used one.
    ///
    /// # Errors
    /// If the context is expired or revoked at `now`.
    pub fn insert(
        &mut self,
        context: &SecurityContext,
        now: Now,
        value: T,
    ) -> Result<Option<T>, ContextError> {
        context.check(|| now)?;
        let before = self.remove(context);
        let out = self.make_room().or(before);
        self.uses = self.uses.wrapping_add(1);
        self.by_use.insert(self.uses, context.identity().clone());
        self.entries.insert(context.identity().clone(), Entry { used: self.uses, value });
        Ok(out)
    }

    /// Removes and returns the value of the context's identity. The context may be expired.
    pub fn remove(&mut self, context: &SecurityContext) -> Option<T> {
        let entry = self.entries.remove(context.identity())?;
        self.by_use.remove(&entry.used);
        Some(entry.value)
    }

    /// Removes and returns the value of the context's identity if `over` returns true for it. The context may be
    /// expired.
    pub fn remove_if(&mut self, context: &SecurityContext, over: impl FnOnce(&mut T) -> bool) -> Option<T> {
        let entry = self.entries.get_mut(context.identity())?;
        if over(&mut entry.value) { self.remove(context) } else { None }
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes the least recently used value if the map is full.
    fn make_room(&mut self) -> Option<T> {
        if self.entries.len() < self.limit.get() {
            return None;
        }
        let (_, oldest) = self.by_use.pop_first()?;
        self.entries.remove(&oldest).map(|entry| entry.value)
    }

    fn touch(&mut self, identity: &Identity) {
        let Some(entry) = self.entries.get_mut(identity) else { return };
        self.uses = self.uses.wrapping_add(1);
        self.by_use.remove(&entry.used);
        entry.used = self.uses;
        self.by_use.insert(self.uses, identity.clone());
    }
}

#[cfg(test)]
mod tests {
    use wire::FileTime;

    use super::*;
    use crate::context::tests::person;
    use crate::context_counters::ContextCounters;

    const NOW: Now = at(10);

    const fn at(time: u64) -> Now {
        Now::at(FileTime(time))
    }

    #[test]
    fn a_context_sees_only_the_value_of_its_identity() {
        let contexts = ContextCounters::new();
        let (alice, bob) = (person("alice", &contexts, None), person("bob", &contexts, None));
        let mut store = PerIdentity::new(NonZeroUsize::new(4).unwrap());
        store.insert(&alice, NOW, 1).unwrap();
        assert_eq!(store.get(&bob, NOW), Ok(None));
        assert_eq!(store.get(&SecurityContext::system(&contexts), NOW), Ok(None));
        assert_eq!(store.get(&person("Alice", &contexts, None), NOW), Ok(Some(&mut 1)));
        assert_eq!(store.insert(&alice, NOW, 2), Ok(Some(1)));
        assert_eq!(store.remove(&bob), None);
        assert_eq!(store.remove_if(&bob, |_| unreachable!("nothing is kept for him")), None);
        assert_eq!(store.remove_if(&alice, |value| *value == 3), None);
        assert_eq!(store.remove_if(&alice, |value| *value == 2), Some(2));
        assert_eq!(store.remove(&alice), None);
        assert!(store.is_empty());
    }

    #[test]
    fn the_least_recently_used_value_is_evicted() {
        let contexts = ContextCounters::new();
        let people: Vec<_> = ["a", "b", "c"].iter().map(|user| person(user, &contexts, None)).collect();
        let mut store = PerIdentity::new(NonZeroUsize::new(2).unwrap());
        store.insert(&people[0], NOW, 0).unwrap();
        store.insert(&people[1], NOW, 1).unwrap();
        store.get(&people[0], NOW).unwrap();
        assert_eq!(store.insert(&people[2], NOW, 2), Ok(Some(1)));
        assert_eq!(store.len(), 2);
        assert_eq!(store.by_use.len(), 2);
        assert_eq!(store.get(&people[0], NOW), Ok(Some(&mut 0)));
        assert_eq!(store.get(&people[1], NOW), Ok(None));
        assert_eq!(store.get_or_insert_with(&people[0], NOW, || 9), Ok(&mut 0));
        assert_eq!(store.get_or_insert_with(&people[1], NOW, || 9), Ok(&mut 9));
        assert_eq!((store.len(), store.by_use.len()), (2, 2));
        assert_eq!(store.get(&people[2], NOW), Ok(None));
    }

    #[test]
    fn an_expired_context_neither_gets_nor_stores_a_value() {
        let contexts = ContextCounters::new();
        let alice = person("alice", &contexts, Some(FileTime(20)));
        let mut store = PerIdentity::new(NonZeroUsize::MIN);
        store.insert(&alice, NOW, 1).unwrap();
        assert_eq!(store.get(&alice, at(20)), Err(ContextError::Expired));
        assert_eq!(store.insert(&alice, at(21), 2), Err(ContextError::Expired));
        assert_eq!(store.get_or_insert_with(&alice, at(21), || 2), Err(ContextError::Expired));
        assert_eq!(store.remove(&alice), Some(1));
    }
}
