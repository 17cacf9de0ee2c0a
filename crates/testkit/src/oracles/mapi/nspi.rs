//! Oracle: calls of the address book and of the referral service.

use mapi::nspi::{self, PropertyValue, Restriction, Value};
use mapi::rfr;
use wire::Decode;

use super::stubs::{Codec, endian, same_bytes};
use crate::input::Input;

const REQUEST: Codec<nspi::Request> = Codec { decode: nspi::Request::decode, encode: nspi::Request::encode };
const RESPONSE: Codec<nspi::Response> =
    Codec { decode: nspi::Response::decode, encode: nspi::Response::encode };
const RFR_REQUEST: Codec<rfr::Request> = Codec { decode: rfr::Request::decode, encode: rfr::Request::encode };
const RFR_RESPONSE: Codec<rfr::Response> =
    Codec { decode: rfr::Response::decode, encode: rfr::Response::encode };

/// The address book and its referrals.
///
/// The first byte selects the operation: 0 to 20 those of NSPI, 21 and 22 those of RFR, 23 an entry id. The
/// second is a set of flags: 1 big-endian, 2 a response. A decoded call can be encoded, is decoded as the same,
/// and is encoded to the same bytes; a visit that changes nothing reports no change; and its values are preserved
/// by the conversion to the values that all interfaces share, and back.
///
/// # Panics
/// If one of these properties is violated.
pub fn nspi(data: &[u8]) {
    let mut input = Input::new(data);
    let (opnum, choice) = (input.byte() % 24, input.byte());
    let (endian, response, stub) = (endian(choice & 1 != 0), choice & 2 != 0, input.rest());
    match (u16::from(opnum), response) {
        (23, _) => entry_id(stub),
        (opnum @ 21.., false) => drop(RFR_REQUEST.check(opnum - 21, stub, endian).map(visit_rfr_request)),
        (opnum @ 21.., true) => drop(RFR_RESPONSE.check(opnum - 21, stub, endian).map(visit_rfr_response)),
        (opnum, false) => drop(REQUEST.check(opnum, stub, endian).map(visit_request)),
        (opnum, true) => drop(RESPONSE.check(opnum, stub, endian).map(visit_response)),
    }
}

fn entry_id(bytes: &[u8]) {
    same_bytes::<nspi::EntryId>(bytes);
    same_bytes::<nspi::PermanentEntryId>(bytes);
    same_bytes::<nspi::EphemeralEntryId>(bytes);
    let either = nspi::PermanentEntryId::from_bytes(bytes).is_ok()
        || nspi::EphemeralEntryId::from_bytes(bytes).is_ok();
    assert_eq!(nspi::EntryId::from_bytes(bytes).is_ok(), either);
}

fn visit_request(mut request: nspi::Request) {
    let before = request.clone();
    request.visit_texts_mut(&mut |_, _| {});
    request.visit_rows_mut(&mut |row| drop(row.to_row()));
    request.visit_values_mut(&mut |value| shared_value(value));
    request.visit_restrictions_mut(&mut |restriction| shared_restriction(restriction));
    if let nspi::Request::GetMatches(matches) = &request {
        matches.filter.get().into_iter().for_each(shared_restriction);
    }
    assert_eq!(request, before, "to look is not to change");
}

fn visit_response(mut response: nspi::Response) {
    let before = response.clone();
    response.visit_texts_mut(&mut |_, _| {});
    response.visit_rows_mut(&mut |row| drop(row.to_row()));
    response.visit_values_mut(&mut |value| shared_value(value));
    let _ = (response.return_value(), response.context_handle_mut());
    assert_eq!(response, before, "to look is not to change");
}

fn visit_rfr_request(mut request: rfr::Request) {
    let before = request.clone();
    request.visit_names_mut(&mut |_| {});
    assert_eq!(request, before, "to look is not to change");
}

fn visit_rfr_response(mut response: rfr::Response) {
    let before = response.clone();
    response.visit_names_mut(&mut |_| {});
    assert_eq!(response, before, "to look is not to change");
}

fn shared_value(property: &PropertyValue) {
    let shared = property.value.to_value();
    let back = Value::try_from(shared.clone()).expect("a value of NSPI");
    assert_eq!(back.to_value(), shared);
}

fn shared_restriction(restriction: &Restriction) {
    let Some(shared) = restriction.to_restriction() else { return };
    let back = Restriction::try_from(shared.clone()).expect("a restriction of NSPI");
    assert_eq!(back.to_restriction(), Some(shared));
}
