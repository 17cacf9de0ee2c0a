//! The flags and the provider with which an entry id begins.

use wire::{Reader, Result};

use crate::data::address_book::FlatUid;

/// Decodes the flags and a provider, which must be `expected`, and returns the flags.
pub(super) fn decode_provider(r: &mut Reader<'_>, expected: FlatUid) -> Result<u32> {
    let flags = r.u32("Flags")?;
    let found = r.array::<16>("ProviderUID")?;
    if found != expected.0 {
        return Err(r.invalid("ProviderUID", u64::from(found[0]), "the provider of such entry ids"));
    }
    Ok(flags)
}
