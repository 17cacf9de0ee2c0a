//! The negotiated parameters of a connection, and the keys that follow from them.

use super::direction::{DirectionKeys, Phase};
use super::handshake::{ClientHello, ServerHello};
use super::keylog::{KeyLog, Secret};
use super::problem::TlsError;
use super::schedule;
use super::step::Step;
use super::suite::Suite;
use crate::stream::Side;

const TLS12: u16 = 0x0303;
const TLS13: u16 = 0x0304;

/// The parameters that the server chose.
#[derive(Debug, Clone)]
pub(super) struct Negotiated {
    pub(super) hello: ServerHello,
    pub(super) suite: Suite,
    pub(super) ticket: Vec<u8>,
    pub(super) is_tls13: bool,
}

/// What the recording has shown of the handshake.
#[derive(Debug, Default)]
pub(super) struct HandshakeState {
    /// The last `ClientHello`.
    pub(super) hello: Option<ClientHello>,
    /// The parameters that the server chose; `None` before its `ServerHello`.
    pub(super) negotiated: Option<Negotiated>,
}

impl HandshakeState {
    /// Whether TLS 1.3 was negotiated; `None` before the `ServerHello`.
    pub(super) fn is_tls13(&self) -> Option<bool> {
        self.negotiated.as_ref().map(|negotiated| negotiated.is_tls13)
    }

    /// Processes the `ServerHello`.
    pub(super) fn negotiate(&mut self, hello: ServerHello) -> Step {
        let (suite, is_tls13) = match hello.version {
            TLS12 => (Suite::tls12(hello.suite), false),
            TLS13 => (Suite::tls13(hello.suite), true),
            version => return Step::Failed(TlsError::Version(version)),
        };
        let Some(suite) = suite else { return Step::Failed(TlsError::Suite(hello.suite)) };
        self.negotiated = Some(Negotiated { hello, suite, ticket: Vec::new(), is_tls13 });
        Step::Progress
    }

    /// The keys of TLS 1.2 for the records of `side`.
    pub(super) fn tls12(&self, side: Side, log: &mut KeyLog) -> Option<DirectionKeys> {
        let (client, negotiated) = (self.hello.as_ref()?, self.negotiated.as_ref()?);
        let server = &negotiated.hello;
        let resumed = || {
            let by_id = (client.session_id == server.session_id).then(|| log.resumed(&client.session_id));
            by_id.flatten().or_else(|| log.resumed(&client.ticket)).cloned()
        };
        let own = log.secrets(&client.random).and_then(|secrets| secrets.master.clone());
        let master: Secret = own.or_else(resumed)?;
        log.insert_master_secret(&server.session_id, &master);
        log.insert_master_secret(&negotiated.ticket, &master);
        let randoms = (&client.random, &server.random);
        let [client_decryptor, server_decryptor] =
            schedule::tls12(negotiated.suite, &master, randoms, server.encrypt_then_mac)?;
        let decryptor = if side == Side::Client { client_decryptor } else { server_decryptor };
        Some(DirectionKeys { phase: Phase::Tls12, decryptor, secret: None })
    }

    /// The keys of the first protected records of TLS 1.3.
    pub(super) fn initial_keys(&self, side: Side, log: &KeyLog) -> Option<DirectionKeys> {
        let early = side == Side::Client && self.hello.as_ref().is_some_and(|hello| hello.early_data);
        let phases = [Phase::Early, Phase::Handshake, Phase::Traffic];
        phases.into_iter().skip(usize::from(!early)).find_map(|phase| self.keys_for(side, phase, log))
    }

    /// The keys of TLS 1.3 for the records of `side` in `phase`.
    pub(super) fn keys_for(&self, side: Side, phase: Phase, log: &KeyLog) -> Option<DirectionKeys> {
        let secrets = log.secrets(&self.hello.as_ref()?.random)?;
        let secret = match (phase, side) {
            (Phase::Early, Side::Client) => &secrets.client_early,
            (Phase::Handshake, Side::Client) => &secrets.client_handshake,
            (Phase::Handshake, Side::Server) => &secrets.server_handshake,
            (Phase::Traffic, Side::Client) => &secrets.client_traffic,
            (Phase::Traffic, Side::Server) => &secrets.server_traffic,
            _ => return None,
        };
        let secret = secret.clone()?;
        let decryptor = schedule::tls13(self.negotiated.as_ref()?.suite, &secret)?;
        Some(DirectionKeys { phase, decryptor, secret: Some(secret) })
    }

    /// The keys that follow `keys` by a `KeyUpdate`.
    pub(super) fn updated(&self, keys: &DirectionKeys) -> Option<DirectionKeys> {
        let suite = self.negotiated.as_ref()?.suite;
        let secret = schedule::updated(suite, keys.secret.as_ref()?);
        let decryptor = schedule::tls13(suite, &secret)?;
        Some(DirectionKeys { phase: Phase::Traffic, decryptor, secret: Some(secret) })
    }
}
