//! The configuration of proxies in playbook tests.

use std::sync::Arc;
use std::time::Duration;

use engine::{CookieTable, Deferral, Engine, Module, Observer, SessionLimits, Stack};
use identity::{
    AcceptorConfig, Authority, ContextCounters, Credentials, Mechanism, Password, Pool, Random, RandomError,
    pass_through,
};
use rpc::pdu::AuthLevel;
use testkit::http_auth::AnyUser;

use crate::body_budget::BodyBudget;
use crate::http::config::HttpListenerConfig;
use crate::http::downstream::auth::local::HttpAuthConfig;
use crate::http::memory_stream::MemoryServer;
use crate::http::operation::pending::Pending;
use crate::http::trusted_proxies::TrustedProxies;
use crate::http::upstream::config::HttpUpstream;
use crate::http::upstream::forwarding::Via;
use crate::tcp::admission::Limits;
use crate::upstream_identity::{PassThrough, ServiceAccount, UpstreamIdentity};
use crate::{AccountGate, Gate};

/// The same random numbers each time.
struct Zeros;

impl Random for Zeros {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        out.fill(0);
        Ok(())
    }
}

/// The settings of a proxy that a test may change.
pub(super) struct Setup {
    pub(super) modules: Vec<Box<dyn Module>>,
    pub(super) limits: Limits,
    pub(super) call_limit: Duration,
    pub(super) pending: Pending,
    /// How long deferred work may take; modules may defer none unless a test says how long.
    pub(super) deferral: Option<Duration>,
    pub(super) sessions: SessionLimits,
    /// Whether clients authenticate at the server.
    pub(super) pass_through: bool,
    pub(super) peers: TrustedProxies,
    /// The mechanisms by which clients authenticate.
    pub(super) mechanisms: Vec<Mechanism>,
    /// The mechanism by which the service account authenticates.
    pub(super) service: Mechanism,
}

/// How long a server may take for a response, unless a test configures another limit.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(20);

impl Default for Setup {
    fn default() -> Self {
        Self {
            modules: Vec::new(),
            limits: Limits::default(),
            call_limit: CALL_LIMIT,
            pending: Pending::default(),
            deferral: None,
            sessions: SessionLimits::default(),
            pass_through: false,
            peers: TrustedProxies::default(),
            mechanisms: Mechanism::ALL.to_vec(),
            service: Mechanism::BASIC,
        }
    }
}

impl Setup {
    /// The configuration of the proxy.
    pub(super) fn config(
        self,
        server: &MemoryServer,
        pool: Pool,
        observer: Arc<dyn Observer>,
    ) -> Arc<HttpListenerConfig> {
        let contexts = ContextCounters::new();
        let (accounts, authority) = (Arc::new(AnyUser), Authority::new("accounts"));
        let acceptor = Arc::new(AcceptorConfig::new(accounts, authority, Arc::clone(&contexts)));
        let identity = if self.pass_through {
            let (authority, contexts) = (Authority::new("server"), Arc::clone(&contexts));
            UpstreamIdentity::new(PassThrough::new(pass_through::Config {
                authority,
                lifetime: None,
                contexts,
            }))
        } else {
            let service = Credentials::password("svcproxy", "LAB", &Password::new("secret"));
            let service = crate::ServiceCredentials::new(
                service,
                self.service,
                AuthLevel::NONE,
                "exchange.lab.test",
                &contexts,
            );
            let service = ServiceAccount::new(service.for_http().unwrap(), &AccountGate::new());
            UpstreamIdentity::new(service)
        };
        let bodies = BodyBudget::new(&self.limits);
        let engine = Engine::new(Stack::new(self.modules)).with_user_memory(Arc::clone(&bodies) as _);
        let engine = Arc::new(match self.deferral {
            Some(limit) => {
                engine.with_deferral(Deferral { decodings: pool.clone(), pool, time_limit: limit })
            }
            None => engine,
        });
        let upstream = HttpUpstream {
            host: "exchange.lab.test".to_owned(),
            port: 443,
            tls: None,
            identity,
            timeout: CALL_LIMIT,
            call_limit: self.call_limit,
            via: Via::new(&mut Zeros).unwrap(),
            gate: Gate::new(),
            memory: Some(server.clone()),
        };
        let auth = HttpAuthConfig::new(acceptor, self.mechanisms, true);
        let origin = "https://proxy.lab.test".to_owned();
        Arc::new(HttpListenerConfig {
            trusted_proxies: self.peers,
            bodies,
            pending: self.pending,
            sessions: CookieTable::new(self.sessions),
            session_idle: CALL_LIMIT,
            observer,
            ..HttpListenerConfig::new(auth, origin, upstream, engine, self.limits)
        })
    }
}
