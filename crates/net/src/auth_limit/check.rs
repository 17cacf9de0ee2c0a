//! Decides whether an attempt may be made now.

use identity::ClaimedName;
use tokio::time::Instant;

use super::backoff::{Attempts, Backoff, Blocked};
use super::counters::Counted;
use super::counts::Counts;
use super::limits::{ACCOUNTS_PER_SOURCE, UNPROVEN_FACTOR};
use super::obstacle::Obstacle;
use super::peer::Peer;
use super::throttled::Limit;

/// Which attempts at other addresses count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elsewhere {
    /// Those that failed, and those in flight.
    All,
    /// Those that failed.
    Failed,
}

/// The attempts that an address, or a network, made itself.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// For the account.
    account: Attempts,
    /// The accounts with attempts; `None` if the account of the attempt is among those of the address.
    accounts: Option<Attempts>,
}

/// Why a password from `peer` for the account `name` is not checked now.
pub(super) fn obstacle(
    counts: &Counts,
    peer: Peer,
    name: &ClaimedName,
    elsewhere: Elsewhere,
    now: Instant,
) -> Option<Obstacle> {
    let limits = counts.limits;
    let unproven = counts.counters.get(counts.unproven_key(peer, name), now);
    let inconclusive = unproven.and_then(|counter| counter.blocked(limits.unproven(), now));
    let inconclusive = Obstacle::own(Limit::Unproven, inconclusive);
    if let Some(proven) = counts.proven.get(peer, name) {
        return Obstacle::worse(proven.obstacle(limits, now), inconclusive);
    }
    if peer.is_shared {
        let own = counts.counters.get(Counted::Unnamed(name.counting_name(), peer.source), now);
        let own = own.and_then(|own| own.blocked(limits.failures, now));
        return Obstacle::worse(Obstacle::own(Limit::AddressAndAccount, own), inconclusive);
    }
    let source = counts.sources.get(peer.source);
    let tried = source.and_then(|source| source.tried(name, now));
    let own = match tried {
        Some(tried) => Obstacle::own(Limit::AddressAndAccount, tried.blocked(limits.failures, now)),
        None => Obstacle::own(Limit::Address, source.and_then(|source| source.spread_blocked(now))),
    };
    let unproven = unproven.map_or(0, |counter| counter.failures() / UNPROVEN_FACTOR);
    let own_part = Part {
        account: tried.map_or(Attempts::default(), Attempts::of).with_failed(unproven),
        accounts: tried
            .is_none()
            .then(|| source.map_or(Attempts::default(), |source| source.accounts_tried(now))),
    };
    let others = others(counts, peer, name, own_part, elsewhere, now);
    Obstacle::worse(Obstacle::worse(own, inconclusive), others)
}

/// Why the attempts of others delay one of an address. They do so only if the address, and each network within the one
/// that exceeds its limit, has failed itself.
fn others(
    counts: &Counts,
    peer: Peer,
    name: &ClaimedName,
    own: Part,
    elsewhere: Elsewhere,
    now: Instant,
) -> Option<Obstacle> {
    let limits = counts.limits;
    let counter = |what| counts.counters.get(what, now);
    let mut worst: Option<Obstacle> = None;
    let mut add = |limit, part: Attempts, counter: Option<&Backoff>, free: u32| {
        let blocked = counter.and_then(|counter| counter.blocked(free, now));
        let blocked = blocked.filter(|blocked| elsewhere == Elsewhere::All || *blocked != Blocked::InFlight);
        worst = Obstacle::worse(worst, blocked.and_then(|blocked| Obstacle::for_part(part, limit, blocked)));
    };
    let mut part = own;
    for (network, factor) in peer.networks() {
        let for_account = counter(Counted::AccountInNetwork(name.counting_name(), network));
        let for_any = counter(Counted::Network(network));
        let limit = Limit::Network(network);
        add(limit, part.account, for_account, limits.failures.saturating_mul(factor));
        if let Some(accounts) = part.accounts {
            add(limit, accounts, for_any, ACCOUNTS_PER_SOURCE * factor);
        }
        let of = |counter: Option<&Backoff>| counter.map_or(Attempts::default(), Attempts::of);
        part = Part { account: of(for_account), accounts: part.accounts.map(|_| of(for_any)) };
    }
    let all = counter(Counted::account(name));
    add(Limit::Account, own.account, all, limits.failures_everywhere());
    worst
}
