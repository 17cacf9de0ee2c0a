//! Requests that change nothing, by which it is found out whether the server asks for a sign-in, and whether
//! it takes one.

use std::sync::Arc;

use http1::RequestHead;
use identity::Mechanism;
use identity::passthrough::{Guarded, Probe as Kind};
use mapi::mapihttp::headers::{X_CLIENT_APPLICATION, X_CLIENT_INFO, X_REQUEST_ID, X_REQUEST_TYPE};
use wire::FileTime;

use crate::http::passthrough::challenges::Offers;
use crate::http::upstream::config::HttpUpstream;
use crate::http::upstream::forwarding::Forwarding;

/// What a probe takes over from a client's request: front servers of some installations choose by it.
const TAKEN_OVER: [&str; 3] = ["user-agent", X_CLIENT_INFO, X_CLIENT_APPLICATION];

/// The longest name of a request that is passed on, in bytes.
const LONGEST_ID: usize = 64;

/// So many directories are known to be guarded at most; what is known longest is forgotten first.
const MOST: usize = 8;

/// A request that changes nothing. The server chooses its answer by what is in here, and by where the request comes
/// from that it is sent for: all else is the same each time that it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    kind: Kind,
    target: String,
    fields: Vec<(&'static str, Vec<u8>)>,
}

/// Those by which may be found out whether the server guards what the request `head` asks for, the best first.
///
/// A PING comes first whatever is asked for, since its answer shows that the server gave it. Some servers know the
/// endpoint alone, some only with a mailbox, whichever it is. Where none of them helps, a request for the same
/// address does. It is a GET, never a HEAD: some servers answer a HEAD with a body, whose end cannot be
/// determined.
pub(crate) fn candidates(head: &RequestHead, mapi: bool) -> impl Iterator<Item = Probe> + use<> {
    const NO_MAILBOX: &str = "?MailboxId=00000000-0000-0000-0000-000000000000@mapiproxy.invalid";
    let fields: Vec<_> = TAKEN_OVER
        .into_iter()
        .filter_map(|name| head.fields.get(name).map(|value| (name, value.to_vec())))
        .collect();
    let own = head.target().to_owned();
    let (first, last) =
        if mapi { (Some((Kind::Ping, own)), None) } else { (None, Some((Kind::Address, own))) };
    let pings = ["", NO_MAILBOX].map(|query| (Kind::Ping, format!("/mapi/emsmdb/{query}")));
    let all = first.into_iter().chain(pings).chain(last);
    all.map(move |(kind, target)| Probe { kind, target, fields: fields.clone() })
}

impl Probe {
    /// What its answer has to show.
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Its head, on behalf of the request `of`, which comes from where `forwarding` says, with the credentials
    /// `authorization`. Servers that count failed sign-ins, or let networks in, see the same address in all that
    /// is sent for one sign-in, and in the request itself.
    pub(crate) fn head(
        &self,
        upstream: &HttpUpstream,
        of: &RequestHead,
        forwarding: &Forwarding,
        authorization: Option<&[u8]>,
    ) -> Option<RequestHead> {
        let method = match self.kind {
            Kind::Ping => "POST",
            Kind::Address => "GET",
        };
        let mut head = RequestHead::new(method, &self.target)?;
        head.fields.push("Host", upstream.host_header());
        for (name, value) in &self.fields {
            head.fields.push(*name, value.clone());
        }
        if let Some(id) = of.fields.get(X_REQUEST_ID).filter(|id| is_id(id)) {
            head.fields.push(X_REQUEST_ID, id.to_vec());
        }
        match self.kind {
            Kind::Ping => {
                head.fields.push(X_REQUEST_TYPE, "PING");
                head.fields.push("Content-Length", "0");
            }
            // A file may be long, and what is in it does not matter.
            Kind::Address => {
                head.fields.push("Range", "bytes=0-0");
            }
        }
        forwarding.pass_on(&of.fields, &mut head.fields);
        if let Some(value) = authorization {
            head.fields.push("Authorization", value.to_vec());
        }
        Some(head)
    }
}

/// Whether it is a GUID and a number ([MS-OXCMAPIHTTP] 2.2.3.3.4). Each request has another: that must be
/// nothing to choose an answer by.
fn is_id(value: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_hexdigit() || b"{}-:".contains(byte);
    value.len() <= LONGEST_ID && value.iter().all(fits)
}

/// A request without credentials that the server refused.
#[derive(Debug)]
pub(crate) struct Guard {
    /// For what is below which directory.
    pub(crate) directory: String,
    pub(crate) guarded: Guarded,
    pub(crate) probe: Probe,
    /// How many candidates come before the next.
    pub(crate) tried: usize,
    /// What the server wants to be signed in with.
    pub(crate) offers: Offers,
}

impl Guard {
    /// Whether a sign-in by `mechanism` may begin with it at `now`.
    pub(crate) fn serves(&self, mechanism: Mechanism, now: FileTime) -> bool {
        self.guarded.holds(now) && self.guarded.offers(mechanism)
    }
}

/// The directory of what a request asks for.
pub(crate) fn directory(head: &RequestHead) -> String {
    head.target().split(['/', '?']).nth(1).unwrap_or_default().to_ascii_lowercase()
}

/// What the server was seen to guard: for each directory the last request that it was seen by.
#[derive(Debug, Default)]
pub(crate) struct Guards(Vec<Arc<Guard>>);

impl Guards {
    /// That of what a request asks for, where it was seen lately.
    pub(crate) fn of(&self, head: &RequestHead, now: FileTime) -> Option<Arc<Guard>> {
        let directory = directory(head);
        self.0.iter().find(|guard| guard.directory == directory && guard.guarded.holds(now)).cloned()
    }

    /// Forgets all of them: the server was seen to answer otherwise.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn keep(&mut self, guard: Arc<Guard>) {
        self.0.retain(|known| known.directory != guard.directory);
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(guard);
    }
}

#[cfg(test)]
mod tests {
    use identity::passthrough::Answer;

    use super::*;

    fn asking(target: &str) -> RequestHead {
        RequestHead::new("GET", target).unwrap()
    }

    const NOW: FileTime = FileTime(134_100_000_000_000_000);

    fn guard(target: &str, tried: usize) -> Arc<Guard> {
        let head = asking(target);
        let answer = Answer { status: 401, ..Answer::default() };
        let probe = candidates(&head, false).next().unwrap();
        let guarded = Guarded::seen(probe.kind(), &answer, NOW).unwrap();
        Arc::new(Guard { directory: directory(&head), guarded, probe, tried, offers: Offers::default() })
    }

    #[test]
    fn so_many_directories_are_known_and_each_by_its_last_guard() {
        let mut guards = Guards::default();
        guards.keep(guard("/EWS/x", 1));
        guards.keep(guard("/ews?x", 2));
        assert_eq!(guards.of(&asking("/eWs"), NOW).unwrap().tried, 2);
        for number in 0..MOST {
            assert_eq!(guards.of(&asking("/ews"), NOW).is_some(), number < MOST);
            guards.keep(guard(&format!("/{number}"), 1));
        }
        assert!(guards.of(&asking("/ews"), NOW).is_none());
        assert!((0..MOST).all(|number| guards.of(&asking(&format!("/{number}/x")), NOW).is_some()));
    }

    #[test]
    fn what_was_seen_is_believed_for_a_minute() {
        let mut guards = Guards::default();
        guards.keep(guard("/ews/x", 1));
        let after = |seconds: u64| FileTime(NOW.0 + seconds * 10_000_000);
        assert!(guards.of(&asking("/ews"), after(59)).is_some());
        assert!(guards.of(&asking("/ews"), after(60)).is_none());
        // Nor is it where the clock was set back.
        assert!(guards.of(&asking("/ews"), FileTime(NOW.0 - 1)).is_none());
    }

    #[test]
    fn a_ping_is_asked_first_and_no_head_ever() {
        let methods = |mapi: bool| {
            let all = candidates(&asking("/ews/x"), mapi);
            all.map(|probe| (probe.kind(), probe.target)).collect::<Vec<_>>()
        };
        let kinds = |mapi| methods(mapi).into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
        assert_eq!(kinds(true), [Kind::Ping; 3]);
        assert_eq!(kinds(false), [Kind::Ping, Kind::Ping, Kind::Address]);
        assert_eq!(methods(true)[0].1, "/ews/x");
        assert_eq!(methods(false)[2].1, "/ews/x");
    }

    #[test]
    fn a_request_is_named_by_a_guid_and_a_number_only() {
        assert!(is_id(b"{6F9619FF-8B86-D011-B42D-00CF4FC964FF}:123"));
        for bad in [&b"{1}:1 or 1=1"[..], b"<script>", b"../..", &[b'1'; LONGEST_ID + 1]] {
            assert!(!is_id(bad), "{bad:?}");
        }
    }
}
