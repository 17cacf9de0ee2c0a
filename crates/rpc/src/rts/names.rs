//! Recognizes RTS PDUs by their commands ([MS-RPCH] 2.2.4).

use super::commands::{Command, CommandType};
use super::flags::RtsFlags;

/// The name of an echo: a PDU with the flag `RTS_FLAG_ECHO`, or with the common header only.
pub(super) const ECHO: &str = "Echo";

/// A message, the flags that it has, and its commands.
type Shape = (&'static str, RtsFlags, &'static [CommandType]);

/// The messages with which a client opens and keeps a virtual connection ([MS-RPCH] 2.2.4). Those that replace a
/// channel (`IN_R1`, `IN_R2`, `OUT_R1`, `OUT_R2`) are missing. A message between proxies and servers may have the shape
/// of one of these.
const SHAPES: &[Shape] = &[
    (
        "CONN/A1",
        RtsFlags::NONE,
        &[CommandType::Version, CommandType::Cookie, CommandType::Cookie, CommandType::ReceiveWindowSize],
    ),
    ("CONN/A3", RtsFlags::NONE, &[CommandType::ConnectionTimeout]),
    (
        "CONN/B1",
        RtsFlags::NONE,
        &[
            CommandType::Version,
            CommandType::Cookie,
            CommandType::Cookie,
            CommandType::ChannelLifetime,
            CommandType::ClientKeepalive,
            CommandType::AssociationGroupId,
        ],
    ),
    (
        "CONN/C2",
        RtsFlags::NONE,
        &[CommandType::Version, CommandType::ReceiveWindowSize, CommandType::ConnectionTimeout],
    ),
    ("Keep-Alive", RtsFlags::OTHER_CMD, &[CommandType::ClientKeepalive]),
    ("PingTrafficSentNotify", RtsFlags::OTHER_CMD, &[CommandType::PingTrafficSentNotify]),
    ("FlowControlAck", RtsFlags::OTHER_CMD, &[CommandType::FlowControlAck]),
    (
        "FlowControlAckWithDestination",
        RtsFlags::OTHER_CMD,
        &[CommandType::Destination, CommandType::FlowControlAck],
    ),
    ("Ping", RtsFlags::PING, &[]),
    (ECHO, RtsFlags::ECHO, &[]),
];

/// The name of the message with these flags and commands.
pub(super) fn name_of(flags: RtsFlags, commands: &[Command]) -> Option<&'static str> {
    let has = |(_, expected, types): &&Shape| {
        *expected == flags
            && types.len() == commands.len()
            && types.iter().zip(commands).all(|(expected, command)| *expected == command.command_type())
    };
    SHAPES.iter().find(has).map(|(name, ..)| *name)
}
