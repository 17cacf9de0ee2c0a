//! What both sides agreed on, and the keys that follow from it.

use super::direction::{Keys, Phase};
use super::handshake::{ClientHello, ServerHello};
use super::keylog::{KeyLog, Secret};
use super::schedule;
use super::step::{Broken, Step};
use super::suite::Suite;
use crate::stream::Side;

const TLS12: u16 = 0x0303;
const TLS13: u16 = 0x0304;

/// What both sides agreed on.
#[derive(Debug, Clone)]
pub(super) struct Negotiated {
    pub(super) hello: ServerHello,
    pub(super) suite: Suite,
    pub(super) ticket: Vec<u8>,
    pub(super) is_tls13: bool,
}

/// What is known of the handshake so far.
#[derive(Debug, Default)]
pub(super) struct Agreement {
    /// What the client offered.
    pub(super) hello: Option<ClientHello>,
    /// What the server chose of it.
    pub(super) negotiated: Option<Negotiated>,
}

impl Agreement {
    /// Whether TLS 1.3 was agreed on; none before the server answered.
    pub(super) fn is_tls13(&self) -> Option<bool> {
        self.negotiated.as_ref().map(|negotiated| negotiated.is_tls13)
    }

    /// Takes the server's answer.
    pub(super) fn negotiate(&mut self, hello: ServerHello) -> Step {
        let (suite, is_tls13) = match hello.version {
            TLS12 => (Suite::tls12(hello.suite), false),
            TLS13 => (Suite::tls13(hello.suite), true),
            version => return Step::Broken(Broken::Version(version)),
        };
        let Some(suite) = suite else { return Step::Broken(Broken::Suite(hello.suite)) };
        self.negotiated = Some(Negotiated { hello, suite, ticket: Vec::new(), is_tls13 });
        Step::Again
    }

    /// The keys of TLS 1.2 for what `side` sends.
    pub(super) fn tls12(&self, side: Side, log: &mut KeyLog) -> Option<Keys> {
        let (client, negotiated) = (self.hello.as_ref()?, self.negotiated.as_ref()?);
        let server = &negotiated.hello;
        let resumed = || {
            let by_id = (client.session_id == server.session_id).then(|| log.resumed(&client.session_id));
            by_id.flatten().or_else(|| log.resumed(&client.ticket)).cloned()
        };
        let own = log.secrets(&client.random).and_then(|secrets| secrets.master.clone());
        let master: Secret = own.or_else(resumed)?;
        log.remember(&server.session_id, &master);
        log.remember(&negotiated.ticket, &master);
        let randoms = (&client.random, &server.random);
        let [of_client, of_server] =
            schedule::tls12(negotiated.suite, &master, randoms, server.encrypt_then_mac)?;
        let opener = if side == Side::Client { of_client } else { of_server };
        Some(Keys { phase: Phase::Tls12, opener, secret: None })
    }

    /// The first keys that TLS 1.3 protects by.
    pub(super) fn first(&self, side: Side, log: &KeyLog) -> Option<Keys> {
        let early = side == Side::Client && self.hello.as_ref().is_some_and(|hello| hello.early_data);
        let phases = [Phase::Early, Phase::Handshake, Phase::Traffic];
        phases.into_iter().skip(usize::from(!early)).find_map(|phase| self.keys_of(side, phase, log))
    }

    /// The keys of TLS 1.3 for what `side` sends in `phase`.
    pub(super) fn keys_of(&self, side: Side, phase: Phase, log: &KeyLog) -> Option<Keys> {
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
        let opener = schedule::tls13(self.negotiated.as_ref()?.suite, &secret)?;
        Some(Keys { phase, opener, secret: Some(secret) })
    }

    /// The keys that follow `keys` by a `KeyUpdate`.
    pub(super) fn updated(&self, keys: &Keys) -> Option<Keys> {
        let suite = self.negotiated.as_ref()?.suite;
        let secret = schedule::updated(suite, keys.secret.as_ref()?);
        let opener = schedule::tls13(suite, &secret)?;
        Some(Keys { phase: Phase::Traffic, opener, secret: Some(secret) })
    }
}
