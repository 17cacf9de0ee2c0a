//! Other readers of mail read what is written as this crate's reader does.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::{MessageParser, MimeHeaders, PartType};
use serde_json::{Value, json};

use super::{MESSAGES, converted, generate};

/// What `mail-parser` reads.
fn read(message: &mail_parser::Message<'_>) -> Value {
    let addresses = |list: Option<&mail_parser::Address<'_>>| {
        let all = list.into_iter().flat_map(|list| list.iter().collect::<Vec<_>>());
        all.map(|address| json!([address.name().unwrap_or_default(), address.address()])).collect::<Vec<_>>()
    };
    let leaves = message.parts.iter().filter_map(|part| {
        let media_type = part
            .content_type()
            .map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()));
        let content = match &part.body {
            PartType::Multipart(_) => return None,
            PartType::Message(message) => read(message),
            // Files whose type is a text are decoded to characters, which loses bytes.
            _ if part.encoding == mail_parser::Encoding::Base64 => {
                let range = usize::try_from(part.offset_body).ok()?..usize::try_from(part.offset_end).ok()?;
                json!(hex(&base64_decode(message.raw_message.get(range)?)?))
            }
            _ => json!(hex(part.contents())),
        };
        Some(json!([media_type, part.attachment_name(), content]))
    });
    json!({
        "subject": message.subject(),
        "from": addresses(message.from()),
        "to": addresses(message.to()),
        "cc": addresses(message.cc()),
        "parts": leaves.collect::<Vec<_>>(),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes it");
        text
    })
}

#[test]
fn python_and_mail_parser_read_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut expected = Vec::new();
    for seed in 0..MESSAGES {
        let bytes = converted(&generate::message(seed));
        std::fs::write(folder.path().join(format!("{seed:03}.eml")), &bytes).expect("it is written");
        expected.push(read(&MessageParser::default().parse(&bytes).expect("a message")));
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conversion/read_mime.py");
    let output = Command::new("python3").arg(script).arg(folder.path()).output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found.len(), expected.len());
    for (seed, (found, expected)) in found.iter().zip(&expected).enumerate() {
        for name in ["subject", "from", "to", "cc"] {
            assert_eq!(found[name], expected[name], "seed {seed}");
        }
        let parts = |message: &Value| message["parts"].as_array().cloned().unwrap_or_default();
        let (found, expected) = (parts(found), parts(expected));
        assert_eq!(found.len(), expected.len(), "seed {seed}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "seed {seed}");
        }
    }
}
