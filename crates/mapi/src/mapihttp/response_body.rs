//! The meta-tags and additional headers before the payload of a response body ([MS-OXCMAPIHTTP] 2.2.2.2, 2.2.7,
//! 3.2.5.2).

use std::fmt;
use std::ops::Range;

use wire::{Error, ErrorKind, Result};

use super::headers::ResponseCode;

/// The maximum size of meta-tags and additional headers, in bytes. A server that sends `PENDING` every 15 seconds
/// reaches it after more than a day.
pub const MAX_PREFIX: usize = 0x1_0000;

/// The size of most prefixes is at most this, in bytes.
const USUAL_PREFIX: usize = 128;

/// A meta-tag: the progress of the server with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetaTag {
    /// The server received the request.
    Processing,
    /// The server is processing the request.
    Pending,
    /// The server processed the request: additional headers and the payload follow.
    Done,
}

impl MetaTag {
    /// All meta-tags.
    pub const ALL: [Self; 3] = [Self::Processing, Self::Pending, Self::Done];

    /// The name of the meta-tag in a body.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Pending => "PENDING",
            Self::Done => "DONE",
        }
    }

    /// The line with the meta-tag.
    pub const fn line(self) -> &'static [u8] {
        match self {
            Self::Processing => b"PROCESSING\r\n",
            Self::Pending => b"PENDING\r\n",
            Self::Done => b"DONE\r\n",
        }
    }

    /// The meta-tag with which `line` begins.
    fn begins(line: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|tag| line.starts_with(tag.name().as_bytes()))
    }
}

impl fmt::Display for MetaTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A part of a body that [`ResponseBody::next`] decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyEvent<'a> {
    /// A meta-tag.
    Tag(MetaTag),
    /// An additional header: the last of [`ResponseBody::headers`].
    Header,
    /// The empty line, which is followed by the payload. The payload may be empty.
    PayloadStart,
    /// Bytes of the payload.
    Payload(&'a [u8]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning of a line.
    LineStart,
    /// After a meta-tag, where the line ends or the next meta-tag begins: some servers send `PENDING` without a line
    /// end.
    AfterTag,
    /// Within the line of a header.
    Header,
    /// In the payload.
    Payload,
}

/// Decodes the body of a response that is received in pieces, split at arbitrary positions.
///
/// The bytes before the payload are kept, so that another payload can be appended to them. Lines end with CR LF or with
/// LF alone.
///
/// ```
/// use mapi::mapihttp::{BodyEvent, MetaTag, ResponseBody};
///
/// let mut body = ResponseBody::new();
/// let mut events = Vec::new();
/// for mut part in [&b"PROCESSING\r\nPENDI"[..], b"NGDONE\r\nX-ElapsedTime: 7\r\n\r", b"\nabc"] {
///     while let Some(event) = body.next(&mut part)? {
///         events.push(event);
///     }
/// }
/// assert_eq!(events[1], BodyEvent::Tag(MetaTag::Pending));
/// assert_eq!(events[5], BodyEvent::Payload(b"abc"));
/// assert_eq!(body.header("x-elapsedtime"), Some("7"));
/// # Ok::<(), wire::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ResponseBody {
    state: State,
    prefix: Vec<u8>,
    /// The offset in `prefix` at which the current line begins.
    line: usize,
    /// The ranges of the header lines in `prefix`, and the offset of the colon in each.
    headers: Vec<(Range<usize>, usize)>,
    done: bool,
}

impl Default for ResponseBody {
    fn default() -> Self {
        Self::new()
    }
}

impl ResponseBody {
    /// Creates a decoder at the beginning of a body.
    pub const fn new() -> Self {
        Self { state: State::LineStart, prefix: Vec::new(), line: 0, headers: Vec::new(), done: false }
    }

    /// Decodes a whole body; returns the bytes before the payload, decoded, and the payload.
    ///
    /// # Errors
    /// Fails if the bytes before the payload are malformed, or the body ends before its payload begins.
    pub fn split(body: &[u8]) -> Result<(Self, &[u8])> {
        let mut this = Self::new();
        let mut rest = body;
        while !this.in_payload() && this.next(&mut rest)?.is_some() {}
        this.finish()?;
        Ok((this, rest))
    }

    /// Consumes bytes from the front of `input` up to the end of the next event; returns `None` if `input` contains no
    /// complete event.
    ///
    /// # Errors
    /// Fails if the bytes before the payload exceed [`MAX_PREFIX`], or have a line that is neither a meta-tag nor a
    /// header.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<BodyEvent<'a>>> {
        loop {
            if self.in_payload() {
                let payload = std::mem::take(input);
                return Ok((!payload.is_empty()).then_some(BodyEvent::Payload(payload)));
            }
            if let Some(tag) = self.take_tag(input) {
                return Ok(Some(tag));
            }
            self.skip_header(input);
            let Some((byte, rest)) = input.split_first() else { return Ok(None) };
            *input = rest;
            if self.prefix.len() >= MAX_PREFIX {
                let limit = u64::try_from(MAX_PREFIX).unwrap_or(u64::MAX);
                return Err(self.error(ErrorKind::TooLong { length: limit.saturating_add(1), limit }));
            }
            if self.prefix.is_empty() {
                self.prefix.reserve(USUAL_PREFIX);
            }
            self.prefix.push(*byte);
            if let Some(event) = self.step(*byte)? {
                return Ok(Some(event));
            }
        }
    }

    /// Consumes a meta-tag of which all bytes are in `input`, as usual.
    fn take_tag(&mut self, input: &mut &[u8]) -> Option<BodyEvent<'static>> {
        if self.state != State::LineStart || self.line != self.prefix.len() {
            return None;
        }
        let tag = MetaTag::begins(input)?;
        let (name, rest) = input.split_at_checked(tag.name().len())?;
        if self.prefix.len() + name.len() > MAX_PREFIX {
            return None;
        }
        self.prefix.reserve(USUAL_PREFIX);
        self.prefix.extend_from_slice(name);
        *input = rest;
        Some(self.end_tag(tag))
    }

    /// Consumes the rest of a header line, up to its end or the maximum size.
    fn skip_header(&mut self, input: &mut &[u8]) {
        if self.state != State::Header {
            return;
        }
        let end = memchr::memchr(b'\n', input).unwrap_or(input.len());
        let room = MAX_PREFIX.saturating_sub(self.prefix.len());
        let all: &[u8] = input;
        let (line, rest) = all.split_at_checked(end.min(room)).unwrap_or((all, &[]));
        self.prefix.extend_from_slice(line);
        *input = rest;
    }

    fn step(&mut self, byte: u8) -> Result<Option<BodyEvent<'static>>> {
        if self.state == State::AfterTag {
            match byte {
                b'\r' if self.current() == b"\r" => return Ok(None),
                b'\n' => {
                    self.begin_line();
                    return Ok(None);
                }
                _ => self.state = State::LineStart,
            }
        }
        if byte == b'\n' {
            return self.end_line().map(Some);
        }
        if self.state == State::LineStart {
            if let Some(tag) = MetaTag::begins(self.current()) {
                return Ok(Some(self.end_tag(tag)));
            }
            if !MetaTag::ALL.iter().any(|tag| tag.name().as_bytes().starts_with(self.current())) {
                self.state = State::Header;
            }
        }
        Ok(None)
    }

    fn end_tag(&mut self, tag: MetaTag) -> BodyEvent<'static> {
        self.done |= tag == MetaTag::Done;
        self.line = self.prefix.len();
        self.state = State::AfterTag;
        BodyEvent::Tag(tag)
    }

    fn begin_line(&mut self) {
        self.state = State::LineStart;
        self.line = self.prefix.len();
    }

    fn end_line(&mut self) -> Result<BodyEvent<'static>> {
        let line = self.current();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            self.state = State::Payload;
            return Ok(BodyEvent::PayloadStart);
        }
        let colon = memchr::memchr(b':', line).filter(|_| std::str::from_utf8(line).is_ok());
        let Some(colon) = colon else {
            return Err(self.error(ErrorKind::Text { expected: "a meta-tag or a header" }));
        };
        self.headers.push((self.line..self.line.saturating_add(line.len()), colon));
        self.begin_line();
        Ok(BodyEvent::Header)
    }

    fn current(&self) -> &[u8] {
        self.prefix.get(self.line..).unwrap_or_default()
    }

    const fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind, "meta-tags", self.line)
    }

    /// Whether the payload has begun.
    pub const fn in_payload(&self) -> bool {
        matches!(self.state, State::Payload)
    }

    /// Whether the server sent `DONE`.
    pub const fn is_done(&self) -> bool {
        self.done
    }

    /// The bytes before the payload.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// The additional headers, in order: names and values, without surrounding white space.
    pub fn headers(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        self.headers.iter().filter_map(|(line, colon)| {
            let line = std::str::from_utf8(self.prefix.get(line.clone())?).ok()?;
            let (name, value) = line.split_at_checked(*colon)?;
            Some((name.trim_ascii(), value.strip_prefix(':')?.trim_ascii()))
        })
    }

    /// The value of the last additional header with this name, in any letter case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (line, colon) = self.headers.iter().rev().find(|(line, colon)| {
            let known = self.prefix.get(line.start..line.start.saturating_add(*colon));
            known.is_some_and(|known| known.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
        })?;
        let value = self.prefix.get(line.start.saturating_add(*colon).saturating_add(1)..line.end)?;
        std::str::from_utf8(value.trim_ascii()).ok()
    }

    /// The `X-ResponseCode` among the additional headers, by which a server reports that the request failed after it
    /// sent the HTTP headers. The type of the payload is then that of an additional `Content-Type` ([MS-OXCMAPIHTTP]
    /// 3.2.5.2).
    pub fn response_code(&self) -> Option<ResponseCode> {
        self.header(super::headers::X_RESPONSE_CODE).and_then(ResponseCode::parse)
    }

    /// Checks at the end of a body that its payload began.
    ///
    /// # Errors
    /// Fails if the body ended before its payload began.
    pub fn finish(&self) -> Result<()> {
        if self.in_payload() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Truncated { needed: 1, available: 0 }, "meta-tags", self.prefix.len()))
    }

    /// Returns the body with another payload.
    pub fn with_payload(&self, payload: &[u8]) -> Vec<u8> {
        [self.prefix(), payload].concat()
    }
}

/// Encodes the beginning of a body: meta-tags, additional headers and the empty line. If some meta-tags of the body
/// were sent before, `tags` are the remaining ones.
///
/// # Errors
/// Fails if the name or value of a header contains the end of a line.
pub fn prefix(tags: &[MetaTag], headers: &[(&str, &str)]) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(96);
    for tag in tags {
        out.extend_from_slice(tag.line());
    }
    for (name, value) in headers {
        if name.is_empty() || name.contains([':', '\r', '\n']) || value.contains(['\r', '\n']) {
            let kind = ErrorKind::Text { expected: "a header of one line" };
            return Err(Error::new(kind, "additional headers", out.len()));
        }
        for part in [name, ": ", value, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(out)
}
