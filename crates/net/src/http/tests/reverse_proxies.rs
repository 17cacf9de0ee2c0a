//! Connections of a reverse proxy, which carry requests of several clients.

use std::net::SocketAddr;

use identity::Mechanism;
use testkit::http_auth::{Handshake, basic};

use crate::http::TrustedProxies;
use crate::http::tests::mechanisms::{authenticate, authenticate_with, get};
use crate::http::tests::playbook::{Client, Proxy};
use crate::http::tests::setup::Setup;
use crate::http::tests::upstream::Upstream;
use crate::http::trusted_proxies::PeerAddresses;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Fields that a reverse proxy may send for a client, or leave out.
const FROM: [&str; 5] = [
    "",
    "X-Forwarded-For: unknown\r\n",
    "X-Forwarded-For: _hidden\r\n",
    "X-Forwarded-For: 10.0.0.1\r\n",
    "X-Forwarded-For: 10.0.0.2, 10.0.0.1\r\n",
];

/// The last bytes of the addresses of a connection of the reverse proxy 192.0.2.1: the other end of the TCP connection,
/// and the client that a PROXY header names. The reverse proxy may send one itself, or a load balancer before it.
const SHARED: [(u8, u8); 3] = [(1, 1), (1, 7), (9, 1)];

/// Connects from the other end `socket` for `client`.
fn connect((socket, client): (u8, u8), proxy: &Proxy) -> Client {
    let address = |last| SocketAddr::from(([192, 0, 2, last], 4000));
    Client::at(PeerAddresses { socket: address(socket), client: address(client) }, proxy)
}

#[test]
fn a_connection_of_several_clients_is_never_authenticated_as_a_whole() {
    let upstream = Upstream::responding(OK);
    let peers = TrustedProxies { forwarded_for: vec![[192, 0, 2, 1].into()], ..TrustedProxies::default() };
    let proxy = Setup { peers, ..Setup::default() }.before(&upstream);
    for peer in SHARED {
        for fields in FROM {
            for (scheme, mechanism) in
                [("NTLM", Mechanism::NTLM), ("Negotiate", Mechanism::SPNEGO), ("Negotiate", Mechanism::NTLM)]
            {
                let mut client = connect(peer, &proxy);
                let asked = client.exchange(get(fields));
                assert_eq!(asked.head.fields.all("www-authenticate").count(), 1, "{peer:?} {fields:?}");
                assert!(asked.header("www-authenticate").unwrap().starts_with("Basic "), "{fields:?}");
                let handshake = Handshake::new(scheme, mechanism, "alice");
                assert_eq!(authenticate_with(&mut client, handshake, fields), 401, "{scheme} {fields:?}");
                assert_eq!(client.exchange(get(fields)).status(), 401, "{scheme} {fields:?}");
            }
            let mut client = connect(peer, &proxy);
            for name in ["alice", "bob"] {
                let by = format!("Authorization: {}\r\n{fields}", basic(name));
                assert_eq!(client.exchange(get(&by)).status(), 200, "{fields:?}");
                assert_eq!(client.exchange(get(fields)).status(), 401, "{fields:?}");
            }
        }
    }
}

#[test]
fn a_connection_of_one_client_is_authenticated() {
    let upstream = Upstream::responding(OK);
    let peers = TrustedProxies { forwarded_for: vec![[192, 0, 2, 1].into()], ..TrustedProxies::default() };
    let proxy = Setup { peers, ..Setup::default() }.before(&upstream);
    // Directly, and through a load balancer.
    for peer in [(7, 7), (9, 7)] {
        for (scheme, mechanism) in [("NTLM", Mechanism::NTLM), ("Negotiate", Mechanism::SPNEGO)] {
            let mut client = connect(peer, &proxy);
            let handshake = Handshake::new(scheme, mechanism, "alice");
            assert_eq!(authenticate(&mut client, handshake), 200, "{scheme} {peer:?}");
            assert_eq!(client.exchange(get("")).status(), 200, "{scheme} {peer:?}");
        }
    }
}
