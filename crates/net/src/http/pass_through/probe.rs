//! Probes: requests that change nothing, whose responses show whether the server requires authentication, and whether
//! it accepts credentials.

use bytes::Bytes;
use http1::RequestHead;
use identity::pass_through::Probe as ProbeKind;
use mapi::mapihttp::headers::{X_CLIENT_APPLICATION, X_CLIENT_INFO, X_REQUEST_ID};

use crate::http::downstream::auth::request::AuthRequest;
use crate::http::ping::add_ping;

/// Headers that a probe copies from a client's request, since load balancers may select a server by them.
const COPIED: [&str; 3] = ["user-agent", X_CLIENT_INFO, X_CLIENT_APPLICATION];

/// The longest request id that is copied, in bytes.
const MAX_REQUEST_ID: usize = 64;

/// A request that changes nothing. All parts by which a server or a load balancer selects the response are the same
/// each time that the probe is sent, except for the client's address behind a front server.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    kind: ProbeKind,
    target: String,
    fields: Vec<(&'static str, Vec<u8>)>,
}

/// The probes for the server of the request `head`, which is for an endpoint of MAPI if `mapi`; the best first.
///
/// A PING comes first for all targets, since its response shows that the server executed it. Some servers accept the
/// bare endpoint, some only one with a mailbox, which need not exist. The last candidate for other targets is a
/// request for the same target. It is a GET, never a HEAD: some servers respond to a HEAD with a body, whose end
/// cannot be determined.
pub(crate) fn candidates(head: &RequestHead, mapi: bool) -> impl Iterator<Item = Probe> + use<> {
    const ANY_MAILBOX: &str = "?MailboxId=00000000-0000-0000-0000-000000000000@mapiproxy.invalid";
    let fields: Vec<_> = COPIED
        .into_iter()
        .filter_map(|name| head.fields.get(name).map(|value| (name, value.to_vec())))
        .collect();
    let own = head.target().to_owned();
    let (first, last) =
        if mapi { (Some((ProbeKind::Ping, own)), None) } else { (None, Some((ProbeKind::Get, own))) };
    let pings = ["", ANY_MAILBOX].map(|query| (ProbeKind::Ping, format!("/mapi/emsmdb/{query}")));
    let all = first.into_iter().chain(pings).chain(last);
    all.map(move |(kind, target)| Probe { kind, target, fields: fields.clone() })
}

impl Probe {
    /// What its response can prove.
    pub(crate) const fn kind(&self) -> ProbeKind {
        self.kind
    }

    /// Its head on behalf of `request`, with `authorization`; `None` if its target cannot be written. It has the
    /// forwarding headers of the request, since servers limit failed attempts, and accept networks, by client
    /// address.
    pub(crate) fn head(
        &self,
        request: &AuthRequest<'_>,
        authorization: Option<&[u8]>,
    ) -> Option<RequestHead> {
        let method = match self.kind {
            ProbeKind::Ping => "POST",
            ProbeKind::Get => "GET",
        };
        let mut head = RequestHead::new(method, &self.target)?;
        head.fields.push("Host", request.upstream.host_header());
        for (name, value) in &self.fields {
            head.fields.push(*name, value.clone());
        }
        let of = &request.head.fields;
        let id = of.get(X_REQUEST_ID).filter(|id| is_request_id(id)).map(Bytes::copy_from_slice);
        match (self.kind, id) {
            (ProbeKind::Ping, id) => add_ping(&mut head.fields, id),
            (ProbeKind::Get, id) => {
                if let Some(id) = id {
                    head.fields.push(X_REQUEST_ID, id);
                }
                // The resource may be long, and its content does not matter.
                head.fields.push("Range", "bytes=0-0");
            }
        }
        request.forwarding.pass_on(of, &mut head.fields);
        if let Some(value) = authorization {
            head.fields.push("Authorization", value.to_vec());
        }
        Some(head)
    }
}

/// Whether `value` is a GUID and a counter ([MS-OXCMAPIHTTP] 2.2.3.3.4). It differs from request to request, and must
/// not carry anything by which a response could be selected.
fn is_request_id(value: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_hexdigit() || b"{}-:".contains(byte);
    value.len() <= MAX_REQUEST_ID && value.iter().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_is_the_first_candidate_and_no_candidate_is_a_head() {
        let head = RequestHead::new("GET", "/ews/x").unwrap();
        let all = |mapi: bool| {
            let all = candidates(&head, mapi);
            all.map(|probe| (probe.kind(), probe.target)).collect::<Vec<_>>()
        };
        let kinds = |mapi| all(mapi).into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
        assert_eq!(kinds(true), [ProbeKind::Ping; 3]);
        assert_eq!(kinds(false), [ProbeKind::Ping, ProbeKind::Ping, ProbeKind::Get]);
        assert_eq!(all(true)[0].1, "/ews/x");
        assert_eq!(all(false)[2].1, "/ews/x");
    }

    #[test]
    fn a_request_id_is_a_guid_and_a_counter_only() {
        assert!(is_request_id(b"{6F9619FF-8B86-D011-B42D-00CF4FC964FF}:123"));
        for bad in [&b"{1}:1 or 1=1"[..], b"<script>", b"../..", &[b'1'; MAX_REQUEST_ID + 1]] {
            assert!(!is_request_id(bad), "{bad:?}");
        }
    }
}
