//! Determines the session of a call.

use std::collections::{HashMap, VecDeque};

use wire::Guid;

use super::objects::Objects;

/// The maximum number of sessions. If there are more, the oldest is removed.
const MAX_SESSIONS: usize = 4096;

/// The maximum number of keys of one session: cookies change with every call.
const MAX_KEYS: usize = 16;

/// A property that calls of one session share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// The connection.
    Connection(u64),
    /// The context handle.
    Handle(Guid),
    /// A cookie: its name and value.
    Cookie(String),
}

/// The sessions of a recording.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_key: HashMap<Key, u64>,
    states: HashMap<u64, State>,
    order: VecDeque<u64>,
    last: u64,
}

/// The state of a session.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) objects: Objects,
    keys: VecDeque<Key>,
}

impl Sessions {
    /// The session with most of `keys`, the latest of several; a new one if none has any. Some cookies identify a
    /// server, not a session.
    pub(super) fn find(&mut self, keys: &[Key]) -> u64 {
        let mut votes = HashMap::<u64, usize>::new();
        for number in keys.iter().filter_map(|key| self.by_key.get(key)) {
            let count = votes.entry(*number).or_default();
            *count = count.saturating_add(1);
        }
        let known = votes.into_iter().max_by_key(|(number, count)| (*count, *number));
        let number = known.map_or_else(|| self.begin(), |(number, _)| number);
        for key in keys {
            self.add(number, key.clone());
        }
        number
    }

    /// Begins a session.
    pub(super) fn begin(&mut self) -> u64 {
        if self.order.len() >= MAX_SESSIONS
            && let Some(oldest) = self.order.pop_front()
            && let Some(state) = self.states.remove(&oldest)
        {
            for key in state.keys {
                self.by_key.remove(&key);
            }
        }
        self.last = self.last.saturating_add(1);
        self.order.push_back(self.last);
        self.states.insert(self.last, State::default());
        self.last
    }

    /// Adds `key` to the session `number`.
    pub(super) fn add(&mut self, number: u64, key: Key) {
        let Some(state) = self.states.get_mut(&number) else { return };
        if self.by_key.insert(key.clone(), number) == Some(number) {
            return;
        }
        state.keys.push_back(key);
        if state.keys.len() > MAX_KEYS
            && let Some(old) = state.keys.pop_front()
            && self.by_key.get(&old) == Some(&number)
        {
            self.by_key.remove(&old);
        }
    }

    /// The objects of the session `number`.
    pub(super) fn objects(&mut self, number: u64) -> &mut Objects {
        &mut self.states.entry(number).or_default().objects
    }
}
