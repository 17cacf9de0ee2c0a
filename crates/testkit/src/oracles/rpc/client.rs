//! Oracle: the client's end of an association, with arbitrary input.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use rpc::client::{CallError, ClientAssociation, ClientConfig, Credentials, Event, HandshakeReply};
use rpc::framer::Framer;
use rpc::pdu::{BindTimeFeatures, Pdu, PduType};
use rpc::server::{self, AuthOutcome, GroupTable, ServerAssociation};
use rpc::{AuthLevel, AuthType};
use wire::{Decode, Encode};

use super::toy::{self, SECRET, TOY, Toy};
use crate::input::{Input, cuts};

const MAX_CALLS: usize = 4;
const MAX_STUB: usize = 8192;

/// How many calls one conversation makes at most.
const CALLS: u16 = 12;

/// The bytes of a server, received by the client's end of an association.
///
/// The first byte is a set of flags: 1 a response to the bind precedes the rest, 2 the bind begins a handshake, 4
/// for sealing instead of signing, 8 the rest are records from which PDUs with valid lengths are made, 16
/// multiplexing is offered, 32 several security contexts are offered, 64 the first call is cancelled. The second
/// byte selects how the stream is divided. Three calls wait for their responses. For every stream:
///
/// - however it is divided, the events and the bytes sent are the same;
/// - there are no events after the end; each response belongs to a waiting call, and there is one for each call;
/// - calls and stubs do not exceed their limits;
/// - the bytes sent are PDUs of a client.
///
/// # Panics
/// If one of these properties is violated.
pub fn client(data: &[u8]) {
    let mut input = Input::new(data);
    let (switches, seed) = (input.byte(), input.byte());
    let stream = if switches & 8 == 0 { input.rest().to_vec() } else { toy::pdus(&mut input) };
    let whole = talk(switches, &[&stream]);
    let cut = talk(switches, &cuts(seed, &stream));
    assert_eq!(whole.0, cut.0, "the same events, however the stream is cut");
    assert_eq!(whole.1, cut.1, "the same bytes sent, however the stream is cut");
}

fn talk(switches: u8, pieces: &[&[u8]]) -> (Vec<Event>, Vec<u8>) {
    let mut driver = Driver::new(switches);
    if switches & 1 != 0 {
        driver.be_bound();
    }
    for piece in pieces {
        driver.association.receive(piece);
        driver.drain();
    }
    check_output(&driver.output);
    (driver.events, driver.output)
}

struct Driver {
    association: ClientAssociation,
    events: Vec<Event>,
    output: Vec<u8>,
    /// Calls without a response.
    waiting: HashSet<u32>,
    calls: u16,
    closed: bool,
}

impl Driver {
    fn new(switches: u8) -> Self {
        let several = switches & 32 != 0;
        let config = ClientConfig {
            max_setup_fragment: 8192,
            max_stub: MAX_STUB,
            max_calls: MAX_CALLS,
            multiplexing: switches & 16 != 0,
            features: if several {
                BindTimeFeatures::SECURITY_CONTEXT_MULTIPLEXING
            } else {
                BindTimeFeatures::NONE
            },
            ..ClientConfig::default()
        };
        let credentials = (switches & 2 != 0).then(|| Credentials {
            auth_type: AuthType::WINNT,
            level: if switches & 4 == 0 { AuthLevel::PKT_INTEGRITY } else { AuthLevel::PKT_PRIVACY },
            auth_context_id: 0,
            token: vec![0],
        });
        let mut association = ClientAssociation::new(config);
        association.bind(&[(0, TOY), (1, SECRET)], credentials).expect("a bind that fits");
        let (events, output, waiting) = (Vec::new(), Vec::new(), HashSet::new());
        let mut driver = Self { association, events, output, waiting, calls: 0, closed: false };
        assert_eq!(driver.association.call(0, 0, None, Bytes::new()), Err(CallError::InvalidPhase));
        if switches & 64 != 0 {
            // Which call that is does not matter; it will be the first one made.
            driver.calls = 1;
        }
        driver
    }

    /// Lets a server respond to the bind.
    fn be_bound(&mut self) {
        let groups = Arc::new(GroupTable::new());
        let mut server = ServerAssociation::new(Arc::new(super::server::config()), groups);
        self.take_output();
        server.receive(&self.output);
        while let Some(event) = server.poll_event() {
            if let server::Event::Authenticate { auth_context_id, .. } = event {
                let token = Some(b"\0welcome".to_vec());
                let outcome = AuthOutcome::Done { token, protection: Some(Toy::boxed()) };
                server.resume_handshake(auth_context_id, outcome).expect("a token that waits");
            }
        }
        self.association.receive(&server.take_output());
        self.drain();
        assert!(self.association.is_bound(), "{:?}", self.events);
    }

    fn take_output(&mut self) {
        self.output.extend(self.association.take_output());
    }

    fn drain(&mut self) {
        while let Some(event) = self.association.poll_event() {
            assert!(!self.closed, "an event after the end: {event:?}");
            self.react(&event);
            self.events.push(event);
            assert!(self.association.calls() <= MAX_CALLS);
            assert_eq!(self.association.calls(), self.waiting.len());
        }
        self.take_output();
        assert_eq!(self.association.is_closed(), self.closed, "the end is an event");
    }

    fn react(&mut self, event: &Event) {
        match event {
            Event::AuthToken { token } => self.authenticate(token),
            Event::Bound { results, .. } => {
                assert!(self.association.is_bound());
                assert_eq!(results.len(), 2, "a result for each context");
                (0..3).for_each(|_| self.call());
                if self.calls > 3 {
                    self.give_up();
                }
            }
            Event::ContextsAltered { .. } => self.call(),
            Event::Response(response) => {
                assert!(response.stub.len() <= MAX_STUB);
                assert!(self.waiting.remove(&response.call_id), "one response to a call");
                self.call();
            }
            Event::Fault { call_id, .. } => {
                assert!(self.waiting.remove(call_id), "a fault for a call, and only once");
                let _ = self.association.alter_context(&[(2, TOY)]);
            }
            Event::Shutdown => {}
            Event::Closed { .. } => {
                self.closed = true;
                self.waiting.clear();
            }
        }
    }

    fn call(&mut self) {
        if self.calls >= CALLS {
            return;
        }
        self.calls += 1;
        // The last ones do not fit into one fragment.
        let stub = Bytes::from(vec![0x5a; usize::from(self.calls * self.calls) * 45]);
        match self.association.call(self.calls % 2, self.calls, None, stub) {
            Ok(call_id) => assert!(self.waiting.insert(call_id), "a number of its own"),
            Err(CallError::UnknownContext | CallError::TooManyCalls | CallError::InvalidPhase) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn give_up(&mut self) {
        let Some(call_id) = self.waiting.iter().min().copied() else { return };
        self.waiting.remove(&call_id);
        assert!(self.association.orphan(call_id));
        assert!(!self.association.orphan(call_id), "only once");
    }

    fn authenticate(&mut self, token: &[u8]) {
        let protection = Some(Toy::boxed());
        let next = match token.first().copied().unwrap_or_default() % 4 {
            0 => HandshakeReply::Done { protection },
            1 => HandshakeReply::AlterContext { token: b"more".to_vec() },
            2 => HandshakeReply::Auth3 { token: b"last".to_vec(), protection },
            _ => HandshakeReply::Failed,
        };
        self.association
            .resume_handshake(next)
            .expect("a token that waits, and a response that fits into a PDU");
    }
}

/// Asserts that the bytes sent are whole PDUs of a client, which are encoded to the same bytes.
fn check_output(output: &[u8]) {
    let mut framer = Framer::new(ClientConfig::default().max_fragment, u16::MAX);
    framer.push(output);
    while let Some((header, bytes)) = framer.next_pdu().expect("a stream of PDUs") {
        let pdu = Pdu::from_bytes(&bytes).expect("a PDU");
        assert!(matches!(
            header.ptype,
            PduType::BIND
                | PduType::ALTER_CONTEXT
                | PduType::AUTH3
                | PduType::REQUEST
                | PduType::CO_CANCEL
                | PduType::ORPHANED
        ));
        assert_eq!(pdu.to_bytes().expect("it can be written").len(), bytes.len());
    }
    assert_eq!(framer.buffered(), 0, "whole PDUs");
}
