//! Request and response heads: start line and header fields.

use std::borrow::Cow;
use std::mem::MaybeUninit;
use std::ops::Range;

use bytes::Bytes;

use crate::error::Error;
use crate::fields::{Fields, Line, Span};
use crate::framing::Framing;
use crate::limits::Limits;
use crate::version::Version;

/// A head of either direction, as a decoder makes it.
pub trait Head: Sized {
    /// Whether it is an answer's: then it may be framed by the connection's end.
    const IS_RESPONSE: bool;

    /// Reads a head, which is all of `bytes`, its empty line included.
    ///
    /// # Errors
    /// When it is not one, or has more than `limits` let it.
    fn parse(bytes: Bytes, limits: &Limits) -> Result<Self, Error>;

    /// How its body is framed; `bodiless` says, of an answer, that the request was a HEAD.
    ///
    /// # Errors
    /// When that can be read in two ways.
    fn framing(&self, bodiless: bool) -> Result<Framing, Error>;

    /// Its fields.
    fn fields(&self) -> &Fields;

    /// Appends the head as it leaves, its empty line included. What was not touched leaves as it came.
    fn write(&self, out: &mut Vec<u8>);

    /// Whether it only announces another head: 100 and the like.
    fn is_interim(&self) -> bool {
        false
    }
}

/// The head of a request.
#[derive(Debug, Clone)]
pub struct RequestHead {
    method: Cow<'static, str>,
    target: Text,
    version: Version,
    /// The first line with its end, where it is still the one that came.
    line: Option<Span>,
    /// The fields.
    pub fields: Fields,
}

/// The head of an answer.
#[derive(Debug, Clone)]
pub struct ResponseHead {
    status: u16,
    reason: Text,
    version: Version,
    line: Option<Span>,
    /// The fields.
    pub fields: Fields,
}

/// A piece of a first line: as it came, or of ours.
#[derive(Debug, Clone)]
enum Text {
    Came(Span),
    Ours(Bytes),
}

impl Text {
    fn of<'a>(&'a self, head: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Came(span) => span.of(head),
            Self::Ours(bytes) => bytes,
        }
    }
}

impl RequestHead {
    /// A head of ours. None where `method` is no token or `target` has a space or a control in it.
    pub fn new(method: &str, target: &str) -> Option<Self> {
        if !crate::fields::is_name(method) || !is_target(target.as_bytes()) {
            return None;
        }
        Some(Self {
            method: known_method(method.as_bytes()).map_or_else(|| method.to_owned().into(), Cow::Borrowed),
            target: Text::Ours(Bytes::copy_from_slice(target.as_bytes())),
            version: Version::Http11,
            line: None,
            fields: Fields::default(),
        })
    }

    /// The method, which is case-sensitive.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The target as it is spelled: a path with a query, a whole address, or `*`.
    pub fn target(&self) -> &str {
        std::str::from_utf8(self.target.of(&self.fields.head)).unwrap_or_default()
    }

    /// The target up to its query.
    pub fn path(&self) -> &str {
        self.target().split('?').next().unwrap_or_default()
    }

    /// The version.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Gives it another version: what we send on is ours to frame.
    pub fn set_version(&mut self, version: Version) {
        if self.version != version {
            self.version = version;
            self.line = None;
        }
    }

    /// Gives it another target. False, and nothing is done, where it cannot be one.
    pub fn set_target(&mut self, target: &str) -> bool {
        let fit = is_target(target.as_bytes());
        if fit && self.target() != target {
            self.target = Text::Ours(Bytes::copy_from_slice(target.as_bytes()));
            self.line = None;
        }
        fit
    }

    /// Where the target is a whole address of HTTP, makes it the path and the query of that: what a server has to
    /// take like these (RFC 9112 3.2.2). False where it is an address that cannot be one. Any other form stays.
    pub fn take_origin_form(&mut self) -> bool {
        let target = self.target();
        if target.starts_with(['/', '*']) {
            return true;
        }
        let Some((scheme, rest)) = target.split_once("://") else { return true };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        if !is_http || !is_authority(authority) {
            return false;
        }
        let path = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
        self.set_target(&path)
    }

    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.version == Version::Http11 && self.fields.has_token("expect", "100-continue")
    }

    /// Whether the client leaves the connection open for another request.
    pub fn keeps_alive(&self) -> bool {
        keeps_alive(&self.fields, self.version)
    }
}

impl ResponseHead {
    /// A head of ours. None where `reason` has a control in it or `status` has not three digits.
    pub fn new(status: u16, reason: &'static str) -> Option<Self> {
        if !(100..=999).contains(&status) || !crate::fields::is_value(reason.as_bytes()) {
            return None;
        }
        Some(Self {
            status,
            reason: Text::Ours(Bytes::from_static(reason.as_bytes())),
            version: Version::Http11,
            line: None,
            fields: Fields::default(),
        })
    }

    /// The status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The words behind the status.
    pub fn reason(&self) -> &[u8] {
        self.reason.of(&self.fields.head)
    }

    /// The version.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Gives it another version: what we send on is ours to frame.
    pub fn set_version(&mut self, version: Version) {
        if self.version != version {
            self.version = version;
            self.line = None;
        }
    }

    /// Whether the server leaves the connection open for another request.
    pub fn keeps_alive(&self) -> bool {
        keeps_alive(&self.fields, self.version)
    }
}

impl Head for RequestHead {
    const IS_RESPONSE: bool = false;

    fn parse(bytes: Bytes, limits: &Limits) -> Result<Self, Error> {
        let mut room = [MaybeUninit::uninit(); Limits::MOST_FIELDS];
        let mut request = httparse::Request::new(&mut []);
        let room = room.get_mut(..limits.fields.min(Limits::MOST_FIELDS)).unwrap_or_default();
        whole(request.parse_with_uninit_headers(&bytes, room), bytes.len())?;
        let version = Version::from_minor(request.version)?;
        let method = request.method.unwrap_or_default();
        let target = request.path.unwrap_or_default();
        if !is_target(target.as_bytes()) {
            return Err(Error::Malformed("the target"));
        }
        let target = span(&bytes, target.as_bytes())?;
        let method = known_method(method.as_bytes()).map_or_else(|| method.to_owned().into(), Cow::Borrowed);
        let (line, lines) = lines(&bytes, request.headers)?;
        let fields = Fields::came(bytes, lines);
        let hosts = fields.all("host").count();
        if hosts > 1 || (hosts == 0 && version == Version::Http11) {
            return Err(Error::Host);
        }
        Ok(Self { method, target: Text::Came(target), version, line: Some(line), fields })
    }

    fn framing(&self, _bodiless: bool) -> Result<Framing, Error> {
        Framing::of_request(&self.fields, self.version)
    }

    fn fields(&self) -> &Fields {
        &self.fields
    }

    fn write(&self, out: &mut Vec<u8>) {
        write(self.line, &self.fields, out, |out| {
            out.extend_from_slice(self.method.as_bytes());
            out.push(b' ');
            out.extend_from_slice(self.target.of(&self.fields.head));
            out.push(b' ');
            out.extend_from_slice(self.version.name().as_bytes());
        });
    }
}

impl Head for ResponseHead {
    const IS_RESPONSE: bool = true;

    fn parse(bytes: Bytes, limits: &Limits) -> Result<Self, Error> {
        let mut room = [MaybeUninit::uninit(); Limits::MOST_FIELDS];
        let mut response = httparse::Response::new(&mut []);
        let room = room.get_mut(..limits.fields.min(Limits::MOST_FIELDS)).unwrap_or_default();
        let config = httparse::ParserConfig::default();
        let parsed = config.parse_response_with_uninit_headers(&mut response, &bytes, room);
        whole(parsed, bytes.len())?;
        let version = Version::from_minor(response.version)?;
        let status = response.code.unwrap_or_default();
        if !(100..=999).contains(&status) {
            return Err(Error::Malformed("the status"));
        }
        let (line, lines) = lines(&bytes, response.headers)?;
        // "HTTP/1.1 200 " and the reason, which httparse does not show where it is not ASCII.
        let reason = Span { from: line.to.min(13), to: line.to.saturating_sub(2) };
        let fields = Fields::came(bytes, lines);
        Ok(Self { status, reason: Text::Came(reason), version, line: Some(line), fields })
    }

    fn framing(&self, bodiless: bool) -> Result<Framing, Error> {
        Framing::of_response(&self.fields, self.version, self.status, bodiless)
    }

    fn fields(&self) -> &Fields {
        &self.fields
    }

    fn write(&self, out: &mut Vec<u8>) {
        write(self.line, &self.fields, out, |out| {
            out.extend_from_slice(self.version.name().as_bytes());
            out.push(b' ');
            out.extend_from_slice(self.status.to_string().as_bytes());
            out.push(b' ');
            out.extend_from_slice(self.reason.of(&self.fields.head));
        });
    }

    fn is_interim(&self) -> bool {
        self.status < 200
    }
}

/// Writes a head: the whole of it as it came where nothing was touched; else its first line as it came, or as
/// `anew` writes it, and its fields.
fn write(line: Option<Span>, fields: &Fields, out: &mut Vec<u8>, anew: impl FnOnce(&mut Vec<u8>)) {
    if line.is_some() && fields.is_untouched() {
        out.extend_from_slice(&fields.head);
        return;
    }
    out.reserve(fields.room());
    if let Some(line) = line {
        out.extend_from_slice(line.of(&fields.head));
    } else {
        anew(out);
        out.extend_from_slice(b"\r\n");
    }
    fields.write(out);
    out.extend_from_slice(b"\r\n");
}

fn whole(parsed: httparse::Result<usize>, length: usize) -> Result<(), Error> {
    match parsed {
        Ok(httparse::Status::Complete(end)) if end == length => Ok(()),
        Ok(_) => Err(Error::Malformed("an empty line where none belongs")),
        Err(httparse::Error::TooManyHeaders) => Err(Error::TooManyFields),
        Err(httparse::Error::Version) => Err(Error::Version),
        Err(httparse::Error::HeaderName) => Err(Error::Malformed("a field's name")),
        Err(httparse::Error::HeaderValue) => Err(Error::Malformed("a field's value")),
        Err(httparse::Error::NewLine) => Err(Error::BareLineEnd),
        Err(_) => Err(Error::Malformed("the first line")),
    }
}

/// The first line with its end, and the fields' lines.
fn lines(head: &[u8], headers: &[httparse::Header<'_>]) -> Result<(Span, Vec<Line>), Error> {
    let end = |from: usize| {
        let rest = head.get(from..).unwrap_or_default();
        memchr::memchr(b'\n', rest).map_or(head.len(), |at| from + at + 1)
    };
    let line = Span::new(&(0..end(0))).ok_or(Error::HeadTooLong)?;
    let mut lines = Vec::with_capacity(headers.len() + 2);
    for header in headers {
        let name = span(head, header.name.as_bytes())?;
        // An empty value points nowhere in particular.
        let value = if header.value.is_empty() {
            Span { from: name.to, to: name.to }
        } else {
            span(head, header.value)?
        };
        let end = end(usize::try_from(value.to).unwrap_or(usize::MAX));
        let end = u32::try_from(end).map_err(|_| Error::HeadTooLong)?;
        lines.push(Line::Came { name, value, end });
    }
    Ok((line, lines))
}

/// Where `part`, which is a piece of `head`, stands in it.
fn span(head: &[u8], part: &[u8]) -> Result<Span, Error> {
    let from = part.as_ptr().addr().wrapping_sub(head.as_ptr().addr());
    let range: Range<usize> = from..from.wrapping_add(part.len());
    if head.get(range.clone()).is_none() {
        return Err(Error::Malformed("a field"));
    }
    Span::new(&range).ok_or(Error::HeadTooLong)
}

fn is_target(target: &[u8]) -> bool {
    !target.is_empty() && target.iter().all(u8::is_ascii_graphic)
}

/// Whether it is a host with or without a port, and no user before it (RFC 9110 4.2.4).
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (text, ""),
    };
    let is_name = |host: &str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte))
    };
    let is_address = |host: &str| {
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
    };
    (is_name(host) || is_address(host)) && (port.is_empty() || port.parse::<u16>().is_ok())
}

fn known_method(method: &[u8]) -> Option<&'static str> {
    ["POST", "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "RPC_IN_DATA", "RPC_OUT_DATA"]
        .into_iter()
        .find(|known| known.as_bytes() == method)
}

fn keeps_alive(fields: &Fields, version: Version) -> bool {
    match version {
        Version::Http11 => !fields.has_token("connection", "close"),
        Version::Http10 => {
            fields.has_token("connection", "keep-alive") && !fields.has_token("connection", "close")
        }
    }
}
