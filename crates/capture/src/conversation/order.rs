//! Matches responses with requests, and finds the next message of a side after a gap.
//!
//! Responses have the order of their requests (RFC 9112 9.3). If messages are missing in a recording, this
//! order does not suffice: then the ids decide that MAPI over HTTP gives each request, and otherwise whether
//! the client waits for each response before its next request.

use std::borrow::Cow;

use crate::stream::Side;

/// The methods that a connection is recognized by.
const METHODS: &[&str] =
    &["POST ", "GET ", "HEAD ", "OPTIONS ", "PUT ", "DELETE ", "PROPFIND ", "RPC_IN_DATA ", "RPC_OUT_DATA "];

/// How many skipped bytes are kept, because a message may begin with them. A message is recognized by fewer
/// bytes.
const TAIL: usize = 16;

/// A request without a response.
#[derive(Debug, Clone, Copy)]
pub(super) struct WaitingRequest<'a> {
    pub(super) number: u64,
    pub(super) request_id: Option<&'a str>,
}

/// The order of a connection's messages, as far as it is known.
#[derive(Debug)]
pub(super) struct Order {
    /// The last skipped bytes of the client and of the server, while the next message is searched; `None` if
    /// the side is in sync.
    skipped: [Option<Vec<u8>>; 2],
    /// Whether messages may have been lost since a response was matched.
    uncertain: bool,
    /// The minimum number of responses lost since then.
    lost_responses: usize,
    /// Whether the client sends requests before it has the response to the previous one.
    pipelines: bool,
}

impl Order {
    pub(super) fn new(joined: bool, ordered: bool) -> Self {
        let skipped = || joined.then(Vec::new);
        Self { skipped: [skipped(), skipped()], uncertain: joined, lost_responses: 0, pipelines: !ordered }
    }

    /// A part of a side was lost.
    pub(super) fn lose(&mut self, side: Side) {
        *self.skipped(side) = Some(Vec::new());
        self.uncertain = true;
        self.lost_responses = self.lost_responses.saturating_add(usize::from(side == Side::Server));
    }

    /// The lost part belongs to a response that was matched.
    pub(super) const fn loss_is_matched(&mut self) {
        self.lost_responses = self.lost_responses.saturating_sub(1);
    }

    /// Whether requests or responses may be missing in the recording.
    pub(super) const fn is_uncertain(&self) -> bool {
        self.uncertain
    }

    const fn skipped(&mut self, side: Side) -> &mut Option<Vec<u8>> {
        let [client, server] = &mut self.skipped;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    /// The part of `bytes` that can be read: all of them if their side is in sync, otherwise those from the
    /// beginning of a message.
    pub(super) fn readable<'a>(&mut self, side: Side, bytes: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let Some(skipped) = self.skipped(side) else { return Some(Cow::Borrowed(bytes)) };
        skipped.extend_from_slice(bytes);
        let begins = |at: &usize| begins(side, skipped.get(*at..).unwrap_or_default());
        if let Some(at) = (0..skipped.len()).find(begins) {
            let rest = skipped.split_off(at);
            *self.skipped(side) = None;
            return Some(Cow::Owned(rest));
        }
        let dropped = skipped.len().saturating_sub(TAIL);
        skipped.drain(..dropped);
        None
    }

    /// The number of the request that a response with this id belongs to, out of the `waiting` ones in their
    /// order; `None` if it was not recorded.
    pub(super) fn request_of(
        &mut self,
        waiting: &[WaitingRequest<'_>],
        request_id: Option<&str>,
    ) -> Option<u64> {
        if !self.uncertain {
            self.pipelines |= waiting.len() > 1;
            return waiting.first().map(|first| first.number);
        }
        let has_id = |request: &&WaitingRequest<'_>| request.request_id.is_some();
        let found = match request_id {
            Some(id) if waiting.iter().any(|request| has_id(&request)) => {
                waiting.iter().find(|request| request.request_id == Some(id))
            }
            // A client that waits for each response has only its last request outstanding.
            _ if !self.pipelines => waiting.last(),
            _ => waiting.get(self.lost_responses.min(waiting.len().saturating_sub(1))),
        };
        if found.is_some() {
            (self.uncertain, self.lost_responses) = (false, 0);
        }
        found.map(|found| found.number)
    }
}

/// Whether `bytes` can begin what a client of HTTP sends; `None` if they are too few.
pub(super) fn is_start(bytes: &[u8]) -> Option<bool> {
    let same = |method: &&str| {
        let length = method.len().min(bytes.len());
        bytes.get(..length) == method.as_bytes().get(..length)
    };
    match METHODS.iter().find(|method| same(method)) {
        Some(method) if method.len() <= bytes.len() => Some(true),
        Some(_) => None,
        None => Some(false),
    }
}

/// Whether `bytes` may be the beginning of a status line, too few to be sure.
pub(super) fn may_begin_response(bytes: &[u8]) -> bool {
    bytes.len() < 12 && (b"HTTP/1.".starts_with(bytes) || bytes.starts_with(b"HTTP/1."))
}

/// Whether a message of `side` begins with `bytes`.
pub(super) fn begins(side: Side, bytes: &[u8]) -> bool {
    match side {
        Side::Client => METHODS.iter().any(|method| {
            let rest = bytes.strip_prefix(method.as_bytes());
            rest.is_some_and(|rest| matches!(rest, [b'/' | b'*' | b'h', ..]))
        }),
        Side::Server => match bytes {
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor, b' ', status @ ..] => {
                let status = status.first_chunk::<3>();
                matches!(minor, b'0' | b'1')
                    && status.is_some_and(|status| status.iter().all(u8::is_ascii_digit))
            }
            _ => false,
        },
    }
}
