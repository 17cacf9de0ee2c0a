//! Seeds for fuzzing PDUs and associations.

use std::net::Ipv4Addr;

use rpc::epm::{EptEntry, EptLookupRequest, EptLookupResponse, EptMapRequest, EptMapResponse, Tower};
use rpc::mgmt::{InqIfIdsResponse, InqPrincNameRequest, InqPrincNameResponse, InqStatsResponse};
use rpc::pdu::{
    AuthVerifier, Bind, BindAck, BindNak, Body, ContextResult, ContextResultCode, Fault, FaultStatus, Pdu,
    PduType, PfcFlags, PresentationContext, ProviderReason, RejectReason, Request, Response, SecTrailer,
};
use rpc::verification::{Header2, SIGNATURE, VerificationTrailer};
use rpc::{AuthLevel, AuthType, SyntaxId};
use wire::Encode;

use crate::input::{chosen, put_block};
use crate::oracles::rpc::{SECRET, TOY};

fn bytes(value: &impl Encode) -> Vec<u8> {
    value.to_bytes().expect("a seed can be written")
}

fn bind() -> Bind {
    let context = |context_id, abstract_syntax| PresentationContext {
        context_id,
        abstract_syntax,
        transfer_syntaxes: vec![SyntaxId::NDR],
    };
    Bind {
        max_xmit_frag: 5840,
        max_recv_frag: 5840,
        assoc_group_id: 0,
        contexts: vec![context(0, TOY), context(1, SECRET)],
    }
}

fn bind_ack() -> BindAck {
    let accepted = ContextResult {
        result: ContextResultCode::ACCEPTANCE,
        reason: ProviderReason::REASON_NOT_SPECIFIED,
        transfer_syntax: SyntaxId::NDR,
    };
    BindAck {
        max_xmit_frag: 5840,
        max_recv_frag: 5840,
        assoc_group_id: 1,
        secondary_address: b"6001\0".to_vec(),
        results: vec![accepted, accepted],
    }
}

fn request(opnum: u16, stub: &[u8]) -> Body<'_> {
    Body::Request(Request { alloc_hint: 9, context_id: 0, opnum, object: None, stub })
}

fn response(stub: &[u8]) -> Body<'_> {
    Body::Response(Response { alloc_hint: 9, context_id: 1, cancel_count: 2, reserved: 3, stub })
}

fn verifier(token: &[u8]) -> AuthVerifier<'_> {
    verifier_at(AuthLevel::PKT_PRIVACY, token)
}

fn verifier_at(auth_level: AuthLevel, token: &[u8]) -> AuthVerifier<'_> {
    let trailer = SecTrailer {
        auth_type: AuthType::WINNT,
        auth_level,
        auth_pad_length: 0,
        auth_reserved: 0,
        auth_context_id: 0,
    };
    AuthVerifier { trailer, token }
}

/// One of each PDU that a client sends, then of those that a server sends.
fn all_pdus() -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let fault = Fault {
        alloc_hint: 32,
        context_id: 1,
        cancel_count: 2,
        flags: 3,
        status: FaultStatus::ACCESS_DENIED,
        reserved2: 4,
        stub: b"why",
    };
    let client = [
        Pdu::new(1, Body::Bind(bind())),
        Pdu::new(1, Body::Bind(bind())).with_auth(Some(verifier(b"\0negotiate"))),
        Pdu::new(2, Body::AlterContext(bind())).with_auth(Some(verifier(b"\0more"))),
        Pdu::new(2, Body::Auth3([0; 4])).with_auth(Some(verifier(b"\0last"))),
        Pdu::new(3, request(0, b"stub")),
        Pdu::new(3, request(2, b"sealed  ")).with_auth(Some(verifier(&[0xaa; 16]))),
        Pdu::new(3, Body::CoCancel),
        Pdu::new(3, Body::Orphaned),
    ];
    let server = [
        Pdu::new(1, Body::BindAck(bind_ack())).with_flags(PfcFlags::CONC_MPX),
        Pdu::new(1, Body::BindAck(bind_ack())).with_auth(Some(verifier(b"\0challenge"))),
        Pdu::new(1, Body::BindNak(BindNak::new(RejectReason::PROTOCOL_VERSION_NOT_SUPPORTED))),
        Pdu::new(2, Body::AlterContextResp(bind_ack())),
        Pdu::new(2, response(b"an answer")),
        Pdu::new(2, response(b"an answer   ")).with_auth(Some(verifier(&[0xaa; 16]))),
        Pdu::new(2, Body::Fault(fault)),
        Pdu::new(0, Body::Shutdown),
    ];
    (client.iter().map(bytes).collect(), server.iter().map(bytes).collect())
}

fn trailer() -> VerificationTrailer {
    VerificationTrailer {
        bitmask: Some(1),
        pcontext: Some((TOY, SyntaxId::NDR)),
        header2: Some(Header2 {
            ptype: PduType::REQUEST,
            drep: rpc::pdu::DataRepresentation::LITTLE,
            call_id: 3,
            context_id: 0,
            opnum: 0,
        }),
        unknown_must_process: false,
    }
}

fn stub_with_trailer() -> Vec<u8> {
    let tail = trailer().to_tail(5).expect("a seed can be written");
    [&b"stub "[..], &tail].concat()
}

pub(super) fn pdus() -> Vec<Vec<u8>> {
    let (client, server) = all_pdus();
    let mut seeds: Vec<_> = client.iter().chain(&server).map(|unit| chosen(&[0], unit)).collect();
    seeds.push(chosen(&[1, 9], &client.concat()));
    seeds.push(chosen(&[2], &stub_with_trailer()));
    // A trailer beyond the range in which it is searched.
    let long = [&SIGNATURE[..], &[0x10, 0x40, 0, 8], &[7; 2048]].concat();
    seeds.push(chosen(&[2], &long));
    seeds
}

/// A record from which the oracle makes a PDU without a verifier.
fn record(ptype: u8, flags: u8, call_id: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).expect("a short body");
    [&[ptype, flags, call_id, 0, length], body].concat()
}

/// A record of a long fragment of a call or of a response, of 4080 bytes.
fn long(ptype: u8, flags: u8, call_id: u8) -> Vec<u8> {
    [&[ptype, flags, call_id, 0x40, 255][..], &call(0, 0, &[b'x'; 4072])].concat()
}

/// A record of a PDU with a valid signature at the level `PKT_PRIVACY`.
fn sealed(ptype: u8, flags: u8, call_id: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).expect("a short body");
    [&[ptype, flags, call_id, 0x80, length], body, &[6, 0, 4], &[0xaa; 4]].concat()
}

/// The fields of a request and its stub.
fn call(context_id: u8, opnum: u8, stub: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, 0, context_id, 0, opnum, 0], stub].concat()
}

pub(super) fn server() -> Vec<Vec<u8>> {
    let (client, _) = all_pdus();
    let whole = chosen(&[0, 5], &client.concat());
    let each = client.iter().flat_map(|unit| [chosen(&[1 | 16, 3], unit), chosen(&[7 | 16 | 32, 4], unit)]);
    let calls = [
        record(0, 3, 2, &call(0, 0, b"echo")),
        record(0, 3, 3, &call(0, 2, b"later")),
        record(0, 1, 4, &call(0, 3, b"first part")),
        record(0, 0, 4, &call(0, 3, b"middle")),
        record(0, 2, 4, &call(0, 3, b"end")),
        record(18, 3, 3, b""),
        record(0, 3, 5, &call(0, 2, b"given up")),
        record(19, 3, 5, b""),
        record(0, 3, 6, &call(0, 1, &stub_with_trailer())),
    ];
    let secrets = [
        sealed(0, 3, 2, &call(1, 0, b"echo")),
        sealed(0, 1, 3, &call(1, 3, b"first part")),
        sealed(0, 2, 3, &call(1, 3, b"end")),
        sealed(14, 3, 4, &[0xd0, 0x16, 0xd0, 0x16, 0, 0, 0, 0, 0, 0, 0, 0]),
        sealed(16, 3, 4, &[0; 4]),
        sealed(19, 3, 3, b""),
    ];
    let mut seeds = vec![
        whole,
        chosen(&[1 | 8 | 16, 2], &calls.concat()),
        chosen(&[1 | 8, 2], &calls[..5].concat()),
        chosen(&[7 | 8 | 16, 6], &secrets.concat()),
        chosen(&[7 | 8 | 16 | 32, 6], &secrets.concat()),
    ];
    seeds.extend(each);
    seeds.extend(bad_calls());
    seeds
}

/// Calls that the server must not accept.
fn bad_calls() -> Vec<Vec<u8>> {
    let secret = record(0, 3, 2, &call(1, 0, b"unprotected"));
    let sealed_secret = sealed(0, 3, 2, &call(1, 0, b"only signed"));
    let waiting: Vec<_> = (1..8).flat_map(|call_id| record(0, 3, call_id, &call(0, 2, b"wait"))).collect();
    let too_long = [long(0, 1, 1), long(0, 0, 1), long(0, 2, 1)].concat();
    let two_too_long = [long(0, 1, 1), long(0, 1, 2), long(0, 2, 1), long(0, 2, 2)].concat();
    let begun = Pdu::new(1, Body::Bind(bind())).with_auth(Some(verifier_at(AuthLevel::CONNECT, &[1])));
    let again =
        Pdu::new(2, Body::AlterContext(bind())).with_auth(Some(verifier_at(AuthLevel::CONNECT, &[1])));
    let early = Pdu::new(2, request(0, b"stub")).with_auth(Some(verifier_at(AuthLevel::CONNECT, &[0xaa; 4])));
    vec![
        chosen(&[1 | 8, 1], &secret),
        chosen(&[7 | 8, 1], &secret),
        chosen(
            &[3 | 8, 1],
            &sealed_secret.iter().map(|byte| if *byte == 6 { 5 } else { *byte }).collect::<Vec<_>>(),
        ),
        chosen(&[7 | 8, 1], &record(0, 3, 2, &call(0, 0, b"unprotected"))),
        chosen(&[1 | 8, 1], &waiting),
        chosen(&[1 | 8 | 16, 1], &waiting),
        chosen(&[1 | 8, 1], &too_long),
        chosen(&[1 | 8 | 16, 1], &two_too_long),
        chosen(&[0, 1], &[bytes(&begun), bytes(&early)].concat()),
        chosen(&[0, 1], &[bytes(&begun), bytes(&again).repeat(4)].concat()),
    ]
}

pub(super) fn client() -> Vec<Vec<u8>> {
    let (_, server) = all_pdus();
    let answers = [
        record(2, 3, 2, &call(0, 0, b"an answer")),
        record(2, 1, 3, &call(0, 0, b"first part")),
        record(2, 0, 3, &call(0, 0, b"middle")),
        record(2, 2, 3, &call(0, 0, b"end")),
        record(3, 3, 4, &[32, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]),
        record(17, 3, 0, b""),
        record(2, 3, 5, &call(0, 0, b"another")),
    ];
    let secrets = [
        sealed(2, 3, 2, &call(1, 0, b"an answer")),
        sealed(2, 1, 3, &call(1, 0, b"first part")),
        sealed(2, 2, 3, &call(1, 0, b"end")),
        sealed(3, 3, 4, &[32, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]),
    ];
    let mut seeds = vec![
        chosen(&[0, 3], &server.concat()),
        chosen(&[2, 3], &server[1..].concat()),
        chosen(&[1 | 8 | 16, 2], &answers.concat()),
        chosen(&[1 | 8 | 64, 2], &answers.concat()),
        chosen(&[7 | 8 | 16, 2], &secrets.concat()),
        chosen(&[7 | 8 | 32 | 64, 2], &secrets.concat()),
        chosen(&[1 | 8, 1], &[long(2, 1, 2), long(2, 0, 2), long(2, 2, 2)].concat()),
        chosen(&[1 | 8 | 16, 1], &[long(2, 1, 2), long(2, 1, 3), long(2, 2, 2), long(2, 2, 3)].concat()),
    ];
    seeds.extend(server.iter().map(|unit| chosen(&[16, 3], unit)));
    seeds
}

pub(super) fn endpoints() -> Vec<Vec<u8>> {
    let tower = Tower::ncacn_ip_tcp(&TOY, Ipv4Addr::LOCALHOST, 6001);
    let map = EptMapRequest { map_tower: Some(tower.clone()), max_towers: 2, ..EptMapRequest::default() };
    let lookup = EptLookupRequest { interface: Some(TOY), max_ents: 5, ..EptLookupRequest::default() };
    let entry = EptEntry { tower: Some(tower.clone()), annotation: b"here".to_vec(), ..EptEntry::default() };
    let found = EptLookupResponse { max_ents: 2, entries: vec![entry], ..EptLookupResponse::default() };
    let towers = vec![Some(tower.clone()), None];
    let mapped = EptMapResponse { max_towers: 2, towers, ..EptMapResponse::default() };
    let ids = InqIfIdsResponse { interfaces: Some(vec![TOY, SECRET]), status: 0 };
    let name = InqPrincNameResponse { princ_name_size: 64, princ_name: b"svc".to_vec(), status: 0 };
    let asked = InqPrincNameRequest { authn_proto: 10, princ_name_size: 64 };

    let mut calls = Vec::new();
    for (choice, opnum, stub) in [(0, 3, bytes(&map)), (0, 2, bytes(&lookup)), (2, 4, bytes(&asked))] {
        calls.extend([choice, opnum]);
        put_block(&mut calls, &stub);
    }
    // The handle of the first page, with which the next one is requested.
    let mut next = map.clone();
    next.entry_handle.uuid = wire::Guid::new(0x6d61_7065, 0x7072, 0x4001, 1_u64.to_be_bytes());
    calls.extend([0, 3]);
    put_block(&mut calls, &bytes(&next));
    vec![
        chosen(&[0, 0], &bytes(&map)),
        chosen(&[1, 0], &bytes(&mapped)),
        chosen(&[2, 0], &bytes(&lookup)),
        chosen(&[3, 0], &bytes(&found)),
        chosen(&[4, 0], &[0; 24]),
        chosen(&[5, 0], &bytes(&tower)),
        chosen(&[6, 0], &bytes(&ids)),
        chosen(&[7, 0], &bytes(&InqStatsResponse { statistics: vec![1, 2, 3, 4], status: 0 })),
        chosen(&[8, 0], &bytes(&asked)),
        chosen(&[9, 0], &bytes(&name)),
        chosen(&[10], &calls),
    ]
}
