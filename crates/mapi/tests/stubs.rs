//! Stubs of other implementations: they decode, and encode to the same bytes.

use mapi::nspi::{self, MId, RestrictionUnion, Text, TextKind, Value};
use mapi::property::{FuzzyLevel, PropTag, PropertyValue, RelationalOperator, Restriction};
use mapi::{ErrorCode, rfr};
use rpc::ndr::{CharString, ContextHandle, Ptr};
use wire::{Endian, Guid, Utf16};

const STUBS: &str = include_str!("vectors/stubs.txt");

/// The padding bytes of impacket, which depend on the padded type.
const PADDING: [u8; 8] = [0xaa, 0xab, 0xbf, 0xcc, 0xca, 0xcb, 0xdd, 0xef];

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

/// The stubs of an interface and a direction, by opnum.
fn stubs(interface: &str, direction: &str) -> Vec<(u16, Vec<u8>)> {
    let lines = STUBS.lines().filter(|line| !line.starts_with('#'));
    let fields = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    fields
        .filter(|f| f[0] == interface && f[2] == direction)
        .map(|f| (f[1].parse().unwrap(), unhex(f[3])))
        .collect()
}

/// The first stub of an operation.
fn stub(interface: &str, opnum: u16, direction: &str) -> Vec<u8> {
    stubs(interface, direction).into_iter().find(|(number, _)| *number == opnum).unwrap().1
}

fn nspi_request(opnum: u16) -> nspi::Request {
    nspi::Request::decode(opnum, &stub("nspi", opnum, "request"), Endian::Little).unwrap().0
}

fn nspi_response(opnum: u16) -> nspi::Response {
    nspi::Response::decode(opnum, &stub("nspi", opnum, "response"), Endian::Little).unwrap().0
}

fn assert_same(encoded: &[u8], stub: &[u8], opnum: u16) {
    assert_eq!(encoded.len(), stub.len(), "opnum {opnum}");
    for (offset, (written, captured)) in encoded.iter().zip(stub).enumerate() {
        let padding = *written == 0 && PADDING.contains(captured);
        assert!(
            written == captured || padding,
            "opnum {opnum}, byte {offset}: {written:#x} for {captured:#x}"
        );
    }
}

#[test]
fn nspi_request_stubs_round_trip() {
    let stubs = stubs("nspi", "request");
    assert!(stubs.len() >= 18);
    for (opnum, stub) in stubs {
        let (request, rest) = nspi::Request::decode(opnum, &stub, Endian::Little).unwrap();
        assert_eq!((request.opnum(), rest), (opnum, &[][..]));
        assert_same(&request.encode().unwrap(), &stub, opnum);
    }
}

#[test]
fn nspi_response_stubs_round_trip() {
    let stubs = stubs("nspi", "response");
    assert!(stubs.len() >= 9);
    for (opnum, stub) in stubs {
        let (response, rest) = nspi::Response::decode(opnum, &stub, Endian::Little).unwrap();
        assert_eq!((response.opnum(), rest), (opnum, &[][..]));
        assert_same(&response.encode().unwrap(), &stub, opnum);
    }
}

#[test]
fn rfr_stubs_round_trip() {
    for (opnum, stub) in stubs("rfr", "request") {
        let (request, rest) = rfr::Request::decode(opnum, &stub, Endian::Little).unwrap();
        assert!(rest.is_empty());
        assert_same(&request.encode().unwrap(), &stub, opnum);
    }
    for (opnum, stub) in stubs("rfr", "response") {
        let (response, rest) = rfr::Response::decode(opnum, &stub, Endian::Little).unwrap();
        assert!(rest.is_empty());
        assert_same(&response.encode().unwrap(), &stub, opnum);
    }
}

#[test]
fn bytes_after_the_last_parameter_are_returned() {
    let mut stub = stub("nspi", 10, "response");
    stub.extend_from_slice(b"pad");
    let (response, rest) = nspi::Response::decode(10, &stub, Endian::Little).unwrap();
    assert_eq!(response.name(), "nspi.CompareMIds");
    assert_eq!(rest, b"pad");
}

#[test]
fn every_truncation_is_an_error() {
    for (opnum, stub) in stubs("nspi", "request") {
        for length in 0..stub.len() {
            assert!(
                nspi::Request::decode(opnum, &stub[..length], Endian::Little).is_err(),
                "{opnum} {length}"
            );
        }
    }
    for (opnum, stub) in stubs("nspi", "response") {
        for length in 0..stub.len() {
            assert!(
                nspi::Response::decode(opnum, &stub[..length], Endian::Little).is_err(),
                "{opnum} {length}"
            );
        }
    }
}

#[test]
fn changed_bytes_cause_no_panic_and_round_trip_if_decoded() {
    for (opnum, stub) in stubs("nspi", "response").into_iter().chain(stubs("nspi", "request")) {
        for place in 0..stub.len() {
            for value in [0x00, 0x01, 0x7f, 0xff] {
                let mut stub = stub.clone();
                stub[place] = value;
                for endian in [Endian::Little, Endian::Big] {
                    if let Ok((request, _)) = nspi::Request::decode(opnum, &stub, endian) {
                        let again = request.encode().unwrap();
                        assert_eq!(nspi::Request::decode(opnum, &again, Endian::Little).unwrap().0, request);
                    }
                    if let Ok((response, _)) = nspi::Response::decode(opnum, &stub, endian) {
                        let again = response.encode().unwrap();
                        assert_eq!(
                            nspi::Response::decode(opnum, &again, Endian::Little).unwrap().0,
                            response
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn operations_out_of_range_are_refused() {
    assert!(nspi::Request::decode(21, &[0; 64], Endian::Little).is_err());
    assert!(rfr::Response::decode(2, &[0; 64], Endian::Little).is_err());
}

#[test]
fn a_bind_is_decoded() {
    let nspi::Request::Bind(request) = nspi_request(0) else { panic!() };
    assert_eq!(request.stat.container_id, MId(0x10));
    assert_eq!((request.stat.delta, request.stat.code_page, request.stat.sort_locale), (-3, 1252, 1033));
    assert_eq!(request.server_guid.get().unwrap().0, std::array::from_fn(|i| u8::try_from(i).unwrap()));
    let nspi::Response::Bind(response) = nspi_response(0) else { panic!() };
    let uuid = Guid::from_le(std::array::from_fn(|i| u8::try_from(i + 1).unwrap()));
    assert_eq!(response.handle, ContextHandle::new(uuid));
    assert_eq!(response.return_value, ErrorCode::SUCCESS);
}

#[test]
fn rows_are_decoded() {
    let nspi::Response::QueryRows(response) = nspi_response(3) else { panic!() };
    let rows = &response.rows.get().unwrap().0;
    assert_eq!(rows.len(), 2);
    let row = rows[1].to_row();
    let text = |tag| row.get(tag).unwrap().to_text().unwrap();
    assert_eq!(text(PropTag::PidTagDisplayName), "Ann 1");
    assert_eq!(text(PropTag::PidTagAccount), "ann1");
    assert_eq!(row.get(PropTag::PidTagDisplayType), Some(&PropertyValue::Integer32(1)));
    assert_eq!(row.get(PropTag::PidTagSendRichInfo), Some(&PropertyValue::Boolean(true)));
    assert_eq!(row.get(PropTag::PidTagEntryId), Some(&PropertyValue::Binary(b"abcde".to_vec())));
    assert_eq!(row.get(PropTag(0x8004_0000)), Some(&PropertyValue::Error(ErrorCode::MAPI_E_NOT_FOUND)));
    let bindings = [Utf16::new("ncacn_ip_tcp:exch.lab.test"), Utf16::new("netbios:EXCH")];
    let expected = PropertyValue::MultipleUnicode(bindings.to_vec());
    assert_eq!(row.get(PropTag::PidTagAddressBookNetworkAddress), Some(&expected));
    let time = wire::FileTime(0x019d_b1de_d53e_8000);
    assert_eq!(row.get(PropTag::PidTagCreationTime), Some(&PropertyValue::Time(time)));
}

#[test]
fn a_filter_is_decoded() {
    let nspi::Request::GetMatches(request) = nspi_request(5) else { panic!() };
    assert_eq!(request.requested, 100);
    let filter = request.filter.get().unwrap();
    let RestrictionUnion::And(all) = &filter.res else { panic!() };
    assert_eq!(all.as_slice().len(), 4);
    let Some(Restriction::And(all)) = filter.to_restriction() else { panic!() };
    assert_eq!(all[0], Restriction::Exist { tag: PropTag::PidTagDisplayName });
    let Restriction::Property { relop, value, .. } = &all[1] else { panic!() };
    assert_eq!((*relop, &value.value), (RelationalOperator::RELOP_EQ, &PropertyValue::Integer32(6)));
    assert!(matches!(&all[2], Restriction::Or(any) if any.len() == 2));
    let Restriction::Content { fuzzy_level, value, .. } = &all[3] else { panic!() };
    assert_eq!(*fuzzy_level, FuzzyLevel::FL_PREFIX | FuzzyLevel::FL_IGNORECASE);
    assert_eq!(value.value.to_text().unwrap(), "An");
}

#[test]
fn a_restriction_survives_both_conversions() {
    let nspi::Request::GetMatches(request) = nspi_request(5) else { panic!() };
    let filter = request.filter.get().unwrap();
    assert_eq!(&nspi::Restriction::try_from(filter.to_restriction().unwrap()).unwrap(), filter);
}

#[test]
fn every_text_of_every_row_is_visited() {
    let mut response = nspi_response(3);
    let mut seen = 0;
    response.visit_texts_mut(&mut |kind, text| {
        seen += 1;
        if let (TextKind::Value(tag), Text::Wide(text)) = (kind, text)
            && tag.is_same_property(PropTag::PidTagAddressBookNetworkAddress)
        {
            *text = Utf16::new(&text.to_string_lossy().replace("exch.lab.test", "proxy.example.test"));
        }
    });
    assert_eq!(seen, 8);
    let encoded = response.encode().unwrap();
    let (response, rest) = nspi::Response::decode(3, &encoded, Endian::Little).unwrap();
    assert!(rest.is_empty());
    let nspi::Response::QueryRows(response) = response else { panic!() };
    for row in &response.rows.get().unwrap().0 {
        let Some(Value::MultipleUnicode(texts)) = row.get(PropTag::PidTagAddressBookNetworkAddress) else {
            panic!()
        };
        let first = texts.as_slice()[0].get().unwrap();
        assert_eq!(first.to_string_lossy(), "ncacn_ip_tcp:proxy.example.test");
    }
}

#[test]
fn names_in_requests_are_visited() {
    let collect = |mut request: nspi::Request| {
        let mut seen = Vec::new();
        request.visit_texts_mut(&mut |kind, text| {
            seen.push((
                kind,
                match text {
                    Text::Char(text) => String::from_utf8(text.clone()).unwrap(),
                    Text::Wide(text) => text.to_string(),
                },
            ));
        });
        seen
    };
    let dns = ["/o=Lab/cn=Ann", "/o=Lab/cn=Bob"].map(|name| (TextKind::DistinguishedName, name.to_owned()));
    assert_eq!(collect(nspi_request(7)), dns);
    let names = ["ann", "bob@lab.test"].map(|name| (TextKind::Name, name.to_owned()));
    assert_eq!(collect(nspi_request(19)), names);
    assert_eq!(collect(nspi_request(20)), names);
    assert_eq!(collect(nspi_request(13)), [(TextKind::Template, "/cn=T".to_owned())]);
    let display_name = PropTag::PidTagDisplayName;
    assert_eq!(collect(nspi_request(5)), [(TextKind::Value(display_name), "An".to_owned())]);
    assert_eq!(collect(nspi_request(4)), [(TextKind::Value(PropTag(0x3001_001E)), "Bob".to_owned())]);
}

#[test]
fn referral_requests_are_decoded() {
    let request = stub("rfr", 0, "request");
    let (rfr::Request::GetNewDSA(request), _) = rfr::Request::decode(0, &request, Endian::Little).unwrap()
    else {
        panic!()
    };
    assert_eq!(request.user_dn, CharString::new("/o=Lab/cn=Ann"));
    assert!(request.unused.is_null());
    assert_eq!(request.server, Ptr::new(Ptr::new(CharString::new(""))));
    let response = stub("rfr", 0, "response");
    let (mut response, _) = rfr::Response::decode(0, &response, Endian::Little).unwrap();
    assert_eq!((response.name(), response.return_value()), ("rfr.GetNewDSA", ErrorCode::SUCCESS));
    let mut names = Vec::new();
    response.visit_names_mut(&mut |name| {
        names.push(name.to_string_lossy());
        name.set(b"proxy.lab.test".to_vec());
    });
    assert_eq!(names, ["exch.lab.test"]);
    let again = rfr::Response::decode(0, &response.encode().unwrap(), Endian::Little).unwrap().0;
    assert_eq!(again, response);
}

#[test]
fn the_size_of_a_changed_server_dn_is_updated() {
    let bytes = stub("rfr", 1, "request");
    let (mut request, _) = rfr::Request::decode(1, &bytes, Endian::Little).unwrap();
    request.visit_names_mut(&mut |name| name.text.extend_from_slice(b"-NEW"));
    let encoded = request.encode().unwrap();
    assert_eq!(encoded[4..12], [30, 0, 0, 0, 30, 0, 0, 0]);
    assert_eq!(rfr::Request::decode(1, &encoded, Endian::Little).unwrap().0, request);
}
