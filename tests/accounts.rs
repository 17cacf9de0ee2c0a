//! Whom an account lets in, under which of its names, and for how long.

use crate::harness::{Client, HttpPlace, Setup, Upstream};

/// An account without a domain, called by a mail address.
const DORA: (&str, &str) = ("dora@mail.test", "Dormouse 5");

/// Names as they are typed, and whether they mean LAB\alice or DORA.
const NAMES: [(&str, &str, bool); 13] = [
    ("alice", "White Rabbit 1", true),
    ("LAB\\alice", "White Rabbit 1", true),
    ("lab.test\\alice", "White Rabbit 1", true),
    ("alice@lab.test", "White Rabbit 1", true),
    ("Alice@LAB", "White Rabbit 1", true),
    ("alice@LAB.evil", "White Rabbit 1", false),
    ("LAB.evil\\alice", "White Rabbit 1", false),
    ("alice@lab.test", "White Rabbit 2", false),
    (DORA.0, DORA.1, true),
    ("Dora@MAIL.test", DORA.1, true),
    ("mail.test\\dora", DORA.1, true),
    ("dora", DORA.1, false),
    ("dora@mail.test.evil", DORA.1, false),
];

#[test]
fn each_spelling_of_a_name_signs_in_by_every_scheme_or_by_none() {
    let place = HttpPlace::new("ntlm");
    place.proxy.add_account_of("", DORA);
    place.proxy.reads_again(3);
    for (name, password, signs_in) in NAMES {
        for scheme in ["--basic", "--ntlm"] {
            let user = format!("{name}:{password}");
            let page = place.curl("/oab/oab.xml").with(&[scheme, "--user", &user]).run();
            assert_eq!(page.status() != 401, signs_in, "{name} {scheme}: {:?}", page.statuses());
        }
    }
}

#[test]
fn each_spelling_of_a_name_signs_in_over_rpc_or_does_not() {
    let upstream = Upstream::start();
    let proxy = Setup::before(&upstream.mapper().to_string()).start();
    proxy.add_account_of("", DORA);
    proxy.reads_again(3);
    // Each takes a client's whole conversation: every other one will do.
    for (name, password, signs_in) in NAMES.into_iter().step_by(2) {
        // As clients do: what stands before a backslash is the domain, all else is left to the server.
        let (domain, user) = name.split_once('\\').unwrap_or(("", name));
        let client = Client::impacket(proxy.mapper()).with("--user", user).with("--password", password);
        let report = client.with("--domain", domain).with("--level", "privacy").run();
        assert_eq!(report.failed.is_none(), signs_in, "{name}: {}", report.text);
    }
}

#[test]
fn accounts_that_one_name_would_mean_keep_the_proxy_as_it_was() {
    let place = HttpPlace::new("ntlm");
    // Added where the domain's two names are not known to be one's.
    place.proxy.add_account_of("", ("alice@lab.test", DORA.1));
    place.proxy.process.hang_up();
    place.proxy.process.wait_err("why not", |line| {
        line.contains("the accounts stay as they were")
            && line.contains("accounts.toml")
            && line.contains("LAB\\alice (line ")
            && line.contains("alice@lab.test (line ")
    });
    let signs_in = |password: &str| {
        let user = format!("alice@lab.test:{password}");
        place.curl("/oab/oab.xml").with(&["--basic", "--user", &user]).run().status() != 401
    };
    assert!(signs_in("White Rabbit 1") && !signs_in(DORA.1));
}
