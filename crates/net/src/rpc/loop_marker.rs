//! Detects RPC connections that lead back to this proxy, as `Via` does for HTTP.
//!
//! The bind of an upstream connection has a call id that identifies this process (C706 12.6.3.1). Clients choose call
//! ids, and servers only compare them with each other, so that servers, firewalls and load balancers behave as for
//! any other id. If the client's bind has such an id, the proxy forwards that id. Loops through several proxies are
//! thereby detected as well.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use identity::{Random, RandomError};
use tokio::time::Instant;

/// The range of call ids that identify a proxy. Other clients count from one.
const LOOP_CALL_IDS: std::ops::Range<u32> = 0x4000_0000..0x7000_0000;

/// How long after a loop was detected a rejected bind is attributed to the loop.
const ATTRIBUTION_WINDOW: Duration = Duration::from_secs(10);

/// The call id that identifies this process, and when a bind with this id last arrived.
#[derive(Debug)]
pub struct LoopMarker {
    id: u32,
    /// When a bind of this process last arrived.
    found: Mutex<Option<Instant>>,
}

impl LoopMarker {
    /// A new id.
    ///
    /// # Errors
    /// When the system provides no random bytes.
    pub fn new(random: &mut dyn Random) -> Result<Arc<Self>, RandomError> {
        let mut bytes = [0; 4];
        random.fill(&mut bytes)?;
        let id = LOOP_CALL_IDS
            .start
            .saturating_add(u32::from_le_bytes(bytes) % (LOOP_CALL_IDS.end - LOOP_CALL_IDS.start));
        Ok(Arc::new(Self { id, found: Mutex::default() }))
    }

    /// The call id: a bind with this id was sent by this process.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// The id for a bind on behalf of a client whose own bind had the call id `client`.
    pub(crate) fn bind_id(self: &Arc<Self>, client: Option<u32>) -> BindId {
        let forwarded = client.filter(|id| LOOP_CALL_IDS.contains(id));
        BindId { id: forwarded.unwrap_or(self.id), marker: Arc::clone(self) }
    }

    /// Records that a bind of this process arrived at the time `now`, which shows a loop.
    pub(crate) fn record_loop(&self, now: Instant) {
        *self.lock() = Some(now);
    }

    fn is_looping(&self, now: Instant) -> bool {
        self.lock().is_some_and(|found| now.duration_since(found) < ATTRIBUTION_WINDOW)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The call id of a bind that is sent to the upstream.
#[derive(Debug, Clone)]
pub struct BindId {
    id: u32,
    marker: Arc<LoopMarker>,
}

impl BindId {
    pub(crate) const fn id(&self) -> u32 {
        self.id
    }

    /// Whether a rejection of this bind is attributed to a loop: this proxy has received a bind of its own, perhaps
    /// another one, within [`ATTRIBUTION_WINDOW`].
    pub(crate) fn rejection_is_loop(&self, now: Instant) -> bool {
        self.marker.is_looping(now)
    }
}

#[cfg(test)]
mod tests {
    use identity::OsRandom;

    use super::*;

    #[test]
    fn an_id_of_another_proxy_is_forwarded_and_a_clients_is_not() {
        let (ours, other) =
            (LoopMarker::new(&mut OsRandom).unwrap(), LoopMarker::new(&mut OsRandom).unwrap());
        assert!(LOOP_CALL_IDS.contains(&ours.id()) && ours.id() != other.id());
        for client in
            [None, Some(0), Some(1), Some(LOOP_CALL_IDS.start - 1), Some(LOOP_CALL_IDS.end), Some(u32::MAX)]
        {
            assert_eq!(ours.bind_id(client).id(), ours.id(), "{client:?}");
        }
        assert_eq!(ours.bind_id(Some(other.id())).id(), other.id());
    }

    #[test]
    fn a_rejected_bind_is_attributed_to_a_loop_only_soon_after_a_bind_came_back() {
        let marker = LoopMarker::new(&mut OsRandom).unwrap();
        let (bind, now) = (marker.bind_id(None), Instant::now());
        assert!(!bind.rejection_is_loop(now));
        marker.record_loop(now);
        assert!(bind.rejection_is_loop(now) && !bind.rejection_is_loop(now + ATTRIBUTION_WINDOW));
    }
}
