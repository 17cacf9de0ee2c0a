//! Tests of the error messages for common mistakes: one message each, with its position and the correction.

use std::path::Path;

use super::super::check::parse;

const VALID: &str = r#"name = "proxy.lab.test"
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

/// Expects `message`, and no other, for [`VALID`] with `from` replaced by `to`.
#[track_caller]
fn expect_replaced(from: &str, to: &str, message: &str) {
    assert!(VALID.contains(from), "{from}");
    expect_only(&VALID.replacen(from, to, 1), message);
}

#[track_caller]
fn expect_only(text: &str, message: &str) {
    let problems = parse(Path::new("p.toml"), text).unwrap_err().to_string();
    assert!(problems.starts_with(&format!("p.toml{message}")), "expected {message:?}:\n{problems}");
    assert_eq!(problems.lines().count(), 1, "{problems}");
}

#[test]
fn errors_of_credentials_are_reported_once() {
    parse(Path::new("p.toml"), VALID).unwrap();
    let at = |line: usize, key: &str| format!(", line {line}: upstream.credentials.{key}");
    expect_replaced("mode = \"specified\"\n", "", &at(10, "mode: is missing: set it to \"specified\""));
    expect_replaced(
        "\"specified\"",
        "specified",
        &at(11, "mode: strings must be quoted: write mode = \"specified\""),
    );
    expect_replaced(
        "\"specified\"",
        "\"service\"",
        &at(11, "mode: \"service\" is not a valid value; expected \"specified\" or \"relayed\""),
    );
    expect_replaced(
        "\"specified\"",
        "1",
        &at(11, "mode: expected \"specified\" or \"relayed\"; found 1, an integer"),
    );
    expect_replaced(
        "\"svcproxy\"",
        "5",
        &at(12, "user: expected a string, for example \"svcproxy\"; found 5, an integer"),
    );
    expect_replaced(
        "\"svcproxy\"",
        "svcproxy",
        &at(12, "user: strings must be quoted: write user = \"svcproxy\""),
    );
    expect_replaced("\"svcproxy\"", "\"\"", &at(12, "user: is empty: set it to the service account"));
    expect_replaced(
        "\"svcproxy\"",
        "'LAB\\svc'",
        &at(12, "user: \"LAB\\\\svc\" includes a domain: write user = \"svc\""),
    );
    expect_replaced(
        "\"LAB\"",
        "'LAB\\svc'",
        &at(13, "domain: \"LAB\\\\svc\" is not a valid domain name; expected for example LAB"),
    );
    expect_replaced("\"service.password\"", "\"\"", &at(14, "password_file: is empty: name a file"));
    expect_replaced(
        "password_file",
        "pasword_file",
        ", line 14: unknown key upstream.credentials.pasword_file; did you",
    );
    // What else is missing in a text that can't be read to its end is not known.
    let text =
        VALID.replacen("mode = \"specified\"\n", "", 1).replacen("\"proxy.lab.test\"", "proxy.lab.test", 1);
    expect_only(&text, ", line 1: name: strings must be quoted: write name = \"proxy.lab.test\"");
    let text = VALID.replacen("\"LAB\"", "LAB", 1).replacen("password_file = \"service.password\"\n", "", 1);
    expect_only(
        &text,
        ", line 13: upstream.credentials.domain: strings must be quoted: write domain = \"LAB\"",
    );
}

#[test]
fn a_directory_that_may_have_a_sign_in_form_cannot_be_forwarded() {
    for directory in ["web", "eas", "public", "exchange", "powershell"] {
        let text = format!("{VALID}[virtual_directories]\n{directory} = \"forwarded\"\n");
        let known = "the keys are oab, ews, owa, ecp, microsoft-server-activesync, rpc";
        let why = format!(
            "unknown key virtual_directories.{directory}; {known}; other directories cannot be forwarded"
        );
        expect_only(&text, &format!(", line 16: {why}"));
    }
}

#[test]
fn the_access_of_a_virtual_directory_is_one_of_three_words() {
    for directory in ["oab", "ews", "microsoft-server-activesync"] {
        for other in ["relayed", "forward", "Forwarded"] {
            let text = format!("{VALID}[virtual_directories]\n{directory} = {other:?}\n");
            let expected = "expected \"forwarded\", \"refused\" or \"absent\"";
            let message = format!("{other:?} is not a valid value; {expected}");
            expect_only(&text, &format!(", line 16: virtual_directories.{directory}: {message}"));
        }
    }
}

#[test]
fn keys_that_depend_on_an_invalid_key_are_not_reported() {
    expect_replaced("\"own.crt\"", "5", ", line 4: listen.certificate: expected a string");
    expect_replaced("key = ", "keey = ", ", line 5: unknown key listen.keey; did you mean key?");
    expect_replaced("key = ", "Key = ", ", line 5: unknown key listen.Key; did you mean key?");
    expect_replaced(
        "key = \"own.key\"\n",
        "",
        ", line 3: listen.https: requires listen.key in addition to listen.certificate",
    );
    expect_replaced(
        "[upstream]\n",
        "[clients.upstream]\n",
        ", line 8: unknown key clients.upstream; did you mean [upstream]?",
    );
    let server = VALID.replace("[upstream", "[server");
    expect_only(&server, ", line 8: unknown key server; the keys are name, public_url, listen,");
    let modules = "[modules]\nstack = \"names\"\n[modules.downgrade]\n";
    expect_only(
        &format!("{VALID}{modules}"),
        ", line 16: modules.stack: expected a list; found \"names\", a string: write [\"names\"]",
    );
}

#[test]
fn keys_in_the_wrong_table_are_reported_with_the_right_one() {
    let text = VALID.replacen("accounts = \"accounts.toml\"\n", "", 1);
    let text = text.replacen("[listen]\n", "[listen]\naccounts = \"accounts.toml\"\n", 1);
    expect_only(&text, ", line 3: unknown key listen.accounts; it belongs in the table [clients]");
    let text =
        VALID.replacen("name = \"proxy.lab.test\"\n[listen]\n", "[listen]\nname = \"proxy.lab.test\"\n", 1);
    expect_only(
        &text,
        ", line 2: unknown key listen.name; it belongs at the top of the file, before the first table",
    );
    expect_replaced(
        "[upstream.credentials]\n",
        "",
        ", line 10: unknown keys upstream.mode, upstream.user, upstream.domain, upstream.password_file; they belong \
         in the table [upstream.credentials]",
    );
    expect_replaced(
        "[upstream.credentials]",
        "[credentials]",
        ", line 10: unknown key credentials; did you mean [upstream.cr",
    );
    let text = VALID.replacen(
        "[upstream]\nhttp = \"https://exch.lab.test\"",
        "upstream = \"https://exch.lab.test\"",
        1,
    );
    expect_only(&text, ", line 8: unknown key clients.upstream; upstream is a table: write [upstream]");
    expect_only(
        &format!("{VALID}[names]\nserver = \"X\"\n"),
        ", line 15: unknown key names; did you mean [modules.names]?",
    );
}

#[test]
fn invalid_headers_and_brackets_are_reported_once() {
    expect_replaced(
        "[listen]",
        "[listen",
        ", line 2: \"[listen\": the closing bracket is missing: write [listen]",
    );
    expect_replaced(
        "[upstream.credentials]",
        "[upstream]",
        ", line 10: \"[upstream]\": duplicate table, first defined in line 8: move its keys there",
    );
    expect_only(
        &format!("{VALID}[listen]\nrpc = \"127.0.0.1:1\"\n"),
        ", line 15: \"[listen]\": duplicate table, first defined in line 2",
    );
    expect_replaced(
        "[listen]",
        "[[listen]]",
        ", line 2: listen: [[listen]] is an array of tables; write [listen]",
    );
    let says =
        ", line 8: the list that begins in this line has no closing bracket: add ] after its last item";
    expect_replaced("[upstream]\n", "http_auth = [\"basic\"\n[upstream]\n", says);
    expect_replaced("[upstream]\n", "http_auth = [\n \"basic\",\n[upstream]\n", says);
    expect_replaced(
        "mode = ",
        "{mode = ",
        ", line 11: upstream.credentials.{mode: write each key on a line of its own",
    );
    let list = VALID.replacen("[upstream]\n", "http_auth = [\n \"basic\",\n \"ntlm\",\n]\n[upstream]\n", 1);
    parse(Path::new("p.toml"), &list).unwrap();
}

#[test]
fn lines_of_word_processors_and_other_formats_are_explained() {
    let certificate = "\"own.crt\"";
    for quoted in ["\u{201c}own.crt\u{201d}", "\u{2018}own.crt\u{2019}", "`own.crt`", "\"own.crt\u{201d}"] {
        let says = ", line 4: listen.certificate: quotation marks other than \" and ' are not allowed: write certificate = \"own.crt\"";
        expect_replaced(certificate, quoted, says);
    }
    expect_replaced(
        certificate,
        "\"own.crt",
        ", line 4: listen.certificate: the closing quotation mark is missing: write certificate = \"",
    );
    expect_replaced(
        certificate,
        "\"C:\\own.crt\"",
        ", line 4: listen.certificate: \\ is an escape character in double quotes: write certificate = 'C:\\own.crt'",
    );
    expect_replaced(
        "key = ",
        "key: ",
        ", line 5: \"key: \\\"own.key\\\"\": the equals sign is missing: write key = \"own.key\"",
    );
    expect_replaced(
        "key = ",
        "key\u{a0}= ",
        ", line 5: listen.key\u{a0}: the character U+00A0 is not allowed in a key; retype it as key",
    );
    expect_replaced("[clients]", "; clients\n[clients]", ", line 6: \"; clients\": comments begin with #");
    let returns = VALID.replace('\n', "\r");
    expect_only(&returns, ", line 1: lines end with CR only");
    for right in [VALID.replace('\n', "\r\n"), VALID.replace(" = ", "\t=\t"), VALID.trim_end().to_owned()] {
        parse(Path::new("p.toml"), &right).unwrap();
    }
    expect_only(
        &format!("\u{feff}{VALID}"),
        ", line 1: begins with a byte order mark: save the file as UTF-8 without it",
    );
}

#[test]
fn messages_for_long_lines_are_short() {
    for line in
        ["x".repeat(100_000), format!("[{}", "x".repeat(100_000)), format!("key = {}", "x".repeat(100_000))]
    {
        let text = VALID.replacen("key = \"own.key\"", &line, 1);
        let problems = parse(Path::new("p.toml"), &text).unwrap_err().to_string();
        assert!(problems.len() < 1000, "{} bytes", problems.len());
    }
}

#[test]
fn messages_for_hosts_and_paths_name_what_is_expected() {
    for (name, why) in [
        ("", "the name is empty"),
        ("proxy:443", "':' is not allowed in a host name"),
        ("*.lab.test", "'*' is not allowed in a host name"),
        ("a..b", "a label between dots has 1 to 63 characters"),
        ("b\u{fc}ro.test", "'\u{fc}' is not ASCII: write the encoded name (xn--...)"),
    ] {
        let expected = "expected letters, digits, hyphens and dots, for example proxy.lab.test";
        expect_replaced(
            "proxy.lab.test",
            name,
            &format!(", line 1: name: {name:?} is not a valid host name: {why}"),
        );
        let why =
            parse(Path::new("p.toml"), &VALID.replacen("proxy.lab.test", name, 1)).unwrap_err().to_string();
        assert!(why.ends_with(expected), "{why}");
    }
    let config = parse(Path::new("p.toml"), &VALID.replacen("proxy.lab.test", "Proxy.LAB.test.", 1)).unwrap();
    assert_eq!(config.name, "Proxy.LAB.test");
    expect_replaced(
        "[clients]",
        "[clients]\ntarget_names = [\"*\", \"10.0.0.1\", \"a b\"]",
        ", line 7: clients.target_names: \"a b\" is not a valid host: ' ' is not allowed in a host name; expected",
    );
    for path in ["~/own.crt", "$HOME/own.crt", "%h/own.crt"] {
        let first = path.split('/').next().unwrap();
        expect_replaced(
            "own.crt",
            path,
            &format!(
                ", line 4: listen.certificate: {path} begins with {first}: ~ and variables are not expanded"
            ),
        );
    }
    expect_replaced("\"own.crt\"", "\"\"", ", line 4: listen.certificate: is empty: name a file");
    expect_replaced(
        "127.0.0.23:443",
        "*:443",
        ", line 3: listen.https: \"*:443\" is not a valid address; expected an IP address and a port",
    );
}

#[test]
fn the_line_is_printed_with_a_mark_below_the_error() {
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
        let problems = parse(Path::new("p.toml"), &VALID.replacen(from, to, 1)).unwrap_err();
        let (long, short) = (format!("{problems:#}"), problems.to_string());
        assert_eq!(long, format!("{short}\n{shown}"));
    }
    let absent = VALID.replacen("name = \"proxy.lab.test\"\n", "", 1);
    let problems = parse(Path::new("p.toml"), &absent).unwrap_err();
    assert_eq!(format!("{problems:#}"), problems.to_string(), "there is no line for what is not there");
}
