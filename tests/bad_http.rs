//! Malformed MAPI over HTTP from raw sockets, on either side: each message is rejected or forwarded unchanged, other
//! clients are not affected, and memory stays bounded.
//!
//! What must hold for such input, and which test shows it, is listed in `docs/bad-input.md`.

use std::io::Write;
use std::net::Shutdown;

use crate::harness::Proxy;
use crate::harness::raw_http::{
    Bystander, COMPRESSED, Client, HttpOutcome, LAST, OPEN_FOLDER, OPENED, Server, execute, executed,
    extended, field, folder_opened, response, rops, sized,
};

/// The most additional memory for a malformed message, in KiB: a MAPI response has at most 16 MiB, held with and
/// without its chunks, in buffers that grow by doubling.
const MORE_MEMORY: u64 = 112 << 10;

/// Malformed ROPs.
fn bad_rops() -> Vec<(&'static str, Vec<u8>)> {
    let nested = |depth: usize| {
        // RestrictionType NOT, and at the end RestrictionType EXIST.
        let restriction = [vec![0x02; depth], vec![0x08, 0, 0, 0x37, 0]].concat();
        let size = u16::try_from(restriction.len()).unwrap();
        [&[0x14, 0, 0, 0][..], &size.to_le_bytes(), &restriction].concat()
    };
    vec![
        ("a RopSize that is more than there is", extended(LAST, 6, &[0xff, 0x7f, 0x02, 0, 0, 1])),
        ("a RopSize that does not hold itself", extended(LAST, 6, &[1, 0, 0x02, 0, 0, 1])),
        ("a RopSize that cuts a ROP", extended(LAST, 12, &[6, 0, 0x02, 0, 0, 1, 1, 0, 0, 0, 0, 0])),
        ("columns that are not there", rops(&[0x12, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4])),
        ("a handle index out of the table", rops(&[0x02, 0, 0xfe, 0xfd, 1, 0, 0, 0, 0, 0, 0, 9, 0])),
        ("an unknown ROP", rops(&[0xee; 200])),
        ("restrictions ten thousand deep", rops(&nested(10_000))),
        ("a buffer that is cut off", rops(&OPEN_FOLDER)[..20].to_vec()),
        ("a chain without a last buffer", {
            let mut chain = rops(&OPEN_FOLDER);
            chain[2] = 0;
            chain
        }),
        ("something after the last buffer", [rops(&OPEN_FOLDER), rops(&OPEN_FOLDER)].concat()),
        ("a buffer of a version to come", {
            let mut chain = rops(&OPEN_FOLDER);
            chain[0] = 9;
            chain
        }),
        ("a compressed buffer that is not", extended(COMPRESSED | LAST, 0x7fff, &[0xff; 300])),
        ("compressed buffers without end", bombs(false)),
        ("compressed buffers by the thousand", bombs(true)),
        ("a GLOBSET of all there can be", rops(&globset())),
    ]
}

/// Many buffers that claim 32 KB and hold a few bytes; with or without the flag of the last one.
fn bombs(ends: bool) -> Vec<u8> {
    // LZ77+DIRECT2: one literal, then a match of 32 KB.
    let bomb = [
        &0x7fff_ffff_u32.to_le_bytes()[..], // the first is a literal, the second a match
        &[0],
        &7_u16.to_le_bytes(), // back by one; the length follows
        &[0xff, 0xff],        // in half a byte, in a byte
        &0x7ffe_u16.saturating_sub(3).to_le_bytes(),
    ]
    .concat();
    let mut chain = extended(COMPRESSED, 0x7fff, &bomb).repeat(2000);
    if ends {
        chain.extend(extended(LAST, 2, &[2, 0]));
    }
    chain
}

/// `RopFastTransferDestinationPutBuffer` with a set of ids that holds every one from 1 to 2^48 - 1.
fn globset() -> Vec<u8> {
    // A range: the low and the high end, six bytes each, then the end of the set ([MS-OXCFXICS] 2.2.2.6).
    let set = [&[7; 16][..], &[0x52], &[0, 0, 0, 0, 0, 1], &[0xff; 6], &[0]].concat();
    let stream = [&0x4017_0003_u32.to_le_bytes()[..], &sized(&set)].concat();
    let size = u16::try_from(stream.len()).unwrap();
    [&[0x54, 0, 0][..], &size.to_le_bytes(), &stream].concat()
}

/// How many lines of bob's operations have an undecoded part of `side`.
fn undecoded(proxy: &Proxy, side: &str) -> usize {
    proxy.lines_with(&format!("[undecoded {side}: ")).iter().filter(|line| line.contains("bob")).count()
}

/// Waits until `operations` were logged, and returns how many of them have an undecoded part of `side`.
fn logged_undecoded(proxy: &Proxy, operations: usize, side: &str) -> usize {
    proxy.process.wait_lines("operations", operations, |line| line.contains("emsmdb.Execute"));
    undecoded(proxy, side)
}

/// Waits until the log states that `side` of an operation of bob's is undecoded.
fn expect_logged_undecoded(proxy: &Proxy, side: &str) {
    let fields = ["WARN", "modules do not see that part", "bob", "emsmdb.Execute", side];
    proxy.process.wait_err("the operation", |line| fields.iter().all(|field| line.contains(field)));
}

#[track_caller]
fn expect_memory(proxy: &Proxy, before: u64) {
    let now = proxy.peak_memory();
    assert!(now < before + MORE_MEMORY, "{before} KiB before, {now} KiB at most");
}

#[test]
fn bad_rops_of_clients_are_forwarded_unchanged() {
    let server = Server::start(|_, _| (response(&executed(&folder_opened()), ""), true));
    let proxy = server.proxied(|setup| setup);
    let mut bystander = Bystander::new(&proxy);
    let mut bad = Client::new(&proxy, "bad");
    let before = proxy.peak_memory();
    let mut operations = 1;
    for (what, chain) in bad_rops() {
        let (body, undecoded) = (execute(&chain), undecoded(&proxy, "request"));
        let got = bad.request("Execute", &body);
        assert_eq!(got, HttpOutcome::Response(200, "0".to_owned(), executed(&folder_opened())), "{what}");
        assert_eq!(server.bodies(), [body], "{what}");
        bystander.expect_response(what);
        operations += 2;
        // ROPs of a valid structure are decoded, whatever their values.
        let decodes = what.contains("handle index") || what.contains("deep") || what.contains("GLOBSET");
        assert_eq!(
            logged_undecoded(&proxy, operations, "request") - undecoded,
            usize::from(!decodes),
            "{what}"
        );
    }
    expect_memory(&proxy, before);
    expect_logged_undecoded(&proxy, "request");
}

/// Malformed responses to a `RopOpenFolder`.
fn bad_answers() -> Vec<(&'static str, Vec<u8>)> {
    let mut bad = bad_rops();
    bad.extend([
        ("no response to the only ROP", rops(&[])),
        ("a response without a request", rops(&[OPENED, OPENED].concat())),
        ("a response with a handle index out of the table", rops(&[0x02, 0xfe, 0, 0, 0, 0, 0])),
        ("a response without a return value", rops(&[0x02, 1, 0, 0])),
        ("a notification that is cut off", rops(&[&OPENED[..], &[0x2a, 1, 0, 0, 0, 0, 2]].concat())),
    ]);
    bad
}

#[test]
fn bad_rops_of_servers_are_forwarded_unchanged() {
    let chains: Vec<_> = bad_answers().into_iter().map(|(_, chain)| chain).collect();
    let server = Server::start(move |head, _| {
        let number: usize = field(head, "x-clientapplication").unwrap().parse().unwrap();
        (response(&executed(&chains[number]), ""), true)
    });
    let proxy = server.proxied(|setup| setup);
    let mut bystander = Bystander::new(&proxy);
    let mut bad = Client::new(&proxy, "bad");
    let before = proxy.peak_memory();
    let mut operations = 1;
    for (number, (what, chain)) in bad_answers().into_iter().enumerate() {
        let (body, undecoded) = (execute(&rops(&OPEN_FOLDER)), undecoded(&proxy, "response"));
        let framing = format!("X-ClientApplication: {number}\r\nContent-Length: {}\r\n\r\n", body.len());
        let head = bad.head("Execute") + &framing;
        let got = bad.exchange(&[head.as_bytes(), &body].concat());
        assert_eq!(got, HttpOutcome::Response(200, "0".to_owned(), executed(&chain)), "{what}");
        bystander.expect_response(what);
        operations += 2;
        assert_eq!(logged_undecoded(&proxy, operations, "response") - undecoded, 1, "{what}");
    }
    expect_memory(&proxy, before);
    expect_logged_undecoded(&proxy, "response");
}

/// Malformed requests with the status of the response, and the `X-ResponseCode` if the request is MAPI.
fn bad_requests(head: &str) -> Vec<(&'static str, u16, Vec<u8>)> {
    let with = |fields: &str, body: &[u8]| [head.as_bytes(), fields.as_bytes(), b"\r\n", body].concat();
    let chunked = |body: &[u8]| with("Transfer-Encoding: chunked\r\n", body);
    let mut flood = with("", b"");
    flood.truncate(flood.len() - 2);
    vec![
        ("fields by the hundred thousand", 431, [flood.clone(), b"a: b\r\n".repeat(500_000)].concat()),
        ("a field of megabytes", 431, [flood, vec![b'x'; 4 << 20]].concat()),
        ("a body that is longer than any", 200, with("Content-Length: 4294967296\r\n", &[0; 4096])),
        ("a length of 2^64", 400, with("Content-Length: 18446744073709551616\r\n", b"")),
        (
            "a length and chunks",
            400,
            with("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
        ),
        ("two lengths", 400, with("Content-Length: 4\r\nContent-Length: 5\r\n", b"abcde")),
        ("chunks within something else", 400, with("Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n")),
        ("a chunk longer than it says", 400, chunked(b"4\r\nabcdefgh\r\n0\r\n\r\n")),
        ("a chunk of 2^64 bytes", 400, chunked(b"10000000000000000\r\nabcd")),
        ("a chunk of less than nothing", 400, chunked(b"-1\r\nabcd")),
        (
            "chunks without end",
            200,
            chunked(
                &b"1000\r\n"
                    .iter()
                    .chain(&[b'x'; 4096])
                    .chain(b"\r\n")
                    .copied()
                    .collect::<Vec<u8>>()
                    .repeat(8192),
            ),
        ),
        ("a chunk's extension without end", 400, chunked(&[b"1;".to_vec(), vec![b'x'; 1 << 20]].concat())),
        ("trailers without end", 400, chunked(&[b"0\r\n".to_vec(), b"a: b\r\n".repeat(200_000)].concat())),
        ("what is no HTTP", 414, vec![0; 1 << 16]),
    ]
}

#[test]
fn bad_requests_are_rejected_and_nothing_after_them_is_read() {
    let server = Server::start(|_, _| (response(&executed(&folder_opened()), ""), true));
    let proxy = server.proxied(|setup| setup);
    let mut bystander = Bystander::new(&proxy);
    let before = proxy.peak_memory();
    let session = Client::new(&proxy, "bad");
    for (what, status, request) in bad_requests(&session.head("Execute")) {
        let mut bad = Client::unauthenticated(&proxy, "bad");
        let smuggled = session.head("Execute") + "X-Smuggled: 1\r\nContent-Length: 0\r\n\r\n";
        let got = bad.exchange(&[&request, smuggled.as_bytes()].concat());
        let code = if status == 200 { INVALID_BODY } else { "none" };
        assert!(
            matches!(&got, HttpOutcome::Response(s, c, _) if *s == status && c == code),
            "{what}: {got:?}"
        );
        assert_eq!(bad.response(), HttpOutcome::Closed(Vec::new()), "{what}: what follows is not read");
        bystander.expect_response(what);
    }
    assert_eq!(server.bodies(), [[0; 0]; 0], "nothing of it reaches the server");
    expect_memory(&proxy, before);
}

#[test]
fn declared_lengths_take_no_memory_before_the_bytes_arrive() {
    const CLIENTS: u64 = 200;
    let server = Server::start(|_, _| (response(&executed(&folder_opened()), ""), true));
    let proxy = server.proxied(|setup| setup);
    let mut bystander = Bystander::new(&proxy);
    let before = proxy.peak_memory();
    for framing in ["Content-Length: 2000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n1e8480\r\n"] {
        let mut all = Vec::new();
        for _ in 0..CLIENTS {
            let mut bad = Client::unauthenticated(&proxy, "bad");
            let head = bad.head("Execute") + framing;
            bad.stream.write_all(&[head.as_bytes(), &vec![0; 20 << 10]].concat()).unwrap();
            all.push(bad);
        }
        bystander.expect_response(framing);
        for mut bad in all {
            bad.stream.shutdown(Shutdown::Write).unwrap();
            assert_ne!(
                bad.response(),
                HttpOutcome::Closed(Vec::new()),
                "the connection was closed without a response"
            );
        }
    }
    assert_eq!(server.bodies(), [[0; 0]; 0]);
    let each = (proxy.peak_memory() - before) / CLIENTS;
    println!("bodies of 2 MB of which 20 KB came: {each} KiB each");
    assert!(each < 100, "{each} KiB each");
}

/// `X-ResponseCode`s ([MS-OXCMAPIHTTP] 2.2.3.3.3): an unknown failure, and a payload that is no payload.
const FAILURE: &str = "1";
const INVALID_BODY: &str = "9";

/// What the client receives.
#[derive(Debug, Clone, Copy)]
enum ExpectedResult {
    /// A response of the proxy, with status 502.
    BadGateway,
    /// A response of the proxy with an `X-ResponseCode`.
    Refused,
    /// The begin of the response, and a closed connection before its end.
    Cut,
    /// The response of the server, unchanged.
    Passes,
}

/// A response with these further header fields, and this body with its framing.
fn with(fields: &str, body: &[u8]) -> Vec<u8> {
    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/mapi-http\r\nX-ResponseCode: 0\r\n";
    [HEAD.as_bytes(), fields.as_bytes(), b"\r\n", body].concat()
}

/// A response with this body of chunks.
fn chunked(body: &[u8]) -> Vec<u8> {
    with("Transfer-Encoding: chunked\r\n", body)
}

/// A chunk.
fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// The body of a valid response to an Execute.
fn valid_body() -> Vec<u8> {
    [&b"PROCESSING\r\nDONE\r\n\r\n"[..], &executed(&folder_opened())].concat()
}

/// A malformed response: its name, what the client receives, and its bytes.
type BadResponse = (&'static str, ExpectedResult, Vec<u8>);

/// All malformed responses.
fn bad_responses() -> Vec<BadResponse> {
    [bad_heads(), bad_chunks()].concat()
}

/// Malformed heads, and bodies that do not match their `Content-Length`.
fn bad_heads() -> Vec<BadResponse> {
    use ExpectedResult::{BadGateway, Passes, Refused};
    let good = valid_body();
    let length = format!("Content-Length: {}\r\n", good.len());
    vec![
        ("fields by the hundred thousand", BadGateway, with(&"a: b\r\n".repeat(500_000), b"")),
        ("a field of megabytes", BadGateway, with(&"x".repeat(4 << 20), b"")),
        (
            "a length and chunks",
            BadGateway,
            with(&format!("{length}Transfer-Encoding: chunked\r\n"), &chunk(&good)),
        ),
        ("two lengths", BadGateway, with(&format!("{length}Content-Length: 1\r\n"), &good)),
        (
            "more than its length",
            Refused,
            with("Content-Length: 50\r\n", &[good.clone(), vec![0; 100]].concat()),
        ),
        ("less than its length", BadGateway, with("Content-Length: 5000\r\n", &good)),
        (
            "a body that is longer than any",
            BadGateway,
            with("Content-Length: 18446744073709551615\r\n", &good),
        ),
        ("what is no meta-tag", Passes, with("Content-Length: 5\r\n", b"HELLO")),
        ("nothing", BadGateway, Vec::new()),
        ("interim responses without end", BadGateway, b"HTTP/1.1 100 Continue\r\n\r\n".repeat(200_000)),
        ("what is no HTTP", BadGateway, vec![0xff; 1 << 16]),
    ]
}

/// Malformed chunks, and meta-tags in chunks.
fn bad_chunks() -> Vec<BadResponse> {
    use ExpectedResult::{BadGateway, Cut};
    vec![
        ("a chunk longer than it says", BadGateway, chunked(b"4\r\nPROCESSING\r\n\r\n0\r\n\r\n")),
        ("a chunk of 2^64 bytes", BadGateway, chunked(b"10000000000000000\r\nPROCESSING\r\n")),
        ("no last chunk", BadGateway, chunked(&chunk(&valid_body()))),
        (
            "PENDING without end",
            Cut,
            chunked(&[chunk(b"PROCESSING\r\n"), chunk(b"PENDING\r\n").repeat(500_000)].concat()),
        ),
        ("PENDING without a line's end", Cut, chunked(&chunk(&b"PENDING".repeat(500)).repeat(1000))),
        (
            "headers after DONE without end",
            BadGateway,
            chunked(&[chunk(b"DONE\r\n"), chunk(b"A: b\r\n").repeat(500_000)].concat()),
        ),
        (
            "a payload without end",
            BadGateway,
            chunked(&[chunk(b"DONE\r\n\r\n"), chunk(&[0; 16384]).repeat(8192)].concat()),
        ),
    ]
}

#[test]
fn bad_responses_are_rejected_and_nothing_after_them_is_read() {
    let responses: Vec<_> = bad_responses().into_iter().map(|(.., response)| response).collect();
    let server = Server::start(move |head, _| {
        let number: usize = field(head, "x-clientapplication").unwrap().parse().unwrap();
        (responses[number].clone(), false)
    });
    let proxy = server.proxied(|setup| setup);
    let mut bystander = Bystander::new(&proxy);
    let before = proxy.peak_memory();
    for (number, (what, expected, _)) in bad_responses().into_iter().enumerate() {
        let mut bad = Client::new(&proxy, "bad");
        let body = execute(&rops(&OPEN_FOLDER));
        let framing = format!("X-ClientApplication: {number}\r\nContent-Length: {}\r\n\r\n", body.len());
        let head = bad.head("Execute") + &framing;
        let got = bad.exchange(&[head.as_bytes(), &body].concat());
        let fits = match (expected, &got) {
            (ExpectedResult::BadGateway, HttpOutcome::Response(502, code, _)) => code == "none",
            (ExpectedResult::Refused, HttpOutcome::Response(200, code, _)) => code == FAILURE,
            (ExpectedResult::Passes, HttpOutcome::Response(200, code, payload)) => {
                code == "0" && payload == b"HELLO"
            }
            (ExpectedResult::Cut, HttpOutcome::Closed(seen)) => seen.starts_with(b"HTTP/1.1 200 OK\r\n"),
            _ => false,
        };
        assert!(fits, "{what}: {got:?}");
        bystander.expect_response(what);
    }
    expect_memory(&proxy, before);
}
