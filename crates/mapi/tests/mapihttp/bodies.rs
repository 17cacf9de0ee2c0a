//! Bodies of every type round-trip, complete and truncated.

use mapi::mapihttp::nspi::{ColumnsAndRows, EntryIds, Names, NamesForm, WideDn};
use mapi::mapihttp::{
    AuxiliaryBuffer, ErrorOnly, Failure, Maybe, OperationResponse, RequestType, String8, emsmdb, nspi,
};
use mapi::nspi::{DisplayType, MId, PermanentEntryId, Text, TextKind};
use mapi::property::{FlaggedValue, PropTag, PropType, PropertyRow, PropertyValue};
use mapi::{ErrorCode, mapihttp};
use proptest::prelude::*;
use wire::{Encode as _, Utf16};

use crate::strategies;

macro_rules! survives {
    ($($endpoint:ident::$enum:ident)::+, $body:expr) => {{
        let body = $body;
        let bytes = body.encode().expect("it fits");
        let (read, rest) = <$($endpoint::$enum)::+>::decode(body.request_type(), &bytes).expect("it reads");
        prop_assert_eq!(rest, b"");
        prop_assert_eq!(&read, &body);
        prop_assert_eq!(read.encode().expect("it fits"), bytes.clone());
        for cut in 0..bytes.len() {
            // Some bodies may end early. The decoded fields encode to the same bytes.
            let cut = &bytes[..cut];
            if let Ok((read, rest)) = <$($endpoint::$enum)::+>::decode(body.request_type(), cut) {
                prop_assert_eq!([read.encode().expect("it fits"), rest.to_vec()].concat(), cut);
            }
        }
    }};
}

macro_rules! looks {
    ($body:expr) => {{
        let mut body = $body;
        let before = body.clone();
        let (mut texts, mut values) = (0, 0);
        body.visit_values_mut(&mut |_, _| values += 1);
        body.visit_texts_mut(&mut |_, _| texts += 1);
        prop_assert_eq!(&body, &before, "to look is not to change");
        body.visit_texts_mut(&mut |_, text| match text {
            Text::Char(bytes) => bytes.push(b'!'),
            Text::Wide(text) => *text = Utf16::from_units(text.units().chain([u16::from(b'!')])),
        });
        prop_assert_eq!(body != before, texts != 0, "what is visited can be changed");
        prop_assert!(body.encode().is_ok());
    }};
}

proptest! {
    #[test]
    fn emsmdb_requests_round_trip(body in strategies::emsmdb_requests()) {
        survives!(emsmdb::Request, body);
    }

    #[test]
    fn emsmdb_responses_round_trip(body in strategies::emsmdb_responses()) {
        survives!(emsmdb::Response, body);
    }

    #[test]
    fn nspi_requests_round_trip(body in strategies::nspi_requests()) {
        survives!(nspi::Request, body);
    }

    #[test]
    fn nspi_responses_round_trip(body in strategies::nspi_responses()) {
        survives!(nspi::Response, body);
    }

    #[test]
    fn texts_in_requests_can_be_changed(body in strategies::nspi_requests()) {
        looks!(body);
    }

    #[test]
    fn texts_in_responses_can_be_changed(body in strategies::nspi_responses()) {
        looks!(body);
    }

    #[test]
    fn comparison_results_round_trip_in_both_field_orders(first in any::<u32>(), second in any::<u32>(), small in -2..3_i32) {
        for (first, second) in [(first, second), (small.cast_unsigned(), second), (first, small.cast_unsigned())] {
            let bytes = [[0; 4], first.to_le_bytes(), second.to_le_bytes(), [0; 4]].concat();
            let (read, rest) = nspi::Response::decode(RequestType::CompareMIds, &bytes).expect("it reads");
            prop_assert_eq!(rest, b"");
            prop_assert_eq!(read.encode().expect("it fits"), bytes);
        }
    }
}

#[test]
fn comparison_results_are_decoded_in_both_field_orders() {
    let denied = ErrorCode::MAPI_E_NO_ACCESS.0;
    for (first, second, code, result, result_first) in [
        (0, 0, 0, 0, false),
        (0, 1, 0, 1, false),
        (0, u32::MAX, 0, -1, false),
        (1, 0, 0, 1, true),
        (u32::MAX, 0, 0, -1, true),
        (denied, 0, denied, 0, false),
        (0, denied, denied, 0, true),
        (denied, u32::MAX, denied, -1, false),
        (u32::MAX, denied, denied, -1, true),
    ] {
        let bytes = [first.to_le_bytes(), second.to_le_bytes(), [0; 4]].concat();
        let bytes = [&[0; 4], &bytes[..]].concat();
        let (read, rest) = nspi::Response::decode(RequestType::CompareMIds, &bytes).unwrap();
        let nspi::Response::CompareMIds(OperationResponse::Complete(read)) = read else { panic!("{read:?}") };
        assert_eq!(rest, b"");
        assert_eq!((read.error_code.0, read.result, read.result_first), (code, result, result_first));
    }
}

#[test]
fn failures_are_decoded_in_each_form() {
    let decode = |bytes: &[u8]| {
        let (read, rest) = emsmdb::Response::decode(RequestType::Execute, bytes).unwrap();
        assert_eq!([read.encode().unwrap(), rest.to_vec()].concat(), bytes);
        (read, rest.to_vec())
    };
    // The operation was not performed: with and without an auxiliary buffer, and with other bytes after the status.
    let (read, _) = decode(&[5, 0, 0, 0, 2, 0, 0, 0, 7, 8]);
    assert_eq!(read.return_value(), ErrorCode(5));
    let emsmdb::Response::Execute(OperationResponse::Failure(failure)) = read else { panic!("a failure") };
    assert_eq!(failure.aux.as_slice(), [7, 8]);
    assert_eq!(decode(&[5, 0, 0, 0]).1, b"");
    for tail in [&[5, 0, 0, 0][..], &[0, 0, 0, 0, 7], b"?"] {
        let (read, rest) = decode(&[&[5, 0, 0, 0], tail].concat());
        let emsmdb::Response::Execute(OperationResponse::Failure(Failure { aux, .. })) = read else {
            panic!("a failure")
        };
        assert_eq!((aux.is_opaque(), aux.as_slice(), &rest[..]), (true, tail, &b""[..]));
        assert!(aux.blocks().is_err());
    }
    // The operation failed: only an optional auxiliary buffer follows the error code.
    let error_only = |aux| {
        emsmdb::Response::Execute(OperationResponse::ErrorOnly(ErrorOnly {
            error_code: ErrorCode::MAPI_E_NO_ACCESS,
            aux,
        }))
    };
    let code = ErrorCode::MAPI_E_NO_ACCESS.0.to_le_bytes();
    let (read, _) = decode(&[[0; 4], code].concat());
    assert_eq!(read, error_only(AuxiliaryBuffer::OMITTED));
    assert_eq!(read.return_value(), ErrorCode::MAPI_E_NO_ACCESS);
    assert_eq!(decode(&[[0; 4], code, [0; 4]].concat()).0, error_only(AuxiliaryBuffer::NONE));
    // A success has all of its fields.
    assert!(emsmdb::Response::decode(RequestType::Execute, &[0; 8]).is_err());
    // A failure cannot be encoded without an error code.
    assert!(emsmdb::Response::Execute(OperationResponse::failure(ErrorCode::SUCCESS)).encode().is_err());
}

/// The texts that `visit` visits, with their kinds.
fn texts(visit: impl FnOnce(&mut dyn FnMut(TextKind, Text<'_>))) -> Vec<(TextKind, String)> {
    let mut seen = Vec::new();
    visit(&mut |kind, text| {
        let text = match text {
            Text::Char(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Text::Wide(text) => text.to_string(),
        };
        seen.push((kind, text));
    });
    seen
}

#[test]
fn texts_in_every_structure_are_visited() {
    let entry_id = PermanentEntryId { display_type: DisplayType(0), distinguished_name: b"/o=x".to_vec() };
    let entry_id = entry_id.to_bytes().unwrap();
    let member = PropTag::PidTagAddressBookMember;
    let aux = || AuxiliaryBuffer::NONE;
    let names = Maybe::new(Names::new(vec![String8::from("/cn=a"), String8::from("/cn=b")]));
    let mut request = nspi::Request::DNToMId(nspi::DNToMIdRequest { reserved: 0, names, aux: aux() });
    let dn = TextKind::DistinguishedName;
    assert_eq!(texts(|v| request.visit_texts_mut(v)), [(dn, "/cn=a".into()), (dn, "/cn=b".into())]);
    let entry_ids = Maybe::new(EntryIds { ids: vec![entry_id.clone()], sized: true });
    let (flags, mid) = (0, MId(1));
    let mut request = nspi::Request::ModLinkAtt(nspi::ModLinkAttRequest {
        flags,
        prop_tag: member,
        mid,
        entry_ids,
        aux: aux(),
    });
    assert_eq!(texts(|v| request.visit_texts_mut(v)), [(TextKind::EntryId(member), "/o=x".into())]);
    let mut request = nspi::Request::GetMailboxUrl(nspi::GetMailboxUrlRequest {
        flags,
        server_dn: "/cn=Servers/cn=E".into(),
        aux: aux(),
    });
    assert_eq!(texts(|v| request.visit_texts_mut(v)), [(dn, "/cn=Servers/cn=E".into())]);

    let columns = vec![PropTag::PidTagDisplayName, PropTag::PidTagEntryId, PropTag::PidTagObjectType];
    let row = PropertyRow::Flagged(vec![
        FlaggedValue::Value(PropertyValue::Unicode("Ann".into())),
        FlaggedValue::Value(PropertyValue::Binary(entry_id)),
        FlaggedValue::Error(PropType::PtypInteger32, ErrorCode::MAPI_E_NOT_FOUND),
    ]);
    let rows = Maybe::new(ColumnsAndRows { columns, rows: vec![row] });
    let (error_code, stat) = (ErrorCode::SUCCESS, Maybe::Absent);
    let body = nspi::QueryRowsResponse { error_code, stat, rows, aux: aux() };
    let mut response = nspi::Response::QueryRows(OperationResponse::Complete(body));
    let expected = [
        (TextKind::Value(PropTag::PidTagDisplayName), "Ann".to_owned()),
        (TextKind::EntryId(PropTag::PidTagEntryId), "/o=x".to_owned()),
    ];
    assert_eq!(texts(|v| response.visit_texts_mut(v)), expected);
}

/// Microsoft's protocol tests send names that end with two zeros.
#[test]
fn names_with_two_zeros_are_the_names_and_keep_their_bytes() {
    let units = |text: &str| Utf16::from(text).as_le_bytes().to_vec();
    let list = [vec![0; 6], vec![0xFF, 2, 0, 0, 0], units("ann\0\0b\0\0"), vec![0; 4]].concat();
    let (read, rest) = nspi::Request::decode(RequestType::ResolveNames, &list).unwrap();
    let nspi::Request::ResolveNames(request) = &read else { panic!("{read:?}") };
    let expected = Names { names: vec!["ann".into(), "b".into()], form: NamesForm::DoubleTerminated };
    assert_eq!((request.names.get(), rest), (Some(&expected), &b""[..]));
    assert_eq!(read.encode().unwrap(), list);

    let name = [vec![0; 4], units("/o=x\0\0"), vec![0; 4]].concat();
    for request_type in [RequestType::GetMailboxUrl, RequestType::GetAddressBookUrl] {
        let (read, rest) = nspi::Request::decode(request_type, &name).unwrap();
        let dn = match &read {
            nspi::Request::GetMailboxUrl(request) => &request.server_dn,
            nspi::Request::GetAddressBookUrl(request) => &request.user_dn,
            other => panic!("{other:?}"),
        };
        let expected = WideDn { name: "/o=x".into(), double_terminated: true };
        assert_eq!((dn, rest), (&expected, &b""[..]));
        assert_eq!(read.encode().unwrap(), name);
    }
    let three = [vec![0; 4], units("/o=x\0\0\0"), vec![0; 4]].concat();
    let (_, rest) = nspi::Request::decode(RequestType::GetMailboxUrl, &three).unwrap();
    assert_ne!(rest, b"", "a third zero is not a part of the name");
}

#[test]
fn endpoints_refuse_request_types_of_the_other() {
    assert!(emsmdb::Request::decode(RequestType::Bind, &[0; 64]).is_err());
    assert!(nspi::Response::decode(RequestType::Execute, &[0; 64]).is_err());
    assert_eq!(nspi::Request::decode(RequestType::PING, b"x").unwrap(), (nspi::Request::Ping, &b"x"[..]));
    assert_eq!(nspi::Response::Ping.encode().unwrap(), b"");
    assert_eq!(nspi::Response::failure(RequestType::Execute, ErrorCode(1)), None);
    for request_type in RequestType::ALL.iter().copied().filter(|known| *known != RequestType::PING) {
        let failure =
            nspi::Response::failure(request_type, ErrorCode(7)).map(|r| (r.name(), r.return_value()));
        let other =
            emsmdb::Response::failure(request_type, ErrorCode(7)).map(|r| (r.name(), r.return_value()));
        let (name, code) = failure.or(other).unwrap();
        assert!(
            mapihttp::Endpoint::ALL.iter().any(|endpoint| endpoint.operation(request_type) == Some(name))
        );
        assert_eq!(code, ErrorCode(7));
    }
}

#[test]
fn rows_without_bytes_are_limited() {
    // As many rows as bytes, each with as many columns whose values have no bytes.
    let columns = 2000_u32;
    let rows = 50_000_u32;
    let mut bytes = [0_u8; 9].to_vec();
    bytes.push(0xFF);
    bytes.extend(columns.to_le_bytes());
    bytes.extend(std::iter::repeat_n(PropTag(0x0000_0001).0.to_le_bytes(), 2000).flatten());
    bytes.extend(rows.to_le_bytes());
    bytes.extend(std::iter::repeat_n(0_u8, 50_004));
    let error = nspi::Response::decode(RequestType::QueryRows, &bytes).unwrap_err();
    assert!(error.to_string().contains("RowCount"), "{error}");
}
