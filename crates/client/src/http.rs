//! A session of MAPI over HTTP: its cookies, its request headers, and the framing of responses.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use identity::{OsRandom, Random as _, SecurityContext};
use mapi::mapihttp::cookies::CookieJar;
use mapi::mapihttp::headers::{
    self, CONTENT_TYPE, GuidCounter, X_CLIENT_APPLICATION, X_CLIENT_INFO, X_REQUEST_ID, X_REQUEST_TYPE,
    X_RESPONSE_CODE,
};
use mapi::mapihttp::{Endpoint, RequestType, ResponseBody, ResponseCode};
use net::http::{HttpClient, HttpClientResponse, HttpUpstream, Via};
use net::upstream_identity::{ServiceAccount, UpstreamIdentity};
use net::{AccountGate, Gate};
use wire::Guid;

use crate::config::{ClientConfig, HttpServer};
use crate::error::{Error, Failure};

/// The time limit for a response. It exceeds the five minutes that a server may wait for notifications
/// ([MS-OXCMAPIHTTP] 2.2.4.4).
const CALL_LIMIT: Duration = Duration::from_mins(10);

/// `X-ClientApplication` ([MS-OXCMAPIHTTP] 2.2.3.3.6): servers expect the name and four numbers.
const CLIENT_APPLICATION: &str = "MapiClient/15.0.0.1000";

/// The header with the server's product and version ([MS-OXCMAPIHTTP] 2.2.3.3.7).
const X_SERVER_APPLICATION: &str = "X-ServerApplication";

/// The access to a server of MAPI over HTTP, which its sessions share.
#[derive(Debug, Clone)]
pub(crate) struct HttpRoad {
    server: HttpServer,
    upstream: HttpUpstream,
    context: SecurityContext,
}

impl HttpRoad {
    /// The access to `server` with the account and the time limit of `config`.
    ///
    /// # Errors
    /// If there is no account, or no randomness.
    pub(crate) fn new(server: &HttpServer, config: &ClientConfig) -> Result<Self, Failure> {
        let account = config.account.clone();
        let account = account.ok_or(Failure::Unsupported("MAPI over HTTP requires an account"))?;
        let context = SecurityContext::system(&account.config.contexts);
        let account = account.for_http();
        let account = account.map_err(|error| Failure::NotAuthenticated(error.to_string()))?;
        let upstream = HttpUpstream {
            host: server.host.clone(),
            port: server.port,
            tls: server.tls.clone(),
            identity: UpstreamIdentity::new(ServiceAccount::new(account, &AccountGate::new())),
            timeout: config.timeout,
            call_limit: CALL_LIMIT,
            via: Via::new(&mut OsRandom).map_err(|_| NO_RANDOMNESS)?,
            gate: Gate::new(),
        };
        Ok(Self { server: server.clone(), upstream, context })
    }

    /// Sends one request that belongs to no session, and returns the response.
    ///
    /// # Errors
    /// If the server cannot be reached, or does not accept the account.
    pub(crate) async fn post(
        &self,
        target: &str,
        fields: &[(String, String)],
        body: &[u8],
    ) -> Result<HttpClientResponse, Failure> {
        let mut client = HttpClient::new(self.upstream.clone(), self.context.clone());
        Ok(client.post(target, fields, body).await?)
    }

    /// A session at `endpoint`, which the first request opens.
    ///
    /// # Errors
    /// If there is no randomness.
    pub(crate) fn session(&self, endpoint: Endpoint) -> Result<HttpSession, Failure> {
        Ok(HttpSession {
            client: HttpClient::new(self.upstream.clone(), self.context.clone()),
            road: self.clone(),
            endpoint,
            cookies: Arc::default(),
            client_info: GuidCounter { guid: random_guid()?, counter: 1 },
            request_id: GuidCounter { guid: random_guid()?, counter: 0 },
            server_application: String::new(),
        })
    }
}

const NO_RANDOMNESS: Failure = Failure::Unsupported("this system has no randomness");

fn random_guid() -> Result<Guid, Failure> {
    let mut bytes = [0; 16];
    OsRandom.fill(&mut bytes).map_err(|_| NO_RANDOMNESS)?;
    Ok(Guid::from_le(bytes))
}

/// A session at an endpoint. Its requests follow each other on one connection.
#[derive(Debug)]
pub(crate) struct HttpSession {
    client: HttpClient,
    road: HttpRoad,
    endpoint: Endpoint,
    /// The cookies, which a wait for notifications shares.
    cookies: Arc<Mutex<CookieJar>>,
    client_info: GuidCounter,
    request_id: GuidCounter,
    server_application: String,
}

impl HttpSession {
    /// The same session for requests outside of its sequence, with another connection ([MS-OXCMAPIHTTP] 3.1.5.5).
    ///
    /// # Errors
    /// If there is no randomness.
    pub(crate) fn beside(&self) -> Result<Self, Failure> {
        Ok(Self {
            cookies: Arc::clone(&self.cookies),
            client_info: self.client_info,
            ..self.road.session(self.endpoint)?
        })
    }

    /// The server's product and version, as in the last response; empty before.
    pub(crate) fn server_application(&self) -> &str {
        &self.server_application
    }

    /// The name of the operation `request_type`.
    fn operation(&self, request_type: RequestType) -> &'static str {
        self.endpoint.operation(request_type).unwrap_or(request_type.name())
    }

    /// Sends a request and returns the payload of the response's body.
    ///
    /// # Errors
    /// If the server cannot be reached, does not accept the account, or did not process the request.
    pub(crate) async fn request(
        &mut self,
        request_type: RequestType,
        body: wire::Result<Vec<u8>>,
    ) -> Result<Bytes, Error> {
        let operation = self.operation(request_type);
        let error = |failure| Error::new(operation, failure);
        let body = body.map_err(|fault| error(Failure::Request(fault)))?;
        let fields = self.fields(request_type);
        let target = self.road.server.target(self.endpoint);
        let sent = self.client.post(target, &fields, &body).await;
        let response = sent.map_err(|fault| error(fault.into()))?;
        self.keep_cookies(&response);
        payload(response).map_err(error)
    }

    /// The header fields of the next request ([MS-OXCMAPIHTTP] 2.2.2.1).
    fn fields(&mut self, request_type: RequestType) -> Vec<(String, String)> {
        self.request_id.counter = self.request_id.counter.saturating_add(1);
        let mut fields: Vec<(String, String)> = [
            ("Content-Type", CONTENT_TYPE.to_owned()),
            (X_REQUEST_TYPE, request_type.to_string()),
            (X_REQUEST_ID, self.request_id.to_string()),
            (X_CLIENT_INFO, self.client_info.to_string()),
            (X_CLIENT_APPLICATION, CLIENT_APPLICATION.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner).header();
        fields.extend(cookies.map(|cookies| ("Cookie".to_owned(), cookies)));
        fields
    }

    fn keep_cookies(&mut self, response: &HttpClientResponse) {
        let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        for set in response.head.fields.all("set-cookie") {
            cookies.set(&String::from_utf8_lossy(set));
        }
        drop(cookies);
        if let Some(application) = response.head.fields.all(X_SERVER_APPLICATION).next() {
            self.server_application = String::from_utf8_lossy(application).into_owned();
        }
    }
}

/// The payload of a response that was processed.
fn payload(response: HttpClientResponse) -> Result<Bytes, Failure> {
    let HttpClientResponse { head, body } = response;
    if let Some(code) = head.fields.all(X_RESPONSE_CODE).next() {
        check_code(&String::from_utf8_lossy(code))?;
    }
    if head.status() != 200 {
        return Err(Failure::Status(head.status()));
    }
    let content_type = head.fields.all("content-type").next().map(String::from_utf8_lossy);
    if !content_type.is_some_and(|content_type| headers::is_mapi_http(&content_type)) {
        return Err(Failure::Missing("content of MAPI over HTTP"));
    }
    let body = Bytes::from(body);
    let (prefix, payload) = ResponseBody::split(&body).map_err(Failure::MalformedResponse)?;
    // The code in the body replaces the one in the head, which was sent before the server processed the request
    // ([MS-OXCMAPIHTTP] 2.2.2.2).
    if let Some(code) = prefix.header(X_RESPONSE_CODE) {
        check_code(code)?;
    }
    Ok(body.slice_ref(payload))
}

fn check_code(value: &str) -> Result<(), Failure> {
    match ResponseCode::parse(value) {
        Some(ResponseCode::Success) => Ok(()),
        Some(code) => Err(Failure::Refused(code)),
        None => Err(Failure::Missing("valid X-ResponseCode")),
    }
}

/// Sends a request of MAPI over HTTP, and decodes the response of the same operation.
macro_rules! post {
    ($session:expr, $endpoint:ident, $operation:ident, $request:expr) => {{
        let request = mapi::mapihttp::$endpoint::Request::$operation($request);
        let (request_type, operation) = (request.request_type(), request.name());
        let payload = $session.request(request_type, request.encode()).await?;
        let reader = ::wire::Reader::sharing(&payload);
        let error = |failure| $crate::error::Error::new(operation, failure);
        match mapi::mapihttp::$endpoint::Response::read(request_type, reader) {
            Ok((mapi::mapihttp::$endpoint::Response::$operation(response), _)) => {
                let returned = response.return_value();
                match response {
                    mapi::mapihttp::OperationResponse::Complete(fields) => Ok((operation, fields)),
                    _ => Err(error($crate::error::Failure::Returned(returned))),
                }
            }
            Ok(_) => Err(error($crate::error::Failure::Missing("response of the operation"))),
            Err(fault) => Err(error($crate::error::Failure::MalformedResponse(fault))),
        }
    }};
}

pub(crate) use post;
