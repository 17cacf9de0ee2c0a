//! Restores the bodies of a HAR file, and detects how the program that wrote it changed them.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::entry::{Content, Header};
use super::surrogates;
use crate::call::{Damage, HttpMessage};

/// The message with these fields and this content.
pub(super) fn message(headers: Vec<Header>, content: Content, body_size: Option<f64>) -> HttpMessage {
    let text = content.text.unwrap_or_default();
    let is_encoded = content.encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64"));
    // Some programs write the pseudo-header fields of HTTP/2 among the fields.
    let fields = headers.into_iter().filter(|header| !header.name.starts_with(':'));
    let fields = fields.map(|header| (header.name, header.value)).collect();
    let mut message = HttpMessage { fields, ..HttpMessage::default() };
    message.body = if !is_encoded {
        plain(&text, is_binary(&message)).into()
    } else if let Some(body) = decode_base64(&text) {
        body.into()
    } else {
        message.damage = Some(Damage::NotBase64);
        return message;
    };
    let recorded = u64::try_from(message.body.len()).unwrap_or(u64::MAX);
    let sent = sent(&message, recorded, content.size, body_size).filter(|sent| *sent != recorded);
    if !is_encoded && text.contains(char::REPLACEMENT_CHARACTER) && (sent.is_some() || is_binary(&message)) {
        message.damage = Some(Damage::Replaced);
    } else if let Some(sent) = sent {
        // The program may have omitted the body.
        match sent.checked_sub(recorded) {
            Some(missing) => message.missing = missing,
            None if is_binary(&message) => message.damage = Some(Damage::Length(sent)),
            None => {}
        }
    }
    message
}

/// Decodes base64 of either alphabet, with or without padding and line ends.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let standard = |byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    };
    let text = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).map(standard);
    GeneralPurpose::new(&alphabet::STANDARD, LENIENT).decode(text.collect::<Vec<u8>>()).ok()
}

/// The size of the body when it was sent, if the entry has it.
fn sent(message: &HttpMessage, recorded: u64, size: Option<f64>, body_size: Option<f64>) -> Option<u64> {
    let whole = |size: Option<f64>| {
        let size = size.filter(|size| *size > 0.0 && *size < 9e15)?;
        format!("{size:.0}").parse::<u64>().ok()
    };
    let length = message.field("content-length").and_then(|length| length.trim().parse().ok());
    let length = length.or_else(|| whole(body_size)).filter(|length| *length > 0);
    let is_encoded =
        message.field("content-encoding").is_some_and(|coding| !coding.eq_ignore_ascii_case("identity"));
    match whole(size) {
        // These sizes include the content coding, which the recorded text usually does not have. Some programs, such as
        // mitmproxy, write the same number as `size`.
        _ if is_encoded && length == Some(recorded) => None,
        size if is_encoded => size.filter(|size| length.is_some_and(|length| length != *size)),
        size => size.or(length),
    }
}

/// Whether the type of a body is binary.
fn is_binary(message: &HttpMessage) -> bool {
    let kind = message.field("content-type").unwrap_or_default().to_ascii_lowercase();
    ["mapi-http", "octet-stream", "application/rpc"].iter().any(|known| kind.contains(known))
}

/// A body that is not in base64. Bytes that are not text may be marked. If every character fits a byte, and the body is
/// binary or its bytes are not UTF-8, the program has treated the bytes as Latin-1.
fn plain(text: &str, is_binary: bool) -> Vec<u8> {
    if let Some(bytes) = surrogates::bytes(text) {
        return bytes;
    }
    match text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<u8>>>() {
        Some(bytes) if is_binary || std::str::from_utf8(&bytes).is_err() => bytes,
        _ => text.as_bytes().to_vec(),
    }
}
