//! RPC over HTTP: two channels, each on its own connection, carry one association ([MS-RPCH]).

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use rpc::framer::Framer;
use rpc::pdu::HEADER_SIZE;
use rpc::rts::{Command, RTS, RtsPdu};
use wire::{Decode as _, Encode as _, Guid};

use super::association::Association;
use super::fragments::sender_of;
use super::message::Channel;
use super::problem::ConversationProblem;
use super::recorded_item::Decoded;
use super::security::Secrets;
use crate::call::Envelope;
use crate::stream::Side;
use crate::time::Timestamp;

/// The maximum number of virtual connections that are followed at once.
const MAX_TUNNELS: usize = 4096;

/// The virtual connections of a recording.
#[derive(Debug, Default)]
pub(super) struct Tunnels {
    by_cookie: HashMap<Guid, Tunnel>,
    /// The number of virtual connections opened so far. The oldest one is dropped if there are too many.
    opened: u64,
}

/// A virtual connection.
#[derive(Debug)]
pub(super) struct Tunnel {
    pub(super) association: Association,
    /// The number of the first of its connections.
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
    /// Whether a framing error has ended the channel.
    unusable: bool,
    /// The side that has a gap, and the last bytes skipped since, while its next PDU is searched.
    skipped: Option<(Side, Vec<u8>)>,
}

impl Default for ChannelBytes {
    fn default() -> Self {
        let framer = || Framer::new(u16::MAX, u16::MAX);
        Self { client: framer(), server: framer(), cookie: None, unusable: false, skipped: None }
    }
}

/// The connection that a channel's bytes belong to.
pub(super) struct Origin<'a> {
    pub(super) connection: u64,
    pub(super) secrets: &'a Arc<Secrets>,
    pub(super) user: Option<Arc<str>>,
    /// Whether the bytes of both sides arrive in the order in which they were sent.
    pub(super) ordered: bool,
}

impl ChannelBytes {
    /// Takes bytes of the channel's body. Returns the cookie of the virtual connection that they belong to.
    pub(super) fn push(
        &mut self,
        tunnels: &mut Tunnels,
        (channel, side): (Channel, Side),
        (time, bytes): (Timestamp, &Bytes),
        origin: &Origin<'_>,
        out: &mut Decoded,
    ) -> Option<Guid> {
        if self.unusable {
            return self.cookie;
        }
        self.receive(side, bytes);
        loop {
            let framer = if side == Side::Client { &mut self.client } else { &mut self.server };
            let pdu = match framer.next_pdu() {
                Ok(Some((header, pdu))) if header.ptype == RTS => {
                    self.control(&pdu, out);
                    continue;
                }
                Ok(Some((_, pdu))) => pdu,
                Ok(None) => return self.cookie,
                Err(error) => {
                    self.unusable = true;
                    out.problems.push(ConversationProblem::ChannelFraming(error));
                    return self.cookie;
                }
            };
            // A channel carries calls in one direction only.
            let Some(cookie) = self.cookie.filter(|_| carries(channel, side)) else {
                out.problems.push(ConversationProblem::ChannelNotOpened);
                continue;
            };
            tunnels.get_or_open(cookie, origin).association.push(side, time, &pdu, out);
        }
    }

    /// Bytes of one direction are missing. Reading continues at its next PDU.
    pub(super) fn gap(
        &mut self,
        tunnels: &mut Tunnels,
        (channel, side): (Channel, Side),
        out: &mut Decoded,
    ) -> Option<Guid> {
        (if side == Side::Client { &mut self.client } else { &mut self.server }).clear();
        self.skipped = Some((side, Vec::new()));
        if carries(channel, side)
            && let Some(tunnel) = self.cookie.and_then(|cookie| tunnels.get_mut(cookie))
        {
            tunnel.association.gap(side, out);
        }
        self.cookie
    }

    fn receive(&mut self, side: Side, bytes: &[u8]) {
        let framer = if side == Side::Client { &mut self.client } else { &mut self.server };
        let Some((_, skipped)) = self.skipped.as_mut().filter(|(other, _)| *other == side) else {
            return framer.push(bytes);
        };
        skipped.extend_from_slice(bytes);
        let begins =
            |at: &usize| skipped.get(*at..).is_some_and(|rest| is_control(rest) || sender_of(rest).is_some());
        if let Some(at) = (0..skipped.len()).find(begins) {
            framer.push(skipped.get(at..).unwrap_or_default());
            self.skipped = None;
        } else {
            let dropped = skipped.len().saturating_sub(HEADER_SIZE);
            skipped.drain(..dropped);
        }
    }

    /// Takes a control PDU of the channel. The first cookie of a PDU that opens a channel identifies the
    /// virtual connection ([MS-RPCH] 2.2.4.2, 2.2.4.5, 2.2.4.14).
    fn control(&mut self, bytes: &[u8], out: &mut Decoded) {
        match RtsPdu::from_bytes(bytes) {
            Ok(pdu) => {
                if pdu.to_bytes().ok().as_deref() != Some(bytes) {
                    out.problems.push(ConversationProblem::ControlPduEncoding);
                }
                if let [Command::Version(_), Command::Cookie(cookie), ..] = pdu.commands() {
                    self.cookie = Some(*cookie);
                }
            }
            Err(error) => out.problems.push(ConversationProblem::ControlPdu(error)),
        }
    }
}

/// Whether a channel carries the PDUs that `side` sends.
const fn carries(channel: Channel, side: Side) -> bool {
    matches!((channel, side), (Channel::In, Side::Client) | (Channel::Out, Side::Server))
}

/// Whether `bytes` begin with the header of a control PDU ([MS-RPCH] 2.2.3.6).
fn is_control(bytes: &[u8]) -> bool {
    let header = bytes.first_chunk::<HEADER_SIZE>();
    header.is_some_and(|header| matches!(header, [5, 0, kind, 3, 0x10, 0, 0, 0, ..] if *kind == RTS.0))
}

impl Tunnels {
    pub(super) fn get_mut(&mut self, cookie: Guid) -> Option<&mut Tunnel> {
        self.by_cookie.get_mut(&cookie)
    }

    /// The virtual connection with this cookie, which is created if it is new.
    fn get_or_open(&mut self, cookie: Guid, origin: &Origin<'_>) -> &mut Tunnel {
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

    /// Removes and returns all virtual connections, in the order in which they were opened.
    pub(super) fn drain(&mut self) -> Vec<Tunnel> {
        let mut all: Vec<Tunnel> = self.by_cookie.drain().map(|(_, tunnel)| tunnel).collect();
        all.sort_by_key(|tunnel| tunnel.opened);
        all
    }
}
