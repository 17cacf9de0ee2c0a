//! TLS of rustls on both sides, decrypted with the key log that the client writes.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};

use capture::Timestamp;
use capture::decrypt::tls::{KeyLog, KeyLogReader, Output, Tls};
use capture::stream::Side;
use rustls::crypto::ring::cipher_suite::*;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, ServerConfig, ServerConnection};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion, version};

/// The lines that a client logs.
#[derive(Debug, Default)]
struct Lines(Mutex<String>);

impl rustls::KeyLog for Lines {
    fn log(&self, label: &str, random: &[u8], secret: &[u8]) {
        let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        writeln!(self.0.lock().unwrap(), "{label} {} {}", hex(random), hex(secret)).unwrap();
    }
}

impl Lines {
    fn key_log(&self, keep: impl Fn(&str) -> bool) -> KeyLog {
        let mut log = KeyLog::default();
        let (mut reader, mut problems) = (KeyLogReader::default(), Vec::new());
        for line in self.0.lock().unwrap().lines().filter(|line| keep(line)) {
            reader.push(format!("{line}\n").as_bytes(), &mut log, &mut problems);
        }
        assert!(problems.is_empty());
        log
    }
}

/// A client and a server with one cipher suite, which remember their sessions.
struct Ends {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    lines: Arc<Lines>,
}

impl Ends {
    fn new(suite: SupportedCipherSuite) -> Self {
        let versions: &[&SupportedProtocolVersion] = match suite.version().version {
            ProtocolVersion::TLSv1_2 => &[&version::TLS12],
            _ => &[&version::TLS13],
        };
        let mut provider = rustls::crypto::ring::default_provider();
        provider.cipher_suites = vec![suite];
        let provider = Arc::new(provider);
        let key = rcgen::KeyPair::generate().unwrap();
        let parameters = rcgen::CertificateParams::new(vec!["mail.lab.test".to_owned()]).unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.der().clone()).unwrap();
        let lines = Arc::new(Lines::default());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_protocol_versions(versions).unwrap();
        let mut client = builder.with_root_certificates(roots).with_no_client_auth();
        client.key_log = Arc::<Lines>::clone(&lines);
        client.enable_early_data = true;
        let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let chain = vec![certificate.der().clone()];
        let mut server = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
        server.max_early_data_size = 4096;
        Self { client: Arc::new(client), server: Arc::new(server), lines }
    }

    fn connection(&self) -> Connection {
        let name = ServerName::try_from("mail.lab.test").unwrap();
        Connection {
            client: ClientConnection::new(Arc::clone(&self.client), name).unwrap(),
            server: ServerConnection::new(Arc::clone(&self.server)).unwrap(),
            sent: Vec::new(),
            said: [Vec::new(), Vec::new()],
        }
    }
}

/// A connection, and what passed on it.
struct Connection {
    client: ClientConnection,
    server: ServerConnection,
    sent: Vec<(Side, Vec<u8>)>,
    /// What the client and the server said, in the clear.
    said: [Vec<u8>; 2],
}

impl Connection {
    /// Passes on whatever there is, until there is nothing.
    fn settle(&mut self) {
        loop {
            let mut bytes = Vec::new();
            let side = if self.client.wants_write() {
                self.client.write_tls(&mut bytes).unwrap();
                self.server.read_tls(&mut bytes.as_slice()).unwrap();
                self.server.process_new_packets().unwrap();
                Side::Client
            } else if self.server.wants_write() {
                self.server.write_tls(&mut bytes).unwrap();
                self.client.read_tls(&mut bytes.as_slice()).unwrap();
                self.client.process_new_packets().unwrap();
                Side::Server
            } else {
                break;
            };
            self.sent.push((side, bytes));
            let mut sink = [0; 8192];
            while self.server.reader().read(&mut sink).is_ok_and(|count| count > 0) {}
            while self.client.reader().read(&mut sink).is_ok_and(|count| count > 0) {}
        }
    }

    fn say(&mut self, side: Side, bytes: &[u8]) {
        match side {
            Side::Client => self.client.writer().write_all(bytes).unwrap(),
            Side::Server => self.server.writer().write_all(bytes).unwrap(),
        }
        self.said[usize::from(side == Side::Server)].extend_from_slice(bytes);
        self.settle();
    }

    /// A talk of several records each way.
    fn talk(&mut self) {
        self.settle();
        for turn in 0..4_u8 {
            self.say(Side::Client, format!("question {turn};").as_bytes());
            self.say(Side::Server, &vec![b'a' + turn; 3000]);
        }
    }

    /// Everything that was sent in pieces of `size` bytes.
    fn pieces(&self, size: usize) -> Vec<(Side, Vec<u8>)> {
        let cut = |(side, bytes): &(Side, Vec<u8>)| {
            let side = *side;
            bytes.chunks(size).map(move |piece| (side, piece.to_vec())).collect::<Vec<_>>()
        };
        self.sent.iter().flat_map(cut).collect()
    }
}

/// The plaintext of a connection, and its gaps.
#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    said: [Vec<u8>; 2],
    missing: [Vec<u64>; 2],
    problems: Vec<String>,
}

fn read(tls: &mut Tls, log: &mut KeyLog, read: &mut Read) {
    tls.process(log);
    for output in tls.take() {
        let place = |side| usize::from(side == Side::Server);
        match output {
            Output::Plain(side, _, bytes) => read.said[place(side)].extend(bytes),
            Output::Gap(side, missing) => read.missing[place(side)].push(missing),
            Output::Problem(problem) => read.problems.push(problem.to_string()),
            Output::Ended(..) => {}
        }
    }
}

/// Decrypts pieces. A piece that is `None` is missing in the recording.
fn decrypted(pieces: &[(Side, Result<Vec<u8>, u64>)], log: &mut KeyLog) -> Read {
    let (mut tls, mut found) = (Tls::new(), Read::default());
    for (side, piece) in pieces {
        match piece {
            Ok(bytes) => tls.queue(*side, Timestamp(1), bytes),
            Err(missing) => tls.gap(*side, *missing),
        }
        read(&mut tls, log, &mut found);
    }
    tls.give_up(log);
    read(&mut tls, log, &mut found);
    found
}

fn whole(pieces: Vec<(Side, Vec<u8>)>) -> Vec<(Side, Result<Vec<u8>, u64>)> {
    pieces.into_iter().map(|(side, bytes)| (side, Ok(bytes))).collect()
}

const SUITES: [SupportedCipherSuite; 6] = [
    TLS13_AES_128_GCM_SHA256,
    TLS13_AES_256_GCM_SHA384,
    TLS13_CHACHA20_POLY1305_SHA256,
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];

#[test]
fn every_suite_is_decrypted_in_pieces_of_any_size() {
    for suite in SUITES {
        let ends = Ends::new(suite);
        let mut connection = ends.connection();
        connection.talk();
        for size in [1, 777, 1 << 20] {
            let found = decrypted(&whole(connection.pieces(size)), &mut ends.lines.key_log(|_| true));
            assert_eq!(found.problems, Vec::<String>::new(), "{suite:?}");
            assert!(found.said == connection.said, "{suite:?} in pieces of {size}");
        }
    }
}

#[test]
fn a_recording_whose_directions_are_far_apart_is_decrypted() {
    for suite in SUITES {
        let ends = Ends::new(suite);
        let mut connection = ends.connection();
        connection.talk();
        let (client, server): (Vec<_>, Vec<_>) =
            connection.pieces(500).into_iter().partition(|(side, _)| *side == Side::Client);
        for order in [[client.clone(), server.clone()], [server, client]] {
            let found = decrypted(&whole(order.concat()), &mut ends.lines.key_log(|_| true));
            assert!(found.said == connection.said, "{suite:?}: {:?}", found.problems);
        }
    }
}

#[test]
fn a_key_update_of_either_side_is_followed() {
    for suite in &SUITES[..3] {
        let ends = Ends::new(*suite);
        let mut connection = ends.connection();
        connection.talk();
        for _ in 0..3 {
            connection.client.refresh_traffic_keys().unwrap();
            connection.server.refresh_traffic_keys().unwrap();
            connection.talk();
        }
        let found = decrypted(&whole(connection.pieces(1460)), &mut ends.lines.key_log(|_| true));
        assert_eq!(found.problems, Vec::<String>::new());
        assert!(found.said == connection.said);
    }
}

#[test]
fn resumed_sessions_are_decrypted_and_so_is_early_data() {
    for suite in SUITES {
        let ends = Ends::new(suite);
        let mut first = ends.connection();
        first.talk();
        let logged = ends.lines.0.lock().unwrap().lines().count();
        let mut again = ends.connection();
        if let Some(mut early) = again.client.early_data() {
            early.write_all(b"early question;").unwrap();
            again.said[0].extend_from_slice(b"early question;");
        }
        again.talk();
        assert_eq!(again.client.handshake_kind(), Some(rustls::HandshakeKind::Resumed), "{suite:?}");
        let mut log = ends.lines.key_log(|_| true);
        let found = decrypted(&whole(again.pieces(1460)), &mut log);
        assert_eq!(found.problems, Vec::<String>::new(), "{suite:?}");
        assert!(found.said == again.said, "{suite:?}");
        if suite.version().version == ProtocolVersion::TLSv1_2 {
            // A key log that has the first session alone will do, if that was recorded.
            let lines = ends.lines.0.lock().unwrap().clone();
            let known: Vec<&str> = lines.lines().take(logged).collect();
            let mut log = ends.lines.key_log(|line| known.contains(&line));
            assert!(!decrypted(&whole(again.pieces(1460)), &mut log).problems.is_empty());
            decrypted(&whole(first.pieces(1460)), &mut log);
            assert!(decrypted(&whole(again.pieces(1460)), &mut log).said == again.said);
        }
    }
}

#[test]
fn traffic_secrets_alone_decrypt_the_application_data() {
    let ends = Ends::new(TLS13_AES_128_GCM_SHA256);
    let mut connection = ends.connection();
    connection.talk();
    let mut log = ends.lines.key_log(|line| line.contains("TRAFFIC_SECRET_0"));
    let found = decrypted(&whole(connection.pieces(1460)), &mut log);
    assert!(found.said == connection.said, "{:?}", found.problems);
}

#[test]
fn a_connection_without_a_key_is_reported_once_with_its_client_random() {
    for suite in SUITES {
        let ends = Ends::new(suite);
        let mut connection = ends.connection();
        connection.talk();
        let found = decrypted(&whole(connection.pieces(1460)), &mut KeyLog::default());
        assert_eq!(found.said, [const { Vec::<u8>::new() }; 2]);
        let [problem] = found.problems.as_slice() else { panic!("{:?}", found.problems) };
        let random = ends.lines.0.lock().unwrap().split(' ').nth(1).unwrap().to_owned();
        let expected = format!(
            "TLS with mail.lab.test: no key log has the key of this connection (client random {random})"
        );
        assert_eq!(*problem, expected);
    }
}

#[test]
fn the_key_of_another_connection_is_not_used() {
    let ends = Ends::new(TLS13_AES_128_GCM_SHA256);
    let (mut one, mut other) = (ends.connection(), ends.connection());
    one.talk();
    let text = ends.lines.0.lock().unwrap().clone();
    let random = text.split(' ').nth(1).unwrap().to_owned();
    other.talk();
    // The secrets of the second under the client random of the first.
    let text = ends.lines.0.lock().unwrap().lines().skip(5).fold(String::new(), |all, line| {
        let mut fields: Vec<&str> = line.split(' ').collect();
        fields[1] = &random;
        all + &fields.join(" ") + "\n"
    });
    let (mut log, mut reader) = (KeyLog::default(), KeyLogReader::default());
    reader.push(text.as_bytes(), &mut log, &mut Vec::new());
    let found = decrypted(&whole(one.pieces(1460)), &mut log);
    assert_eq!(found.said, [const { Vec::<u8>::new() }; 2]);
    assert!(found.problems[0].contains("cannot be authenticated with the key"), "{:?}", found.problems);
}

#[test]
fn a_late_key_decrypts_the_buffered_records() {
    for suite in SUITES {
        let ends = Ends::new(suite);
        let mut connection = ends.connection();
        connection.talk();
        let (mut tls, mut found) = (Tls::new(), Read::default());
        for (side, bytes) in connection.pieces(1460) {
            tls.queue(side, Timestamp(1), &bytes);
            read(&mut tls, &mut KeyLog::default(), &mut found);
        }
        assert!(tls.lacks_key());
        read(&mut tls, &mut ends.lines.key_log(|_| true), &mut found);
        assert!(found.said == connection.said && found.problems.is_empty());
    }
}

/// Whichever piece of what the server sent is lost: what comes before it is read, and what follows the record
/// or the records that it takes along; and the bytes that are missing are counted.
#[test]
fn a_lost_piece_after_the_handshake_affects_only_its_records() {
    for suite in SUITES {
        let ends = Ends::new(suite);
        let mut connection = ends.connection();
        connection.settle();
        let handshake = connection.sent.len();
        connection.talk();
        let tail = connection.sent.split_off(handshake);
        for size in [100, 1000, 1460, 4000] {
            let before = connection.pieces(size);
            let after: Vec<(Side, Vec<u8>)> =
                Connection { sent: tail.clone(), ..ends.connection() }.pieces(size);
            for lost in 0..after.len() {
                let (side, bytes) = &after[lost];
                if *side == Side::Client {
                    continue;
                }
                let mut pieces = whole([before.clone(), after.clone()].concat());
                pieces[before.len() + lost].1 = Err(u64::try_from(bytes.len()).unwrap());
                let found = decrypted(&pieces, &mut ends.lines.key_log(|_| true));
                let at = format!("{suite:?}, pieces of {size}, number {lost}");
                assert_eq!(found.said[0], connection.said[0], "{at}");
                let missing: u64 = found.missing[1].iter().sum();
                let there = u64::try_from(found.said[1].len()).unwrap();
                assert_eq!(found.problems, Vec::<String>::new(), "{at}");
                let all = u64::try_from(connection.said[1].len()).unwrap();
                assert_eq!(there + missing, all, "{at}: {:?}", found.missing);
                assert!(missing <= 6000, "{at}: {missing}");
            }
        }
    }
}

#[test]
fn a_lost_piece_of_the_certificate_affects_nothing() {
    for suite in &SUITES[3..] {
        let ends = Ends::new(*suite);
        let mut connection = ends.connection();
        connection.talk();
        let mut pieces = whole(connection.pieces(100));
        // The second piece of the server's hello and certificate is in the midst of the certificate.
        let mut of_server = pieces.iter_mut().filter(|(side, _)| *side == Side::Server).skip(3);
        of_server.next().unwrap().1 = Err(100);
        let found = decrypted(&pieces, &mut ends.lines.key_log(|_| true));
        assert!(found.said == connection.said, "{suite:?}: {:?}", found.problems);
    }
}

#[test]
fn a_side_with_too_many_missing_bytes_is_not_read_any_further() {
    let ends = Ends::new(TLS13_AES_128_GCM_SHA256);
    let mut connection = ends.connection();
    connection.talk();
    let mut pieces = whole(connection.pieces(1460));
    let noise: Vec<u8> = (0..4_000_000_u32).map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect();
    let headers = [23, 3, 3, 0x40, 0].repeat(400_000);
    pieces.push((Side::Server, Err(u64::MAX)));
    pieces.push((Side::Server, Ok(headers)));
    pieces.push((Side::Server, Ok(noise)));
    let started = std::time::Instant::now();
    let found = decrypted(&pieces, &mut ends.lines.key_log(|_| true));
    assert!(found.problems[0].contains("too much is missing"), "{:?}", found.problems);
    assert!(started.elapsed() < std::time::Duration::from_secs(30));
}
