//! The users for whom authentication of the service account succeeded.

use std::collections::VecDeque;

use identity::UserKey;

/// The most entries. The one whose first success is oldest is removed for another.
const MAX_USERS: usize = 256;

/// Users for whom authentication of the service account succeeded at a service.
#[derive(Debug, Default)]
pub(super) struct ProvenUsers(VecDeque<(UserKey, usize)>);

impl ProvenUsers {
    /// Authentication succeeded for `user` at `service`.
    pub(super) fn add(&mut self, user: &UserKey, service: usize) {
        if self.contains(user, service) {
            return;
        }
        if self.0.len() >= MAX_USERS {
            self.0.pop_front();
        }
        self.0.push_back((user.clone(), service));
    }

    /// Whether authentication succeeded for `user` at `service`.
    pub(super) fn contains(&self, user: &UserKey, service: usize) -> bool {
        self.0.iter().any(|(known, at)| *at == service && known == user)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
