//! Connections of a reverse proxy, which carry requests of several clients.

use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::{
    ActingLevel, Authority, Channel, ContextCounters, Credentials, Initiator, InitiatorConfig, Mechanism,
    NtlmInitiatorConfig, OsRandom, Password, Protection, Step,
};
use net::http::TrustedProxies;

use crate::support::{Client, Setup, Upstream, basic};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Lines that a reverse proxy may send for a client, or leave out.
const FROM: [&str; 5] = [
    "",
    "X-Forwarded-For: unknown\r\n",
    "X-Forwarded-For: _hidden\r\n",
    "X-Forwarded-For: 10.0.0.1\r\n",
    "X-Forwarded-For: 10.0.0.2, 10.0.0.1\r\n",
];

pub(crate) fn get(lines: &str) -> String {
    format!("GET /ews/x HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

pub(crate) fn initiator(mechanism: Mechanism) -> Box<dyn Initiator> {
    let config = InitiatorConfig {
        credentials: Credentials::password("alice", "LAB", &Password::new("alicepw1")),
        target_name: String::new(),
        protection: Protection::None,
        level: ActingLevel::Impersonate,
        authority: Authority::new("proxy"),
        contexts: ContextCounters::new(),
        ntlm: NtlmInitiatorConfig::default(),
    };
    mechanism.initiator(&config, Channel::http(None)).unwrap()
}

/// Authenticates alice on `client`, whose requests have `lines`. Returns the last status.
pub(crate) fn sign_in(client: &mut Client, scheme: &str, mechanism: Mechanism, lines: &str) -> u16 {
    let mut initiator = initiator(mechanism);
    let mut challenge = Vec::new();
    loop {
        let token = match initiator.step(&challenge, net::clock::now(), &mut OsRandom).unwrap() {
            Step::Continue(token) | Step::Done { token: Some(token), .. } => token,
            Step::Done { token: None, .. } => panic!("over too early"),
        };
        let line = format!("Authorization: {scheme} {}\r\n{lines}", STANDARD.encode(token));
        let answer = client.ask(get(&line));
        let said = answer.header("www-authenticate").unwrap_or_default().to_owned();
        match said.split_once(' ').and_then(|(_, token)| STANDARD.decode(token).ok()) {
            Some(token) if answer.status() == 401 => challenge = token,
            _ => return answer.status(),
        }
    }
}

#[test]
fn a_connection_of_several_clients_is_never_authenticated_as_a_whole() {
    let upstream = Upstream::saying(OK);
    let peers =
        || TrustedProxies { forwarded_for: vec![Ipv4Addr::LOCALHOST.into()], ..TrustedProxies::default() };
    let proxy = Setup { peers: peers(), ..Setup::default() }.before(&upstream);
    for lines in FROM {
        for (scheme, mechanism) in
            [("NTLM", Mechanism::NTLM), ("Negotiate", Mechanism::SPNEGO), ("Negotiate", Mechanism::NTLM)]
        {
            let mut front = Client::new(&proxy);
            let asked = front.ask(get(lines));
            assert_eq!(asked.head.fields.all("www-authenticate").count(), 1, "{lines:?}");
            assert!(asked.header("www-authenticate").unwrap().starts_with("Basic "), "{lines:?}");
            assert_eq!(sign_in(&mut front, scheme, mechanism, lines), 401, "{scheme} {lines:?}");
            assert_eq!(front.ask(get(lines)).status(), 401, "{scheme} {lines:?}");
        }
        let mut front = Client::new(&proxy);
        for name in ["alice", "bob"] {
            let by = format!("Authorization: {}\r\n{lines}", basic(name));
            assert_eq!(front.ask(get(&by)).status(), 200, "{lines:?}");
            assert_eq!(front.ask(get(lines)).status(), 401, "{lines:?}");
        }
    }
}

#[test]
fn a_connection_of_one_client_is_authenticated() {
    let upstream = Upstream::saying(OK);
    let proxy = Setup::default().before(&upstream);
    for (scheme, mechanism) in [("NTLM", Mechanism::NTLM), ("Negotiate", Mechanism::SPNEGO)] {
        let mut client = Client::new(&proxy);
        assert_eq!(sign_in(&mut client, scheme, mechanism, ""), 200, "{scheme}");
        assert_eq!(client.ask(get("")).status(), 200, "{scheme}");
    }
}
