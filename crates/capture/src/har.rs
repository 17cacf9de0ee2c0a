//! HAR: recordings of HTTP that browsers and proxies write (version 1.2).
//!
//! Entries are read one by one, so that a file may be larger than memory.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::call::{Call, CallBody, Damage, HttpCall, HttpMessage, HttpResponse};
use crate::conversation::{RecordedItem, path_of, plain_user};
use crate::source::Problem;
use crate::time::Timestamp;

/// Reads the entries of `file`, and hands each to `sink`. Connections get the numbers behind `first`.
///
/// # Errors
/// When the file cannot be read, or is no such recording.
pub fn read(
    file: impl Read,
    first: u64,
    sink: &mut dyn FnMut(RecordedItem),
) -> Result<(), serde_json::Error> {
    let mut deserializer =
        serde_json::Deserializer::from_reader(BufReader::with_capacity(STEP, Utf8::new(file)));
    let mut state = State { sink, connections: HashMap::new(), first, entries: 0 };
    Member { name: "log", inner: Member { name: "entries", inner: Entries(&mut state) } }
        .deserialize(&mut deserializer)?;
    deserializer.end()
}

/// Whether a file that begins with `start` is such a recording: an object of JSON, in UTF-8 or behind a byte
/// order mark.
pub fn is_har(start: &[u8]) -> bool {
    let (encoding, mark) = encoding(start);
    let start = start.get(mark..).unwrap_or_default();
    let (text, _) = encoding.decode_without_bom_handling(start.get(..MAX_START).unwrap_or(start));
    text.trim_start().starts_with('{')
}

/// The encoding of a text that begins so, and how many bytes its mark has. JSON begins with ASCII.
fn encoding(start: &[u8]) -> (&'static Encoding, usize) {
    Encoding::for_bom(start).unwrap_or(match start {
        [0, low, ..] if *low != 0 => (UTF_16BE, 0),
        [low, 0, ..] if *low != 0 => (UTF_16LE, 0),
        _ => (UTF_8, 0),
    })
}

/// How much of a file is looked at to know what it is, in bytes.
const MAX_START: usize = 1024;

/// How much of a file is read at once, in bytes.
const STEP: usize = 16 * 1024;

/// A text as UTF-8 without a byte order mark, whichever mark it begins with.
struct Utf8<R> {
    inner: R,
    decoder: Decoder,
    raw: Vec<u8>,
    /// What of `raw` is not decoded yet.
    waiting: std::ops::Range<usize>,
    begun: bool,
    ended: bool,
    /// The decoder has nothing more, and takes nothing more.
    finished: bool,
}

impl<R: Read> Utf8<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            decoder: UTF_8.new_decoder(),
            raw: vec![0; STEP],
            waiting: 0..0,
            begun: false,
            ended: false,
            finished: false,
        }
    }
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // The decoder needs room for a whole character: smaller reads go through a buffer.
        if out.is_empty() || self.finished {
            return Ok(0);
        }
        loop {
            if self.waiting.is_empty() && !self.ended {
                let mut count = self.inner.read(&mut self.raw)?;
                (self.waiting, self.ended) = (0..count, count == 0);
                if !std::mem::replace(&mut self.begun, true) {
                    if count == 1 {
                        count =
                            count.saturating_add(self.inner.read(self.raw.get_mut(1..).unwrap_or_default())?);
                        self.waiting = 0..count;
                    }
                    self.decoder = encoding(self.raw.get(..count).unwrap_or_default()).0.new_decoder();
                }
            }
            let raw = self.raw.get(self.waiting.clone()).unwrap_or_default();
            let (result, read, written, _) = self.decoder.decode_to_utf8(raw, out, self.ended);
            self.waiting.start = self.waiting.start.saturating_add(read);
            self.finished = self.ended && result == CoderResult::InputEmpty;
            if written > 0 || self.finished {
                return Ok(written);
            }
            if result == CoderResult::OutputFull {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "no room for a character"));
            }
        }
    }
}

struct State<'a> {
    sink: &'a mut dyn FnMut(RecordedItem),
    /// The numbers of connections by their names.
    connections: HashMap<String, u64>,
    first: u64,
    entries: u64,
}

/// One member of an object; the others are passed over.
struct Member<S> {
    name: &'static str,
    inner: S,
}

impl<'de, S: DeserializeSeed<'de, Value = ()>> DeserializeSeed<'de> for Member<S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S: DeserializeSeed<'de, Value = ()>> Visitor<'de> for Member<S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with \"{}\"", self.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut inner = Some(self.inner);
        while let Some(key) = map.next_key::<String>()? {
            match inner.take_if(|_| key == self.name) {
                Some(inner) => map.next_value_seed(inner)?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        match inner {
            Some(_) => Err(serde::de::Error::missing_field(self.name)),
            None => Ok(()),
        }
    }
}

struct Entries<'s, 'a>(&'s mut State<'a>);

impl<'de> DeserializeSeed<'de> for Entries<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(value) = seq.next_element::<serde_json::Value>()? {
            self.0.entry(value);
        }
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    started_date_time: String,
    /// Milliseconds.
    #[serde(default)]
    time: f64,
    request: Request,
    #[serde(default)]
    response: Response,
    #[serde(default)]
    connection: Option<String>,
    /// What our own recordings say besides.
    #[serde(rename = "_user", default)]
    user: Option<String>,
    #[serde(rename = "_side", default)]
    side: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Header>,
    #[serde(default)]
    post_data: Option<Content>,
    /// Bytes of the body; negative where that is not known.
    #[serde(default)]
    body_size: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Response {
    status: f64,
    status_text: String,
    headers: Vec<Header>,
    content: Content,
    body_size: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Header {
    name: String,
    value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Content {
    text: Option<String>,
    encoding: Option<String>,
    /// Bytes of an answer's body, unpacked; negative where that is not known.
    size: Option<f64>,
}

impl State<'_> {
    fn entry(&mut self, value: serde_json::Value) {
        self.entries = self.entries.saturating_add(1);
        let number = self.entries;
        let call = serde_json::from_value::<Entry>(value)
            .map_err(|error| error.to_string())
            .map(|entry| self.call(entry));
        (self.sink)(match call {
            Ok(call) => RecordedItem::Call(Box::new(call)),
            Err(what) => RecordedItem::Problem(Problem { place: format!("entry {number}"), what }),
        });
    }

    fn call(&mut self, entry: Entry) -> Call {
        let is_head = entry.request.method.eq_ignore_ascii_case("HEAD");
        let content = entry.request.post_data.unwrap_or_default();
        let request = message(entry.request.headers, content, entry.request.body_size);
        let user = entry.user.map(Into::into).or_else(|| plain_user(request.field("authorization")?));
        let response = status(entry.response.status);
        let response = response.map(|status| {
            let Response { headers, content, body_size, .. } = entry.response;
            let mut message = message(headers, content, body_size);
            if is_head || status == 304 {
                message.missing = 0;
            }
            HttpResponse { status, reason: entry.response.status_text, message }
        });
        let next = u64::try_from(self.connections.len()).unwrap_or(u64::MAX).saturating_add(1);
        let connection = match entry.connection.filter(|name| !name.is_empty()) {
            Some(name) => *self.connections.entry(name).or_insert(next),
            None => self.entries.saturating_add(1 << 32),
        };
        let connection = connection.saturating_add(self.first);
        let asked = Timestamp::parse(&entry.started_date_time).unwrap_or_default();
        let elapsed = Duration::try_from_secs_f64(entry.time / 1000.0).ok();
        Call {
            time: asked,
            elapsed: elapsed.filter(|_| response.is_some()),
            connection,
            user,
            side: entry.side.map(Into::into),
            client: None,
            server: None,
            body: CallBody::Http(HttpCall {
                method: entry.request.method,
                target: target(&entry.request.url),
                request,
                response,
            }),
        }
    }
}

/// The status of an answer; none where there was no answer.
fn status(number: f64) -> Option<u16> {
    let known = number >= 100.0 && number <= f64::from(u16::MAX);
    known.then(|| format!("{number:.0}").parse().ok()).flatten()
}

/// The path and the query of a URL.
fn target(url: &str) -> String {
    path_of(url).split('#').next().unwrap_or_default().to_owned()
}

fn message(headers: Vec<Header>, content: Content, body_size: Option<f64>) -> HttpMessage {
    let text = content.text.unwrap_or_default();
    let is_encoded = content.encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64"));
    // Some write the names that HTTP/2 makes up among the others.
    let fields = headers.into_iter().filter(|header| !header.name.starts_with(':'));
    let fields = fields.map(|header| (header.name, header.value)).collect();
    let mut message = HttpMessage { fields, ..HttpMessage::default() };
    message.body = if !is_encoded {
        plain(&text, is_binary(&message)).into()
    } else if let Some(body) = unpacked(&text) {
        body.into()
    } else {
        message.damage = Some(Damage::NotBase64);
        return message;
    };
    let there = u64::try_from(message.body.len()).unwrap_or(u64::MAX);
    let sent = sent(&message, content.size, body_size).filter(|sent| *sent != there);
    if !is_encoded && text.contains(char::REPLACEMENT_CHARACTER) && (sent.is_some() || is_binary(&message)) {
        message.damage = Some(Damage::Replaced);
    } else if let Some(sent) = sent {
        // Where nothing is there at all, it was left out.
        match sent.checked_sub(there) {
            Some(missing) => message.missing = missing,
            None if is_binary(&message) => message.damage = Some(Damage::Length(sent)),
            None => {}
        }
    }
    message
}

/// What is packed as base64: by either alphabet, with or without padding and line ends.
fn unpacked(text: &str) -> Option<Vec<u8>> {
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

/// How many bytes the body had when it was sent, as far as the entry says.
fn sent(message: &HttpMessage, size: Option<f64>, body_size: Option<f64>) -> Option<u64> {
    let whole = |size: Option<f64>| {
        let size = size.filter(|size| *size > 0.0 && *size < 9e15)?;
        format!("{size:.0}").parse::<u64>().ok()
    };
    if let Some(size) = whole(size) {
        return Some(size);
    }
    // These count what was sent, which is not what is shown where it was packed.
    if message.field("content-encoding").is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return None;
    }
    let length = message.field("content-length").and_then(|length| length.trim().parse().ok());
    length.or_else(|| whole(body_size)).filter(|length| *length > 0)
}

/// Whether a body is of a kind that is no text.
fn is_binary(message: &HttpMessage) -> bool {
    let kind = message.field("content-type").unwrap_or_default().to_ascii_lowercase();
    ["mapi-http", "octet-stream", "application/rpc"].iter().any(|known| kind.contains(known))
}

/// A body that is not encoded. Where every character is one that a byte can be, it is bytes that were taken for
/// Latin-1, if it is binary or cannot be UTF-8.
fn plain(text: &str, is_binary: bool) -> Vec<u8> {
    match text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<u8>>>() {
        Some(bytes) if is_binary || std::str::from_utf8(&bytes).is_err() => bytes,
        _ => text.as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests;
