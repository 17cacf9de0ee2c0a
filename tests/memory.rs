//! Memory of requests and responses: it is returned to the system afterwards, and is bounded for each user and for all
//! together. A request over a limit is refused as too busy, and other users are not affected.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::harness::raw_http::{
    Bystander, Client, HttpOutcome, Server, execute, executed, field, folder_opened, read_message, response,
};
use crate::harness::{Connection, NSPI, Outcome, PATIENCE, Proxy, RFR, RawUpstream, Setup, bind, pdu};

const KIB: u64 = 1 << 10;
const MIB: usize = 1 << 20;

/// The time within which freed memory is returned.
const SOON: Duration = Duration::from_secs(10);

fn wait_memory(proxy: &Proxy, patience: Duration, what: &str, fits: impl Fn(u64) -> bool) {
    let until = Instant::now() + patience;
    loop {
        let now = proxy.resident_memory();
        if fits(now) {
            return;
        }
        assert!(Instant::now() < until, "{what}: {now} KiB are resident");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn server() -> Server {
    Server::start(|_, _| (response(&executed(&folder_opened()), ""), true))
}

/// Sends a request with `sent` bytes of its body; returns the rest of the body.
fn begin(mut client: Client, body: &[u8], sent: usize) -> (Client, Vec<u8>) {
    let head = format!("{}Content-Length: {}\r\n\r\n", client.head("Execute"), body.len());
    client.stream.write_all(head.as_bytes()).unwrap();
    client.stream.write_all(&body[..sent]).unwrap();
    (client, body[sent..].to_vec())
}

/// The same of three clients of one user, who each have a session.
fn begin_three(proxy: &Proxy, body: &[u8]) -> Vec<(Client, Vec<u8>)> {
    (0..3).map(|_| begin(Client::new(proxy, "bad"), body, 900_000)).collect()
}

/// Four waves of `clients`, each of which sends half of a body of 1 MiB and disconnects. Afterwards the memory is at
/// most `more` KiB above that before.
fn waves(clients: usize, more: u64) {
    let server = server();
    let proxy = server.proxied(|setup| {
        let setup = setup.clients_key("connections_per_address", "2000");
        setup.clients_key("request_megabytes_per_user", "2000").log("error")
    });
    let body = execute(&vec![7; MIB]);
    let mut bystander = Bystander::new(&proxy);
    let before = proxy.resident_memory();
    let held = u64::try_from(clients * MIB / 2).unwrap() / KIB;
    for wave in 1..=4 {
        let begun: Vec<_> =
            (0..clients).map(|_| begin(Client::unauthenticated(&proxy, "bad"), &body, MIB / 2).0).collect();
        wait_memory(&proxy, PATIENCE, "not all of a wave came", |now| now > before + held * 3 / 4);
        let during = proxy.resident_memory();
        drop(begun);
        bystander.expect_response(&format!("wave {wave}"));
        println!("wave {wave}: {before} KiB before, {during} during, {} after", proxy.resident_memory());
    }
    let begin = Instant::now();
    wait_memory(&proxy, SOON, "after the waves", |now| now < before + more);
    println!("{} KiB after {:?} more", proxy.resident_memory(), begin.elapsed());
}

#[test]
fn memory_is_returned_after_waves_of_incomplete_bodies() {
    waves(200, 24 * KIB);
}

#[test]
#[ignore = "takes a GiB, and gives the figures of docs/performance.md"]
fn memory_is_returned_after_waves_of_a_thousand_incomplete_bodies() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit }).unwrap();
    waves(1000, 32 * KIB);
}

/// The index of the stream on which the first response arrives.
fn first_responded(streams: &[&TcpStream]) -> usize {
    let until = Instant::now() + PATIENCE;
    for stream in streams {
        stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    }
    loop {
        let found = streams.iter().position(|stream| stream.peek(&mut [0]).is_ok());
        if let Some(found) = found {
            for stream in streams {
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
            }
            return found;
        }
        assert!(Instant::now() < until, "no response to any request");
    }
}

#[test]
fn a_body_over_the_users_share_of_memory_is_refused_as_busy() {
    let server = server();
    let proxy = server.proxied(|setup| setup.clients_key("request_megabytes_per_user", "2"));
    let body = execute(&vec![7; 950_000]);
    let good = HttpOutcome::Response(200, "0".to_owned(), executed(&folder_opened()));
    let mut bystander = Bystander::new(&proxy);
    // Two of them fit into the limit.
    let mut begun = begin_three(&proxy, &body);
    let refused = first_responded(&begun.iter().map(|(client, _)| &client.stream).collect::<Vec<_>>());
    let (mut refused, _) = begun.remove(refused);
    let (head, _) = read_message(&mut refused.stream).unwrap();
    assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{head}");
    assert_eq!(
        (field(&head, "retry-after"), field(&head, "connection")),
        (Some("10"), Some("close")),
        "{head}"
    );
    let line = proxy.process.wait_err("the refusal", |line| line.contains("refused as too busy"));
    assert!(line.contains("bob") && line.contains("clients.request_megabytes_per_user"), "{line}");
    // The limit is per user; small requests of this user are served, too.
    assert_eq!(bystander.0.request("Execute", &body), good);
    assert_eq!(Client::new(&proxy, "bad").request("Execute", &execute(&[7; 1000])), good);
    // The other requests are executed and free their memory. One of them may have been refused at the same moment.
    let carried_out = begun.into_iter().map(|(mut client, rest)| client.exchange(&rest));
    assert!(carried_out.collect::<Vec<_>>().contains(&good));
    for _ in 0..3 {
        assert_eq!(Client::new(&proxy, "bad").request("Execute", &body), good);
    }
}

#[test]
fn all_bodies_together_are_bounded() {
    let server = server();
    let proxy = server.proxied(|setup| setup.clients_key("request_megabytes", "2"));
    let body = execute(&vec![7; 950_000]);
    let begun = begin_three(&proxy, &body);
    let refused = first_responded(&begun.iter().map(|(client, _)| &client.stream).collect::<Vec<_>>());
    let mut refused = &begun[refused].0.stream;
    let mut status = [0; 12];
    refused.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 503");
    proxy.process.wait_err("the refusal", |line| line.contains("clients.request_megabytes is reached"));
}

#[test]
fn unread_http_responses_of_a_user_are_bounded_by_the_users_share_of_memory() {
    // More than the kernel takes for a client that does not read, and less than a response may have.
    const ANSWER: usize = 14_000_000;
    const CLIENTS: usize = 6;
    let server = Server::start(|_, body| {
        let long = body.len() > 1000;
        let payload = if long { vec![0; ANSWER] } else { executed(&folder_opened()) };
        (response(&payload, ""), true)
    });
    let proxy = server.proxied(|setup| setup.clients_key("request_megabytes_per_user", "20"));
    let asked: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut client = Client::new(&proxy, "bad");
            let body = execute(&[7; 2000]);
            let head = format!("{}Content-Length: {}\r\n\r\n", client.head("Execute"), body.len());
            client.stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
            client
        })
        .collect();
    let line = proxy.process.wait_err("the refusal", |line| line.contains("refused as too busy"));
    assert!(line.contains("bob") && line.contains("clients.request_megabytes_per_user"), "{line}");
    // Other users are served meanwhile, and memory stays within the limit.
    Bystander::new(&proxy).expect_response("beside unread responses");
    let statuses = asked.into_iter().map(|mut client| {
        let (head, _) = read_message(&mut client.stream).unwrap();
        head.split(' ').nth(1).unwrap().to_owned()
    });
    let statuses: Vec<_> = statuses.collect();
    let count = |status: &str| statuses.iter().filter(|seen| *seen == status).count();
    assert!(count("200") > 0 && count("503") > 0, "{statuses:?}");
    assert_eq!(count("200") + count("503"), CLIENTS, "{statuses:?}");
    // Responses that were read free their memory.
    assert!(matches!(
        Client::new(&proxy, "bad").request("Execute", &execute(&[7; 2000])),
        HttpOutcome::Response(200, ..)
    ));
}

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

fn receive(stream: &mut impl Read) -> (u8, Vec<u8>) {
    let mut header = [0; 16];
    stream.read_exact(&mut header).unwrap();
    let mut body = vec![0; usize::from(u16::from_le_bytes([header[8], header[9]])) - 16];
    stream.read_exact(&mut body).unwrap();
    (header[2], body)
}

/// The status of the next PDU, which is a fault.
fn fault(stream: &mut TcpStream) -> u32 {
    let (ptype, body) = receive(stream);
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

#[test]
fn unread_rpc_responses_of_a_user_are_bounded_by_the_users_share_of_memory() {
    // More than the kernel takes for a client that does not read, and less than a response may have.
    const ANSWER: usize = 14_000_000;
    let upstream = RawUpstream::start(|call| match call.stub.len() {
        8 => Outcome::Response(vec![0; ANSWER]),
        _ => Outcome::Response(vec![0; 8]),
    });
    let setup = Setup::before(&upstream.binding()).unprotected();
    let proxy = setup.clients_key("request_megabytes_per_user", "20").start();
    let clients: Vec<_> = (0..6)
        .map(|_| {
            let mut client = Connection::bound(proxy.rpc(), RFR);
            client.send_request(1, &[0; 8]);
            client
        })
        .collect();
    let line = proxy.process.wait_err("the end", |line| line.contains("bytes of responses unread"));
    assert!(line.contains("clients.request_megabytes_per_user"), "{line}");
    // Other users are served meanwhile.
    let mut other = Connection::bound(proxy.rpc(), RFR);
    assert_eq!(other.call(1, &[0; 9]).stub().len(), 8);
    let responses: Vec<_> = clients.into_iter().map(|mut client| client.response()).collect();
    let whole = responses.iter().filter(|response| **response == Outcome::Response(vec![0; ANSWER])).count();
    assert!((1..6).contains(&whole), "{whole}");
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
