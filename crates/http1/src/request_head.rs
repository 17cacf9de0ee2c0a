//! Request heads.

use std::borrow::Cow;
use std::mem::MaybeUninit;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, Part};
use crate::fields::Fields;
use crate::fields::syntax::is_name;
use crate::framing::Framing;
use crate::head::{Head, StartLine};
use crate::limits::Limits;
use crate::parse::{check_complete, find_lines};
use crate::target::{is_host, is_target, origin_form};
use crate::version::Version;

/// The head of a request.
#[derive(Debug, Clone)]
pub struct RequestHead {
    method: Cow<'static, str>,
    target: Arc<str>,
    line: StartLine,
    /// The fields.
    pub fields: Fields,
}

impl RequestHead {
    /// Creates a head of version 1.1 without fields. Returns `None` if `method` is not a token, or `target` is empty
    /// or contains anything but visible ASCII characters.
    pub fn new(method: &str, target: &str) -> Option<Self> {
        if !is_name(method) || !is_target(target.as_bytes()) {
            return None;
        }
        Some(Self {
            method: known_method(method.as_bytes()).map_or_else(|| method.to_owned().into(), Cow::Borrowed),
            target: target.into(),
            line: StartLine::NEW,
            fields: Fields::default(),
        })
    }

    /// The method, which is case-sensitive.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The target as received (RFC 9112 3.2): a path with a query, an absolute URI, an authority, or `*`.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        let end = memchr::memchr(b'?', self.target.as_bytes()).unwrap_or(self.target.len());
        self.target.get(..end).unwrap_or_default()
    }

    /// The version.
    pub const fn version(&self) -> Version {
        self.line.version
    }

    /// Changes the version.
    pub fn set_version(&mut self, version: Version) {
        self.line.set_version(version);
    }

    /// Changes the target. Returns false, and changes nothing, if `target` is empty or contains anything but
    /// visible ASCII characters.
    pub fn set_target(&mut self, target: &str) -> bool {
        let is_valid = is_target(target.as_bytes());
        if is_valid && self.target() != target {
            self.target = target.into();
            self.line.set_modified();
        }
        is_valid
    }

    /// Replaces a target in absolute form by its path and query, which a server must treat as equal (RFC 9112
    /// 3.2.2). A target in another form stays unchanged. Returns false, and changes nothing, if the target is
    /// a URI of another scheme or with an invalid authority.
    pub fn take_origin_form(&mut self) -> bool {
        match origin_form(self.target()) {
            Ok(None) => true,
            Ok(Some(path)) => self.set_target(&path),
            Err(_) => false,
        }
    }

    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.version() == Version::Http11 && self.fields.has_token("expect", "100-continue")
    }

    /// Whether the client keeps the connection open for another request (RFC 9112 9.3), unless
    /// [`close`](Self::close) was called.
    pub fn keeps_alive(&self) -> bool {
        self.line.keeps_alive(&self.fields)
    }

    /// Records that the connection closes after the response, whatever the client wishes. The encoded head does not
    /// change.
    pub fn close(&mut self) {
        self.line.closes = true;
    }
}

impl Head for RequestHead {
    const IS_RESPONSE: bool = false;

    fn parse(bytes: Bytes, limits: &Limits) -> Result<Self, Error> {
        let mut headers = [MaybeUninit::uninit(); Limits::MAX_FIELDS];
        let mut request = httparse::Request::new(&mut []);
        let headers = headers.get_mut(..limits.max_fields()).unwrap_or_default();
        check_complete(request.parse_with_uninit_headers(&bytes, headers), bytes.len())?;
        let version = Version::from_minor(request.version)?;
        let method = request.method.unwrap_or_default();
        let target = request.path.unwrap_or_default();
        if !is_target(target.as_bytes()) {
            return Err(Error::Malformed(Part::Target));
        }
        let target = Arc::from(target);
        let method = known_method(method.as_bytes()).map_or_else(|| method.to_owned().into(), Cow::Borrowed);
        let (line, lines) = find_lines(&bytes, request.headers)?;
        let fields = Fields::from_received(bytes, lines);
        if !has_valid_host(&fields, version) {
            return Err(Error::InvalidHost);
        }
        let line = StartLine::from_received(version, line);
        Ok(Self { method, target, line, fields })
    }

    fn framing(&self, _bodiless: bool) -> Result<Framing, Error> {
        Framing::of_request(&self.fields, self.version())
    }

    fn fields(&self) -> &Fields {
        &self.fields
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.line.write_head(&self.fields, out, |out| {
            out.extend_from_slice(self.method.as_bytes());
            out.push(b' ');
            out.extend_from_slice(self.target.as_bytes());
            out.push(b' ');
            out.extend_from_slice(self.version().name().as_bytes());
        });
    }
}

/// Whether a request has the field `Host` as its version requires (RFC 9112 3.2).
fn has_valid_host(fields: &Fields, version: Version) -> bool {
    let mut hosts = fields.all("host");
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => is_host(host),
        (None, _) => version != Version::Http11,
        _ => false,
    }
}

/// The name of a common method, as a static string that needs no allocation.
fn known_method(method: &[u8]) -> Option<&'static str> {
    ["POST", "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "RPC_IN_DATA", "RPC_OUT_DATA"]
        .into_iter()
        .find(|known| known.as_bytes() == method)
}
