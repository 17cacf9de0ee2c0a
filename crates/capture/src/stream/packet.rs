//! Decodes link-layer and IP headers, down to TCP segments.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use wire::{Endian, Error, Reader, Result};

use crate::source::LinkType;

impl LinkType {
    /// BSD's loopback: a protocol family in the byte order of the machine that recorded.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP, with or without the framing of HDLC.
    pub const PPP: Self = Self(9);
    /// IP without a link-layer header.
    pub const RAW: Self = Self(101);
    /// `OpenBSD`'s loopback: a protocol family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux's any interface.
    pub const LINUX_SLL: Self = Self(113);
    /// `IPv4` without a link-layer header.
    pub const IPV4: Self = Self(228);
    /// `IPv6` without a link-layer header.
    pub const IPV6: Self = Self(229);
    /// Linux's any interface, second version.
    pub const LINUX_SLL2: Self = Self(276);
}

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// MPLS (RFC 3032 2.1).
const ETHERTYPE_MPLS: u16 = 0x8847;
/// A PPP session over Ethernet (RFC 2516 4).
const ETHERTYPE_PPPOE: u16 = 0x8864;
/// The start of a PPP frame in the framing of HDLC: address and control (RFC 1662 3.1).
const PPP_HDLC: &[u8] = &[0xff, 0x03];
/// The maximum length in the place of a type (IEEE 802.3 3.2.6), and what follows it if the type is further behind: the
/// headers of LLC and SNAP, whose organization is that of Ethernet (RFC 1042).
const MAX_LENGTH: u16 = 1500;
const SNAP: [u8; 6] = [0xaa, 0xaa, 0x03, 0, 0, 0];
/// VLAN tags, which precede the type of the payload.
const ETHERTYPE_TAGS: &[u16] = &[0x8100, 0x88a8, 0x9100];
/// The maximum number of VLAN tags, more than any frame has.
const MAX_TAGS: usize = 4;
/// The maximum number of MPLS labels, more than any packet has.
const MAX_LABELS: usize = 16;

const PROTOCOL_TCP: u8 = 6;

wire::wire_flags! {
    /// Flags of a TCP segment (RFC 9293 3.1).
    pub struct TcpFlags(u8) {
        /// The sender sends no more data (FIN).
        FIN = 0x01,
        /// Synchronizes sequence numbers, at the beginning of a connection (SYN).
        SYN = 0x02,
        /// Resets the connection (RST).
        RST = 0x04,
        /// The acknowledgement number is valid (ACK).
        ACK = 0x10,
    }
}

/// A TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The sender's address.
    pub from: SocketAddr,
    /// The receiver's address.
    pub to: SocketAddr,
    /// The sequence number of its first byte.
    pub sequence: u32,
    /// The sequence number of the byte that the sender expects next.
    pub acknowledged: u32,
    /// The flags.
    pub flags: TcpFlags,
    /// The recorded bytes of the payload.
    pub payload: &'a [u8],
    /// The number of bytes of the payload that were not recorded.
    pub missing: u32,
}

/// Decodes the TCP segment in a packet; `None` if the packet contains something else.
///
/// # Errors
/// If the packet is truncated, is a fragment of a larger one, or has an unsupported link type.
pub fn segment(link: LinkType, data: &[u8]) -> Result<Option<Segment<'_>>> {
    let mut r = Reader::with_endian(data, Endian::Big);
    match link {
        LinkType::ETHERNET => {
            r.bytes(12, "addresses")?;
            by_type(&mut r)
        }
        LinkType::NULL | LinkType::LOOP => {
            r.bytes(4, "family")?;
            by_version(&mut r)
        }
        LinkType::PPP => ppp(&mut r),
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 | LinkType(12 | 14) => by_version(&mut r),
        LinkType::LINUX_SLL => {
            r.bytes(14, "SLL")?;
            by_type(&mut r)
        }
        LinkType::LINUX_SLL2 => {
            let protocol = r.u16("SLL2.protocol")?;
            r.bytes(18, "SLL2")?;
            by_number(&mut r, protocol)
        }
        LinkType(other) => {
            Err(Error::invalid("link type", 0, u64::from(other), "Ethernet, loopback, PPP, SLL or IP"))
        }
    }
}

fn by_type<'a>(r: &mut Reader<'a>) -> Result<Option<Segment<'a>>> {
    let mut number = r.u16("EtherType")?;
    for _ in 0..MAX_TAGS {
        if !ETHERTYPE_TAGS.contains(&number) {
            break;
        }
        r.u16("tag")?;
        number = r.u16("EtherType")?;
    }
    if number <= MAX_LENGTH && r.peek().starts_with(&SNAP) {
        r.bytes(SNAP.len(), "SNAP")?;
        number = r.u16("EtherType")?;
    }
    by_number(r, number)
}

fn by_number<'a>(r: &mut Reader<'a>, number: u16) -> Result<Option<Segment<'a>>> {
    match number {
        ETHERTYPE_IPV4 => ipv4(r),
        ETHERTYPE_IPV6 => ipv6(r),
        ETHERTYPE_MPLS => {
            for _ in 0..MAX_LABELS {
                // The last entry of the stack has this bit.
                if r.u32("label stack entry")? & 0x100 != 0 {
                    break;
                }
            }
            by_version(r)
        }
        ETHERTYPE_PPPOE => {
            r.bytes(6, "PPPoE")?;
            ppp(r)
        }
        _ => Ok(None),
    }
}

/// Decodes a PPP frame. The number of its protocol has one byte or two (RFC 1661 2), and is not needed, since the
/// payload identifies itself.
fn ppp<'a>(r: &mut Reader<'a>) -> Result<Option<Segment<'a>>> {
    if r.peek().starts_with(PPP_HDLC) {
        r.bytes(PPP_HDLC.len(), "PPP")?;
    }
    let mut protocol = u16::from(r.u8("PPP.protocol")?);
    if protocol & 1 == 0 {
        protocol = protocol << 8 | u16::from(r.u8("PPP.protocol")?);
    }
    match protocol {
        0x21 => ipv4(r),
        0x57 => ipv6(r),
        _ => Ok(None),
    }
}

fn by_version<'a>(r: &mut Reader<'a>) -> Result<Option<Segment<'a>>> {
    match r.peek().first().map(|byte| byte >> 4) {
        Some(4) => ipv4(r),
        Some(6) => ipv6(r),
        _ => Ok(None),
    }
}

fn ipv4<'a>(r: &mut Reader<'a>) -> Result<Option<Segment<'a>>> {
    let start = r.remaining();
    let [version_and_length, _] = r.array("IPv4")?;
    let total = usize::from(r.u16("Total Length")?);
    r.u16("Identification")?;
    let fragment = r.u16("Fragment Offset")?;
    let [_, protocol] = r.array("Protocol")?;
    r.u16("Header Checksum")?;
    let from = IpAddr::from(Ipv4Addr::from(r.array::<4>("Source Address")?));
    let to = IpAddr::from(Ipv4Addr::from(r.array::<4>("Destination Address")?));
    let header = usize::from(version_and_length & 0x0f).saturating_mul(4);
    if header < 20 {
        return Err(r.invalid("IHL", u64::from(version_and_length), "at least five").within("IPv4"));
    }
    r.bytes(header.saturating_sub(20), "Options")?;
    if protocol != PROTOCOL_TCP {
        return Ok(None);
    }
    if fragment & 0x3fff != 0 {
        return Err(r.invalid("Fragment Offset", u64::from(fragment), "a whole packet").within("IPv4"));
    }
    // With segmentation offloading, packets are recorded without a length.
    let total = if total == 0 { start } else { total };
    tcp(r, from, to, total.saturating_sub(header))
}

fn ipv6<'a>(r: &mut Reader<'a>) -> Result<Option<Segment<'a>>> {
    r.u32("IPv6")?;
    let length = usize::from(r.u16("Payload Length")?);
    let [mut next, _] = r.array("Next Header")?;
    let from = IpAddr::from(Ipv6Addr::from(r.array::<16>("Source Address")?));
    let to = IpAddr::from(Ipv6Addr::from(r.array::<16>("Destination Address")?));
    let before = r.remaining();
    let length = if length == 0 { before } else { length };
    // Every iteration consumes at least eight bytes.
    while next != PROTOCOL_TCP {
        let (following, size) = match next {
            0 | 43 | 60 => {
                let [following, units] = r.array("extension header")?;
                (following, usize::from(units).saturating_add(1).saturating_mul(8).saturating_sub(2))
            }
            44 => {
                let [following, _] = r.array("Fragment")?;
                let offset = r.u16("Fragment Offset")?;
                if offset & 0xfff9 != 0 {
                    let found = u64::from(offset);
                    return Err(r.invalid("Fragment Offset", found, "a whole packet").within("IPv6"));
                }
                (following, 4)
            }
            _ => return Ok(None),
        };
        r.bytes(size, "extension header")?;
        next = following;
    }
    let extensions = before.saturating_sub(r.remaining());
    tcp(r, from, to, length.saturating_sub(extensions))
}

/// Decodes a segment of `length` bytes, some of which may not have been recorded.
fn tcp<'a>(r: &mut Reader<'a>, from: IpAddr, to: IpAddr, length: usize) -> Result<Option<Segment<'a>>> {
    let there = r.remaining().min(length);
    let mut r = r.sub(there, "TCP")?;
    let (from_port, to_port) = (r.u16("Source Port")?, r.u16("Destination Port")?);
    let (sequence, acknowledged) = (r.u32("Sequence Number")?, r.u32("Acknowledgment Number")?);
    let [offset, flags] = r.array("Data Offset")?;
    r.bytes(6, "Window")?;
    let header = usize::from(offset >> 4).saturating_mul(4);
    if header < 20 {
        return Err(r.invalid("Data Offset", u64::from(offset), "at least five").within("TCP"));
    }
    r.bytes(header.saturating_sub(20), "Options")?;
    let missing = length.saturating_sub(there);
    Ok(Some(Segment {
        from: SocketAddr::new(from, from_port),
        to: SocketAddr::new(to, to_port),
        sequence,
        acknowledged,
        flags: TcpFlags(flags),
        payload: r.rest(),
        missing: u32::try_from(missing).unwrap_or(u32::MAX),
    }))
}
