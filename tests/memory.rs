//! Memory of requests and responses over HTTP: it is returned to the system afterwards, and is bounded for each user
//! and for all together. A request over a limit is refused as too busy, and other users are not affected.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::harness::raw_http::{
    Bystander, Client, HttpOutcome, LAST, Server, execute, executed, extended, field, folder_opened,
    read_message, response,
};
use crate::harness::{PATIENCE, Proxy};

pub(crate) const KIB: u64 = 1 << 10;
const MIB: usize = 1 << 20;

/// The time within which freed memory is returned.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) fn wait_memory(proxy: &Proxy, patience: Duration, what: &str, fits: impl Fn(u64) -> bool) {
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
        let setup = setup.clients_key("request_megabytes", "4000");
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
pub(crate) fn first_responded(streams: &[&TcpStream]) -> usize {
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

/// ROPs and the handles 1 and `handle`, as the only buffer of a chain.
fn with_handle(rops: &[u8], handle: u32) -> Vec<u8> {
    let size = u16::try_from(rops.len() + 2).unwrap();
    let payload = [&size.to_le_bytes(), rops, &[1, 0, 0, 0], &handle.to_le_bytes()].concat();
    extended(LAST, payload.len(), &payload)
}

#[test]
fn a_session_whose_tables_exceed_the_users_share_of_memory_is_logged_once() {
    const COLUMNS: u16 = 7900;
    let handles = AtomicU32::new(2);
    // The responses to `RopGetHierarchyTable` and `RopSetColumns`.
    let server = Server::start(move |_, _| {
        let opened = [&[0x04, 1][..], &[0; 8], &[0x12, 1], &[0; 5]].concat();
        let handle = handles.fetch_add(1, Ordering::Relaxed);
        (response(&executed(&with_handle(&opened, handle)), ""), true)
    });
    let proxy = server.proxied(|setup| setup.clients_key("request_megabytes_per_user", "2"));
    let columns: Vec<u8> = (0..u32::from(COLUMNS)).flat_map(|tag| (tag << 16 | 0x1f).to_le_bytes()).collect();
    let set = [&[0x04, 0, 0, 1, 0, 0x12, 0, 1, 0][..], &COLUMNS.to_le_bytes(), &columns].concat();
    let request = execute(&with_handle(&set, u32::MAX));
    let mut client = Client::new(&proxy, "bad");
    // 31 of them have 1 MB.
    for _ in 0..50 {
        assert!(matches!(client.request("Execute", &request), HttpOutcome::Response(200, ..)));
    }
    Bystander::new(&proxy).expect_response("many tables");
    let is_limit = |line: &str| line.contains("tracked in part only");
    let line = proxy.process.wait_err("the limit", is_limit);
    let fields = ["WARN", "bob", "emsmdb.Execute", "key=\"clients.request_megabytes_per_user\""];
    assert!(fields.iter().all(|field| line.contains(field)), "{line}");
    assert_eq!(proxy.process.err().iter().filter(|line| is_limit(line)).count(), 1);
}

#[test]
fn cookies_over_the_users_share_of_memory_end_their_session() {
    // 1 MB for all cookies.
    let cookies =
        (0..31).map(|name| format!("Set-Cookie: name{name}=NUMBER\r\n")).collect::<Vec<_>>().concat();
    let numbers = AtomicU32::new(0);
    let server = Server::start(move |_, _| {
        let number = numbers.fetch_add(1, Ordering::Relaxed).to_string();
        (response(&executed(&folder_opened()), &cookies.replace("NUMBER", &number)), true)
    });
    let proxy = server.proxied(|setup| setup.clients_key("request_megabytes_per_user", "2"));
    let mut outcomes = (0..30).flat_map(|_| {
        let mut client = Client::new(&proxy, "bad");
        let cookie = client.cookie.clone();
        // The server sets 16 values of each cookie.
        let outcomes: Vec<_> = (0..16)
            .map(|_| {
                client.cookie.clone_from(&cookie);
                client.request("Execute", &execute(&[]))
            })
            .collect();
        outcomes
    });
    let refused = outcomes.find(|outcome| !matches!(outcome, HttpOutcome::Response(200, ..)));
    assert!(matches!(&refused, Some(HttpOutcome::Response(503, code, _)) if code == "1"), "{refused:?}");
    let line = proxy.process.wait_err("the refusal", |line| line.contains("refused as too busy"));
    let why = "clients.request_megabytes_per_user is reached: the cookies of the session, which was ended, need too much memory";
    assert!(line.contains("bob") && line.contains(why), "{line}");
    Bystander::new(&proxy).expect_response("many cookies");
}
