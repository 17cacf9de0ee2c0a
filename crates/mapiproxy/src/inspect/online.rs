//! `mapiproxy check --online`: checks the configured server with the code and the time limits that `mapiproxy
//! run` uses.
//!
//! The service account authenticates once by HTTP and, by RPC, once at each interface. After a failure it is not
//! tried again over that protocol, so that a check does not lock the account out.

use std::sync::Arc;

use engine::Interface;
use identity::{ContextCounters, Mechanism, OsRandom, SecurityContext};
use net::http::{Anonymous, HttpUpstream, NotConnected, NotOpened, ServiceAuthError, TlsFailure};
use net::{ErrorChain, LoopMarker, NotServed, UpstreamError};

use crate::config::{Binding, Config, Found, ProtectionLevel, Url};
use crate::wiring::upstream_identity::UpstreamIdentities;

/// The requested paths. The service account authenticates at the first one that requires authentication.
const TARGETS: [&str; 2] = ["/mapi/emsmdb/", "/autodiscover/autodiscover.xml"];

/// The difference of two clocks in seconds from which Kerberos refuses tickets: 5 minutes ([MS-KILE]
/// 3.1.1.2).
const MAX_SKEW: u64 = 300;

/// The results of a check of the server.
#[derive(Debug, Default)]
pub(crate) struct ServerReport {
    problems: Vec<(&'static str, String)>,
    /// Settings that work, but possibly not as intended.
    pub(crate) warnings: Vec<String>,
    /// Facts that were confirmed.
    pub(crate) confirmed: Vec<String>,
}

/// Checks the server of `config`, by each protocol that is configured. Errors go to `found`.
pub(crate) async fn check(config: &Config, found: &mut Found<'_>) -> ServerReport {
    let contexts = ContextCounters::new();
    // Without a valid password everything but the authentication is checked.
    let (identities, has_account) = match UpstreamIdentities::read(config, &contexts) {
        Ok(identities) if !found.is_wrong_in("upstream.credentials") => {
            (identities, !config.upstream.credentials.mode().is_pass_through())
        }
        _ => (UpstreamIdentities::unauthenticated(), false),
    };
    let online = OnlineCheck { config, identities, contexts, has_account };
    let http = config.upstream.http.as_ref().filter(|_| !found.is_wrong("upstream.http"));
    let rpc = config.upstream.rpc.as_ref().filter(|_| !found.is_wrong("upstream.rpc"));
    let (http, rpc) = tokio::join!(online.http(http), online.rpc(rpc));
    let mut report = ServerReport::default();
    for protocol in [http, rpc] {
        report.problems.extend(protocol.problems);
        report.warnings.extend(protocol.warnings);
        report.confirmed.extend(protocol.confirmed);
    }
    // One error is reported for a key: those of both protocols are joined.
    let mut joined: Vec<(&str, Vec<String>)> = Vec::new();
    for (key, why) in report.problems.drain(..) {
        match joined.iter_mut().find(|(other, _)| *other == key) {
            Some((_, all)) if all.contains(&why) => {}
            Some((_, all)) => all.push(why),
            None => joined.push((key, vec![why])),
        }
    }
    for (key, all) in joined {
        found.wrong(key, all.join("; and "));
    }
    report
}

/// A check of the server that is configured.
struct OnlineCheck<'a> {
    config: &'a Config,
    identities: UpstreamIdentities,
    contexts: Arc<ContextCounters>,
    /// Whether there is a service account with a valid password.
    has_account: bool,
}

impl OnlineCheck<'_> {
    /// Checks the server by HTTP. Ends with the first target that cannot be requested.
    async fn http(&self, server: Option<&Url>) -> ServerReport {
        let mut report = ServerReport::default();
        let Some(server) = server else { return report };
        // Errors of the TLS configuration were reported before.
        let Ok(upstream) = crate::wiring::http::upstream(self.config, server, &self.identities) else {
            return report;
        };
        let mut protected = None;
        for target in TARGETS {
            match net::http::probe_anonymously(&upstream, target).await {
                Ok(response) => {
                    if target == TARGETS[0] {
                        report.clock(server, response.clock_ahead);
                    }
                    if self.schemes(server, target, &response, &mut report) {
                        protected = protected.or(Some(target));
                    }
                }
                Err(error) => {
                    report.not_opened(server, &error);
                    return report;
                }
            }
        }
        match protected {
            Some(target) if self.has_account => {
                self.authenticate(server, &upstream, target, &mut report).await;
            }
            _ => {}
        }
        report
    }

    /// Compares the schemes that the server offers with the configuration. Returns whether the proxy can
    /// authenticate there.
    fn schemes(&self, server: &Url, target: &str, response: &Anonymous, report: &mut ServerReport) -> bool {
        let Anonymous { status, offered, .. } = response;
        match status {
            401 => {}
            508 => {
                report.request_loop(server, target);
                return false;
            }
            status => {
                report.warnings.push(format!(
                    "upstream.http: a PING (POST) to {server}{target} without credentials: status {status}, expected 401; \
                     check that the server has this virtual directory"
                ));
                return false;
            }
        }
        let names = if offered.is_empty() { "nothing".to_owned() } else { offered.join(", ") };
        let offers = |mechanism: Mechanism| offered.iter().any(|offer| mechanism.is_scheme(offer.as_bytes()));
        if self.config.upstream.credentials.mode().is_pass_through() {
            if Mechanism::ALL.into_iter().any(offers) {
                report.confirmed.push(format!("{server}{target} offers {names}"));
            } else {
                report.wrong(
                    "upstream.http",
                    format!(
                        "{server}{target} offers {names}, which cannot be passed through; enable one of {} on the server",
                        passed_through().join(", ")
                    ),
                );
            }
            return false;
        }
        let mechanism = Mechanism::from(self.config.upstream.http_authentication);
        if offers(mechanism) {
            report.confirmed.push(format!("{server}{target} offers {names}"));
            return true;
        }
        let error = ServiceAuthError::NotOffered { mechanism, offered: names };
        report.wrong("upstream.http_authentication", format!("{server}{target}: {error}; {SCHEME_HINT}"));
        false
    }

    async fn authenticate(
        &self,
        server: &Url,
        upstream: &HttpUpstream,
        target: &str,
        report: &mut ServerReport,
    ) {
        let context = SecurityContext::system(&self.contexts);
        match net::http::authenticate_once(upstream, &context, target).await {
            Ok(508) => report.request_loop(server, target),
            Ok(status) if status >= 400 => report.warnings.push(format!(
                "upstream.http: a PING (POST) to {server}{target}: status {status} after authentication as {}; check the \
                 account's rights",
                self.account()
            )),
            Ok(_) => report.confirmed.push(format!("{server}: authenticated as {}", self.account())),
            Err(error) => report.not_opened(server, &error),
        }
    }

    async fn rpc(&self, server: Option<&Binding>) -> ServerReport {
        let mut report = ServerReport::default();
        let Some(server) = server else { return report };
        let Ok(marker) = LoopMarker::new(&mut OsRandom) else { return report };
        let upstream = crate::wiring::upstream(self.config, server, &self.identities, &marker);
        let context = SecurityContext::system(&self.contexts);
        for interface in [Interface::Rfr, Interface::Nspi, Interface::Emsmdb] {
            let name = interface.name();
            match upstream.reach(interface, &context).await {
                Ok(address) if self.identities.rpc.has_account(&context) => {
                    report
                        .confirmed
                        .push(format!("{address} serves {name}; authenticated as {}", self.account()));
                }
                Ok(address) => report.confirmed.push(format!("{address} serves {name}")),
                Err(NotServed::AccessDenied(_) | NotServed::Rejected(_)) if self.lacks_password() => {
                    report.confirmed.push(format!("{name}: reached, not authenticated"));
                }
                Err(error) => {
                    let concerns_interface = matches!(
                        error,
                        NotServed::Mapper(_) | NotServed::Elsewhere { .. } | NotServed::NotThere(_)
                    );
                    self.not_served(name, &error, &mut report);
                    // Other failures would be the same for the other interfaces; the account is not tried
                    // again.
                    if !concerns_interface {
                        break;
                    }
                }
            }
        }
        report
    }

    fn not_served(&self, interface: &str, error: &NotServed, report: &mut ServerReport) {
        let (key, why) = match error {
            NotServed::Unresolved(why) => ("upstream.rpc", unresolved(why)),
            NotServed::Unreachable(why) => ("upstream.rpc", unreachable(why)),
            NotServed::Timeout(_) => ("upstream.rpc", format!("{error}: {TIMEOUT_HINT}")),
            NotServed::Mapper(why) => (
                "upstream.rpc",
                format!(
                    "{why}; check that the server registers {interface} there, or set the fixed endpoint, \
                     ncacn_ip_tcp:host[port]"
                ),
            ),
            NotServed::Elsewhere { .. } => (
                "upstream.rpc",
                format!("{interface}: {error}; open that port in the firewall, or start the service"),
            ),
            NotServed::NotThere(_) | NotServed::Broken(_) => {
                ("upstream.rpc", format!("{interface}: {error}; check the server's log"))
            }
            NotServed::Closed(why) => (
                "upstream.level",
                format!(
                    "{interface}: {why} during authentication or a call; check that the server accepts the level {}, \
                     upstream.authentication and the account in [upstream.credentials], and that upstream.rpc has the \
                     right port",
                    self.level()
                ),
            ),
            NotServed::Rejected(why) => (
                "upstream.authentication",
                format!("{interface}: {why}; try the other of ntlm and spnego, and check upstream.level"),
            ),
            NotServed::AccessDenied(why) if self.config.upstream.level == ProtectionLevel::None => (
                "upstream.level",
                format!(
                    "{interface}: the server refuses unauthenticated calls ({why}); set a level other than none"
                ),
            ),
            NotServed::AccessDenied(why) => (
                "upstream.credentials.password_file",
                format!(
                    "{interface}: the server does not accept {} ({why}); check the account and its password in \
                     [upstream.credentials], and that the server accepts upstream.level, {}",
                    self.account(),
                    self.level()
                ),
            ),
        };
        report.wrong(key, why);
    }

    /// Whether a service account is configured, but has no valid password.
    fn lacks_password(&self) -> bool {
        !self.has_account && !self.config.upstream.credentials.mode().is_pass_through()
    }

    fn level(&self) -> String {
        format!("{:?}", self.config.upstream.level).to_ascii_lowercase()
    }

    fn account(&self) -> String {
        self.config.upstream.credentials.mode().account().unwrap_or_else(|| "the client".to_owned())
    }
}

const TIMEOUT_HINT: &str = "check that the server is running and that no firewall blocks the connection, or raise \
                            upstream.connect_seconds";

const SCHEME_HINT: &str = "set upstream.http_authentication to a supported scheme that the server offers, or enable \
                           the scheme on the server";

/// The schemes that the proxy passes through if clients authenticate at the server.
fn passed_through() -> Vec<&'static str> {
    Mechanism::ALL.into_iter().rev().filter_map(Mechanism::http_scheme).collect()
}

fn unresolved(why: &dyn std::fmt::Display) -> String {
    format!("{why}; use a name that this machine can resolve, or an address")
}

fn unreachable(why: &dyn std::fmt::Display) -> String {
    format!(
        "{why}; check host and port, that the server is running, and that no firewall blocks the connection"
    )
}

impl ServerReport {
    fn wrong(&mut self, key: &'static str, why: String) {
        self.problems.push((key, why));
    }

    fn request_loop(&mut self, server: &Url, target: &str) {
        let why = "request loop: the address leads back to this proxy; set upstream.http to the address of the mail server";
        self.wrong("upstream.http", format!("{server}{target}: {why}"));
    }

    fn not_opened(&mut self, server: &Url, error: &NotOpened) {
        let key = match error {
            NotOpened::Connect(NotConnected::Tls(TlsFailure::Authority)) => "upstream.ca_file",
            NotOpened::Connect(NotConnected::Tls(TlsFailure::Version)) => "upstream.tls",
            NotOpened::Auth(ServiceAuthError::Rejected(_)) => "upstream.credentials.password_file",
            NotOpened::Auth(_) => "upstream.http_authentication",
            _ => "upstream.http",
        };
        let why = match error {
            NotOpened::Connect(NotConnected::Unresolved(why)) => unresolved(why),
            NotOpened::Connect(NotConnected::Unreachable(why)) => unreachable(why),
            NotOpened::Connect(NotConnected::Timeout(_))
            | NotOpened::Timeout(_)
            | NotOpened::Broken(UpstreamError::Timeout(_)) => format!("{error}: {TIMEOUT_HINT}"),
            NotOpened::Auth(ServiceAuthError::NotOffered { .. }) => format!("{error}; {SCHEME_HINT}"),
            NotOpened::Auth(ServiceAuthError::Rejected(_)) => {
                format!("{error}; check the account and its password in [upstream.credentials]")
            }
            NotOpened::Broken(error) => format!(
                "{}; check that upstream.http is the address of the mail server, and the server's log",
                ErrorChain(error)
            ),
            error => ErrorChain(error).to_string(),
        };
        self.wrong(key, format!("{server}: {why}"));
    }

    /// Warns of a server's clock that differs too much from this machine's.
    fn clock(&mut self, server: &Url, ahead: Option<i64>) {
        let Some(ahead) = ahead.filter(|ahead| ahead.unsigned_abs() > MAX_SKEW) else { return };
        let direction = if ahead > 0 { "ahead of" } else { "behind" };
        self.warnings.push(format!(
            "upstream.http: the clock of {server} is {} s {direction} this machine's, and Kerberos permits {MAX_SKEW} s; \
             synchronise both clocks (NTP)",
            ahead.unsigned_abs()
        ));
    }
}
