//! Values that are written as strings.

use std::net::SocketAddr;

use net::Network;
use serde::Deserialize;

/// A host name, without the dot that may end an absolute name (RFC 1034 3.1).
pub(super) fn name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let mut name = String::deserialize(deserializer)?;
    if name.ends_with('.') {
        name.pop();
    }
    Ok(name)
}

/// The address of a listener.
pub(super) fn address<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bad = |_| {
        let expected = "expected an IP address and a port, for example 192.0.2.1:443 or [2001:db8::1]:443, or 0.0.0.0:443 \
                        or [::]:443 for all addresses of this machine; host names are not allowed";
        serde::de::Error::custom(format!("{text:?} is not a valid address; {expected}"))
    };
    text.parse().map(Some).map_err(bad)
}

/// A list of addresses and networks.
pub(super) fn networks<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Network>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}
