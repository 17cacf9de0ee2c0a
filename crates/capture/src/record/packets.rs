//! Writes recorded calls as packets of synthetic TCP connections (pcapng).

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rpc::SyntaxId;
use rpc::pdu::{
    Bind, BindAck, Body, ContextResult, ContextResultCode, Fault, Header, Pdu, PduType, PfcFlags,
    PresentationContext, ProviderReason, Request, Response,
};
use wire::Encode as _;

use super::frames::{ACK, MAX_SEGMENT, PUSH, SYN, Stream};
use crate::call::{Call, CallBody, HttpCall, HttpMessage, RpcAnswer, RpcCall, Stub};
use crate::format::{INTERFACE_PREFIX, USER_COMMENT};
use crate::stream::Side;
use crate::time::Timestamp;

/// How many sessions have a connection of theirs at once; of more, the oldest gets another.
const MAX_STREAMS: usize = 4096;

/// The largest fragment, in bytes: what Windows proposes over TCP.
const MAX_FRAGMENT: u16 = 5840;
const MAX_STUB_FRAGMENT: usize = 5800;

/// What stands for a server whose address is not known.
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

/// The sides of the proxy, each an interface of the file.
const SIDES: [&str; 2] = ["client", "upstream"];

/// Writes calls as packets of pcapng.
#[derive(Debug)]
pub struct PacketWriter<W> {
    out: W,
    /// Bytes that are written, all of whole calls.
    written: u64,
    /// What is still to be written of the call under way.
    pending: Vec<u8>,
    streams: HashMap<Key, Open>,
    order: VecDeque<Key>,
    pairs: HashSet<(SocketAddr, SocketAddr)>,
}

/// What has a connection of its own: a session, at one side, with one interface.
type Key = (u64, usize, Option<SyntaxId>);

#[derive(Debug, Clone)]
struct Open {
    stream: Stream,
    pair: (SocketAddr, SocketAddr),
    calls: u32,
}

impl<W: Write> PacketWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(out: W) -> io::Result<Self> {
        let mut this = Self {
            out,
            written: 0,
            pending: Vec::new(),
            streams: HashMap::new(),
            order: VecDeque::new(),
            pairs: HashSet::new(),
        };
        let mut section = Vec::new();
        section.extend_from_slice(&0x1a2b_3c4d_u32.to_le_bytes());
        section.extend_from_slice(&[1, 0, 0, 0]);
        section.extend_from_slice(&[0xff; 8]);
        this.block(0x0a0d_0d0a, &section);
        for side in SIDES {
            let mut interface = vec![1, 0, 0, 0, 0, 0, 0, 0];
            option(&mut interface, 2, format!("{INTERFACE_PREFIX}{side}").as_bytes());
            option(&mut interface, 9, &[9]);
            option(&mut interface, 0, &[]);
            this.block(1, &interface);
        }
        this.commit()?;
        Ok(this)
    }

    /// What was written to.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// How many bytes were written.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Writes a call, as a whole.
    ///
    /// # Errors
    /// When the file cannot be written; then a part of the call may be behind what is
    /// [`written`](Self::written).
    pub fn call(&mut self, call: &Call) -> io::Result<()> {
        let side = SIDES.iter().position(|side| call.side.as_deref() == Some(*side)).unwrap_or(0);
        let interface = match &call.body {
            CallBody::Rpc(rpc) => rpc.interface,
            CallBody::Http(_) => None,
        };
        let key = (call.connection, side, interface);
        let before = self.streams.get(&key).cloned();
        self.packets(key, call);
        let written = self.commit();
        if written.is_err() {
            self.take_back(key, before);
        }
        written
    }

    /// What stands for a call, to be written.
    fn packets(&mut self, key: Key, call: &Call) {
        let answered = call.time.after(call.elapsed.unwrap_or_default());
        match &call.body {
            CallBody::Rpc(rpc) => {
                let Some((request, response)) = pdus(rpc) else { return };
                let number = self.open(key, call, 6001);
                let numbered = |pdus: Vec<Vec<u8>>| pdus.into_iter().map(move |pdu| with_call(pdu, number));
                for pdu in numbered(request) {
                    self.send(key, Side::Client, call.time, &pdu);
                }
                for pdu in numbered(response) {
                    self.send(key, Side::Server, answered, &pdu);
                }
            }
            CallBody::Http(http) => {
                self.open(key, call, 80);
                self.send(key, Side::Client, call.time, &request(http, call.user.as_ref()));
                if let Some(response) = response(http) {
                    self.send(key, Side::Server, answered, &response);
                }
            }
        }
    }

    fn commit(&mut self) -> io::Result<()> {
        let pending = std::mem::take(&mut self.pending);
        self.out.write_all(&pending).and_then(|()| self.out.flush())?;
        self.written = self.written.saturating_add(u64::try_from(pending.len()).unwrap_or(0));
        Ok(())
    }

    /// Has the connection of `key` be as it was `before` a call that could not be written.
    fn take_back(&mut self, key: Key, before: Option<Open>) {
        let opened = match before {
            Some(open) => self.streams.insert(key, open).is_none(),
            None => self.streams.remove(&key).is_some_and(|open| self.pairs.remove(&open.pair)),
        };
        if opened {
            self.order.retain(|other| *other != key);
        }
    }

    /// The connection of `key`, opened where it is not yet; the number of the call in it.
    fn open(&mut self, key: Key, call: &Call, port: u16) -> u32 {
        if let Some(open) = self.streams.get_mut(&key) {
            open.calls = open.calls.wrapping_add(1).max(2);
            return open.calls;
        }
        if self.order.len() >= MAX_STREAMS
            && let Some(oldest) = self.order.pop_front()
            && let Some(old) = self.streams.remove(&oldest)
        {
            self.pairs.remove(&old.pair);
        }
        let server = call.server.unwrap_or_else(|| SocketAddr::new(SERVER, port));
        let mut client = call.client.unwrap_or_else(|| SocketAddr::new(CLIENT, 49_152));
        // Several sessions may share a connection; each gets one of its own.
        while !self.pairs.insert((client, server)) {
            client.set_port(client.port().wrapping_add(1).max(1024));
        }
        // One file follows the other: a connection that begins with another number is another connection.
        let first = u32::try_from((call.time.0 / 1000) & u64::from(u32::MAX)).unwrap_or(0);
        let open = Open { stream: Stream::new(client, server, first), pair: (client, server), calls: 2 };
        self.streams.insert(key, open);
        self.order.push_back(key);
        let user = call.user.as_ref().map(|user| format!("{USER_COMMENT}{user}"));
        self.packet(key, Side::Client, call.time, (SYN, &[]), user.as_deref());
        self.packet(key, Side::Server, call.time, (SYN | ACK, &[]), None);
        self.packet(key, Side::Client, call.time, (ACK, &[]), None);
        if let Some(interface) = key.2 {
            let (bind, ack) = bound(interface);
            self.send(key, Side::Client, call.time, &bind);
            self.send(key, Side::Server, call.time, &ack);
        }
        2
    }

    fn send(&mut self, key: Key, side: Side, time: Timestamp, bytes: &[u8]) {
        for piece in bytes.chunks(MAX_SEGMENT) {
            self.packet(key, side, time, (PUSH | ACK, piece), None);
        }
    }

    fn packet(
        &mut self,
        key: Key,
        side: Side,
        time: Timestamp,
        (flags, payload): (u8, &[u8]),
        comment: Option<&str>,
    ) {
        let Some(open) = self.streams.get_mut(&key) else { return };
        let frame = open.stream.frame(side, flags, payload);
        let mut body = Vec::with_capacity(frame.len().saturating_add(64));
        body.extend_from_slice(&u32::try_from(key.1).unwrap_or(0).to_le_bytes());
        let (high, low) = (time.0 >> 32, time.0 & u64::from(u32::MAX));
        body.extend_from_slice(&u32::try_from(high).unwrap_or(0).to_le_bytes());
        body.extend_from_slice(&u32::try_from(low).unwrap_or(0).to_le_bytes());
        let length = u32::try_from(frame.len()).unwrap_or(0).to_le_bytes();
        body.extend_from_slice(&length);
        body.extend_from_slice(&length);
        body.extend_from_slice(&frame);
        pad(&mut body);
        if let Some(comment) = comment {
            option(&mut body, 1, comment.as_bytes());
            option(&mut body, 0, &[]);
        }
        self.block(6, &body);
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        let padded = body.len().next_multiple_of(4);
        let length = u32::try_from(padded.saturating_add(12)).unwrap_or(0).to_le_bytes();
        self.pending.extend_from_slice(&kind.to_le_bytes());
        self.pending.extend_from_slice(&length);
        self.pending.extend_from_slice(body);
        pad(&mut self.pending);
        self.pending.extend_from_slice(&length);
    }
}

impl PacketWriter<File> {
    /// Cuts off what a call that could not be written left behind.
    ///
    /// # Errors
    /// When the file cannot be changed.
    pub fn cut_off(&mut self) -> io::Result<()> {
        self.out.set_len(self.written)?;
        self.out.seek(SeekFrom::Start(self.written)).map(drop)
    }
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..value.len().min(1024)).unwrap_or_default();
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(&u16::try_from(value.len()).unwrap_or(0).to_le_bytes());
    out.extend_from_slice(value);
    pad(out);
}

/// The bind for `interface` as context 0, and its acknowledgement.
fn bound(interface: SyntaxId) -> (Vec<u8>, Vec<u8>) {
    let context = PresentationContext {
        context_id: 0,
        abstract_syntax: interface,
        transfer_syntaxes: vec![SyntaxId::NDR],
    };
    let bind = Bind {
        max_xmit_frag: MAX_FRAGMENT,
        max_recv_frag: MAX_FRAGMENT,
        assoc_group_id: 0,
        contexts: vec![context],
    };
    let result = ContextResult {
        result: ContextResultCode::ACCEPTANCE,
        reason: ProviderReason::default(),
        transfer_syntax: SyntaxId::NDR,
    };
    let ack = BindAck {
        max_xmit_frag: MAX_FRAGMENT,
        max_recv_frag: MAX_FRAGMENT,
        assoc_group_id: 1,
        secondary_address: b"6001\0".to_vec(),
        results: vec![result],
    };
    let bytes = |body| Pdu::new(1, body).to_bytes().unwrap_or_default();
    (bytes(Body::Bind(bind)), bytes(Body::BindAck(ack)))
}

/// PDUs that follow one another.
type Pdus = Vec<Vec<u8>>;

/// The units of a call and of its answer, as of call 0; none where the call was never read.
fn pdus(call: &RpcCall) -> Option<(Pdus, Pdus)> {
    let Stub::Plain(asked, _) = &call.request else { return None };
    let opnum = call.opnum;
    let request = fragments(asked, PduType::REQUEST, |alloc_hint, stub| {
        Body::Request(Request { alloc_hint, context_id: 0, opnum, object: None, stub })
    });
    let response = match &call.answer {
        RpcAnswer::Response(Stub::Plain(answer, _)) => {
            fragments(answer, PduType::RESPONSE, |alloc_hint, stub| {
                Body::Response(Response { alloc_hint, context_id: 0, cancel_count: 0, reserved: 0, stub })
            })
        }
        RpcAnswer::Fault(status) => {
            vec![Pdu::new(0, Body::Fault(Fault::new(0, *status))).to_bytes().unwrap_or_default()]
        }
        RpcAnswer::Response(Stub::Sealed(..)) | RpcAnswer::None => Vec::new(),
    };
    Some((request, response))
}

fn fragments<'a>(stub: &'a [u8], ptype: PduType, body: impl Fn(u32, &'a [u8]) -> Body<'a>) -> Vec<Vec<u8>> {
    let mut pdus = Vec::new();
    let mut rest = stub;
    loop {
        let (piece, after) = rest.split_at(rest.len().min(MAX_STUB_FRAGMENT));
        let mut flags = PfcFlags::NONE;
        if pdus.is_empty() {
            flags = flags | PfcFlags::FIRST_FRAG;
        }
        if after.is_empty() {
            flags = flags | PfcFlags::LAST_FRAG;
        }
        let hint = u32::try_from(rest.len()).unwrap_or(0);
        let pdu = Pdu { header: Header::new(ptype, flags, 0), body: body(hint, piece), auth: None };
        pdus.push(pdu.to_bytes().unwrap_or_default());
        rest = after;
        if rest.is_empty() {
            return pdus;
        }
    }
}

/// The PDU as one of call `number`.
fn with_call(mut pdu: Vec<u8>, number: u32) -> Vec<u8> {
    if let Some(place) = pdu.get_mut(12..16) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    pdu
}

/// A request as it would be on the wire. It names the user, without a password.
fn request(call: &HttpCall, user: Option<&Arc<str>>) -> Vec<u8> {
    let mut out = format!("{} {} HTTP/1.1\r\n", call.method, call.target).into_bytes();
    if let Some(user) = user.filter(|_| call.request.field("authorization").is_none()) {
        let credentials = STANDARD.encode(format!("{user}:"));
        out.extend_from_slice(format!("Authorization: Basic {credentials}\r\n").as_bytes());
    }
    message(&mut out, &call.request);
    out
}

fn response(call: &HttpCall) -> Option<Vec<u8>> {
    let response = call.response.as_ref()?;
    let mut out = format!("HTTP/1.1 {} {}\r\n", response.status, response.reason).into_bytes();
    message(&mut out, &response.message);
    Some(out)
}

/// Fields and body; the body is framed by its length, however it came.
fn message(out: &mut Vec<u8>, message: &HttpMessage) {
    for (name, value) in &message.fields {
        let framing = ["content-length", "transfer-encoding", "connection", "expect"];
        if framing.iter().any(|known| name.eq_ignore_ascii_case(known)) || value.contains(['\r', '\n']) {
            continue;
        }
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    out.extend_from_slice(format!("Content-Length: {}\r\n\r\n", message.body.len()).as_bytes());
    out.extend_from_slice(&message.body);
}
