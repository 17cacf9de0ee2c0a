//! Binding, contexts and handshakes.

use std::sync::Arc;

use bytes::Bytes;
use rpc::association::PeerError;
use rpc::client::{self, CallError, ClientAssociation, ClientConfig, Credentials, HandshakeReply};
use rpc::pdu::{
    AuthVerifier, Bind, BindAck, BindTimeFeatures, Body, ContextResultCode, Pdu, PfcFlags,
    PresentationContext, ProviderReason, RejectReason, SecTrailer,
};
use rpc::server::{self, AssociationGroups, AuthOutcome, GroupTable, ServerAssociation, ServerConfig};
use rpc::{AuthLevel, AuthType, FaultStatus, SyntaxId};
use wire::{Decode, Encode};

use crate::support::{Pair, SECRET, TOY, Toy, ntlm, server, server_config};

fn context(context_id: u16, abstract_syntax: SyntaxId, transfer: &[SyntaxId]) -> PresentationContext {
    PresentationContext { context_id, abstract_syntax, transfer_syntaxes: transfer.to_vec() }
}

fn bind(contexts: Vec<PresentationContext>) -> Bind {
    Bind { max_xmit_frag: 4280, max_recv_frag: 4280, assoc_group_id: 0, contexts }
}

fn say(server: &mut ServerAssociation, pdu: &Pdu<'_>) -> Bytes {
    server.receive(&pdu.to_bytes().unwrap());
    assert_eq!(server.poll_event(), None);
    server.take_output()
}

fn ack(bytes: &[u8]) -> (PfcFlags, BindAck) {
    let pdu = Pdu::from_bytes(bytes).unwrap();
    let (Body::BindAck(ack) | Body::AlterContextResp(ack)) = pdu.body else { panic!("{pdu:?}") };
    (pdu.header.flags, ack)
}

fn trailer(level: AuthLevel, auth_context_id: u32) -> SecTrailer {
    SecTrailer {
        auth_type: AuthType::GSS_NEGOTIATE,
        auth_level: level,
        auth_pad_length: 0,
        auth_reserved: 0,
        auth_context_id,
    }
}

#[test]
fn windows_binds_with_three_contexts() {
    let mut server = server(server_config());
    let features =
        BindTimeFeatures::SECURITY_CONTEXT_MULTIPLEXING | BindTimeFeatures::KEEP_CONNECTION_ON_ORPHAN;
    let contexts = vec![
        context(0, TOY, &[SyntaxId::NDR]),
        context(1, TOY, &[SyntaxId::NDR64]),
        context(2, TOY, &[features.to_syntax()]),
        context(3, SyntaxId::NIL, &[SyntaxId::NDR]),
        context(4, SyntaxId { minor: 3, ..TOY }, &[SyntaxId::NDR]),
        context(5, SyntaxId { minor: 0, ..TOY }, &[SyntaxId::NDR64, SyntaxId::NDR]),
    ];
    let pdu = Pdu::new(2, Body::Bind(bind(contexts))).with_flags(PfcFlags::CONC_MPX);
    let (flags, ack) = ack(&say(&mut server, &pdu));
    assert!(flags.contains(PfcFlags::CONC_MPX) && !flags.contains(PfcFlags::SUPPORT_HEADER_SIGN));
    assert_eq!(ack.secondary_address, b"6001\0");
    assert_eq!((ack.max_xmit_frag, ack.max_recv_frag), (4280, 4280));
    let codes: Vec<_> = ack.results.iter().map(|result| (result.result, result.reason)).collect();
    let accepted = (ContextResultCode::ACCEPTANCE, ProviderReason::REASON_NOT_SPECIFIED);
    let rejected = |reason| (ContextResultCode::PROVIDER_REJECTION, reason);
    assert_eq!(
        codes,
        [
            accepted,
            rejected(ProviderReason::PROPOSED_TRANSFER_SYNTAXES_NOT_SUPPORTED),
            (ContextResultCode::NEGOTIATE_ACK, ProviderReason(3)),
            rejected(ProviderReason::ABSTRACT_SYNTAX_NOT_SUPPORTED),
            rejected(ProviderReason::ABSTRACT_SYNTAX_NOT_SUPPORTED),
            accepted,
        ]
    );
    assert_eq!(ack.results[0].transfer_syntax, SyntaxId::NDR);
}

#[test]
fn contexts_are_limited_and_cannot_be_taken_over() {
    let mut server = server(ServerConfig { max_contexts: 1, ..server_config() });
    let contexts = vec![context(0, TOY, &[SyntaxId::NDR]), context(1, TOY, &[SyntaxId::NDR])];
    let (_, first) = ack(&say(&mut server, &Pdu::new(1, Body::Bind(bind(contexts)))));
    assert_eq!(first.results[1].reason, ProviderReason::LOCAL_LIMIT_EXCEEDED);
    let contexts = vec![context(0, TOY, &[SyntaxId::NDR])];
    let (_, second) = ack(&say(&mut server, &Pdu::new(2, Body::AlterContext(bind(contexts)))));
    assert_eq!(second.results[0].result, ContextResultCode::ACCEPTANCE);
    let contexts = vec![context(0, SECRET, &[SyntaxId::NDR])];
    server.receive(&Pdu::new(3, Body::AlterContext(bind(contexts))).to_bytes().unwrap());
    assert!(matches!(server.poll_event(), Some(server::Event::Closed { .. })));
    let output = server.take_output();
    let Body::Fault(fault) = Pdu::from_bytes(&output).unwrap().body else { panic!() };
    assert_eq!(fault.status, FaultStatus::NCA_S_PROTO_ERROR);
}

#[test]
fn contexts_that_contradict_themselves_are_rejected() {
    let features = |features: BindTimeFeatures| features.to_syntax();
    let keep = features(BindTimeFeatures::KEEP_CONNECTION_ON_ORPHAN);
    let several = features(BindTimeFeatures::SECURITY_CONTEXT_MULTIPLEXING);
    for contexts in [vec![context(0, TOY, &[])], vec![context(0, TOY, &[keep]), context(1, TOY, &[several])]]
    {
        let mut server = server(server_config());
        server.receive(&Pdu::new(1, Body::Bind(bind(contexts))).to_bytes().unwrap());
        assert!(matches!(server.poll_event(), Some(server::Event::Closed { .. })));
        let output = server.take_output();
        let Body::BindNak(nak) = Pdu::from_bytes(&output).unwrap().body else { panic!() };
        assert_eq!(nak.reason, RejectReason::REASON_NOT_SPECIFIED);
    }
    // The first transfer syntax decides whether it is about features.
    let mut server = server(server_config());
    let contexts = vec![context(0, TOY, &[keep, several, SyntaxId::NDR])];
    let (_, ack) = ack(&say(&mut server, &Pdu::new(1, Body::Bind(bind(contexts)))));
    let result = (ack.results[0].result, ack.results[0].reason);
    assert_eq!(result, (ContextResultCode::NEGOTIATE_ACK, ProviderReason(2)));
}

#[test]
fn one_fragment_size_is_negotiated_and_no_client_gets_more_than_it_accepts() {
    let agreed = [
        ((5840, 5840), 5840),
        ((0xffff, 0xffff), 5840),
        ((4280, 5840), 4280),
        ((5840, 3199), 3192),
        ((0, 0), 2048),
        ((1432, 1432), 2048),
    ];
    for ((max_xmit_frag, max_recv_frag), expected) in agreed {
        let mut server = server(server_config());
        let bind = Bind { max_xmit_frag, max_recv_frag, ..bind(vec![context(0, TOY, &[SyntaxId::NDR])]) };
        let (_, answer) = ack(&say(&mut server, &Pdu::new(1, Body::Bind(bind.clone()))));
        assert_eq!((answer.max_xmit_frag, answer.max_recv_frag), (expected, expected));
        // An alter_context changes nothing about it.
        let alter = Bind { max_xmit_frag: 4000, max_recv_frag: 4000, ..bind };
        let (_, answer) = ack(&say(&mut server, &Pdu::new(2, Body::AlterContext(alter))));
        assert_eq!((answer.max_xmit_frag, answer.max_recv_frag), (expected, expected));
        let call = rpc::pdu::Request { alloc_hint: 0, context_id: 0, opnum: 1, object: None, stub: b"" };
        server.receive(&Pdu::new(3, Body::Request(call)).to_bytes().unwrap());
        assert!(matches!(server.poll_event(), Some(server::Event::Request(_))));
        server.respond(3, &[7; 9000]).unwrap();
        let output = server.take_output();
        let length = u16::from_le_bytes([output[8], output[9]]);
        assert!(length <= expected.min(max_recv_frag.max(1432)), "{length}");
    }
}

#[test]
fn header_signing_is_echoed_only_to_a_pdu_that_offers_it() {
    let mut server = server(server_config());
    let contexts = || bind(vec![context(0, TOY, &[SyntaxId::NDR])]);
    let offer = PfcFlags::SUPPORT_HEADER_SIGN | PfcFlags::CONC_MPX;
    let (flags, _) = ack(&say(&mut server, &Pdu::new(1, Body::Bind(contexts())).with_flags(offer)));
    assert!(flags.contains(offer));
    let (flags, _) = ack(&say(&mut server, &Pdu::new(2, Body::AlterContext(contexts()))));
    assert!(!flags.contains(PfcFlags::SUPPORT_HEADER_SIGN) && !flags.contains(PfcFlags::CONC_MPX));
    let (flags, _) = ack(&say(&mut server, &Pdu::new(3, Body::AlterContext(contexts())).with_flags(offer)));
    assert!(flags.contains(PfcFlags::SUPPORT_HEADER_SIGN) && !flags.contains(PfcFlags::CONC_MPX));
}

/// Binds without a sign-in, then begins and ends the handshake `id` with an `alter_context`.
fn signs_in_later(server: &mut ServerAssociation, id: u32, level: AuthLevel) -> Bytes {
    let auth = AuthVerifier { trailer: trailer(level, id), token: b"x" };
    let alter = Pdu::new(2, Body::AlterContext(bind(vec![]))).with_auth(Some(auth));
    server.receive(&alter.to_bytes().unwrap());
    assert!(matches!(server.poll_event(), Some(server::Event::Authenticate { .. })));
    let protection = level.protects().then(|| Toy::boxed(99));
    server.resume_handshake(id, AuthOutcome::Done { token: None, protection }).unwrap();
    server.take_output()
}

#[test]
fn calls_without_a_verifier_stay_unauthenticated_after_a_bind_without_one() {
    let mut server = server(server_config());
    let contexts = vec![context(0, TOY, &[SyntaxId::NDR]), context(1, SECRET, &[SyntaxId::NDR])];
    say(&mut server, &Pdu::new(1, Body::Bind(bind(contexts))));
    for id in [1, 2] {
        let answer = signs_in_later(&mut server, id, AuthLevel::PKT_PRIVACY);
        // The trailer of no token that Windows sends.
        assert_eq!(answer[10..12], [0, 0]);
        assert_eq!(answer[answer.len() - 4..], id.to_le_bytes());
    }
    let call =
        |context_id| rpc::pdu::Request { alloc_hint: 0, context_id, opnum: 1, object: None, stub: b"" };
    server.receive(&Pdu::new(3, Body::Request(call(0))).to_bytes().unwrap());
    let event = server.poll_event();
    assert!(matches!(event, Some(server::Event::Request(request)) if request.security.is_none()));
    server.respond(3, b"").unwrap();
    server.take_output();
    // The minimum level holds.
    let output = say(&mut server, &Pdu::new(4, Body::Request(call(1))));
    let Body::Fault(fault) = Pdu::from_bytes(&output).unwrap().body else { panic!() };
    assert_eq!(fault.status, FaultStatus::ACCESS_DENIED);
}

#[test]
fn security_contexts_are_limited() {
    let mut server = server(ServerConfig { max_security_contexts: 3, ..server_config() });
    say(&mut server, &Pdu::new(1, Body::Bind(bind(vec![context(0, TOY, &[SyntaxId::NDR])]))));
    for id in 0..3 {
        signs_in_later(&mut server, id, AuthLevel::CONNECT);
    }
    let auth = AuthVerifier { trailer: trailer(AuthLevel::CONNECT, 3), token: b"x" };
    let alter = Pdu::new(2, Body::AlterContext(bind(vec![]))).with_auth(Some(auth));
    server.receive(&alter.to_bytes().unwrap());
    assert!(matches!(server.poll_event(), Some(server::Event::Closed { .. })));
    let output = server.take_output();
    let Body::Fault(fault) = Pdu::from_bytes(&output).unwrap().body else { panic!() };
    assert_eq!(fault.status, FaultStatus::NCA_S_PROTO_ERROR);
}

#[test]
fn a_package_with_more_to_say_does_not_end_with_an_auth3() {
    let mut server = server(server_config());
    let contexts = bind(vec![context(0, TOY, &[SyntaxId::NDR])]);
    let auth = || Some(AuthVerifier { trailer: trailer(AuthLevel::CONNECT, 1), token: b"x" });
    server.receive(&Pdu::new(1, Body::Bind(contexts)).with_auth(auth()).to_bytes().unwrap());
    server.poll_event();
    server.resume_handshake(1, AuthOutcome::Continue { token: vec![1] }).unwrap();
    server.receive(&Pdu::new(1, Body::Auth3([0; 4])).with_auth(auth()).to_bytes().unwrap());
    server.poll_event();
    server.resume_handshake(1, AuthOutcome::Done { token: Some(vec![2]), protection: None }).unwrap();
    server.take_output();
    let call = rpc::pdu::Request { alloc_hint: 0, context_id: 0, opnum: 1, object: None, stub: b"" };
    server.receive(&Pdu::new(3, Body::Request(call)).to_bytes().unwrap());
    let reason = server::CloseReason::Peer(PeerError::NotProtected);
    assert_eq!(server.poll_event(), Some(server::Event::Closed { reason }));
}

#[test]
fn rejected_contexts_cannot_be_called() {
    let mut pair = Pair::new(ClientConfig::default(), server_config());
    pair.client.bind(&[(0, TOY), (1, SyntaxId::NDR64)], None).unwrap();
    let (events, _) = pair.settle();
    let [client::Event::Bound { results, .. }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(results[1].1.reason, ProviderReason::ABSTRACT_SYNTAX_NOT_SUPPORTED);
    assert_eq!(pair.client.call(1, 0, None, Bytes::new()), Err(CallError::UnknownContext));
    pair.client.alter_context(&[(2, SECRET)]).unwrap();
    let (events, _) = pair.settle();
    assert!(matches!(events.as_slice(), [client::Event::ContextsAltered { .. }]));
    pair.client.call(2, 0, None, Bytes::new()).unwrap();
    assert_eq!(pair.settle().0.len(), 1);
}

#[test]
fn the_client_negotiates_features() {
    let features = BindTimeFeatures::SECURITY_CONTEXT_MULTIPLEXING;
    let config = ClientConfig { features, ..ClientConfig::default() };
    let mut pair = Pair::bound_with(AuthLevel::PKT_PRIVACY, config, server_config());
    pair.arrive(0, 1, b"x");
}

#[test]
fn groups_are_founded_joined_and_left() {
    let groups = Arc::new(GroupTable::new());
    let config = Arc::new(server_config());
    let new = || ServerAssociation::new(config.clone(), groups.clone());
    let join = |assoc_group_id| {
        let bind = Bind { assoc_group_id, ..bind(vec![context(0, TOY, &[SyntaxId::NDR])]) };
        Pdu::new(1, Body::Bind(bind))
    };
    let (mut first, mut second, mut third) = (new(), new(), new());
    let (_, founded) = ack(&say(&mut first, &join(0)));
    let (_, joined) = ack(&say(&mut second, &join(founded.assoc_group_id)));
    assert_eq!(joined.assoc_group_id, founded.assoc_group_id);
    assert_ne!(joined.assoc_group_id, 0);
    third.receive(&join(777).to_bytes().unwrap());
    let reason = server::CloseReason::Rejected(RejectReason::REASON_NOT_SPECIFIED);
    assert_eq!(third.poll_event(), Some(server::Event::Closed { reason }));
    assert!(matches!(Pdu::from_bytes(&third.take_output()).unwrap().body, Body::BindNak(_)));
    assert_eq!(groups.len(), 1);
    drop(first);
    assert!(groups.join(founded.assoc_group_id));
    groups.leave(founded.assoc_group_id);
    drop(second);
    assert!(groups.is_empty());
}

#[test]
fn header_signing_needs_both_sides() {
    for (client_signs, server_signs) in [(true, true), (true, false), (false, true), (false, false)] {
        let client = ClientConfig { header_signing: client_signs, ..ClientConfig::default() };
        let server = ServerConfig { header_signing: server_signs, ..server_config() };
        let mut pair = Pair::bound_with(AuthLevel::PKT_INTEGRITY, client, server);
        let mut sealed = {
            pair.client.call(0, 1, None, Bytes::from_static(b"stub")).unwrap();
            pair.client.take_output().to_vec()
        };
        // Only header signing protects the allocation hint.
        sealed[16] ^= 1;
        pair.server.receive(&sealed);
        let event = pair.server.poll_event().unwrap();
        assert_eq!(matches!(event, server::Event::Closed { .. }), client_signs && server_signs, "{event:?}");
    }
}

#[test]
fn a_changed_opnum_is_detected_by_the_verification_trailer() {
    let client = ClientConfig { header_signing: false, ..ClientConfig::default() };
    let mut pair = Pair::bound_with(AuthLevel::PKT_INTEGRITY, client, server_config());
    pair.client.call(0, 1, None, Bytes::from_static(b"stub")).unwrap();
    let mut sealed = pair.client.take_output().to_vec();
    sealed[22] = 2;
    pair.server.receive(&sealed);
    let reason = server::CloseReason::Peer(PeerError::BadSignature);
    assert_eq!(pair.server.poll_event(), Some(server::Event::Closed { reason }));
}

#[test]
fn samba_finishes_a_handshake_with_alter_context() {
    let mut pair = Pair::new(ClientConfig::default(), server_config());
    let credentials = Credentials { auth_type: AuthType::GSS_NEGOTIATE, ..ntlm(AuthLevel::PKT_PRIVACY) };
    pair.client.bind(&[(0, TOY)], Some(credentials)).unwrap();
    assert_eq!(step(&mut pair), &b"challenge"[..]);
    let token = b"authenticate".to_vec();
    pair.client.resume_handshake(HandshakeReply::AlterContext { token }).unwrap();
    assert_eq!(step(&mut pair), &b"accepted"[..]);
    pair.client.resume_handshake(HandshakeReply::Done { protection: Some(Toy::boxed(99)) }).unwrap();
    assert!(matches!(pair.client.poll_event(), Some(client::Event::Bound { .. })));
    assert_eq!(pair.arrive(0, 1, b"sealed").stub.len(), 8);
}

/// Passes one token to the server and its response to the client; returns the token that the client received.
fn step(pair: &mut Pair) -> Bytes {
    pair.server.receive(&pair.client.take_output());
    assert_eq!(crate::support::poll_server(&mut pair.server), []);
    pair.client.receive(&pair.server.take_output());
    let Some(client::Event::AuthToken { token }) = pair.client.poll_event() else { panic!() };
    token
}

#[test]
fn a_failed_handshake_is_a_bind_nak() {
    let mut server = server(server_config());
    let mut client = ClientAssociation::new(ClientConfig::default());
    client.bind(&[(0, TOY)], Some(ntlm(AuthLevel::PKT_PRIVACY))).unwrap();
    server.receive(&client.take_output());
    assert!(matches!(server.poll_event(), Some(server::Event::Authenticate { leg: 0, last: false, .. })));
    assert!(!server.wants_input());
    server.resume_handshake(79_231, AuthOutcome::Failed).unwrap();
    let reason = server::CloseReason::Rejected(RejectReason::INVALID_CHECKSUM);
    assert_eq!(server.poll_event(), Some(server::Event::Closed { reason }));
    client.receive(&server.take_output());
    let reason = client::CloseReason::Rejected(RejectReason::INVALID_CHECKSUM);
    assert_eq!(client.poll_event(), Some(client::Event::Closed { reason }));
}

#[test]
fn calls_after_a_refused_auth3_are_denied_and_the_association_ends() {
    let mut pair = Pair::new(ClientConfig::default(), server_config());
    pair.client.bind(&[(0, TOY)], Some(ntlm(AuthLevel::CONNECT))).unwrap();
    assert_eq!(step(&mut pair), &b"challenge"[..]);
    let token = b"wrong".to_vec();
    pair.client.resume_handshake(HandshakeReply::Auth3 { token, protection: None }).unwrap();
    pair.client.poll_event();
    pair.client.call(0, 1, None, Bytes::new()).unwrap();
    // The call waits for the response to the handshake.
    pair.server.receive(&pair.client.take_output());
    assert!(matches!(pair.server.poll_event(), Some(server::Event::Authenticate { last: true, .. })));
    assert_eq!(pair.server.poll_event(), None);
    pair.server.resume_handshake(79_231, AuthOutcome::Failed).unwrap();
    let reason = server::CloseReason::Peer(PeerError::NotProtected);
    assert_eq!(pair.server.poll_event(), Some(server::Event::Closed { reason }));
    pair.client.receive(&pair.server.take_output());
    let event = pair.client.poll_event().unwrap();
    assert!(matches!(event, client::Event::Fault { status: FaultStatus::ACCESS_DENIED, .. }), "{event:?}");
}

#[test]
fn protection_must_be_there_from_packet_level_on() {
    let mut server = server(server_config());
    let auth = AuthVerifier { trailer: trailer(AuthLevel::PKT, 0), token: b"x" };
    let pdu = Pdu::new(1, Body::Bind(bind(vec![context(0, TOY, &[SyntaxId::NDR])]))).with_auth(Some(auth));
    server.receive(&pdu.to_bytes().unwrap());
    let event = server.poll_event();
    assert!(matches!(event, Some(server::Event::Authenticate { level: AuthLevel::PKT, .. })));
    server.resume_handshake(0, AuthOutcome::Done { token: None, protection: None }).unwrap();
    assert!(server.is_closed());
    assert!(matches!(Pdu::from_bytes(&server.take_output()).unwrap().body, Body::BindNak(_)));
}

#[test]
fn unknown_packages_and_levels_are_rejected() {
    let cases = [
        (AuthType::NETLOGON, AuthLevel::PKT, RejectReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED),
        (AuthType::WINNT, AuthLevel(9), RejectReason::REASON_NOT_SPECIFIED),
        (AuthType::WINNT, AuthLevel::NONE, RejectReason::REASON_NOT_SPECIFIED),
        (AuthType::WINNT, AuthLevel::DEFAULT, RejectReason::REASON_NOT_SPECIFIED),
        (AuthType::WINNT, AuthLevel::CALL, RejectReason::INVALID_CHECKSUM),
        (AuthType::NONE, AuthLevel(7), RejectReason::REASON_NOT_SPECIFIED),
    ];
    for (auth_type, level, expected) in cases {
        let mut server = server(server_config());
        let trailer = SecTrailer { auth_type, ..trailer(level, 0) };
        let auth = AuthVerifier { trailer, token: b"x" };
        let contexts = bind(vec![context(0, TOY, &[SyntaxId::NDR])]);
        server.receive(&Pdu::new(1, Body::Bind(contexts)).with_auth(Some(auth)).to_bytes().unwrap());
        // Reason 4 would say that it is the protocol's version.
        assert!(matches!(server.poll_event(), Some(server::Event::Closed { .. })));
        let output = server.take_output();
        let Body::BindNak(nak) = Pdu::from_bytes(&output).unwrap().body else { panic!() };
        assert_eq!(nak.reason, expected, "{auth_type} {level}");
    }
}

#[test]
fn a_handshake_has_a_limit_of_tokens() {
    let mut server = server(ServerConfig { max_auth_legs: 3, ..server_config() });
    let auth = AuthVerifier { trailer: trailer(AuthLevel::PKT, 5), token: b"x" };
    let contexts = || bind(vec![context(0, TOY, &[SyntaxId::NDR])]);
    let mut body = Body::Bind(contexts());
    for leg in 0..3 {
        server.receive(&Pdu::new(1, body).with_auth(Some(auth)).to_bytes().unwrap());
        assert!(matches!(server.poll_event(), Some(server::Event::Authenticate { leg: n, .. }) if n == leg));
        server.resume_handshake(5, AuthOutcome::Continue { token: vec![1] }).unwrap();
        body = Body::AlterContext(contexts());
    }
    server.receive(&Pdu::new(1, body).with_auth(Some(auth)).to_bytes().unwrap());
    let reason = server::CloseReason::AuthenticationFailed;
    assert_eq!(server.poll_event(), Some(server::Event::Closed { reason }));
}

#[test]
fn a_second_security_context_needs_both_sides_to_agree() {
    for agreed in [true, false] {
        let mut server = server(server_config());
        let offered = BindTimeFeatures::SECURITY_CONTEXT_MULTIPLEXING.to_syntax();
        let mut contexts = vec![context(0, TOY, &[SyntaxId::NDR])];
        contexts.extend(agreed.then(|| context(1, TOY, &[offered])));
        let begin = |id| Some(AuthVerifier { trailer: trailer(AuthLevel::CONNECT, id), token: b"x" });
        server.receive(&Pdu::new(1, Body::Bind(bind(contexts))).with_auth(begin(1)).to_bytes().unwrap());
        server.poll_event();
        server.resume_handshake(1, AuthOutcome::Done { token: None, protection: None }).unwrap();
        let alter = Pdu::new(2, Body::AlterContext(bind(vec![]))).with_auth(begin(2));
        server.receive(&alter.to_bytes().unwrap());
        let event = server.poll_event().unwrap();
        let accepted = matches!(event, server::Event::Authenticate { auth_context_id: 2, .. });
        assert_eq!(accepted, agreed, "{event:?}");
        assert_eq!(server.is_closed(), !agreed);
    }
}
