//! `mapiproxy check`: errors and warnings before the proxy runs.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Ended, Folder, Process, certificate, mode, program};

pub(crate) const TEXT: &str = r#"name = "proxy.lab.test"
[listen]
https = "127.0.0.23:8443"
certificate = "own.crt"
key = "own.key"
[clients]
accounts = "accounts.toml"
[upstream]
http = "http://127.0.0.24"
[upstream.credentials]
mode = "specified"
user = "svcproxy"
domain = "LAB"
password_file = "service.password"
[modules.names]
server = "EXCH"
[virtual_directories]
ews = "refused"
"#;

const ACCOUNT: &str = "[[account]]\nuser = \"alice\"\nnt_hash = \"0123456789abcdef0123456789abcdef\"\n";

/// A folder with a valid configuration and the files that it names.
pub(crate) fn good() -> Folder {
    let folder = Folder::new();
    folder.write("accounts.toml", ACCOUNT);
    folder.write("service.password", "Cheshire Cat 3\n");
    folder.write("proxy.toml", TEXT);
    certificate(&folder, &["proxy.lab.test"]);
    folder
}

pub(crate) fn mapiproxy(verb: &str, folder: &Folder) -> Ended {
    let mut command = Command::new(program());
    command.args([verb, "--config"]).arg(folder.join("proxy.toml"));
    Process::start(verb, &mut command).end()
}

#[track_caller]
pub(crate) fn refused(folder: &Folder, says: &[&str]) {
    let ended = mapiproxy("check", folder);
    assert!(!ended.status.success(), "{}", ended.out);
    for says in says {
        assert!(ended.err.contains(says), "expected {says:?}:\n{}", ended.err);
    }
    for internal in ["KeyMismatch", "CaUsedAsEndEntity", "usize", "invalid float", "may not be consistent"] {
        assert!(!ended.err.contains(internal), "{}", ended.err);
    }
}

#[track_caller]
pub(crate) fn warned(folder: &Folder, says: &str) {
    let ended = mapiproxy("check", folder);
    assert!(ended.status.success(), "{}", ended.err);
    let warnings = ended.out.lines().filter(|line| line.contains("warning: ")).collect::<Vec<_>>();
    assert!(warnings.len() == 1 && warnings[0].contains(says), "expected {says:?}:\n{}", ended.out);
}

#[test]
fn a_valid_configuration_passes_without_a_warning() {
    let ended = mapiproxy("check", &good());
    assert!(ended.status.success(), "{}", ended.err);
    assert!(ended.out.contains("valid; accounts: 1; modules: names"), "{}", ended.out);
    assert!(!ended.out.contains("warning"), "{}", ended.out);
    // Without accounts and modules.
    let folder = good();
    let text = TEXT
        .replace("accounts = \"accounts.toml\"\n", "")
        .replace("[modules.names]\nserver = \"EXCH\"", "[modules]\nstack = []");
    let (before, after) = text.split_once("mode = \"specified\"\n").unwrap();
    let (_, after) = after.split_once("[modules]").unwrap();
    folder.write("proxy.toml", &format!("{before}mode = \"relayed\"\n[modules]{after}"));
    let ended = mapiproxy("check", &folder);
    assert!(ended.out.contains("proxy.toml: valid; modules: none"), "{}{}", ended.out, ended.err);
}

#[test]
fn a_certificate_that_clients_would_refuse_is_reported() {
    let folder = good();
    certificate(&folder, &["--expired", "proxy.lab.test"]);
    refused(&folder, &["line 4: listen.certificate: ", "own.crt: certificate expired 2 days ago: renew it"]);
    certificate(&folder, &["other.lab.test", "third.lab.test"]);
    refused(
        &folder,
        &["certificate is not for proxy.lab.test", "but for other.lab.test, third.lab.test: have one issued"],
    );
    certificate(&folder, &["--expired", "other.lab.test"]);
    refused(&folder, &["expired 2 days ago", "certificate is not for proxy.lab.test"]);
    certificate(&folder, &["--for-clients", "proxy.lab.test"]);
    refused(&folder, &["certificate is not for TLS servers"]);
    certificate(&folder, &["--expired", "--authority", "--for-clients", "other.lab.test"]);
    refused(&folder, &["expired 2 days ago", "is not for TLS servers", "is not for proxy.lab.test"]);
    certificate(&folder, &["--authority", "proxy.lab.test"]);
    warned(&folder, "listen.certificate: ");
    certificate(&folder, &["*.lab.test"]);
    assert!(mapiproxy("check", &folder).status.success());
}

#[test]
fn options_of_recordings_without_a_file_are_reported() {
    let folder = good();
    folder.write(
        "proxy.toml",
        &TEXT.replace("[modules.names]", "[capture]\nsides = [\"client\"]\n[modules.names]"),
    );
    warned(&folder, "capture: nothing is recorded, since neither packets nor har is set");
}

#[test]
fn a_key_that_does_not_belong_to_the_certificate_is_reported() {
    let folder = good();
    let own = std::fs::read_to_string(folder.join("own.crt")).unwrap();
    certificate(&folder, &["proxy.lab.test"]);
    folder.write("own.crt", &own);
    refused(&folder, &["line 5: listen.key: ", "own.key: key does not match the certificate in "]);
    folder.write(
        "own.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    refused(
        &folder,
        &["line 5: listen.key: ", "the private key is encrypted: make a file in PEM with `openssl pkey -in "],
    );
}

#[test]
fn a_private_key_that_other_users_can_read_is_reported() {
    let folder = good();
    for bits in [0o644, 0o604, 0o660] {
        mode(&folder.join("own.key"), bits);
        refused(&folder, &["line 5: listen.key: ", "is accessible to other users"]);
    }
    mode(&folder.join("own.key"), 0o640);
    assert!(mapiproxy("check", &folder).status.success(), "a group such as ssl-cert may read it");
}

#[test]
fn all_errors_in_the_tables_of_modules_are_reported_together() {
    let folder = good();
    let modules = "[modules]\nstack = [\"names\", \"nmaes\", \"logger\"]\n[modules.dummy]\nquiet = 1\ndefer_ms = \"x\"\n\
                   [modules.downgrade]\nmapi_htp = true\n[modules.filter]\nlimit = 5\n";
    let text = TEXT.replace("[modules.names]\nserver = \"EXCH\"\n", "");
    folder.write("proxy.toml", &format!("{text}{modules}[modules.names]\nserver = \"a/b\"\nsever = 5\n"));
    let first = text.lines().count() + 1;
    let line = |number: usize, text: &str| format!("line {}: {text}", first + number);
    let known = "the modules are downgrade, dummy, names\n";
    let expected = [
        line(1, &format!("modules.stack: there is no module nmaes or logger; {known}")),
        line(
            3,
            &format!(
                "modules.dummy.quiet: expected true or false\n{:>4} | quiet = 1\n     |         ^\n",
                first + 3
            ),
        ),
        line(4, "modules.dummy.defer_ms: expected an integer from "),
        line(6, "modules.downgrade.mapi_htp: is unknown; the options are mapi_http"),
        line(7, &format!("modules.filter: there is no module filter; {known}")),
        line(10, "modules.names.server: is not the name of a server"),
        line(11, "modules.names.sever: is unknown; the options are server"),
    ];
    refused(&folder, &expected.each_ref().map(String::as_str));
    let modules = modules.replace(", \"nmaes\", \"logger\"", "");
    folder.write("proxy.toml", &format!("{text}{modules}"));
    let unused = |number, name| {
        line(
            number,
            &format!("modules.{name}: has options, but {name} is not in modules.stack: add it there"),
        )
    };
    refused(&folder, &[&unused(2, "dummy"), &expected[1], &unused(5, "downgrade"), &expected[3]]);
}

#[test]
fn errors_in_files_and_in_the_text_are_reported_together() {
    let folder = good();
    folder.write("accounts.toml", &format!("{ACCOUNT}{ACCOUNT}"));
    folder.write("service.password", "\u{feff}Cheshire Cat 3\n");
    certificate(&folder, &["--expired", "proxy.lab.test"]);
    mode(&folder.join("own.key"), 0o644);
    let text = TEXT.replace("[clients]\n", "[clients]\nconnections = 0\n");
    folder.write(
        "proxy.toml",
        &format!("{text}[capture]\npackets = \"none/c.pcapng\"\n[modules]\nstack = [\"nmaes\"]\n"),
    );
    refused(
        &folder,
        &[
            "line 4: listen.certificate: ",
            "line 5: listen.key: ",
            "line 7: clients.connections: 0 is out of range; expected 1 or more",
            "line 8: clients.accounts: ",
            "denotes two accounts",
            "line 15: upstream.credentials.password_file: ",
            "begins with a byte order mark: save it as UTF-8 without one",
            "line 21: capture.packets: directory ",
            "line 23: modules.stack: there is no module nmaes; the modules are downgrade, dummy, names",
        ],
    );
}

#[test]
fn settings_that_are_possibly_not_intended_are_warned_of() {
    let folder = good();
    for (password, says) in
        [(" Cheshire", "begins or ends with a space"), ("Cheshire \n", "begins or ends with a space")]
    {
        folder.write("service.password", password);
        warned(&folder, says);
    }
    folder.write("service.password", "Cheshire Cat 3\n");
    for accounts in
        ["", "[[account]]\nuser = \"a\"\nnt_hash = \"0123456789abcdef0123456789abcdef\"\ndisabled = true\n"]
    {
        folder.write("accounts.toml", accounts);
        warned(&folder, "has no enabled account; add one with `mapiproxy account add");
    }
    folder.write("accounts.toml", ACCOUNT);
    // A name in the domain that never has one (RFC 6761 6.4).
    folder.write("proxy.toml", &TEXT.replace("http://127.0.0.24", "http://exch.invalid"));
    warned(&folder, "upstream.http: cannot resolve exch.invalid");
    folder.write("proxy.toml", &TEXT.replace("127.0.0.23:8443", "192.0.2.1:8443"));
    warned(&folder, "listen.https: cannot listen on 192.0.2.1 now");
    folder.write("proxy.toml", &TEXT.replace("127.0.0.23:8443", "127.0.0.23:0"));
    warned(&folder, "listen.https: with port 0 the system chooses another port");
}

#[test]
fn an_invalid_accounts_file_is_refused_with_the_expected_form() {
    let folder = good();
    for (from, to) in
        [("[[account]]", "[account]"), ("user", "name"), ("nt_hash = ", "nt_hash "), ("\"alice\"", "5")]
    {
        folder.write("accounts.toml", &ACCOUNT.replace(from, to));
        refused(
            &folder,
            &["line 7: clients.accounts: ", "an account is a line [[account]] followed by user"],
        );
    }
}

/// Expects exactly one error for the configuration, and no other output.
#[track_caller]
pub(crate) fn one_problem(folder: &Folder, text: &str, says: &str) {
    folder.write("proxy.toml", text);
    let ended = mapiproxy("check", folder);
    // The line of the file that it is about, and what is marked in it, are set in below the message.
    let (excerpt, lines): (Vec<&str>, Vec<&str>) =
        ended.err.lines().chain(ended.out.lines()).partition(|line| line.starts_with("  "));
    assert!(
        !ended.status.success() && lines.len() == 1 && lines[0].contains(says),
        "expected {says:?}:\n{lines:#?}"
    );
    assert!(excerpt.is_empty() || excerpt.len() == 2 && excerpt[1].contains('^'), "{excerpt:#?}");
}

#[test]
fn each_error_in_the_text_is_reported_once() {
    let folder = good();
    for (from, to, says) in [
        (
            "mode = \"specified\"\n",
            "",
            "line 10: upstream.credentials.mode: is missing: set it to \"specified\"",
        ),
        (
            "user = \"svcproxy\"",
            "user = 5",
            "line 12: upstream.credentials.user: expected a string, for example",
        ),
        (
            "user = \"svcproxy\"",
            "user = svcproxy",
            "line 12: upstream.credentials.user: strings must be quoted",
        ),
        (
            "[upstream.credentials]\n",
            "",
            "line 10: unknown keys upstream.mode, upstream.user, upstream.domain",
        ),
        (
            "password_file",
            "pasword_file",
            "line 14: unknown key upstream.credentials.pasword_file; did you mean",
        ),
        ("\"proxy.lab.test\"", "5", "line 1: name: expected a string, for example \"proxy.lab.test\""),
        ("\"proxy.lab.test\"", "\"proxy:443\"", "line 1: name: \"proxy:443\" is not a valid host name: "),
        (
            "\"127.0.0.23:8443\"",
            "\"127.0.0.23\"",
            "line 3: listen.https: \"127.0.0.23\" is not a valid address; expected",
        ),
        ("certificate = \"own.crt\"", "certificate = 5", "line 4: listen.certificate: expected a string"),
        (
            "[modules.names]",
            "[modules]\nstack = 5\n[modules.names]",
            "line 16: modules.stack: expected a list",
        ),
    ] {
        assert!(TEXT.contains(from), "{from}");
        one_problem(&folder, &TEXT.replacen(from, to, 1), says);
    }
    let two =
        TEXT.replacen("mode = \"specified\"\n", "", 1).replacen("\"proxy.lab.test\"", "proxy.lab.test", 1);
    one_problem(&folder, &two, "line 1: name: strings must be quoted: write name = \"proxy.lab.test\"");
}

#[test]
fn schemes_and_hosts_have_any_case() {
    let folder = good();
    for url in ["HTTP://127.0.0.24", "Http://127.0.0.24:80/"] {
        let text = TEXT.replacen("http://127.0.0.24", url, 1);
        folder.write("proxy.toml", &format!("public_url = \"HTTPS://Mail.LAB.test.:443\"\n{text}"));
        let ended = mapiproxy("check", &folder);
        assert!(ended.status.success() && !ended.out.contains("warning"), "{}{}", ended.err, ended.out);
    }
}

#[test]
fn directories_that_are_forwarded_with_the_service_account_are_warned_of() {
    let folder = good();
    let write = |keys: &str| folder.write("proxy.toml", &TEXT.replace("ews = \"refused\"\n", keys));
    // What clients need may be meant where it is written.
    for keys in ["ews = \"forwarded\"\n", "ews = \"forwarded\"\noab = \"forwarded\"\necp = \"refused\"\n"] {
        write(keys);
        assert!(!mapiproxy("check", &folder).out.contains("warning"), "{keys}");
    }
    write("EWS = \"forwarded\"\n");
    refused(&folder, &["unknown key virtual_directories.EWS; did you mean ews?"]);
    write("");
    warned(&folder, "virtual_directories.ews: forwarded with the service account LAB\\svcproxy");
    write("ecp = \"forwarded\"\n");
    warned(
        &folder,
        "virtual_directories.ews, virtual_directories.ecp: forwarded with the service account LAB\\svcproxy, so that each \
         user can do there whatever that account may do, for example read by EWS",
    );
    write("ews = \"refused\"\necp = \"forwarded\"\n");
    warned(
        &folder,
        "virtual_directories.ecp: forwarded with the service account LAB\\svcproxy, so that each user can do there \
         whatever that account may do; either set \"refused\", or set upstream.credentials.mode to \"relayed\"",
    );
    let decided = mapiproxy("check", &folder).out;
    assert!(!decided.contains("EWS") && !decided.contains("set ews"), "{decided}");
}

#[test]
fn a_server_that_is_given_by_address_only_has_no_name_to_replace() {
    let folder = good();
    folder.write("proxy.toml", &TEXT.replace("[modules.names]\nserver = \"EXCH\"\n", ""));
    warned(&folder, "modules.names.server is not set and upstream.http is an address, 127.0.0.24: ");
}

#[test]
fn pipes_devices_and_large_files_are_refused_at_once() {
    for verb in ["check", "run", "lab"] {
        let folder = good();
        let path = folder.join("proxy.toml");
        let begin = Instant::now();
        // As long as a mebibyte and more, without taking room on the disk.
        std::fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
        let ended = mapiproxy(verb, &folder);
        assert!(
            !ended.status.success() && ended.err.contains("is larger than 1048576 bytes"),
            "{}",
            ended.err
        );
        std::fs::remove_file(&path).unwrap();
        assert!(Command::new("mkfifo").args(["-m", "600"]).arg(&path).status().unwrap().success());
        let ended = mapiproxy(verb, &folder);
        assert!(!ended.status.success() && ended.err.contains("is a pipe, not a file"), "{}", ended.err);
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        let ended = mapiproxy(verb, &folder);
        assert!(!ended.status.success() && ended.err.contains("is a device, not a file"), "{}", ended.err);
        assert!(begin.elapsed() < Duration::from_secs(20), "{verb} took {:?}", begin.elapsed());
    }
}

#[test]
fn certificates_and_authorities_are_regular_files_of_bounded_size() {
    for (name, key) in
        [("own.crt", "listen.certificate"), ("own.key", "listen.key"), ("ca.crt", "upstream.ca_file")]
    {
        let folder = good();
        let text = TEXT
            .replace("http = \"http://127.0.0.24\"", "http = \"https://127.0.0.24\"\nca_file = \"ca.crt\"");
        folder.write("proxy.toml", &text);
        std::fs::copy(folder.join("own.crt"), folder.join("ca.crt")).unwrap();
        assert!(mapiproxy("check", &folder).status.success());
        std::fs::remove_file(folder.join(name)).unwrap();
        let made = Command::new("mkfifo").args(["-m", "600"]).arg(folder.join(name)).status().unwrap();
        assert!(made.success());
        refused(&folder, &[&format!("{key}: "), &format!("{name}: is not a regular file")]);
        std::fs::remove_file(folder.join(name)).unwrap();
        std::fs::File::create(folder.join(name)).unwrap().set_len(1 << 30).unwrap();
        mode(&folder.join(name), 0o600);
        refused(&folder, &[&format!("{key}: "), "is larger than 16777216 bytes"]);
    }
}

#[test]
fn a_recording_does_not_replace_another_file() {
    let folder = good();
    folder.write("proxy.toml", &format!("{TEXT}[capture]\npackets = \"c.pcapng\"\nhar = \"c.har\"\n"));
    folder.write("c.pcapng", "a letter");
    std::os::unix::fs::symlink(folder.join("accounts.toml"), folder.join("c.har")).unwrap();
    refused(
        &folder,
        &[
            "line 20: capture.packets: ",
            "c.pcapng: file is not a recording of MAPIProxy: move it away, or name another file",
            "line 21: capture.har: ",
            "c.har: file is a symbolic link, which is not followed",
        ],
    );
}
