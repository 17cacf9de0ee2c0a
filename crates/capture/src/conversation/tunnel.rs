//! RPC over HTTP: two channels, each a connection of its own, that make one association ([MS-RPCH]).

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use rpc::framer::Framer;
use rpc::pdu::HEADER_SIZE;
use rpc::rts::{Command, RTS, RtsPdu};
use wire::{Decode as _, Encode as _, Guid};

use super::association::{Association, Done};
use super::fragments::role;
use super::message::Channel;
use super::security::Secrets;
use crate::call::Envelope;
use crate::stream::Side;
use crate::time::Timestamp;

/// How many virtual connections are followed at once.
const MAX_TUNNELS: usize = 4096;

/// The virtual connections of a recording.
#[derive(Debug, Default)]
pub(super) struct Tunnels {
    by_cookie: HashMap<Guid, Tunnel>,
    /// Order of arrival, for the one to be given up.
    opened: u64,
}

/// A virtual connection.
#[derive(Debug)]
pub(super) struct Tunnel {
    pub(super) association: Association,
    /// The number of the connection that it was first seen in.
    pub(super) connection: u64,
    pub(super) user: Option<Arc<str>>,
    opened: u64,
}

/// Bytes of the two directions of one channel.
#[derive(Debug)]
pub(super) struct ChannelBytes {
    client: Framer,
    server: Framer,
    cookie: Option<Guid>,
    broken: bool,
    /// The side of which something is missing, and the end of what was passed over of it since.
    lost: Option<(Side, Vec<u8>)>,
}

impl Default for ChannelBytes {
    fn default() -> Self {
        let framer = || Framer::new(u16::MAX, u16::MAX);
        Self { client: framer(), server: framer(), cookie: None, broken: false, lost: None }
    }
}

/// What a channel's bytes are part of.
pub(super) struct Origin<'a> {
    pub(super) connection: u64,
    pub(super) secrets: &'a Arc<Secrets>,
    pub(super) user: Option<Arc<str>>,
    /// Whether what the sides say comes in the order in which they said it.
    pub(super) ordered: bool,
}

impl ChannelBytes {
    /// Takes bytes of the channel's body. Returns which virtual connection got something out of them.
    pub(super) fn push(
        &mut self,
        tunnels: &mut Tunnels,
        (channel, side): (Channel, Side),
        (time, bytes): (Timestamp, &Bytes),
        origin: &Origin<'_>,
        (done, problems): (&mut Vec<Done>, &mut Vec<String>),
    ) -> Option<Guid> {
        if self.broken {
            return self.cookie;
        }
        self.receive(side, bytes);
        loop {
            let framer = if side == Side::Client { &mut self.client } else { &mut self.server };
            let pdu = match framer.next_pdu() {
                Ok(Some((header, pdu))) if header.ptype == RTS => {
                    self.control(&pdu, problems);
                    continue;
                }
                Ok(Some((_, pdu))) => pdu,
                Ok(None) => return self.cookie,
                Err(error) => {
                    self.broken = true;
                    problems.push(format!("RPC over HTTP: {error}; nothing more of the channel is read"));
                    return self.cookie;
                }
            };
            // What a channel carries the other way belongs to no call.
            let Some(cookie) = self.cookie.filter(|_| carries(channel, side)) else {
                problems.push("RPC over HTTP: a call before its channel was opened".to_owned());
                continue;
            };
            tunnels.of(cookie, origin).association.push(side, time, &pdu, done, problems);
        }
    }

    /// Bytes of one direction are missing: its PDUs go on where one begins.
    pub(super) fn gap(
        &mut self,
        tunnels: &mut Tunnels,
        (channel, side): (Channel, Side),
        (done, problems): (&mut Vec<Done>, &mut Vec<String>),
    ) -> Option<Guid> {
        (if side == Side::Client { &mut self.client } else { &mut self.server }).clear();
        self.lost = Some((side, Vec::new()));
        if carries(channel, side)
            && let Some(tunnel) = self.cookie.and_then(|cookie| tunnels.get_mut(cookie))
        {
            tunnel.association.gap(side, done, problems);
        }
        self.cookie
    }

    fn receive(&mut self, side: Side, bytes: &[u8]) {
        let framer = if side == Side::Client { &mut self.client } else { &mut self.server };
        let Some((_, tail)) = self.lost.as_mut().filter(|(lost, _)| *lost == side) else {
            return framer.push(bytes);
        };
        tail.extend_from_slice(bytes);
        let begins =
            |at: &usize| tail.get(*at..).is_some_and(|rest| is_control(rest) || role(rest).is_some());
        if let Some(at) = (0..tail.len()).find(begins) {
            framer.push(tail.get(at..).unwrap_or_default());
            self.lost = None;
        } else {
            let passed = tail.len().saturating_sub(HEADER_SIZE);
            tail.drain(..passed);
        }
    }

    /// A PDU between the ends of the channel. The first cookie of one that opens a channel names the virtual
    /// connection ([MS-RPCH] 2.2.4.2, 2.2.4.5, 2.2.4.14).
    fn control(&mut self, bytes: &[u8], problems: &mut Vec<String>) {
        match RtsPdu::from_bytes(bytes) {
            Ok(pdu) => {
                if pdu.to_bytes().ok().as_deref() != Some(bytes) {
                    problems.push("RPC over HTTP: a control PDU does not read as it is written".to_owned());
                }
                if let [Command::Version(_), Command::Cookie(cookie), ..] = pdu.commands() {
                    self.cookie = Some(*cookie);
                }
            }
            Err(error) => problems.push(format!("RPC over HTTP: {error}")),
        }
    }
}

/// Whether a channel carries calls or answers in the direction of `side`.
const fn carries(channel: Channel, side: Side) -> bool {
    matches!((channel, side), (Channel::In, Side::Client) | (Channel::Out, Side::Server))
}

/// Whether bytes begin as a PDU between the ends of a channel does ([MS-RPCH] 2.2.3.6).
fn is_control(bytes: &[u8]) -> bool {
    let header = bytes.first_chunk::<HEADER_SIZE>();
    header.is_some_and(|header| matches!(header, [5, 0, kind, 3, 0x10, 0, 0, 0, ..] if *kind == RTS.0))
}

impl Tunnels {
    pub(super) fn get_mut(&mut self, cookie: Guid) -> Option<&mut Tunnel> {
        self.by_cookie.get_mut(&cookie)
    }

    fn of(&mut self, cookie: Guid, origin: &Origin<'_>) -> &mut Tunnel {
        if !self.by_cookie.contains_key(&cookie) && self.by_cookie.len() >= MAX_TUNNELS {
            let oldest = self.by_cookie.iter().min_by_key(|(_, tunnel)| tunnel.opened).map(|(key, _)| *key);
            self.by_cookie.retain(|key, _| Some(*key) != oldest);
        }
        self.opened = self.opened.saturating_add(1);
        let opened = self.opened;
        let tunnel = self.by_cookie.entry(cookie).or_insert_with(|| Tunnel {
            association: Association::new(Envelope::RpcHttp, Arc::clone(origin.secrets), origin.ordered),
            connection: origin.connection,
            user: None,
            opened,
        });
        if tunnel.user.is_none() {
            tunnel.user.clone_from(&origin.user);
        }
        tunnel
    }

    /// All of them, in the order in which they came; none is left.
    pub(super) fn drain(&mut self) -> Vec<Tunnel> {
        let mut all: Vec<Tunnel> = self.by_cookie.drain().map(|(_, tunnel)| tunnel).collect();
        all.sort_by_key(|tunnel| tunnel.opened);
        all
    }
}
