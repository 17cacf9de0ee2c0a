//! HAR: recordings of HTTP that browsers and proxies write (version 1.2).
//!
//! Entries are read one by one, so that a file may be larger than memory.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::call::{Call, CallBody, Damage, HttpCall, HttpMessage, HttpResponse};
use crate::conversation::{Found, named, path_of};
use crate::source::Problem;
use crate::time::Timestamp;

/// Reads the entries of `file`, and hands each to `sink`. Connections get the numbers behind `first`.
///
/// # Errors
/// When the file can't be read, or is no such recording.
pub fn read(file: impl Read, first: u64, sink: &mut dyn FnMut(Found)) -> Result<(), serde_json::Error> {
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
    let (encoding, mark) = Encoding::for_bom(start).unwrap_or((UTF_8, 0));
    let start = start.get(mark..).unwrap_or_default();
    let (text, _) = encoding.decode_without_bom_handling(start.get(..MAX_START).unwrap_or(start));
    text.trim_start().starts_with('{')
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
            ended: false,
            finished: false,
        }
    }
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // The decoder needs room for a character as a whole: who asks for less gets it by a detour.
        if out.is_empty() || self.finished {
            return Ok(0);
        }
        loop {
            if self.waiting.is_empty() && !self.ended {
                let count = self.inner.read(&mut self.raw)?;
                (self.waiting, self.ended) = (0..count, count == 0);
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
    sink: &'a mut dyn FnMut(Found),
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
    status: i64,
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
            .and_then(|entry| self.call(entry));
        (self.sink)(match call {
            Ok(call) => Found::Call(Box::new(call)),
            Err(what) => Found::Problem(Problem { place: format!("entry {number}"), what }),
        });
    }

    fn call(&mut self, entry: Entry) -> Result<Call, String> {
        let is_head = entry.request.method.eq_ignore_ascii_case("HEAD");
        let content = entry.request.post_data.unwrap_or_default();
        let request = message(entry.request.headers, content, entry.request.body_size)?;
        let user = entry.user.map(Into::into).or_else(|| named(request.field("authorization")?));
        let response = u16::try_from(entry.response.status).ok().filter(|status| *status >= 100);
        let response = response.map(|status| {
            let Response { headers, content, body_size, .. } = entry.response;
            let mut message = message(headers, content, body_size)?;
            if is_head || status == 304 {
                message.missing = 0;
            }
            Ok::<_, String>(HttpResponse { status, reason: entry.response.status_text, message })
        });
        let response = response.transpose()?;
        let next = u64::try_from(self.connections.len()).unwrap_or(u64::MAX).saturating_add(1);
        let connection = match entry.connection.filter(|name| !name.is_empty()) {
            Some(name) => *self.connections.entry(name).or_insert(next),
            None => self.entries.saturating_add(1 << 32),
        };
        let connection = connection.saturating_add(self.first);
        let asked = Timestamp::parse(&entry.started_date_time).unwrap_or_default();
        let elapsed = Duration::try_from_secs_f64(entry.time / 1000.0).ok();
        Ok(Call {
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
        })
    }
}

/// The path and the query of a URL.
fn target(url: &str) -> String {
    path_of(url).split('#').next().unwrap_or_default().to_owned()
}

fn message(headers: Vec<Header>, content: Content, body_size: Option<f64>) -> Result<HttpMessage, String> {
    let text = content.text.unwrap_or_default();
    let is_encoded = content.encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64"));
    let body = if is_encoded {
        STANDARD.decode(text.trim()).map_err(|error| format!("a body is not base64: {error}"))?
    } else {
        plain(&text)
    };
    // Some write the names that HTTP/2 makes up among the others.
    let fields = headers.into_iter().filter(|header| !header.name.starts_with(':'));
    let fields = fields.map(|header| (header.name, header.value)).collect();
    let mut message = HttpMessage { fields, body: Bytes::from(body), ..HttpMessage::default() };
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
    Ok(message)
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

/// A body that is not encoded. Where every character is one that a byte can be, and some are no ASCII, it is
/// bytes that were taken for Latin-1.
fn plain(text: &str) -> Vec<u8> {
    match text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<u8>>>() {
        Some(bytes) if std::str::from_utf8(&bytes).is_err() => bytes,
        _ => text.as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(text: &str) -> Vec<Found> {
        let mut found = Vec::new();
        read(text.as_bytes(), 0, &mut |item| found.push(item)).unwrap();
        found
    }

    #[test]
    fn entries_become_calls() {
        let text = r#"{"log": {"version": "1.2", "creator": {"name": "x"}, "entries": [
            {"startedDateTime": "2026-11-21T23:00:00.5Z", "time": 12.5, "connection": "7",
             "request": {"method": "POST", "url": "https://mail.lab.test/mapi/emsmdb/?MailboxId=a",
                         "headers": [{"name": "Authorization", "value": "Basic YWxpY2U6eA=="}],
                         "postData": {"mimeType": "application/mapi-http", "text": "AAEC", "encoding": "base64"}},
             "response": {"status": 200, "statusText": "OK", "headers": [],
                          "content": {"size": 2, "mimeType": "x", "text": "\u00ff\u0000"}}},
            {"request": {"method": "GET"}},
            {"request": {"method": "GET", "url": "/x"}, "response": {"status": 0}}
        ]}}"#;
        let found = calls(text);
        let Found::Call(first) = &found[0] else { panic!("{found:?}") };
        let CallBody::Http(http) = &first.body else { panic!("not HTTP") };
        assert_eq!(
            (http.target.as_str(), &http.request.body[..]),
            ("/mapi/emsmdb/?MailboxId=a", &[0, 1, 2][..])
        );
        assert_eq!(http.response.as_ref().unwrap().message.body, &[0xff, 0][..]);
        assert_eq!(
            (first.user.as_deref(), first.elapsed),
            (Some("alice"), Some(Duration::from_micros(12_500)))
        );
        assert_eq!(first.time.to_string(), "2026-11-21T23:00:00.500000Z");
        let Found::Problem(problem) = &found[1] else { panic!("{found:?}") };
        assert_eq!(problem.to_string(), "entry 2: missing field `url`");
        let Found::Call(third) = &found[2] else { panic!("{found:?}") };
        let CallBody::Http(http) = &third.body else { panic!("not HTTP") };
        assert_eq!(http.response, None);
    }

    /// A file of which one byte comes at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = out.len().min(1);
            self.0.read(&mut out[..count])
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        let text = r#"{"log": {"entries": [{"request": {"method": "GET", "url": "/ä€🦀"}}]}}"#;
        let wide = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(order).collect()
        };
        let marked = [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat();
        for file in [text.as_bytes().to_vec(), marked, wide(u16::to_le_bytes), wide(u16::to_be_bytes)] {
            assert!(is_har(&file) && is_har(file.get(..40).unwrap()));
            let mut found = Vec::new();
            read(Slow(&file), 0, &mut |item| found.push(item)).unwrap();
            let [Found::Call(call)] = &found[..] else { panic!("{found:?}") };
            let CallBody::Http(http) = &call.body else { panic!("not HTTP") };
            assert_eq!(http.target, "/ä€🦀");
        }
        assert!(!is_har(b"\xef\xbb\xbf[") && !is_har(b"") && !is_har(b"\xff\xfe{"));
    }

    /// The body of a request with these members besides.
    fn body(members: &str, headers: &str) -> HttpMessage {
        let text = format!(
            r#"{{"log": {{"entries": [{{"request": {{"method": "POST", "url": "/", "headers": [{headers}]
               {members}}}}}]}}}}"#
        );
        let mut found = calls(&text);
        let Some(Found::Call(call)) = found.pop() else { panic!("{found:?}") };
        let CallBody::Http(http) = call.body else { panic!("not HTTP") };
        http.request
    }

    #[test]
    fn a_body_that_the_writer_changed_or_left_out_is_told_from_one_that_was_sent_so() {
        let binary = r#"{"name": "Content-Type", "value": "application/mapi-http"}"#;
        let with =
            |post: &str, size: &str| body(&format!(r#", "postData": {post}, "bodySize": {size}"#), binary);
        assert_eq!(with(r#"{"text": "a\ufffdb"}"#, "3").damage, Some(Damage::Replaced));
        assert_eq!(with(r#"{"text": "a\ufffdb"}"#, "-1").damage, Some(Damage::Replaced));
        assert_eq!(with(r#"{"text": "AAAA", "encoding": "base64"}"#, "2").damage, Some(Damage::Length(2)));
        assert_eq!(with(r#"{"text": "AAAA", "encoding": "base64"}"#, "3").unreadable(), None);
        assert_eq!(with("{}", "43").missing, 43);
        assert_eq!(body("", r#"{"name": "content-length", "value": "43"}"#).missing, 43);
        assert_eq!(body("", "").missing, 0);
        // A text may have that character, and be packed on its way.
        let text = r#"{"name": "Content-Type", "value": "text/xml"}"#;
        let packed = format!(r#"{text}, {{"name": "Content-Encoding", "value": "gzip"}}"#);
        assert_eq!(body(r#", "postData": {"text": "a\ufffdb"}, "bodySize": 5"#, text).damage, None);
        assert_eq!(body(r#", "postData": {"text": "abc"}, "bodySize": 24"#, &packed).unreadable(), None);
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        for bad in ["", "[]", "{}", r#"{"log": {}}"#, r#"{"log": {"entries": 5}}"#] {
            assert!(read(bad.as_bytes(), 0, &mut |_| {}).is_err(), "{bad}");
        }
    }
}
