//! The edge of HTTP: the addresses that clients are given, and a proxy that is set up to ask itself.

use std::process::Command;

use crate::harness::{ALICE, Folder, HttpPlace as Place, Process, add_account, address, program};
use crate::http_clients::ASKED;

#[test]
fn urls_are_the_public_ones_and_clients_are_told_to_sign_in_by_what_is_offered() {
    let place = Place::with("ntlm", |setup| {
        setup.top_key("public_url", "\"https://mail.lab.test/\"").clients_key("http_auth", "[\"ntlm\"]")
    });
    let ask = |path: &str| place.curl(path).user(ALICE).with(&["--ntlm"]);
    let page = ask("/autodiscover/autodiscover.xml").with(&["--data", ASKED]).run();
    assert_eq!(page.status(), 200, "{page:?}");
    for part in [
        "<MailStore><InternalUrl>https://mail.lab.test/mapi/emsmdb/?MailboxId=",
        "<AddressBook><InternalUrl>https://mail.lab.test/mapi/nspi/?MailboxId=",
        "<OABUrl>https://mail.lab.test/OAB/</OABUrl>",
        "<SSL>On</SSL>",
        "<AuthPackage>ntlm</AuthPackage>",
    ] {
        assert!(page.body.contains(part), "{part} is not in {}", page.body);
    }
    assert!(!page.body.contains("basic") && !page.body.contains("proxy.lab.test:8443"), "{}", page.body);
    let page = ask("/autodiscover/autodiscover.json?Email=alice%40lab.test&Protocol=AutodiscoverV1").run();
    assert!(page.body.contains("\"https://mail.lab.test/autodiscover/autodiscover.xml\""), "{}", page.body);
}

#[test]
fn a_proxy_that_is_its_own_server_does_not_start() {
    let folder = Folder::new();
    let own = address();
    add_account(&folder, ALICE);
    folder.write("service.password", "secret");
    for (listen, upstream, says) in [
        (format!("http = \"{own}:8080\""), format!("http = \"http://{own}:8080\""), "upstream.http"),
        ("http = \"0.0.0.0:8080\"".to_owned(), format!("http = \"http://{own}:8080\""), "upstream.http"),
        (format!("rpc = \"{own}:6001\""), format!("rpc = \"ncacn_ip_tcp:{own}[6001]\""), "upstream.rpc"),
        (
            format!("rpc = \"{own}:6001\"\nendpoint_mapper = \"{own}:1135\""),
            format!("rpc = \"{own}:1135\""),
            "upstream.rpc",
        ),
    ] {
        let text = format!(
            "name = \"proxy.lab.test\"\n[listen]\n{listen}\n[clients]\naccounts = \"accounts.toml\"\n\
             [upstream]\n{upstream}\n[upstream.credentials]\nmode = \"specified\"\nuser = \"svcproxy\"\n\
             domain = \"LAB\"\npassword_file = \"service.password\"\n"
        );
        let config = folder.write("proxy.toml", &text);
        for verb in ["run", "check"] {
            let mut command = Command::new(program());
            let ended = Process::start("mapiproxy", command.args([verb, "--config"]).arg(&config)).end();
            assert!(!ended.status.success(), "{verb}: {}", ended.out);
            let why = format!("{says}: {own} is {own}:");
            assert!(
                ended.err.contains(&why) && ended.err.contains("this proxy itself listens"),
                "{}",
                ended.err
            );
        }
    }
}
