//! Disconnects sessions at the server that ended in the proxy, which the server would keep until they time out.

use std::pin::Pin;
use std::sync::Arc;

use engine::OrphanedSession;
use identity::{OsRandom, Random as _, SecurityContext};
use mapi::mapihttp::headers::{
    CONTENT_TYPE, X_CLIENT_APPLICATION, X_CLIENT_INFO, X_REQUEST_ID, X_REQUEST_TYPE, X_RESPONSE_CODE,
};
use mapi::mapihttp::{Endpoint, ResponseCode};
use tokio::time::timeout;
use wire::Guid;

use crate::error_chain::ErrorChain;
use crate::http::client::{HttpClient, HttpClientResponse};
use crate::http::config::HttpListenerConfig;
use crate::late::LATE;

type Disconnect = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Disconnects the sessions that are queued for it, on a connection of its own; none if no session is queued. The
/// server has [`LATE`] for all of them together, and has to end the rest by itself.
pub(crate) fn end_at_server(config: &Arc<HttpListenerConfig>) -> Option<Disconnect> {
    let (sessions, dropped) = config.sessions.take_orphaned();
    if dropped > 0 {
        tracing::warn!(
            dropped,
            "upstream: too many sessions ended at once to end them at the server, which ends the others when they time out"
        );
    }
    if sessions.is_empty() {
        return None;
    }
    let config = Arc::clone(config);
    Some(Box::pin(async move {
        let all = sessions.len();
        let mut counts = Counts::default();
        let timed_out = timeout(LATE, end(&config, sessions, &mut counts)).await.is_err();
        let Counts { disconnected, withdrawn } = counts;
        let failed = all.saturating_sub(disconnected).saturating_sub(withdrawn);
        if failed > 0 {
            tracing::warn!(
                disconnected,
                failed,
                withdrawn,
                timed_out,
                "upstream: not all sessions that the proxy ended could be ended at the server, which ends the others when they \
                 time out"
            );
        } else {
            tracing::info!(
                disconnected,
                withdrawn,
                "upstream: sessions that the proxy ended were ended at the server"
            );
        }
    }))
}

/// What became of sessions that were to be ended at the server.
#[derive(Default)]
struct Counts {
    /// The server ended them.
    disconnected: usize,
    /// The server has given their cookies to other sessions, which must not be ended.
    withdrawn: usize,
}

/// Disconnects each of `sessions`.
async fn end(config: &HttpListenerConfig, sessions: Vec<OrphanedSession>, counts: &mut Counts) {
    let context = SecurityContext::system(config.auth.contexts());
    let mut client = HttpClient::new(config.upstream.clone(), context);
    let mut random = [0; 16];
    if OsRandom.fill(&mut random).is_err() {
        return;
    }
    let id = Guid::from_le(random);
    for (number, session) in sessions.into_iter().enumerate() {
        let cookies = session.cookies.clone();
        let (request_type, body): (_, &[u8]) = match session.endpoint {
            // No auxiliary buffer ([MS-OXCMAPIHTTP] 2.2.4.3.1).
            Endpoint::Emsmdb => ("Disconnect", &[0; 4]),
            // Reserved, and no auxiliary buffer ([MS-OXCMAPIHTTP] 2.2.5.2.1).
            Endpoint::Nspi => ("Unbind", &[0; 8]),
        };
        let fields = [
            ("Content-Type", CONTENT_TYPE.to_owned()),
            ("User-Agent", "MAPIProxy".to_owned()),
            (X_REQUEST_TYPE, request_type.to_owned()),
            (X_REQUEST_ID, format!("{{{id}}}:{}", number + 1)),
            (X_CLIENT_INFO, format!("{{{id}}}:1")),
            (X_CLIENT_APPLICATION, format!("MAPIProxy/{}", env!("CARGO_PKG_VERSION"))),
            ("Cookie", cookies),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value));
        match client.post_if(&session.target, &fields, body, || session.may_be_ended()).await {
            Ok(None) => counts.withdrawn += 1,
            Ok(Some(response)) if is_ended(&response) => counts.disconnected += 1,
            Ok(Some(response)) => {
                let code = response.head.fields.text(X_RESPONSE_CODE);
                tracing::debug!(
                    status = response.head.status(),
                    code,
                    "upstream: {request_type} of an ended session refused"
                );
            }
            Err(error) => {
                tracing::debug!(
                    "upstream: {request_type} of an ended session failed: {}",
                    ErrorChain(&error)
                );
            }
        }
    }
}

/// Whether the server has ended the session.
fn is_ended(response: &HttpClientResponse) -> bool {
    let code = response.head.fields.text(X_RESPONSE_CODE).and_then(ResponseCode::parse);
    response.head.status() == 200
        && matches!(code, Some(ResponseCode::Success | ResponseCode::ContextNotFound))
}
