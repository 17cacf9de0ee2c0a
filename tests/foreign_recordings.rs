//! Recordings as other programs write them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Folder, Process, python};
use crate::recordings::decoded;

const REQUEST: &str =
    "POST https://mail.lab.test/ews/x HTTP/1.1\\r\\nHost: mail.lab.test\\r\\nContent-Length: 2\\r\\n\\r\\nhi";
const ANSWER: &str = "HTTP/1.1 200 OK\\r\\nContent-Type: text/plain\\r\\nContent-Length: 2\\r\\n\\r\\nok";

/// Has Python write a file, whose name is its last argument.
fn written(folder: &Folder, name: &str, script: &str, more: &[&Path]) -> PathBuf {
    let path = folder.join(name);
    let mut command = Command::new(python());
    command.args(["-c", script]).args(more).arg(&path);
    let ended = Process::start("python", &mut command).end();
    assert!(ended.status.success(), "{}", ended.err);
    path
}

#[test]
fn recordings_are_read_packed_marked_and_out_of_archives() {
    let folder = Folder::new();
    let har = r#"{"log": {"version": "1.2", "entries": [{"request": {"method": "POST",
        "url": "https://mail.lab.test/ews/x", "headers": [], "postData": {"text": "hi"}},
        "response": {"status": 200, "headers": [{"name": "Content-Type", "value": "text/plain"}],
        "content": {"size": 2, "text": "ok"}}}]}}"#;
    let plain = folder.write("plain.har", har);
    let gzip = "import gzip, sys; gzip.open(sys.argv[-1], 'wb').write(open(sys.argv[1], 'rb').read())";
    let mark = "import sys; open(sys.argv[-1], 'w', encoding='utf-16').write(open(sys.argv[1]).read())";
    let archive = format!(
        "import sys, zipfile\n\
         with zipfile.ZipFile(sys.argv[-1], 'w', zipfile.ZIP_DEFLATED) as archive:\n\
         \x20   archive.writestr('raw/1_c.txt', '{REQUEST}')\n\
         \x20   archive.writestr('raw/1_s.txt', '{ANSWER}')\n"
    );
    let files = [
        written(&folder, "packed.har.gz", gzip, &[&plain]),
        written(&folder, "marked.har", mark, &[&plain]),
        folder.write("utf8.har", &format!("\u{feff}{har}")),
        written(&folder, "archive.saz", &archive, &[]),
        plain,
    ];
    for file in &files {
        let [operation] = &decoded(file, &[])[..] else { panic!("{}", file.display()) };
        assert_eq!(operation["operation"], "POST /ews/x", "{}", file.display());
        assert_eq!((&operation["status"], &operation["response"]), (&200.into(), &"ok".into()));
    }
}
