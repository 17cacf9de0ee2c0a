//! The header fields with which a message was received (`PidTagTransportMessageHeaders`, [MS-OXOMSG] 2.2.1.61).

use mail_builder::headers::Header;
use mail_builder::headers::text::Text;
use mapi::property::PropTag;

use super::context::Context;
use super::fields::{Fields, MAX_LINE, clean, is_name};
use crate::limits::Loss;
use crate::model::Properties;
use crate::reserved::is_reserved;
use crate::smime::is_of_mime;

/// The received fields, unchanged and in order, without those that `fields` has, those of MIME, and reserved ones.
pub(super) fn kept(context: &mut Context<'_>, fields: &Fields, properties: &Properties<'_>) -> Vec<u8> {
    let mut kept = Fields::default();
    let Some(text) = properties.text(PropTag::PidTagTransportMessageHeaders) else { return Vec::new() };
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).peekable();
    let mut all_kept = true;
    while let Some(first) = lines.next() {
        // Some servers store the body's header fields after an empty line.
        if first.is_empty() {
            break;
        }
        let mut field = vec![first];
        while let Some(line) = lines.next_if(|line| line.starts_with([' ', '\t'])) {
            field.push(line);
        }
        match first.split_once(':') {
            Some((name, _)) if is_name(name.trim_end()) => {
                let name = name.trim_end();
                if !fields.contains(name) && !is_of_mime(name) && !is_reserved(name) {
                    write(&mut kept, name, &field);
                }
            }
            _ => all_kept = false,
        }
    }
    if !all_kept {
        context.lose(Loss::TransportHeaders);
    }
    kept.into_bytes()
}

fn write(kept: &mut Fields, name: &str, field: &[&str]) {
    let is_text = |line: &&str| {
        let is_blank = line.bytes().all(|byte| byte == b' ' || byte == b'\t');
        line.len() <= MAX_LINE
            && !is_blank
            && line.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
    };
    let mut bytes = Vec::new();
    if field.iter().all(is_text) {
        for line in field {
            bytes.extend_from_slice(line.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
    } else {
        let unfolded = field.concat();
        let value = unfolded.split_once(':').map_or("", |(_, value)| value);
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        Text::new(clean(value)).write_header(&mut bytes, name.len().saturating_add(2));
    }
    kept.lines(&bytes);
}
