//! Mistakes as people make them: each costs one message, which says where it is and what to write instead.

use std::path::Path;

use super::check::parse;

const GOOD: &str = r#"name = "proxy.lab.test"
[listen]
https = "127.0.0.23:443"
certificate = "own.crt"
key = "own.key"
[clients]
accounts = "accounts.toml"
[upstream]
http = "https://exch.lab.test"
[upstream.credentials]
mode = "specified"
user = "svcproxy"
domain = "LAB"
password_file = "service.password"
"#;

/// Checks that the configuration with `from` replaced by `to` has the one problem `says`.
#[track_caller]
fn one(from: &str, to: &str, says: &str) {
    assert!(GOOD.contains(from), "{from}");
    alone(&GOOD.replacen(from, to, 1), says);
}

#[track_caller]
fn alone(text: &str, says: &str) {
    let problems = parse(Path::new("p.toml"), text).unwrap_err().to_string();
    assert!(problems.starts_with(&format!("p.toml{says}")), "expected {says:?}:\n{problems}");
    assert_eq!(problems.lines().count(), 1, "{problems}");
}

#[test]
fn what_is_wrong_with_the_credentials_is_said_once() {
    parse(Path::new("p.toml"), GOOD).unwrap();
    let at = |line: usize, key: &str| format!(", line {line}: upstream.credentials.{key}");
    one("mode = \"specified\"\n", "", &at(10, "mode: is missing: give \"specified\""));
    one("\"specified\"", "specified", &at(11, "mode: text stands in quotes: write mode = \"specified\""));
    one("\"specified\"", "\"service\"", &at(11, "mode: is \"service\"; give \"specified\" or \"relayed\""));
    one("\"specified\"", "1", &at(11, "mode: takes \"specified\" or \"relayed\"; found a whole number, 1"));
    one(
        "\"svcproxy\"",
        "5",
        &at(12, "user: takes a text in quotes, as \"svcproxy\"; found a whole number, 5"),
    );
    one("\"svcproxy\"", "svcproxy", &at(12, "user: text stands in quotes: write user = \"svcproxy\""));
    one("\"svcproxy\"", "\"\"", &at(12, "user: is empty: name the account"));
    one("\"svcproxy\"", "'LAB\\svc'", &at(12, "user: \"LAB\\\\svc\" has a domain: write user = \"svc\""));
    one(
        "\"LAB\"",
        "'LAB\\svc'",
        &at(13, "domain: \"LAB\\\\svc\" is no domain: expected its name alone, as LAB"),
    );
    one("\"service.password\"", "\"\"", &at(14, "password_file: is empty: name a file"));
    one("password_file", "pasword_file", ", line 14: unknown key upstream.credentials.pasword_file; did you");
    // What else is missing in a text that can't be read to its end is not known.
    let text =
        GOOD.replacen("mode = \"specified\"\n", "", 1).replacen("\"proxy.lab.test\"", "proxy.lab.test", 1);
    alone(&text, ", line 1: name: text stands in quotes: write name = \"proxy.lab.test\"");
    let text = GOOD.replacen("\"LAB\"", "LAB", 1).replacen("password_file = \"service.password\"\n", "", 1);
    alone(&text, ", line 13: upstream.credentials.domain: text stands in quotes: write domain = \"LAB\"");
}

#[test]
fn what_depends_on_a_wrong_key_is_not_wrong_too() {
    one("\"own.crt\"", "5", ", line 4: listen.certificate: takes a text in quotes");
    one("key = ", "keey = ", ", line 5: unknown key listen.keey; did you mean key?");
    one("key = ", "Key = ", ", line 5: unknown key listen.Key; did you mean key?");
    one("key = \"own.key\"\n", "", ", line 3: listen.https: needs listen.key beside listen.certificate");
    one(
        "[upstream]\n",
        "[clients.upstream]\n",
        ", line 8: unknown key clients.upstream; did you mean [upstream]?",
    );
    let server = GOOD.replace("[upstream", "[server");
    alone(&server, ", line 8: unknown key server; there are name, public_url, listen,");
    let modules = "[modules]\nstack = \"names\"\n[modules.downgrade]\n";
    alone(
        &format!("{GOOD}{modules}"),
        ", line 16: modules.stack: takes a list, as [\"names\"]; found a text",
    );
}

#[test]
fn keys_in_the_wrong_table_are_sent_to_the_right_one() {
    let text = GOOD.replacen("accounts = \"accounts.toml\"\n", "", 1);
    let text = text.replacen("[listen]\n", "[listen]\naccounts = \"accounts.toml\"\n", 1);
    alone(&text, ", line 3: unknown key listen.accounts; it belongs below a line [clients]");
    let text =
        GOOD.replacen("name = \"proxy.lab.test\"\n[listen]\n", "[listen]\nname = \"proxy.lab.test\"\n", 1);
    alone(
        &text,
        ", line 2: unknown key listen.name; it belongs at the top of the file, before the first line",
    );
    one(
        "[upstream.credentials]\n",
        "",
        ", line 10: unknown keys upstream.mode, upstream.user, upstream.domain, upstream.password_file; they belong \
         below a line [upstream.credentials]",
    );
    one(
        "[upstream.credentials]",
        "[credentials]",
        ", line 10: unknown key credentials; did you mean [upstream.cr",
    );
    let text = GOOD.replacen(
        "[upstream]\nhttp = \"https://exch.lab.test\"",
        "upstream = \"https://exch.lab.test\"",
        1,
    );
    alone(&text, ", line 8: unknown key clients.upstream; upstream is a table: write [upstream]");
    alone(
        &format!("{GOOD}[names]\nserver = \"X\"\n"),
        ", line 15: unknown key names; did you mean [modules.names]?",
    );
}

#[test]
fn headers_and_brackets_that_are_wrong_cost_one_message() {
    one("[listen]", "[listen", ", line 2: \"[listen\": lacks its closing bracket: write [listen]");
    one(
        "[upstream.credentials]",
        "[upstream]",
        ", line 10: \"[upstream]\": stands in line 8 already: move the keys",
    );
    alone(
        &format!("{GOOD}[listen]\nrpc = \"127.0.0.1:1\"\n"),
        ", line 15: \"[listen]\": stands in line 2 already",
    );
    one(
        "[listen]",
        "[[listen]]",
        ", line 2: listen: stands in double brackets, which begin a list: write [listen]",
    );
    let says =
        ", line 8: the list that begins in this line has no closing bracket: write ] behind its last item";
    one("[upstream]\n", "http_auth = [\"basic\"\n[upstream]\n", says);
    one("[upstream]\n", "http_auth = [\n \"basic\",\n[upstream]\n", says);
    one("mode = ", "{mode = ", ", line 11: upstream.credentials.{mode: keys stand each in a line of its own");
    let list = GOOD.replacen("[upstream]\n", "http_auth = [\n \"basic\",\n \"ntlm\",\n]\n[upstream]\n", 1);
    parse(Path::new("p.toml"), &list).unwrap();
}

#[test]
fn lines_from_word_processors_and_other_formats_are_explained() {
    let certificate = "\"own.crt\"";
    for quoted in ["\u{201c}own.crt\u{201d}", "\u{2018}own.crt\u{2019}", "`own.crt`", "\"own.crt\u{201d}"] {
        let says = ", line 4: listen.certificate: has quotation marks other than \": write certificate = \"own.crt\"";
        one(certificate, quoted, says);
    }
    one(
        certificate,
        "\"own.crt",
        ", line 4: listen.certificate: lacks its closing quotation mark: write certificate = \"",
    );
    one(
        certificate,
        "\"C:\\own.crt\"",
        ", line 4: listen.certificate: \\ has a meaning of its own in double quotes: write certificate = 'C:\\own.crt'",
    );
    one(
        "key = ",
        "key: ",
        ", line 5: \"key: \\\"own.key\\\"\": the equals sign between key and value is missing: write key = \"own.key\"",
    );
    one(
        "key = ",
        "key\u{a0}= ",
        ", line 5: listen.key\u{a0}: the character U+00A0 can't stand in a key: type it anew, as key",
    );
    one("[clients]", "; who may come\n[clients]", ", line 6: \"; who may come\": a comment begins with #");
    let returns = GOOD.replace('\n', "\r");
    alone(&returns, ", line 1: lines end with a carriage return alone");
    for right in [GOOD.replace('\n', "\r\n"), GOOD.replace(" = ", "\t=\t"), GOOD.trim_end().to_owned()] {
        parse(Path::new("p.toml"), &right).unwrap();
    }
    alone(
        &format!("\u{feff}{GOOD}"),
        ", line 1: begins with a byte order mark: save the file as UTF-8 without it",
    );
}

#[test]
fn a_line_of_any_length_costs_a_short_message() {
    for line in
        ["x".repeat(100_000), format!("[{}", "x".repeat(100_000)), format!("key = {}", "x".repeat(100_000))]
    {
        let text = GOOD.replacen("key = \"own.key\"", &line, 1);
        let problems = parse(Path::new("p.toml"), &text).unwrap_err().to_string();
        assert!(problems.len() < 1000, "{} bytes", problems.len());
    }
}

#[test]
fn names_of_hosts_and_paths_say_what_is_expected() {
    for (name, why) in [
        ("", "the name is empty"),
        ("proxy:443", "':' can't be in a name"),
        ("*.lab.test", "'*' can't be in a name"),
        ("a..b", "between dots stand 1 to 63 characters"),
        ("b\u{fc}ro.test", "'\u{fc}' is not ASCII: write the encoded name (xn--...)"),
    ] {
        let expected = "expected letters, digits and hyphens with dots between them, as proxy.lab.test";
        one("proxy.lab.test", name, &format!(", line 1: name: {name:?} is no host name: {why}"));
        let why =
            parse(Path::new("p.toml"), &GOOD.replacen("proxy.lab.test", name, 1)).unwrap_err().to_string();
        assert!(why.ends_with(expected), "{why}");
    }
    let config = parse(Path::new("p.toml"), &GOOD.replacen("proxy.lab.test", "Proxy.LAB.test.", 1)).unwrap();
    assert_eq!(config.name, "Proxy.LAB.test");
    one(
        "[clients]",
        "[clients]\ntarget_names = [\"*\", \"10.0.0.1\", \"a b\"]",
        ", line 7: clients.target_names: \"a b\" is no host: ' ' can't be in a name: expected",
    );
    for path in ["~/own.crt", "$HOME/own.crt", "%h/own.crt"] {
        let first = path.split('/').next().unwrap();
        one("own.crt", path, &format!(", line 4: listen.certificate: {first} in {path} is taken as it is"));
    }
    one("\"own.crt\"", "\"\"", ", line 4: listen.certificate: is empty: name a file");
    one(
        "127.0.0.23:443",
        "*:443",
        ", line 3: listen.https: \"*:443\" is no address: expected one with a port",
    );
}

#[test]
fn the_line_is_shown_with_a_mark_under_what_is_wrong() {
    for (from, to, shown) in [
        ("\"own.crt\"", "5 # PEM", "  4 | certificate = 5 # PEM\n    |               ^"),
        (
            "\"own.crt\"",
            "\"~/own.crt\"",
            "  4 | certificate = \"~/own.crt\"\n    |               ^^^^^^^^^^^",
        ),
        ("key = ", "keey = ", "  5 | keey = \"own.key\"\n    | ^^^^"),
        ("[listen]", "[listn]", "  2 | [listn]\n    |  ^^^^^"),
        ("key = \"own.key\"\n", "", "  3 | https = \"127.0.0.23:443\"\n    |         ^^^^^^^^^^^^^^^^"),
        ("user = \"svcproxy\"\n", "", "  10 | [upstream.credentials]\n     |           ^^^^^^^^^^^"),
        ("\"svcproxy\"", "svcproxy", "  12 | user = svcproxy\n     |        ^^^^^^^^"),
    ] {
        let problems = parse(Path::new("p.toml"), &GOOD.replacen(from, to, 1)).unwrap_err();
        let (long, short) = (format!("{problems:#}"), problems.to_string());
        assert_eq!(long, format!("{short}\n{shown}"));
    }
    let absent = GOOD.replacen("name = \"proxy.lab.test\"\n", "", 1);
    let problems = parse(Path::new("p.toml"), &absent).unwrap_err();
    assert_eq!(format!("{problems:#}"), problems.to_string(), "there is no line for what is not there");
}
