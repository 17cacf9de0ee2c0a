//! Commands of RTS PDUs ([MS-RPCH] 2.2.3.5).

use std::net::{Ipv4Addr, Ipv6Addr};

use wire::{Decode, Encode, Guid, Reader, Result, Writer};

wire::wire_enum! {
    /// The type of a command ([MS-RPCH] 2.2.3.5).
    pub struct CommandType(u32) {
        /// [`Command::ReceiveWindowSize`].
        ReceiveWindowSize = 0x0,
        /// [`Command::FlowControlAck`].
        FlowControlAck = 0x1,
        /// [`Command::ConnectionTimeout`].
        ConnectionTimeout = 0x2,
        /// [`Command::Cookie`].
        Cookie = 0x3,
        /// [`Command::ChannelLifetime`].
        ChannelLifetime = 0x4,
        /// [`Command::ClientKeepalive`].
        ClientKeepalive = 0x5,
        /// [`Command::Version`].
        Version = 0x6,
        /// [`Command::Empty`].
        Empty = 0x7,
        /// [`Command::Padding`].
        Padding = 0x8,
        /// [`Command::NegativeAnce`].
        NegativeANCE = 0x9,
        /// [`Command::Ance`].
        ANCE = 0xa,
        /// [`Command::ClientAddress`].
        ClientAddress = 0xb,
        /// [`Command::AssociationGroupId`].
        AssociationGroupId = 0xc,
        /// [`Command::Destination`].
        Destination = 0xd,
        /// [`Command::PingTrafficSentNotify`].
        PingTrafficSentNotify = 0xe,
    }
}

wire::wire_enum! {
    /// The recipient of a PDU that is forwarded ([MS-RPCH] 2.2.3.3).
    pub struct Destination(u32) {
        /// The client.
        FDClient = 0,
        /// The proxy of the IN channel.
        FDInProxy = 1,
        /// The server.
        FDServer = 2,
        /// The proxy of the OUT channel.
        FDOutProxy = 3,
    }
}

/// One command of an RTS PDU ([MS-RPCH] 2.2.3.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The receive window of the sender, in bytes: 8 KiB to 256 KiB (2.2.3.5.1).
    ReceiveWindowSize(u32),
    /// Acknowledges received bytes of a channel (2.2.3.5.2, 2.2.3.4).
    FlowControlAck {
        /// The number of bytes received so far, modulo 2^32.
        bytes_received: u32,
        /// The number of further bytes that the sender accepts.
        available_window: u32,
        /// The channel that is acknowledged.
        channel_cookie: Guid,
    },
    /// The interval of keep-alive PDUs for which the connection is configured, in milliseconds: 120,000 to 14,400,000
    /// (2.2.3.5.3).
    ConnectionTimeout(u32),
    /// Identifies a channel or a virtual connection (2.2.3.5.4).
    Cookie(Guid),
    /// The number of bytes after which the channel must be replaced (2.2.3.5.5).
    ChannelLifetime(u32),
    /// The interval of keep-alive PDUs that the client requests, in milliseconds: at least 60,000, or zero for 300,000
    /// (2.2.3.5.6).
    ClientKeepalive(u32),
    /// The protocol's version: 1 (2.2.3.5.7).
    Version(u32),
    /// Nothing (2.2.3.5.8).
    Empty,
    /// Padding (2.2.3.5.9).
    Padding(Padding),
    /// A channel was not replaced (2.2.3.5.10).
    NegativeAnce,
    /// A channel was replaced (2.2.3.5.11).
    Ance,
    /// The address of the client (2.2.3.5.12).
    ClientAddress(ClientAddress),
    /// The client's association group (2.2.3.5.13).
    AssociationGroupId(Guid),
    /// The recipient of the PDU (2.2.3.5.14).
    Destination(Destination),
    /// The number of bytes of pings that the proxy has sent (2.2.3.5.15).
    PingTrafficSentNotify(u32),
}

/// The padding; at most 65,535 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Padding(pub Vec<u8>);

/// The address of a client, and twelve bytes of padding ([MS-RPCH] 2.2.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAddress {
    /// By IPv4.
    V4(Ipv4Addr, [u8; 12]),
    /// By IPv6.
    V6(Ipv6Addr, [u8; 12]),
}

/// `AddressType` of IPv4 and of IPv6 ([MS-RPCH] 2.2.3.2).
const ADDRESS_V4: u32 = 0;
const ADDRESS_V6: u32 = 1;

impl Command {
    /// The type of the command.
    pub const fn command_type(&self) -> CommandType {
        match self {
            Self::ReceiveWindowSize(_) => CommandType::ReceiveWindowSize,
            Self::FlowControlAck { .. } => CommandType::FlowControlAck,
            Self::ConnectionTimeout(_) => CommandType::ConnectionTimeout,
            Self::Cookie(_) => CommandType::Cookie,
            Self::ChannelLifetime(_) => CommandType::ChannelLifetime,
            Self::ClientKeepalive(_) => CommandType::ClientKeepalive,
            Self::Version(_) => CommandType::Version,
            Self::Empty => CommandType::Empty,
            Self::Padding(_) => CommandType::Padding,
            Self::NegativeAnce => CommandType::NegativeANCE,
            Self::Ance => CommandType::ANCE,
            Self::ClientAddress(_) => CommandType::ClientAddress,
            Self::AssociationGroupId(_) => CommandType::AssociationGroupId,
            Self::Destination(_) => CommandType::Destination,
            Self::PingTrafficSentNotify(_) => CommandType::PingTrafficSentNotify,
        }
    }
}

impl Encode for Command {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.command_type().0);
        match self {
            Self::ReceiveWindowSize(value)
            | Self::ConnectionTimeout(value)
            | Self::ChannelLifetime(value)
            | Self::ClientKeepalive(value)
            | Self::Version(value)
            | Self::Destination(Destination(value))
            | Self::PingTrafficSentNotify(value) => {
                w.u32(*value);
            }
            Self::FlowControlAck { bytes_received, available_window, channel_cookie } => {
                w.u32(*bytes_received).u32(*available_window);
                channel_cookie.encode(w)?;
            }
            Self::Cookie(cookie) | Self::AssociationGroupId(cookie) => cookie.encode(w)?,
            Self::Empty | Self::NegativeAnce | Self::Ance => {}
            Self::Padding(Padding(bytes)) => {
                w.len32(bytes.len(), "ConformanceCount")?.bytes(bytes);
            }
            Self::ClientAddress(ClientAddress::V4(address, padding)) => {
                w.u32(ADDRESS_V4).bytes(&address.octets()).bytes(padding);
            }
            Self::ClientAddress(ClientAddress::V6(address, padding)) => {
                w.u32(ADDRESS_V6).bytes(&address.octets()).bytes(padding);
            }
        }
        Ok(())
    }
}

impl<'a> Decode<'a> for Command {
    /// # Errors
    /// Also for an unknown type, since its length is unknown.
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let command_type = CommandType(r.u32("CommandType")?);
        Ok(match command_type {
            CommandType::ReceiveWindowSize => Self::ReceiveWindowSize(r.u32("ReceiveWindowSize")?),
            CommandType::FlowControlAck => Self::FlowControlAck {
                bytes_received: r.u32("BytesReceived")?,
                available_window: r.u32("AvailableWindow")?,
                channel_cookie: Guid::decode(r)?,
            },
            CommandType::ConnectionTimeout => Self::ConnectionTimeout(r.u32("ConnectionTimeout")?),
            CommandType::Cookie => Self::Cookie(Guid::decode(r)?),
            CommandType::ChannelLifetime => Self::ChannelLifetime(r.u32("ChannelLifetime")?),
            CommandType::ClientKeepalive => Self::ClientKeepalive(r.u32("ClientKeepalive")?),
            CommandType::Version => Self::Version(r.u32("Version")?),
            CommandType::Empty => Self::Empty,
            CommandType::Padding => {
                let count = r.u32("ConformanceCount")?;
                let count = r.count(count, 1, u32::from(u16::MAX), "ConformanceCount")?;
                Self::Padding(Padding(r.bytes(count, "Padding")?.to_vec()))
            }
            CommandType::NegativeANCE => Self::NegativeAnce,
            CommandType::ANCE => Self::Ance,
            CommandType::ClientAddress => Self::ClientAddress(ClientAddress::decode(r)?),
            CommandType::AssociationGroupId => Self::AssociationGroupId(Guid::decode(r)?),
            CommandType::Destination => Self::Destination(Destination(r.u32("Destination")?)),
            CommandType::PingTrafficSentNotify => Self::PingTrafficSentNotify(r.u32("PingTrafficSent")?),
            CommandType(other) => {
                let expected = "a command of the protocol";
                return Err(r.invalid("CommandType", u64::from(other), expected).within("RTS"));
            }
        })
    }
}

impl<'a> Decode<'a> for ClientAddress {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        match r.u32("AddressType")? {
            ADDRESS_V4 => Ok(Self::V4(Ipv4Addr::from(r.array::<4>("ClientAddress")?), r.array("Padding")?)),
            ADDRESS_V6 => Ok(Self::V6(Ipv6Addr::from(r.array::<16>("ClientAddress")?), r.array("Padding")?)),
            other => Err(r.invalid("AddressType", u64::from(other), "IPv4 or IPv6").within("ClientAddress")),
        }
    }
}
