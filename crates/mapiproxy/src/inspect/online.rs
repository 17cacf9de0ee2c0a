//! What the configured server itself says: `mapiproxy check --online`.
//!
//! It is asked by the code that `mapiproxy run` asks it by, within the same time limits. The service account signs in
//! once on each road, and never again where that is refused, so that no check locks it out.

use std::sync::Arc;

use engine::Interface;
use identity::{ContextCounters, Mechanism, OsRandom, SecurityContext};
use net::http::{Anonymous, HttpUpstream, NotConnected, NotOpened, ServiceAuthError, TlsFailure};
use net::{LoopMarker, NotServed};

use crate::config::{Binding, Config, Found, ProtectionLevel, Url};
use crate::wiring::upstream_identity::UpstreamIdentities;

/// What is asked for by HTTP, the first signed in for.
const TARGETS: [&str; 2] = ["/mapi/emsmdb/", "/autodiscover/autodiscover.xml"];

/// How many seconds two clocks may differ before Kerberos refuses tickets ([MS-KILE] 3.1.1.2 leaves 5 minutes).
const SKEW: u64 = 300;

/// What asking a server showed.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    problems: Vec<(&'static str, String)>,
    /// What works, but perhaps not as it should.
    pub(crate) warnings: Vec<String>,
    /// What works.
    pub(crate) fine: Vec<String>,
}

/// Asks the server of `config`, by all roads that are configured; problems go to `found`.
pub(crate) async fn ask(config: &Config, found: &mut Found<'_>) -> Shown {
    let contexts = ContextCounters::new();
    // Without a password all but the sign-in is tried.
    let (identities, signs_in) = match UpstreamIdentities::read(config, &contexts) {
        Ok(identities) if !found.is_wrong_in("upstream.credentials") => {
            (identities, !config.upstream.credentials.mode().is_pass_through())
        }
        _ => (UpstreamIdentities::unauthenticated(), false),
    };
    let asking = Asking { config, identities, contexts, signs_in };
    let http = config.upstream.http.as_ref().filter(|_| !found.is_wrong("upstream.http"));
    let rpc = config.upstream.rpc.as_ref().filter(|_| !found.is_wrong("upstream.rpc"));
    let (http, rpc) = tokio::join!(asking.http(http), asking.rpc(rpc));
    let mut shown = Shown::default();
    for road in [http, rpc] {
        shown.problems.extend(road.problems);
        shown.warnings.extend(road.warnings);
        shown.fine.extend(road.fine);
    }
    // One problem is reported for a key: those of both roads are joined.
    let mut joined: Vec<(&str, Vec<String>)> = Vec::new();
    for (key, why) in shown.problems.drain(..) {
        match joined.iter_mut().find(|(other, _)| *other == key) {
            Some((_, all)) if all.contains(&why) => {}
            Some((_, all)) => all.push(why),
            None => joined.push((key, vec![why])),
        }
    }
    for (key, all) in joined {
        found.wrong(key, all.join("; and "));
    }
    shown
}

/// Who asks.
struct Asking<'a> {
    config: &'a Config,
    identities: UpstreamIdentities,
    contexts: Arc<ContextCounters>,
    /// Whether there is an account to sign in with.
    signs_in: bool,
}

impl Asking<'_> {
    async fn http(&self, server: Option<&Url>) -> Shown {
        let mut shown = Shown::default();
        // What keeps TLS from being set up was found without the server.
        let Some(server) = server else { return shown };
        let Ok(upstream) = crate::wiring::http::upstream(self.config, server, &self.identities) else {
            return shown;
        };
        let mut guarded = None;
        for target in TARGETS {
            match net::http::ask_anonymously(&upstream, target).await {
                Ok(answer) => {
                    if target == TARGETS[0] {
                        shown.clock(server, answer.ahead);
                    }
                    if self.offers(server, target, &answer, &mut shown) {
                        guarded = guarded.or(Some(target));
                    }
                }
                Err(error) => {
                    shown.not_opened(server, &error);
                    return shown;
                }
            }
        }
        match guarded {
            Some(target) if self.signs_in => self.sign_in(server, &upstream, target, &mut shown).await,
            _ => {}
        }
        shown
    }

    /// Compares the schemes that the server offers with the configuration. Returns whether the proxy can authenticate there.
    fn offers(&self, server: &Url, target: &str, answer: &Anonymous, shown: &mut Shown) -> bool {
        let Anonymous { status, offered, .. } = answer;
        match status {
            401 => {}
            508 => {
                let why = "what was asked came back to this proxy: name the server, not the proxy";
                shown.wrong("upstream.http", format!("{server}{target}: {why}"));
                return false;
            }
            status => {
                shown.warnings.push(format!(
                    "upstream.http: {server}{target} is answered with {status} to who has not signed in, where 401 \
                     was expected; see whether the server serves it"
                ));
                return false;
            }
        }
        let names = if offered.is_empty() { "nothing".to_owned() } else { offered.join(", ") };
        let offers = |mechanism: Mechanism| offered.iter().any(|offer| mechanism.is_scheme(offer.as_bytes()));
        if self.config.upstream.credentials.mode().is_pass_through() {
            if Mechanism::ALL.into_iter().any(offers) {
                shown.fine.push(format!("{server}{target} offers {names}"));
            } else {
                shown.wrong(
                    "upstream.http",
                    format!(
                        "{server}{target} offers {names}, of which clients can use nothing through the proxy: have \
                         the server offer {}",
                        passed_through().join(", ")
                    ),
                );
            }
            return false;
        }
        let mechanism = Mechanism::from(self.config.upstream.http_authentication);
        if offers(mechanism) {
            shown.fine.push(format!("{server}{target} offers {names}"));
            return true;
        }
        let error = ServiceAuthError::NotOffered { mechanism, offered: names };
        shown.wrong("upstream.http_authentication", format!("{server}{target}: {error}"));
        false
    }

    async fn sign_in(&self, server: &Url, upstream: &HttpUpstream, target: &str, shown: &mut Shown) {
        let context = SecurityContext::system(&self.contexts);
        match net::http::sign_in_once(upstream, &context, target).await {
            Ok(508) => {
                let why = "what was asked came back to this proxy: name the server, not the proxy";
                shown.wrong("upstream.http", format!("{server}{target}: {why}"));
            }
            Ok(status) if status >= 400 => shown.warnings.push(format!(
                "upstream.http: {server}{target} is answered with {status} to {}, who has signed in; see whether the \
                 account may use it",
                self.account()
            )),
            Ok(_) => shown.fine.push(format!("{server}: signed in as {}", self.account())),
            Err(error) => shown.not_opened(server, &error),
        }
    }

    async fn rpc(&self, server: Option<&Binding>) -> Shown {
        let mut shown = Shown::default();
        let Some(server) = server else { return shown };
        let Ok(marker) = LoopMarker::new(&mut OsRandom) else { return shown };
        let upstream = crate::wiring::upstream(self.config, server, &self.identities, &marker);
        let context = SecurityContext::system(&self.contexts);
        for interface in [Interface::Rfr, Interface::Nspi, Interface::Emsmdb] {
            let name = interface.name();
            match upstream.reach(interface, &context).await {
                Ok(address) if self.identities.rpc.has_account(&context) => {
                    shown.fine.push(format!("{address} serves {name}; signed in as {}", self.account()));
                }
                Ok(address) => shown.fine.push(format!("{address} serves {name}")),
                Err(NotServed::AccessDenied(_) | NotServed::Rejected(_)) if self.lacks_password() => {
                    shown.fine.push(format!("{name}: reached, not signed in"));
                }
                Err(error) => {
                    let goes_on = matches!(
                        error,
                        NotServed::Mapper(_) | NotServed::Elsewhere { .. } | NotServed::NotThere(_)
                    );
                    self.not_served(name, &error, &mut shown);
                    // What was refused once is not tried again.
                    if !goes_on {
                        break;
                    }
                }
            }
        }
        shown
    }

    fn not_served(&self, interface: &str, error: &NotServed, shown: &mut Shown) {
        let (key, why) = match error {
            NotServed::Unresolved(why) => ("upstream.rpc", unresolved(why)),
            NotServed::Unreachable(why) => ("upstream.rpc", unreachable(why)),
            NotServed::Timeout(_) => ("upstream.rpc", format!("{error}: {LATE}")),
            NotServed::Mapper(why) => (
                "upstream.rpc",
                format!(
                    "{why}; have the server register {interface} there, or name its endpoint as \
                     ncacn_ip_tcp:host[port]"
                ),
            ),
            NotServed::Elsewhere { .. } => (
                "upstream.rpc",
                format!("{interface}: {error}; open that port in the firewall, or start the service"),
            ),
            NotServed::NotThere(_) | NotServed::Broken(_) => {
                ("upstream.rpc", format!("{interface}: {error}; see what the server's log says of it"))
            }
            NotServed::Closed(why) => (
                "upstream.level",
                format!(
                    "{interface}: {why} during authentication or a call: see whether it accepts the level {}, \
                     upstream.authentication and the account in [upstream.credentials], and whether upstream.rpc \
                     names the right port",
                    self.level()
                ),
            ),
            NotServed::Rejected(why) => (
                "upstream.authentication",
                format!("{interface}: {why}; try the other of ntlm and spnego, and see upstream.level"),
            ),
            NotServed::AccessDenied(why) if self.config.upstream.level == ProtectionLevel::None => (
                "upstream.level",
                format!("{interface}: the server refuses calls without a sign-in ({why}): set a level"),
            ),
            NotServed::AccessDenied(why) => (
                "upstream.credentials.password_file",
                format!(
                    "{interface}: the server refuses {} ({why}): check the account and its password in \
                     [upstream.credentials], and that the server takes the level of upstream.level, {}",
                    self.account(),
                    self.level()
                ),
            ),
        };
        shown.wrong(key, why);
    }

    /// Whether the configured account cannot be used.
    fn lacks_password(&self) -> bool {
        !self.signs_in && !self.config.upstream.credentials.mode().is_pass_through()
    }

    fn level(&self) -> String {
        format!("{:?}", self.config.upstream.level).to_ascii_lowercase()
    }

    fn account(&self) -> String {
        self.config.upstream.credentials.mode().account().unwrap_or_else(|| "the client".to_owned())
    }
}

const LATE: &str =
    "see whether the server runs and no firewall drops what goes there, or raise upstream.connect_seconds";

/// The schemes that pass through where clients sign in at the server.
fn passed_through() -> Vec<&'static str> {
    Mechanism::ALL.into_iter().rev().filter_map(Mechanism::http_scheme).collect()
}

fn unresolved(why: &dyn std::fmt::Display) -> String {
    format!("{why}; give a name that this machine can resolve, or an address")
}

fn unreachable(why: &dyn std::fmt::Display) -> String {
    format!("{why}; see whether host and port are right, the server runs, and no firewall is between")
}

impl Shown {
    fn wrong(&mut self, key: &'static str, why: String) {
        self.problems.push((key, why));
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
            NotOpened::Connect(NotConnected::Timeout(_)) | NotOpened::Timeout(_) => {
                format!("{error}: {LATE}")
            }
            NotOpened::Connect(NotConnected::Tls(TlsFailure::Expired)) => {
                format!("{error}: renew it on the server, and see whether this machine's clock is right")
            }
            NotOpened::Connect(NotConnected::Tls(TlsFailure::NotTls)) => {
                format!(
                    "{error}: begin it with http:// if the line there is safe, or give the port of its TLS"
                )
            }
            NotOpened::Connect(NotConnected::Tls(TlsFailure::Version)) => {
                format!(
                    "{error}: set it to a version that the server speaks, or have the server speak a newer one"
                )
            }
            error => error.to_string(),
        };
        self.wrong(key, format!("{server}: {why}"));
    }

    /// Warns of a server's clock that differs too much from this machine's.
    fn clock(&mut self, server: &Url, ahead: Option<i64>) {
        let Some(ahead) = ahead.filter(|ahead| ahead.unsigned_abs() > SKEW) else { return };
        let direction = if ahead > 0 { "ahead of" } else { "behind" };
        self.warnings.push(format!(
            "upstream.http: the clock of {server} is {} s {direction} this machine's: Kerberos refuses sign-ins beyond \
             {SKEW} s, NTLM may; have both machines synchronise their clocks (NTP)",
            ahead.unsigned_abs()
        ));
    }
}
