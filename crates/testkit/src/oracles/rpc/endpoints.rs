//! Oracle: the endpoint mapper and the management interface.

use std::fmt::Debug;
use std::net::Ipv4Addr;
use std::sync::Arc;

use rpc::epm::{
    EndpointMap, EndpointMapper, EptLookupHandleFreeResponse, EptLookupRequest, EptLookupResponse,
    EptMapRequest, EptMapResponse, LookupHandle, OPNUM_EPT_LOOKUP, OPNUM_EPT_LOOKUP_HANDLE_FREE,
    OPNUM_EPT_MAP, Tower,
};
use rpc::mgmt::{
    InqIfIdsResponse, InqPrincNameRequest, InqPrincNameResponse, InqStatsResponse, IsServerListeningResponse,
    Management,
};
use wire::{Decode, Encode, Endian, Reader};

use super::toy::{SECRET, TOY};
use crate::input::Input;

/// The endpoint mapper and the management interface.
///
/// The first byte selects what the rest is: from 0 to 9 one stub or tower, in the byte order that the next byte
/// selects, which is decoded, encoded, and decoded as the same; otherwise a sequence of calls, each with its
/// opnum, byte order and length, whose responses can be decoded.
///
/// # Panics
/// If one of these properties is violated.
pub fn endpoints(data: &[u8]) {
    let mut input = Input::new(data);
    let choice = input.byte();
    if choice > 9 {
        return calls(&mut input);
    }
    let endian = endian(input.byte());
    let bytes = input.rest();
    match choice {
        0 => round_trip::<EptMapRequest>(bytes, endian, |_| false),
        1 => round_trip::<EptMapResponse>(bytes, endian, |_| false),
        2 => round_trip::<EptLookupRequest>(bytes, endian, |_| false),
        // An annotation has 64 bytes including the terminating zero, which some senders omit.
        3 => round_trip::<EptLookupResponse>(bytes, endian, |response| {
            response.entries.iter().any(|entry| entry.annotation.len() >= 64)
        }),
        4 => round_trip::<EptLookupHandleFreeResponse>(bytes, endian, |_| false),
        5 => tower(bytes, endian),
        6 => round_trip::<InqIfIdsResponse>(bytes, endian, |_| false),
        7 => round_trip::<InqStatsResponse>(bytes, endian, |_| false),
        8 => round_trip::<InqPrincNameRequest>(bytes, endian, |_| false),
        _ => {
            round_trip::<InqPrincNameResponse>(bytes, endian, |_| false);
            round_trip::<IsServerListeningResponse>(bytes, endian, |_| false);
            round_trip::<LookupHandle>(bytes, endian, |_| false);
        }
    }
}

const fn endian(choice: u8) -> Endian {
    if choice & 1 == 0 { Endian::Little } else { Endian::Big }
}

/// Asserts that a decoded value can be encoded, unless it is one of `refused`, and is decoded as the same value.
fn round_trip<T>(bytes: &[u8], endian: Endian, refused: fn(&T) -> bool)
where
    T: for<'a> Decode<'a> + Encode + PartialEq + Debug,
{
    let Ok(value) = T::decode(&mut Reader::with_endian(bytes, endian)) else { return };
    match value.to_bytes() {
        Ok(written) => assert_eq!(T::from_bytes(&written).as_ref(), Ok(&value)),
        Err(error) => assert!(refused(&value), "what was read can be written: {error}"),
    }
}

fn tower(bytes: &[u8], endian: Endian) {
    round_trip::<Tower>(bytes, endian, |_| false);
    let Ok(tower) = Tower::decode(&mut Reader::with_endian(bytes, endian)) else { return };
    // Every tower has a response.
    let _ = (tower.transport(), tower.port(), tower.address(), tower.transfer_syntax());
    if tower.interface().is_some() && tower.transport().is_some() {
        let _ = tower.serves(&tower);
    }
}

fn calls(input: &mut Input<'_>) {
    let mut map = EndpointMap::new();
    for port in 6001..6007 {
        for interface in [TOY, SECRET] {
            map.register(Tower::ncacn_ip_tcp(&interface, Ipv4Addr::LOCALHOST, port), "somewhere");
        }
        map.register(Tower::ncacn_http(&TOY, Ipv4Addr::LOCALHOST, port), "");
    }
    let mut mapper = EndpointMapper::new(Arc::new(map));
    let management = Management {
        interfaces: vec![TOY, SECRET],
        principal_names: vec![(10, "EXCH\\svc".to_owned())],
        statistics: [1, 2, 3, 4],
    };
    while !input.is_empty() {
        let (choice, opnum) = (input.byte(), u16::from(input.byte() % 8));
        let stub = input.block();
        if choice & 2 == 0 {
            if let Ok(response) = mapper.call(opnum, stub, endian(choice)) {
                check_mapper_answer(opnum, &response);
            }
        } else if let Ok(response) = management.call(opnum, stub, endian(choice)) {
            check_management_answer(opnum, &response);
        }
    }
}

fn check_mapper_answer(opnum: u16, response: &[u8]) {
    match opnum {
        OPNUM_EPT_LOOKUP => {
            let response = EptLookupResponse::from_bytes(response).expect("a response that decodes");
            let room = usize::try_from(response.max_ents).unwrap_or(usize::MAX);
            assert!(response.entries.len() <= room, "at most the requested number");
        }
        OPNUM_EPT_MAP => {
            let response = EptMapResponse::from_bytes(response).expect("a response that decodes");
            let room = usize::try_from(response.max_towers).unwrap_or(usize::MAX);
            assert!(response.towers.len() <= room, "at most the requested number");
        }
        OPNUM_EPT_LOOKUP_HANDLE_FREE => {
            EptLookupHandleFreeResponse::from_bytes(response).expect("a response that decodes");
        }
        other => panic!("operation {other} is not served"),
    }
}

fn check_management_answer(opnum: u16, response: &[u8]) {
    match opnum {
        0 => drop(InqIfIdsResponse::from_bytes(response).expect("a response that decodes")),
        1 => drop(InqStatsResponse::from_bytes(response).expect("a response that decodes")),
        4 => {
            let name =
                InqPrincNameResponse::from_bytes(response).expect("a response that decodes").princ_name;
            assert!(name.len() <= 4096);
        }
        _ => {}
    }
}
