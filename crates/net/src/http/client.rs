//! An HTTP client that sends one request after the other, as one account.

use http1::{Event, RequestHead, ResponseHead};
use identity::SecurityContext;
use tokio::time::timeout;

use crate::http::server_only::Cookies;
use crate::http::upstream::config::HttpUpstream;
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::request_head::{BodyFraming, Rewrite};
use crate::tcp::stream::SendError;
use crate::upstream_error::{Timeout, UpstreamError};

/// The longest response that is accepted, in bytes: several times what a ROP buffer can hold.
const MAX_RESPONSE: usize = 64 << 20;

/// A client of the server of an [`HttpUpstream`], with its credentials.
///
/// It keeps one connection, which it opens and authenticates when it is needed. It sends no request twice.
#[derive(Debug)]
pub struct HttpClient {
    upstream: HttpUpstream,
    /// The context of its requests.
    context: SecurityContext,
    connection: Option<Box<UpstreamConnection>>,
}

/// A response: its head, and its body without the framing.
#[derive(Debug, Clone)]
pub struct HttpClientResponse {
    /// Its status and header fields.
    pub head: ResponseHead,
    /// Its content, without framing.
    pub body: Vec<u8>,
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum HttpClientError {
    /// The server cannot be reached, or did not respond completely.
    #[error(transparent)]
    Failed(#[from] UpstreamError),
    /// The server does not accept the account. Contains the challenges that it offers.
    #[error("the server does not accept this user and password; it offers {}", offers(.0))]
    Unauthorized(Vec<String>),
    /// A part of the request is not valid in HTTP. Contains the name of the part.
    #[error("invalid {0} of the request")]
    InvalidRequest(&'static str),
}

fn offers(schemes: &[String]) -> String {
    if schemes.is_empty() { "no authentication scheme".to_owned() } else { schemes.join(", ") }
}

impl HttpClient {
    /// A client on behalf of `context`.
    pub const fn new(upstream: HttpUpstream, context: SecurityContext) -> Self {
        Self { upstream, context, connection: None }
    }

    /// Sends a POST of `body` to `target` with `fields`, adds `Host`, `Authorization` and the framing, and waits for
    /// the response.
    ///
    /// # Errors
    /// If the server cannot be reached, does not accept the account, does not respond completely or in time, and if the
    /// target or a field is not valid in HTTP.
    pub async fn post(
        &mut self,
        target: &str,
        fields: &[(String, String)],
        body: &[u8],
    ) -> Result<HttpClientResponse, HttpClientError> {
        let head = post_head(target, fields)?;
        let connection = self.connect(&head).await?;
        self.exchange(connection, head, body).await
    }

    /// As [`post`](Self::post), if `is_permitted` returns true when the connection is open and authenticated. Otherwise
    /// sends nothing, and returns `None`.
    pub(crate) async fn post_if(
        &mut self,
        target: &str,
        fields: &[(String, String)],
        body: &[u8],
        is_permitted: impl FnOnce() -> bool,
    ) -> Result<Option<HttpClientResponse>, HttpClientError> {
        let head = post_head(target, fields)?;
        let connection = self.connect(&head).await?;
        if !is_permitted() {
            self.connection = connection.may_be_kept().then_some(connection);
            return Ok(None);
        }
        self.exchange(connection, head, body).await.map(Some)
    }

    /// The open connection, or a new one, on which a request with this head can be sent at once.
    async fn connect(&mut self, head: &RequestHead) -> Result<Box<UpstreamConnection>, UpstreamError> {
        if let Some(mut connection) = self.connection.take()
            && connection.is_usable_by(&self.context).await
        {
            return Ok(connection);
        }
        UpstreamConnection::open(&self.upstream, &self.context, head.target()).await
    }

    /// Sends a request, and waits for the response.
    async fn exchange(
        &mut self,
        mut connection: Box<UpstreamConnection>,
        mut head: RequestHead,
        body: &[u8],
    ) -> Result<HttpClientResponse, HttpClientError> {
        let length = u64::try_from(body.len()).map_err(|_| HttpClientError::InvalidRequest("body"))?;
        let rewrite =
            Rewrite { body: BodyFraming::Length(length), cookies: Cookies::OfSession, forwarding: None };
        connection.rewrite_request(&mut head, &rewrite);
        connection.begin_request(&head, false);
        connection.transport.out.bytes.extend_from_slice(body);
        let limit = self.upstream.timeout;
        match connection.transport.flush_unless(limit, |_, _| false).await {
            Ok(_) => {}
            Err(SendError::NotRead) => return Err(UpstreamError::from(Timeout::NotRead(limit)).into()),
            Err(SendError::Io(error)) => return Err(UpstreamError::closed(error).into()),
        }
        let limit = self.upstream.call_limit;
        let received = timeout(limit, response(&mut connection)).await;
        let (head, body) = received.map_err(|_| UpstreamError::from(Timeout::Response(limit)))??;
        if head.status() != 401 {
            connection.record_response(head.status());
        }
        if connection.end_response() {
            self.connection = Some(connection);
        }
        if head.status() == 401 {
            let offered = head.fields.all("www-authenticate").map(String::from_utf8_lossy);
            return Err(HttpClientError::Unauthorized(offered.map(std::borrow::Cow::into_owned).collect()));
        }
        Ok(HttpClientResponse { head, body })
    }
}

/// The head of a POST.
fn post_head(target: &str, fields: &[(String, String)]) -> Result<RequestHead, HttpClientError> {
    let mut head = RequestHead::new("POST", target).ok_or(HttpClientError::InvalidRequest("target"))?;
    for (name, value) in fields {
        if !head.fields.push(name.clone(), value.clone()) {
            return Err(HttpClientError::InvalidRequest("field"));
        }
    }
    Ok(head)
}

/// The complete response to a request.
async fn response(connection: &mut UpstreamConnection) -> Result<(ResponseHead, Vec<u8>), UpstreamError> {
    let (head, _) = connection.final_head().await?;
    let mut body = Vec::new();
    loop {
        match connection.transport.event().await? {
            Event::Body(piece) => body.extend_from_slice(piece.data()),
            Event::End => return Ok((*head, body)),
            Event::Head { .. } => {}
        }
        if body.len() > MAX_RESPONSE {
            return Err(UpstreamError::protocol(format!("response exceeds {MAX_RESPONSE} bytes")));
        }
    }
}
