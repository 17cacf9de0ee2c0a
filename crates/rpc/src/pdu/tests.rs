//! Tests of PDUs.

use proptest::prelude::*;
use wire::{Decode, Encode, Guid};

use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// A bind for the endpoint mapper as impacket sends it: one context, fragments of 4280 bytes.
const BIND: &str = "05000b0310000000 48000000 01000000 b810b810 00000000 01000000 00000100
    0883afe11f5dc91191a408002b14a0fa 03000000 045d888aeb1cc9119fe808002b104860 02000000";

/// The response of Windows.
const BIND_ACK: &str = "05000c0310000000 3c000000 01000000 b810b810 96130000 0400 31333500 0000
    01000000 00000000 045d888aeb1cc9119fe808002b104860 02000000";

#[test]
fn reads_a_bind_as_impacket_sends_it() {
    let bytes = hex(BIND);
    let pdu = Pdu::from_bytes(&bytes).unwrap();
    let Body::Bind(bind) = &pdu.body else { panic!("{pdu:?}") };
    assert_eq!((bind.max_xmit_frag, bind.max_recv_frag, bind.assoc_group_id), (4280, 4280, 0));
    assert_eq!(bind.contexts[0].abstract_syntax, crate::epm::INTERFACE);
    assert_eq!(bind.contexts[0].transfer_syntaxes, [SyntaxId::NDR]);
    assert_eq!(pdu.to_bytes().unwrap(), bytes);
}

#[test]
fn reads_a_bind_ack_as_windows_sends_it() {
    let bytes = hex(BIND_ACK);
    let pdu = Pdu::from_bytes(&bytes).unwrap();
    let Body::BindAck(ack) = &pdu.body else { panic!("{pdu:?}") };
    assert_eq!(ack.secondary_address, b"135\0");
    assert_eq!(ack.results[0].result, ContextResultCode::ACCEPTANCE);
    assert_eq!(pdu.to_bytes().unwrap(), bytes);
}

#[test]
fn reads_what_a_big_endian_sender_writes() {
    let bytes = hex("05000003 00000000 001c 0000 00000007 00000004 0001 000b deadbeef");
    let pdu = Pdu::from_bytes(&bytes).unwrap();
    assert_eq!(pdu.header.call_id, 7);
    let stub: &[u8] = &[0xde, 0xad, 0xbe, 0xef];
    let request = Request { alloc_hint: 4, context_id: 1, opnum: 11, object: None, stub };
    assert_eq!(pdu.body, Body::Request(request));
    // Written, it is little-endian.
    let again = hex("05000003 10000000 1c00 0000 07000000 04000000 0100 0b00 deadbeef");
    assert_eq!(pdu.to_bytes().unwrap(), again);
    let syntax = hex("8a885d04 1ceb 11c9 9fe808002b104860 00000002");
    let mut r = wire::Reader::with_endian(&syntax, wire::Endian::Big);
    assert_eq!(SyntaxId::decode(&mut r), Ok(SyntaxId::NDR));
}

#[test]
fn reads_a_bind_nak_without_versions() {
    let bytes = hex("05000d03 10000000 1200 0000 01000000 0800");
    let Body::BindNak(nak) = Pdu::from_bytes(&bytes).unwrap().body else { panic!() };
    assert_eq!(nak.reason, RejectReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED);
}

#[test]
fn names_features_by_their_syntax() {
    let features =
        BindTimeFeatures::SECURITY_CONTEXT_MULTIPLEXING | BindTimeFeatures::KEEP_CONNECTION_ON_ORPHAN;
    let syntax = features.to_syntax();
    assert_eq!(syntax.to_string(), "6cb71c2c-9812-4540-0300-000000000000 v1.0");
    assert_eq!(BindTimeFeatures::from_syntax(&syntax), Some(features));
    assert_eq!(BindTimeFeatures::from_syntax(&SyntaxId::NDR), None);
}

#[test]
fn padding_that_reaches_into_the_header_is_refused() {
    let trailer = SecTrailer {
        auth_type: AuthType::WINNT,
        auth_level: AuthLevel::PKT_PRIVACY,
        auth_pad_length: 0,
        auth_reserved: 0,
        auth_context_id: 1,
    };
    let auth = AuthVerifier { trailer, token: &[1; 16] };
    let mut bytes = Pdu::new(1, Body::Auth3([0; 4])).with_auth(Some(auth)).to_bytes().unwrap();
    assert!(Pdu::from_bytes(&bytes).is_ok());
    bytes[22] = 5;
    let error = Pdu::from_bytes(&bytes).unwrap_err();
    assert_eq!(error.field, "auth_pad_length");
}

#[test]
fn levels_are_raised_before_use() {
    assert_eq!(AuthLevel::CALL.effective(), Some(AuthLevel::PKT));
    assert_eq!(AuthLevel::DEFAULT.effective(), Some(AuthLevel::CONNECT));
    assert_eq!(AuthLevel(7).effective(), None);
    assert!(AuthLevel::CALL.protects() && !AuthLevel::CONNECT.protects());
}

fn any_syntax() -> impl Strategy<Value = SyntaxId> {
    (any::<[u8; 16]>(), any::<u16>(), any::<u16>())
        .prop_map(|(uuid, a, b)| SyntaxId::new(Guid::from_le(uuid), a, b))
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..80)
}

fn any_bind() -> impl Strategy<Value = Bind> {
    let context = (any::<u16>(), any_syntax(), proptest::collection::vec(any_syntax(), 0..4));
    let context = context.prop_map(|(context_id, abstract_syntax, transfer_syntaxes)| PresentationContext {
        context_id,
        abstract_syntax,
        transfer_syntaxes,
    });
    (any::<[u16; 2]>(), any::<u32>(), proptest::collection::vec(context, 0..4)).prop_map(
        |(sizes, group, contexts)| Bind {
            max_xmit_frag: sizes[0],
            max_recv_frag: sizes[1],
            assoc_group_id: group,
            contexts,
        },
    )
}

fn any_ack() -> impl Strategy<Value = BindAck> {
    let result = (any::<[u16; 2]>(), any_syntax()).prop_map(|(codes, transfer_syntax)| ContextResult {
        result: ContextResultCode(codes[0]),
        reason: ProviderReason(codes[1]),
        transfer_syntax,
    });
    let results = proptest::collection::vec(result, 0..4);
    (any::<[u16; 2]>(), any::<u32>(), any_bytes(), results).prop_map(|(sizes, group, address, results)| {
        BindAck {
            max_xmit_frag: sizes[0],
            max_recv_frag: sizes[1],
            assoc_group_id: group,
            secondary_address: address,
            results,
        }
    })
}

fn round_trips(body: Body<'_>, flags: u8, auth: Option<&(u8, Vec<u8>)>) -> Result<(), TestCaseError> {
    let trailer = |pad| SecTrailer {
        auth_type: AuthType::WINNT,
        auth_level: AuthLevel::PKT_INTEGRITY,
        auth_pad_length: pad,
        auth_reserved: 9,
        auth_context_id: 0xdead_beef,
    };
    let auth = auth.map(|(pad, token)| AuthVerifier { trailer: trailer(*pad), token });
    let mut pdu = Pdu::new(77, body).with_flags(PfcFlags(flags & 0x7f)).with_auth(auth);
    let bytes = pdu.to_bytes().unwrap();
    let again = Pdu::from_bytes(&bytes).unwrap();
    // What is derived.
    pdu.header.frag_length = u16::try_from(bytes.len()).unwrap();
    pdu.header.auth_length = u16::try_from(auth.map_or(0, |auth| auth.token.len())).unwrap();
    if matches!(&pdu.body, Body::Request(request) if request.object.is_some()) {
        pdu.header.flags = pdu.header.flags | PfcFlags::OBJECT_UUID;
    }
    prop_assert_eq!(&again, &pdu);
    prop_assert_eq!(again.to_bytes().unwrap(), bytes);
    Ok(())
}

proptest! {
    #[test]
    fn every_type_round_trips(
        bind in any_bind(),
        ack in any_ack(),
        stub in any_bytes(),
        object in proptest::option::of(any::<[u8; 16]>()),
        codes: [u32; 3],
        small: [u16; 2],
        bytes: [u8; 4],
        versions in proptest::collection::vec(any::<(u8, u8)>(), 0..4),
        auth in proptest::option::of((0_u8..16, proptest::collection::vec(any::<u8>(), 1..40))),
    ) {
        let object = object.map(Guid::from_le);
        let request = Request { alloc_hint: codes[0], context_id: small[0], opnum: small[1], object, stub: &stub };
        let response = Response {
            alloc_hint: codes[0],
            context_id: small[0],
            cancel_count: bytes[0],
            reserved: bytes[1],
            stub: &stub,
        };
        let fault = Fault {
            alloc_hint: codes[0],
            context_id: small[0],
            cancel_count: bytes[0],
            flags: bytes[1],
            status: FaultStatus(codes[1]),
            reserved2: codes[2],
            stub: &stub,
        };
        let nak = BindNak { reason: RejectReason(small[0]), versions, rest: &stub };
        for body in [
            Body::Bind(bind.clone()),
            Body::AlterContext(bind),
            Body::BindAck(ack.clone()),
            Body::AlterContextResp(ack),
            Body::BindNak(nak),
            Body::Auth3(bytes),
            Body::Request(request),
            Body::Response(response),
            Body::Fault(fault),
            Body::Shutdown,
            Body::CoCancel,
            Body::Orphaned,
        ] {
            // A body of no bytes has no room for padding.
            let bare = matches!(body, Body::Shutdown | Body::CoCancel | Body::Orphaned);
            let auth = auth.clone().map(|(pad, token)| (if bare { 0 } else { pad }, token));
            round_trips(body, bytes[2], auth.as_ref())?;
        }
    }

    #[test]
    fn no_bytes_cause_a_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..120), ptype in 0_u8..20) {
        let length = u8::try_from(bytes.len()).unwrap();
        for (place, value) in [5, 0, ptype, 3, 0x10, 0, 0, 0, length, 0].into_iter().enumerate() {
            if let Some(byte) = bytes.get_mut(place) {
                *byte = value;
            }
        }
        if let Some(byte) = bytes.get_mut(11) {
            *byte = 0;
        }
        if let Ok(pdu) = Pdu::from_bytes(&bytes) {
            let _ = pdu.to_bytes();
        }
    }
}
