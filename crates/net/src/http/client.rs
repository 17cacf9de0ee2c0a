//! A client of HTTP that makes one request after the other, as one account.

use std::time::Duration;

use http1::{Event, RequestHead, ResponseHead};
use identity::SecurityContext;
use tokio::time::timeout;

use crate::http::server_only::Cookies;
use crate::http::upstream::config::HttpUpstream;
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::request_head::{BodyFraming, Rewrite};
use crate::upstream_error::UpstreamError;

/// The longest answer that is taken, in bytes: several times what a ROP buffer can hold.
const LONGEST: usize = 64 << 20;

/// A client of the server that [`HttpUpstream`] says, acting there as it says.
///
/// It keeps one connection, which is made and signed in on when it is needed. It sends no request twice.
#[derive(Debug)]
pub struct HttpClient {
    upstream: HttpUpstream,
    /// On whose behalf.
    context: SecurityContext,
    connection: Option<Box<UpstreamConnection>>,
}

/// An answer: its head, and its body without the framing.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// The head.
    pub head: ResponseHead,
    /// The body.
    pub body: Vec<u8>,
}

/// Why a request came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpFailure {
    /// The server can't be reached, or broke off; says why.
    #[error("{0}")]
    Lost(String),
    /// The server does not let this account in. What it says it would take instead is given, as it says it.
    #[error("the server refuses this user with this password; it takes {}", offers(.0))]
    Refused(Vec<String>),
    /// Something of the request has no place in HTTP: which part.
    #[error("the request's {0} can't be sent by HTTP")]
    Request(&'static str),
}

fn offers(schemes: &[String]) -> String {
    if schemes.is_empty() { "nothing that it would name".to_owned() } else { schemes.join(", ") }
}

impl HttpClient {
    /// A client on behalf of `context`.
    pub const fn new(upstream: HttpUpstream, context: SecurityContext) -> Self {
        Self { upstream, context, connection: None }
    }

    /// Sends a POST of `body` to `target` with `fields`, to which `Host`, `Authorization` and the framing are
    /// added; waits for the answer.
    ///
    /// # Errors
    /// When the server can't be reached, does not let the account in, breaks off, or takes too long; and for a
    /// target or a field that HTTP has no place for.
    pub async fn post(
        &mut self,
        target: &str,
        fields: &[(String, String)],
        body: &[u8],
    ) -> Result<HttpAnswer, HttpFailure> {
        let mut head = RequestHead::new("POST", target).ok_or(HttpFailure::Request("target"))?;
        for (name, value) in fields {
            if !head.fields.push(name.clone(), value.clone()) {
                return Err(HttpFailure::Request("field"));
            }
        }
        let length = u64::try_from(body.len()).map_err(|_| HttpFailure::Request("body"))?;
        let stands = match &mut self.connection {
            Some(connection) => connection.is_usable_by(&self.context).await,
            None => false,
        };
        let mut connection = if let Some(connection) = self.connection.take().filter(|_| stands) {
            connection
        } else {
            let opened = UpstreamConnection::open(&self.upstream, &self.context, head.target()).await;
            opened.map_err(|error| HttpFailure::Lost(error.to_string()))?
        };
        let onward =
            Rewrite { body: BodyFraming::Length(length), cookies: Cookies::OfSession, forwarding: None };
        connection.rewrite_request(&mut head, &onward);
        connection.begin_request(&head, false);
        connection.transport.out.bytes.extend_from_slice(body);
        let limit = self.upstream.timeout;
        let sent = connection.transport.flush(limit).await;
        sent.map_err(|error| HttpFailure::Lost(format!("the request could not be sent: {error}")))?;
        let answered = timeout(self.upstream.call_limit, answer(&mut connection)).await;
        let (head, body) = answered
            .map_err(|_| late(self.upstream.call_limit))?
            .map_err(|error| HttpFailure::Lost(error.to_string()))?;
        if head.status() != 401 {
            connection.record_response(head.status());
        }
        if connection.end_response() {
            self.connection = Some(connection);
        }
        if head.status() == 401 {
            let offered = head.fields.all("www-authenticate").map(String::from_utf8_lossy);
            return Err(HttpFailure::Refused(offered.map(std::borrow::Cow::into_owned).collect()));
        }
        Ok(HttpAnswer { head, body })
    }
}

fn late(limit: Duration) -> HttpFailure {
    HttpFailure::Lost(format!("no answer within {} s", limit.as_secs()))
}

/// The whole answer to a request.
async fn answer(connection: &mut UpstreamConnection) -> Result<(ResponseHead, Vec<u8>), UpstreamError> {
    let (head, _) = connection.final_head().await?;
    let mut body = Vec::new();
    loop {
        match connection.transport.event().await? {
            Event::Body(piece) => body.extend_from_slice(piece.data()),
            Event::End => return Ok((head, body)),
            Event::Head { .. } => {}
        }
        if body.len() > LONGEST {
            return Err(UpstreamError::protocol(format!("an answer of more than {LONGEST} bytes")));
        }
    }
}
