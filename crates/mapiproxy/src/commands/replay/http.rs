//! Sends recorded requests of MAPI over HTTP.

use std::collections::BTreeMap;
use std::time::Duration;

use capture::call::{HttpMessage, HttpResponse};
use capture::replay::HttpStep;
use identity::{ContextCounters, Credentials, Mechanism, Scope, SecurityContext};
use net::http::{HttpClient, HttpClientError, HttpClientResponse, HttpUpstream, TlsTrust, TlsVersion, Via};
use net::upstream_identity::{ServiceAccount, UpstreamIdentity};
use net::{AccountGate, ErrorChain, Gate, ServiceCredentials, UpstreamError};
use rpc::AuthLevel;

use super::arguments::Arguments;
use crate::commands::sign_in::CHECK_ACCOUNT;
use crate::config::Url;
use crate::failure::Failure;

/// The time limit for connecting and authenticating.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The time limit for a response.
const CALL_LIMIT: Duration = Duration::from_mins(10);

/// The maximum number of open connections. Beyond it the connection of the oldest session is closed, and
/// opened again if that session has further requests.
const MAX_CONNECTIONS: usize = 64;

/// Sends requests of MAPI over HTTP.
pub(super) struct HttpSender {
    upstream: HttpUpstream,
    url: String,
    context: SecurityContext,
    /// A connection for each recorded session.
    clients: BTreeMap<u64, HttpClient>,
}

impl HttpSender {
    pub(super) fn new(target: &Url, arguments: &Arguments) -> Result<Self, Failure> {
        let Arguments { account, auth, ca_file, server_name, .. } = arguments;
        let user = account.user.as_deref().ok_or("an HTTP target requires --user")?;
        let mechanism = Mechanism::from(*auth);
        if mechanism.scope() == Scope::Request && !target.tls {
            return Err("--auth basic sends the password unencrypted: use a target https://host".into());
        }
        let password = account.password_of(user)?;
        let contexts = ContextCounters::new();
        let credentials = Credentials::password(user, &account.domain, &password);
        let account =
            ServiceCredentials::new(credentials, mechanism, AuthLevel::NONE, &target.host, &contexts);
        let account = ServiceAccount::new(account.for_http()?, &AccountGate::new());
        let name = server_name.as_ref().unwrap_or(&target.host);
        let trust = || TlsTrust::new(name, ca_file.as_deref(), TlsVersion::default());
        let upstream = HttpUpstream {
            host: target.host.clone(),
            port: target.port,
            tls: target.tls.then(trust).transpose()?,
            identity: UpstreamIdentity::new(account),
            timeout: TIMEOUT,
            call_limit: CALL_LIMIT,
            via: Via::new(&mut identity::OsRandom)?,
            gate: Gate::new(),
        };
        let url = target.to_string();
        Ok(Self { upstream, url, context: SecurityContext::system(&contexts), clients: BTreeMap::new() })
    }

    /// Sends a request of a recorded session.
    pub(super) async fn send(&mut self, session: u64, step: &HttpStep) -> Result<HttpResponse, Failure> {
        if self.clients.len() >= MAX_CONNECTIONS && !self.clients.contains_key(&session) {
            self.clients.pop_first();
        }
        let client = self
            .clients
            .entry(session)
            .or_insert_with(|| HttpClient::new(self.upstream.clone(), self.context.clone()));
        let sent = client.post(&step.target, &step.fields, &step.body).await;
        Ok(response(sent.map_err(|error| format!("{}: {}", self.url, reason(&error)))?))
    }
}

/// Why a request failed, and what to do if it is because of the account.
fn reason(error: &HttpClientError) -> String {
    match error {
        HttpClientError::Failed(UpstreamError::Auth(why)) => {
            format!("authentication failed: {}; {CHECK_ACCOUNT}", ErrorChain(&**why.cause()))
        }
        HttpClientError::Unauthorized(_) => format!("{error}; {CHECK_ACCOUNT}"),
        error => ErrorChain(error).to_string(),
    }
}

fn response(received: HttpClientResponse) -> HttpResponse {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let HttpClientResponse { head, body } = received;
    let fields = head.fields.iter().map(|field| (field.name.to_owned(), text(field.value))).collect();
    HttpResponse {
        status: head.status(),
        reason: text(head.reason()),
        message: HttpMessage { fields, body: body.into(), ..HttpMessage::default() },
    }
}
