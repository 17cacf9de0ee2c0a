//! The server's response to an operation: its keep-alive tags are streamed to the client, the payload is held until
//! it is complete, and is sent as it was received or as modules changed it.

use bytes::Bytes;
use engine::{InvalidResponse, Reply, UpstreamRefusal};
use http1::{Framing, Head as _, ResponseHead};
use mapi::mapihttp::headers::{ERROR_CONTENT_TYPE, X_RESPONSE_CODE, is_mapi_http};
use mapi::mapihttp::{BodyEvent, MAX_PREFIX, ResponseBody, ResponseCode};

use crate::http::downstream::accumulator::BodyAccumulator;
use crate::http::downstream::context::{KeepAlive, RequestContext};
use crate::http::downstream::respond;
use crate::http::operation::local_response::local_head;
use crate::http::operation::pending::{self, PendingKeepAlive};
use crate::http::output::OutputBuffer;
use crate::http::server_only::Cookies;
use crate::http::upstream::response_head::{Coding, rewrite_response};
use crate::upstream_error::UpstreamError;

/// A response of the server, as far as it has been received.
pub(crate) struct UpstreamResponse {
    /// The head for the client.
    pub(crate) head: Box<ResponseHead>,
    /// The head as it was received.
    pub(crate) received_head: ResponseHead,
    /// Whether the head refuses the operation, and how.
    result: Result<(), UpstreamRefusal>,
    framing: Framing,
    coding: Coding,
    /// Whether it is the response to a HEAD request, which has no body.
    is_head: bool,
    /// Pieces of the body that were received and not sent yet.
    held: Vec<http1::Piece>,
    /// How many bytes these have, with the lines of their chunks.
    held_bytes: usize,
    /// How many of these may be sent: complete chunks of `PROCESSING` and `PENDING`.
    ready: usize,
    /// The bytes of content in the ready pieces and in those that were sent.
    ready_content: usize,
    /// Bytes of content that were sent.
    sent_content: usize,
    /// Bytes of content that were received.
    content: usize,
    /// Whether the head was sent to the client.
    pub(crate) begun: bool,
    pub(crate) body: ResponseBody,
    payload: BodyAccumulator,
    /// The complete payload; the body of a response that refuses the operation.
    complete: Bytes,
    malformed: bool,
    /// How the server refused the operation.
    refused: Option<UpstreamRefusal>,
    /// Whether the proxy sent `PROCESSING` or `PENDING` itself, so that the body does not begin as it was received.
    pub(crate) pending_sent: bool,
}

/// The limit that a response exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResponseTooLong {
    /// The content as a whole.
    #[error("response exceeds {0} bytes")]
    Content(usize),
    /// The lines before the payload, which end with an empty line ([MS-OXCMAPIHTTP] 2.2.2.2). A server could send
    /// `PENDING` endlessly.
    #[error("PROCESSING and PENDING lines and headers before the payload exceed {MAX_PREFIX} bytes")]
    Prefix,
}

impl From<ResponseTooLong> for UpstreamError {
    fn from(error: ResponseTooLong) -> Self {
        Self::protocol(error)
    }
}

/// Checks whether a response with this `head` has the payload of an operation.
///
/// # Errors
/// If the server refuses the operation, or the response is not one of MAPI over HTTP.
pub(super) fn check(head: &ResponseHead) -> Result<(), UpstreamRefusal> {
    let fields = &head.fields;
    let code = fields.text(X_RESPONSE_CODE).and_then(ResponseCode::parse);
    if let Some(code) = code.filter(|code| *code != ResponseCode::Success) {
        return Err(UpstreamRefusal::ResponseCode(code));
    }
    let is_plain = |coding: &str| coding.trim().eq_ignore_ascii_case("identity");
    let why = if head.status() != 200 {
        return Err(UpstreamRefusal::HttpStatus(head.status()));
    } else if !fields.text("content-type").is_some_and(is_mapi_http) {
        InvalidResponse::ContentType
    } else if fields.has("content-encoding") && !fields.text("content-encoding").is_some_and(is_plain) {
        InvalidResponse::ContentEncoding
    } else if fields.has(X_RESPONSE_CODE) && code.is_none() {
        InvalidResponse::ResponseCode
    } else {
        return Ok(());
    };
    Err(UpstreamRefusal::Invalid(why))
}

/// The values of the `Set-Cookie` fields in `head` that are the session's. Others are not forwarded to clients, and
/// identify no session.
pub(super) fn set_cookies(head: &ResponseHead, cookies: Cookies) -> impl Iterator<Item = &str> {
    let given = head.fields.all("set-cookie").filter(move |value| cookies.accepts_set_cookie(value));
    given.filter_map(|value| std::str::from_utf8(value).ok())
}

impl UpstreamResponse {
    pub(crate) fn new(mut head: Box<ResponseHead>, framing: Framing, request: &RequestContext) -> Self {
        let received_head = ResponseHead::clone(&head);
        let coding = rewrite_response(&mut head, framing, request);
        let mut response = Self {
            result: check(&received_head),
            head,
            received_head,
            framing,
            coding,
            is_head: request.is_head,
            held: Vec::new(),
            held_bytes: 0,
            ready: 0,
            ready_content: 0,
            sent_content: 0,
            begun: false,
            body: ResponseBody::new(),
            payload: BodyAccumulator::default(),
            complete: Bytes::new(),
            content: 0,
            malformed: false,
            refused: None,
            pending_sent: false,
        };
        if coding == Coding::UntilClose || !request.head.keeps_alive() {
            response.close();
        }
        response
    }

    /// Makes the response close the connection, unless its head was sent.
    pub(crate) fn close(&mut self) {
        if !self.begun {
            self.head.fields.set("Connection", "close");
        }
    }

    /// Adds the next piece of the body.
    ///
    /// # Errors
    /// When the response is longer than `limit`, or what precedes its payload longer than [`MAX_PREFIX`].
    pub(crate) fn add(&mut self, piece: http1::Piece, limit: usize) -> Result<(), ResponseTooLong> {
        self.content = self.content.saturating_add(piece.data().len());
        if self.content > limit {
            return Err(ResponseTooLong::Content(limit));
        }
        if self.result.is_ok() && !self.malformed {
            self.read(&piece)?;
        }
        let ends = piece.ends_chunk();
        self.held_bytes = self.held_bytes.saturating_add(piece.wire().len());
        self.held.push(piece);
        if ends && !self.body.is_done() && !self.malformed && self.result.is_ok() {
            self.ready = self.held.len();
            self.ready_content = self.content;
        }
        Ok(())
    }

    /// Reads the lines and the payload in `piece`.
    fn read(&mut self, piece: &http1::Piece) -> Result<(), ResponseTooLong> {
        let data = piece.clone().into_data();
        let mut rest = &data[..];
        loop {
            match self.body.next(&mut rest) {
                Ok(Some(BodyEvent::Payload(bytes))) => self.payload.push(data.slice_ref(bytes)),
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(_) if self.body.prefix().len() >= MAX_PREFIX => return Err(ResponseTooLong::Prefix),
                Err(_) => {
                    self.malformed = true;
                    return Ok(());
                }
            }
        }
    }

    /// How many bytes of memory the response takes: its pieces, the list of them, which is large for tiny chunks, the
    /// lines before the payload, and the payload if it was joined from several pieces.
    pub(crate) fn memory(&self) -> usize {
        let list = self.held.capacity().saturating_mul(size_of::<http1::Piece>());
        let parts = [list, self.held_bytes, self.body.prefix().len(), self.payload.allocated()];
        parts.into_iter().fold(0, usize::saturating_add)
    }

    /// Sends the `PROCESSING` and `PENDING` of the server that have been received.
    pub(crate) fn stream(&mut self, out: &mut OutputBuffer) {
        if self.ready == 0
            || self.pending_sent
            || self.coding != Coding::Unchanged
            || self.framing != Framing::Chunked
        {
            return;
        }
        self.begin(&mut out.bytes);
        for piece in self.held.drain(..self.ready) {
            self.held_bytes = self.held_bytes.saturating_sub(piece.wire().len());
            out.push(piece.into_wire());
        }
        self.ready = 0;
        self.sent_content = self.ready_content;
    }

    /// Sends the head, unless it was sent, before a keep-alive that the proxy makes.
    pub(crate) fn begin_pending(&mut self, out: &mut Vec<u8>, pending: &mut PendingKeepAlive) {
        if self.sent_content > 0 {
            pending.processing_sent();
        }
        if !self.begun && self.framing != Framing::Chunked {
            self.head.fields.remove("content-length");
            self.head.fields.set("Transfer-Encoding", "chunked");
        }
        self.pending_sent = true;
        self.begin(out);
    }

    /// The code with which the server refused the operation, and the body of that response.
    pub(crate) fn refusal(&self) -> Option<(ResponseCode, Bytes)> {
        Some((self.refused?.response_code(), self.complete.clone()))
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.begun, true) {
            self.head.write(out);
        }
    }

    /// The result of the complete response: its payload, or how the server refuses the operation.
    pub(super) fn outcome(&mut self) -> Result<Bytes, UpstreamRefusal> {
        if let Err(refusal) = self.result.and_then(|()| self.check_body()) {
            self.refused = Some(refusal);
            self.complete = self.held.iter().flat_map(http1::Piece::data).copied().collect();
            return Err(refusal);
        }
        self.complete = self.payload.take();
        Ok(self.complete.clone())
    }

    /// Checks what precedes the payload of the complete response.
    fn check_body(&self) -> Result<(), UpstreamRefusal> {
        let why = match self.body.response_code() {
            Some(ResponseCode::Success) | None if self.malformed || !self.body.in_payload() => {
                InvalidResponse::Body
            }
            Some(ResponseCode::Success) => return Ok(()),
            Some(code) => return Err(UpstreamRefusal::ResponseCode(code)),
            None if self.body.header(X_RESPONSE_CODE).is_some() => InvalidResponse::ResponseCode,
            None => return Ok(()),
        };
        Err(UpstreamRefusal::Invalid(why))
    }

    /// Sends the rest of the response, as it was received or as modules changed it. A refusal `keeps_cookies` that the
    /// server set while the session continues.
    pub(crate) fn send(
        &mut self,
        out: &mut OutputBuffer,
        reply: &Reply,
        request: &RequestContext,
        keeps_cookies: bool,
    ) -> KeepAlive {
        let is_unchanged = match reply {
            Reply::Response(stub) => {
                stub.as_ptr() == self.complete.as_ptr() && stub.len() == self.complete.len()
            }
            Reply::Refused(_) | Reply::RefusedByUpstream(_) => self.refused.is_some(),
        };
        match reply {
            Reply::Response(stub) if self.pending_sent => {
                let trailing: Vec<(&str, &str)> = self.body.headers().collect();
                pending::end(&mut out.bytes, &trailing, stub);
            }
            _ if self.pending_sent => {
                let code = self.refused.map_or_else(|| reply.response_code(), UpstreamRefusal::response_code);
                pending::end_refused(&mut out.bytes, code);
            }
            _ if is_unchanged && self.coding == Coding::Unchanged => {
                self.begin(&mut out.bytes);
                for piece in self.held.drain(..) {
                    out.push(piece.into_wire());
                }
            }
            _ if is_unchanged => {
                let content: Vec<u8> = self.held.iter().flat_map(http1::Piece::data).copied().collect();
                self.send_content(&mut out.bytes, &content);
            }
            Reply::Response(stub) => {
                let content = self.body.with_payload(stub);
                self.send_content(&mut out.bytes, &content);
            }
            Reply::Refused(_) | Reply::RefusedByUpstream(_) if self.begun => {
                pending::end_refused(&mut out.bytes, reply.response_code());
            }
            Reply::Refused(_) | Reply::RefusedByUpstream(_) => {
                return self.refuse(&mut out.bytes, request, reply.response_code(), keeps_cookies);
            }
        }
        let close = self.coding == Coding::UntilClose && !self.pending_sent;
        if close { KeepAlive::No } else { request.keep_alive() }
    }

    /// Refuses the operation by a response of the proxy. Of the server's fields it has only `Set-Cookie`, if it
    /// `keeps_cookies`: the client needs them for its next request. In a session that has ended they may be those of
    /// another user.
    fn refuse(
        &mut self,
        out: &mut Vec<u8>,
        request: &RequestContext,
        code: ResponseCode,
        keeps_cookies: bool,
    ) -> KeepAlive {
        let Some(mut head) = local_head(request, code, ERROR_CONTENT_TYPE) else { return KeepAlive::No };
        for cookie in self.head.fields.all("set-cookie").filter(|_| keeps_cookies) {
            head.fields.push("Set-Cookie", Bytes::copy_from_slice(cookie));
        }
        *self.head = head.clone();
        respond::complete(out, &request.head, head, code.page().as_bytes());
        request.keep_alive()
    }

    /// Sends `content` instead of what was received, without the bytes of it that were sent already.
    fn send_content(&mut self, out: &mut Vec<u8>, content: &[u8]) {
        let chunked = self.framing == Framing::Chunked && self.coding == Coding::Unchanged;
        if !chunked {
            self.head.fields.remove("transfer-encoding");
            self.head.fields.set("Content-Length", content.len().to_string());
        }
        self.begin(out);
        if self.is_head {
            return;
        }
        let rest = content.get(self.sent_content..).unwrap_or_default();
        if chunked {
            http1::write_chunk(out, rest);
            out.extend_from_slice(http1::LAST_CHUNK);
        } else {
            out.extend_from_slice(rest);
        }
    }
}
