//! Tests of reading and validating configurations.

mod documentation;
mod error_messages;

use std::collections::BTreeMap;
use std::path::Path;

use super::check::parse;
use super::keys::{full_reference, with_defaults};
use super::places::Places;
use super::table::Config;

const GOOD: &str = r#"
name = "proxy.lab.test"
[listen]
endpoint_mapper = "127.0.0.23:135"
rpc = "127.0.0.23:6001"
[clients]
minimum_level = "privacy"
accounts = "accounts.toml"
[upstream]
rpc = "exch.lab.test"
[upstream.credentials]
mode = "specified"
user = "svcproxy"
domain = "LAB"
password_file = "svcproxy.password"
[modules]
stack = ["names", "downgrade"]
[modules.names]
anything = 1
"#;

/// The warnings about the values of `config`.
fn warnings(config: &Config) -> Vec<String> {
    super::warnings(config, &Places::default())
}

fn error(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from));
    parse(Path::new("p.toml"), &GOOD.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn the_documented_example_and_the_reference_are_valid() {
    let config = parse(Path::new("p.toml"), GOOD).unwrap();
    assert_eq!(config.modules.stack, ["names", "downgrade"]);
    parse(Path::new("p.toml"), &full_reference()).unwrap();
}

#[test]
fn documented_defaults_apply_to_keys_that_are_not_set() {
    let reference = super::reference();
    let read = |text: &str| parse(Path::new("p.toml"), text).unwrap();
    let mut written = read(&with_defaults());
    let routes = format!("{:?}", net::http::Routes::default());
    for (directory, way) in std::mem::take(&mut written.virtual_directories) {
        assert!(
            routes.contains(&format!("({directory:?}, {:?})", net::http::RouteAction::from(way))),
            "{directory}: {routes}"
        );
    }
    for module in modules::all() {
        let options = written.modules.options.remove(module.name());
        let options = options.map_or_else(Default::default, |table| table.as_table().unwrap().clone());
        let value = |value| crate::config::option_value(value).unwrap();
        let given: BTreeMap<_, _> = options.iter().map(|(name, of)| (name.as_str(), value(of))).collect();
        let declared =
            module.options().iter().filter_map(|option| Some((option.name, option.default.clone()?)));
        assert_eq!(given, declared.collect(), "{}", module.name());
    }
    assert_eq!(format!("{written:#?}"), format!("{:#?}", read(&reference)));
    assert!(!reference.contains("# default: packets"), "an example is no default");
}

#[test]
fn urls_begin_with_the_public_url_or_that_of_a_listener() {
    let http = |top: &str| {
        let text = GOOD.replace("[upstream]\n", "[upstream]\nhttp = \"http://[::1]:81\"\n");
        let listen = "[listen]\nhttp = \"127.0.0.23:8080\"\n";
        parse(Path::new("p.toml"), &text.replace("[listen]\n", &format!("{top}\n{listen}"))).unwrap()
    };
    let own = http("");
    assert_eq!(crate::wiring::http::origin(&own), "http://proxy.lab.test:8080");
    assert!(warnings(&own)[0].contains("set public_url"));
    let public = http("public_url = \"https://mail.lab.test/\"");
    assert_eq!(crate::wiring::http::origin(&public), "https://mail.lab.test");
    assert!(!warnings(&public).iter().any(|warning| warning.contains("public_url")));
    for bad in ["mail.lab.test", "https://mail.lab.test/mapi", "ftp://mail.lab.test", ""] {
        let why = error("[listen]", &format!("public_url = {bad:?}\n[listen]"));
        assert!(why.contains(&format!("public_url: {bad:?} is not a valid URL of the proxy: ")), "{why}");
        // Clients that were given the server's own URL would bypass the proxy.
        assert!(why.contains("expected https://host") && why.ends_with("https://mail.lab.test"), "{why}");
    }
}

#[test]
fn settings_that_reduce_the_protection_of_users_are_warned_of() {
    let http = "[upstream]\nhttp = \"http://exch.lab.test\"\nhttp_authentication = \"basic\"\n";
    let of_clients = |keys: &str| GOOD.replacen("[clients]\n", &format!("[clients]\n{keys}\n"), 1);
    for (text, expected) in [
        (
            GOOD.replace("\"privacy\"", "\"none\""),
            "clients.minimum_level = \"none\": RPC clients that do not sign in ",
        ),
        (of_clients("ntlm_v1 = true"), "clients.ntlm_v1 = true: a password can be computed from "),
        (
            of_clients("target_names = [\"*\"]"),
            "clients.target_names contains *: NTLM sign-ins that clients made for ",
        ),
        (
            of_clients("proxy_protocol_from = [\"::/0\"]"),
            "clients.proxy_protocol_from contains ::/0, all addresses: ",
        ),
        (
            GOOD.replace("[upstream]\n", "[upstream]\nlevel = \"none\"\n"),
            "upstream.level = \"none\": the proxy does not ",
        ),
        (
            GOOD.replace("[upstream]\n", http) + "[virtual_directories]\news = \"refused\"\n",
            "upstream.http_authentication = \"basic\", and upstream.http is without TLS: ",
        ),
    ] {
        let warned = warnings(&parse(Path::new("p.toml"), &text).unwrap());
        assert!(warned.len() == 1 && warned[0].starts_with(expected), "expected {expected:?}: {warned:#?}");
    }
    let text = of_clients("forwarded_for_from = [\"10.0.0.1\", \"0.0.0.0/0\"]");
    let warned = warnings(&parse(Path::new("p.toml"), &text).unwrap());
    assert!(
        warned.iter().any(|warned| warned.starts_with("clients.forwarded_for_from contains 0.0.0.0/0, all "))
    );
    let safe = of_clients(
        "ntlm_v1 = false\ntarget_names = [\"mail.lab.test\"]\nproxy_protocol_from = [\"10.0.0.0/8\"]",
    );
    assert!(warnings(&parse(Path::new("p.toml"), &safe).unwrap()).is_empty());
}

#[test]
fn an_item_that_is_in_a_list_twice_is_reported_as_it_is_written() {
    for (items, item) in [
        ("\"10.0.0.1\", \"10.0.0.1\"", "10.0.0.1"),
        ("\"2001:db8::/32\", \"2001:db8::/32\"", "2001:db8::/32"),
    ] {
        let why = error("[clients]", &format!("[clients]\nproxy_protocol_from = [{items}]"));
        assert!(
            why.ends_with(&format!("clients.proxy_protocol_from: duplicate entry {item}; remove one")),
            "{why}"
        );
    }
    let why = error("[modules]", "[capture]\nsides = [\"client\", \"client\"]\n[modules]");
    assert!(why.ends_with("capture.sides: duplicate entry client; remove one"), "{why}");
}

#[test]
fn a_time_limit_of_responses_that_ends_notification_waits_is_warned_of() {
    for (seconds, is_noted) in [(60, true), (300, true), (301, false)] {
        let config = format!("[upstream]\ncall_seconds = {seconds}\n");
        let config = parse(Path::new("p.toml"), &GOOD.replace("[upstream]\n", &config)).unwrap();
        let warned = warnings(&config);
        assert_eq!(
            warned.iter().any(|note| note.starts_with("upstream.call_seconds")),
            is_noted,
            "{seconds}"
        );
    }
}

#[test]
fn names_are_replaced_unless_configured_otherwise() {
    let read = |text: &str| parse(Path::new("p.toml"), text).unwrap();
    let modules = "[modules]\nstack = [\"names\", \"downgrade\"]\n[modules.names]\nanything = 1\n";
    assert!(GOOD.ends_with(modules));
    for safe in ["", "[modules]\n", "[modules.names]\nserver = \"X\"\n"] {
        let config = read(&GOOD.replace(modules, safe));
        assert_eq!(config.modules.stack, ["names"], "{safe}");
        assert!(warnings(&config).is_empty());
    }
    for (address, http, is_known) in [
        ("10.0.0.1", "", false),
        ("[2001:db8::1]:1135", "", false),
        ("ncacn_ip_tcp:10.0.0.1[6001]", "http = \"https://10.0.0.1\"\n", false),
        ("10.0.0.1", "http = \"https://exch.lab.test\"\n", true),
    ] {
        let text = GOOD.replace("rpc = \"exch.lab.test\"\n", &format!("rpc = {address:?}\n{http}"));
        let text = text + "[virtual_directories]\news = \"refused\"\n";
        let config = read(&text);
        assert_eq!(warnings(&config).is_empty(), is_known, "{address} {http}");
        assert_eq!(config.upstream_host() == "exch.lab.test", is_known);
        if !is_known {
            assert!(
                warnings(&config)[0]
                    .starts_with("modules.names.server is not set and upstream.rpc is an address")
            );
        }
        assert!(warnings(&read(&text.replace("anything = 1", "server = \"EXCH\""))).is_empty(), "{address}");
    }
    let config = read(&GOOD.replace("[\"names\", \"downgrade\"]", "[\"downgrade\"]"));
    assert!(warnings(&config)[0].starts_with("modules.stack does not contain names"));
}

#[test]
fn an_unknown_key_is_reported_with_its_line_and_the_most_similar_key() {
    let text = error("minimum_level", "minimun_level");
    assert_eq!(text, "p.toml, line 7: unknown key clients.minimun_level; did you mean minimum_level?");
    let text = error("[upstream.credentials]", "[upstream.credential]");
    assert_eq!(text, "p.toml, line 11: unknown key upstream.credential; did you mean credentials?");
    assert!(error("[listen]", "[listn]").ends_with("line 3: unknown key listn; did you mean listen?"));
}

#[test]
fn errors_of_values_name_what_is_expected() {
    assert!(error("\"privacy\"", "\"privat\"").contains("privat"));
    assert!(error("\"exch.lab.test\"", "\"tcp:x[1]\"").contains("ncacn_ip_tcp:host[port]"));
    assert!(error("proxy.lab.test", "10.0.0.1").contains("is an address; expected a name"));
    for name in ["-a", "a-", "a.-b.c", "a..b", "a_b", ""] {
        assert!(error("proxy.lab.test", name).contains("is not a valid host name"), "{name}");
    }
    assert!(error("\"127.0.0.23:6001\"", "\"127.0.0.23:135\"").contains("use another port"));
    let with_http = |address: &str| error("[clients]", &format!("rpc_http = \"{address}\"\n[clients]"));
    for address in ["127.0.0.23:6001", "127.0.0.23:135"] {
        let why = with_http(address);
        assert!(why.contains("listen.rpc_http: ") && why.contains("use another port"), "{why}");
    }
    assert!(with_http("127.0.0.23:0").contains("listen.rpc_http: port 0 is not allowed"));
    assert!(error("name = ", "name ").contains("line 2"));
    let no_server = error("rpc = \"exch.lab.test\"", "http = \"https://exch.lab.test\"");
    assert!(no_server.contains("upstream.rpc: is missing"), "{no_server}");
    let no_service = error("rpc = \"127.0.0.23:6001\"", "");
    assert!(no_service.contains("listen: has no address"), "{no_service}");
}

#[test]
fn all_errors_are_reported_at_once_with_their_lines() {
    let wrong = r#"name = "-a"
[listen]
rpc = "127.0.0.23"
https = 443
[clients]
acounts = "accounts.toml"
minimum_level = "privat"
connections = "many"
idle_seconds = -1
handshake_seconds = 1.5
proxy_protocol_from = ["here"]
http_auth = ["basic", "basic"]
[upstream]
rpc = "tcp:x[1]"
connect_seconds = 0
[upstream.credentials]
mode = "specified"
user = 5
[capture]
sides = []
"#;
    let text = parse(Path::new("p.toml"), wrong).unwrap_err().to_string();
    let lines: Vec<&str> = text.lines().map(|line| line.trim_start_matches("mapiproxy: ")).collect();
    let expected = [
        "p.toml, line 1: name: \"-a\" is not a valid host name",
        "p.toml, line 3: listen.rpc: \"127.0.0.23\" is not a valid address",
        "p.toml, line 4: listen.https: expected a string, for example \"127.0.0.23:443\"; found 443, an integer",
        "p.toml, line 6: unknown key clients.acounts; did you mean accounts?",
        "p.toml, line 7: clients.minimum_level: \"privat\" is not a valid value; expected \"none\", \"connect\"",
        "p.toml, line 8: clients.connections: expected an integer, for example 4096; found \"many\", a string",
        "p.toml, line 9: clients.idle_seconds: -1 is out of range; expected 1 to 604800",
        "p.toml, line 10: clients.handshake_seconds: expected an integer, for example 30; found 1.5, a number with a fraction",
        "p.toml, line 11: clients.proxy_protocol_from: \"here\" is not",
        "p.toml, line 12: clients.http_auth: duplicate entry basic; remove one",
        "p.toml, line 14: upstream.rpc: \"tcp:x[1]\" is not a valid server",
        "p.toml, line 15: upstream.connect_seconds: 0 is out of range; expected 1 to 604800",
        "p.toml, line 16: upstream.credentials.domain: is missing",
        "p.toml, line 16: upstream.credentials.password_file: is missing",
        "p.toml, line 18: upstream.credentials.user: expected a string, for example \"svcproxy\"; found 5, an integer",
        "p.toml, line 20: capture.sides: is empty",
    ];
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}\nis not: {expected}\n{text}");
    }
    assert_eq!(lines.len(), expected.len(), "{text}");
}

#[test]
fn lines_that_are_not_toml_are_explained_one_by_one() {
    let error = |to: &str| error("minimum_level = \"privacy\"", to);
    for (line, says) in [
        (
            "channel_bindings = ignore",
            "line 7: clients.channel_bindings: strings must be quoted: write channel_bindings = \"ig",
        ),
        (
            "connections = abc",
            "line 7: clients.connections: expected an integer without a unit, for example 4096; found abc",
        ),
        ("idle_seconds = 12h", "line 7: clients.idle_seconds: expected an integer without a unit"),
        ("idle_seconds = 1.2.3", "line 7: clients.idle_seconds: expected an integer without a unit"),
        ("ntlm_v1 = no", "line 7: clients.ntlm_v1: expected true or false, in lower case; found no"),
        ("http_auth = basic", "line 7: clients.http_auth: expected a list; found basic: write [\"basic\"]"),
        ("idle_seconds =", "line 7: clients.idle_seconds: the value is missing"),
        ("idle_seconds", "line 7: \"idle_seconds\": the value is missing: write idle_seconds = 7200"),
        (
            "idle_seconds = 1\nidle_seconds = 2",
            "line 8: clients.idle_seconds: duplicate key, first set in line 7",
        ),
    ] {
        let text = error(line);
        assert!(text.contains(says) && text.lines().count() == 1, "{line}: {text}");
    }
    let two = error("connections = abc\nidle_seconds = 12h\nntlm_v1 = 5");
    for says in [
        "line 7: clients.connections",
        "line 8: clients.idle_seconds",
        "line 9: clients.ntlm_v1: expected a boolean",
    ] {
        assert!(two.contains(says), "{two}");
    }
    let marked = parse(Path::new("p.toml"), &format!("\u{feff}{GOOD}")).unwrap_err().to_string();
    assert!(marked.contains("line 1: begins with a byte order mark"), "{marked}");
}

#[test]
fn an_address_beside_every_address_of_its_port_is_refused() {
    let pair = |rpc: &str, http: &str| {
        let text = GOOD.replace("127.0.0.23:6001", rpc);
        let text = text.replace("[clients]", &format!("http = \"{http}\"\n[clients]"));
        let text = text.replace("[upstream]", "[upstream]\nhttp = \"https://exch.lab.test\"");
        parse(Path::new("p.toml"), &text).map(drop).map_err(|problems| problems.to_string())
    };
    for (rpc, http) in [
        ("0.0.0.0:443", "127.0.0.1:443"),
        ("127.0.0.1:443", "0.0.0.0:443"),
        ("[::]:443", "127.0.0.1:443"),
        ("0.0.0.0:443", "[::]:443"),
        ("[::1]:443", "[::]:443"),
        ("[::ffff:0.0.0.0]:443", "127.0.0.1:443"),
        ("[::ffff:127.0.0.1]:443", "0.0.0.0:443"),
    ] {
        let why = pair(rpc, http).unwrap_err();
        assert!(why.contains("listen.http: ") && why.contains("conflicts with listen.rpc"), "{why}");
    }
    let why = pair("[::ffff:127.0.0.1]:443", "127.0.0.1:443").unwrap_err();
    assert!(why.contains("is the same address as [::ffff:127.0.0.1]:443 of listen.rpc"), "{why}");
    for (rpc, http) in [("0.0.0.0:443", "[::1]:443"), ("0.0.0.0:443", "127.0.0.1:80")] {
        pair(rpc, http).unwrap();
    }
}

#[test]
fn each_listener_has_an_address_and_each_recording_a_file_of_its_own() {
    for address in ["127.0.0.23:6001", "127.0.0.23:135"] {
        let why = error("[clients]", &format!("http = \"{address}\"\n[clients]"));
        assert!(why.contains("is already the address of listen."), "{why}");
    }
    let why = error("[clients]", "http = \"localhost:80\"\n[clients]");
    assert!(
        why.contains("\"localhost:80\" is not a valid address; expected an IP address and a port"),
        "{why}"
    );
    let capture = |keys: &str| error("[modules]", &format!("[capture]\n{keys}\n[modules]"));
    for taken in ["accounts.toml", "./svcproxy.password", "p.toml"] {
        let why = capture(&format!("packets = {taken:?}"));
        assert!(why.contains(&format!("capture.packets: {taken} is already named by another key")), "{why}");
    }
    let why = capture("packets = \"both\"\nhar = \"both\"");
    assert!(why.contains("capture.har: both is already named by another key"), "{why}");
    assert!(capture("har = \"..\"").contains("capture.har: .. is a directory"));
    assert!(capture("sides = []").contains("capture.sides: is empty"));
    let why = error("[clients]", "[clients]\nconnections_per_address = 0");
    assert!(why.contains("clients.connections_per_address: 0 is out of range; expected 1 or more"), "{why}");
    let why = error("[clients]", "[clients]\nfailed_sign_ins = 0");
    assert!(why.contains("clients.failed_sign_ins: 0 is out of range; expected 1 to 10000"), "{why}");
    let why = error("[clients]", "[clients]\nforwarded_for_from = [\"10.0.0.0/33\"]");
    assert!(why.contains("\"10.0.0.0/33\" is not a valid address or network"), "{why}");
}

#[test]
fn pass_through_authentication_is_valid_for_http_only() {
    let credentials = "mode = \"specified\"\nuser = \"svcproxy\"\ndomain = \"LAB\"\n\
                       password_file = \"svcproxy.password\"";
    let why = error(credentials, "mode = \"relayed\"");
    assert!(why.contains("listen.rpc: cannot be served if"), "{why}");
    let text = GOOD.replacen(credentials, "mode = \"relayed\"", 1);
    let text = text.replacen("rpc = \"127.0.0.23:6001\"", "http = \"127.0.0.23:80\"", 1);
    let text = text.replacen("rpc = \"exch.lab.test\"", "http = \"https://exch.lab.test\"", 1);
    let text = text.replacen('\n', "\npublic_url = \"https://mail.lab.test\"\n", 1);
    let read = |text: &str| parse(Path::new("p.toml"), text);
    assert!(read(&text).unwrap_err().to_string().contains("endpoint_mapper: "));
    let text = text.replacen("endpoint_mapper = \"127.0.0.23:135\"\n", "", 1);
    let why = read(&text).unwrap_err().to_string();
    assert!(why.contains("line 8: clients.accounts: is not used if"), "{why}");
    let text = text.replacen("accounts = \"accounts.toml\"\n", "", 1);
    assert_eq!(warnings(&read(&text).unwrap()).len(), 2);
    let text = text.replacen("[clients]\n", "[clients]\nbasic_without_tls = true\n", 1);
    assert_eq!(warnings(&read(&text).unwrap()).len(), 1);
    let of_text = |text: &str| {
        let document = super::document::read(Path::new("p.toml"), text);
        super::warnings(&document.config.unwrap(), &document.places).pop().unwrap()
    };
    assert!(of_text(&text).starts_with("clients.minimum_level: without effect if"), "{}", of_text(&text));
    let unused = "[clients]\nhttp_auth = [\"basic\"]\nchannel_bindings = \"require\"\ntarget_names = [\"x\"]\n\
                  ntlm_v1 = true\nrequire_mic = true\n";
    let text = text.replacen("[clients]\n", unused, 1).replacen("minimum_level = \"privacy\"\n", "", 1);
    let text = text.replacen("[upstream]\n", "[upstream]\nhttp_authentication = \"basic\"\n", 1);
    let expected = "clients.http_auth, clients.channel_bindings, clients.target_names, upstream.http_authentication, \
                    clients.ntlm_v1, clients.require_mic: without effect if upstream.credentials.mode is relayed";
    assert!(of_text(&text).starts_with(expected), "{}", of_text(&text));
    let why = read(&text.replacen("\"relayed\"", "\"relayed\"\nuser = \"x\"", 1)).unwrap_err().to_string();
    assert!(why.contains("user"), "{why}");
    let none = error("accounts = \"accounts.toml\"\n", "");
    assert!(none.contains("clients.accounts: is missing"), "{none}");
    assert!(warnings(&parse(Path::new("p.toml"), GOOD).unwrap()).is_empty());
}

#[test]
fn a_proxy_for_http_only_is_valid() {
    let listen = "endpoint_mapper = \"127.0.0.23:135\"\nrpc = \"127.0.0.23:6001\"";
    let text = GOOD.replacen(listen, "http = \"127.0.0.23:80\"", 1);
    let text = text.replacen("rpc = \"exch.lab.test\"", "http = \"https://exch.lab.test\"", 1);
    let config = parse(Path::new("p.toml"), &text).unwrap();
    assert_eq!(config.upstream_host(), "exch.lab.test");
    assert_eq!(config.listen.to_string(), "http 127.0.0.23:80");
}
