//! Which request an answer belongs to, and where a side is read on once something of it was lost.
//!
//! Answers come in the order of their requests (RFC 9112 9.3). Where messages are missing in a recording, that does
//! not tell which answer is whose: then the ids do that MAPI over HTTP gives each request, and otherwise whether
//! the client waits for an answer before it asks again.

use std::borrow::Cow;

use crate::stream::Side;

/// The methods that a connection may begin with.
const METHODS: &[&str] =
    &["POST ", "GET ", "HEAD ", "OPTIONS ", "PUT ", "DELETE ", "PROPFIND ", "RPC_IN_DATA ", "RPC_OUT_DATA "];

/// How much of what was passed over is kept, since a message may begin at its end: what a message is known by has
/// fewer bytes.
const TAIL: usize = 16;

/// A request that waits for its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting<'a> {
    pub(super) number: u64,
    pub(super) request_id: Option<&'a str>,
}

/// What is known of the order of a connection's messages.
#[derive(Debug)]
pub(super) struct Order {
    /// The end of what was passed over of each side, client and server; none where nothing is lost.
    lost: [Option<Vec<u8>>; 2],
    /// Whether something was lost since an answer was known to be a request's.
    unsure: bool,
    /// Answers that were lost since then, at least.
    lost_answers: usize,
    /// Whether the client asks before it has the answer to what it asked before.
    pipelines: bool,
}

impl Order {
    pub(super) fn new(joined: bool, ordered: bool) -> Self {
        let lost = || joined.then(Vec::new);
        Self { lost: [lost(), lost()], unsure: joined, lost_answers: 0, pipelines: !ordered }
    }

    /// Something of a side was lost.
    pub(super) fn lost(&mut self, side: Side) {
        *self.tail(side) = Some(Vec::new());
        self.unsure = true;
        self.lost_answers = self.lost_answers.saturating_add(usize::from(side == Side::Server));
    }

    /// What was lost is known to belong to a request that is answered.
    pub(super) const fn is_certain(&mut self) {
        self.lost_answers = self.lost_answers.saturating_sub(1);
    }

    /// Whether there may be answers to requests that were not recorded, or requests whose answers were not.
    pub(super) const fn is_unsure(&self) -> bool {
        self.unsure
    }

    const fn tail(&mut self, side: Side) -> &mut Option<Vec<u8>> {
        let [client, server] = &mut self.lost;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    /// What of `bytes` can be read: all of it where nothing is lost of its side, or from where a message begins.
    pub(super) fn found<'a>(&mut self, side: Side, bytes: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let Some(tail) = self.tail(side) else { return Some(Cow::Borrowed(bytes)) };
        tail.extend_from_slice(bytes);
        let begins = |at: &usize| begins(side, tail.get(*at..).unwrap_or_default());
        if let Some(at) = (0..tail.len()).find(begins) {
            let rest = tail.split_off(at);
            *self.tail(side) = None;
            return Some(Cow::Owned(rest));
        }
        let passed = tail.len().saturating_sub(TAIL);
        tail.drain(..passed);
        None
    }

    /// The number of the request that an answer with this id is to, out of those that `wait` in their order; none
    /// where that was not recorded.
    pub(super) fn asked_by(&mut self, wait: &[Waiting<'_>], request_id: Option<&str>) -> Option<u64> {
        if !self.unsure {
            self.pipelines |= wait.len() > 1;
            return wait.first().map(|first| first.number);
        }
        let known = |one: &&Waiting<'_>| one.request_id.is_some();
        let found = match request_id {
            Some(id) if wait.iter().any(|one| known(&one)) => {
                wait.iter().find(|one| one.request_id == Some(id))
            }
            // A client that waits for each answer has only its last request outstanding.
            _ if !self.pipelines => wait.last(),
            _ => wait.get(self.lost_answers.min(wait.len().saturating_sub(1))),
        };
        if found.is_some() {
            (self.unsure, self.lost_answers) = (false, 0);
        }
        found.map(|found| found.number)
    }
}

/// Whether bytes that begin so can be a connection of HTTP, as its client sends them.
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

/// Whether too little of an answer's first line is there to tell that it is one.
pub(super) fn may_begin_answer(bytes: &[u8]) -> bool {
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
