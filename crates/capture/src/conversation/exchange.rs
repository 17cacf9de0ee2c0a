//! Decodes one recorded connection of HTTP.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use http1::{Event, Head as _, Limits, Piece, RequestDecoder, RequestHead, ResponseDecoder, ResponseHead};
use identity::ntlm::passive::{RecordedHandshake, Sender};

use super::caller::{handshake_token, plain_user};
use super::message::{Channel, ExchangeEvent, Message, PendingExchange, begin_response, path_of};
use super::order::{Order, WaitingRequest};
use super::problem::ConversationProblem;
use super::recorded_item::Decoded;
use super::security::claimed_user;
use crate::stream::Side;
use crate::time::Timestamp;

/// The field that a response copies from its request ([MS-OXCMAPIHTTP] 2.2.3.3.3).
const X_REQUEST_ID: &str = "x-requestid";

/// The maximum number of pending exchanges of a connection.
const MAX_PENDING: usize = 64;

/// The maximum number of bytes of responses that wait for their requests.
const MAX_WAITING: usize = 8 << 20;

/// The exchanges of one connection.
#[derive(Debug)]
pub(super) struct Exchanges {
    requests: RequestDecoder,
    responses: ResponseDecoder,
    pending: VecDeque<PendingExchange>,
    /// The number of requests so far.
    numbers: u64,
    current: CurrentResponse,
    /// Whether there was a response to a request that was not recorded.
    has_unmatched: bool,
    /// How responses are matched with requests after gaps.
    order: Order,
    handshake: RecordedHandshake,
    /// The user who authenticated the connection.
    user: Option<Arc<str>>,
}

/// The response that is being decoded.
#[derive(Debug, Default)]
struct CurrentResponse {
    /// Whether the decoder expects a response, or is within one.
    expected: bool,
    /// The number of its request; `None` before its head, and if the request was not recorded.
    request: Option<u64>,
    /// Whether it is an interim response (1xx).
    interim: bool,
}

impl Exchanges {
    /// A connection that is recorded from its beginning, or from a later moment (`joined`). Unless it is
    /// `ordered`, all bytes of one side precede those of the other.
    pub(super) fn new(joined: bool, ordered: bool) -> Self {
        Self {
            requests: RequestDecoder::new(Limits::default()),
            responses: ResponseDecoder::new(Limits::default()),
            pending: VecDeque::new(),
            numbers: 0,
            current: CurrentResponse::default(),
            has_unmatched: false,
            order: Order::new(joined, ordered),
            handshake: RecordedHandshake::default(),
            user: None,
        }
    }

    /// Takes bytes of one side.
    pub(super) fn push(&mut self, side: Side, time: Timestamp, bytes: &[u8], out: &mut Decoded) {
        let Some(bytes) = self.order.readable(side, bytes) else { return };
        match side {
            Side::Client => self.requests.receive(&bytes),
            // Servers send 408 without a request when they close an idle connection.
            Side::Server if self.pending.is_empty() && bytes.starts_with(b"HTTP/1.1 408") => return,
            Side::Server => self.responses.receive(&bytes),
        }
        self.process(time, out);
        if self.responses.buffered() > MAX_WAITING && self.pending.is_empty() {
            out.problems.push(ConversationProblem::HttpResponsesSkipped);
            self.lose(Side::Server, out);
        }
    }

    /// `missing` bytes of one side are not in the recording. If all of them are content of a body, only that
    /// body is incomplete. Otherwise reading continues at the next message of the side.
    pub(super) fn gap(&mut self, side: Side, missing: u64, time: Timestamp, out: &mut Decoded) {
        let (skipped, exchange) = match side {
            Side::Client => (self.requests.skip(missing), self.pending.back_mut()),
            Side::Server => {
                let number = self.current.request;
                let skipped = self.responses.skip(missing);
                (skipped, self.pending.iter_mut().find(|exchange| Some(exchange.number) == number))
            }
        };
        if !skipped {
            self.lose(side, out);
            // Responses that wait belong to the lost requests.
            return self.process(time, out);
        }
        let Some(exchange) = exchange else { return };
        if let Some(method) = exchange.channel {
            let user = exchange.user.clone();
            return out.events.push(ExchangeEvent::ChannelGap { method, side, user });
        }
        let message = match side {
            Side::Client => Some(&mut exchange.request),
            Side::Server => exchange.response.as_mut().map(|(_, _, message)| message),
        };
        if let Some(message) = message {
            message.missing = message.missing.saturating_add(missing);
        }
        self.process(time, out);
    }

    /// The message that one side is sending cannot be read any further.
    fn lose(&mut self, side: Side, out: &mut Decoded) {
        self.order.lose(side);
        match side {
            Side::Client => {
                self.requests = RequestDecoder::new(Limits::default());
                let unfinished = self.pending.back_mut().filter(|exchange| !exchange.request.done);
                if let Some(exchange) = unfinished {
                    (exchange.request.done, exchange.request.cut) = (true, true);
                }
            }
            Side::Server => {
                self.responses = ResponseDecoder::new(Limits::default());
                if let Some((_, _, message)) =
                    self.current_exchange().and_then(|exchange| exchange.response.as_mut())
                {
                    (message.done, message.cut) = (true, true);
                    self.order.loss_is_matched();
                }
                self.current = CurrentResponse::default();
            }
        }
        self.settle(out);
    }

    /// One side sends no more.
    pub(super) fn ended(&mut self, side: Side, time: Timestamp, out: &mut Decoded) {
        match side {
            Side::Client => {}
            // The end of the connection may end a response.
            Side::Server => {
                self.responses.close();
                // Channels of RPC over HTTP end before the length that they declare.
                if self.pending.iter().any(|exchange| exchange.channel.is_some() && !exchange.is_over()) {
                    return self.end_all(out);
                }
                self.process(time, out);
            }
        }
    }

    /// The connection has ended.
    pub(super) fn finish(&mut self, out: &mut Decoded) {
        if self.numbers == 0 && (self.has_unmatched || self.responses.buffered() > 0) {
            out.problems.push(ConversationProblem::HttpRequestsMissing);
        }
        self.end_all(out);
    }

    fn end_all(&mut self, out: &mut Decoded) {
        while let Some(exchange) = self.pending.pop_front() {
            out.events.extend(exchange.finish().map(ExchangeEvent::Call));
        }
    }

    /// Decodes what both sides have sent.
    fn process(&mut self, time: Timestamp, out: &mut Decoded) {
        if let Err(error) = self.read_requests(time, out) {
            out.problems.push(ConversationProblem::Http { side: Side::Client, error });
            self.lose(Side::Client, out);
        }
        if let Err(error) = self.read_responses(time, out) {
            out.problems.push(ConversationProblem::Http { side: Side::Server, error });
            self.lose(Side::Server, out);
        }
    }

    fn read_requests(&mut self, time: Timestamp, out: &mut Decoded) -> Result<(), http1::Error> {
        while let Some(event) = self.requests.poll()? {
            match event {
                Event::Head { head, .. } => self.begin(&head, time, out),
                Event::Body(piece) => {
                    let Some(exchange) = self.pending.back_mut() else { continue };
                    exchange.request.time = time;
                    match exchange.channel {
                        Some(method) => {
                            let user = exchange.user.clone();
                            out.events.push(channel(method, Side::Client, time, piece.into_data(), user));
                        }
                        None => exchange.request.push(piece.data()),
                    }
                }
                Event::End => {
                    if let Some(exchange) = self.pending.back_mut() {
                        (exchange.request.done, exchange.request.time) = (true, time);
                    }
                    self.settle(out);
                }
            }
        }
        Ok(())
    }

    /// Begins an exchange with the head of its request.
    fn begin(&mut self, head: &RequestHead, time: Timestamp, out: &mut Decoded) {
        if self.pending.len() >= MAX_PENDING
            && let Some(exchange) = self.pending.pop_front()
        {
            out.events.extend(exchange.finish().map(ExchangeEvent::Call));
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
        let (response, abandoned) = (None, false);
        let exchange =
            PendingExchange { number, method, target, request, response, abandoned, user, channel };
        self.pending.push_back(exchange);
    }

    fn read_responses(&mut self, time: Timestamp, out: &mut Decoded) -> Result<(), http1::Error> {
        loop {
            if !self.current.expected && !self.expect() {
                return Ok(());
            }
            let Some(event) = self.responses.poll()? else { return Ok(()) };
            match event {
                Event::Head { head, .. } => {
                    self.current.interim = head.is_interim();
                    if !self.current.interim {
                        self.match_request(&head, time);
                    }
                    if let Some(token) = head.fields.text("www-authenticate").and_then(handshake_token) {
                        self.handshake.token(Sender::Server, &token);
                    }
                }
                Event::Body(piece) => self.response_body(piece, time, out),
                Event::End if self.current.interim => self.current.interim = false,
                Event::End => {
                    let exchange = self.current_exchange();
                    if let Some((_, _, response)) = exchange.and_then(|exchange| exchange.response.as_mut()) {
                        (response.done, response.time) = (true, time);
                    }
                    self.current = CurrentResponse::default();
                    self.settle(out);
                }
            }
        }
    }

    /// Prepares the decoder for the next response. Returns false if there is no request for it.
    fn expect(&mut self) -> bool {
        let first = self.pending.iter().find(|exchange| !exchange.is_over());
        // A response to a request that was not recorded is decoded as well, in order to reach the next one.
        if first.is_none() && !(self.order.is_uncertain() && self.responses.buffered() > 0) {
            return false;
        }
        self.responses.expect(first.is_some_and(|exchange| exchange.method == "HEAD"));
        (self.current.expected, self.current.request) = (true, None);
        true
    }

    fn response_body(&mut self, piece: Piece, time: Timestamp, out: &mut Decoded) {
        let Some(exchange) = self.current_exchange() else { return };
        let opened = exchange.channel.filter(|_| exchange.opens_channel());
        let Some((_, _, response)) = &mut exchange.response else { return };
        response.time = time;
        match opened {
            Some(method) => {
                let user = exchange.user.clone();
                out.events.push(channel(method, Side::Server, time, piece.into_data(), user));
            }
            None => response.push(piece.data()),
        }
    }

    /// The exchange whose response is being decoded.
    fn current_exchange(&mut self) -> Option<&mut PendingExchange> {
        let number = self.current.request?;
        self.pending.iter_mut().find(|exchange| exchange.number == number)
    }

    /// Matches a response that begins with its request. Earlier requests have no response then.
    fn match_request(&mut self, head: &ResponseHead, time: Timestamp) {
        let waiting = self.pending.iter().filter(|exchange| !exchange.is_over());
        let waiting: Vec<WaitingRequest<'_>> = waiting
            .map(|exchange| WaitingRequest {
                number: exchange.number,
                request_id: exchange.request.field(X_REQUEST_ID),
            })
            .collect();
        let number = self.order.request_of(&waiting, head.fields.text(X_REQUEST_ID));
        self.current.request = number;
        let Some(number) = number else {
            self.has_unmatched = true;
            return;
        };
        for exchange in self.pending.iter_mut().take_while(|exchange| exchange.number < number) {
            exchange.abandoned |= !exchange.is_over();
        }
        if let Some(exchange) = self.current_exchange() {
            exchange.response = Some(begin_response(head, time));
        }
    }

    /// Returns the exchanges that have ended, in their order.
    fn settle(&mut self, out: &mut Decoded) {
        let has_ended = |exchange: &mut PendingExchange| exchange.request.done && exchange.is_over();
        while let Some(exchange) = self.pending.pop_front_if(has_ended) {
            out.events.extend(exchange.finish().map(ExchangeEvent::Call));
        }
    }

    /// The user of a request: by its own credentials, or the user who authenticated the connection.
    fn caller(&mut self, authorization: &str) -> Option<Arc<str>> {
        if let Some(user) = plain_user(authorization) {
            return Some(user);
        }
        if let Some(token) = handshake_token(authorization) {
            self.handshake.token(Sender::Client, &token);
            if let Some(user) = claimed_user(&self.handshake) {
                self.user = Some(user);
            }
        }
        self.user.clone()
    }
}

/// A piece of the body of a channel of RPC over HTTP.
fn channel(
    method: Channel,
    side: Side,
    time: Timestamp,
    bytes: Bytes,
    user: Option<Arc<str>>,
) -> ExchangeEvent {
    ExchangeEvent::Channel { method, side, time, bytes, user }
}
