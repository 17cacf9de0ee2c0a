//! How many sessions each user is opening.

use std::collections::HashMap;

use identity::UserKey;
use mapi::mapihttp::Endpoint;

/// The numbers of sessions that are being opened: the Connect or Bind was accepted, and the session is not yet in the
/// table.
#[derive(Debug, Default)]
pub(crate) struct OpeningCounts {
    by_user: HashMap<(Endpoint, UserKey), usize>,
    /// Those of all users.
    pub(crate) all: usize,
}

impl OpeningCounts {
    pub(crate) fn of_user(&self, endpoint: Endpoint, user: &UserKey) -> usize {
        self.by_user.get(&(endpoint, user.clone())).copied().unwrap_or_default()
    }

    pub(crate) fn add(&mut self, endpoint: Endpoint, user: &UserKey) {
        *self.by_user.entry((endpoint, user.clone())).or_default() += 1;
        self.all += 1;
    }

    pub(crate) fn remove(&mut self, endpoint: Endpoint, user: &UserKey) {
        let key = (endpoint, user.clone());
        if let Some(count) = self.by_user.get_mut(&key) {
            *count = count.saturating_sub(1);
            self.all = self.all.saturating_sub(1);
            if *count == 0 {
                self.by_user.remove(&key);
            }
        }
    }
}
