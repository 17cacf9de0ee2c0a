//! A pair of associations without a network, and a toy security package.

use std::sync::Arc;

use bytes::Bytes;
use rpc::client::{self, ClientAssociation, ClientConfig, Credentials, HandshakeReply};
use rpc::security::{PduParts, Protection, ProtectionError};
use rpc::server::{self, AuthOutcome, GroupTable, Interface, ServerAssociation, ServerConfig};
use rpc::{AuthLevel, AuthType, SyntaxId};
use wire::Guid;

/// An interface for tests.
pub(crate) const TOY: SyntaxId = SyntaxId::new(Guid::new(0x1234_5678, 1, 2, *b"toy-face"), 4, 2);
/// Another interface, which accepts only sealed calls.
pub(crate) const SECRET: SyntaxId = SyntaxId::new(Guid::new(0x1234_5678, 3, 4, *b"secretif"), 1, 0);

/// Signs with a checksum and seals with a key stream, both of them depending on a count: weak, but every
/// change, replay and reordering is noticed.
pub(crate) struct Toy {
    sent: u64,
    received: u64,
    key: u64,
}

impl Toy {
    pub(crate) fn boxed(key: u64) -> Box<dyn Protection> {
        Box::new(Self { sent: 0, received: 0, key })
    }

    fn checksum(&self, count: u64, parts: &[&[u8]]) -> [u8; 16] {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ self.key ^ count.rotate_left(32);
        for byte in parts.iter().flat_map(|part| part.iter()) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        (u128::from(hash) << 64 | u128::from(count)).to_le_bytes()
    }

    fn seal(&self, count: u64, body: &mut [u8]) {
        let mut state = self.key ^ count.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for byte in body {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte ^= state.to_le_bytes()[7];
        }
    }
}

impl Protection for Toy {
    fn signature_len(&self) -> usize {
        16
    }

    fn protect(
        &mut self,
        level: AuthLevel,
        pdu: PduParts<'_>,
        signature: &mut [u8],
    ) -> Result<(), ProtectionError> {
        let PduParts { before, body, after, header_signing } = pdu;
        let (before, after) = if header_signing { (before, after) } else { (&[][..], &[][..]) };
        signature.copy_from_slice(&self.checksum(self.sent, &[before, body, after]));
        if level == AuthLevel::PKT_PRIVACY {
            self.seal(self.sent, body);
        }
        self.sent += 1;
        Ok(())
    }

    fn unprotect(
        &mut self,
        level: AuthLevel,
        pdu: PduParts<'_>,
        signature: &[u8],
    ) -> Result<(), ProtectionError> {
        let PduParts { before, body, after, header_signing } = pdu;
        let (before, after) = if header_signing { (before, after) } else { (&[][..], &[][..]) };
        if level == AuthLevel::PKT_PRIVACY {
            self.seal(self.received, body);
        }
        let expected = self.checksum(self.received, &[before, body, after]);
        self.received += 1;
        if signature == expected { Ok(()) } else { Err(ProtectionError) }
    }
}

pub(crate) fn server_config() -> ServerConfig {
    ServerConfig {
        interfaces: vec![
            Interface { id: TOY, minimum_level: AuthLevel::NONE },
            Interface { id: SECRET, minimum_level: AuthLevel::PKT_PRIVACY },
        ],
        auth_types: vec![AuthType::GSS_NEGOTIATE, AuthType::WINNT, AuthType::GSS_KERBEROS],
        secondary_address: "6001".into(),
        max_stub: 1 << 20,
        ..ServerConfig::default()
    }
}

pub(crate) fn server(config: ServerConfig) -> ServerAssociation {
    ServerAssociation::new(Arc::new(config), Arc::new(GroupTable::new()))
}

pub(crate) fn ntlm(level: AuthLevel) -> Credentials {
    Credentials { auth_type: AuthType::WINNT, level, auth_context_id: 79_231, token: b"negotiate".to_vec() }
}

/// Both ends, and the bytes between them.
pub(crate) struct Pair {
    pub(crate) client: ClientAssociation,
    pub(crate) server: ServerAssociation,
}

impl Pair {
    pub(crate) fn new(client: ClientConfig, server_config: ServerConfig) -> Self {
        Self { client: ClientAssociation::new(client), server: server(server_config) }
    }

    /// A pair that is bound at `level`, with `TOY` as context 0 and `SECRET` as context 1.
    pub(crate) fn bound(level: AuthLevel) -> Self {
        Self::bound_with(level, ClientConfig::default(), server_config())
    }

    pub(crate) fn bound_with(level: AuthLevel, client: ClientConfig, server: ServerConfig) -> Self {
        let mut pair = Self::new(client, server);
        let credentials = (level > AuthLevel::NONE).then(|| ntlm(level));
        pair.client.bind(&[(0, TOY), (1, SECRET)], credentials).unwrap();
        let (client, server) = pair.settle();
        assert!(matches!(client.as_slice(), [client::Event::Bound { .. }]), "{client:?}");
        assert_eq!(server, []);
        pair
    }

    /// Passes bytes in both directions, a few at a time, and continues handshakes, until neither end sends any more.
    /// Returns the other events of the client and of the server.
    pub(crate) fn settle(&mut self) -> (Vec<client::Event>, Vec<server::Event>) {
        let (mut at_client, mut at_server) = (Vec::new(), Vec::new());
        loop {
            let (up, down) = (self.client.take_output(), self.server.take_output());
            if up.is_empty() && down.is_empty() {
                return (at_client, at_server);
            }
            for piece in up.chunks(1000) {
                self.server.receive(piece);
                at_server.extend(poll_server(&mut self.server));
            }
            for piece in down.chunks(1000) {
                self.client.receive(piece);
                at_client.extend(poll_client(&mut self.client));
            }
        }
    }

    /// Makes a call, and returns it as the server sees it.
    pub(crate) fn arrive(&mut self, context_id: u16, opnum: u16, stub: &[u8]) -> server::Request {
        self.client.call(context_id, opnum, None, Bytes::copy_from_slice(stub)).unwrap();
        let (client, server) = self.settle();
        assert_eq!(client, []);
        match server.as_slice() {
            [server::Event::Request(request)] => request.clone(),
            other => panic!("{other:?}"),
        }
    }
}

/// The server's events. Continues its handshake, which has two tokens of the client.
pub(crate) fn poll_server(server: &mut ServerAssociation) -> Vec<server::Event> {
    let mut events = Vec::new();
    while let Some(event) = server.poll_event() {
        let server::Event::Authenticate { auth_context_id, token, leg, level, last, .. } = &event else {
            events.push(event);
            continue;
        };
        let outcome = match (&**token, *leg) {
            (b"negotiate", 0) => AuthOutcome::Continue { token: b"challenge".to_vec() },
            (b"authenticate", 1) => AuthOutcome::Done {
                token: (!last).then(|| b"accepted".to_vec()),
                protection: level.protects().then(|| Toy::boxed(99)),
            },
            _ => AuthOutcome::Failed,
        };
        server.resume_handshake(*auth_context_id, outcome).unwrap();
    }
    events
}

/// The client's events. Ends its handshake with an auth3.
pub(crate) fn poll_client(client: &mut ClientAssociation) -> Vec<client::Event> {
    let mut events = Vec::new();
    while let Some(event) = client.poll_event() {
        match &event {
            client::Event::AuthToken { token } if **token == *b"challenge" => {
                let token = b"authenticate".to_vec();
                client
                    .resume_handshake(HandshakeReply::Auth3 { token, protection: Some(Toy::boxed(99)) })
                    .unwrap();
            }
            client::Event::AuthToken { token } => panic!("{token:?}"),
            _ => events.push(event),
        }
    }
    events
}
