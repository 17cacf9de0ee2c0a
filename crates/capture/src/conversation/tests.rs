//! Tests of finding calls in recorded connections.

use std::net::SocketAddr;

use identity::NtHash;
use identity::ntlm::passive::DecryptionSecret;
use testkit::captures;

use super::*;
use crate::call::{Call, CallBody, RpcOutcome, SealedReason, Stub};
use crate::stream::{Connection, Event, EventKind, Side};
use crate::{Envelope, Timestamp};

fn connection(number: u64) -> Connection {
    let address: SocketAddr = "0.0.0.0:0".parse().unwrap();
    Connection { number, client: address, server: address, interface: None }
}

fn close(reader: &mut CallReader, number: u64) {
    for kind in [EventKind::Ended(Side::Client), EventKind::Ended(Side::Server), EventKind::Closed] {
        reader.event(&Event { connection: &connection(number), time: Timestamp(0), kind });
    }
}

fn sorted(reader: &mut CallReader) -> (Vec<Call>, Vec<String>) {
    let (mut calls, mut problems) = (Vec::new(), Vec::new());
    for found in reader.take() {
        match found {
            RecordedItem::Call(call) => calls.push(*call),
            RecordedItem::Problem(problem) => problems.push(problem.to_string()),
        }
    }
    (calls, problems)
}

#[test]
fn problems_are_reported_with_the_name_of_the_connection_if_it_has_one() {
    for (name, place) in [(None, "connection 1"), (Some("a\nb.c2s.http"), "a")] {
        let mut reader = CallReader::new(Vec::new());
        if let Some(name) = name {
            reader.name_connection(1, name);
        }
        reader.data(&connection(1), Side::Client, Timestamp(0), &[0xFF; 100]);
        close(&mut reader, 1);
        let (_, problems) = sorted(&mut reader);
        assert!(problems[0].starts_with(place) && !problems[0].contains('\n'), "{problems:?}");
    }
}

#[test]
fn every_recorded_exchange_is_a_call_with_its_bodies() {
    for pack in [captures::mapihttp(), captures::mapihttp_compressed()] {
        for exchange in pack {
            let mut reader = CallReader::new(Vec::new());
            // In pieces, as they would come.
            for piece in exchange.request.chunks(100) {
                reader.data(&connection(1), Side::Client, Timestamp(0), piece);
            }
            for piece in exchange.response.chunks(77) {
                reader.data(&connection(1), Side::Server, Timestamp(0), piece);
            }
            close(&mut reader, 1);
            let (calls, problems) = sorted(&mut reader);
            assert_eq!((calls.len(), problems.len()), (1, 0), "{}: {problems:?}", exchange.name());
            let CallBody::Http(call) = &calls[0].body else { panic!("not HTTP") };
            assert_eq!(call.request.body, exchange.http_request().body, "{}", exchange.name());
            let response = exchange.http_response();
            assert_eq!(call.response.is_some(), response.is_some(), "{}", exchange.name());
            if let (Some(decoded), Some(recorded)) = (&call.response, response) {
                assert_eq!(decoded.message.body, recorded.body, "{}", exchange.name());
            }
        }
    }
}

/// All calls of the recorded channels, in the order in which they are found.
fn tunnelled(secrets: &[DecryptionSecret], newest_first: bool) -> (Vec<Call>, Vec<String>) {
    let mut connections = captures::rpc_over_http().connections;
    if newest_first {
        connections.reverse();
    }
    let mut reader = CallReader::new(secrets.to_vec());
    for (number, recorded) in (1..).zip(&connections) {
        reader.data(&connection(number), Side::Client, Timestamp(0), &recorded.to_server);
        reader.data(&connection(number), Side::Server, Timestamp(0), &recorded.to_client);
    }
    reader.finish();
    sorted(&mut reader)
}

#[test]
fn two_channels_make_an_association_in_any_order() {
    let alice = DecryptionSecret::account("alice@lab.test", NtHash::from_password("alicepw1"));
    for newest_first in [false, true] {
        let (calls, problems) = tunnelled(std::slice::from_ref(&alice), newest_first);
        assert_eq!(problems, [""; 0]);
        let mut interfaces = std::collections::BTreeMap::<_, usize>::new();
        for call in &calls {
            assert_eq!(call.envelope(), Envelope::RpcHttp);
            assert_eq!(call.user.as_deref(), Some("alice@lab.test"));
            let CallBody::Rpc(rpc) = &call.body else { panic!("not RPC") };
            let interface = mapi::Interface::by_uuid(rpc.interface.unwrap().uuid).unwrap();
            *interfaces.entry(interface.name()).or_default() += 1;
            let Stub::Plain(stub, endian) = &rpc.request else { panic!("{:?}", rpc.request) };
            <engine::Request as engine::Body>::decode((interface, rpc.opnum).into(), stub, *endian).unwrap();
            let RpcOutcome::Response(Stub::Plain(stub, endian)) = &rpc.outcome else {
                panic!("{:?}", rpc.outcome)
            };
            <engine::Response as engine::Body>::decode((interface, rpc.opnum).into(), stub, *endian).unwrap();
        }
        assert_eq!(interfaces, [("emsmdb", 5), ("nspi", 11), ("rfr", 2)].into());
    }
}

#[test]
fn without_the_password_sealed_calls_are_reported_as_sealed() {
    let (calls, problems) = tunnelled(&[], false);
    assert_eq!(problems, [""; 0]);
    let sealed = calls.iter().filter(|call| match &call.body {
        CallBody::Rpc(rpc) => rpc.request == Stub::Sealed(rpc.request.len(), SealedReason::NoSecret),
        CallBody::Http(_) => false,
    });
    assert_eq!(sealed.count(), 11);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_that_a_connection_carries_stops_the_watcher(
        which in 0_usize..540,
        changes in proptest::collection::vec((0_usize..4096, proptest::arbitrary::any::<u8>()), 0..12),
    ) {
        static PACKS: std::sync::OnceLock<Vec<(Vec<u8>, Vec<u8>)>> = std::sync::OnceLock::new();
        let pack = PACKS.get_or_init(|| {
            let exchanges = captures::mapihttp().into_iter().chain(captures::mapihttp_compressed());
            let mut all: Vec<_> = exchanges.map(|exchange| (exchange.request, exchange.response)).collect();
            let channels = captures::rpc_over_http().connections;
            all.extend(channels.into_iter().map(|channel| (channel.to_server, channel.to_client)));
            all
        });
        let (mut request, mut response) = pack[which % pack.len()].clone();
        for (place, value) in changes {
            let bytes = if value % 2 == 0 { &mut request } else { &mut response };
            if let Some(count) = std::num::NonZeroUsize::new(bytes.len()) {
                bytes[place % count] = value;
            }
        }
        let mut reader = CallReader::new(Vec::new());
        reader.data(&connection(1), Side::Client, Timestamp(0), &request);
        reader.data(&connection(1), Side::Server, Timestamp(0), &response);
        close(&mut reader, 1);
        reader.finish();
        let (calls, _) = sorted(&mut reader);
        let mut analyzer = crate::Analyzer::default();
        for call in calls {
            let operation = analyzer.operation(&call);
            crate::show::text(&operation, &mut crate::show::Sessions::default());
            crate::show::json(&operation);
        }
    }
}
