//! Unauthenticated DCE/RPC by hand ([C706] chapter 12), little-endian, for invalid PDUs and for a server that records
//! every byte. It shares no code with the program, so that both do not have the same error.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::place::{PATIENCE, address, thread};

/// An interface: its UUID as it is on the wire, and its version.
pub(crate) type Interface = ([u8; 16], u32);

/// The referral service, 1.0.
pub(crate) const RFR: Interface = (*b"\xe0\xf5\x44\x15\x3c\x61\xd1\x11\x93\xdf\x00\xc0\x4f\xd7\xbd\x09", 1);
/// The address book, 56.0.
pub(crate) const NSPI: Interface = (*b"\x18\x5a\xcc\xf5\x64\x42\x1a\x10\x8c\x59\x08\x00\x2b\x2f\x84\x26", 56);
/// The store, 0.81.
pub(crate) const EMSMDB: Interface =
    (*b"\x00\xdb\xf1\xa4\x47\xca\x67\x10\xb3\x1f\x00\xdd\x01\x06\x62\xda", 81 << 16);

const NDR: [u8; 20] = *b"\x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\x00\x2b\x10\x48\x60\x02\x00\x00\x00";
const REQUEST: u8 = 0;
const RESPONSE: u8 = 2;
const FAULT: u8 = 3;
const BIND: u8 = 11;
const BIND_ACK: u8 = 12;
const ORPHANED: u8 = 19;
const FIRST: u8 = 1;
const LAST: u8 = 2;
const DID_NOT_EXECUTE: u8 = 0x20;
const OBJECT: u8 = 0x80;
const HEADER: usize = 16;
/// Bytes of a stub that are put into one fragment.
const PIECE: usize = 4000;

/// One PDU.
pub(crate) fn pdu(kind: u8, flags: u8, call: u32, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADER + body.len()).unwrap();
    let mut pdu = vec![5, 0, kind, flags, 0x10, 0, 0, 0];
    pdu.extend(length.to_le_bytes());
    pdu.extend([0, 0]);
    pdu.extend(call.to_le_bytes());
    pdu.extend(body);
    pdu
}

/// A bind to `interface` as context 0.
pub(crate) fn bind(interface: Interface) -> Vec<u8> {
    bind_all(&[interface])
}

/// A bind to several interfaces, whose contexts are numbered from 0.
pub(crate) fn bind_all(interfaces: &[Interface]) -> Vec<u8> {
    let mut body = Vec::from(*b"\xd0\x16\xd0\x16\0\0\0\0");
    body.extend([u8::try_from(interfaces.len()).unwrap(), 0, 0, 0]);
    for (context, interface) in (0_u16..).zip(interfaces) {
        body.extend(context.to_le_bytes());
        body.extend([1, 0]);
        body.extend(interface.0);
        body.extend(interface.1.to_le_bytes());
        body.extend(NDR);
    }
    pdu(BIND, FIRST | LAST, 1, &body)
}

/// The same as a member of the association group `group`.
pub(crate) fn bind_in_group(interface: Interface, group: u32) -> Vec<u8> {
    let mut bind = bind(interface);
    bind[HEADER + 4..HEADER + 8].copy_from_slice(&group.to_le_bytes());
    bind
}

/// A request for an object, in one fragment.
pub(crate) fn request_for(call: u32, object: [u8; 16], opnum: u16, stub: &[u8]) -> Vec<u8> {
    let mut body = Vec::from(u32::try_from(stub.len()).unwrap().to_le_bytes());
    body.extend([0, 0]);
    body.extend(opnum.to_le_bytes());
    body.extend(object);
    body.extend(stub);
    pdu(REQUEST, FIRST | LAST | OBJECT, call, &body)
}

/// A PDU that orphans a call.
pub(crate) fn orphaned(call: u32) -> Vec<u8> {
    pdu(ORPHANED, FIRST | LAST, call, &[])
}

/// A request in as many fragments as it takes.
pub(crate) fn request(call: u32, context: u16, opnum: u16, stub: &[u8]) -> Vec<u8> {
    let pieces: Vec<&[u8]> = if stub.is_empty() { vec![stub] } else { stub.chunks(PIECE).collect() };
    let mut bytes = Vec::new();
    let mut left = stub.len();
    for (index, piece) in pieces.iter().enumerate() {
        let mut body = Vec::from(u32::try_from(left).unwrap().to_le_bytes());
        body.extend(context.to_le_bytes());
        body.extend(opnum.to_le_bytes());
        body.extend(*piece);
        bytes.extend(pdu(REQUEST, edges(index, pieces.len()), call, &body));
        left -= piece.len();
    }
    bytes
}

fn edges(index: usize, count: usize) -> u8 {
    let first = if index == 0 { FIRST } else { 0 };
    if index + 1 == count { first | LAST } else { first }
}

fn response(call: u32, stub: &[u8]) -> Vec<u8> {
    let pieces: Vec<&[u8]> = if stub.is_empty() { vec![stub] } else { stub.chunks(PIECE).collect() };
    let mut bytes = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let mut body = Vec::from(u32::try_from(stub.len()).unwrap().to_le_bytes());
        body.extend([0; 4]);
        body.extend(*piece);
        bytes.extend(pdu(RESPONSE, edges(index, pieces.len()), call, &body));
    }
    bytes
}

fn fault(call: u32, flags: u8, status: u32) -> Vec<u8> {
    pdu(FAULT, flags, call, &[&[0; 8], &status.to_le_bytes()[..], &[0; 4]].concat())
}

/// A stub that begins with a context handle.
pub(crate) fn with_handle(handle: [u8; 16], rest: &[u8]) -> Vec<u8> {
    [&[0; 4], &handle[..], rest].concat()
}

/// The outcome of a call, as a client receives it or a server sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A response, with its stub.
    Response(Vec<u8>),
    /// A fault, with its status.
    Fault(u32),
    /// A server sends a fault with this status, and guarantees that it did not execute the call.
    NotExecuted(u32),
    /// A server sends a response without its last fragment.
    Unfinished(Vec<u8>),
    /// A PDU of another type.
    Other(u8),
    /// The connection was closed.
    Closed,
    /// Nothing was received in time; a server sends nothing.
    NoResponse,
}

impl Outcome {
    /// The stub of a response.
    #[track_caller]
    pub(crate) fn stub(self) -> Vec<u8> {
        match self {
            Self::Response(stub) => stub,
            other => panic!("expected a response: {other:?}"),
        }
    }
}

struct Pdu {
    kind: u8,
    flags: u8,
    call: u32,
    body: Vec<u8>,
}

fn read(stream: &mut TcpStream) -> Result<Pdu, Outcome> {
    let lost = |error: std::io::Error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Outcome::NoResponse,
        _ => Outcome::Closed,
    };
    let mut header = [0; HEADER];
    stream.read_exact(&mut header).map_err(lost)?;
    let length = usize::from(u16::from_le_bytes([header[8], header[9]]));
    let mut body = vec![0; length - HEADER];
    stream.read_exact(&mut body).map_err(lost)?;
    let call = u32::from_le_bytes(header[12..].try_into().unwrap());
    Ok(Pdu { kind: header[2], flags: header[3], call, body })
}

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    call: u32,
}

impl Connection {
    /// Connects and sends nothing yet.
    pub(crate) fn open(target: SocketAddr) -> Self {
        let stream = TcpStream::connect(target).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, call: 1 }
    }

    /// Connects and binds to `interface`.
    pub(crate) fn bound(target: SocketAddr, interface: Interface) -> Self {
        let mut connection = Self::open(target);
        connection.send(&bind(interface));
        assert_eq!(connection.response(), Outcome::Other(BIND_ACK));
        connection
    }

    /// Sends bytes. A closed connection is reported by the next response.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Sends a request, without waiting for its response.
    pub(crate) fn send_request(&mut self, opnum: u16, stub: &[u8]) {
        self.send_request_in(0, opnum, stub);
    }

    /// Sends a request in a context of the bind.
    pub(crate) fn send_request_in(&mut self, context: u16, opnum: u16, stub: &[u8]) {
        self.call += 1;
        self.send(&request(self.call, context, opnum, stub));
    }

    /// Sends a request and waits for its response.
    pub(crate) fn call(&mut self, opnum: u16, stub: &[u8]) -> Outcome {
        self.send_request(opnum, stub);
        self.response()
    }

    /// The next response.
    pub(crate) fn response(&mut self) -> Outcome {
        let mut stub = Vec::new();
        loop {
            let pdu = match read(&mut self.stream) {
                Ok(pdu) => pdu,
                Err(response) => return response,
            };
            match pdu.kind {
                RESPONSE => stub.extend(&pdu.body[8..]),
                FAULT => return Outcome::Fault(u32::from_le_bytes(pdu.body[8..12].try_into().unwrap())),
                other => return Outcome::Other(other),
            }
            if pdu.flags & LAST != 0 {
                return Outcome::Response(stub);
            }
        }
    }

    /// The next response, within `time`.
    pub(crate) fn response_within(&mut self, time: Duration) -> Outcome {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let response = self.response();
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        response
    }

    /// Opens an address book (NspiBind). Returns its handle.
    pub(crate) fn nspi_bind(&mut self) -> [u8; 16] {
        let stub = self.call(0, &[0; 48]).stub();
        stub[stub.len() - 20..stub.len() - 4].try_into().unwrap()
    }
}

/// A call that a [`RawUpstream`] received.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Its number.
    pub(crate) opnum: u16,
    /// The object that it is for.
    pub(crate) object: Option<[u8; 16]>,
    /// Its request.
    pub(crate) stub: Vec<u8>,
}

#[derive(Debug, Default)]
struct Seen {
    calls: Vec<Call>,
    connections: usize,
    ended: usize,
}

/// A server that records every call and responds by its handler.
#[derive(Debug)]
pub(crate) struct RawUpstream {
    address: SocketAddr,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

impl RawUpstream {
    /// Serves every interface on a new address, with responses by `handler`.
    pub(crate) fn start(handler: impl Fn(&Call) -> Outcome + Send + Sync + 'static) -> Self {
        Self::at(address(), handler)
    }

    /// Serves at `host`.
    pub(crate) fn at(host: Ipv4Addr, handler: impl Fn(&Call) -> Outcome + Send + Sync + 'static) -> Self {
        let address = SocketAddr::from((host, 6001));
        let listener = TcpListener::bind(address).unwrap();
        let seen = Arc::<(Mutex<Seen>, Condvar)>::default();
        let (own, handler) = (Arc::clone(&seen), Arc::new(handler));
        thread(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                own.0.lock().unwrap().connections += 1;
                let (own, handler) = (Arc::clone(&own), Arc::clone(&handler));
                thread(move || {
                    serve(stream, &own, handler.as_ref());
                    own.0.lock().unwrap().ended += 1;
                    own.1.notify_all();
                });
            }
        });
        Self { address, seen }
    }

    /// A server with one address book, whose handle is [`HANDLE`]. It responds to other calls with their own stubs,
    /// without the handle.
    pub(crate) fn echo() -> Self {
        Self::start(echo)
    }

    /// As the configuration names it.
    pub(crate) fn binding(&self) -> String {
        format!("ncacn_ip_tcp:{}[{}]", self.address.ip(), self.address.port())
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.seen.0.lock().unwrap().calls.clone()
    }

    /// How many connections were opened so far.
    pub(crate) fn connections(&self) -> usize {
        self.seen.0.lock().unwrap().connections
    }

    /// Waits until `count` calls were received.
    pub(crate) fn wait_calls(&self, count: usize) {
        self.wait(|seen| seen.calls.len() >= count);
    }

    /// Waits until `count` connections are closed.
    pub(crate) fn wait_ended(&self, count: usize) {
        self.wait(|seen| seen.ended >= count);
    }

    fn wait(&self, enough: impl Fn(&Seen) -> bool) {
        let end = Instant::now() + PATIENCE;
        let mut seen = self.seen.0.lock().unwrap();
        while !enough(&seen) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the upstream saw only {seen:?}");
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }
}

/// The handle of the address book and of the store of [`echo`].
pub(crate) const HANDLE: [u8; 16] = *b"upstream's own!!";

/// The handler of [`RawUpstream::echo`].
pub(crate) fn echo(call: &Call) -> Outcome {
    Outcome::Response(match call.opnum {
        0 => [&[0; 8], &HANDLE[..], &[0; 4]].concat(),
        1 => [&[0; 20][..], &[1, 0, 0, 0]].concat(),
        _ => [&call.stub[20.min(call.stub.len())..], &[0; 4]].concat(),
    })
}

fn serve(mut stream: TcpStream, seen: &(Mutex<Seen>, Condvar), handler: &dyn Fn(&Call) -> Outcome) {
    stream.set_nodelay(true).unwrap();
    let mut stub = Vec::new();
    while let Ok(pdu) = read(&mut stream) {
        let response = match pdu.kind {
            BIND => bind_ack(&pdu),
            REQUEST => {
                let (object, piece) = match pdu.flags & OBJECT {
                    0 => (None, &pdu.body[8..]),
                    _ => (Some(pdu.body[8..24].try_into().unwrap()), &pdu.body[24..]),
                };
                stub.extend(piece);
                if pdu.flags & LAST == 0 {
                    continue;
                }
                let opnum = u16::from_le_bytes([pdu.body[6], pdu.body[7]]);
                let call = Call { opnum, object, stub: std::mem::take(&mut stub) };
                seen.0.lock().unwrap().calls.push(call.clone());
                seen.1.notify_all();
                match handler(&call) {
                    Outcome::Response(stub) => response(pdu.call, &stub),
                    Outcome::Fault(status) => fault(pdu.call, FIRST | LAST, status),
                    Outcome::NotExecuted(status) => fault(pdu.call, FIRST | LAST | DID_NOT_EXECUTE, status),
                    Outcome::Unfinished(stub) => {
                        let mut whole = response(pdu.call, &stub);
                        whole.truncate(whole.len() - HEADER - 8 - (stub.len() - 1) % PIECE - 1);
                        whole
                    }
                    Outcome::Closed => {
                        let _ = stream.shutdown(Shutdown::Both);
                        return;
                    }
                    Outcome::Other(_) | Outcome::NoResponse => continue,
                }
            }
            ORPHANED => continue,
            other => panic!("the proxy sent a PDU of type {other}"),
        };
        if stream.write_all(&response).is_err() {
            return;
        }
    }
}

/// Accepts every context that offers NDR, and declines the others ([C706] 12.6.4.4).
fn bind_ack(bind: &Pdu) -> Vec<u8> {
    let group = match &bind.body[4..8] {
        [0, 0, 0, 0] => [7, 0, 0, 0],
        given => given.try_into().unwrap(),
    };
    let mut body = [&bind.body[..4], &group, b"\x05\x006001\0\0", &[bind.body[8], 0, 0, 0]].concat();
    let mut contexts = &bind.body[12..];
    for _ in 0..bind.body[8] {
        let syntaxes = usize::from(contexts[2]);
        let offered = &contexts[24..24 + 20 * syntaxes];
        if offered.chunks(20).any(|syntax| syntax == NDR) {
            body.extend([0; 4]);
            body.extend(NDR);
        } else {
            body.extend([2, 0, 2, 0]);
            body.extend([0; 20]);
        }
        contexts = &contexts[24 + 20 * syntaxes..];
    }
    pdu(BIND_ACK, FIRST | LAST, bind.call, &body)
}
