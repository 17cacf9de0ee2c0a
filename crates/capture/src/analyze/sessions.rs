//! Which session a call belongs to.

use std::collections::{HashMap, VecDeque};

use wire::Guid;

use super::objects::Objects;

/// How many sessions are known at once; of more, the oldest is forgotten.
const MAX_SESSIONS: usize = 4096;

/// How many keys lead to one session: cookies change with every call.
const MAX_KEYS: usize = 16;

/// What calls of one session have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// They came in one connection.
    Connection(u64),
    /// They have a context handle.
    Handle(Guid),
    /// They have a cookie: its name and value.
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

/// What is known of a session.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) objects: Objects,
    keys: VecDeque<Key>,
}

impl Sessions {
    /// The session that most of `keys` lead to, the latest of several; a new one where none does. Some
    /// cookies are those of a server, not of a session.
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

    /// A new session.
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

    /// Lets `key` lead to the session `number` from now on.
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

    /// What is known of the session `number`.
    pub(super) fn objects(&mut self, number: u64) -> &mut Objects {
        &mut self.states.entry(number).or_default().objects
    }
}
