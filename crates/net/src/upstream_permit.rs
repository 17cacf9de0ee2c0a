//! The limit on connections to the upstream, which users share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use identity::{FairShares, Identity, UserKey};
use tokio::net::TcpStream;

use crate::upstream_error::UpstreamError;

/// Whose connection it is; `None` before its client has authenticated.
type Owner = Option<UserKey>;

/// Counts the connections to the upstream of all protocols against the number for which there are descriptors.
#[derive(Debug)]
pub(crate) struct UpstreamConnections(Mutex<FairShares<Owner>>);

impl UpstreamConnections {
    /// At most `limit` connections.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(FairShares::new(limit))))
    }

    /// A permit for a connection for `owner`.
    ///
    /// # Errors
    /// [`UpstreamError::TooManyConnections`] if the owner would have more connections than are free.
    pub(crate) fn permit(
        self: &Arc<Self>,
        owner: Option<&Identity>,
    ) -> Result<UpstreamPermit, UpstreamError> {
        let owner = owner.map(|owner| owner.user().clone());
        if !self.lock().take(&owner, 1) {
            return Err(UpstreamError::TooManyConnections);
        }
        Ok(UpstreamPermit { connections: Arc::clone(self), owner })
    }

    fn lock(&self) -> MutexGuard<'_, FairShares<Owner>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The permit of a connection to the upstream, returned when it is dropped.
#[derive(Debug)]
pub(crate) struct UpstreamPermit {
    connections: Arc<UpstreamConnections>,
    owner: Owner,
}

/// A connection with its permit; `None` if it does not count.
pub(crate) type PermittedStream = (TcpStream, Option<UpstreamPermit>);

impl UpstreamPermit {
    /// Counts the connection for `owner` from now on.
    pub(crate) fn set_owner(&mut self, owner: &Identity) {
        if self.owner.as_ref() != Some(owner.user()) {
            let owner = Some(owner.user().clone());
            self.connections.lock().transfer(&self.owner, &owner, 1);
            self.owner = owner;
        }
    }
}

impl Drop for UpstreamPermit {
    fn drop(&mut self) {
        self.connections.lock().give_back(&self.owner, 1);
    }
}

#[cfg(test)]
mod tests {
    use testkit::caller;

    use super::*;

    #[test]
    fn connections_count_for_their_owner_until_they_are_closed() {
        let [alice, bob] = ["alice", "bob"].map(caller);
        let connections = UpstreamConnections::new(5);
        let permit = |owner| connections.permit(owner);
        let mut held = vec![permit(None).unwrap(), permit(Some(alice.identity())).unwrap()];
        // A connection whose client has authenticated.
        held[0].set_owner(alice.identity());
        let refused = permit(Some(alice.identity())).unwrap_err();
        assert!(matches!(refused, UpstreamError::TooManyConnections), "{refused:?}");
        held.push(permit(Some(bob.identity())).unwrap());
        assert!(permit(Some(bob.identity())).is_err());
        held.clear();
        assert!(permit(Some(alice.identity())).is_ok());
        assert_eq!(connections.lock().all(), 0);
    }
}
