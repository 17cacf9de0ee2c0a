//! Tests of the endpoint mapper.

use std::net::Ipv4Addr;
use std::sync::Arc;

use proptest::prelude::*;
use wire::{Decode, Encode, Endian, Guid};

use super::*;
use crate::pdu::{FaultStatus, SyntaxId};

fn rfr() -> SyntaxId {
    SyntaxId::new("1544f5e0-613c-11d1-93df-00c04fd7bd09".parse().unwrap(), 1, 0)
}

fn mapper() -> EndpointMapper {
    let mut map = EndpointMap::new();
    let address = Ipv4Addr::new(127, 0, 0, 23);
    map.register(Tower::ncacn_ip_tcp(&rfr(), address, 6001), "RFR");
    map.register(Tower::ncacn_ip_tcp(&rfr(), address, 6002), "RFR, second");
    map.register(Tower::ncacn_http(&rfr(), address, 6004), "RFR over HTTP");
    map.register(Tower::ncacn_ip_tcp(&SyntaxId::NDR64, address, 7000), "another");
    EndpointMapper::new(Arc::new(map))
}

fn ask(tower: Tower, max_towers: u32) -> EptMapRequest {
    let object = Some(Guid::NIL);
    EptMapRequest { object, map_tower: Some(tower), entry_handle: LookupHandle::default(), max_towers }
}

#[test]
fn a_tower_is_written_as_the_specification_says() {
    let bytes = Tower::ncacn_ip_tcp(&rfr(), Ipv4Addr::new(10, 0, 0, 1), 135).to_bytes().unwrap();
    let expected = [
        &[5, 0][..],
        &[19, 0, 0x0d, 0xe0, 0xf5, 0x44, 0x15, 0x3c, 0x61, 0xd1, 0x11, 0x93, 0xdf, 0, 0xc0, 0x4f, 0xd7],
        &[0xbd, 9, 1, 0, 2, 0, 0, 0],
        &[19, 0, 0x0d, 0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8, 8, 0, 0x2b, 0x10],
        &[0x48, 0x60, 2, 0, 2, 0, 0, 0],
        &[1, 0, 0x0b, 2, 0, 0, 0],
        &[1, 0, 0x07, 2, 0, 0, 135],
        &[1, 0, 0x09, 4, 0, 10, 0, 0, 1],
    ];
    assert_eq!(bytes, expected.concat());
    assert_eq!(bytes.len(), 75);
}

#[test]
fn ept_map_finds_towers_page_by_page() {
    let mut mapper = mapper();
    let tower = Tower::ncacn_ip_tcp(&rfr(), Ipv4Addr::UNSPECIFIED, 0);
    let stub = ask(tower, 1).to_bytes().unwrap();
    let answer = mapper.call(OPNUM_EPT_MAP, &stub, Endian::Little).unwrap();
    let answer = EptMapResponse::from_bytes(&answer).unwrap();
    assert_eq!((answer.status, answer.max_towers, answer.towers.len()), (0, 1, 1));
    let first = answer.towers[0].as_ref().unwrap();
    assert_eq!((first.port(), first.address()), (Some(6001), Some(Ipv4Addr::new(127, 0, 0, 23))));
    assert!(!answer.entry_handle.is_nil());

    let again =
        EptMapRequest { entry_handle: answer.entry_handle, max_towers: 4, ..EptMapRequest::default() };
    let answer = mapper.map(&again);
    assert_eq!(answer.towers[0].as_ref().unwrap().port(), Some(6002));
    assert!(answer.entry_handle.is_nil());
    // The handle was used up.
    assert_eq!(mapper.map(&again).status, EPT_S_INVALID_CONTEXT);
}

#[test]
fn ept_map_distinguishes_transports_and_versions() {
    let mut mapper = mapper();
    let answer = mapper.map(&ask(Tower::ncacn_http(&rfr(), Ipv4Addr::UNSPECIFIED, 0), 4));
    assert_eq!(answer.towers.len(), 1);
    assert_eq!(answer.towers[0].as_ref().unwrap().port(), Some(6004));
    let newer = SyntaxId { minor: 1, ..rfr() };
    let answer = mapper.map(&ask(Tower::ncacn_ip_tcp(&newer, Ipv4Addr::UNSPECIFIED, 0), 4));
    assert_eq!((answer.status, answer.towers.len()), (EPT_S_NOT_REGISTERED, 0));
}

#[test]
fn ept_lookup_lists_and_frees() {
    let mut mapper = mapper();
    let request = EptLookupRequest { max_ents: 3, ..EptLookupRequest::default() };
    let stub = request.to_bytes().unwrap();
    let answer = mapper.call(OPNUM_EPT_LOOKUP, &stub, Endian::Little).unwrap();
    let answer = EptLookupResponse::from_bytes(&answer).unwrap();
    assert_eq!(answer.entries.len(), 3);
    assert_eq!(answer.entries[2].annotation, b"RFR over HTTP");
    let stub = answer.entry_handle.to_bytes().unwrap();
    let freed = mapper.call(OPNUM_EPT_LOOKUP_HANDLE_FREE, &stub, Endian::Little).unwrap();
    assert_eq!(EptLookupHandleFreeResponse::from_bytes(&freed).unwrap().status, 0);
    let more = EptLookupRequest { entry_handle: answer.entry_handle, ..request };
    assert_eq!(mapper.lookup(&more).status, EPT_S_INVALID_CONTEXT);

    let by_interface = EptLookupRequest {
        inquiry_type: InquiryType::MATCH_BY_IF,
        interface: Some(SyntaxId { minor: 9, ..rfr() }),
        vers_option: VersionOption::MAJOR_ONLY,
        max_ents: 10,
        ..EptLookupRequest::default()
    };
    assert_eq!(mapper.lookup(&by_interface).entries.len(), 3);
    let exact = EptLookupRequest { vers_option: VersionOption::EXACT, ..by_interface };
    assert_eq!(mapper.lookup(&exact).status, EPT_S_NOT_REGISTERED);
}

#[test]
fn a_malformed_stub_is_a_fault() {
    let mut mapper = mapper();
    assert_eq!(mapper.call(3, &[1, 0, 0, 0], Endian::Little), Err(FaultStatus::NCA_S_FAULT_NDR));
    assert_eq!(mapper.call(9, &[], Endian::Little), Err(FaultStatus::NCA_S_OP_RNG_ERROR));
    // A tower of four billion bytes.
    let huge = [[0_u8; 4], [1, 0, 0, 0], [0xff; 4], [0xff; 4]].concat();
    assert_eq!(mapper.call(3, &huge, Endian::Little), Err(FaultStatus::NCA_S_FAULT_NDR));
}

#[test]
fn forgotten_lookups_are_bounded() {
    let mut mapper = mapper();
    let request = EptLookupRequest { max_ents: 1, ..EptLookupRequest::default() };
    let first = mapper.lookup(&request).entry_handle;
    for _ in 0..100 {
        mapper.lookup(&request);
    }
    assert_eq!(
        mapper.lookup(&EptLookupRequest { entry_handle: first, ..request }).status,
        EPT_S_INVALID_CONTEXT
    );
}

fn any_tower() -> impl Strategy<Value = Tower> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..24);
    let floor = (bytes(), bytes()).prop_map(|(lhs, rhs)| Floor { lhs, rhs });
    proptest::collection::vec(floor, 0..7).prop_map(|floors| Tower { floors })
}

fn any_guid() -> impl Strategy<Value = Guid> {
    any::<[u8; 16]>().prop_map(Guid::from_le)
}

fn any_handle() -> impl Strategy<Value = LookupHandle> {
    (any::<u32>(), any_guid()).prop_map(|(attributes, uuid)| LookupHandle { attributes, uuid })
}

proptest! {
    #[test]
    fn map_round_trips(
        object in proptest::option::of(any_guid()),
        map_tower in proptest::option::of(any_tower()),
        towers in proptest::collection::vec(proptest::option::of(any_tower()), 0..5),
        entry_handle in any_handle(),
        status: u32,
    ) {
        let request = EptMapRequest { object, map_tower, entry_handle, max_towers: 9 };
        prop_assert_eq!(EptMapRequest::from_bytes(&request.to_bytes().unwrap()).unwrap(), request);
        let response = EptMapResponse { entry_handle, max_towers: 9, towers, status };
        prop_assert_eq!(EptMapResponse::from_bytes(&response.to_bytes().unwrap()).unwrap(), response);
    }

    #[test]
    fn lookup_round_trips(
        object in any_guid(),
        towers in proptest::collection::vec((any_guid(), proptest::option::of(any_tower()), "[a-z ]{0,63}"), 0..5),
        entry_handle in any_handle(),
        inquiry: u32,
        status: u32,
    ) {
        let request = EptLookupRequest {
            inquiry_type: InquiryType(inquiry),
            object: Some(object),
            interface: Some(rfr()),
            vers_option: VersionOption::ALL,
            entry_handle,
            max_ents: 7,
        };
        prop_assert_eq!(EptLookupRequest::from_bytes(&request.to_bytes().unwrap()).unwrap(), request);
        let entries = towers.into_iter();
        let entries = entries.map(|(object, tower, text)| EptEntry { object, tower, annotation: text.into() });
        let response = EptLookupResponse { entry_handle, max_ents: 7, entries: entries.collect(), status };
        prop_assert_eq!(EptLookupResponse::from_bytes(&response.to_bytes().unwrap()).unwrap(), response);
    }

    #[test]
    fn no_stub_causes_a_panic(stub in proptest::collection::vec(any::<u8>(), 0..200), opnum in 0_u16..6) {
        for endian in [Endian::Little, Endian::Big] {
            let _ = mapper().call(opnum, &stub, endian);
        }
        let _ = EptMapResponse::from_bytes(&stub);
        let _ = EptLookupResponse::from_bytes(&stub);
    }
}
