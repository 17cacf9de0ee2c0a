//! One connection of HTTP, watched from the side.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http1::{Event, Fields, Head as _, Limits, RequestDecoder, RequestHead, ResponseDecoder, ResponseHead};
use identity::ntlm::passive::{Sender, Witness};

use super::caller::{named, token};
use super::order::{Order, Waiting};
use super::security::claimed;
use crate::call::{Damage, HttpCall, HttpMessage, HttpResponse};
use crate::stream::Side;
use crate::time::Timestamp;

/// The field that an answer has as its request does ([MS-OXCMAPIHTTP] 2.2.3.3.3).
const X_REQUEST_ID: &str = "x-requestid";

/// How much of a body is kept, in bytes.
const MAX_BODY: usize = 16 << 20;

/// How many requests of a connection may wait for their answers.
const MAX_OPEN: usize = 64;

/// How much of answers may wait for their requests, in bytes.
const MAX_WAITING: usize = 8 << 20;

/// Something that happened in a connection.
#[derive(Debug)]
pub(super) enum Happened {
    /// A request was answered, or never will be.
    Call(Box<Done>),
    /// A piece of the body of a channel of RPC over HTTP.
    Channel { method: Channel, side: Side, time: Timestamp, bytes: Bytes, user: Option<Arc<str>> },
    /// Bytes of such a body are missing.
    ChannelGap { method: Channel, side: Side, user: Option<Arc<str>> },
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
    /// How many requests there were.
    numbers: u64,
    /// The request that is answered by what is read; none where that is of one which was not recorded.
    answering: Option<u64>,
    /// Whether the answer that is read only announces another.
    interim: bool,
    /// Whether there was an answer to a request that was not recorded.
    unasked: bool,
    /// Whether the decoder waits for an answer, or is within one.
    expecting: bool,
    /// What was lost, and how answers find their requests.
    order: Order,
    witness: Witness,
    /// Who signed in on the connection.
    user: Option<Arc<str>>,
}

/// A request that is under way.
#[derive(Debug)]
struct Open {
    number: u64,
    method: String,
    target: String,
    request: Half,
    response: Option<(u16, String, Half)>,
    /// Its answer was not recorded.
    given_up: bool,
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
    /// Whether its end was not recorded.
    cut: bool,
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

    /// The value of the first field with this name.
    fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }

    /// The message; one that was cut off has less than it says, unless it `is_bodiless`.
    fn finish(self, is_bodiless: bool) -> HttpMessage {
        let said = self.field("content-length").and_then(|length| length.trim().parse::<u64>().ok());
        let there = u64::try_from(self.body.len()).unwrap_or(u64::MAX);
        let missing = match said {
            Some(said) if !is_bodiless => said.saturating_sub(there),
            _ => self.missing,
        };
        let damage = Some(Damage::CutOff).filter(|_| self.cut && missing == 0);
        HttpMessage { fields: self.fields, body: self.body.freeze(), missing, damage }
    }
}

impl Exchanges {
    /// A connection that is read from its start, or from within where `joined`. Where it is not `ordered`, all of
    /// one side comes before the other.
    pub(super) fn new(joined: bool, ordered: bool) -> Self {
        Self {
            requests: RequestDecoder::new(Limits::default()),
            responses: ResponseDecoder::new(Limits::default()),
            open: VecDeque::new(),
            numbers: 0,
            answering: None,
            interim: false,
            unasked: false,
            expecting: false,
            order: Order::new(joined, ordered),
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
        let Some(bytes) = self.order.found(side, bytes) else { return };
        match side {
            Side::Client => self.requests.receive(&bytes),
            // Servers say that they close a connection which was idle for long, unasked.
            Side::Server if self.open.is_empty() && bytes.starts_with(b"HTTP/1.1 408") => return,
            Side::Server => self.responses.receive(&bytes),
        }
        self.work(time, happened, problems);
        if self.responses.waiting() > MAX_WAITING && self.open.is_empty() {
            problems.push("HTTP: answers without requests; they are passed over".to_owned());
            self.lose(Side::Server, happened);
        }
    }

    /// So many bytes of one side are missing. Where they lie within a body, only that is not whole; otherwise the
    /// side is read on from where a message begins.
    pub(super) fn gap(
        &mut self,
        side: Side,
        missing: u64,
        time: Timestamp,
        happened: &mut Vec<Happened>,
        problems: &mut Vec<String>,
    ) {
        let (skipped, half) = match side {
            Side::Client => (self.requests.skip(missing), self.open.back_mut()),
            Side::Server => {
                let number = self.answering;
                let skipped = self.responses.skip(missing);
                (skipped, self.open.iter_mut().find(|open| Some(open.number) == number))
            }
        };
        if !skipped {
            return self.lose_and_go_on(side, time, happened, problems);
        }
        let Some(open) = half else { return };
        if let Some(method) = open.channel {
            return happened.push(Happened::ChannelGap { method, side, user: open.user.clone() });
        }
        let half = match side {
            Side::Client => Some(&mut open.request),
            Side::Server => open.response.as_mut().map(|(_, _, half)| half),
        };
        if let Some(half) = half {
            half.missing = half.missing.saturating_add(missing);
        }
        self.work(time, happened, problems);
    }

    fn lose_and_go_on(
        &mut self,
        side: Side,
        time: Timestamp,
        happened: &mut Vec<Happened>,
        problems: &mut Vec<String>,
    ) {
        self.lose(side, happened);
        // Answers that wait belong to what was lost.
        self.work(time, happened, problems);
    }

    /// What one side is sending can't be read on.
    fn lose(&mut self, side: Side, happened: &mut Vec<Happened>) {
        self.order.lost(side);
        match side {
            Side::Client => {
                self.requests = RequestDecoder::new(Limits::default());
                if let Some(open) = self.open.back_mut().filter(|open| !open.request.done) {
                    (open.request.done, open.request.cut) = (true, true);
                }
            }
            Side::Server => {
                self.responses = ResponseDecoder::new(Limits::default());
                let number = self.answering.take();
                let answered = self.open.iter_mut().find(|open| Some(open.number) == number);
                if let Some((_, _, half)) = answered.and_then(|open| open.response.as_mut()) {
                    (half.done, half.cut) = (true, true);
                    self.order.is_certain();
                }
                (self.interim, self.expecting) = (false, false);
            }
        }
        self.settle(happened);
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
                if self.open.iter().any(|open| open.channel.is_some() && !open.is_over()) {
                    return self.end_all(happened);
                }
                self.work(time, happened, problems);
            }
        }
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, happened: &mut Vec<Happened>, problems: &mut Vec<String>) {
        if self.numbers == 0 && (self.unasked || self.responses.waiting() > 0) {
            let what = "HTTP: answers, but what the client sent is not in the recording; they are not read";
            problems.push(what.to_owned());
        }
        self.end_all(happened);
    }

    fn end_all(&mut self, happened: &mut Vec<Happened>) {
        while let Some(open) = self.open.pop_front() {
            happened.extend(open.finish().map(Happened::Call));
        }
    }

    fn work(&mut self, time: Timestamp, happened: &mut Vec<Happened>, problems: &mut Vec<String>) {
        let what = "the message is given up";
        if let Err(error) = self.read_requests(time, happened) {
            problems.push(format!("HTTP: request: {error}; {what}"));
            self.lose(Side::Client, happened);
        }
        if let Err(error) = self.read_responses(time, happened) {
            problems.push(format!("HTTP: response: {error}; {what}"));
            self.lose(Side::Server, happened);
        }
    }

    fn read_requests(&mut self, time: Timestamp, happened: &mut Vec<Happened>) -> Result<(), http1::Error> {
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
        self.numbers = self.numbers.saturating_add(1);
        let number = self.numbers;
        let (response, given_up) = (None, false);
        self.open.push_back(Open { number, method, target, request, response, given_up, user, channel });
    }

    fn read_responses(&mut self, time: Timestamp, happened: &mut Vec<Happened>) -> Result<(), http1::Error> {
        loop {
            if !self.expecting {
                let first = self.open.iter().find(|open| !open.is_over());
                // What answers a request that was not recorded is read all the same, to get behind it.
                if first.is_none() && !(self.order.is_unsure() && self.responses.waiting() > 0) {
                    return Ok(());
                }
                self.responses.expect(first.is_some_and(|open| open.method == "HEAD"));
                (self.expecting, self.answering) = (true, None);
            }
            let Some(event) = self.responses.poll()? else { return Ok(()) };
            match event {
                Event::Head { head, .. } => {
                    self.interim = head.is_interim();
                    if !self.interim {
                        self.answer(&head, time);
                    }
                    if let Some(token) = head.fields.text("www-authenticate").and_then(token) {
                        self.witness.token(Sender::Server, &token);
                    }
                }
                Event::Body(piece) => {
                    let Some(open) = self.answered() else { continue };
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
                    if let Some((_, _, response)) = self.answered().and_then(|open| open.response.as_mut()) {
                        (response.done, response.time) = (true, time);
                    }
                    (self.expecting, self.answering) = (false, None);
                    self.settle(happened);
                }
            }
        }
    }

    /// The request that is answered by what is read.
    fn answered(&mut self) -> Option<&mut Open> {
        let number = self.answering?;
        self.open.iter_mut().find(|open| open.number == number)
    }

    /// An answer begins: to the request that is found for it. Those before that have none.
    fn answer(&mut self, head: &ResponseHead, time: Timestamp) {
        let waiting = self.open.iter().filter(|open| !open.is_over());
        let waiting: Vec<Waiting<'_>> = waiting
            .map(|open| Waiting { number: open.number, request_id: open.request.field(X_REQUEST_ID) })
            .collect();
        let number = self.order.asked_by(&waiting, head.fields.text(X_REQUEST_ID));
        self.answering = number;
        let Some(number) = number else {
            self.unasked = true;
            return;
        };
        for open in self.open.iter_mut().take_while(|open| open.number < number) {
            open.given_up |= !open.is_over();
        }
        if let Some(open) = self.answered() {
            open.response = Some(answer(head, time));
        }
    }

    /// Hands on what is done at both ends, in order.
    fn settle(&mut self, happened: &mut Vec<Happened>) {
        while let Some(open) = self.open.pop_front_if(|open| open.request.done && open.is_over()) {
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

impl Open {
    /// Whether its answer is there, or will never be.
    fn is_over(&self) -> bool {
        self.given_up || self.response.as_ref().is_some_and(|(_, _, half)| half.done)
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
        let is_head = self.method == "HEAD";
        let response = self.response.map(|(status, reason, half)| {
            let message = half.finish(is_head || status == 304);
            HttpResponse { status, reason, message }
        });
        let asked = self.request.time;
        let request = self.request.finish(self.channel.is_some());
        let call = HttpCall { method: self.method, target: self.target, request, response };
        Some(Box::new(Done { call, user: self.user, asked, answered }))
    }
}
