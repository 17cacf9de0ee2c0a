//! What `mapiproxy check --online` finds by asking the server, which others wrote: what is right, and for each thing
//! that is wrong the key to change.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use crate::harness::{
    Certificates, Ended, Folder, HttpUpstream, Lab, Process, SERVICE, Upstream, add_account, address,
    certificate, interop_script, program, python, raw_http,
};

/// A folder with a configuration of a proxy before servers that are named by `upstream`, of which `with` is a part,
/// and whose service account has this `password`.
fn configured(upstream: &str, password: &str) -> Folder {
    let folder = Folder::new();
    let own = address();
    add_account(&folder, ("alice", "White Rabbit 1"));
    folder.write("service.password", password);
    let text = format!(
        "name = \"proxy.lab.test\"\n[listen]\nrpc = \"{own}:6001\"\nhttp = \"{own}:8081\"\n\
         [clients]\naccounts = \"accounts.toml\"\n[upstream]\nconnect_seconds = 20\n{upstream}\n\
         [upstream.credentials]\nmode = \"specified\"\nuser = \"{}\"\ndomain = \"LAB\"\n\
         password_file = \"service.password\"\n",
        SERVICE.0
    );
    folder.write("proxy.toml", &text);
    folder
}

fn check(folder: &Folder) -> Ended {
    let mut command = Command::new(program());
    command.args(["check", "--online", "--config"]).arg(folder.join("proxy.toml"));
    Process::start("check", &mut command).end()
}

#[track_caller]
fn finds(folder: &Folder, says: &[&str]) -> String {
    let ended = check(folder);
    assert!(!ended.status.success(), "{}", ended.out);
    for says in says {
        assert!(ended.err.contains(says), "expected {says:?}:\n{}", ended.err);
    }
    ended.err.lines().filter(|line| line.starts_with("mapiproxy: ")).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn succeeds(folder: &Folder, says: &[&str]) -> String {
    let ended = check(folder);
    assert!(ended.status.success(), "{}", ended.err);
    for says in says {
        assert!(ended.out.contains(says), "expected {says:?}:\n{}", ended.out);
    }
    ended.out
}

/// A port that takes no connection.
fn closed() -> SocketAddr {
    TcpListener::bind((address(), 0)).unwrap().local_addr().unwrap()
}

/// `http_server.py` with `arguments`, within TLS, and its certificate; ended with this.
struct Server {
    _process: Process,
    folder: Folder,
    place: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let (folder, address) = (Folder::new(), address());
        let (shown, key) = certificate(&folder, &[&address.to_string()]);
        let mut command = Command::new(python());
        command
            .arg(interop_script("http_server.py"))
            .args(["--listen", &format!("{address}:8443")])
            .args(arguments);
        command.args(["--user", SERVICE.0, "--domain", "LAB", "--password", SERVICE.1]);
        command.arg("--certificate").arg(shown).arg("--key").arg(key);
        let process = Process::start("http_server", &mut command);
        process.wait_out("READY", |line| line.starts_with("READY "));
        Self { _process: process, folder, place: format!("https://{address}:8443") }
    }

    fn keys(&self) -> String {
        format!("http = \"{}\"\nca_file = \"{}\"", self.place, self.folder.join("own.crt").display())
    }
}

/// The keys of a server that is reached by HTTP within TLS and by remote calls.
fn both_protocols(certificates: &Certificates, http: &HttpUpstream, rpc: &Upstream) -> String {
    format!(
        "rpc = \"{}\"\nhttp = \"{}\"\nca_file = \"{}\"",
        rpc.mapper(),
        http.url(),
        certificates.authority().display()
    )
}

#[test]
fn a_correct_configuration_is_reported_with_what_the_server_permits() {
    let certificates = Certificates::new();
    let (http, rpc) = (HttpUpstream::within_tls("ntlm", &certificates), Upstream::start());
    let upstream = both_protocols(&certificates, &http, &rpc);
    let said = succeeds(
        &configured(&upstream, SERVICE.1),
        &[
            "/mapi/emsmdb/ offers NTLM",
            "/autodiscover/autodiscover.xml offers NTLM",
            &format!("{}: authenticated as LAB\\svcproxy", http.url()),
            &format!("{}:6001 serves rfr; authenticated as LAB\\svcproxy", rpc.address),
            " serves nspi; authenticated",
            " serves emsmdb; authenticated",
            "valid; accounts: 1",
        ],
    );
    assert!(!said.contains("warning: upstream"), "{said}");
    assert!(rpc.users().contains(&"LAB\\svcproxy".to_owned()), "{:?}", rpc.log());
}

#[test]
fn a_wrong_password_is_tried_once_by_each_protocol() {
    let certificates = Certificates::new();
    let (http, rpc) = (HttpUpstream::within_tls("ntlm", &certificates), Upstream::start());
    let upstream = both_protocols(&certificates, &http, &rpc);
    let said = finds(
        &configured(&upstream, "Dormouse 4"),
        &[
            "upstream.credentials.password_file: ",
            "the server offers NTLM and responds with status 401 to the credentials; check the account and its password in \
             [upstream.credentials]",
            "rfr: the server does not accept LAB\\svcproxy (",
        ],
    );
    assert!(!said.contains("upstream.rpc: ") && !said.contains("upstream.http: "), "{said}");
    let tried = http.log().iter().filter(|line| line.get("refused").is_some()).count();
    assert_eq!(tried, 1, "{:?}", http.log());
    let signed =
        rpc.log().iter().filter(|line| line.get("bind").is_some_and(|bind| bind == "DceRpc5Auth3")).count();
    assert_eq!(signed, 1, "{:?}", rpc.log());
}

#[test]
fn each_scheme_distinguishes_a_wrong_password_from_the_right_one() {
    let lab = Lab::start(false);
    let rpc = format!("rpc = \"{}\"", lab.mapper());
    for (scheme, authentication) in [("basic", "ntlm"), ("negotiate", "spnego")] {
        let certificates = Certificates::new();
        let http = HttpUpstream::within_tls(scheme, &certificates);
        let upstream = format!(
            "{rpc}\nhttp = \"{}\"\nca_file = \"{}\"\nhttp_authentication = \"{scheme}\"\n\
             authentication = \"{authentication}\"",
            http.url(),
            certificates.authority().display()
        );
        succeeds(&configured(&upstream, SERVICE.1), &[": authenticated as", "serves emsmdb; authenticated"]);
        finds(
            &configured(&upstream, "Dormouse 4"),
            &[
                "upstream.credentials.password_file: ",
                "responds with status 401 to the credentials; check the account",
                "rfr: the server does not accept LAB",
            ],
        );
    }
}

#[test]
fn closed_ports_and_names_without_address_are_reported_at_once() {
    let (rpc, http) = (closed(), closed());
    let said = finds(
        &configured(&format!("rpc = \"{rpc}\"\nhttp = \"http://{http}\""), SERVICE.1),
        &[
            &format!("upstream.http: http://{http}: cannot connect to {http}: "),
            &format!("upstream.rpc: cannot connect to {rpc}: "),
            "check host and port, that the server is running, and that no firewall blocks the connection",
        ],
    );
    assert!(!said.contains("TLS") && !said.contains("password"), "{said}");
    // A name in the domain that never has one (RFC 6761 6.4).
    let upstream = "rpc = \"exch.invalid\"\nhttp = \"http://mail.invalid\"";
    finds(
        &configured(upstream, SERVICE.1),
        &[
            "upstream.http: http://mail.invalid: cannot resolve mail.invalid: ",
            "upstream.rpc: cannot resolve exch.invalid: ",
            "use a name that this machine can resolve, or an address",
        ],
    );
    let fixed = format!("rpc = \"ncacn_ip_tcp:{}[{}]\"", rpc.ip(), rpc.port());
    let http = Server::start(&[]);
    let said = finds(
        &configured(&format!("{fixed}\n{}", http.keys()), SERVICE.1),
        &[&format!("upstream.rpc: cannot connect to {rpc}: "), ": authenticated as LAB\\svcproxy"],
    );
    assert!(!said.contains("upstream.http: "), "{said}");
}

#[test]
fn tls_failures_are_reported_with_the_key_to_change() {
    let server = Server::start(&["--newest-tls", "1.2"]);
    let rpc = Upstream::start();
    let rpc = format!("rpc = \"{}\"", rpc.mapper());
    let other = Server::start(&[]);
    let unknown = server.keys().replace(
        &server.folder.join("own.crt").display().to_string(),
        &other.folder.join("own.crt").display().to_string(),
    );
    finds(
        &configured(&format!("{rpc}\n{unknown}"), SERVICE.1),
        &[
            "upstream.ca_file: ",
            "the server's certificate is not signed by a trusted certificate authority",
            "serves rfr",
        ],
    );
    finds(
        &configured(&format!("{rpc}\n{}\ntls = \"1.3\"", server.keys()), SERVICE.1),
        &[
            "upstream.tls: ",
            "no TLS version that upstream.tls allows",
            "enable a newer version on the server",
        ],
    );
    let named = server.keys().replace("https://127.", "https://[::ffff:127.").replace(":8443", "]:8443");
    finds(
        &configured(&format!("{rpc}\n{named}"), SERVICE.1),
        &[
            "upstream.http: ",
            ": set the host of upstream.http (or --server-name) to a name of the certificate",
        ],
    );
    let lab = Lab::start(false);
    let plain = format!(
        "http = \"https://{}\"\nca_file = \"{}\"",
        lab.mapper(),
        other.folder.join("own.crt").display()
    );
    finds(&configured(&format!("{rpc}\n{plain}"), SERVICE.1), &["upstream.http: https://"]);
}

#[test]
fn a_scheme_that_is_not_offered_names_those_that_are_and_nothing_is_tried() {
    let (server, rpc) = (Server::start(&["--schemes", "Negotiate,Basic"]), Upstream::start());
    let rpc = format!("rpc = \"{}\"", rpc.mapper());
    let said = finds(
        &configured(&format!("{rpc}\n{}\nhttp_authentication = \"ntlm\"", server.keys()), SERVICE.1),
        &[
            "upstream.http_authentication: ",
            "/mapi/emsmdb/: the server does not offer NTLM, it offers Negotiate, Basic (supported: negotiate, basic); set \
             upstream.http_authentication to a supported scheme",
            "/autodiscover/autodiscover.xml: the server does not offer NTLM",
        ],
    );
    assert!(!said.contains("password"), "{said}");
}

#[test]
fn with_pass_through_authentication_the_offered_schemes_are_reported() {
    let relayed = |server: &Server| {
        let (folder, own) = (Folder::new(), address());
        let text = format!(
            "name = \"proxy.lab.test\"\n[listen]\nhttp = \"{own}:8081\"\n[clients]\nbasic_without_tls = true\n\
             [upstream]\n{}\n[upstream.credentials]\nmode = \"relayed\"\n",
            server.keys()
        );
        folder.write("proxy.toml", &text);
        folder
    };
    let said = succeeds(&relayed(&Server::start(&[])), &["/mapi/emsmdb/ offers Negotiate, NTLM, Basic"]);
    assert!(!said.contains("authenticated as"), "{said}");
    finds(
        &relayed(&Server::start(&["--schemes", "Digest"])),
        &["upstream.http: ", "offers Digest, which cannot be passed through"],
    );
}

#[test]
fn the_lab_is_accepted_by_both_protocols() {
    let lab = Lab::by_http();
    for scheme in ["basic", "ntlm", "negotiate"] {
        let upstream = format!(
            "rpc = \"{}\"\nhttp = {:?}\nca_file = \"{}\"\nhttp_authentication = \"{scheme}\"",
            lab.mapper(),
            lab.url(),
            lab.certificate().display()
        );
        succeeds(&configured(&upstream, SERVICE.1), &[": authenticated as", "serves emsmdb; authenticated"]);
    }
}

#[test]
fn a_clock_that_is_wrong_is_warned_of_beyond_five_minutes() {
    let rpc = Upstream::start();
    for (ahead, says) in
        [("900", Some("s ahead of this machine's")), ("-900", Some("s behind this machine's")), ("120", None)]
    {
        let server = Server::start(&[&format!("--ahead={ahead}")]);
        let upstream = format!("rpc = \"{}\"\n{}", rpc.mapper(), server.keys());
        let said = succeeds(&configured(&upstream, SERVICE.1), &["authenticated as"]);
        assert_eq!(said.contains("warning: upstream.http: the clock of "), says.is_some(), "{said}");
        assert!(says.is_none_or(|says| said.contains(says)), "{said}");
    }
}

#[test]
fn a_response_that_shows_no_virtual_directory_is_warned_of_with_the_request_that_was_sent() {
    let server = raw_http::Server::start(|head, _| {
        let status = if head.starts_with("POST /mapi/emsmdb/ ") { "404 Not Found" } else { "400 Bad" };
        (format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").into_bytes(), true)
    });
    let rpc = Upstream::start();
    let upstream = format!("rpc = \"{}\"\nhttp = \"http://{}\"", rpc.mapper(), server.address);
    let expected =
        format!("a PING (POST) to http://{}/mapi/emsmdb/ without credentials: status 404", server.address);
    succeeds(&configured(&upstream, SERVICE.1), &[&expected]);
}

#[test]
fn a_server_that_does_not_respond_in_time_is_reported_with_the_limit_and_what_to_check() {
    // To no request, or to none with credentials.
    for offers in ["", "NTLM"] {
        let server = raw_http::Server::start(move |head, _| {
            let is_offer = !offers.is_empty() && !head.to_ascii_lowercase().contains("\r\nauthorization: ");
            let offer = format!("HTTP/1.1 401 No\r\nWWW-Authenticate: {offers}\r\nContent-Length: 0\r\n\r\n");
            (if is_offer { offer.into_bytes() } else { Vec::new() }, true)
        });
        let http = format!("http = \"http://{}\"\nhttp_authentication = \"ntlm\"", server.address);
        let folder = configured(&http, SERVICE.1);
        let text = std::fs::read_to_string(folder.join("proxy.toml")).unwrap();
        folder.write("proxy.toml", &text.replace("connect_seconds = 20", "connect_seconds = 1"));
        let expected = format!(
            "upstream.http: http://{}: not connected and authenticated within 1 s: check that the server is running",
            server.address
        );
        finds(&folder, &[&expected]);
    }
}

#[test]
fn a_protection_level_that_the_server_refuses_is_reported() {
    let (server, rpc) = (Server::start(&[]), Upstream::with_level("privacy"));
    let all = format!("rpc = \"{}\"\n{}", rpc.mapper(), server.keys());
    finds(
        &configured(&format!("{all}\nlevel = \"connect\""), SERVICE.1),
        &[
            "upstream.level: rfr: ",
            "the server closed the connection during authentication or a call; check that the server accepts the level connect",
        ],
    );
    finds(&configured(&format!("{all}\nlevel = \"none\""), SERVICE.1), &["upstream.level: rfr: "]);
}

#[test]
fn a_server_that_is_the_proxy_itself_receives_no_request() {
    let folder = configured("rpc = \"ncacn_ip_tcp:OWN[6001]\"\nhttp = \"http://OWN:8081\"", SERVICE.1);
    let text = std::fs::read_to_string(folder.join("proxy.toml")).unwrap();
    let own = text.split("http = \"").nth(1).unwrap().split(':').next().unwrap().to_owned();
    folder.write("proxy.toml", &text.replace("OWN", &own));
    let said = finds(&folder, &["upstream.rpc: ", "upstream.http: "]);
    assert_eq!(said.matches("this proxy's own listener").count(), 2, "{said}");
    assert!(!said.contains("cannot connect"), "{said}");
}
