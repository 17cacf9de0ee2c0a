//! Tests of reading the user's name from handshakes that pass through.

use wire::{Decode as _, Encode as _};

use super::*;
use crate::auth_config::{InitiatorConfig, Policy, Protection};
use crate::der;
use crate::ntlm::tests::{client, server};
use crate::ntlm::{Authenticate, NegotiateFlags};
use crate::spnego::{NegState, NegTokenInit, NegTokenResp, Oid};
use crate::{Acceptor, Channel, Initiator, Mechanism, Step};

/// Both ends of a handshake that passes through.
struct Ends {
    client: Box<dyn Initiator>,
    server: Box<dyn Acceptor>,
}

impl Ends {
    fn new(mechanism: Mechanism, user: &str) -> Self {
        let server = server(Policy::default());
        let client = InitiatorConfig { protection: Protection::None, ..client(user, "LAB", "wonderland") };
        let channel = Channel::http(None);
        Self {
            client: mechanism.initiator(&client, channel).unwrap(),
            server: mechanism.acceptor(&Arc::new(server), channel).unwrap(),
        }
    }

    fn client(&mut self, token: &[u8]) -> Vec<u8> {
        match self.client.step(token, NOW, &mut OsRandom).unwrap() {
            Step::Continue(token) | Step::Done { token: Some(token), .. } => token,
            Step::Done { .. } => Vec::new(),
        }
    }

    /// The server's status and token.
    fn server(&mut self, token: &[u8]) -> (u16, Option<Vec<u8>>) {
        match self.server.step(token, NOW, &mut OsRandom) {
            Ok(Step::Continue(token)) => (401, Some(token)),
            Ok(Step::Done { token, .. }) => (200, token),
            Err(_) => (401, None),
        }
    }
}

/// A handshake from its beginning to its end.
fn shake(config: &Arc<Config>, scheme: Mechanism, user: &str) -> Outcome {
    let (mut ends, mut sign_in, mut said) = (Ends::new(scheme, user), begin(config, scheme), Vec::new());
    loop {
        let token = ends.client(&said);
        let (status, answer) = ends.server(&token);
        let sent = sign_in.send(STANDARD.encode(token).as_bytes()).unwrap();
        match sent.on_response(&Response { status, token: answer.as_deref(), ..Response::default() }, NOW) {
            Outcome::Continue(goes_on) => (sign_in, said) = (goes_on, answer.unwrap()),
            Outcome::Repeat(again) => return again.send().on_response(&CARRIED_OUT, NOW),
            outcome => return outcome,
        }
    }
}

#[test]
fn a_handshake_names_the_user_who_responded_to_the_challenge() {
    let config = config();
    let mut identities = Vec::new();
    for scheme in [Mechanism::NTLM, Mechanism::SPNEGO] {
        let accepted = settled(shake(&config, scheme, "alice"));
        assert_eq!(accepted.context().principal().to_string(), "LAB\\alice");
        assert!(!accepted.covers(scheme, b""));
        identities.push(accepted.context().identity().clone());
        assert!(matches!(shake(&config, scheme, "mallory"), Outcome::Rejected(_)));
    }
    assert_eq!(identities[0], identities[1]);
}

#[test]
fn a_name_counts_only_in_response_to_a_challenge() {
    let config = config();
    let mut ends = Ends::new(Mechanism::NTLM, "alice");
    let first = ends.client(&[]);
    let (_, challenge) = ends.server(&first);
    let last = ends.client(challenge.as_deref().unwrap());
    let encoded = |token: &[u8]| STANDARD.encode(token).into_bytes();
    // First of all, or wrapped into a first token.
    assert!(begin(&config, Mechanism::NTLM).send(&encoded(&last)).is_err());
    let init = |mech: Oid, token: &[u8]| {
        let init = NegTokenInit {
            mech_types: vec![mech],
            mech_token: Some(token.to_vec()),
            ..NegTokenInit::default()
        };
        init.to_bytes().unwrap()
    };
    for mech in [Oid::NTLM, Oid::KERBEROS] {
        assert!(begin(&config, Mechanism::SPNEGO).send(&encoded(&init(mech, &last))).is_err());
    }
    // After the server went on with another mechanism, or after it went on again.
    let went_on = |token: &[u8]| {
        let sent = begin(&config, Mechanism::NTLM).send(&encoded(&first)).unwrap();
        match sent.on_response(&challenging(token), NOW) {
            Outcome::Continue(sign_in) => sign_in,
            _ => panic!("not going on"),
        }
    };
    let sent = begin(&config, Mechanism::NTLM).send(&encoded(&first)).unwrap();
    assert!(matches!(sent.on_response(&challenging(b"another"), NOW), Outcome::Rejected(_)));
    assert!(went_on(challenge.as_deref().unwrap()).send(&encoded(&first)).is_err());
    // Nor is there a second challenge.
    let sent = went_on(challenge.as_deref().unwrap()).send(&encoded(&last)).unwrap();
    let again = sent.on_response(&challenging(challenge.as_deref().unwrap()), NOW);
    assert!(matches!(again, Outcome::Rejected(_)));
    // In another character set than the challenge selected.
    let mut other = ntlm_authenticate(&last);
    other.flags = other.flags.without(NegotiateFlags::NTLMSSP_NEGOTIATE_UNICODE);
    let other = other.to_bytes().unwrap();
    assert!(went_on(challenge.as_deref().unwrap()).send(&encoded(&other)).is_err());
}

fn ntlm_authenticate(token: &[u8]) -> Authenticate {
    Authenticate::from_bytes(token).unwrap()
}

/// A first token of Kerberos's with this ticket and authenticator.
fn kerberos(ticket: &[u8], authenticator: &[u8]) -> Vec<u8> {
    let wrap = |tag, contents: &[u8]| der::wrap(tag, contents).unwrap();
    let fields = [
        wrap(der::context(0), &[2, 1, 5]),
        wrap(der::context(1), &[2, 1, 14]),
        wrap(der::context(2), &[3, 5, 0, 0, 0, 0, 0]),
        wrap(der::context(3), &wrap(0x61, ticket)),
        wrap(der::context(4), authenticator),
    ];
    let request = wrap(0x6e, &wrap(der::SEQUENCE, &fields.concat()));
    let inner = [wrap(der::OID, Oid::KERBEROS.as_der()), vec![1, 0], request].concat();
    wrap(der::APPLICATION_0, &inner)
}

/// A token of Kerberos's with this ticket, as a client sends it.
pub(super) fn ticket_of(ticket: &[u8]) -> Vec<u8> {
    wrapped(kerberos(ticket, b"1"))
}

/// Kerberos's token within a first one of SPNEGO's.
fn wrapped(token: Vec<u8>) -> Vec<u8> {
    let init = NegTokenInit {
        mech_types: vec![Oid::MS_KERBEROS, Oid::KERBEROS, Oid::NTLM],
        mech_token: Some(token),
        ..NegTokenInit::default()
    };
    init.to_bytes().unwrap()
}

/// A later token of SPNEGO's, with this in it.
fn resp(neg_state: Option<NegState>, supported_mech: Option<Oid>, token: Option<&[u8]>) -> Vec<u8> {
    let response_token = token.map(<[u8]>::to_vec);
    NegTokenResp { neg_state, supported_mech, response_token, mech_list_mic: None }.to_bytes().unwrap()
}

/// The integrity code of a list of mechanisms, alone.
fn list_code() -> Vec<u8> {
    let resp = NegTokenResp { mech_list_mic: Some(vec![1; 16]), ..NegTokenResp::default() };
    resp.to_bytes().unwrap()
}

/// A response that continues a handshake with `token`.
fn challenging(token: &[u8]) -> Response<'_> {
    Response { status: 401, token: Some(token), ..Response::default() }
}

/// The outcome of a handshake with these tokens of the client, each with the server's token in response. Without
/// one the server executes the request.
fn legs(config: &Arc<Config>, scheme: Mechanism, tokens: &[(&[u8], &[u8])]) -> Result<Outcome, AuthError> {
    let mut sign_in = begin(config, scheme);
    for (token, answer) in tokens {
        let sent = sign_in.send(STANDARD.encode(token).as_bytes())?;
        let answer = if answer.is_empty() { CARRIED_OUT } else { challenging(answer) };
        match sent.on_response(&answer, NOW) {
            Outcome::Continue(goes_on) => sign_in = goes_on,
            Outcome::Repeat(again) => return Ok(again.send().on_response(&CARRIED_OUT, NOW)),
            outcome => return Ok(outcome),
        }
    }
    panic!("no end")
}

fn named(outcome: Result<Outcome, AuthError>) -> String {
    settled(outcome.unwrap()).context().principal().to_string()
}

#[test]
fn equal_tickets_are_one_identity_and_other_tokens_name_no_user() {
    let config = config();
    let one = |token: &[u8]| legs(&config, Mechanism::SPNEGO, &[(token, b"")]);
    let identity = |token: &[u8]| settled(one(token).unwrap()).context().identity().clone();
    let alice = settled(one(&wrapped(kerberos(b"alice", b"1"))).unwrap()).context().clone();
    assert!(alice.principal().user().starts_with("Kerberos ticket "));
    assert_eq!(*alice.identity(), identity(&wrapped(kerberos(b"alice", b"2"))));
    assert_eq!(*alice.identity(), identity(&kerberos(b"alice", b"3")));
    assert_ne!(*alice.identity(), identity(&wrapped(kerberos(b"bob", b"1"))));
    let mut trailing = kerberos(b"alice", b"1");
    trailing.push(0);
    let mut under_another = NegTokenInit::from_bytes(&wrapped(kerberos(b"alice", b"1"))).unwrap();
    under_another.mech_types.reverse();
    for nameless in [&trailing[..], &wrapped(trailing.clone()), b"other", &wrapped(b"NegoEx".to_vec())] {
        assert!(matches!(one(nameless), Err(AuthError::UnknownMechanism(_))), "{nameless:?}");
    }
    assert!(one(&under_another.to_bytes().unwrap()).is_err());
    // A user of this name who authenticates by a password is another user.
    let by_password = basic_of(&format!("{}:x", alice.principal().user()));
    let other = accepted(&config, Mechanism::BASIC, &by_password);
    assert_ne!(alice.identity(), other.context().identity());
}

/// A message of extended negotiation ([MS-NEGOEX] 2.2.6.2) of this type.
fn negoex(message_type: u32) -> Vec<u8> {
    let mut message = b"NEGOEXTS".to_vec();
    for field in [message_type, 0, 40, 48] {
        message.extend(field.to_le_bytes());
    }
    message.extend([7; 16 + 8]);
    message
}

#[test]
fn a_token_of_a_mechanism_that_names_no_account_is_not_sent_to_the_server() {
    const IAKERB: &[u8] = &[0x2b, 6, 1, 5, 2, 5];
    let config = config();
    let going_on = resp(GOING_ON, None, None);
    // As the first token, as a later one within SPNEGO, and as a later one without it.
    let sent = |token: &[u8]| {
        let init = |mech: &Oid| {
            let mech_types = vec![mech.clone()];
            let mech_token = Some(token.to_vec());
            NegTokenInit { mech_types, mech_token, ..NegTokenInit::default() }.to_bytes().unwrap()
        };
        let mechanisms = [Oid::NTLM, Oid::KERBEROS, Oid::MS_KERBEROS, Oid::NEGOEX, Oid::SPNEGO];
        let mut first: Vec<_> = mechanisms.iter().map(init).collect();
        first.push(token.to_vec());
        let list = NegTokenInit { mech_types: mechanisms.to_vec(), ..NegTokenInit::default() };
        let list = list.to_bytes().unwrap();
        let later = [resp(None, None, Some(token)), token.to_vec()];
        let first = first.iter().any(|token| legs(&config, Mechanism::SPNEGO, &[(token, b"")]).is_ok());
        let later = later
            .iter()
            .any(|token| legs(&config, Mechanism::SPNEGO, &[(&list, &going_on), (token, b"")]).is_ok());
        (first, later)
    };
    let wrap = |tag, contents: &[u8]| der::wrap(tag, contents).unwrap();
    let framed = |oid: &[u8], inner: &[u8]| wrap(0x60, &[wrap(der::OID, oid), inner.to_vec()].concat());
    let as_req = wrap(0x6a, &wrap(der::SEQUENCE, b"password"));
    for refused in [
        b"password".to_vec(),
        as_req.clone(),
        framed(IAKERB, &[&[5, 1], &as_req[..]].concat()),
        framed(Oid::KERBEROS.as_der(), &[&[1, 0], &as_req[..]].concat()),
        framed(Oid::KERBEROS.as_der(), &[&[4, 0], &as_req[..]].concat()),
        framed(Oid::NEGOEX.as_der(), &negoex(0)),
        // With a mechanism's token, cut short, and with something after it.
        negoex(5),
        [negoex(0), negoex(2), negoex(5)].concat(),
        negoex(0)[..47].to_vec(),
        [&negoex(0)[..], b"password"].concat(),
    ] {
        assert_eq!(sent(&refused), (false, false), "{refused:?}");
    }
    // Lists of mechanisms alone, with which some clients begin.
    assert_eq!(sent(&[negoex(0), negoex(2)].concat()), (true, false));
    let [first, challenge, last] = ntlm("alice");
    let begins = NegTokenInit {
        mech_types: vec![Oid::NEGOEX, Oid::NTLM],
        mech_token: Some([negoex(0), negoex(2)].concat()),
        ..NegTokenInit::default()
    };
    let all = [
        (&begins.to_bytes().unwrap()[..], &resp(GOING_ON, Some(Oid::NTLM), None)[..]),
        (&resp(None, None, Some(&first)), &resp(GOING_ON, None, Some(&challenge))),
        (&resp(None, None, Some(&last)), b""),
    ];
    assert_eq!(named(legs(&config, Mechanism::SPNEGO, &all)), "LAB\\alice");
    let error = AuthError::UnknownMechanism(Some(Oid::NEGOEX)).to_string();
    assert_eq!(error, "token of another mechanism than NTLM and Kerberos: 1.3.6.1.4.1.311.2.2.30");
}

/// The client's and the server's messages of NTLM, by which `user` signs in.
fn ntlm(user: &str) -> [Vec<u8>; 3] {
    let mut ends = Ends::new(Mechanism::NTLM, user);
    let first = ends.client(&[]);
    let (_, challenge) = ends.server(&first);
    let challenge = challenge.unwrap();
    let last = ends.client(&challenge);
    [first, challenge, last]
}

const GOING_ON: Option<NegState> = Some(NegState::accept_incomplete);

#[test]
fn the_name_of_an_attempt_that_the_server_ended_is_never_that_of_the_next() {
    let config = config();
    let [first, challenge, last] = ntlm("bob");
    let init = NegTokenInit {
        mech_types: vec![Oid::NTLM],
        mech_token: Some(first.clone()),
        ..NegTokenInit::default()
    };
    let init = init.to_bytes().unwrap();
    let challenged = resp(GOING_ON, Some(Oid::NTLM), Some(&challenge));
    let proven = resp(None, None, Some(&last));
    let up_to = |answer: &[u8]| legs(&config, Mechanism::SPNEGO, &[(&init, &challenged), (&proven, answer)]);
    assert_eq!(named(up_to(b"")), "LAB\\bob");
    // The server refuses by a token, which ends the attempt; so does everything else that does not go on.
    for end in [
        resp(Some(NegState::reject), None, None),
        resp(Some(NegState::accept_completed), None, None),
        resp(GOING_ON, None, Some(&challenge)),
        resp(GOING_ON, None, Some(b"more")),
        challenge.clone(),
        b"what is it".to_vec(),
    ] {
        assert!(matches!(up_to(&end), Ok(Outcome::Rejected(_))), "{end:?}");
    }
    // If the handshake continues, only the list's integrity code may follow.
    let going_on = resp(GOING_ON, None, None);
    let then = |next: &[u8]| {
        legs(&config, Mechanism::SPNEGO, &[(&init, &challenged), (&proven, &going_on), (next, b"")])
    };
    assert_eq!(named(then(&list_code())), "LAB\\bob");
    let ticket = kerberos(b"alice", b"1");
    for next in [wrapped(ticket.clone()), resp(None, None, Some(&ticket)), ticket, init.clone(), first, last]
    {
        assert!(then(&next).is_err(), "{next:?}");
    }
}

#[test]
fn a_handshake_without_a_name_is_never_accepted() {
    let config = config();
    let [first, challenge, last] = ntlm("alice");
    let list = NegTokenInit { mech_types: vec![Oid::NTLM], ..NegTokenInit::default() }.to_bytes().unwrap();
    let init = NegTokenInit {
        mech_types: vec![Oid::NTLM],
        mech_token: Some(first.clone()),
        ..NegTokenInit::default()
    };
    // Two clients send the same first message.
    for (scheme, token) in [
        (Mechanism::NTLM, first.clone()),
        (Mechanism::SPNEGO, first.clone()),
        (Mechanism::SPNEGO, init.to_bytes().unwrap()),
        (Mechanism::SPNEGO, list),
        (Mechanism::SPNEGO, list_code()),
    ] {
        for code in [200, 302, 404] {
            let sent = begin(&config, scheme).send(STANDARD.encode(&token).as_bytes()).unwrap();
            let answer = Response { status: code, ..CARRIED_OUT };
            assert!(matches!(sent.on_response(&answer, NOW), Outcome::Inconclusive), "{scheme:?} {code}");
        }
    }
    // A message that is cut short, or says that it is anonymous.
    let challenged = |token: &[u8]| legs(&config, Mechanism::NTLM, &[(&first, &challenge), (token, b"")]);
    assert_eq!(named(challenged(&last)), "LAB\\alice");
    for length in [9, 12, 40, 64, last.len() / 2] {
        let cut = challenged(&last[..length]);
        assert!(!matches!(cut, Ok(Outcome::Accepted(_))), "{length}");
    }
    let mut anonymous = Authenticate::from_bytes(&last).unwrap();
    anonymous.flags = anonymous.flags | NegotiateFlags::NTLMSSP_ANONYMOUS;
    assert!(matches!(challenged(&anonymous.to_bytes().unwrap()), Err(AuthError::Anonymous)));
    assert_eq!(config.contexts.open(), 0);
}

#[test]
fn the_name_is_that_of_the_mechanism_that_the_server_chose() {
    let config = config();
    let [first, challenge, last] = ntlm("alice");
    let optimistic = wrapped(kerberos(b"mallory", b"1"));
    let ntlm_it_is = resp(GOING_ON, Some(Oid::NTLM), None);
    let kerberos_it_is = resp(GOING_ON, Some(Oid::KERBEROS), None);
    let [first, challenge, last] = [
        resp(None, None, Some(&first)),
        resp(GOING_ON, None, Some(&challenge)),
        resp(None, None, Some(&last)),
    ];
    let by = |tokens: &[(&[u8], &[u8])]| legs(&config, Mechanism::SPNEGO, tokens);
    // A client that begins with Kerberos, and a server that has NTLM alone.
    let all = [(&optimistic[..], &ntlm_it_is[..]), (&first, &challenge), (&last, b"")];
    assert_eq!(named(by(&all)), "LAB\\alice");
    // A ticket where NTLM was chosen, NTLM where Kerberos was, and a second ticket after the first.
    let second = resp(None, None, Some(&kerberos(b"alice", b"1")));
    assert!(by(&[(&optimistic, &ntlm_it_is), (&second, b"")]).is_err());
    assert!(by(&[(&optimistic, &kerberos_it_is), (&first, &challenge), (&last, b"")]).is_err());
    assert!(by(&[(&optimistic, &kerberos_it_is), (&second, b"")]).is_err());
    let same = resp(None, None, Some(&kerberos(b"mallory", b"2")));
    let alone = named(by(&[(&optimistic, b"")]));
    assert_eq!(named(by(&[(&optimistic, &kerberos_it_is), (&same, b"")])), alone);
    assert_eq!(named(by(&[(&optimistic, &kerberos_it_is), (&list_code(), b"")])), alone);
}

#[test]
fn a_handshake_holds_where_its_connection_is_served_without_credentials() {
    let config = config();
    let token = wrapped(kerberos(b"alice", b"1"));
    let over = |answer: &Response<'_>| {
        let sent = begin(&config, Mechanism::SPNEGO).send(STANDARD.encode(&token).as_bytes()).unwrap();
        sent.on_response(answer, NOW)
    };
    // Like a firewall that responds itself to each request with credentials.
    let Outcome::Repeat(again) = over(&CARRIED_OUT) else { panic!("not over") };
    assert!(matches!(again.send().on_response(&status(401), NOW), Outcome::Rejected(_)));
    let Outcome::Repeat(again) = over(&status(200)) else { panic!("not over") };
    assert!(matches!(again.send().on_response(&status(200), NOW), Outcome::OtherProbe(_)));
    let Outcome::Repeat(again) = over(&status(302)) else { panic!("not over") };
    // A token in the response to a request without a token does not belong to the handshake.
    let late = challenging(b"token");
    assert!(matches!(again.send().on_response(&late, NOW), Outcome::Rejected(_)));
    for state in [NegState::reject, NegState::accept_incomplete, NegState::request_mic] {
        let token = resp(Some(state), None, None);
        let refused = Response { token: Some(&token), ..CARRIED_OUT };
        assert!(matches!(over(&refused), Outcome::Rejected(_)), "{state:?}");
    }
    let token = resp(Some(NegState::accept_completed), None, Some(b"AP-REP"));
    assert!(matches!(over(&Response { token: Some(&token), ..CARRIED_OUT }), Outcome::Repeat(_)));
}
