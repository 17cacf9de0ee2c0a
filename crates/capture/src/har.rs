//! HAR: recordings of HTTP that browsers and proxies write (version 1.2).
//!
//! Entries are read one by one, so that a file may be larger than memory.

mod body;
mod entry;
mod member;
mod surrogates;
mod utf8;

use std::collections::HashMap;
use std::fmt;
use std::io::{BufReader, Read};
use std::time::Duration;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};

use self::body::message;
use self::entry::{Entry, Response};
use self::member::Member;
use self::surrogates::Surrogates;
use self::utf8::{STEP, Utf8, encoding};
use crate::call::{Call, CallBody, HttpCall, HttpResponse};
use crate::conversation::{RecordedItem, path_of, plain_user};
use crate::source::Problem;
use crate::time::Timestamp;

/// Reads the entries of `file`, and passes each to `sink`. The numbers of connections follow `first`.
///
/// # Errors
/// If the file cannot be read, or is not HAR.
pub fn read(
    file: impl Read,
    first: u64,
    sink: &mut dyn FnMut(RecordedItem),
) -> Result<(), serde_json::Error> {
    let text = Surrogates::new(Utf8::new(file));
    let mut deserializer = serde_json::Deserializer::from_reader(BufReader::with_capacity(STEP, text));
    let mut state = State { sink, connections: HashMap::new(), first, entries: 0 };
    Member { name: "log", inner: Member { name: "entries", inner: Entries(&mut state) } }
        .deserialize(&mut deserializer)?;
    deserializer.end()
}

/// Whether a file that begins with `start` may be HAR: a JSON object in UTF-8 or UTF-16.
pub fn is_har(start: &[u8]) -> bool {
    let (encoding, mark) = encoding(start);
    let start = start.get(mark..).unwrap_or_default();
    let (text, _) = encoding.decode_without_bom_handling(start.get(..MAX_START).unwrap_or(start));
    text.trim_start().starts_with('{')
}

/// The number of bytes by which a file is recognized.
const MAX_START: usize = 1024;

struct State<'a> {
    sink: &'a mut dyn FnMut(RecordedItem),
    /// The numbers of connections by their names.
    connections: HashMap<String, u64>,
    first: u64,
    entries: u64,
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

impl State<'_> {
    fn entry(&mut self, value: serde_json::Value) {
        self.entries = self.entries.saturating_add(1);
        let number = self.entries;
        let call = Entry::new(value).map(|entry| self.call(entry));
        (self.sink)(match call {
            Ok(call) => RecordedItem::Call(Box::new(call)),
            Err(error) => {
                RecordedItem::Problem(Problem { place: format!("entry {number}"), what: error.to_string() })
            }
        });
    }

    fn call(&mut self, entry: Entry) -> Call {
        let is_head = entry.request.method.eq_ignore_ascii_case("HEAD");
        let request = message(entry.request.headers, entry.request.post_data, entry.request.body_size);
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
        let time = Timestamp::parse(&entry.started_date_time).unwrap_or_default();
        let elapsed = Duration::try_from_secs_f64(entry.time / 1000.0).ok();
        Call {
            time,
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

/// The status of a response; `None` if there was no response.
fn status(number: f64) -> Option<u16> {
    let known = number >= 100.0 && number <= f64::from(u16::MAX);
    known.then(|| format!("{number:.0}").parse().ok()).flatten()
}

/// The path and the query of a URL.
fn target(url: &str) -> String {
    path_of(url).split('#').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
