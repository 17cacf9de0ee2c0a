//! `mapiproxy client` through the proxy to the lab: over MAPI over HTTP and over RPC.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{ALICE, BOB, Ended, Folder, Lab, Process, Proxy, program, python};

/// The program as a user of the proxy.
struct Program<'a> {
    server: String,
    user: (&'static str, &'static str),
    certificate: std::path::PathBuf,
    folder: &'a Folder,
}

impl Program<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command_without_json(arguments);
        command.arg("--json");
        command
    }

    fn command_without_json(&self, arguments: &[&str]) -> Command {
        let password = self.folder.write(&format!("password-{}", self.user.0), self.user.1);
        let mut command = Command::new(program());
        command.args(["client", "--server", &self.server, "--user", self.user.0, "--domain", "LAB"]);
        command.arg("--ca-file").arg(&self.certificate).arg("--password-file").arg(password).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Process::start("mapiproxy client", &mut self.command(arguments)).end()
    }

    /// The results of a command that succeeds.
    #[track_caller]
    fn results(&self, arguments: &[&str]) -> Vec<Value> {
        results(&self.run(arguments))
    }
}

#[track_caller]
fn results(ended: &Ended) -> Vec<Value> {
    assert!(ended.status.success(), "{}\n{}", ended.out, ended.err);
    ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Alice over HTTP, and Bob over RPC.
fn programs<'a>(proxy: &Proxy, url: String, folder: &'a Folder) -> [Program<'a>; 2] {
    let certificate = proxy.file("own.crt");
    let mapper = proxy.mapper().to_string();
    let alice = Program { server: url, user: ALICE, certificate: certificate.clone(), folder };
    [alice, Program { server: mapper, user: BOB, certificate, folder }]
}

#[test]
fn a_message_with_an_attachment_is_sent_over_http_and_read_over_rpc() {
    let lab = Lab::by_http();
    let (proxy, url) = lab.proxied_by_http();
    let folder = Folder::new();
    let [alice, bob] = programs(&proxy, url, &folder);

    let watch = Process::start("mapiproxy client", &mut bob.command(&["watch", "inbox", "--count", "1"]));
    let text = "Tea at four, as usual.\n".repeat(5000);
    let file = folder.write("tea.txt", &text);
    // A watch may begin after the first message.
    let mut sent = 0;
    let mut watch = watch;
    while watch.out().is_empty() {
        let send = ["send", "--to", "bob@lab.test", "--subject", "Tea?", "--body", "At four.", "--attach"];
        let printed = alice.results(&[&send[..], &[file.to_str().unwrap()]].concat());
        assert_eq!(printed[0]["recipients"], 1);
        sent += 1;
        assert!(sent < 50, "no notification");
    }
    assert!(results(&watch.end())[0]["message"].is_string());

    let listed = bob.results(&["list"]);
    assert_eq!(listed.len(), sent);
    assert_eq!((&listed[0]["subject"], &listed[0]["is_read"]), (&Value::from("Tea?"), &Value::from(false)));
    let saved = folder.join("saved");
    std::fs::create_dir(&saved).unwrap();
    let id = listed[0]["id"].as_str().unwrap();
    let read = bob.results(&["read", "inbox", id, "--save", saved.to_str().unwrap()]);
    assert_eq!(
        (&read[0]["body"], &read[0]["recipients"][0]["kind"]),
        (&Value::from("At four."), &Value::from("To"))
    );
    assert_eq!(std::fs::read_to_string(saved.join("tea.txt")).unwrap(), text);
    // No file is replaced.
    let again = bob.run(&["read", "inbox", id, "--save", saved.to_str().unwrap()]);
    assert!(!again.status.success() && again.err.contains("tea.txt: "), "{}", again.err);
    let sent_items = alice.results(&["list", "sent"]);
    assert_eq!(sent_items.len(), sent);
}

#[test]
fn folders_permissions_rules_and_the_address_book_are_printed_over_both_protocols() {
    let lab = Lab::by_http();
    let (proxy, url) = lab.proxied_by_http();
    let folder = Folder::new();
    for program in programs(&proxy, url, &folder) {
        let folders = program.results(&["folders"]);
        assert!(folders.iter().any(|each| each["name"] == "Inbox" && each["depth"] == 1), "{folders:?}");
        let added = program.results(&["permissions", "inbox", "--add", "carol", "--rights", "0x401"]);
        let carol = added.iter().find(|each| each["name"].as_str().unwrap().starts_with("Carol ")).unwrap();
        assert_eq!(carol["right_names"], serde_json::json!(["ReadAny", "FolderVisible"]));
        let removed = program.results(&["permissions", "inbox", "--remove", &carol["member"].to_string()]);
        assert_eq!(removed.len() + 1, added.len());
        assert_eq!(program.results(&["rules"]), Vec::<Value>::new());
        assert_eq!(program.results(&["gal", "--search", "alice"])[0]["account"], "alice");
        let resolved = program.results(&["resolve", "bob", "unknown user"]);
        assert_eq!((&resolved[0]["account"], &resolved[1]["error"]), (&"bob".into(), &"not found".into()));
        assert!(program.results(&["logon"])[0]["mailbox"].is_string());
        if program.server.starts_with("https") {
            let discovered = program.results(&["--discover", "alice@lab.test", "logon"]);
            assert_eq!(discovered, program.results(&["logon"]));
        }
    }
}

/// What Python's `email` package reads in a file: subject, sender, recipients, text, and attachments by name.
const READ_EML: &str = "
import email, email.policy, json, sys
mail = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
files = {part.get_filename(): part.get_payload(decode=True).decode() for part in mail.iter_attachments()}
fields = [mail[name] for name in ('Subject', 'From', 'To')]
print(json.dumps(fields + [mail.get_body().get_content(), files]))
";

/// What Python reads in `bytes`.
fn read_eml(bytes: &[u8]) -> Value {
    let (stdin, mut writer) = std::io::pipe().unwrap();
    let mut command = Command::new(python());
    command.args(["-c", READ_EML]).stdin(stdin);
    std::thread::scope(|scope| {
        scope.spawn(move || std::io::Write::write_all(&mut writer, bytes).unwrap());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    })
}

#[test]
fn messages_are_printed_and_exported_as_files_that_other_programs_read() {
    let lab = Lab::by_http();
    let (proxy, url) = lab.proxied_by_http();
    let folder = Folder::new();
    let [alice, bob] = programs(&proxy, url, &folder);
    let text = "Teas: Assam, Grüner Tee, 煎茶\n".repeat(3000);
    let file = folder.write("teas.txt", &text);
    alice.results(&[
        "send",
        "--to",
        "bob@lab.test",
        "--subject",
        "Tea? Grüße / 茶",
        "--body",
        "At four.",
        "--attach",
        file.to_str().unwrap(),
    ]);
    let id = bob.results(&["list"])[0]["id"].as_str().unwrap().to_owned();
    let with_json = bob.run(&["read", "inbox", &id, "--eml"]);
    assert_eq!(with_json.status.code(), Some(2), "{}", with_json.err);
    let printed = bob.command_without_json(&["read", "inbox", &id, "--eml"]).output().unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let read = read_eml(&printed.stdout);
    let attachment = serde_json::json!({ "teas.txt": text });
    assert_eq!((&read[0], &read[3]), (&"Tea? Grüße / 茶".into(), &"At four.".into()));
    assert!(read[1].as_str().unwrap().contains("<alice@lab.test>"), "{}", read[1]);
    assert!(read[2].as_str().unwrap().contains("bob@lab.test"), "{}", read[2]);
    assert!(read[4] == attachment, "another attachment");

    let directory = folder.join("export");
    let export = ["export", "--to", directory.to_str().unwrap()];
    let exported = bob.results(&export);
    let count = exported.last().unwrap();
    assert_eq!((&count["existing"], &count["failed"]), (&0.into(), &0.into()));
    assert_eq!(exported.len() as u64, count["written"].as_u64().unwrap() + 1);
    let ours = exported.iter().find(|each| each["id"] == id.as_str()).unwrap();
    let path = Path::new(ours["file"].as_str().unwrap());
    assert!(path.starts_with(directory.join("Inbox")), "{}", path.display());
    assert_eq!(std::fs::read(path).unwrap(), printed.stdout);
    // Nothing is written again.
    std::fs::write(path, "changed").unwrap();
    let again = bob.results(&export);
    assert_eq!((&again[0]["existing"], &again[0]["written"]), (&count["written"], &0.into()));
    assert_eq!(std::fs::read(path).unwrap(), b"changed");
    // The sender has the message in another folder.
    let sent = folder.join("sent");
    let exported = alice.results(&["export", "sent", "--to", sent.to_str().unwrap()]);
    assert_eq!(exported.last().unwrap()["written"], 1, "{exported:?}");
}

#[test]
fn failures_have_their_exit_status_and_one_line_with_advice() {
    let lab = Lab::by_http();
    let (proxy, url) = lab.proxied_by_http();
    let folder = Folder::new();
    let failed = |ended: &Ended, status: i32, part: &str| {
        assert_eq!(ended.status.code(), Some(status), "{}", ended.err);
        assert!(ended.err.contains(part) && ended.err.lines().count() == 1, "{}", ended.err);
        assert_eq!(ended.out, "");
    };
    for program in programs(&proxy, url, &folder) {
        let wrong = Program { user: (program.user.0, "wrong"), folder: &folder, ..copy(&program) };
        failed(&wrong.run(&["gal"]), 3, "; check --user, --domain, the password, --auth");
        // Nothing listens on this port.
        let server = program.server.replace(":8443", ":9").replace(":1135", ":9");
        let unreachable = Program { server, folder: &folder, ..copy(&program) };
        failed(&unreachable.run(&["gal"]), 4, "; check --server");
        failed(&program.run(&["list", "no such folder"]), 5, "folder no such folder");
        failed(&program.run(&["rules", "--delete", "99"]), 5, "RopModifyRules");
        failed(&program.run(&["logon", "unknown user"]), 1, "unknown user is not in the address book");
        failed(
            &program.run(&["send", "--to", "a@lab.test", "--body", "", "--attach", "none"]),
            1,
            "cannot read none",
        );
    }
}

fn copy<'a>(program: &Program<'a>) -> Program<'a> {
    let Program { server, user, certificate, folder } = program;
    Program { server: server.clone(), user: *user, certificate: Path::new(certificate).to_owned(), folder }
}
