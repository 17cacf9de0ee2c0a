//! Creates Ethernet, IP and TCP headers for synthetic packets.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::stream::Side;

/// The maximum payload of one packet, in bytes. Real packets are smaller, but readers accept this size.
pub(super) const MAX_SEGMENT: usize = 32 * 1024;

/// Flags of TCP.
pub(super) const SYN: u8 = 0x02;
pub(super) const ACK: u8 = 0x10;
pub(super) const PUSH: u8 = 0x08;

/// A synthetic connection.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    client: SocketAddr,
    server: SocketAddr,
    /// The next sequence numbers of the client and of the server.
    next: [u32; 2],
}

impl Stream {
    /// Creates a connection. The initial sequence number of both sides is `first`.
    pub(super) const fn new(client: SocketAddr, server: SocketAddr, first: u32) -> Self {
        Self { client, server, next: [first, first] }
    }

    /// The Ethernet frame in which `side` sends `payload` with `flags`.
    pub(super) fn frame(&mut self, side: Side, flags: u8, payload: &[u8]) -> Vec<u8> {
        let [client, server] = &mut self.next;
        let (own, other, from, to) = match side {
            Side::Client => (client, server, self.client, self.server),
            Side::Server => (server, client, self.server, self.client),
        };
        let (sequence, acknowledged) = (*own, if flags & ACK == 0 { 0 } else { *other });
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        *own = own.wrapping_add(length).wrapping_add(u32::from(flags & SYN != 0));
        let mut tcp = Vec::with_capacity(payload.len().saturating_add(20));
        tcp.extend_from_slice(&from.port().to_be_bytes());
        tcp.extend_from_slice(&to.port().to_be_bytes());
        tcp.extend_from_slice(&sequence.to_be_bytes());
        tcp.extend_from_slice(&acknowledged.to_be_bytes());
        tcp.extend_from_slice(&[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend_from_slice(payload);
        packet(side, from.ip(), to.ip(), tcp)
    }
}

/// Creates the frame of a TCP segment, and computes its checksum.
fn packet(side: Side, from: IpAddr, to: IpAddr, mut tcp: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(tcp.len()).unwrap_or(u16::MAX);
    let (mut header, addresses, ethertype): (Vec<u8>, Vec<u8>, [u8; 2]) = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let total = length.saturating_add(20).to_be_bytes();
            let [high, low] = total;
            let mut header = vec![0x45, 0, high, low, 0, 0, 0x40, 0, 64, 6, 0, 0];
            let addresses = [from.octets(), to.octets()].concat();
            header.extend_from_slice(&addresses);
            (header, addresses, [0x08, 0x00])
        }
        (from, to) => {
            let wide = |address: IpAddr| match address {
                IpAddr::V4(address) => address.to_ipv6_mapped(),
                IpAddr::V6(address) => address,
            };
            let addresses = [wide(from), wide(to)].map(|address: Ipv6Addr| address.octets()).concat();
            let [high, low] = length.to_be_bytes();
            let mut header = vec![0x60, 0, 0, 0, high, low, 6, 64];
            header.extend_from_slice(&addresses);
            (header, addresses, [0x86, 0xdd])
        }
    };
    if ethertype == [0x08, 0x00] {
        let sum = checksum(&[&header]);
        put(&mut header, 10, sum);
    }
    let sum = checksum(&[&addresses, &[0, 6], &length.to_be_bytes(), &tcp]);
    put(&mut tcp, 16, sum);
    // Locally administered addresses, which belong to no vendor.
    let (own, other) = if side == Side::Client { (1, 2) } else { (2, 1) };
    let mut frame = vec![2, 0, 0, 0, 0, other, 2, 0, 0, 0, 0, own];
    frame.extend_from_slice(&ethertype);
    frame.append(&mut header);
    frame.append(&mut tcp);
    frame
}

fn put(bytes: &mut [u8], at: usize, sum: u16) {
    if let Some(place) = bytes.get_mut(at..at.saturating_add(2)) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
}

/// The Internet checksum (RFC 1071) of parts. Only the last part may have an odd length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for part in parts {
        for pair in part.chunks(2) {
            let word = match pair {
                [high, low] => u16::from_be_bytes([*high, *low]),
                [high] => u16::from_be_bytes([*high, 0]),
                _ => 0,
            };
            sum = sum.saturating_add(u64::from(word));
        }
    }
    while sum > 0xffff {
        sum = (sum >> 16).saturating_add(sum & 0xffff);
    }
    !u16::try_from(sum).unwrap_or(0)
}
