//! Unit tests of the traits of a mechanism, by a mechanism of Kerberos's form: the client sends one token, the server
//! authenticates itself, and over DCE/RPC the client sends another token. Signatures have different lengths, and
//! cover headers only if both ends agreed on it.

use std::sync::Arc;

use wire::Now;

use crate::auth_config::{AcceptorConfig, InitiatorConfig, Policy, Protection};
use crate::carrier::Carrier;
use crate::channel_bindings::ChannelBindings;
use crate::claimed::ClaimedName;
use crate::context::{ActingLevel, Expiry, Proof, Proven, SecurityContext};
use crate::credentials::Credentials;
use crate::error::{AuthError, MessageError};
use crate::handshake::{Acceptor, Initiator, Step};
use crate::mechanism::Mechanism;
use crate::message_security::{Message, MessageSecurity};
use crate::ntlm::mechanism::Ntlm;
use crate::ntlm::tests::{NOW, Script, client, server};
use crate::package::{Channel, Package};
use crate::principal::Principal;
use crate::random::Random;
use crate::spnego::mechanism::Spnego;
use crate::spnego::tokens::Oid;

struct TestPackage;

impl Package for TestPackage {
    fn name(&self) -> &'static str {
        "test"
    }

    fn rpc_auth_type(&self) -> Option<u8> {
        Some(200)
    }

    fn http_scheme(&self) -> Option<&'static str> {
        Some("Test")
    }

    fn oids(&self) -> &'static [Oid] {
        const OIDS: &[Oid] = &[Oid::KERBEROS, Oid::MS_KERBEROS];
        OIDS
    }

    fn has_ends(&self) -> bool {
        true
    }

    fn acceptor(
        &self,
        config: &Arc<AcceptorConfig>,
        channel: Channel,
    ) -> Result<Box<dyn Acceptor>, AuthError> {
        Ok(Box::new(Server { config: Arc::clone(config), channel, greeted: None }))
    }

    fn initiator(&self, config: &InitiatorConfig, channel: Channel) -> Result<Box<dyn Initiator>, AuthError> {
        Ok(Box::new(Client { config: config.clone(), channel, sent: false }))
    }

    fn claimed_name(&self, token: &[u8]) -> Option<String> {
        std::str::from_utf8(token).ok()?.split('|').next().map(str::to_owned)
    }
}

/// A client's token: its name, the server's, and the channel bindings.
fn hello(user: &str, target: &str, bindings: Option<ChannelBindings>) -> String {
    format!("{user}|{target}|{:?}", bindings.map(|bindings| *bindings.as_bytes()))
}

struct Server {
    config: Arc<AcceptorConfig>,
    channel: Channel,
    /// The client that received the first response.
    greeted: Option<String>,
}

impl Server {
    fn done(&self, user: &str, token: Option<Vec<u8>>) -> Step {
        let context = context(user, &self.config.authority, &self.config.contexts);
        Step::Done { token, context, security: Box::new(Sums::default()) }
    }
}

impl Acceptor for Server {
    fn step(&mut self, token: &[u8], _: Now, _: &mut dyn Random) -> Result<Step, AuthError> {
        let said = std::str::from_utf8(token).map_err(|_| AuthError::InvalidCredentials)?;
        if let Some(user) = self.greeted.take() {
            return if said == "ack" {
                Ok(self.done(&user, None))
            } else {
                Err(AuthError::InvalidCredentials)
            };
        }
        let (user, rest) = said.split_once('|').ok_or(AuthError::InvalidCredentials)?;
        let (target, _) = rest.split_once('|').ok_or(AuthError::InvalidCredentials)?;
        if !self.config.policy.target_names.iter().any(|name| name == target) {
            return Err(AuthError::WrongTarget(target.to_owned()));
        }
        if said != hello(user, target, self.channel.bindings) {
            return Err(AuthError::BindingMismatch);
        }
        let greeting = format!("hello {user}").into_bytes();
        if self.channel.carrier == Carrier::Http {
            return Ok(self.done(user, Some(greeting)));
        }
        self.greeted = Some(user.to_owned());
        Ok(Step::Continue(greeting))
    }
}

struct Client {
    config: InitiatorConfig,
    channel: Channel,
    sent: bool,
}

impl Initiator for Client {
    fn step(&mut self, token: &[u8], _: Now, _: &mut dyn Random) -> Result<Step, AuthError> {
        let Credentials::Account { user, .. } = &self.config.credentials else {
            return Err(AuthError::Anonymous);
        };
        if !std::mem::replace(&mut self.sent, true) {
            let hello = hello(user, &self.config.target_name, self.channel.bindings);
            return Ok(Step::Continue(hello.into_bytes()));
        }
        if token != format!("hello {user}").as_bytes() {
            return Err(AuthError::RejectedByPeer);
        }
        let context = context(user, &self.config.authority, &self.config.contexts);
        let token = (self.channel.carrier == Carrier::Rpc).then(|| b"ack".to_vec());
        Ok(Step::Done { token, context, security: Box::new(Sums::default()) })
    }
}

fn context(
    user: &str,
    authority: &crate::Authority,
    contexts: &Arc<crate::ContextCounters>,
) -> SecurityContext {
    let proven = Proven {
        principal: Principal::new(user, ""),
        proof: Proof::Mechanism("Test"),
        level: ActingLevel::Impersonate,
        authority: authority.clone(),
        expiry: Expiry::default(),
        session_key: None,
        status: None,
    };
    SecurityContext::proven(proven, contexts)
}

/// Signs with a checksum of a message and its number in its direction.
#[derive(Debug, Default)]
struct Sums {
    sent: u8,
    received: u8,
}

fn sum(number: u8, message: &Message<'_>) -> u8 {
    let headers = if message.header_signing { [message.before, message.after] } else { [&[][..]; 2] };
    let bytes = headers.into_iter().flatten().chain(message.body.iter());
    bytes.fold(number, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte))
}

impl MessageSecurity for Sums {
    fn strongest(&self) -> Protection {
        Protection::Seal
    }

    fn signature_len(&self, protection: Protection) -> usize {
        if protection == Protection::Seal { 76 } else { 28 }
    }

    fn protect(
        &mut self,
        protection: Protection,
        message: Message<'_>,
        signature: &mut [u8],
    ) -> Result<(), MessageError> {
        assert_eq!(signature.len(), self.signature_len(protection));
        signature.fill(sum(self.sent, &message));
        self.sent += 1;
        if protection == Protection::Seal {
            message.body.iter_mut().for_each(|byte| *byte ^= 0x5a);
        }
        Ok(())
    }

    fn unprotect(
        &mut self,
        protection: Protection,
        message: Message<'_>,
        signature: &[u8],
    ) -> Result<(), MessageError> {
        if protection == Protection::Seal {
            message.body.iter_mut().for_each(|byte| *byte ^= 0x5a);
        }
        let expected = vec![sum(self.received, &message); self.signature_len(protection)];
        self.received += 1;
        if signature == expected { Ok(()) } else { Err(MessageError::Signature) }
    }

    fn sign_list(&mut self, list: &[u8], _: Option<&[u8]>) -> Result<Vec<u8>, MessageError> {
        Ok([b"list ", list].concat())
    }

    fn verify_list(&mut self, list: &[u8], code: &[u8]) -> Result<(), MessageError> {
        if code == [b"list ", list].concat() { Ok(()) } else { Err(MessageError::Signature) }
    }
}

static TEST_FIRST: [&dyn Package; 2] = [&TestPackage, &Ntlm];
static NTLM_FIRST: [&dyn Package; 2] = [&Ntlm, &TestPackage];
static TEST_ALONE: [&dyn Package; 1] = [&TestPackage];

static BY_TEST: Spnego = Spnego::around(&TEST_FIRST);
static BY_NTLM: Spnego = Spnego::around(&NTLM_FIRST);
static ONLY_TEST: Spnego = Spnego::around(&TEST_ALONE);

const TARGET: &str = "host/proxy.lab.test";

struct Ends {
    /// Tokens that were sent, the client's first.
    tokens: usize,
    client: Box<dyn MessageSecurity>,
    server: Box<dyn MessageSecurity>,
    context: SecurityContext,
}

/// Both ends of a handshake, on these channels; `change` sees each token on its way.
fn shake(
    (theirs, ours): (Mechanism, Mechanism),
    (client_channel, server_channel): (Channel, Channel),
    mut change: impl FnMut(usize, &mut Vec<u8>),
) -> Result<Ends, AuthError> {
    let config = InitiatorConfig { target_name: TARGET.into(), ..client("alice", "LAB", "wonderland") };
    let policy = Policy { target_names: vec![TARGET.into(), "proxy.lab.test".into()], ..Policy::default() };
    let mut initiator = theirs.initiator(&config, client_channel)?;
    let mut acceptor = ours.acceptor(&Arc::new(server(policy)), server_channel)?;
    let mut random = Script::default();
    let (mut at_client, mut at_server, mut token, mut tokens) = (None, None, Vec::new(), 0);
    loop {
        match initiator.step(&token, NOW, &mut random)? {
            Step::Continue(next) => token = next,
            Step::Done { token: next, security, .. } => {
                at_client = Some(security);
                token = next.unwrap_or_default();
            }
        }
        if !token.is_empty() {
            change(tokens, &mut token);
            tokens += 1;
            match acceptor.step(&token, NOW, &mut random)? {
                Step::Continue(next) => token = next,
                Step::Done { token: next, context, security } => {
                    at_server = Some((context, security));
                    token = next.unwrap_or_default();
                }
            }
            if !token.is_empty() {
                change(tokens, &mut token);
                tokens += 1;
            }
        }
        if let Some(client) = at_client.take() {
            let (context, server) = at_server.expect("both ends are done");
            return Ok(Ends { tokens, client, server, context });
        }
    }
}

const TEST: Mechanism = Mechanism::of(&TestPackage);

fn over(channel: Channel, theirs: Mechanism, ours: Mechanism) -> Result<Ends, AuthError> {
    shake((theirs, ours), (channel, channel), |_, _| ())
}

#[test]
fn a_new_mechanism_authenticates_by_the_same_traits() {
    let http = over(Channel::http(None), TEST, TEST).unwrap();
    assert_eq!((http.tokens, http.context.principal().to_string()), (2, "alice".to_owned()));
    let mut rpc = over(Channel::RPC, TEST, TEST).unwrap();
    assert_eq!(rpc.tokens, 3);
    let signature = rpc.client.sign(b"head", b"body", b"tail").unwrap();
    assert_eq!(signature.len(), 28);
    rpc.server.verify(b"head", b"body", b"tail", &signature).unwrap();
    let mut body = *b"body";
    let signature = rpc.server.seal(b"head", &mut body, b"tail").unwrap();
    assert!(signature.len() == 76 && body != *b"body");
    rpc.client.unseal(b"head", &mut body, b"tail", &signature).unwrap();
    assert_eq!(body, *b"body");
    assert_eq!(ClaimedName::in_token(TEST, b"alice|x|y").unwrap().to_string(), "alice");
}

#[test]
fn headers_are_signed_only_where_that_was_agreed_on() {
    for header_signing in [false, true] {
        let (mut one, mut other) = (Sums::default(), Sums::default());
        let mut signature = [0; 28];
        let message =
            Message { before: b"head", body: &mut b"body".to_vec(), after: b"tail", header_signing };
        one.protect(Protection::Sign, message, &mut signature).unwrap();
        let message =
            Message { before: b"hEad", body: &mut b"body".to_vec(), after: b"tail", header_signing };
        assert_eq!(other.unprotect(Protection::Sign, message, &signature).is_err(), header_signing);
    }
}

#[test]
fn the_target_the_channel_and_the_server_are_proven() {
    let bound = |byte| Channel::http(Some(ChannelBindings::from_application_data(&[byte])));
    assert!(over(bound(1), TEST, TEST).is_ok());
    let refused = shake((TEST, TEST), (bound(1), bound(2)), |_, _| ());
    assert_eq!(refused.err(), Some(AuthError::BindingMismatch));
    let refused = shake((TEST, TEST), (Channel::RPC, Channel::RPC), |number, token| {
        if number == 0 {
            token.splice(6..10, *b"LDAP");
        }
    });
    assert_eq!(refused.err(), Some(AuthError::WrongTarget("LDAP/proxy.lab.test".into())));
    let refused = shake((TEST, TEST), (Channel::RPC, Channel::RPC), |number, token| {
        if number == 1 {
            token.push(b'!');
        }
    });
    assert_eq!(refused.err(), Some(AuthError::RejectedByPeer));
}

#[test]
fn spnego_chooses_the_clients_first_mechanism_that_both_ends_have() {
    let spnego = |package: &'static Spnego| Mechanism::of(package);
    let (test, ntlm, alone) = (spnego(&BY_TEST), spnego(&BY_NTLM), spnego(&ONLY_TEST));
    for (theirs, ours, channel, tokens, proof) in [
        // The one token of each end, around which SPNEGO needs no other.
        (test, test, Channel::http(None), 2, "Test"),
        (test, ntlm, Channel::http(None), 2, "Test"),
        (test, test, Channel::RPC, 4, "Test"),
        (ntlm, test, Channel::RPC, 4, "SPNEGO with NTLMv2"),
        // The first mechanism is not the server's: another leg for the choice, and codes of the list.
        (test, Mechanism::SPNEGO, Channel::RPC, 6, "SPNEGO with NTLMv2"),
        (ntlm, alone, Channel::http(None), 6, "Test"),
        (ntlm, alone, Channel::RPC, 6, "Test"),
    ] {
        let mut ends = over(channel, theirs, ours).unwrap();
        assert_eq!((ends.tokens, ends.context.proof()), (tokens, Proof::Mechanism(proof)));
        let signature = ends.client.sign(b"head", b"body", b"tail").unwrap();
        ends.server.verify(b"head", b"body", b"tail", &signature).unwrap();
    }
    assert_eq!(over(Channel::RPC, Mechanism::SPNEGO, alone).err(), Some(AuthError::NoMechanism));
}

#[test]
fn a_client_whose_first_mechanism_was_not_chosen_has_to_protect_the_list() {
    use crate::spnego::{NegState, NegTokenInit, NegTokenResp};
    use wire::{Decode as _, Encode as _};
    let (theirs, ours) = (Mechanism::of(&BY_NTLM), Mechanism::of(&ONLY_TEST));
    let channel = Channel::http(None);
    // The list is changed on the way.
    let changed = shake((theirs, ours), (channel, channel), |number, token| {
        if number == 0 {
            let mut init = NegTokenInit::from_bytes(token).unwrap();
            init.mech_types.insert(1, Oid::NEGOEX);
            *token = init.to_bytes().unwrap();
        }
    });
    assert_eq!(changed.err(), Some(AuthError::Downgrade));
    // Nor does it help to leave the code out.
    let without = shake((theirs, ours), (channel, channel), |number, token| {
        if let Ok(resp) = NegTokenResp::from_bytes(token)
            && resp.mech_list_mic.is_some()
        {
            assert_eq!(number, 4);
            let resp =
                NegTokenResp { neg_state: Some(NegState::accept_incomplete), mech_list_mic: None, ..resp };
            *token = resp.to_bytes().unwrap();
        }
    });
    assert_eq!(without.err(), Some(AuthError::Downgrade));
}
