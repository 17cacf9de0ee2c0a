//! Writes recorded HTTP exchanges as a HAR file.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::call::{Call, CallBody, HttpMessage};

/// The end of a file. It is written after every entry, so that the file is always valid, and the next entry
/// overwrites it.
const END: &[u8] = b"\n]}}\n";

/// Writes HTTP calls as HAR 1.2. RPC calls cannot be represented, and are ignored.
#[derive(Debug)]
pub struct HarWriter<W> {
    out: W,
    /// The offset of the next entry.
    at: u64,
    entries: u64,
}

impl<W: Write + Seek> HarWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn new(mut out: W) -> io::Result<Self> {
        let creator = json!({"name": "MAPIProxy", "version": env!("CARGO_PKG_VERSION")});
        let head = format!("{{\"log\": {{\"version\": \"1.2\", \"creator\": {creator}, \"entries\": [\n");
        out.write_all(head.as_bytes())?;
        out.write_all(END)?;
        out.flush()?;
        Ok(Self { out, at: u64::try_from(head.len()).unwrap_or(0), entries: 0 })
    }

    /// The number of bytes written.
    pub const fn written(&self) -> u64 {
        self.at
    }

    /// The offset after the end of the file's contents.
    fn end(&self) -> u64 {
        self.at.saturating_add(u64::try_from(END.len()).unwrap_or(0))
    }

    /// Writes a call. Calls other than HTTP are ignored.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn call(&mut self, call: &Call) -> io::Result<()> {
        let CallBody::Http(_) = &call.body else { return Ok(()) };
        let mut text = if self.entries == 0 { Vec::new() } else { b",\n".to_vec() };
        serde_json::to_writer(&mut text, &entry(call))?;
        let length = u64::try_from(text.len()).unwrap_or(0);
        text.extend_from_slice(END);
        // The bytes after the present end are written first, and then those that overwrite it: if the disk is full,
        // the end remains.
        let (place, behind) = text.split_at(END.len().min(text.len()));
        self.out.seek(SeekFrom::Start(self.end()))?;
        self.out.write_all(behind)?;
        self.out.seek(SeekFrom::Start(self.at))?;
        self.out.write_all(place)?;
        self.out.flush()?;
        self.at = self.at.saturating_add(length);
        self.entries = self.entries.saturating_add(1);
        Ok(())
    }
}

impl HarWriter<File> {
    /// Truncates the file after its end, to remove a part of an entry that could not be written.
    ///
    /// # Errors
    /// If the file cannot be truncated.
    pub fn cut_off(&mut self) -> io::Result<()> {
        self.out.set_len(self.end())
    }
}

fn entry(call: &Call) -> Value {
    let CallBody::Http(http) = &call.body else { return Value::Null };
    let host = http.request.field("host").unwrap_or("server");
    let milliseconds = call.elapsed.unwrap_or_default().as_secs_f64() * 1000.0;
    let response = http.response.as_ref();
    let message = response.map(|response| &response.message);
    json!({
        "startedDateTime": call.time.to_string(),
        "time": milliseconds,
        "connection": call.connection.to_string(),
        "_user": call.user.as_deref(),
        "_side": call.side.as_deref(),
        "request": {
            "method": http.method,
            "url": format!("http://{host}{}", http.target),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": headers(Some(&http.request)),
            "queryString": [],
            "postData": {
                "mimeType": http.request.field("content-type").unwrap_or_default(),
                "text": STANDARD.encode(&http.request.body),
                "encoding": "base64",
            },
            "headersSize": -1,
            "bodySize": http.request.body.len(),
        },
        "response": {
            "status": response.map_or(0, |response| response.status),
            "statusText": response.map_or("", |response| &response.reason),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": headers(message),
            "content": {
                "size": message.map_or(0, |message| message.body.len()),
                "mimeType": message.and_then(|message| message.field("content-type")).unwrap_or_default(),
                "text": message.map(|message| STANDARD.encode(&message.body)),
                "encoding": "base64",
            },
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": message.map_or(0, |message| message.body.len()),
        },
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
    })
}

fn headers(message: Option<&HttpMessage>) -> Value {
    let fields = message.map(|message| message.fields.as_slice()).unwrap_or_default();
    fields.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}
