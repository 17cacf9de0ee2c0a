//! Hop-by-hop header fields: those of a head that concern one connection only (RFC 9110 7.6.1).

use std::time::Duration;

use http1::Fields;

use crate::http::server_only::{AllowedSender, allowed_sender};

/// The names of `fields` that `Connection` lists, which must not be forwarded (RFC 9110 7.6.1). Names of fields that
/// are absent are left out: a list may have tens of thousands of them, and each field is compared with each name.
pub(crate) fn named_by_connection(fields: &Fields) -> Vec<Vec<u8>> {
    let mut options =
        fields.all("connection").flat_map(http1::tokens).filter(|option| !is_usual(option)).peekable();
    if options.peek().is_none() {
        return Vec::new();
    }
    let mut present: Vec<(Vec<u8>, bool)> = fields
        .iter()
        .map(|field| (field.name.as_bytes().to_ascii_lowercase(), false))
        // Framing, addressing and authentication are forwarded even if they are listed.
        .filter(|(name, _)| !KEPT.iter().any(|kept| name == kept.as_bytes()))
        // A client cannot remove the fields with which its trusted proxy describes it.
        .filter(|(name, _)| allowed_sender(name) != AllowedSender::Proxy)
        .collect();
    present.sort_unstable();
    present.dedup();
    for option in options {
        let place = present.binary_search_by(|(name, _)| {
            name.iter().copied().cmp(option.iter().map(u8::to_ascii_lowercase))
        });
        if let Some((_, named)) = place.ok().and_then(|place| present.get_mut(place)) {
            *named = true;
        }
    }
    present.into_iter().filter(|(_, named)| *named).map(|(name, _)| name).collect()
}

/// Whether an option of `Connection` is about the connection, and not the name of a field.
fn is_usual(option: &[u8]) -> bool {
    option.eq_ignore_ascii_case(b"keep-alive") || option.eq_ignore_ascii_case(b"close")
}

/// Whether the field called `name` concerns one connection only, and is not framing; `named` are the names that
/// `Connection` lists.
pub(crate) fn is_of_connection(name: &[u8], named: &[Vec<u8>]) -> bool {
    const CONNECTION: [&str; 5] = ["connection", "keep-alive", "proxy-connection", "upgrade", "trailer"];
    CONNECTION.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        || named.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Fields that `Connection` cannot remove.
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

/// How long the server leaves an idle connection open, less a second for the next request to arrive.
pub(crate) fn keep_alive(fields: &Fields) -> Option<Duration> {
    let timeout = fields.all("keep-alive").flat_map(http1::tokens).find_map(|parameter| {
        let text = std::str::from_utf8(parameter).ok()?.to_ascii_lowercase();
        let seconds = text.strip_prefix("timeout=")?.trim();
        seconds.parse::<u64>().ok().filter(|_| seconds.bytes().all(|byte| byte.is_ascii_digit()))
    })?;
    Some(Duration::from_secs(timeout.min(86_400)).saturating_sub(Duration::from_secs(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_limit_in_keep_alive_consists_of_digits() {
        for (value, seconds) in [
            ("timeout=5, max=100", Some(4)),
            ("max=100, Timeout= 61", Some(60)),
            ("timeout=0", Some(0)),
            ("timeout=+5", None),
            ("timeout=-5", None),
            ("timeout=", None),
        ] {
            let mut fields = Fields::default();
            assert!(fields.push("Keep-Alive", value.to_owned()));
            assert_eq!(keep_alive(&fields), seconds.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn names_of_absent_fields_in_connection_are_ignored() {
        let mut fields = Fields::default();
        let many = "a,".repeat(20_000);
        for (name, value) in [
            ("Connection", "Keep-Alive, X-One,, hOst"),
            ("connection", &many),
            ("Connection", "close, x-forwarded-for, X-TWO"),
            ("Host", "proxy.lab.test"),
            ("x-two", "2"),
            ("X-One", "1"),
            ("X-One", "once more"),
            ("X-Forwarded-For", "192.0.2.1"),
            ("X-Three", "3"),
        ] {
            assert!(fields.push(name, value.to_owned()));
        }
        let named = named_by_connection(&fields);
        assert!(named == [b"x-one", b"x-two"], "{} names", named.len());
        assert!(is_of_connection(b"X-ONE", &named) && !is_of_connection(b"X-Three", &named));
    }
}
