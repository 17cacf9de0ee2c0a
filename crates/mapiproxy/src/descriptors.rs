//! The limit on open files, and the number of connections that it permits.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Descriptors for listeners, recordings, name look-ups and the runtime.
const OTHERS: u64 = 64;

/// Descriptors for a client connection: its own, and one for its connection to the server. An RPC connection
/// that uses several interfaces needs more, which idle connections leave unused.
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
    let enough = enough_for(limit);
    if enough >= wanted {
        return wanted;
    }
    let needed = u64::try_from(wanted).unwrap_or(u64::MAX).saturating_mul(EACH).saturating_add(OTHERS);
    tracing::warn!(
        "proxy: clients.connections is lowered from {wanted} to {enough} because of the limit of {limit} open files: \
         raise ulimit -Hn (LimitNOFILE= of a systemd unit) to {needed}"
    );
    enough
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
    fn a_sufficient_limit_on_open_files_does_not_lower_connections() {
        assert_eq!(connections(1), 1);
        assert!(connections(usize::MAX) < usize::MAX || getrlimit(Resource::Nofile).current.is_none());
    }
}
