//! One connection of HTTP, watched from the side.

use std::collections::VecDeque;
use std::sync::Arc;

use http1::{Event, Head as _, Limits, RequestDecoder, RequestHead, ResponseDecoder, ResponseHead};
use identity::ntlm::passive::{RecordedHandshake, Sender};

use super::caller::{named, token};
use super::message::{Channel, ExchangeEvent, Message, Open, answer, path_of};
use super::order::{Order, Waiting};
use super::security::claimed;
use crate::stream::Side;
use crate::time::Timestamp;

/// The field that an answer has as its request does ([MS-OXCMAPIHTTP] 2.2.3.3.3).
const X_REQUEST_ID: &str = "x-requestid";

/// How many requests of a connection may wait for their answers.
const MAX_OPEN: usize = 64;

/// How much of answers may wait for their requests, in bytes.
const MAX_WAITING: usize = 8 << 20;

/// The exchanges of one connection, whose requests and responses are read as they are recorded.
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
    handshake: RecordedHandshake,
    /// The user who authenticated on the connection.
    user: Option<Arc<str>>,
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
            handshake: RecordedHandshake::default(),
            user: None,
        }
    }

    /// Takes bytes of one side.
    pub(super) fn push(
        &mut self,
        side: Side,
        time: Timestamp,
        bytes: &[u8],
        events: &mut Vec<ExchangeEvent>,
        problems: &mut Vec<String>,
    ) {
        let Some(bytes) = self.order.found(side, bytes) else { return };
        match side {
            Side::Client => self.requests.receive(&bytes),
            // Servers say that they close a connection which was idle for long, unasked.
            Side::Server if self.open.is_empty() && bytes.starts_with(b"HTTP/1.1 408") => return,
            Side::Server => self.responses.receive(&bytes),
        }
        self.work(time, events, problems);
        if self.responses.buffered() > MAX_WAITING && self.open.is_empty() {
            problems.push("HTTP: answers without requests; they are passed over".to_owned());
            self.lose(Side::Server, events);
        }
    }

    /// So many bytes of one side are missing. Where they lie within a body, only that is not whole; otherwise the
    /// side is read on from where a message begins.
    pub(super) fn gap(
        &mut self,
        side: Side,
        missing: u64,
        time: Timestamp,
        events: &mut Vec<ExchangeEvent>,
        problems: &mut Vec<String>,
    ) {
        let (skipped, message) = match side {
            Side::Client => (self.requests.skip(missing), self.open.back_mut()),
            Side::Server => {
                let number = self.answering;
                let skipped = self.responses.skip(missing);
                (skipped, self.open.iter_mut().find(|open| Some(open.number) == number))
            }
        };
        if !skipped {
            return self.lose_and_go_on(side, time, events, problems);
        }
        let Some(open) = message else { return };
        if let Some(method) = open.channel {
            return events.push(ExchangeEvent::ChannelGap { method, side, user: open.user.clone() });
        }
        let message = match side {
            Side::Client => Some(&mut open.request),
            Side::Server => open.response.as_mut().map(|(_, _, message)| message),
        };
        if let Some(message) = message {
            message.missing = message.missing.saturating_add(missing);
        }
        self.work(time, events, problems);
    }

    fn lose_and_go_on(
        &mut self,
        side: Side,
        time: Timestamp,
        events: &mut Vec<ExchangeEvent>,
        problems: &mut Vec<String>,
    ) {
        self.lose(side, events);
        // Answers that wait belong to what was lost.
        self.work(time, events, problems);
    }

    /// What one side is sending cannot be read on.
    fn lose(&mut self, side: Side, events: &mut Vec<ExchangeEvent>) {
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
                if let Some((_, _, message)) = answered.and_then(|open| open.response.as_mut()) {
                    (message.done, message.cut) = (true, true);
                    self.order.is_certain();
                }
                (self.interim, self.expecting) = (false, false);
            }
        }
        self.settle(events);
    }

    /// One side sends no more.
    pub(super) fn ended(
        &mut self,
        side: Side,
        time: Timestamp,
        events: &mut Vec<ExchangeEvent>,
        problems: &mut Vec<String>,
    ) {
        match side {
            Side::Client => {}
            // An answer may end with its connection.
            Side::Server => {
                self.responses.close();
                // Channels of RPC over HTTP end within what they said would be their length.
                if self.open.iter().any(|open| open.channel.is_some() && !open.is_over()) {
                    return self.end_all(events);
                }
                self.work(time, events, problems);
            }
        }
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, events: &mut Vec<ExchangeEvent>, problems: &mut Vec<String>) {
        if self.numbers == 0 && (self.unasked || self.responses.buffered() > 0) {
            let what = "HTTP: answers, but what the client sent is not in the recording; they are not read";
            problems.push(what.to_owned());
        }
        self.end_all(events);
    }

    fn end_all(&mut self, events: &mut Vec<ExchangeEvent>) {
        while let Some(open) = self.open.pop_front() {
            events.extend(open.finish().map(ExchangeEvent::Call));
        }
    }

    fn work(&mut self, time: Timestamp, events: &mut Vec<ExchangeEvent>, problems: &mut Vec<String>) {
        let what = "the message is given up";
        if let Err(error) = self.read_requests(time, events) {
            problems.push(format!("HTTP: request: {error}; {what}"));
            self.lose(Side::Client, events);
        }
        if let Err(error) = self.read_responses(time, events) {
            problems.push(format!("HTTP: response: {error}; {what}"));
            self.lose(Side::Server, events);
        }
    }

    fn read_requests(
        &mut self,
        time: Timestamp,
        events: &mut Vec<ExchangeEvent>,
    ) -> Result<(), http1::Error> {
        while let Some(event) = self.requests.poll()? {
            match event {
                Event::Head { head, .. } => self.begin(&head, time, events),
                Event::Body(piece) => {
                    let Some(open) = self.open.back_mut() else { continue };
                    open.request.time = time;
                    match open.channel {
                        Some(method) => {
                            let (bytes, user) = (piece.into_data(), open.user.clone());
                            events.push(ExchangeEvent::Channel {
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
                    self.settle(events);
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, head: &RequestHead, time: Timestamp, events: &mut Vec<ExchangeEvent>) {
        if self.open.len() >= MAX_OPEN
            && let Some(open) = self.open.pop_front()
        {
            events.extend(open.finish().map(ExchangeEvent::Call));
        }
        let request = Message::new(&head.fields, time);
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

    fn read_responses(
        &mut self,
        time: Timestamp,
        events: &mut Vec<ExchangeEvent>,
    ) -> Result<(), http1::Error> {
        loop {
            if !self.expecting {
                let first = self.open.iter().find(|open| !open.is_over());
                // What answers a request that was not recorded is read all the same, to get behind it.
                if first.is_none() && !(self.order.is_unsure() && self.responses.buffered() > 0) {
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
                        self.handshake.token(Sender::Server, &token);
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
                            events.push(ExchangeEvent::Channel {
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
                    self.settle(events);
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
    fn settle(&mut self, events: &mut Vec<ExchangeEvent>) {
        while let Some(open) = self.open.pop_front_if(|open| open.request.done && open.is_over()) {
            events.extend(open.finish().map(ExchangeEvent::Call));
        }
    }

    /// The user of a request: by its own credentials, or the one who authenticated on the connection.
    fn caller(&mut self, authorization: &str) -> Option<Arc<str>> {
        if let Some(user) = named(authorization) {
            return Some(user);
        }
        if let Some(token) = token(authorization) {
            self.handshake.token(Sender::Client, &token);
            if let Some(user) = claimed(&self.handshake) {
                self.user = Some(user);
            }
        }
        self.user.clone()
    }
}
