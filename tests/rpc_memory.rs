//! Memory of RPC calls: incomplete requests, incomplete and unread responses, and idle connections.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::harness::{Connection, NSPI, Outcome, PATIENCE, Proxy, RFR, RawUpstream, Setup, bind, pdu};
use crate::memory::{KIB, SOON, first_responded, wait_memory};

const FIRST: u8 = 1;
const LAST: u8 = 2;
const REQUEST: u8 = 0;
const BIND_ACK: u8 = 12;
const FAULT: u8 = 3;
/// C706 appendix E, `nca_s_server_too_busy`.
const TOO_BUSY: u32 = 0x1c01_0014;
/// Several calls at once, in a bind (C706 12.6.3.1 `PFC_CONC_MPX`).
const MULTIPLEXING: u8 = 0x10;

/// The place of `pfc_flags` in a PDU (C706 12.6.3.1).
const FLAGS_OFFSET: usize = 3;

/// A fragment's stub, in bytes.
const FRAGMENT: usize = 4096;

/// The type, the flags and the body of the next PDU.
fn receive(stream: &mut impl Read) -> (u8, u8, Vec<u8>) {
    let mut header = [0; 16];
    stream.read_exact(&mut header).unwrap();
    let mut body = vec![0; usize::from(u16::from_le_bytes([header[8], header[9]])) - 16];
    stream.read_exact(&mut body).unwrap();
    (header[2], header[FLAGS_OFFSET], body)
}

/// The status of the next PDU, which is a fault.
fn fault(stream: &mut TcpStream) -> u32 {
    let (ptype, _, body) = receive(stream);
    assert_eq!(ptype, FAULT);
    u32::from_le_bytes(body[8..12].try_into().unwrap())
}

/// A fragment of a call of `NspiBind`: allocation hint, context, operation, stub.
fn fragment(flags: u8, call_id: u32, stub: usize) -> Vec<u8> {
    pdu(REQUEST, flags, call_id, &[&[0; 8][..], &vec![7; stub]].concat())
}

/// An unauthenticated connection bound to NSPI ([MS-OXNSPI] 1.9).
fn bound(address: SocketAddr) -> TcpStream {
    bound_as(address, FIRST | LAST)
}

/// One whose bind has the flags `flags`.
fn bound_as(address: SocketAddr, flags: u8) -> TcpStream {
    let mut bind = bind(NSPI);
    bind[FLAGS_OFFSET] = flags;
    let mut connection = Connection::open(address);
    connection.send(&bind);
    assert_eq!(connection.response(), Outcome::Other(BIND_ACK));
    connection.stream
}

/// The indexes of the first `count` streams on which a response arrives.
fn wait_responded(streams: &[&TcpStream], count: usize) -> Vec<usize> {
    let until = Instant::now() + PATIENCE;
    let mut responded = Vec::new();
    while responded.len() < count {
        assert!(Instant::now() < until, "only {} responses", responded.len());
        responded.clear();
        for (index, stream) in streams.iter().enumerate() {
            stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
            if stream.peek(&mut [0]).is_ok() {
                responded.push(index);
            }
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
        }
    }
    responded
}

#[test]
fn an_unfinished_call_over_its_callers_share_of_memory_gets_a_fault() {
    let setup = Setup::before("ncacn_ip_tcp:127.0.0.1[1]").unprotected();
    let proxy = setup.clients_key("request_megabytes_per_user", "2").start();
    // Each may hold 512 KiB unauthenticated, and three fit into the limit.
    let mut streams: Vec<_> = (0..4).map(|_| bound(proxy.rpc())).collect();
    for stream in &mut streams {
        stream.write_all(&fragment(FIRST, 2, FRAGMENT)).unwrap();
        for _ in 0..119 {
            stream.write_all(&fragment(0, 2, FRAGMENT)).unwrap();
        }
    }
    let refused = first_responded(&streams.iter().collect::<Vec<_>>());
    let mut refused = streams.remove(refused);
    assert_eq!(fault(&mut refused), TOO_BUSY);
    proxy.process.wait_err("the refusal", |line| {
        line.contains("refused as too busy") && line.contains("clients.request_megabytes_per_user")
    });
    // Its remaining fragments are skipped, and other calls are served. No server listens.
    refused.write_all(&fragment(LAST, 2, FRAGMENT)).unwrap();
    refused.write_all(&fragment(FIRST | LAST, 3, 100)).unwrap();
    assert_ne!(fault(&mut refused), TOO_BUSY);
    // One more may have been refused at the same moment; the others fit into the limit.
    let mut served = 0;
    for mut stream in streams {
        stream.write_all(&fragment(LAST, 2, 100)).unwrap();
        served += usize::from(fault(&mut stream) != TOO_BUSY);
    }
    assert!(served >= 2, "{served}");
}

/// More than the kernel takes for a client that does not read, and less than a response may have.
const LONG: usize = 14_000_000;
/// [MS-ERREF] 2.2, `RPC_S_SERVER_TOO_BUSY`.
const RESPONSE_REFUSED: Outcome = Outcome::Fault(0x6bb);

/// A server that sends a response of [`LONG`] bytes to a request of 8 bytes, and the same without its last fragment to
/// one of 9.
fn long_responses() -> RawUpstream {
    RawUpstream::start(|call| match call.stub.len() {
        8 => Outcome::Response(vec![0; LONG]),
        9 => Outcome::Unfinished(vec![0; LONG]),
        _ => Outcome::Response(vec![0; 8]),
    })
}

fn waiting_client(proxy: &Proxy, request: usize) -> Connection {
    let mut client = Connection::bound(proxy.rpc(), RFR);
    client.send_request(1, &vec![0; request]);
    client
}

#[test]
fn unread_rpc_responses_of_a_user_are_bounded_by_the_users_share_of_memory() {
    const CLIENTS: usize = 6;
    let upstream = long_responses();
    let setup = Setup::before(&upstream.binding()).unprotected();
    let proxy = setup.clients_key("request_megabytes_per_user", "20").start();
    let clients: Vec<_> = (0..CLIENTS).map(|_| waiting_client(&proxy, 8)).collect();
    let line = proxy.process.wait_err("the refusal", |line| line.contains("refused as too busy"));
    assert!(line.contains("clients.request_megabytes_per_user"), "{line}");
    // Small responses are not counted.
    let mut other = Connection::bound(proxy.rpc(), RFR);
    assert_eq!(other.call(1, &[0; 10]).stub().len(), 8);
    let responses: Vec<_> = clients.into_iter().map(|mut client| client.response()).collect();
    let count = |outcome| responses.iter().filter(|response| **response == outcome).count();
    let (whole, refused) = (count(Outcome::Response(vec![0; LONG])), count(RESPONSE_REFUSED));
    // Two that grow at the same moment may both be refused, also the last two.
    assert!(refused > 0 && whole + refused == CLIENTS, "{whole} {refused}");
    // The memory is free again.
    assert_eq!(waiting_client(&proxy, 8).response(), Outcome::Response(vec![0; LONG]));
}

#[test]
fn a_response_that_the_client_does_not_read_is_counted_once() {
    let upstream = long_responses();
    let setup = Setup::before(&upstream.binding()).unprotected();
    // Less than two responses.
    let proxy = setup.clients_key("request_megabytes_per_user", "15").start();
    for _ in 0..3 {
        let mut client = waiting_client(&proxy, 8);
        // The proxy has the whole response.
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(client.response(), Outcome::Response(vec![0; LONG]));
    }
}

#[test]
fn incomplete_rpc_responses_of_a_user_are_bounded_by_the_users_share_of_memory() {
    const CLIENTS: usize = 30;
    let upstream = long_responses();
    let setup = Setup::before(&upstream.binding()).unprotected();
    let proxy = setup.clients_key("request_megabytes_per_user", "60").start();
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| Connection::bound(proxy.rpc(), RFR)).collect();
    let before = proxy.resident_memory();
    for client in &mut clients {
        client.send_request(1, &[0; 9]);
    }
    // Four fit into the limit.
    let streams: Vec<_> = clients.iter().map(|client| &client.stream).collect();
    let refused = wait_responded(&streams, CLIENTS - 4);
    let highest = proxy.highest_memory() - before;
    println!("{highest} KiB more at the highest, {} now", proxy.resident_memory() - before);
    assert!(highest < 200_000, "{highest} KiB more for 60 MB of responses");
    let line = proxy.process.wait_err("the refusal", |line| line.contains("refused as too busy"));
    assert!(line.contains("clients.request_megabytes_per_user"), "{line}");
    // What arrives of a refused response is discarded, and the next call on the same connection is served.
    for index in refused {
        let client = &mut clients[index];
        let (ptype, flags, body) = receive(&mut client.stream);
        // Without `PFC_DID_NOT_EXECUTE`.
        assert_eq!((ptype, flags), (FAULT, FIRST | LAST));
        assert_eq!(body[8..12], 0x6bb_u32.to_le_bytes());
        assert_eq!(client.call(1, &[0; 10]).stub().len(), 8);
    }
    // The memory is free once the connections are closed.
    drop(clients);
    let mut client = waiting_client(&proxy, 8);
    assert_eq!(client.response(), Outcome::Response(vec![0; LONG]));
}

#[test]
fn an_idle_connection_releases_the_memory_of_responses_that_were_read() {
    let upstream = RawUpstream::start(|_| Outcome::Response(vec![7; 4_000_000]));
    let proxy = Setup::before(&upstream.binding()).unprotected().log("error").start();
    let read = |mut client: Connection| {
        assert_eq!(client.call(0, &[0; 64]).stub().len(), 4_000_000);
        client
    };
    let first = read(Connection::bound(proxy.rpc(), RFR));
    let before = proxy.resident_memory();
    let others: Vec<_> = (0..20).map(|_| read(Connection::bound(proxy.rpc(), RFR))).collect();
    wait_memory(&proxy, SOON, "20 responses of 4 MB were read", |now| now < before + 24 * KIB);
    drop((first, others));
}

#[test]
fn a_pending_call_releases_the_memory_of_its_request() {
    let upstream = RawUpstream::start(|_| Outcome::NoResponse);
    let proxy = Setup::before(&upstream.binding()).unprotected().log("error").start();
    // As many bytes of PDUs that orphan an unknown call as arrive in one read. More than 256 of these in a row would
    // end the association.
    let orphans = pdu(19, FIRST | LAST, 9, &[0; 48]).repeat(250);
    let calls: Vec<u8> =
        (0..60).flat_map(|call| [fragment(FIRST | LAST, call + 10, 100), orphans.clone()].concat()).collect();
    // A call in an unknown context is faulted after the calls before it were read.
    let last = pdu(REQUEST, FIRST | LAST, 2, &[0, 0, 0, 0, 99, 0, 0, 0]);
    let before = proxy.resident_memory();
    let clients: Vec<_> = (0..12)
        .map(|_| {
            let mut stream = bound_as(proxy.rpc(), FIRST | LAST | MULTIPLEXING);
            stream.write_all(&calls).unwrap();
            stream.write_all(&last).unwrap();
            stream
        })
        .collect();
    for client in &clients {
        assert_eq!(receive(&mut &*client).0, FAULT);
    }
    wait_memory(&proxy, SOON, "720 calls of 100 bytes wait", |now| now < before + 9 * KIB);
    drop(clients);
}
