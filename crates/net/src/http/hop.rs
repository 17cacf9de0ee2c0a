//! What of a head concerns one connection alone (RFC 9110 7.6.1).

use std::time::Duration;

use http::Fields;

use super::server_only::{Speaker, speaker};

/// Which fields `Connection` names that would else go on: a list of what goes no further (RFC 9110 7.6.1).
pub(super) fn named_by_connection(fields: &Fields) -> Vec<Vec<u8>> {
    fields
        .all("connection")
        .flat_map(http::tokens)
        // What frames or addresses the message, or says who sends it, stays even where it is named there.
        .filter(|name| !KEPT.iter().any(|kept| name.eq_ignore_ascii_case(kept.as_bytes())))
        // Nor does a client take from its trusted proxy what that says of it.
        .filter(|name| speaker(name) != Speaker::Proxy)
        .map(<[u8]>::to_vec)
        .collect()
}

/// Whether the field called `name` concerns one connection alone, but for what frames a body; `named` are those
/// that `Connection` names.
pub(super) fn is_of_connection(name: &[u8], named: &[Vec<u8>]) -> bool {
    const CONNECTION: [&str; 5] = ["connection", "keep-alive", "proxy-connection", "upgrade", "trailer"];
    CONNECTION.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        || named.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// What `Connection` can't take away.
const KEPT: [&str; 8] = [
    "host",
    "content-length",
    "transfer-encoding",
    "content-type",
    "authorization",
    "cookie",
    "set-cookie",
    "x-requesttype",
];

/// How long the server leaves an idle connection open, less what a request takes to get there.
pub(super) fn keep_alive(fields: &Fields) -> Option<Duration> {
    let timeout = fields.all("keep-alive").flat_map(http::tokens).find_map(|parameter| {
        let text = std::str::from_utf8(parameter).ok()?.to_ascii_lowercase();
        text.strip_prefix("timeout=")?.trim().parse::<u64>().ok()
    })?;
    Some(Duration::from_secs(timeout.min(86_400)).saturating_sub(Duration::from_secs(1)))
}
