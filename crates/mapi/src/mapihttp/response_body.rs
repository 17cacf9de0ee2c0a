//! What stands before the payload in the body of a response ([MS-OXCMAPIHTTP] 2.2.2.2, 2.2.7, 3.2.5.2).

use std::fmt;
use std::ops::Range;

use wire::{Error, ErrorKind, Result};

use super::headers::ResponseCode;

/// The most bytes that may stand before the payload. A server that says every quarter of a minute that it is
/// still processing needs more than a day to pass it.
pub const MAX_PREFIX: usize = 0x1_0000;

/// What stands before most payloads is not longer.
const USUAL_PREFIX: usize = 128;

/// How far the server is with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetaTag {
    /// It has the request.
    Processing,
    /// It is still processing.
    Pending,
    /// It is done: headers and the payload follow.
    Done,
}

impl MetaTag {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Processing, Self::Pending, Self::Done];

    /// Its name, as it stands in a body.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Pending => "PENDING",
            Self::Done => "DONE",
        }
    }

    /// The line that says it.
    pub const fn line(self) -> &'static [u8] {
        match self {
            Self::Processing => b"PROCESSING\r\n",
            Self::Pending => b"PENDING\r\n",
            Self::Done => b"DONE\r\n",
        }
    }

    /// The tag that `line` begins with.
    fn begins(line: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|tag| line.starts_with(tag.name().as_bytes()))
    }
}

impl fmt::Display for MetaTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What [`ResponseBody::next`] came upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyEvent<'a> {
    /// A meta-tag.
    Tag(MetaTag),
    /// An additional header: the last of [`ResponseBody::headers`].
    Header,
    /// The empty line: what follows is the payload, which may have no bytes at all.
    PayloadStart,
    /// Bytes of the payload.
    Payload(&'a [u8]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning of a line.
    LineStart,
    /// Behind a tag, where the line may end or the next one begin: some servers send `PENDING` without a line
    /// end.
    BehindTag,
    /// Within the line of a header.
    Header,
    Payload,
}

/// Reads the body of a response as it comes, cut wherever it is.
///
/// What stands before the payload is kept as it came, so that another payload can be put behind it. Lines end
/// with CR LF or with LF alone.
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
    /// Where in `prefix` the present line begins.
    line: usize,
    /// Where in `prefix` the lines of headers are, and in them the colon.
    headers: Vec<(Range<usize>, usize)>,
    done: bool,
}

impl Default for ResponseBody {
    fn default() -> Self {
        Self::new()
    }
}

impl ResponseBody {
    /// At the beginning of a body.
    pub const fn new() -> Self {
        Self { state: State::LineStart, prefix: Vec::new(), line: 0, headers: Vec::new(), done: false }
    }

    /// Reads the whole of a body, and returns what stands before the payload and the payload.
    ///
    /// # Errors
    /// As [`ResponseBody::next`], and when the body ends before its payload begins.
    pub fn split(body: &[u8]) -> Result<(Self, &[u8])> {
        let mut this = Self::new();
        let mut rest = body;
        while !this.in_payload() && this.next(&mut rest)?.is_some() {}
        this.finish()?;
        Ok((this, rest))
    }

    /// Takes bytes from the front of `input` up to the next thing that they hold; none once they hold no more.
    ///
    /// # Errors
    /// When what stands before the payload is longer than [`MAX_PREFIX`], or has a line that is neither a tag
    /// nor a header.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<BodyEvent<'a>>> {
        loop {
            if self.in_payload() {
                let payload = std::mem::take(input);
                return Ok((!payload.is_empty()).then_some(BodyEvent::Payload(payload)));
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

    /// Takes what is left of a header's line, up to its end, as far as there is room for it.
    fn skip_header(&mut self, input: &mut &[u8]) {
        if self.state != State::Header {
            return;
        }
        let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
        let room = MAX_PREFIX.saturating_sub(self.prefix.len());
        let all: &[u8] = input;
        let (line, rest) = all.split_at_checked(end.min(room)).unwrap_or((all, &[]));
        self.prefix.extend_from_slice(line);
        *input = rest;
    }

    fn step(&mut self, byte: u8) -> Result<Option<BodyEvent<'static>>> {
        if self.state == State::BehindTag {
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
                self.done |= tag == MetaTag::Done;
                self.line = self.prefix.len();
                self.state = State::BehindTag;
                return Ok(Some(BodyEvent::Tag(tag)));
            }
            if !MetaTag::ALL.iter().any(|tag| tag.name().as_bytes().starts_with(self.current())) {
                self.state = State::Header;
            }
        }
        Ok(None)
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
        let colon = std::str::from_utf8(line).ok().and_then(|text| text.find(':'));
        let Some(colon) = colon else {
            return Err(self.error(ErrorKind::Text { expected: "a meta-tag, or a header" }));
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

    /// Whether the server said that it is done.
    pub const fn is_done(&self) -> bool {
        self.done
    }

    /// What came before the payload, as it came.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// The additional headers, in order: names and values, without the white space around them.
    pub fn headers(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        self.headers.iter().filter_map(|(line, colon)| {
            let line = std::str::from_utf8(self.prefix.get(line.clone())?).ok()?;
            let (name, value) = line.split_at_checked(*colon)?;
            Some((name.trim(), value.strip_prefix(':')?.trim()))
        })
    }

    /// The value of the last additional header of this name, in whatever case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().rev().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// What the server says of a request that failed after it had begun to answer. The payload, if there is
    /// any, is then what an additional `Content-Type` says ([MS-OXCMAPIHTTP] 3.2.5.2).
    pub fn response_code(&self) -> Option<ResponseCode> {
        self.header(super::headers::X_RESPONSE_CODE).and_then(ResponseCode::parse)
    }

    /// Succeeds once the payload has begun. To be asked when the body has ended.
    ///
    /// # Errors
    /// When the body ended too early.
    pub fn finish(&self) -> Result<()> {
        if self.in_payload() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Truncated { needed: 1, available: 0 }, "meta-tags", self.prefix.len()))
    }

    /// The body with `payload` behind what came before it.
    pub fn with_payload(&self, payload: &[u8]) -> Vec<u8> {
        [self.prefix(), payload].concat()
    }
}

/// What stands before the payload when everything is said at once: both tags, headers, the empty line. Of a
/// body whose first tags were sent already, `tags` are those that are still to be said.
///
/// # Errors
/// For a header whose name or value would end its line.
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
