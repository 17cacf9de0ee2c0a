//! Where an attempt comes from, and what is counted of it beyond its address.

use std::net::IpAddr;

use identity::ClaimedName;

use super::counters::Counted;
use crate::tcp::network::{Network, enclosing};

/// Where an attempt comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    /// The address or network.
    pub(super) source: IpAddr,
    /// Whether it is that of a trusted proxy, which many clients share.
    pub(super) is_shared: bool,
}

impl Peer {
    /// The networks of the address in which failures are counted, each with a multiple of the limits of an address.
    pub(super) fn networks(self) -> impl Iterator<Item = (Network, u32)> {
        let networks = (!self.is_shared).then(|| enclosing(self.source));
        networks.into_iter().flatten().zip([4, 8])
    }

    /// The counters, beside those of the address, of an attempt in flight. `is_first` states whether it is the first
    /// attempt of the address for the account.
    pub(super) fn counted_for_others(
        self,
        name: &ClaimedName,
        is_first: bool,
    ) -> impl Iterator<Item = Counted<'_>> {
        let in_network = move |(network, _)| {
            let any = is_first.then_some(Counted::Network(network));
            [Some(Counted::AccountInNetwork(name.counting_name(), network)), any]
        };
        self.networks().flat_map(in_network).flatten().chain([Counted::account(name)])
    }
}
