//! IP networks in CIDR notation.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A network of IP addresses, such as `10.0.0.0/8` or `2001:db8::/32`; a single address without a length. Host bits are
/// ignored. IPv4 addresses mapped into IPv6 are IPv4 addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    address: IpAddr,
    length: u8,
}

/// A text that is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a valid address or network (for example 10.0.0.1, 10.0.0.0/8, 2001:db8::1 or 2001:db8::/32)"
)]
pub struct InvalidNetwork(String);

impl Network {
    /// Whether it has all addresses of its version of IP.
    pub const fn has_all_addresses(&self) -> bool {
        self.length == 0
    }

    /// Whether `address` belongs to it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && masked(address, self.length) == self.address
    }
}

impl<A: Into<IpAddr>> From<A> for Network {
    /// The network of this address alone.
    fn from(address: A) -> Self {
        let address = address.into().to_canonical();
        Self { address, length: if address.is_ipv4() { 32 } else { 128 } }
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let invalid = || InvalidNetwork(text.to_owned());
        let Some((address, length)) = text.split_once('/') else {
            return text.parse::<IpAddr>().map(Self::from).map_err(|_| invalid());
        };
        let written = address.parse::<IpAddr>().map_err(|_| invalid())?;
        let digits =
            !length.is_empty() && length.len() <= 3 && length.bytes().all(|byte| byte.is_ascii_digit());
        let length = length.parse::<u8>().ok().filter(|_| digits).ok_or_else(invalid)?;
        let (address, length) = match written.to_canonical() {
            // ::ffff:0:0/96 is where IPv4 begins in IPv6.
            mapped @ IpAddr::V4(_) if written.is_ipv6() && length >= 96 => (mapped, length - 96),
            IpAddr::V4(_) if written.is_ipv6() => (written, length),
            address => (address, length),
        };
        if length > if address.is_ipv4() { 32 } else { 128 } {
            return Err(invalid());
        }
        Ok(Self { address: masked(address, length), length })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, length } = self;
        let is_single = *length == if address.is_ipv4() { 32 } else { 128 };
        if is_single { address.fmt(f) } else { write!(f, "{address}/{length}") }
    }
}

/// `address` with all bits after the first `length` cleared.
fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(length.into())).unwrap_or(0);
            IpAddr::from((address.to_bits() & mask).to_be_bytes())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(length.into())).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

/// The address to which limits for each address apply: an IPv4 address itself, or the /64 network of an IPv6 address,
/// because one host may use all addresses of such a network.
pub(crate) fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        address @ IpAddr::V4(_) => address,
        address @ IpAddr::V6(_) => masked(address, 64),
    }
}

/// The networks to which limits on a [`source`] extend, from the smallest: the /24 of an IPv4 address; the /56 and the
/// /48 of an IPv6 address, which are common sizes of what providers assign to one customer.
pub(crate) fn enclosing(source: IpAddr) -> impl Iterator<Item = Network> + use<> {
    let lengths: &[u8] = if source.is_ipv4() { &[24] } else { &[56, 48] };
    lengths.iter().map(move |length| Network { address: masked(source, *length), length: *length })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_has_its_addresses_and_no_others() {
        for (written, inside, outside) in [
            ("10.0.0.1", "10.0.0.1", "10.0.0.2"),
            ("10.1.2.3/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.128/25", "::ffff:192.0.2.200", "192.0.2.127"),
            ("0.0.0.0/0", "203.0.113.1", "::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("fe80::1", "fe80::1", "fe80::2"),
            ("::/0", "::1", "127.0.0.1"),
            ("::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.1"),
        ] {
            assert!(network(written).contains(address(inside)), "{inside} in {written}");
            assert!(!network(written).contains(address(outside)), "{outside} in {written}");
        }
    }

    #[test]
    fn an_invalid_network_is_an_error() {
        for invalid in [
            "",
            "/",
            "10.0.0.1/",
            "10.0.0.1/33",
            "10.0.0.1/+8",
            "10.0.0.1/-1",
            "::1/129",
            "a/8",
            "10.0.0/8",
            "::1/0008",
        ] {
            assert!(invalid.parse::<Network>().is_err(), "{invalid}");
        }
    }

    #[test]
    fn a_source_is_within_networks_that_a_customer_may_have() {
        let within = |text| enclosing(address(text)).map(|network| network.to_string()).collect::<Vec<_>>();
        assert_eq!(within("198.51.100.7"), ["198.51.100.0/24"]);
        assert_eq!(within("2001:db8:0:1234::"), ["2001:db8:0:1200::/56", "2001:db8::/48"]);
    }

    #[test]
    fn a_host_with_many_addresses_is_one_source() {
        assert_eq!(source(address("2001:db8::1")), source(address("2001:db8::ffff:1")));
        assert_ne!(source(address("2001:db8::1")), source(address("2001:db8:0:1::1")));
        assert_eq!(source(address("::ffff:10.0.0.1")), address("10.0.0.1"));
        assert_ne!(source(address("10.0.0.1")), source(address("10.0.0.2")));
    }
}
