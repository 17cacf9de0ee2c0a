//! Seeds for fuzzing ROPs.

use std::collections::BTreeMap;

use mapi::rop::RopId;
use wire::Encode as _;

use crate::captures;
use crate::input::{chosen, put_block};
use crate::recorded_executes::{Execute, executes};
use crate::rops::{request, request_ids};

/// Batches of the recordings, one for each ROP that a batch begins with and each that its response begins with.
fn batches() -> Vec<Execute> {
    let exchanges = captures::mapihttp();
    let batches = exchanges.iter().filter_map(executes).filter_map(Result::ok);
    let short = batches.filter(|batch| batch.asked.rops.len() < 1000 && batch.told.len() == 1);
    let by_first: BTreeMap<_, Execute> = short
        .map(|batch| ((batch.asked.rops.first().copied(), batch.told[0].rops.first().copied()), batch))
        .collect();
    by_first.into_values().collect()
}

pub(super) fn requests() -> Vec<Vec<u8>> {
    let mut seeds: Vec<_> = batches().iter().map(|batch| chosen(&[3], &batch.asked.rops)).collect();
    let choices: Vec<u8> = (0..=255).collect();
    for request in request_ids().into_iter().filter_map(|id| request(id, &choices)) {
        seeds.push(chosen(&[3], &request.to_bytes().expect("a ROP can be written")));
    }
    seeds
}

pub(super) fn responses() -> Vec<Vec<u8>> {
    let batches = batches();
    let seeds = batches.iter().filter(|batch| batch.told[0].rops.len() < 4000).map(|batch| {
        let mut seed = vec![7];
        put_block(&mut seed, &batch.asked.rops);
        seed.push(0xFF);
        seed.extend(&batch.told[0].rops);
        seed
    });
    let response_only = RopId::ALL.iter().filter(|id| id.is_response_only());
    seeds.chain(response_only.map(|id| chosen(&[7, 0, 0, 0], response_without_request(*id)))).collect()
}

/// A response without a request.
///
/// # Panics
/// For a ROP without a seed.
fn response_without_request(id: RopId) -> &'static [u8] {
    match id {
        RopId::RopPending => &[0x6E, 0, 0],
        RopId::RopBufferTooSmall => &[0xFF, 0, 1, 2, 3, 4],
        RopId::RopBackoff => &[0xF9, 0, 1, 0, 0, 0, 1, 2, 3, 0, 0, 0, 2, 0, 9, 9],
        RopId::RopNotify => &[0x2A, 1, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0],
        id => panic!("no seed for {id:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rop_that_only_servers_send_has_a_seed() {
        for id in RopId::ALL.iter().filter(|id| id.is_response_only()) {
            assert_eq!(response_without_request(*id).first(), Some(&id.0));
        }
    }
}
