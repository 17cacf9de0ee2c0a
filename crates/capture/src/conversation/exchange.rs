//! One connection of HTTP, watched from the side.

use std::collections::VecDeque;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::{Bytes, BytesMut};
use http::{Event, Fields, Head as _, Limits, RequestDecoder, RequestHead, ResponseDecoder, ResponseHead};
use identity::ntlm::passive::{Sender, Witness};

use super::security::claimed;
use crate::call::{HttpCall, HttpMessage, HttpResponse};
use crate::stream::Side;
use crate::time::Timestamp;

/// How much of a body is kept, in bytes.
const MAX_BODY: usize = 16 << 20;

/// How many requests of a connection may wait for their answers.
const MAX_OPEN: usize = 64;

/// The methods that a connection may begin with.
const METHODS: &[&str] =
    &["POST ", "GET ", "HEAD ", "OPTIONS ", "PUT ", "DELETE ", "PROPFIND ", "RPC_IN_DATA ", "RPC_OUT_DATA "];

/// Something that happened in a connection.
#[derive(Debug)]
pub(super) enum Happened {
    /// A request was answered, or never will be.
    Call(Box<Done>),
    /// A piece of the body of a channel of RPC over HTTP.
    Channel { method: Channel, side: Side, time: Timestamp, bytes: Bytes, user: Option<Arc<str>> },
}

/// Which channel of RPC over HTTP it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    /// `RPC_IN_DATA`: what the client sends.
    In,
    /// `RPC_OUT_DATA`: what the server sends.
    Out,
}

/// A request with what came of it.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) call: HttpCall,
    pub(super) user: Option<Arc<str>>,
    pub(super) asked: Timestamp,
    pub(super) answered: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) struct Exchanges {
    requests: RequestDecoder,
    responses: ResponseDecoder,
    open: VecDeque<Open>,
    /// Whether the answer that is read only announces another.
    interim: bool,
    /// Whether the decoder waits for an answer, or is within one.
    expecting: bool,
    /// After something is missing, a side is read again where a message begins.
    lost: [bool; 2],
    witness: Witness,
    /// Who signed in on the connection.
    user: Option<Arc<str>>,
}

/// A request that is under way.
#[derive(Debug)]
struct Open {
    method: String,
    target: String,
    request: Half,
    response: Option<(u16, String, Half)>,
    user: Option<Arc<str>>,
    channel: Option<Channel>,
}

#[derive(Debug, Default)]
struct Half {
    fields: Vec<(String, String)>,
    body: BytesMut,
    missing: u64,
    time: Timestamp,
    done: bool,
}

impl Half {
    fn new(fields: &Fields, time: Timestamp) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fields = fields.iter().map(|field| (field.name.to_owned(), text(field.value))).collect();
        Self { fields, time, ..Self::default() }
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = MAX_BODY.saturating_sub(self.body.len());
        let (kept, missing) = bytes.split_at(bytes.len().min(room));
        self.body.extend_from_slice(kept);
        self.missing = self.missing.saturating_add(u64::try_from(missing.len()).unwrap_or(u64::MAX));
    }

    fn finish(self) -> HttpMessage {
        HttpMessage {
            fields: self.fields,
            body: self.body.freeze(),
            missing: self.missing,
            ..HttpMessage::default()
        }
    }
}

/// Whether bytes that begin so can be a connection of HTTP.
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

impl Exchanges {
    pub(super) fn new() -> Self {
        Self {
            requests: RequestDecoder::new(Limits::default()),
            responses: ResponseDecoder::new(Limits::default()),
            open: VecDeque::new(),
            interim: false,
            expecting: false,
            lost: [false; 2],
            witness: Witness::default(),
            user: None,
        }
    }

    /// Takes bytes of one side.
    pub(super) fn push(
        &mut self,
        side: Side,
        time: Timestamp,
        bytes: &[u8],
        happened: &mut Vec<Happened>,
        problems: &mut Vec<String>,
    ) {
        if self.is_lost(side, bytes) {
            return;
        }
        match side {
            Side::Client => self.requests.receive(bytes),
            // Servers say that they close a connection which was idle for long, unasked.
            Side::Server if self.open.is_empty() && bytes.starts_with(b"HTTP/1.1 408") => return,
            Side::Server => self.responses.receive(bytes),
        }
        self.work(time, happened, problems);
    }

    /// Whether `bytes` can't be read because something before them is missing.
    fn is_lost(&mut self, side: Side, bytes: &[u8]) -> bool {
        let [client, server] = &mut self.lost;
        let (lost, begins) = match side {
            Side::Client => (client, is_start(bytes) == Some(true)),
            Side::Server => (server, bytes.starts_with(b"HTTP/1.") && !self.open.is_empty()),
        };
        *lost &= !begins;
        *lost
    }

    /// Bytes of one side are missing: what is under way can't be read on.
    pub(super) fn gap(&mut self, happened: &mut Vec<Happened>) {
        self.end_all(happened);
        self.requests = RequestDecoder::new(Limits::default());
        self.responses = ResponseDecoder::new(Limits::default());
        (self.interim, self.expecting, self.lost) = (false, false, [true; 2]);
    }

    /// One side sends no more.
    pub(super) fn ended(
        &mut self,
        side: Side,
        time: Timestamp,
        happened: &mut Vec<Happened>,
        problems: &mut Vec<String>,
    ) {
        match side {
            Side::Client => {}
            // An answer may end with its connection.
            Side::Server => {
                self.responses.close();
                // Channels of RPC over HTTP end within what they said would be their length.
                if self.open.iter().any(|open| open.channel.is_some() && !open.is_answered()) {
                    return self.end_all(happened);
                }
                self.work(time, happened, problems);
            }
        }
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, happened: &mut Vec<Happened>) {
        self.end_all(happened);
    }

    fn end_all(&mut self, happened: &mut Vec<Happened>) {
        while let Some(open) = self.open.pop_front() {
            happened.extend(open.finish().map(Happened::Call));
        }
    }

    fn work(&mut self, time: Timestamp, happened: &mut Vec<Happened>, problems: &mut Vec<String>) {
        let read = self.read_requests(time, happened).and_then(|()| self.read_responses(time, happened));
        if let Err(error) = read {
            problems.push(format!("HTTP: {error}; what is under way is given up"));
            self.gap(happened);
        }
    }

    fn read_requests(&mut self, time: Timestamp, happened: &mut Vec<Happened>) -> Result<(), http::Error> {
        while let Some(event) = self.requests.poll()? {
            match event {
                Event::Head { head, .. } => self.begin(&head, time, happened),
                Event::Body(piece) => {
                    let Some(open) = self.open.back_mut() else { continue };
                    open.request.time = time;
                    match open.channel {
                        Some(method) => {
                            let (bytes, user) = (piece.into_data(), open.user.clone());
                            happened.push(Happened::Channel {
                                method,
                                side: Side::Client,
                                time,
                                bytes,
                                user,
                            });
                        }
                        None => open.request.push(piece.data()),
                    }
                }
                Event::End => {
                    if let Some(open) = self.open.back_mut() {
                        (open.request.done, open.request.time) = (true, time);
                    }
                    self.settle(happened);
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, head: &RequestHead, time: Timestamp, happened: &mut Vec<Happened>) {
        if self.open.len() >= MAX_OPEN
            && let Some(open) = self.open.pop_front()
        {
            happened.extend(open.finish().map(Happened::Call));
        }
        let request = Half::new(&head.fields, time);
        let authorization = head.fields.text("authorization").unwrap_or_default();
        let user = self.caller(authorization);
        let channel = match head.method() {
            "RPC_IN_DATA" => Some(Channel::In),
            "RPC_OUT_DATA" => Some(Channel::Out),
            _ => None,
        };
        let (method, target) = (head.method().to_owned(), path_of(head.target()).to_owned());
        self.open.push_back(Open { method, target, request, response: None, user, channel });
    }

    fn read_responses(&mut self, time: Timestamp, happened: &mut Vec<Happened>) -> Result<(), http::Error> {
        loop {
            if !self.expecting {
                let Some(open) = self.open.iter().find(|open| !open.is_answered()) else { return Ok(()) };
                self.responses.expect(open.method == "HEAD");
                self.expecting = true;
            }
            let Some(event) = self.responses.poll()? else { return Ok(()) };
            let open = self.open.iter_mut().find(|open| !open.is_answered());
            match event {
                Event::Head { head, .. } => {
                    self.interim = head.is_interim();
                    if let Some(open) = open.filter(|_| !self.interim) {
                        open.response = Some(answer(&head, time));
                    }
                    if let Some(token) = head.fields.text("www-authenticate").and_then(token) {
                        self.witness.token(Sender::Server, &token);
                    }
                }
                Event::Body(piece) => {
                    let Some(open) = open else { continue };
                    let channel = open.channel.filter(|_| open.opens_channel());
                    let Some((_, _, response)) = &mut open.response else { continue };
                    response.time = time;
                    match channel {
                        Some(method) => {
                            let (bytes, user) = (piece.into_data(), open.user.clone());
                            happened.push(Happened::Channel {
                                method,
                                side: Side::Server,
                                time,
                                bytes,
                                user,
                            });
                        }
                        None => response.push(piece.data()),
                    }
                }
                Event::End if self.interim => self.interim = false,
                Event::End => {
                    if let Some((_, _, response)) = open.and_then(|open| open.response.as_mut()) {
                        (response.done, response.time) = (true, time);
                    }
                    self.expecting = false;
                    self.settle(happened);
                }
            }
        }
    }

    /// Hands on what is done at both ends, in order.
    fn settle(&mut self, happened: &mut Vec<Happened>) {
        while let Some(open) = self.open.pop_front_if(|open| open.request.done && open.is_answered()) {
            happened.extend(open.finish().map(Happened::Call));
        }
    }

    /// Who calls, by what the request says or by who signed in on the connection.
    fn caller(&mut self, authorization: &str) -> Option<Arc<str>> {
        if let Some(user) = named(authorization) {
            return Some(user);
        }
        if let Some(token) = token(authorization) {
            self.witness.token(Sender::Client, &token);
            if let Some(user) = claimed(&self.witness) {
                self.user = Some(user);
            }
        }
        self.user.clone()
    }
}

/// The path and the query of a target, which is a whole URL where the request went to a proxy
/// (RFC 9112 3.2.2).
pub(crate) fn path_of(target: &str) -> &str {
    let Some((_, rest)) = target.split_once("://").filter(|(scheme, _)| !scheme.contains(['/', '?'])) else {
        return target;
    };
    rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or("/")
}

fn answer(head: &ResponseHead, time: Timestamp) -> (u16, String, Half) {
    let reason = String::from_utf8_lossy(head.reason()).into_owned();
    (head.status(), reason, Half::new(&head.fields, time))
}

/// Who a field says that it is that calls, where it says so itself.
pub(crate) fn named(authorization: &str) -> Option<Arc<str>> {
    let (scheme, value) = authorization.split_once(' ').unwrap_or_default();
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = STANDARD.decode(value.trim()).ok()?;
        let text = String::from_utf8_lossy(&decoded);
        return text.split_once(':').map(|(user, _)| Arc::from(user));
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        return subject(value).map(Arc::from);
    }
    None
}

/// The token of NTLM or Negotiate in a field.
fn token(field: &str) -> Option<Vec<u8>> {
    let (scheme, value) = field.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("ntlm") || scheme.eq_ignore_ascii_case("negotiate");
    known.then(|| STANDARD.decode(value.trim()).ok()).flatten()
}

/// Who a token says that it is for, where it is a JSON Web Token.
fn subject(token: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    let names = ["upn", "preferred_username", "unique_name", "email"];
    let name = names.iter().find_map(|name| claims.get(name)?.as_str())?;
    Some(name.to_owned())
}

impl Open {
    fn is_answered(&self) -> bool {
        self.response.as_ref().is_some_and(|(_, _, half)| half.done)
    }

    /// Whether the answer is one that opens a channel.
    fn opens_channel(&self) -> bool {
        self.response.as_ref().is_some_and(|(status, ..)| *status == 200)
    }

    /// The call; none for a channel, which is told of piece by piece, unless it was refused.
    fn finish(self) -> Option<Box<Done>> {
        if self.channel.is_some() && (self.response.is_none() || self.opens_channel()) {
            return None;
        }
        let answered = self.response.as_ref().map(|(_, _, half)| half.time);
        let response = self.response.map(|(status, reason, half)| {
            let mut message = half.finish();
            // An answer that was cut off has less than it says.
            let said = message.field("content-length").and_then(|length| length.trim().parse::<u64>().ok());
            let there = u64::try_from(message.body.len()).unwrap_or(u64::MAX);
            if self.method != "HEAD" && status != 304 {
                message.missing = said.map_or(message.missing, |said| said.saturating_sub(there));
            }
            HttpResponse { status, reason, message }
        });
        let asked = self.request.time;
        let request = self.request.finish();
        let call = HttpCall { method: self.method, target: self.target, request, response };
        Some(Box::new(Done { call, user: self.user, asked, answered }))
    }
}
