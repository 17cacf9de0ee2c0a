//! Permits authentications of the service account over HTTP, and sends probes: requests that depend on no user, whose
//! response shows whether the server accepts the account.

use identity::SecurityContext;

use crate::gate::{AuthAttempt, UpstreamProtocol};
use crate::http::reach::{authenticate_once, probe_anonymously};
use crate::http::upstream::config::{HttpUpstream, directory};
use crate::http::upstream::dial::NotOpened;
use crate::task::spawn_system;
use crate::upstream_error::UpstreamError;

/// The path of the EMSMDB endpoint of MAPI over HTTP, which every server of MAPI clients has.
const MAPI: &str = "/mapi/emsmdb/";

impl HttpUpstream {
    /// Permits an authentication on behalf of `context` for `target`. Returns `None` if no service account is used: for
    /// anonymous callers, and with pass-through authentication.
    pub(crate) async fn begin_auth(
        &self,
        context: &SecurityContext,
        target: &str,
    ) -> Result<Option<AuthAttempt>, UpstreamError> {
        let service = directory(target);
        let probe = |attempt| {
            let root = format!("/{service}/");
            spawn_system(probe(self.clone(), context.clone(), root, attempt));
        };
        self.identity.permit(context, UpstreamProtocol::Http, service, self.timeout, probe).await
    }
}

/// Sends a PING with the service account, to the first of [`MAPI`] and `root` that requires authentication, and records
/// the outcome. If the server requires authentication for neither, there is no outcome.
async fn probe(upstream: HttpUpstream, context: SecurityContext, root: String, mut attempt: AuthAttempt) {
    for target in [MAPI, &root] {
        let anonymous = probe_anonymously(&upstream, target).await;
        if !anonymous.is_ok_and(|response| response.status == 401) {
            continue;
        }
        attempt.sent();
        match authenticate_once(&upstream, &context, target).await {
            Ok(status) if shows_authentication(status) => {
                attempt.succeeded();
            }
            Err(NotOpened::Auth(error)) => {
                let error = UpstreamError::from(error);
                if error.is_account() {
                    attempt.failed(&error);
                }
            }
            Ok(_) | Err(_) => {}
        }
        return;
    }
}

/// Whether `status` shows that the server accepted the credentials of a request that it refuses with 401 without them.
/// Gateways send the other statuses themselves if the server does not respond or is too busy.
const fn shows_authentication(status: u16) -> bool {
    matches!(status, 200..=400 | 404..=406 | 411 | 415 | 500 | 501)
}
