//! Recordings that other programs wrote.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Ended, Folder, Process, program, python};
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
fn a_truncated_recording_is_read_to_its_last_complete_record() {
    let folder = Folder::new();
    let halves = "import sys, gzip\n\
         entry = '{\"request\": {\"method\": \"GET\", \"url\": \"/ews/%d\"}}'\n\
         har = '{\"log\": {\"entries\": [' + ','.join(entry % n for n in range(3)) + ']}}'\n\
         packed = gzip.compress(har.encode())\n\
         open(sys.argv[-1], 'wb').write(packed + b'\\0' * 512)\n";
    let trailing = written(&folder, "trailing.har.gz", halves, &[]);
    let ended = decode(&trailing);
    assert!(ended.status.success() && ended.out.lines().count() == 3, "{} {}", ended.out, ended.err);
    assert!(ended.err.contains("data after the gzip data is ignored"), "{}", ended.err);

    let packed = "import gzip, sys; open(sys.argv[-1], 'wb').write(gzip.compress(open(sys.argv[1], 'rb').read())[:-9])";
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/kerberos.pcap");
    let ended = decode(&written(&folder, "cut.pcap.gz", packed, &[&whole]));
    assert!(ended.status.success() && ended.out.lines().count() > 10, "{} {}", ended.out, ended.err);
    assert!(ended.err.contains("gzip data is truncated"), "{}", ended.err);

    // A recording of one direction has no operations; a warning gives the reason.
    let responses = folder.write("alone.resp.http", &ANSWER.replace("\\r\\n", "\r\n"));
    let ended = decode(&responses);
    assert_eq!((ended.status.success(), ended.out.as_str()), (true, ""));
    assert!(ended.err.contains("what the client sent is not in the recording"), "{}", ended.err);
}

#[test]
fn a_file_in_which_nothing_can_be_found_fails_with_the_reason() {
    let folder = Folder::new();
    let empty = folder.write("empty.pcap", "");
    let unrelated = folder.write("bzip2.pcap", "BZh91AY");
    let har = folder.write("none.har", r#"{"log": {"entries": []}}"#);
    let directory = folder.join("others");
    std::fs::create_dir(&directory).unwrap();
    std::fs::copy(&har, directory.join("none.har")).unwrap();
    for (path, reason) in [
        (&empty, "empty.pcap: the file is empty"),
        (&unrelated, "the file is compressed by bzip2"),
        (&har, "nothing was found in the recording"),
        (&directory, "no raw HTTP files"),
    ] {
        let ended = decode(path);
        assert_eq!((ended.status.code(), ended.out.as_str()), (Some(1), ""), "{}", ended.err);
        assert!(ended.err.contains(reason), "{}", ended.err);
    }
}

/// The output of `mapiproxy decode` for `file`.
fn decode(file: &Path) -> Ended {
    Process::start("decode", Command::new(program()).args(["decode", "--json"]).arg(file)).end()
}

#[test]
fn recordings_are_read_compressed_with_a_byte_order_mark_and_from_archives() {
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
