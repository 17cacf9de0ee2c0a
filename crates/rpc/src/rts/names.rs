//! Recognizes RTS PDUs by their commands ([MS-RPCH] 2.2.4).

use super::{CommandType, RtsFlags, RtsPdu};

/// A message, the flags that it has, and its commands.
type Shape = (&'static str, RtsFlags, &'static [CommandType]);

/// The messages that a client sends or gets ([MS-RPCH] 2.2.4). Those that proxies and servers exchange among
/// themselves have other commands, or are of one of these shapes too.
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
    ("Echo", RtsFlags::ECHO, &[]),
];

pub(super) fn name_of(pdu: &RtsPdu) -> Option<&'static str> {
    let Some(body) = &pdu.body else { return Some("Echo") };
    let has = |(_, flags, types): &&Shape| {
        *flags == body.flags
            && types.len() == body.commands.len()
            && types.iter().zip(&body.commands).all(|(expected, command)| *expected == command.command_type())
    };
    SHAPES.iter().find(has).map(|(name, ..)| *name)
}
