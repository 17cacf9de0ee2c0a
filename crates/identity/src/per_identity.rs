//! A bounded map of values that belong to one identity each.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;

use wire::FileTime;

use crate::context::{ContextError, Identity, SecurityContext};

/// Values kept for identities, at most so many of them. There is no way in or out but with a context, so that
/// what was kept for one is never seen by another. When it is full, what was unused for longest makes room.
///
/// ```
/// # use std::num::NonZeroUsize;
/// # use identity::{Authority, PerIdentity, ContextCounters, SecurityContext};
/// # use wire::FileTime;
/// let (contexts, now) = (ContextCounters::new(), FileTime(0));
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
    /// An empty store for at most `limit` identities.
    pub fn new(limit: NonZeroUsize) -> Self {
        Self { entries: HashMap::new(), by_use: BTreeMap::new(), uses: 0, limit }
    }

    /// What is kept for the context's identity.
    ///
    /// # Errors
    /// When the context may not be used at `now` any more.
    pub fn get(&mut self, context: &SecurityContext, now: FileTime) -> Result<Option<&mut T>, ContextError> {
        context.check(now)?;
        self.touch(context.identity());
        Ok(self.entries.get_mut(context.identity()).map(|entry| &mut entry.value))
    }

    /// What is kept for the context's identity; made by `make` where that is nothing yet.
    ///
    /// # Errors
    /// When the context may not be used at `now` any more.
    pub fn get_or_insert_with(
        &mut self,
        context: &SecurityContext,
        now: FileTime,
        make: impl FnOnce() -> T,
    ) -> Result<&mut T, ContextError> {
        context.check(now)?;
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

    /// Keeps `value` for the context's identity. What was kept for it before, or what had to make room, is
    /// given back.
    ///
    /// # Errors
    /// When the context may not be used at `now` any more.
    pub fn insert(
        &mut self,
        context: &SecurityContext,
        now: FileTime,
        value: T,
    ) -> Result<Option<T>, ContextError> {
        context.check(now)?;
        let before = self.remove(context);
        let out = self.make_room().or(before);
        self.uses = self.uses.wrapping_add(1);
        self.by_use.insert(self.uses, context.identity().clone());
        self.entries.insert(context.identity().clone(), Entry { used: self.uses, value });
        Ok(out)
    }

    /// Gives back what was kept for the context's identity, and keeps it no more. Also an expired context
    /// may do so.
    pub fn remove(&mut self, context: &SecurityContext) -> Option<T> {
        let entry = self.entries.remove(context.identity())?;
        self.by_use.remove(&entry.used);
        Some(entry.value)
    }

    /// Lets `over` look at what is kept for the context's identity, and keeps it no more if `over` says so.
    /// Also an expired context may do so.
    pub fn remove_if(&mut self, context: &SecurityContext, over: impl FnOnce(&mut T) -> bool) -> Option<T> {
        let entry = self.entries.get_mut(context.identity())?;
        if over(&mut entry.value) { self.remove(context) } else { None }
    }

    /// For how many identities something is kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Gives up what was unused for longest, where no more would fit.
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
    use super::*;
    use crate::context::tests::person;
    use crate::context_counters::ContextCounters;

    const NOW: FileTime = FileTime(10);

    #[test]
    fn nobody_sees_what_is_anothers() {
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
    fn the_longest_unused_makes_room() {
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
    fn an_expired_context_finds_and_keeps_nothing() {
        let contexts = ContextCounters::new();
        let alice = person("alice", &contexts, Some(FileTime(20)));
        let mut store = PerIdentity::new(NonZeroUsize::MIN);
        store.insert(&alice, NOW, 1).unwrap();
        assert_eq!(store.get(&alice, FileTime(20)), Err(ContextError::Expired));
        assert_eq!(store.insert(&alice, FileTime(21), 2), Err(ContextError::Expired));
        assert_eq!(store.get_or_insert_with(&alice, FileTime(21), || 2), Err(ContextError::Expired));
        assert_eq!(store.remove(&alice), Some(1));
    }
}
