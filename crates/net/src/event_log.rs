//! Rate-limited log lines for events that clients and servers can cause at any rate.
//!
//! Each kind of line has its own limit, so that one kind does not suppress another. `docs/log-lines.md` lists them.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

use engine::{MemoryLimit, Reissued, SessionReports, UpstreamRefusal};
use identity::{Principal, SecurityContext};
use mapi::mapihttp::ResponseCode;
use rpc::pdu::FaultStatus;
use tokio::time::Instant;
use tracing::field::display;

use crate::error_chain::ErrorChain;
use crate::gate::FailedRequest;
use crate::log_rate_limit::LogRateLimit;
use crate::tcp::connection_limit::ConnectionLimit;
use crate::upstream_error::UpstreamError;

/// The log lines that clients and servers can cause at any rate. The field `suppressed` of a line is the number of
/// lines of its kind that were left out before it.
#[derive(Debug, Default)]
pub struct EventLog {
    accept_failed: LogRateLimit,
    connection_refused: LogRateLimit,
    user_connection_refused: LogRateLimit,
    connection_displaced: LogRateLimit,
    connection_evicted: LogRateLimit,
    client_error: LogRateLimit,
    request_refused: LogRateLimit,
    client_timeout: LogRateLimit,
    too_busy: LogRateLimit,
    session_evicted: LogRateLimit,
    session_reissued: LogRateLimit,
    memory_limit: LogRateLimit,
    session_limit: LogRateLimit,
    undecoded: LogRateLimit,
    operation_refused: LogRateLimit,
    call_refused: LogRateLimit,
    context_unusable: LogRateLimit,
    request_loop: LogRateLimit<1, 60>,
    response_interrupted: LogRateLimit,
    request_failed: LogRateLimit,
    not_mapi_http: LogRateLimit,
    client_must_authenticate: LogRateLimit,
    insufficient_protection: LogRateLimit,
    authentication_unavailable: LogRateLimit,
}

impl EventLog {
    /// The listener at `listener` cannot accept a connection.
    pub(crate) fn accept_failed(&self, listener: Option<SocketAddr>, error: &io::Error) {
        if let Some(suppressed) = self.accept_failed.pass(Instant::now()) {
            let listener = listener.map(display);
            let advice = accept_advice(error);
            tracing::error!(listener, suppressed, "proxy: cannot accept a connection: {error}; {advice}");
        }
    }

    /// A connection exceeds `limit`; `through` is the load balancer that made it for the client.
    pub(crate) fn connection_refused(
        &self,
        client: SocketAddr,
        through: Option<SocketAddr>,
        limit: ConnectionLimit,
    ) {
        if let Some(suppressed) = self.connection_refused.pass(Instant::now()) {
            let (key, through) = (limit.key(), through.map(display));
            tracing::warn!(%client, through, key, suppressed, "client connection refused: {limit}");
        }
    }

    /// A connection of `user` is refused: the user has as many of those that `limit` permits as are then free, or has
    /// none, and all are taken by users and networks that have no more.
    pub(crate) fn user_connection_refused(
        &self,
        client: SocketAddr,
        user: &Principal,
        limit: ConnectionLimit,
    ) {
        if let Some(suppressed) = self.user_connection_refused.pass(Instant::now()) {
            let key = limit.key();
            if limit == ConnectionLimit::PerUser {
                tracing::warn!(
                    %client, account = %user, key, suppressed,
                    "connection of a user refused: the user has as many client connections as are free of {key}"
                );
            } else {
                tracing::warn!(
                    %client, account = %user, key, suppressed,
                    "connection of a user refused: {limit}, and others have no more than this user"
                );
            }
        }
    }

    /// The connection of `user` is closed in favour of another user, who had none.
    pub(crate) fn connection_displaced(&self, client: SocketAddr, user: Option<&Principal>) {
        if let Some(suppressed) = self.connection_displaced.pass(Instant::now()) {
            let (account, key) = (user.map(display), ConnectionLimit::All.key());
            tracing::warn!(
                %client, account, key, suppressed,
                "connection of a user closed to admit another user: {key} is reached, and this user or network has the \
                 most"
            );
        }
    }

    /// The oldest unauthenticated connection from `evicted` was closed to admit `client`, because `limit` is reached.
    pub(crate) fn connection_evicted(&self, client: SocketAddr, evicted: IpAddr, limit: ConnectionLimit) {
        if let Some(suppressed) = self.connection_evicted.pass(Instant::now()) {
            let key = limit.key();
            tracing::warn!(
                %client, %evicted, key, suppressed,
                "unauthenticated connection closed to admit another client: {limit}"
            );
        }
    }

    /// A client exceeded a time limit, or the memory for responses that it does not read.
    pub(crate) fn client_timeout(&self, client: SocketAddr, why: &dyn fmt::Display) {
        if let Some(suppressed) = self.client_timeout.pass(Instant::now()) {
            tracing::info!(%client, suppressed, "client connection closed: {why}");
        }
    }

    /// A client violated the protocol.
    pub(crate) fn client_error(&self, client: SocketAddr, why: &str) {
        if let Some(suppressed) = self.client_error.pass(Instant::now()) {
            tracing::info!(%client, suppressed, "client protocol error: {why}");
        }
    }

    /// A request, with its method and target, is refused because of its path, query or cookies.
    pub(crate) fn request_refused(&self, client: SocketAddr, request: &str, why: &dyn fmt::Display) {
        if let Some(suppressed) = self.request_refused.pass(Instant::now()) {
            tracing::info!(%client, suppressed, "client request refused: {request}: {why}");
        }
    }

    /// The protection that a client of `user` negotiated does not suffice for the authentication level of its calls.
    pub(crate) fn insufficient_protection(&self, client: SocketAddr, user: &Principal, why: &str) {
        if let Some(suppressed) = self.insufficient_protection.pass(Instant::now()) {
            tracing::info!(%client, account = %user, suppressed, "client bind refused: {why}");
        }
    }

    /// A client cannot authenticate, since the proxy cannot begin the handshake.
    pub(crate) fn authentication_unavailable(
        &self,
        client: SocketAddr,
        error: &(dyn std::error::Error + 'static),
    ) {
        if let Some(suppressed) = self.authentication_unavailable.pass(Instant::now()) {
            let error = ErrorChain(error);
            tracing::warn!(%client, suppressed, "proxy: clients cannot authenticate: {error}");
        }
    }

    /// A client's connection had to be closed in the middle of the upstream's response.
    pub(crate) fn response_interrupted(&self, request: &FailedRequest<'_>, error: &UpstreamError) {
        if let Some(suppressed) = self.response_interrupted.pass(Instant::now()) {
            let FailedRequest { client, user, operation, .. } = *request;
            let (account, error) = (user.map(display), ErrorChain(error));
            tracing::warn!(
                %client, account, operation, suppressed,
                "upstream: response interrupted, client connection closed: {error}"
            );
        }
    }

    /// A request to the upstream failed. During an outage, whose begin and end are logged, the line has level debug.
    pub(crate) fn request_failed(&self, request: &FailedRequest<'_>, error: &UpstreamError) {
        let FailedRequest { client, user, operation, .. } = *request;
        let (account, side, key) = (user.map(display), error.side(), error.key());
        if error.is_outage() {
            let error = ErrorChain(error);
            tracing::debug!(%client, account, operation, key, "{side}: request failed: {error}");
        } else if let Some(suppressed) = self.request_failed.pass(Instant::now()) {
            let error = ErrorChain(error);
            tracing::warn!(%client, account, operation, key, suppressed, "{side}: request failed: {error}");
        }
    }

    /// The upstream's response to an operation of `user` is not one of MAPI over HTTP. `advice` states what to do.
    pub(crate) fn not_mapi_http(
        &self,
        client: SocketAddr,
        user: &Principal,
        operation: &str,
        (refusal, advice): (UpstreamRefusal, &str),
    ) {
        if let Some(suppressed) = self.not_mapi_http.pass(Instant::now()) {
            let status = refusal.http_status();
            tracing::warn!(
                %client, account = %user, operation, status, key = "upstream.http", suppressed,
                "upstream: the response is not of MAPI over HTTP: {refusal}; {advice}"
            );
        }
    }

    /// A request of `user` for which the upstream requires the client to authenticate.
    pub(crate) fn client_must_authenticate(
        &self,
        client: SocketAddr,
        user: Option<&Principal>,
        error: &UpstreamError,
    ) {
        if let Some(suppressed) = self.client_must_authenticate.pass(Instant::now()) {
            let (account, side, error) = (user.map(display), error.side(), ErrorChain(error));
            tracing::info!(%client, account, suppressed, "{side}: authentication required: {error}");
        }
    }

    /// An operation is refused because a limit on sessions or deferred work is reached, as `why` says.
    pub(crate) fn too_busy(
        &self,
        client: SocketAddr,
        user: &Principal,
        operation: &str,
        why: &dyn fmt::Display,
    ) {
        if let Some(suppressed) = self.too_busy.pass(Instant::now()) {
            tracing::warn!(%client, account = %user, operation, suppressed, "operation refused as too busy: {why}");
        }
    }

    /// A session of `user` ended so that the user could open another one, because the limit `key` is reached.
    pub(crate) fn session_evicted(&self, client: SocketAddr, user: &Principal, key: &str) {
        if let Some(suppressed) = self.session_evicted.pass(Instant::now()) {
            tracing::warn!(
                %client, account = %user, key, suppressed,
                "client session evicted: a limit on sessions is reached, and the user opened another session"
            );
        }
    }

    /// A request of `user` exceeds a limit on memory.
    pub(crate) fn memory_limit(&self, client: SocketAddr, user: &Principal, operation: &str, why: &str) {
        if let Some(suppressed) = self.memory_limit.pass(Instant::now()) {
            tracing::warn!(
                %client, account = %user, operation, suppressed,
                "operation refused as too busy, memory limit reached: {why}"
            );
        }
    }

    /// A part of an operation of `user`, `request` or `response`, was forwarded undecoded because of `error`.
    pub(crate) fn undecoded(
        &self,
        client: SocketAddr,
        user: &Principal,
        operation: &str,
        (part, error): (&str, &wire::Error),
    ) {
        if let Some(suppressed) = self.undecoded.pass(Instant::now()) {
            tracing::warn!(
                %client, account = %user, operation, part, suppressed,
                "operation forwarded in part undecoded, modules do not see that part: {error}"
            );
        }
    }

    /// The state of a session of `user` reached `limit`: part of it is not tracked from this operation on.
    pub(crate) fn session_limit(
        &self,
        client: SocketAddr,
        user: &Principal,
        operation: &str,
        limit: MemoryLimit,
    ) {
        if let Some(suppressed) = self.session_limit.pass(Instant::now()) {
            let key = limit.key();
            tracing::warn!(
                %client, account = %user, operation, key, suppressed,
                "client session is tracked in part only, modules do not see the rest: {limit}"
            );
        }
    }

    /// An operation of MAPI over HTTP is refused.
    pub(crate) fn operation_refused(
        &self,
        client: SocketAddr,
        user: &Principal,
        operation: &str,
        code: ResponseCode,
        why: &str,
    ) {
        if let Some(suppressed) = self.operation_refused.pass(Instant::now()) {
            let (account, code) = (display(user), code.0);
            tracing::info!(%client, account, operation, code, suppressed, "operation refused: {why}");
        }
    }

    /// An RPC call is refused.
    pub(crate) fn call_refused(
        &self,
        client: SocketAddr,
        user: &Principal,
        operation: &str,
        fault: FaultStatus,
        why: &dyn fmt::Display,
    ) {
        if let Some(suppressed) = self.call_refused.pass(Instant::now()) {
            let (account, fault) = (display(user), display(fault));
            tracing::info!(%client, account, operation, fault, suppressed, "RPC call refused: {why}");
        }
    }

    /// The security context of a call cannot be used any more.
    pub(crate) fn context_unusable(&self, client: SocketAddr, user: &Principal, why: &dyn fmt::Display) {
        if let Some(suppressed) = self.context_unusable.pass(Instant::now()) {
            tracing::info!(%client, account = %user, suppressed, "client must authenticate again: {why}");
        }
    }

    /// This proxy received its own request: the server that `key` names leads back to it.
    pub(crate) fn request_loop(&self, client: SocketAddr, key: &str) {
        if let Some(suppressed) = self.request_loop.pass(Instant::now()) {
            tracing::error!(
                %client, key, suppressed,
                "request loop: {key} leads back to this proxy; set {key} to the address of the mail server"
            );
        }
    }
}

impl SessionReports for EventLog {
    fn reissued(&self, context: &SecurityContext, lost: Reissued) {
        let Some(suppressed) = self.session_reissued.pass(Instant::now()) else { return };
        let account = context.principal();
        match lost {
            Reissued::ContextHandle => tracing::warn!(
                %account, key = "upstream.rpc", suppressed,
                "upstream: session ended, since the server issued its context handle to another session; if the server \
                 was not restarted, check that upstream.rpc leads to one server only"
            ),
            Reissued::ContextHandleInUnknownOrder => tracing::warn!(
                %account, key = "upstream.rpc", suppressed,
                "upstream: session ended, since the server issued its context handle to two sessions in an unknown \
                 order; if the server was not restarted, check that upstream.rpc leads to one server only"
            ),
            Reissued::Cookies => tracing::warn!(
                %account, key = "upstream.http", suppressed,
                "upstream: session ended, since the server set its cookies for another session; if the server was not \
                 restarted, check that upstream.http leads to one server only"
            ),
        }
    }
}

/// What an operator should do about `error` of accepting a connection.
fn accept_advice(error: &io::Error) -> &'static str {
    /// `EMFILE` and `ENFILE`, on Linux.
    const OUT_OF_DESCRIPTORS: [i32; 2] = [24, 23];
    match error.raw_os_error() {
        Some(code) if OUT_OF_DESCRIPTORS.contains(&code) => {
            "raise the limit on open files (LimitNOFILE= of a systemd unit)"
        }
        _ => "new connections wait until the operating system accepts them",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fmt::Write as _;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::sync::{Arc, Mutex};

    use tracing::Subscriber;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};

    use super::*;

    /// Collects the lines of the log.
    struct Lines(Arc<Mutex<Vec<String>>>);

    /// A line: its message and fields.
    #[derive(Default)]
    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            write!(self.0, "{field}={value:?} ").unwrap();
        }
    }

    impl Subscriber for Lines {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &tracing::Event<'_>) {
            let mut line = Line::default();
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    /// The lines that `log` writes, as `message=… field=value …`.
    pub(crate) fn logged(log: impl FnOnce()) -> Vec<String> {
        let lines = Arc::default();
        tracing::subscriber::with_default(Lines(Arc::clone(&lines)), log);
        std::mem::take(&mut *lines.lock().unwrap())
    }

    /// How many lines `log` writes.
    pub(crate) fn lines(log: impl FnOnce()) -> usize {
        logged(log).len()
    }

    #[test]
    fn a_request_loop_is_logged_once_a_minute_and_suppresses_no_other_line() {
        let (log, client) = (EventLog::default(), SocketAddr::from(([127, 0, 0, 1], 1)));
        let looped = || (0..1000).for_each(|_| log.request_loop(client, "upstream.rpc"));
        assert_eq!(lines(looped), 1);
        let errors = || (0..1000).for_each(|_| log.client_error(client, "malformed"));
        assert_eq!(lines(errors), 10);
    }

    #[test]
    fn sessions_that_end_since_the_server_issued_their_handles_again_are_logged_with_the_user_at_a_limited_rate()
     {
        let (log, alice) = (EventLog::default(), testkit::caller("alice"));
        let logged = logged(|| (0..1000).for_each(|_| log.reissued(&alice, Reissued::ContextHandle)));
        assert_eq!(logged.len(), 10);
        let line =
            "message=upstream: session ended, since the server issued its context handle to another session;";
        assert!(logged[0].starts_with(line) && logged[0].contains("account="), "{}", logged[0]);
    }

    #[test]
    fn a_lack_of_descriptors_is_logged_with_the_limit_to_raise() {
        assert!(accept_advice(&io::Error::from_raw_os_error(24)).contains("LimitNOFILE"));
        assert!(!accept_advice(&io::Error::from_raw_os_error(103)).contains("LimitNOFILE"));
    }

    /// The Rust sources in `folder` and below it.
    fn sources(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let read = |path: PathBuf| {
            if path.is_dir() {
                sources(&path)
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                vec![fs::read_to_string(path).unwrap()]
            } else {
                Vec::new()
            }
        };
        entries.flat_map(read).collect()
    }

    /// The messages that `source` logs at level error, warn or info, each up to its first variable part.
    fn messages(source: &str) -> Vec<String> {
        let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let is_listed =
            |call: &&str| ["error!(", "warn!(", "info!("].iter().any(|level| call.starts_with(level));
        let message = |call: &str| {
            // A message has spaces; a field's value has none.
            let message = call.split('"').skip(1).step_by(2).find(|text| text.contains(' '));
            let message = message.expect("a message").replace("\\\n", "");
            let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
            let fixed = message.strip_prefix("{side}: ").unwrap_or(&message);
            fixed.split('{').next().unwrap_or_default().trim_end().to_owned()
        };
        code.split("tracing::").skip(1).filter(is_listed).map(message).collect()
    }

    #[test]
    fn each_line_is_described_for_operators() {
        let page = include_str!("../../../docs/log-lines.md");
        let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        let messages: Vec<_> = sources.iter().flat_map(|source| messages(source)).collect();
        assert!(messages.len() > 25, "{messages:#?}");
        for message in messages {
            assert!(message.len() > 8, "{message:?} begins with a variable part");
            assert!(page.contains(&message), "docs/log-lines.md lacks {message:?}");
        }
    }
}
