//! The server's response to an operation on its way to the client: its keep-alive tags are streamed, the rest is held
//! until it is whole, and sent as it was received or as modules changed it.

use bytes::Bytes;
use engine::Reply;
use http1::{Framing, Head as _, ResponseHead};
use mapi::mapihttp::headers::{ERROR_CONTENT_TYPE, X_RESPONSE_CODE, is_mapi_http};
use mapi::mapihttp::{ResponseBody, ResponseCode};

use crate::http::downstream::accumulator::BodyAccumulator;
use crate::http::downstream::context::{KeepAlive, RequestContext};
use crate::http::operation::pending::{self, PendingKeepAlive};
use crate::http::output::OutputBuffer;
use crate::http::upstream::response_head::{Coding, rewrite_response};
use crate::upstream_error::UpstreamError;

/// An answer of the server's, as far as it is here.
pub(crate) struct UpstreamResponse {
    pub(crate) head: ResponseHead,
    pub(crate) came: ResponseHead,
    /// What its head says of the operation.
    code: ResponseCode,
    framing: Framing,
    coding: Coding,
    /// What came and was not sent yet, as it came.
    held: Vec<http1::Piece>,
    /// How much memory these take.
    memory: usize,
    /// How many of these may be sent: whole chunks of `PROCESSING` and `PENDING`.
    ready: usize,
    /// Bytes of content among these.
    ready_content: usize,
    /// Bytes of content that were sent.
    sent: usize,
    pub(crate) begun: bool,
    pub(crate) body: ResponseBody,
    payload: BodyAccumulator,
    /// The payload, once it is whole; of an answer that refuses the operation, what came of its body.
    whole: Bytes,
    /// Bytes of content so far.
    content: usize,
    malformed: bool,
    /// The server refused the operation as such.
    refused: Option<ResponseCode>,
    /// This proxy sent `PROCESSING` or `PENDING` itself: what is sent of the body does not begin as it was received.
    pub(crate) pending_sent: bool,
}

/// An answer that exceeds the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer is too large")]
pub(crate) struct TooLarge;

impl From<TooLarge> for UpstreamError {
    fn from(error: TooLarge) -> Self {
        Self::protocol(error)
    }
}

/// How much memory a piece takes that is held.
fn memory(piece: &http1::Piece) -> usize {
    piece.wire().len().saturating_add(size_of::<http1::Piece>())
}

/// Whether an answer is one of the operation's own, which has a payload.
fn code(head: &ResponseHead) -> ResponseCode {
    let said = head.fields.text(X_RESPONSE_CODE).and_then(ResponseCode::parse);
    let fits = head.status() == 200 && head.fields.text("content-type").is_some_and(is_mapi_http);
    match (said, fits) {
        (Some(ResponseCode::Success) | None, true) => ResponseCode::Success,
        (Some(ResponseCode::Success) | None, false) => ResponseCode::UnknownFailure,
        (Some(code), _) => code,
    }
}

impl UpstreamResponse {
    pub(crate) fn new(head: ResponseHead, framing: Framing, request: &RequestContext) -> Self {
        let came = head.clone();
        let mut head = head;
        let coding = rewrite_response(&mut head, framing, request);
        if !request.keep && !head.fields.has_token("connection", "close") {
            head.fields.push("Connection", "close");
        }
        Self {
            code: code(&came),
            head,
            came,
            framing,
            coding,
            held: Vec::new(),
            memory: 0,
            ready: 0,
            ready_content: 0,
            sent: 0,
            begun: false,
            body: ResponseBody::new(),
            payload: BodyAccumulator::default(),
            whole: Bytes::new(),
            content: 0,
            malformed: false,
            refused: None,
            pending_sent: false,
        }
    }

    /// Takes in the next piece of the body.
    ///
    /// # Errors
    /// When the response is longer than `limit`.
    pub(crate) fn take(&mut self, piece: http1::Piece, limit: usize) -> Result<(), TooLarge> {
        self.content = self.content.saturating_add(piece.data().len());
        if self.content > limit {
            return Err(TooLarge);
        }
        if self.code == ResponseCode::Success && !self.malformed {
            let data = piece.clone().into_data();
            let mut rest = &data[..];
            loop {
                match self.body.next(&mut rest) {
                    Ok(Some(mapi::mapihttp::BodyEvent::Payload(bytes))) => {
                        self.payload.push(data.slice_ref(bytes));
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => {
                        self.malformed = true;
                        break;
                    }
                }
            }
        }
        let ends = piece.ends_chunk();
        self.memory = self.memory.saturating_add(memory(&piece));
        self.held.push(piece);
        if ends && !self.body.is_done() && !self.malformed && self.code == ResponseCode::Success {
            self.ready = self.held.len();
            self.ready_content = self.content;
        }
        Ok(())
    }

    /// How many bytes of memory it takes: its content, or the pieces in which it came where they take more, as tiny
    /// chunks do.
    pub(crate) fn memory(&self) -> usize {
        self.memory.max(self.content)
    }

    /// Sends the server's `PROCESSING` and `PENDING`.
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
            self.memory = self.memory.saturating_sub(memory(&piece));
            out.push(piece.into_wire());
        }
        self.ready = 0;
        self.sent = self.ready_content;
    }

    /// Sends the head, if it was not, before a keep-alive of this proxy's.
    pub(crate) fn begin_pending(&mut self, out: &mut Vec<u8>, pending: &mut PendingKeepAlive) {
        if self.sent > 0 {
            pending.processing_sent();
        }
        if !self.begun && self.framing != Framing::Chunked {
            self.head.fields.remove("content-length");
            self.head.fields.set("Transfer-Encoding", "chunked");
        }
        self.pending_sent = true;
        self.begin(out);
    }

    /// The code with which the server refused the operation, and the body of that answer.
    pub(crate) fn refusal(&self) -> Option<(ResponseCode, Bytes)> {
        Some((self.refused?, self.whole.clone()))
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.begun, true) {
            self.head.write(out);
        }
    }

    /// What the answer comes to that is whole now: its payload, or the code with which the server refuses the operation.
    pub(super) fn outcome(&mut self) -> Result<Bytes, ResponseCode> {
        let code = match (self.code, self.body.response_code()) {
            (ResponseCode::Success, Some(late)) => late,
            (code, _) => code,
        };
        let malformed = self.malformed || !self.body.in_payload();
        let code =
            if code == ResponseCode::Success && malformed { ResponseCode::InvalidResponse } else { code };
        if code != ResponseCode::Success {
            self.refused = Some(code);
            self.whole = self.held.iter().flat_map(http1::Piece::data).copied().collect();
            return Err(code);
        }
        self.whole = self.payload.take();
        Ok(self.whole.clone())
    }

    /// Sends the rest of the answer, or what modules made of it.
    pub(crate) fn send(
        &mut self,
        out: &mut OutputBuffer,
        reply: &Reply,
        request: &RequestContext,
    ) -> KeepAlive {
        let as_it_came = match reply {
            Reply::Response(stub) => stub.as_ptr() == self.whole.as_ptr() && stub.len() == self.whole.len(),
            Reply::Refused(_) | Reply::RefusedByUpstream(_) => self.refused.is_some(),
        };
        match reply {
            Reply::Response(stub) if self.pending_sent => {
                let late: Vec<(&str, &str)> = self.body.headers().collect();
                pending::end(&mut out.bytes, &late, stub);
            }
            _ if self.pending_sent => {
                pending::end_refused(&mut out.bytes, self.refused.unwrap_or_else(|| reply.response_code()));
            }
            _ if as_it_came && self.coding == Coding::Unchanged => {
                self.begin(&mut out.bytes);
                for piece in self.held.drain(..) {
                    out.push(piece.into_wire());
                }
            }
            _ if as_it_came => {
                let content: Vec<u8> = self.held.iter().flat_map(http1::Piece::data).copied().collect();
                self.anew(&mut out.bytes, &content);
            }
            Reply::Response(stub) => {
                let content = self.body.with_payload(stub);
                self.anew(&mut out.bytes, &content);
            }
            Reply::Refused(_) | Reply::RefusedByUpstream(_) => {
                self.refuse(&mut out.bytes, reply.response_code());
            }
        }
        let close = (self.coding == Coding::UntilClose && !self.pending_sent) || !request.keep;
        if close { KeepAlive::No } else { KeepAlive::Yes }
    }

    /// Says that the operation was refused, in a header behind what was sent already where there is something.
    fn refuse(&mut self, out: &mut Vec<u8>, code: ResponseCode) {
        if self.begun {
            pending::end_refused(out, code);
        } else {
            // The cookies that the server set are the client's next ones, whatever becomes of the answer.
            self.head.fields.set("Content-Type", ERROR_CONTENT_TYPE);
            self.head.fields.set(X_RESPONSE_CODE, code.0.to_string());
            self.anew(out, code.page().as_bytes());
        }
    }

    /// Sends other content than what came; what was sent of it already is its beginning.
    fn anew(&mut self, out: &mut Vec<u8>, content: &[u8]) {
        let chunked = self.framing == Framing::Chunked && self.coding == Coding::Unchanged;
        if !chunked {
            self.head.fields.remove("transfer-encoding");
            self.head.fields.set("Content-Length", content.len().to_string());
        }
        self.begin(out);
        let rest = content.get(self.sent..).unwrap_or_default();
        if chunked {
            http1::chunk(out, rest);
            out.extend_from_slice(http1::LAST_CHUNK);
        } else {
            out.extend_from_slice(rest);
        }
    }
}
