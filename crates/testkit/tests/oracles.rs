//! Short runs of the oracles on random bytes and on modified seeds.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use testkit::{oracles, seeds};

/// The number of inputs for each oracle from each of the two sources.
const CASES: u32 = 2048;

/// Bytes are changed, removed or duplicated.
fn changed(seed: &[u8], changes: &[(u8, u16, u8)]) -> Vec<u8> {
    const TELLING: [u8; 8] = [0, 1, 2, 4, 0x7f, 0x80, 0xfe, 0xff];
    let mut bytes = seed.to_vec();
    for (kind, place, value) in changes {
        let place = usize::from(*place) % bytes.len().max(1);
        let chosen = usize::from(value % 8);
        match (kind % 16, bytes.get_mut(place)) {
            (0, _) => bytes.truncate(place),
            (1, _) => bytes.insert(place, *value),
            (2, Some(_)) => drop(bytes.remove(place)),
            (3..8, Some(byte)) => *byte ^= 1 << chosen,
            (8..12, Some(byte)) => *byte = TELLING[chosen],
            (_, Some(byte)) => *byte = *value,
            (_, None) => {}
        }
    }
    bytes
}

fn check(name: &str) {
    let (_, oracle) = oracles::ALL.into_iter().find(|(known, _)| *known == name).expect("an oracle");
    let seeds = seeds::of(name);
    assert!(!seeds.is_empty(), "{name} has seeds");
    for seed in &seeds {
        oracle(seed);
    }

    let run = |inputs: BoxedStrategy<Vec<u8>>, what: &str| {
        // A runner counts its cases over all of its runs, so that each run needs its own runner.
        let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
        let result = TestRunner::new(config).run(&inputs, |bytes| {
            oracle(&bytes);
            Ok(())
        });
        result.expect(what);
    };
    run(prop::collection::vec(any::<u8>(), 0..200).boxed(), "random bytes");
    let changes = prop::collection::vec((any::<u8>(), any::<u16>(), any::<u8>()), 1..6);
    let near = (prop::sample::select(seeds), changes);
    run(near.prop_map(|(seed, changes)| changed(&seed, &changes)).boxed(), "changed seeds");
}

macro_rules! oracle {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                check(stringify!($name));
            }
        )*

        #[test]
        fn every_oracle_is_checked_here() {
            let here = [$(stringify!($name)),*];
            assert_eq!(oracles::ALL.map(|(name, _)| name), here);
        }
    };
}

oracle! {
    guid
    rpc_pdus
    rpc_server
    rpc_client
    rpc_endpoints
    rpc_rts
    http_framing
    nspi
    emsmdb
    extended_buffers
    aux_blocks
    properties
    rop_requests
    rop_responses
    mapi_http
    autodiscover
    fast_transfer
    idsets
    notifications
    rtf
    rtf_bodies
    messages_read
    messages_written
    auth_tokens
    auth_handshakes
    pass_through
    recordings
    key_logs
    tls_records
    keytabs
    kerberos_tokens
}

#[test]
fn every_oracle_has_a_fuzz_target() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/fuzz_targets");
    let files = std::fs::read_dir(folder).expect("the fuzz targets");
    let mut targets: Vec<String> =
        files.filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned())).collect();
    targets.sort();
    let mut oracles: Vec<_> = oracles::ALL.map(|(name, _)| name.to_owned()).into();
    oracles.sort();
    assert_eq!(targets, oracles);
}
