//! Oracle: the server's end of an association, with arbitrary input.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use rpc::client::{ClientAssociation, ClientConfig, Credentials};
use rpc::framer::Framer;
use rpc::pdu::{BindTimeFeatures, FaultStatus, Pdu, PduType, PfcFlags};
use rpc::server::{
    AuthOutcome, Event, GroupTable, Interface, Request, ResponseError, ServerAssociation, ServerConfig,
};
use rpc::{AuthLevel, AuthType};
use wire::Decode;

use super::toy::{self, SECRET, TOY, Toy};
use crate::input::{Input, cuts};

const MAX_CALLS: usize = 3;
const MAX_LEGS: u32 = 3;
const MAX_STUB: usize = 8192;
const MAX_OUTPUT: usize = 20_000;

/// The length of the longest response, in bytes.
const LONGEST_ANSWER: usize = 9000;

/// The bytes of a client, received by the server's end of an association.
///
/// The first byte is a set of flags: 1 a bind precedes the rest, 2 with a handshake, 4 for sealing instead of
/// signing, 8 the rest are records from which PDUs with valid lengths are made, 16 the bind offers multiplexing,
/// 32 several security contexts. The second byte selects how the stream is divided. For every stream:
///
/// - however it is divided, the events and the bytes sent are the same;
/// - there are no events after the end, no call before a bind, no call without the protection that its interface
///   or its client requires, and none under a security context that was not accepted;
/// - calls, stubs and the output do not exceed their limits;
/// - each call has one response, and the bytes sent are PDUs of a server;
/// - connections leave their association groups.
///
/// # Panics
/// If one of these properties is violated.
pub fn server(data: &[u8]) {
    let mut input = Input::new(data);
    let (switches, seed) = (input.byte(), input.byte());
    let mut stream = if switches & 1 == 0 { Vec::new() } else { bind(switches) };
    if switches & 8 == 0 {
        stream.extend(input.rest());
    } else {
        stream.extend(toy::pdus(&mut input));
    }
    let whole = talk(&[&stream]);
    let cut = talk(&cuts(seed, &stream));
    assert_eq!(whole.0, cut.0, "the same events, however the stream is cut");
    assert_eq!(whole.1, cut.1, "the same bytes sent, however the stream is cut");
}

/// The bind of a client, with the flags `switches`.
fn bind(switches: u8) -> Vec<u8> {
    let config = ClientConfig {
        multiplexing: switches & 16 != 0,
        features: if switches & 32 == 0 {
            BindTimeFeatures::NONE
        } else {
            BindTimeFeatures::SECURITY_CONTEXT_MULTIPLEXING
        },
        ..ClientConfig::default()
    };
    let credentials = (switches & 2 != 0).then(|| Credentials {
        auth_type: AuthType::WINNT,
        level: if switches & 4 == 0 { AuthLevel::PKT_INTEGRITY } else { AuthLevel::PKT_PRIVACY },
        auth_context_id: 0,
        token: vec![0],
    });
    let mut client = ClientAssociation::new(config);
    client.bind(&[(0, TOY), (1, SECRET)], credentials).expect("a bind that fits");
    client.take_output().to_vec()
}

pub(super) fn config() -> ServerConfig {
    ServerConfig {
        interfaces: vec![
            Interface { id: TOY, minimum_level: AuthLevel::NONE },
            Interface { id: SECRET, minimum_level: AuthLevel::PKT_PRIVACY },
        ],
        auth_types: vec![AuthType::GSS_NEGOTIATE, AuthType::WINNT, AuthType::GSS_KERBEROS],
        secondary_address: "6001".to_owned(),
        max_setup_fragment: 8192,
        max_stub: MAX_STUB,
        max_contexts: 4,
        max_calls: MAX_CALLS,
        max_security_contexts: 2,
        max_auth_legs: MAX_LEGS,
        max_output: MAX_OUTPUT,
        ..ServerConfig::default()
    }
}

fn talk(pieces: &[&[u8]]) -> (Vec<Event>, Vec<u8>) {
    let groups = Arc::new(GroupTable::new());
    let association = ServerAssociation::new(Arc::new(config()), Arc::clone(&groups) as _);
    let mut driver = Driver {
        association,
        events: Vec::new(),
        output: Vec::new(),
        waiting: VecDeque::new(),
        let_in: HashMap::new(),
        legs: HashMap::new(),
        most_calls: 0,
        closed: false,
    };
    for piece in pieces {
        driver.association.receive(piece);
        driver.drain();
    }
    while let Some(call_id) = driver.waiting.pop_front() {
        driver.respond(call_id, b"late");
    }
    driver.drain();
    let Driver { association, events, output, most_calls, .. } = driver;
    drop(association);
    assert!(groups.is_empty(), "association groups are left");
    let several = check_output(&output);
    assert!(several || most_calls <= 1, "one call at a time, unless several were agreed on");
    (events, output)
}

struct Driver {
    association: ServerAssociation,
    events: Vec<Event>,
    output: Vec<u8>,
    /// Calls whose response is sent later.
    waiting: VecDeque<u32>,
    /// Security contexts whose caller is known.
    let_in: HashMap<u32, AuthLevel>,
    /// The number of tokens received for each security context.
    legs: HashMap<u32, u32>,
    /// The highest number of calls that waited at the same time.
    most_calls: usize,
    closed: bool,
}

impl Driver {
    fn drain(&mut self) {
        loop {
            while let Some(event) = self.association.poll_event() {
                assert!(!self.closed, "an event after the end: {event:?}");
                self.react(&event);
                self.events.push(event);
                self.check_bounds();
            }
            let output = self.association.take_output();
            if output.is_empty() {
                break;
            }
            self.output.extend(output);
        }
        assert_eq!(self.association.is_closed(), self.closed, "the end is an event");
    }

    fn check_bounds(&mut self) {
        self.most_calls = self.most_calls.max(self.association.active_calls());
        assert!(self.most_calls <= MAX_CALLS);
        // Above the limit, there may be one PDU in response to another, and the longest response to one call.
        let most = MAX_OUTPUT + 2 * LONGEST_ANSWER + 8192;
        assert!(self.association.output_len() <= most, "{} bytes wait", self.association.output_len());
    }

    fn react(&mut self, event: &Event) {
        match event {
            Event::Authenticate { auth_context_id, level, token, leg, last, .. } => {
                self.count_leg(*auth_context_id, *leg);
                let unknown = self.association.resume_handshake(auth_context_id ^ 1, AuthOutcome::Failed);
                assert_eq!(unknown, Err(ResponseError::UnknownHandshake));
                self.authenticate(*auth_context_id, *level, token.first().copied(), *last);
            }
            Event::Request(request) => self.request(request),
            Event::Orphaned { call_id } => self.waiting.retain(|known| known != call_id),
            Event::Cancel { call_id } => assert!(self.waiting.contains(call_id), "a call that waits"),
            Event::Closed { .. } => {
                self.closed = true;
                self.waiting.clear();
                assert_eq!(self.association.active_calls(), 0);
            }
        }
    }

    fn count_leg(&mut self, id: u32, leg: u32) {
        let legs = self.legs.entry(id).or_default();
        assert!(*legs == leg && leg < MAX_LEGS, "no more tokens than may come");
        *legs += 1;
    }

    fn authenticate(&mut self, id: u32, level: AuthLevel, choice: Option<u8>, last: bool) {
        let outcome = match choice.unwrap_or_default() % 4 {
            0 => {
                self.let_in.insert(id, level);
                let token = (!last).then(|| b"welcome".to_vec());
                AuthOutcome::Done { token, protection: Some(Toy::boxed()) }
            }
            1 => AuthOutcome::Continue { token: b"challenge".to_vec() },
            2 => {
                if level <= AuthLevel::CONNECT {
                    self.let_in.insert(id, level);
                }
                AuthOutcome::Done { token: None, protection: None }
            }
            _ => AuthOutcome::Failed,
        };
        self.association
            .resume_handshake(id, outcome)
            .expect("a token that waits, and a response that fits into a PDU");
    }

    fn request(&mut self, request: &Request) {
        assert!(self.association.assoc_group_id().is_some(), "no call before a bind");
        assert!(request.stub.len() <= MAX_STUB);
        match request.security {
            None => {
                assert!(self.legs.is_empty(), "no call without the protection that is required: {request:?}");
            }
            Some(security) => {
                let level = self.let_in.get(&security.auth_context_id);
                assert_eq!(level, Some(&security.level), "a caller who was let in: {request:?}");
            }
        }
        if request.interface == SECRET {
            assert_eq!(request.security.map(|security| security.level), Some(AuthLevel::PKT_PRIVACY));
        } else {
            assert_eq!(request.interface, TOY);
        }
        let call_id = request.call_id;
        match request.opnum % 4 {
            0 => self.respond(call_id, &request.stub),
            1 => {
                let status = FaultStatus::NCA_S_OP_RNG_ERROR;
                if let Some(earlier) = self.waiting.pop_front() {
                    self.respond(earlier, b"at last");
                }
                self.association.fault(call_id, status, true).expect("a call accepts a response");
                let twice = self.association.fault(call_id, status, true);
                assert_eq!(twice, Err(ResponseError::UnknownCall), "only once");
            }
            2 => self.waiting.push_back(call_id),
            _ => self.respond(call_id, &[0x5a; LONGEST_ANSWER - 1000]),
        }
    }

    fn respond(&mut self, call_id: u32, stub: &[u8]) {
        self.association.respond(call_id, stub).expect("a call accepts a response");
        assert_eq!(self.association.respond(call_id, stub), Err(ResponseError::UnknownCall), "only once");
    }
}

/// Asserts that the bytes sent are whole PDUs of a server. Returns whether one of them accepts multiplexing.
fn check_output(output: &[u8]) -> bool {
    let mut several = false;
    let mut framer = Framer::new(config().max_fragment, u16::MAX);
    framer.push(output);
    while let Some((header, pdu)) = framer.next_pdu().expect("a stream of PDUs") {
        Pdu::from_bytes(&pdu).expect("a PDU");
        several |= header.ptype == PduType::BIND_ACK && header.flags.contains(PfcFlags::CONC_MPX);
        assert!(matches!(
            header.ptype,
            PduType::BIND_ACK
                | PduType::BIND_NAK
                | PduType::ALTER_CONTEXT_RESP
                | PduType::RESPONSE
                | PduType::FAULT
        ));
    }
    assert_eq!(framer.buffered(), 0, "whole PDUs");
    several
}
