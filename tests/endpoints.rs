//! The endpoint mapper and the management interface, which need no authentication.

use std::io::{Read, Write};

use serde_json::json;

use crate::harness::{ALICE, Client, Connection, NSPI, RawUpstream, Setup, Upstream, bind, pdu};

const SERVED: [(&str, &str); 4] = [
    ("1544F5E0-613C-11D1-93DF-00C04FD7BD09", "1.0"),
    ("5261574A-4572-206E-B268-6B199213B4E4", "0.1"),
    ("A4F1DB00-CA47-1067-B31F-00DD010662DA", "0.81"),
    ("F5CC5A18-4264-101A-8C59-08002B2F8426", "56.0"),
];

#[test]
fn impacket_finds_every_service_and_what_its_port_serves() {
    let upstream = RawUpstream::echo();
    let proxy = Setup::before(&upstream.binding()).start();
    let report = Client::endpoints(proxy.mapper()).run().expect_success();
    let place = format!("ncacn_ip_tcp:{}[6001]", proxy.address);
    let entries: Vec<_> =
        SERVED.iter().map(|(name, version)| json!([format!("{name} v{version}"), place])).collect();
    assert_eq!(report.result("ept_lookup"), &json!(entries));
    assert_eq!(report.result("is_server_listening"), 0);

    let mgmt = ("AFA8BD80-7D8A-11C9-BEF4-08002B102989", "1.0");
    let names =
        SERVED.iter().chain([&mgmt]).map(|(name, version)| format!("{name} {version}").to_lowercase());
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert_eq!(report.result("inq_if_ids"), &json!(names));
    assert_eq!(upstream.connections(), 0, "the server was asked about the proxy");
}

#[test]
fn the_endpoint_map_has_the_endpoint_for_rpc_over_http_proxies_if_configured() {
    let upstream = RawUpstream::echo();
    let proxy = Setup::before(&upstream.binding()).rpc_http().start();
    let report = Client::endpoints(proxy.mapper()).run().expect_success();
    let mut places =
        [format!("ncacn_http:{}[6004]", proxy.address), format!("ncacn_ip_tcp:{}[6001]", proxy.address)];
    places.sort();
    let entries: Vec<_> = SERVED
        .iter()
        .flat_map(|(name, version)| places.clone().map(|place| json!([format!("{name} v{version}"), place])))
        .collect();
    assert_eq!(report.result("ept_lookup"), &json!(entries));
    // A lookup of an unknown service returns that status.
    let proxy = Setup::before(&upstream.binding()).start();
    let asked = Client::impacket(proxy.mapper()).with("--transport", "ncacn_http").user(ALICE, "privacy");
    let (step, _) = asked.run().failed.expect("an endpoint that is not there was named");
    assert_eq!(step, "ept_map.rfr");
}

#[test]
fn clients_of_an_rpc_over_http_proxy_reach_the_same_services() {
    let upstream = Upstream::start();
    let setup = Setup::before(&upstream.mapper().to_string()).stack(&["names"]).rpc_http();
    let proxy = setup.start();
    let mut reports = ["ncacn_http", "ncacn_ip_tcp"].map(|transport| {
        let client = Client::impacket(proxy.mapper()).with("--transport", transport).user(ALICE, "privacy");
        client.run().expect_success().results
    });
    let at = format!("ncacn_http:{}[6004]", proxy.address);
    for report in &mut reports {
        for name in ["rfr", "nspi", "emsmdb"] {
            let place = report.as_object_mut().unwrap().remove(&format!("ept_map.{name}")).unwrap();
            assert!(place == at || place == at.replace("http", "ip_tcp").replace("6004", "6001"), "{place}");
        }
        report["NspiBind"]["contextHandle"].take();
    }
    assert_eq!(reports[0]["RfrGetNewDSA"], "proxy.lab.test");
    assert_eq!(reports[0], reports[1]);
}

#[test]
fn the_server_speaks_first_only_to_a_proxy_of_rpc_over_http() {
    let upstream = RawUpstream::echo();
    let proxy = Setup::before(&upstream.binding()).unprotected().rpc_http().start();
    let mut client = Connection::open(proxy.rpc_http());
    let mut said = [0; 14];
    client.stream.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"ncacn_http/1.0");
    // After it, the protocol is that of TCP.
    client.stream.write_all(&bind(NSPI)).unwrap();
    assert_eq!(client.response(), crate::harness::Outcome::Other(12));
    client.nspi_bind();
    // A client that does not wait for it is served, too.
    let mut hasty = Connection::open(proxy.rpc_http());
    hasty.send(&bind(NSPI));
    hasty.stream.read_exact(&mut said).unwrap();
    assert_eq!(hasty.response(), crate::harness::Outcome::Other(12));
    // Over plain TCP the client sends first.
    let mut plain = Connection::open(proxy.rpc());
    plain.send(&bind(NSPI));
    assert_eq!(plain.response(), crate::harness::Outcome::Other(12));
}

/// NDR, NDR64, and bind time feature negotiation, which has the form of a transfer syntax ([MS-RPCE] 3.3.1.5.3).
const SYNTAXES: [[u8; 20]; 3] = [
    *b"\x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\x00\x2b\x10\x48\x60\x02\x00\x00\x00",
    *b"\x33\x05\x71\x71\xba\xbe\x37\x49\x83\x19\xb5\xdb\xef\x9c\xcc\x36\x01\x00\x00\x00",
    *b"\x2c\x1c\xb7\x6c\x12\x98\x40\x45\x03\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00",
];

/// The results of a bind to `interface`, with a context for each of `syntaxes`: result, reason and syntax.
fn results(target: std::net::SocketAddr, syntaxes: &[[u8; 20]]) -> Vec<(u16, u16, [u8; 20])> {
    let count = u8::try_from(syntaxes.len()).unwrap();
    let mut body = [&b"\xd0\x16\xd0\x16\0\0\0\0"[..], &[count, 0, 0, 0]].concat();
    for (number, syntax) in (0_u16..).zip(syntaxes) {
        body.extend(number.to_le_bytes());
        body.extend([1, 0]);
        body.extend(NSPI.0);
        body.extend(NSPI.1.to_le_bytes());
        body.extend(syntax);
    }
    let mut client = Connection::open(target);
    client.send(&pdu(11, 3, 1, &body));
    let mut header = [0; 16];
    client.stream.read_exact(&mut header).unwrap();
    assert_eq!(header[2], 12, "no bind_ack");
    let mut ack = vec![0; usize::from(u16::from_le_bytes([header[8], header[9]])) - 16];
    client.stream.read_exact(&mut ack).unwrap();
    // The secondary address is the port, with its length before it, and ends where four bytes do.
    assert_eq!(ack[8..15], *b"\x05\x006001\0");
    assert_eq!(ack[16..20], [count, 0, 0, 0]);
    let result = |bytes: &[u8]| {
        let number = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        (number(0), number(2), bytes[4..24].try_into().unwrap())
    };
    ack[20..].chunks_exact(24).map(result).collect()
}

#[test]
fn ndr64_is_declined_and_feature_negotiation_is_acknowledged() {
    let upstream = RawUpstream::echo();
    let proxy = Setup::before(&upstream.binding()).unprotected().start();
    let [ndr, ndr64, features] = SYNTAXES;
    let (accepted, declined) = ((0, 0, ndr), (2, 2, [0; 20]));
    // Security context multiplexing and keeping the connection on orphaned calls (1 and 2).
    let acknowledged = |bits: u16| (3, bits, [0; 20]);
    assert_eq!(results(proxy.rpc(), &[ndr, ndr64, features]), [accepted, declined, acknowledged(3)]);
    assert_eq!(results(proxy.rpc(), &[ndr64]), [declined]);
    assert_eq!(results(proxy.rpc(), &[ndr, ndr64]), [accepted, declined]);
    let mut fewer = features;
    fewer[8] = 2;
    assert_eq!(results(proxy.rpc(), &[ndr, fewer]), [accepted, acknowledged(2)]);
    // An unknown interface has no endpoint.
    let mut more = features;
    more[8..16].fill(0xFF);
    assert_eq!(results(proxy.rpc(), &[ndr, more]), [accepted, acknowledged(3)]);
}
