//! How many files the process may have open, and how many connections that is enough for.

use rustix::process::{Resource, getrlimit, setrlimit};

/// What listeners, recordings, look-ups and the runtime take.
const OTHERS: u64 = 64;

/// A client's connection, and its own to the server.
const EACH: u64 = 2;

/// Lets the process open as many files as it may.
pub(crate) fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!("can't raise the limit of open files: {error}");
    }
}

/// How many connections there may be where `wanted` are configured. Without descriptors no client could connect any
/// more, and the server could not be reached for those who have.
pub(crate) fn connections(wanted: usize) -> usize {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return wanted };
    let enough = enough_for(limit);
    if enough >= wanted {
        return wanted;
    }
    let needed = u64::try_from(wanted).unwrap_or(u64::MAX).saturating_mul(EACH).saturating_add(OTHERS);
    tracing::warn!(
        "clients.connections is lowered from {wanted} to {enough}, for which {limit} open files are enough: raise \
         `ulimit -Hn` (LimitNOFILE= of a systemd unit) to {needed}"
    );
    enough
}

/// How many connections `limit` open files are enough for.
fn enough_for(limit: u64) -> usize {
    let connections = (limit.saturating_sub(OTHERS) / EACH).max(1);
    usize::try_from(connections).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_server_and_for_the_rest() {
        assert_eq!(enough_for(1024), 480);
        assert_eq!(enough_for(8256), 4096);
        // However few there are, one client is served.
        assert_eq!(enough_for(10), 1);
    }

    #[test]
    fn what_the_process_can_open_is_not_lowered() {
        assert_eq!(connections(1), 1);
        assert!(connections(usize::MAX) < usize::MAX || getrlimit(Resource::Nofile).current.is_none());
    }
}
