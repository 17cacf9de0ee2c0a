//! Logs trusted proxies that do not name their clients.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The time between two lines.
const EVERY: Duration = Duration::from_mins(10);

/// Attempts to authenticate from trusted proxies without a client's address, since the last line.
#[derive(Debug, Default)]
pub(super) struct UnnamedClients(Mutex<(Option<Instant>, u64)>);

impl UnnamedClients {
    /// Counts an attempt from `proxy`, and logs it if none was logged for some time. Returns whether it was.
    pub(super) fn report(&self, proxy: SocketAddr, now: Instant) -> bool {
        let attempts = {
            let (logged, attempts) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *attempts += 1;
            if logged.is_some_and(|logged| now.duration_since(logged) < EVERY) {
                return false;
            }
            *logged = Some(now);
            std::mem::take(attempts)
        };
        let key = "clients.forwarded_for_from, clients.proxy_protocol_from";
        tracing::warn!(
            proxy = %proxy.ip(), attempts, key,
            "trusted proxy sends no client address with attempts to authenticate: let it send X-Forwarded-For or a PROXY \
             header; until then its clients share the limits on failed authentication"
        );
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_sends_no_client_address_is_logged_every_ten_minutes() {
        let unnamed = UnnamedClients::default();
        let (proxy, now) = (SocketAddr::from(([10, 0, 0, 1], 1)), Instant::now());
        let logged = |seconds: u64| unnamed.report(proxy, now + Duration::from_secs(seconds));
        assert_eq!([0, 1, 599, 600, 601].map(logged), [true, false, false, true, false]);
    }
}
