//! Finds the mechanism within SPNEGO that an identifier or a token denotes.

use super::tokens::Oid;
use crate::carrier::Carrier;
use crate::package::{Channel, Package};

/// The package that `oid` denotes, if it is one of these.
pub(super) fn package_of(within: &[&'static dyn Package], oid: &Oid) -> Option<&'static dyn Package> {
    within.iter().copied().find(|package| package.oids().contains(oid))
}

/// The mechanism that a client uses without SPNEGO under the name of Negotiate ([MS-NTHT] 2.1): the one whose
/// messages begin as `token` does. Always `None` in DCE/RPC.
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
