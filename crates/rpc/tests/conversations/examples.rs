//! The packet sequences of [MS-RPCE] 4.1 and 4.2, PDU by PDU as they are on the wire.

use bytes::Bytes;
use rpc::client::{self, ClientConfig, Credentials, HandshakeReply};
use rpc::server::{self, ServerConfig};
use rpc::{AuthLevel, AuthType};

use crate::support::{Pair, TOY, Toy, ntlm, poll_server, server_config};

const REQUEST: u8 = 0;
const RESPONSE: u8 = 2;
const BIND: u8 = 11;
const BIND_ACK: u8 = 12;
const ALTER_CONTEXT: u8 = 14;
const ALTER_CONTEXT_RESP: u8 = 15;
const AUTH3: u8 = 16;
/// `PFC_FIRST_FRAG`, `PFC_LAST_FRAG`, and `PFC_SUPPORT_HEADER_SIGN`, which has its meaning in binds and
/// `alter_context` alone.
const FIRST: u8 = 1;
const LAST: u8 = 2;
const HEADER_SIGN: u8 = 4;
/// Bytes of the security trailer before its token ([MS-RPCE] 2.2.2.11).
const TRAILER: usize = 8;

/// What both sequences have in common: privacy, one security context with the number 1, header signing.
const CONTEXT: u32 = 1;

/// A PDU as it is on the wire.
struct Unit<'a>(&'a [u8]);

impl<'a> Unit<'a> {
    fn all(mut bytes: &'a [u8]) -> Vec<Self> {
        let mut units = Vec::new();
        while !bytes.is_empty() {
            let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
            let (unit, rest) = bytes.split_at(length);
            units.push(Self(unit));
            bytes = rest;
        }
        units
    }

    fn kind(&self) -> u8 {
        self.0[2]
    }

    fn flags(&self) -> u8 {
        self.0[3] & (FIRST | LAST | HEADER_SIGN)
    }

    /// The token at its end, after a trailer that is of `package`, of privacy and of the one context.
    fn token(&self, package: AuthType) -> &'a [u8] {
        let token = usize::from(u16::from_le_bytes([self.0[10], self.0[11]]));
        let at = self.0.len() - token - TRAILER;
        let trailer = &self.0[at..at + TRAILER];
        assert_eq!(trailer[..2], [package.0, AuthLevel::PKT_PRIVACY.0]);
        assert_eq!(trailer[4..], CONTEXT.to_le_bytes());
        assert_eq!(at % 4, 0, "a trailer begins where four bytes do");
        &self.0[at + TRAILER..]
    }
}

/// What is on its way from the client, and reaches the server.
fn up(pair: &mut Pair) -> (Bytes, Vec<server::Event>) {
    let bytes = pair.client.take_output();
    pair.server.receive(&bytes);
    let events = poll_server(&mut pair.server);
    (bytes, events)
}

/// What is on its way from the server, and reaches the client.
fn down(pair: &mut Pair) -> (Bytes, Option<client::Event>) {
    let bytes = pair.server.take_output();
    pair.client.receive(&bytes);
    (bytes, pair.client.poll_event())
}

/// The PDUs of `bytes`, of which there is one alone, of `kind`, that carries `token`.
#[track_caller]
fn alone(bytes: &[u8], kind: u8, flags: u8, package: AuthType, token: &[u8]) {
    let units = Unit::all(bytes);
    assert_eq!(units.len(), 1);
    assert_eq!((units[0].kind(), units[0].flags()), (kind, FIRST | LAST | flags));
    assert_eq!(units[0].token(package), token);
}

/// The PDUs of `bytes`: two fragments of `kind`, sealed.
#[track_caller]
fn two_sealed(bytes: &[u8], kind: u8, package: AuthType, stub: &[u8]) {
    let units = Unit::all(bytes);
    let flags: Vec<u8> = units.iter().map(Unit::flags).collect();
    assert_eq!(flags, [FIRST, LAST]);
    for unit in units {
        assert_eq!(unit.kind(), kind);
        assert_eq!(unit.token(package).len(), 16);
        assert!(!unit.0.windows(16).any(|window| stub.starts_with(window)), "a part of the stub can be read");
    }
}

/// The first two PDUs: `SECURE_BIND` and `SECURE_BIND_ACK`.
fn bind(package: AuthType) -> Pair {
    let config = ClientConfig { max_fragment: 4280, header_signing: true, ..ClientConfig::default() };
    let mut pair =
        Pair::new(config, ServerConfig { max_fragment: 4280, auth_types: vec![package], ..server_config() });
    let credentials =
        Credentials { auth_type: package, auth_context_id: CONTEXT, ..ntlm(AuthLevel::PKT_PRIVACY) };
    pair.client.bind(&[(0, TOY)], Some(credentials)).unwrap();
    let (secure_bind, events) = up(&mut pair);
    alone(&secure_bind, BIND, HEADER_SIGN, package, b"negotiate");
    assert_eq!(events, []);
    let (secure_bind_ack, event) = down(&mut pair);
    alone(&secure_bind_ack, BIND_ACK, HEADER_SIGN, package, b"challenge");
    assert_eq!(event, Some(client::Event::AuthToken { token: Bytes::from_static(b"challenge") }));
    pair
}

/// The last four PDUs: `REQ_PDU` #1 and #2, `RESP_PDU` #1 and #2.
fn call(pair: &mut Pair, package: AuthType) {
    let stub = b"marshaled stub data ".repeat(300);
    pair.client.call(0, 3, None, Bytes::from(stub.clone())).unwrap();
    let (requests, events) = up(pair);
    two_sealed(&requests, REQUEST, package, &stub);
    let [server::Event::Request(request)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((request.opnum, &request.stub[..stub.len()]), (3, &stub[..]));
    pair.server.respond(request.call_id, &stub).unwrap();
    let (responses, event) = down(pair);
    two_sealed(&responses, RESPONSE, package, &stub);
    assert!(matches!(event, Some(client::Event::Response(response)) if response.stub == stub));
}

#[test]
fn kerberos_takes_an_alter_context() {
    let package = AuthType::GSS_KERBEROS;
    let mut pair = bind(package);
    pair.client.resume_handshake(HandshakeReply::AlterContext { token: b"authenticate".to_vec() }).unwrap();
    let (secure_alter_context, _) = up(&mut pair);
    alone(&secure_alter_context, ALTER_CONTEXT, HEADER_SIGN, package, b"authenticate");
    let (secure_alter_context_resp, event) = down(&mut pair);
    alone(&secure_alter_context_resp, ALTER_CONTEXT_RESP, HEADER_SIGN, package, b"accepted");
    assert_eq!(event, Some(client::Event::AuthToken { token: Bytes::from_static(b"accepted") }));
    pair.client.resume_handshake(HandshakeReply::Done { protection: Some(Toy::boxed(99)) }).unwrap();
    assert!(matches!(pair.client.poll_event(), Some(client::Event::Bound { .. })));
    call(&mut pair, package);
}

#[test]
fn ntlm_takes_three_legs() {
    let package = AuthType::WINNT;
    let mut pair = bind(package);
    let token = b"authenticate".to_vec();
    pair.client.resume_handshake(HandshakeReply::Auth3 { token, protection: Some(Toy::boxed(99)) }).unwrap();
    let (rpc_auth_3, _) = up(&mut pair);
    alone(&rpc_auth_3, AUTH3, 0, package, b"authenticate");
    assert!(down(&mut pair).0.is_empty(), "an RPC_AUTH_3 has no response");
    call(&mut pair, package);
}
