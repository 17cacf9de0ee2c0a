//! Views of requests and responses: the same in both envelopes.

use engine::{Request, Response};
use mapi::mapihttp::emsmdb as store;
use mapi::mapihttp::nspi::{self as book, ColumnsAndRows};
use mapi::mapihttp::{AuxiliaryBuffer, Maybe, OperationResponse, String8};
use mapi::ndr::{CharString, ContextHandle, Counted, Ptr};
use mapi::nspi::{self, MId, Stat, Text, TextKind};
use mapi::property::{
    FlaggedValue, PropTag, PropType, PropertyList, PropertyRow, PropertyValue, TaggedValue,
};
use mapi::{ErrorCode, emsmdb, rfr};
use wire::{Guid, Utf16};

const NAME: PropTag = PropTag::PidTagDisplayName;
const NETWORK: PropTag = PropTag::PidTagAddressBookNetworkAddress;
const AUX: AuxiliaryBuffer = AuxiliaryBuffer::NONE;
const OK: ErrorCode = ErrorCode::SUCCESS;

fn text(text: &str) -> PropertyValue {
    PropertyValue::Unicode(Utf16::from(text))
}

fn list(values: &[(PropTag, PropertyValue)]) -> PropertyList {
    PropertyList(values.iter().cloned().map(|(tag, value)| TaggedValue { tag, value }).collect())
}

fn ndr_row(values: &PropertyList) -> nspi::PropertyRow {
    values.clone().try_into().unwrap()
}

#[test]
fn rows_of_the_address_book_are_the_same_in_both_envelopes() {
    let both =
        list(&[(NAME, text("Ann")), (NETWORK, PropertyValue::MultipleUnicode(vec![Utf16::from("x")]))]);
    let one = list(&[(NAME, text("Bob"))]);
    let by_call = nspi::QueryRowsResponse {
        stat: Stat::default(),
        rows: Ptr::new(Counted(vec![ndr_row(&both), ndr_row(&one)])),
        return_value: OK,
    };
    let [name, network] = [&both.0[0].value, &both.0[1].value].map(PropertyValue::clone);
    let absent = FlaggedValue::Absent(PropType::PtypMultipleString);
    let rows = vec![
        PropertyRow::Standard(vec![name, network]),
        PropertyRow::Flagged(vec![FlaggedValue::Value(text("Bob")), absent]),
    ];
    let rows = Maybe::new(ColumnsAndRows { columns: vec![NAME, NETWORK], rows });
    let by_http = book::QueryRowsResponse { error_code: OK, stat: Maybe::Absent, rows, aux: AUX };
    for response in [
        Response::Nspi(nspi::Response::QueryRows(by_call)),
        Response::NspiHttp(book::Response::QueryRows(OperationResponse::Complete(by_http))),
    ] {
        assert_eq!(response.rows(), Some(vec![both.clone(), one.clone()]));
        assert_eq!((response.columns(), response.minimal_ids()), (None, None));
    }

    let by_call = nspi::GetPropsResponse { row: Ptr::new(ndr_row(&one)), return_value: OK };
    let by_http =
        book::GetPropsResponse { error_code: OK, code_page: 1200, values: Maybe::new(one.clone()), aux: AUX };
    for response in [
        Response::Nspi(nspi::Response::GetProps(by_call)),
        Response::NspiHttp(book::Response::GetProps(OperationResponse::Complete(by_http))),
    ] {
        assert_eq!(response.rows(), Some(vec![one.clone()]));
    }
}

#[test]
fn the_prefix_of_names_that_a_connect_returns_is_visited_in_every_envelope() {
    let handle = ContextHandle { attributes: 0, uuid: Guid::from_le([3; 16]) };
    let (dn_prefix, display_name) = (Ptr::new(CharString::new("/o=Lab")), Ptr::NULL);
    let version = emsmdb::Version::default();
    let connect = emsmdb::EcDoConnectResponse {
        handle,
        polls_max: 0,
        retry: 0,
        retry_delay: 0,
        icxr: 0,
        dn_prefix: dn_prefix.clone(),
        display_name: display_name.clone(),
        server_version: version,
        best_version: version,
        time_stamp: 0,
        return_value: OK,
    };
    let connect_ex = emsmdb::EcDoConnectExResponse {
        handle,
        polls_max: 0,
        retry: 0,
        retry_delay: 0,
        icxr: 0,
        dn_prefix,
        display_name,
        server_version: version,
        best_version: version,
        time_stamp: 0,
        aux_out: emsmdb::OutBytes::new(Vec::new()),
        return_value: OK,
    };
    let over_http = store::ConnectResponse {
        error_code: OK,
        polls_max: 0,
        retry_count: 0,
        retry_delay: 0,
        dn_prefix: String8(b"/o=Lab".to_vec()),
        display_name: Utf16::default(),
        aux: AUX,
    };
    for mut response in [
        Response::Emsmdb(emsmdb::Response::EcDoConnect(connect)),
        Response::Emsmdb(emsmdb::Response::EcDoConnectEx(connect_ex)),
        Response::EmsmdbHttp(store::Response::Connect(OperationResponse::Complete(over_http))),
    ] {
        let mut seen = Vec::new();
        response.visit_texts_mut(&mut |place, text| {
            if let Text::Char(text) = text {
                seen.push((place, std::mem::replace(text, b"/o=Other".to_vec())));
            }
        });
        assert_eq!(seen, [(TextKind::DistinguishedName, b"/o=Lab".to_vec())]);
        response.visit_texts_mut(&mut |_, text| {
            assert!(matches!(text, Text::Char(text) if text == b"/o=Other"), "the text was not changed");
        });
    }
}

#[test]
fn minimal_ids_are_the_same_in_both_envelopes() {
    let ids = vec![MId(16), MId(17)];
    let by_call = nspi::DNToMIdResponse { mids: Ptr::new(ids.iter().copied().collect()), return_value: OK };
    let by_http = book::DNToMIdResponse { error_code: OK, mids: Maybe::new(ids.clone()), aux: AUX };
    for response in [
        Response::Nspi(nspi::Response::DNToMId(by_call)),
        Response::NspiHttp(book::Response::DNToMId(OperationResponse::Complete(by_http))),
    ] {
        assert_eq!(response.minimal_ids(), Some(&ids[..]));
    }
}

#[test]
fn only_the_values_of_the_given_property_are_visited_and_changed() {
    let before =
        list(&[(NAME, text("Ann")), (NETWORK, PropertyValue::MultipleUnicode(vec![Utf16::default(); 2]))]);
    let after =
        list(&[(NAME, text("Ann")), (NETWORK, PropertyValue::MultipleUnicode(vec![Utf16::from("new")]))]);
    let by_call = nspi::GetPropsResponse { row: Ptr::new(ndr_row(&before)), return_value: OK };
    let by_http = book::GetPropsResponse {
        error_code: OK,
        code_page: 1200,
        values: Maybe::new(before.clone()),
        aux: AUX,
    };
    for mut response in [
        Response::Nspi(nspi::Response::GetProps(by_call)),
        Response::NspiHttp(book::Response::GetProps(OperationResponse::Complete(by_http))),
    ] {
        let mut visited = Vec::new();
        response.visit_property_mut(NETWORK, &mut |mut value| visited.push(value.set_text("new")));
        assert_eq!((visited, response.rows()), (vec![true], Some(vec![after.clone()])));
    }
}

#[test]
fn a_string_that_is_only_read_keeps_its_termination() {
    let mut user_dn = mapi::ndr::CharString::new("/cn=a");
    user_dn.spare = 7;
    let sent = rfr::GetNewDSARequest { user_dn: user_dn.clone(), ..rfr::GetNewDSARequest::default() };
    let mut request = Request::Rfr(rfr::Request::GetNewDSA(sent));
    let before = request.clone();
    let mut seen = Vec::new();
    request.visit_texts_mut(&mut |place, text| {
        if let Text::Char(text) = text {
            seen.push((place, text.clone()));
        }
    });
    assert_eq!((seen, &request), (vec![(TextKind::DistinguishedName, b"/cn=a".to_vec())], &before));
    request.visit_texts_mut(&mut |_, text| {
        if let Text::Char(text) = text {
            text.push(b'b');
        }
    });
    let Request::Rfr(rfr::Request::GetNewDSA(request)) = request else { panic!("another request") };
    assert_eq!(request.user_dn, mapi::ndr::CharString::new("/cn=ab"));
}
