//! Which of the mechanisms within SPNEGO is meant.

use super::tokens::Oid;
use crate::package::{Carrier, Channel, Package};

/// The package that `oid` means, if it is one of these.
pub(super) fn package_of(within: &[&'static dyn Package], oid: &Oid) -> Option<&'static dyn Package> {
    within.iter().copied().find(|package| package.oids().contains(oid))
}

/// The mechanism that a client uses as it is, without SPNEGO around it, under the name of Negotiate ([MS-NTHT] 2.1):
/// the one whose messages begin as `token` does. In DCE/RPC that is none.
pub(super) fn bare(
    within: &[&'static dyn Package],
    token: &[u8],
    channel: Channel,
) -> Option<&'static dyn Package> {
    let is_bare = |package: &&'static dyn Package| {
        package.bare_prefix().is_some_and(|prefix| token.starts_with(prefix))
    };
    within.iter().copied().find(|package| channel.carrier == Carrier::Http && is_bare(package))
}
