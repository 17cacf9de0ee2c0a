//! Values that stand in texts.

use std::net::SocketAddr;

use net::Network;
use serde::Deserialize;

/// A host name, whose last dot says no more than that it is whole (RFC 1034 3.1).
pub(super) fn name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let mut name = String::deserialize(deserializer)?;
    if name.ends_with('.') {
        name.pop();
    }
    Ok(name)
}

/// Where something listens.
pub(super) fn address<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bad = |_| {
        let expected = "expected one with a port from 1 to 65535, as 192.0.2.1:443 or [2001:db8::1]:443, or 0.0.0.0:443 or \
                        [::]:443 for all of this machine; names of hosts are not taken";
        serde::de::Error::custom(format!("{text:?} is no address: {expected}"))
    };
    text.parse().map(Some).map_err(bad)
}

/// A list of addresses and networks.
pub(super) fn networks<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Network>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}
