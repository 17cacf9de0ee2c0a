//! The limit on open files, and the number of connections that it permits.

use std::num::NonZeroUsize;

use rustix::process::{Resource, getrlimit, setrlimit};

/// Descriptors for listeners, recordings, name look-ups, and connections that are accepted to be refused.
const OTHERS: u64 = 64;

/// Descriptors of each thread that serves connections, one for each processor.
const EACH_THREAD: u64 = 4;

/// Descriptors for a client connection: its own, and one for a connection to the server. An RPC connection uses up to
/// three of these, one for each interface, and each for every identity of its calls; an HTTP connection a second one
/// while the server verifies its client. There are fewer if many do so at once: then [`upstream_connections`] limits
/// them, and users share them.
const EACH: u64 = 2;

/// Raises the limit on open files to the hard limit.
pub(crate) fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!("proxy: cannot raise the limit on open files (ulimit -n) to the hard limit: {error}");
    }
}

/// The maximum number of connections if `wanted` are configured, so that descriptors remain for connections
/// to the server.
pub(crate) fn connections(wanted: usize) -> usize {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return wanted };
    let enough = enough_for(limit.saturating_sub(of_threads()));
    if enough >= wanted {
        return wanted;
    }
    let needed = u64::try_from(wanted).unwrap_or(u64::MAX).saturating_mul(EACH);
    let needed = needed.saturating_add(OTHERS).saturating_add(of_threads());
    tracing::warn!(
        "proxy: clients.connections is lowered from {wanted} to {enough} because of the limit of {limit} open files: \
         raise ulimit -Hn (LimitNOFILE= of a systemd unit) to {needed}"
    );
    enough
}

/// The maximum number of connections to the server if `wanted` client connections are configured: the rest of the
/// descriptors, so that each client that is permitted can be accepted.
pub(crate) fn upstream_connections(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| left_for_upstream(limit.saturating_sub(of_threads()), wanted))
}

/// The descriptors of the threads that serve connections.
fn of_threads() -> u64 {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    u64::try_from(threads).unwrap_or(u64::MAX).saturating_mul(EACH_THREAD)
}

/// How many of `limit` open files are left if there are as many client connections as possible, up to `wanted`.
fn left_for_upstream(limit: u64, wanted: usize) -> usize {
    let all = usize::try_from(limit.saturating_sub(OTHERS)).unwrap_or(usize::MAX);
    all.saturating_sub(enough_for(limit).min(wanted)).max(2)
}

/// The number of connections for which `limit` open files suffice.
fn enough_for(limit: u64) -> usize {
    let connections = (limit.saturating_sub(OTHERS) / EACH).max(1);
    usize::try_from(connections).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_on_open_files_bounds_connections() {
        assert_eq!(enough_for(1024), 480);
        assert_eq!(enough_for(8256), 4096);
        // At least one client is served.
        assert_eq!(enough_for(10), 1);
    }

    #[test]
    fn descriptors_that_clients_leave_are_for_connections_to_the_server() {
        assert_eq!(left_for_upstream(1024, 4096), 480);
        assert_eq!(left_for_upstream(1024, 100), 860);
        assert_eq!(left_for_upstream(524_288, 4096), 524_288 - 64 - 4096);
        for (limit, wanted) in [(256, 1000), (1024, 4096), (8256, 4096), (100_000, 10)] {
            let clients = enough_for(limit).min(wanted);
            let all = u64::try_from(clients + left_for_upstream(limit, wanted)).unwrap() + OTHERS;
            assert!(all <= limit, "{limit}");
        }
        // At least one client is served.
        assert_eq!(left_for_upstream(10, 4096), 2);
    }

    #[test]
    fn a_sufficient_limit_on_open_files_does_not_lower_connections() {
        assert_eq!(connections(1), 1);
        assert!(connections(usize::MAX) < usize::MAX || getrlimit(Resource::Nofile).current.is_none());
    }
}
