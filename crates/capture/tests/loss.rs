//! What a lost packet costs: the message that it was part of, and no other.

use std::net::SocketAddr;

use capture::call::{CallBody, RpcOutcome, Stub};
use capture::source::{Item, LinkType, Packet};
use capture::{CallReader, RecordedItem, Timestamp};

/// One connection as packets of IP. What is lost was sent and acknowledged, and is not in the recording.
struct Tcp {
    ends: [SocketAddr; 2],
    sequence: [u32; 2],
    packets: Vec<Vec<u8>>,
}

const CLIENT: usize = 0;
const SERVER: usize = 1;

impl Tcp {
    fn new(client: &str, server: &str, begins: bool) -> Self {
        let ends = [client.parse().unwrap(), server.parse().unwrap()];
        let mut tcp = Self { ends, sequence: [1000, u32::MAX - 100], packets: Vec::new() };
        for side in [CLIENT, SERVER] {
            let flags = if side == CLIENT { 2 } else { 0x12 };
            if begins {
                tcp.segment(side, flags, b"");
            }
            tcp.sequence[side] = tcp.sequence[side].wrapping_add(1);
        }
        tcp
    }

    fn segment(&mut self, side: usize, flags: u8, payload: &[u8]) {
        let other = 1 - side;
        let total = u16::try_from(40 + payload.len()).unwrap();
        let mut out = vec![0x45, 0];
        out.extend(total.to_be_bytes());
        out.extend([0, 1, 0x40, 0, 64, 6, 0, 0]);
        for end in [side, other] {
            let SocketAddr::V4(address) = self.ends[end] else { panic!("IPv6") };
            out.extend(address.ip().octets());
        }
        for end in [side, other] {
            out.extend(self.ends[end].port().to_be_bytes());
        }
        out.extend(self.sequence[side].to_be_bytes());
        out.extend(self.sequence[other].to_be_bytes());
        out.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        out.extend(payload);
        self.packets.push(out);
    }

    /// One side sends `bytes`, cut in pieces of `size`, without those of the `lost` places.
    fn say(&mut self, side: usize, bytes: &[u8], size: usize, lost: &[usize]) {
        for (place, piece) in bytes.chunks(size).enumerate() {
            if !lost.contains(&place) {
                self.segment(side, 0x18, piece);
            }
            self.sequence[side] = self.sequence[side].wrapping_add(u32::try_from(piece.len()).unwrap());
        }
        self.segment(1 - side, 0x10, b"");
    }

    fn found(self) -> (Vec<capture::call::Call>, Vec<String>) {
        let mut reader = CallReader::new(Vec::new());
        for (place, data) in (0_u64..).zip(&self.packets) {
            reader.item(Item::Packet(Packet {
                place,
                time: Timestamp((place + 1) * 1_000_000),
                link: LinkType(101),
                interface: None,
                data,
                missing: 0,
                comment: None,
            }));
        }
        reader.finish();
        let (mut calls, mut problems) = (Vec::new(), Vec::new());
        for found in reader.take() {
            match found {
                RecordedItem::Call(call) => calls.push(*call),
                RecordedItem::Problem(problem) => problems.push(problem.to_string()),
            }
        }
        (calls, problems)
    }
}

fn request(number: usize, ids: bool, body: &str) -> Vec<u8> {
    let id = if ids { format!("X-RequestId: {{a}}:{number}\r\n") } else { String::new() };
    let length = body.len();
    format!("POST /{number} HTTP/1.1\r\nHost: a\r\n{id}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

fn answer(number: usize, ids: bool, chunked: bool) -> Vec<u8> {
    let id = if ids { format!("X-RequestId: {{a}}:{number}\r\n") } else { String::new() };
    let body = format!("answer {number} {}", "x".repeat(300));
    if !chunked {
        return format!("HTTP/1.1 200 OK\r\n{id}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes();
    }
    let chunks: String = body.as_bytes().chunks(150).fold(String::new(), |mut out, chunk| {
        use std::fmt::Write as _;
        write!(out, "{:x}\r\n{}\r\n", chunk.len(), std::str::from_utf8(chunk).unwrap()).unwrap();
        out
    });
    format!("HTTP/1.1 200 OK\r\n{id}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n").into_bytes()
}

/// The numbers of the requests that were found, each with whether its response is complete; `None` without a response.
fn answered(calls: &[capture::call::Call]) -> Vec<(usize, Option<bool>)> {
    let of = |call: &capture::call::Call| {
        let CallBody::Http(http) = &call.body else { panic!("not HTTP") };
        let number: usize = http.target[1..].parse().unwrap();
        let whole = http.response.as_ref().map(|response| {
            let body = String::from_utf8_lossy(&response.message.body).into_owned();
            if !body.is_empty() {
                assert!(body.starts_with(&format!("answer {number} ")), "{number}: {body}");
            }
            response.message.unreadable().is_none()
        });
        (number, whole)
    };
    calls.iter().map(of).collect()
}

/// Sixty exchanges, of which the pieces of `lost` are not recorded: side, exchange, places.
fn exchanges(ids: bool, chunked: bool, lost: &[(usize, usize, &[usize])]) -> Vec<(usize, Option<bool>)> {
    let mut tcp = Tcp::new("10.0.0.5:50100", "10.0.0.9:80", true);
    for number in 1..=60 {
        for side in [CLIENT, SERVER] {
            let bytes =
                if side == CLIENT { request(number, ids, "hello") } else { answer(number, ids, chunked) };
            let places = lost.iter().find(|(of, at, _)| (*of, *at) == (side, number));
            tcp.say(side, &bytes, 100, places.map_or(&[], |(_, _, places)| places));
        }
    }
    let (calls, problems) = tcp.found();
    assert_eq!(problems.len(), lost.len(), "{problems:?}");
    assert!(problems.iter().all(|problem| problem.contains("are missing")), "{problems:?}");
    answered(&calls)
}

#[test]
fn a_lost_response_affects_no_other() {
    for (ids, chunked) in [(true, false), (false, false), (true, true), (false, true)] {
        // The whole response, its beginning, its middle, its end; two in a row; the last.
        let lost: &[(usize, usize, &[usize])] = &[
            (SERVER, 3, &[0, 1, 2, 3, 4]),
            (SERVER, 9, &[0]),
            (SERVER, 15, &[2]),
            (SERVER, 21, &[3, 4, 5]),
            (SERVER, 27, &[0, 1, 2, 3, 4, 5]),
            (SERVER, 60, &[1]),
        ];
        let expected: Vec<_> = (1..=60)
            .map(|number| match number {
                3 | 9 | 27 => (number, None),
                15 | 21 | 60 => (number, Some(false)),
                _ => (number, Some(true)),
            })
            .collect();
        assert_eq!(exchanges(ids, chunked, lost), expected, "ids {ids}, chunked {chunked}");
    }
}

#[test]
fn a_lost_request_affects_no_other() {
    for ids in [true, false] {
        let lost: &[(usize, usize, &[usize])] =
            &[(CLIENT, 4, &[0, 1]), (CLIENT, 30, &[0, 1]), (SERVER, 40, &[0, 1, 2, 3, 4])];
        let expected: Vec<_> = (1..=60)
            .filter(|number| ![4, 30].contains(number))
            .map(|number| (number, (number != 40).then_some(true)))
            .collect();
        assert_eq!(exchanges(ids, false, lost), expected, "ids {ids}");
    }
}

#[test]
fn a_lost_response_of_pipelined_requests_affects_no_other() {
    for ids in [true, false] {
        let mut tcp = Tcp::new("10.0.0.5:50100", "10.0.0.9:80", true);
        for number in 1..=20 {
            tcp.say(CLIENT, &request(number, ids, ""), 200, &[]);
        }
        for number in 1..=20 {
            let lost: &[usize] = if number == 7 { &[0, 1] } else { &[] };
            tcp.say(SERVER, &answer(number, ids, false), 200, lost);
        }
        let expected: Vec<_> = (1..=20).map(|number| (number, (number != 7).then_some(true))).collect();
        assert_eq!(answered(&tcp.found().0), expected);
    }
}

fn pdu(kind: u8, flags: u8, call: u32, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(16 + body.len()).unwrap();
    let mut out = vec![5, 0, kind, flags, 0x10, 0, 0, 0];
    out.extend(length.to_le_bytes());
    out.extend([0, 0]);
    out.extend(call.to_le_bytes());
    out.extend(body);
    out
}

/// A bind to the mailbox store's interface, and its response (C706 12.6.4.3, 12.6.4.4).
fn bound(tcp: &mut Tcp, lost: &[usize]) {
    let ndr = [&rpc::SyntaxId::NDR.uuid.to_le()[..], &[2, 0, 0, 0]].concat();
    let interface = [&mapi::Interface::Emsmdb.uuid().to_le()[..], &[0, 0, 81, 0]].concat();
    let head = [0xd0, 0x16, 0xd0, 0x16, 0, 0, 0, 0];
    tcp.say(
        CLIENT,
        &pdu(11, 3, 1, &[&head[..], &[1, 0, 0, 0, 0, 0, 1, 0], &interface, &ndr].concat()),
        5000,
        &[],
    );
    let ack = [&head[..], &[6, 0], b"59999\0", &[1, 0, 0, 0, 0, 0, 0, 0], &ndr].concat();
    tcp.say(SERVER, &pdu(12, 3, 1, &ack), 5000, lost);
}

#[test]
fn a_refused_bind_and_a_refused_interface_are_reported() {
    let bind = |answer: Vec<u8>| {
        let mut tcp = Tcp::new("10.0.0.1:50000", "10.0.0.2:6001", true);
        let ndr = [&rpc::SyntaxId::NDR.uuid.to_le()[..], &[2, 0, 0, 0]].concat();
        let interface = [&mapi::Interface::Emsmdb.uuid().to_le()[..], &[0, 0, 81, 0]].concat();
        // Two contexts of the interface, of which a server may accept one.
        let context = |id| [&[id, 0, 1, 0][..], &interface, &ndr].concat();
        let head = [0xd0, 0x16, 0xd0, 0x16, 0, 0, 0, 0, 2, 0, 0, 0];
        tcp.say(CLIENT, &pdu(11, 3, 1, &[&head[..], &context(0), &context(1)].concat()), 5000, &[]);
        tcp.say(SERVER, &answer, 5000, &[]);
        tcp.found().1
    };
    let ack = |results: [u8; 2]| {
        let result = |result: u8| [&[result, 0, u8::from(result == 2), 0][..], &[0; 20]].concat();
        let head = [0xd0, 0x16, 0xd0, 0x16, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0];
        pdu(12, 3, 1, &[&head[..], &result(results[0]), &result(results[1])].concat())
    };
    // The reason 4 and version 5.0 (C706 12.6.4.5).
    let nak = bind(pdu(13, 3, 1, &[4, 0, 1, 5, 0]));
    assert_eq!(nak, ["connection 1: RPC: the server refused the bind: PROTOCOL_VERSION_NOT_SUPPORTED"]);
    let interface =
        "connection 1: RPC: the server refused the interface emsmdb: ABSTRACT_SYNTAX_NOT_SUPPORTED";
    assert_eq!(bind(ack([2, 2])), [interface]);
    for accepted in [[0, 2], [2, 0], [0, 3]] {
        assert_eq!(bind(ack(accepted)), [""; 0], "{accepted:?}");
    }
}

/// A call of number `call` in `fragments`, and its response in as many.
fn call(tcp: &mut Tcp, call: u32, fragments: u8, lost: [&[usize]; 2]) {
    for (side, kind, head) in [(CLIENT, 0, [0, 0, 0, 0, 0, 0, 6, 0]), (SERVER, 2, [0; 8])] {
        let fragment = |place: u8| {
            let flags = u8::from(place == 0) | (u8::from(place + 1 == fragments) << 1);
            let mut body = [&head[..], &[u8::try_from(call).unwrap(); 84]].concat();
            body.truncate(84);
            pdu(kind, flags, call, &body)
        };
        let bytes: Vec<u8> = (0..fragments).flat_map(fragment).collect();
        tcp.say(side, &bytes, 100, lost[side]);
    }
}

/// The operation of each call, whether its request can be read, and whether its response can; `None` without one.
fn read(calls: &[capture::call::Call]) -> Vec<(u8, bool, Option<bool>)> {
    let of = |call: &capture::call::Call| {
        let CallBody::Rpc(rpc) = &call.body else { panic!("not RPC") };
        assert_eq!(rpc.interface.unwrap().uuid, mapi::Interface::Emsmdb.uuid());
        let plain = |stub: &Stub| matches!(stub, Stub::Plain(bytes, _) if !bytes.is_empty());
        let number = |stub: &Stub| match stub {
            Stub::Plain(bytes, _) => bytes.first().copied(),
            Stub::Sealed(..) => None,
        };
        let answer = match &rpc.outcome {
            RpcOutcome::Response(stub) => {
                assert!(
                    number(stub).is_none()
                        || number(&rpc.request).is_none()
                        || number(stub) == number(&rpc.request)
                );
                Some(plain(stub))
            }
            _ => None,
        };
        let known = number(&rpc.request).unwrap_or_default();
        (known, plain(&rpc.request), answer)
    };
    calls.iter().map(of).collect()
}

#[test]
fn a_lost_fragment_affects_only_its_call() {
    for fragments in [1, 3] {
        let mut tcp = Tcp::new("10.0.0.5:50100", "10.0.0.9:59999", true);
        bound(&mut tcp, &[]);
        for number in 2..=60 {
            let lost: [&[usize]; 2] = match number {
                5 => [&[], &[0]],
                12 => [&[0], &[]],
                20 => [&[], &[1]],
                30 => [&[1], &[]],
                _ => [&[], &[]],
            };
            let lost = if fragments == 1 && matches!(number, 20 | 30) { [&[][..], &[]] } else { lost };
            call(&mut tcp, number, fragments, lost);
        }
        let (calls, problems) = tcp.found();
        let whole = read(&calls).into_iter().filter(|(_, request, answer)| *request && *answer == Some(true));
        let damaged: &[u8] = if fragments == 1 { &[5, 12] } else { &[5, 12, 20, 30] };
        let mut numbers: Vec<u8> = whole.map(|(number, ..)| number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (2..=60).filter(|number| !damaged.contains(number)).collect::<Vec<_>>());
        assert_eq!(problems.len(), damaged.len(), "{problems:?}");
        // What cannot be read is there all the same, but for a request of which nothing is.
        assert_eq!(calls.len(), if fragments == 1 { 58 } else { 59 });
    }
}

#[test]
fn calls_are_decoded_if_the_bind_response_was_lost() {
    let mut tcp = Tcp::new("10.0.0.5:50100", "10.0.0.9:59999", true);
    bound(&mut tcp, &[0]);
    (2..=40).for_each(|number| call(&mut tcp, number, 1, [&[], &[]]));
    let whole =
        read(&tcp.found().0).into_iter().filter(|(_, request, answer)| *request && *answer == Some(true));
    assert_eq!(whole.count(), 39);
}

#[test]
fn the_interface_of_calls_is_inferred_from_their_stubs_if_the_bind_was_lost() {
    // Each opnum with the length of the request's stub and of the response's, which are zeros except for a handle.
    let of = |calls: &[(u8, usize, usize)]| -> Vec<String> {
        let mut tcp = Tcp::new("10.0.0.5:50100", "10.0.0.9:59999", true);
        for (number, (opnum, asked, answered)) in (2..).zip(calls) {
            for (side, kind, opnum, length) in [(CLIENT, 0, *opnum, *asked), (SERVER, 2, 0, *answered)] {
                let mut stub = vec![0; length];
                stub.iter_mut().take(20).skip(4).for_each(|byte| *byte = 0xab);
                let body = [&[0, 0, 0, 0, 0, 0, opnum, 0], &stub[..]].concat();
                tcp.say(side, &pdu(kind, 3, number, &body), 5000, &[]);
            }
        }
        let mut analyzer = capture::Analyzer::default();
        tcp.found().0.iter().map(|call| analyzer.operation(call).operation).collect()
    };
    assert_eq!(of(&[(1, 20, 24)]), ["emsmdb.EcDoDisconnect"]);
    assert_eq!(of(&[(1, 24, 24)]), ["nspi.Unbind"]);
    // What fits nothing, or not what is known of the connection, stays as it is.
    assert_eq!(of(&[(1, 7, 24), (1, 24, 24), (1, 20, 24)]), ["unknown.1", "nspi.Unbind", "unknown.1"]);
}

#[test]
fn proxy_headers_and_connect_requests_are_skipped() {
    let version_2 = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &[7; 12]].concat();
    let connect = b"CONNECT mail.lab.test:443 HTTP/1.1\r\nHost: mail.lab.test\r\n\r\n".to_vec();
    let established = &b"HTTP/1.1 200 Connection established\r\n\r\n"[..];
    for (client, server) in [
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\n".to_vec(), &b""[..]),
        (version_2.clone(), b""),
        (connect.clone(), established),
        ([version_2, connect].concat(), established),
    ] {
        for size in [7, 5000] {
            let mut tcp = Tcp::new("10.0.0.5:50100", "10.0.0.9:443", true);
            tcp.say(CLIENT, &client, size, &[]);
            tcp.say(SERVER, server, size, &[]);
            tcp.say(CLIENT, &request(1, false, "x"), 5000, &[]);
            tcp.say(SERVER, &answer(1, false, false), 5000, &[]);
            let (calls, problems) = tcp.found();
            assert_eq!((answered(&calls), problems), (vec![(1, Some(true))], Vec::new()));
        }
    }
}

#[test]
fn the_side_that_sends_requests_is_the_client_whatever_the_ports() {
    // The lower port is the client's, and the recording begins within the connection.
    let mut tcp = Tcp::new("10.0.0.5:50000", "10.0.0.9:59999", false);
    bound(&mut tcp, &[]);
    (2..=4).for_each(|number| call(&mut tcp, number, 1, [&[], &[]]));
    let (calls, problems) = tcp.found();
    assert_eq!((calls.len(), problems.len()), (3, 0), "{problems:?}");
    assert!(calls.iter().all(|call| call.client == Some("10.0.0.5:50000".parse().unwrap())));

    // Its first packet may be part of a response, or a whole one.
    for from in [0, 40] {
        let mut tcp = Tcp::new("10.0.0.5:1066", "10.0.0.9:8080", false);
        tcp.say(SERVER, &answer(1, false, false)[from..], 5000, &[]);
        for number in 2..=4 {
            tcp.say(CLIENT, &request(number, false, "x"), 5000, &[]);
            tcp.say(SERVER, &answer(number, false, false), 5000, &[]);
        }
        let (calls, _) = tcp.found();
        assert_eq!(answered(&calls), [(2, Some(true)), (3, Some(true)), (4, Some(true))], "{from}");
        assert!(calls.iter().all(|call| call.client == Some("10.0.0.5:1066".parse().unwrap())));
    }
}
