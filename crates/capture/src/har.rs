//! HAR: recordings of HTTP that browsers and proxies write (version 1.2).
//!
//! Entries are read one by one, so that a file may be larger than memory.

use std::collections::HashMap;
use std::fmt;
use std::io::Read;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::call::{Call, CallBody, HttpCall, HttpMessage, HttpResponse};
use crate::conversation::{Found, named};
use crate::source::Problem;
use crate::time::Timestamp;

/// Reads the entries of `file`, and hands each to `sink`. Connections get the numbers behind `first`.
///
/// # Errors
/// When the file can't be read, or is no such recording.
pub fn read(file: impl Read, first: u64, sink: &mut dyn FnMut(Found)) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_reader(file);
    let mut state = State { sink, connections: HashMap::new(), first, entries: 0 };
    Member { name: "log", inner: Member { name: "entries", inner: Entries(&mut state) } }
        .deserialize(&mut deserializer)?;
    deserializer.end()
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
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Response {
    status: i64,
    status_text: String,
    headers: Vec<Header>,
    content: Content,
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
        let request = message(entry.request.headers, entry.request.post_data)?;
        let user = entry.user.map(Into::into).or_else(|| named(request.field("authorization")?));
        let response = u16::try_from(entry.response.status).ok().filter(|status| *status >= 100);
        let response = response.map(|status| {
            let message = message(entry.response.headers, Some(entry.response.content))?;
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
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
    path.split('#').next().unwrap_or_default().to_owned()
}

fn message(headers: Vec<Header>, content: Option<Content>) -> Result<HttpMessage, String> {
    let content = content.unwrap_or_default();
    let text = content.text.unwrap_or_default();
    let body = if content.encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64")) {
        STANDARD.decode(text.trim()).map_err(|error| format!("a body is not base64: {error}"))?
    } else {
        plain(&text)
    };
    // Some write the names that HTTP/2 makes up among the others.
    let fields = headers.into_iter().filter(|header| !header.name.starts_with(':'));
    let fields = fields.map(|header| (header.name, header.value)).collect();
    Ok(HttpMessage { fields, body: Bytes::from(body), missing: 0 })
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

    #[test]
    fn what_is_no_recording_is_refused() {
        for bad in ["", "[]", "{}", r#"{"log": {}}"#, r#"{"log": {"entries": 5}}"#] {
            assert!(read(bad.as_bytes(), 0, &mut |_| {}).is_err(), "{bad}");
        }
    }
}
