//! Sign-ins over RPC while others of the same account are in progress, or have failed: they wait for their turn.

use std::future::Future;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use engine::{Finished, Observer, RefusedOperation};
use identity::accounts::Account;
use identity::{
    AcceptorConfig, Accounts, Authority, ClaimedName, ContextCounters, Credentials, Mechanism, NtHash,
    Password, Principal, SecurityContext,
};
use rpc::client::{self, ClientAssociation, ClientConfig};
use rpc::pdu::SyntaxId;
use rpc::server::{Interface, ServerConfig};
use rpc::{AuthLevel, epm};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinSet;
use tokio::time::{advance, sleep, timeout};
use wire::Guid;

use super::tests::{Busy, Echo, listener_config, next_event};
use super::*;
use crate::auth_limit::{Attempt, AuthLimiter};
use crate::clock;
use crate::rpc::auth::ClientAuth;
use crate::rpc::local_service::ServiceHandler;
use crate::rpc::upstream_auth::UpstreamAuth;
use crate::service_credentials::ServiceCredentials;
use crate::tcp::accept::CHECK_INTERVAL;
use crate::tcp::admission::{Admission, Limits};

const LIMIT: Duration = Duration::from_secs(100);

/// The time in which a client must authenticate; less than that for which a sign-in waits for its turn.
const HANDSHAKE: Duration = Duration::from_secs(20);

/// An interface that is open to clients that do not sign in.
const OPEN: SyntaxId = SyntaxId { uuid: Guid::from_le([7; 16]), major: 1, minor: 0 };

/// Every user has this password.
const RIGHT: &str = "secret";

#[derive(Debug)]
struct AnyUser;

impl Accounts for AnyUser {
    fn find(&self, domain: &str, user: &str) -> Option<Account> {
        Some(Account::new(user, domain, NtHash::from_password(RIGHT)))
    }
}

/// Records why clients were refused, and the security contexts of those that signed in.
#[derive(Default)]
struct Outcomes(Mutex<(Vec<String>, Vec<SecurityContext>)>);

impl Observer for Outcomes {
    fn authenticated(&self, context: &SecurityContext, _: SocketAddr) {
        self.0.lock().unwrap().1.push(context.clone());
    }

    fn client_refused(&self, _: SocketAddr, why: &str) {
        self.0.lock().unwrap().0.push(why.to_owned());
    }

    fn operation_refused(&self, _: &RefusedOperation<'_>) {}

    fn finished(&self, _: &Finished, _: Duration) {}
}

/// A proxy, whose clients all have one address.
struct Proxy {
    config: Arc<RpcListenerConfig>,
    admission: Arc<Admission>,
    outcomes: Arc<Outcomes>,
    stop: watch::Sender<bool>,
}

impl Proxy {
    fn new() -> Self {
        Self::with_connections(5000)
    }

    /// A proxy with at most this number of connections.
    fn with_connections(most: usize) -> Self {
        Self::with(most, None)
    }

    /// As [`with_connections`](Self::with_connections), whose security contexts have this lifetime.
    fn with(most: usize, lifetime: Option<Duration>) -> Self {
        let outcomes = Arc::new(Outcomes::default());
        let mut config = Arc::into_inner(listener_config()).unwrap();
        config.limits = Limits {
            handshake: HANDSHAKE,
            connections: most,
            connections_per_address: most,
            unauthenticated_percent: 100,
            ..config.limits
        };
        let accounts = Arc::new(AnyUser);
        let mut acceptor = AcceptorConfig::new(accounts, Authority::new("here"), ContextCounters::new());
        acceptor.policy.lifetime = lifetime;
        config.auth = ClientAuth::new(acceptor);
        config.rpc = Arc::new(ServerConfig {
            interfaces: [epm::INTERFACE, OPEN]
                .map(|id| Interface { id, minimum_level: AuthLevel::NONE })
                .to_vec(),
            auth_types: config.auth.auth_types(),
            ..ServerConfig::default()
        });
        config.observer = Arc::clone(&outcomes) as _;
        config.greeting = b"";
        let admission = Admission::new(config.limits, Vec::new());
        Self { config: Arc::new(config), admission, outcomes, stop: watch::channel(false).0 }
    }

    /// A client's connection, and the task that serves it.
    fn connection(&self) -> (DuplexStream, impl Future<Output = Result<(), RpcConnectionError>> + use<>) {
        self.connection_to(ServiceHandler::new(Arc::new(Echo), None))
    }

    /// As [`connection`](Self::connection), whose calls go to `handler`.
    fn connection_to<H: RequestHandler>(
        &self,
        handler: H,
    ) -> (DuplexStream, impl Future<Output = Result<(), RpcConnectionError>> + use<H>) {
        let (ours, client) = duplex(10_000);
        let admitted = self.admission.admit(peer().ip()).unwrap();
        let (config, stop) = (Arc::clone(&self.config), self.stop.subscribe());
        let serving = async move {
            let accepted = (peer(), Instant::now());
            serve(config, ours, accepted, admitted.permit, handler, stop).await
        };
        (client, serving)
    }

    /// Signs in as alice on a connection. Returns whether she is served.
    fn sign_in(&self, password: &'static str) -> impl Future<Output = bool> + use<> {
        let (mut client, serving) = self.connection();
        async move {
            let calling = async {
                let is_served = call(&mut client, password).await;
                drop(client);
                is_served
            };
            tokio::join!(serving, calling).1
        }
    }

    /// As many attempts for alice as may be in progress, which a server verifies.
    async fn in_progress(&self) -> Vec<Attempt> {
        let mut attempts = Vec::new();
        while let Ok(Ok(attempt)) =
            timeout(Duration::from_millis(1), self.config.auth_limiter.begin(peer(), &alice())).await
        {
            attempts.push(attempt);
        }
        assert_eq!(attempts.len(), 6);
        attempts
    }

    fn signed_in(&self) -> usize {
        self.outcomes.0.lock().unwrap().1.len()
    }
}

fn peer() -> SocketAddr {
    ([192, 0, 2, 1], 1).into()
}

fn alice() -> ClaimedName {
    ClaimedName::in_header(Mechanism::BASIC, STANDARD.encode("LAB\\alice:x").as_bytes()).unwrap()
}

/// Signs in as alice with NTLM, and makes a call at once, before it is known whether the password is right. Returns
/// whether there is a response.
async fn call(stream: &mut DuplexStream, password: &str) -> bool {
    let fault = fault_of_call(stream, password).await;
    assert!(fault.is_none_or(|fault| fault == FaultStatus::ACCESS_DENIED), "{fault:?}");
    fault.is_none()
}

/// As [`call`], but returns the fault; `None` if there is a response.
async fn fault_of_call(stream: &mut DuplexStream, password: &str) -> Option<FaultStatus> {
    let mut association = begin_call(stream, password, Bytes::from_static(b"stub")).await;
    match next_event(&mut association, stream).await {
        client::Event::Response(response) => {
            assert_eq!(response.stub, b"stub"[..]);
            None
        }
        client::Event::Fault { status, .. } => Some(status),
        event => panic!("{event:?}"),
    }
}

/// Signs in as alice with NTLM. Returns the association, whose output ends with a call of `stub`.
async fn begin_call(stream: &mut DuplexStream, password: &str, stub: Bytes) -> ClientAssociation {
    let credentials = Credentials::password("alice", "LAB", &Password::new(password));
    let level = AuthLevel::PKT_INTEGRITY;
    let contexts = ContextCounters::new();
    let account = ServiceCredentials::new(credentials, Mechanism::NTLM, level, "proxy", &contexts);
    let mut auth = UpstreamAuth::new(Some(Arc::new(account)));
    let mut association = ClientAssociation::new(ClientConfig::default());
    association.bind(&[(0, epm::INTERFACE)], auth.begin().unwrap()).unwrap();
    loop {
        match next_event(&mut association, stream).await {
            client::Event::AuthToken { token } => {
                association.resume_handshake(auth.step(&token).unwrap()).unwrap();
            }
            client::Event::Bound { .. } => {
                association.call(0, 3, None, stub).unwrap();
                return association;
            }
            event => panic!("{event:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
#[allow(clippy::disallowed_methods, reason = "tasks of a test, which act for no user")]
async fn all_of_2000_right_passwords_at_once_get_in_after_the_attempts_in_progress() {
    let proxy = Proxy::new();
    let attempts = proxy.in_progress().await;
    let mut clients = JoinSet::new();
    for _ in 0..2000 {
        clients.spawn(proxy.sign_in(RIGHT));
    }
    // So many connections of one address are delayed, by five seconds for each PDU. Then all wait for their turn.
    sleep(Duration::from_secs(12)).await;
    assert_eq!(proxy.signed_in(), 0);
    for attempt in attempts {
        attempt.succeeded(&Principal::new("alice", "LAB"), Instant::now());
    }
    assert!(clients.join_all().await.into_iter().all(|is_served| is_served));
    assert_eq!(proxy.signed_in(), 2000);
}

#[tokio::test(start_paused = true)]
async fn a_right_password_that_the_failures_of_another_client_delay_waits_for_its_turn() {
    let proxy = Proxy::new();
    for number in 0..26 {
        let is_right = number % 5 == 0;
        assert_eq!(proxy.sign_in(if is_right { RIGHT } else { "wrong" }).await, is_right);
    }
    // The twenty-first failure since the first success.
    assert!(!proxy.sign_in("wrong").await);
    let begin = Instant::now();
    assert!(proxy.sign_in(RIGHT).await);
    assert!((5..=10).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn guesses_over_rpc_are_delayed_as_those_over_http() {
    let (proxy, http) = (Proxy::new(), Arc::new(AuthLimiter::default()));
    let (mut by_rpc, mut by_http) = (Vec::new(), Vec::new());
    for number in 0..30 {
        let begin = Instant::now();
        let guess_by_http = async {
            if let Ok(attempt) = http.begin(peer(), &alice()).await {
                attempt.failed("logon failure", Instant::now());
                by_http.push(number);
            }
        };
        assert!(!tokio::join!(proxy.sign_in("wrong"), guess_by_http).0);
        let why = proxy.outcomes.0.lock().unwrap().0.pop().unwrap();
        let is_throttled = why.contains("too many failed sign-ins");
        if !is_throttled {
            by_rpc.push(number);
        }
        assert_eq!(begin.elapsed() >= Duration::from_millis(100), is_throttled, "{:?}", begin.elapsed());
        advance(Duration::from_millis(100)).await;
    }
    assert_eq!(by_rpc, by_http);
    assert!((8..12).contains(&by_rpc.len()), "{by_rpc:?}");
}

#[tokio::test(start_paused = true)]
#[allow(clippy::disallowed_methods, reason = "tasks of a test, which act for no user")]
async fn calls_of_a_user_with_as_many_connections_as_are_free_are_refused_on_another_one() {
    let (proxy, mut served) = (Proxy::with_connections(4), JoinSet::new());
    let mut connect = async || {
        let (mut client, serving) = proxy.connection();
        served.spawn(serving);
        let fault = fault_of_call(&mut client, RIGHT).await;
        (client, fault)
    };
    let (first, fault) = connect().await;
    assert_eq!(fault, None);
    let (_second, fault) = connect().await;
    assert_eq!(fault, None);
    let (_third, fault) = connect().await;
    assert_eq!(fault, Some(FaultStatus::NCA_S_SERVER_TOO_BUSY));
    drop(first);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(connect().await.1, None);
}

#[tokio::test(start_paused = true)]
#[allow(clippy::disallowed_methods, reason = "tasks of a test, which act for no user")]
async fn a_connection_of_the_user_with_the_most_is_closed_for_the_first_one_of_another_user() {
    let (proxy, mut served) = (Proxy::with_connections(4), JoinSet::new());
    let mut clients = Vec::new();
    for number in 0..2 {
        let (mut client, serving) = proxy.connection();
        served.spawn(async move { (number, serving.await) });
        assert!(call(&mut client, RIGHT).await);
        clients.push(client);
    }
    let mut others = Vec::new();
    for user in ["bob", "carol"] {
        assert!(timeout(LIMIT, served.join_next()).await.is_err(), "both connections are served");
        let mut permit = proxy.admission.admit(peer().ip()).unwrap().permit;
        permit.set_authenticated(testkit::caller(user).identity().user(), Instant::now).unwrap();
        others.push(permit);
    }
    let (number, ended) = timeout(LIMIT, served.join_next()).await.unwrap().unwrap().unwrap();
    assert!(number == 1 && matches!(ended, Err(RpcConnectionError::Displaced)), "{number}: {ended:?}");
    assert!(timeout(LIMIT, served.join_next()).await.is_err(), "the older connection is served");
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_waits_ends_with_its_client_the_proxy_and_its_time() {
    #[derive(Debug, PartialEq)]
    enum End {
        Client,
        Proxy,
        Time,
    }
    for end in [End::Client, End::Proxy, End::Time] {
        let proxy = Proxy::new();
        let attempts = proxy.in_progress().await;
        let (mut client, serving) = proxy.connection();
        let begin = Instant::now();
        let calling = async {
            let waited = timeout(Duration::from_secs(1), call(&mut client, RIGHT)).await;
            assert!(waited.is_err(), "the sign-in waits");
            match end {
                End::Client => drop(client),
                End::Proxy => {
                    proxy.stop.send(true).unwrap();
                    sleep(Duration::from_millis(500)).await;
                }
                End::Time => sleep(2 * HANDSHAKE).await,
            }
        };
        let (served, ()) = timeout(LIMIT, async { tokio::join!(serving, calling) }).await.unwrap();
        if end == End::Time {
            let expected = RpcConnectionError::Timeout(ClientTimeout::Authentication);
            assert_eq!(served.unwrap_err().to_string(), expected.to_string());
        } else {
            served.unwrap();
            assert!(begin.elapsed() < Duration::from_secs(2), "{end:?}: {:?}", begin.elapsed());
        }
        for attempt in attempts {
            attempt.release(Instant::now());
        }
        sleep(Duration::from_secs(1)).await;
        assert_eq!(proxy.signed_in(), 0, "{end:?}");
    }
}

/// Sends the output of `client`, whose last call has a long response, and reads the first byte of that.
async fn read_a_byte(client: &mut DuplexStream, association: &mut ClientAssociation) {
    client.write_all(&association.take_output()).await.unwrap();
    let mut byte = [0];
    client.read_exact(&mut byte).await.unwrap();
    association.receive(&byte);
}

/// Longer than what a connection accepts at once.
const LONG: usize = 100_000;

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_loses_its_connection_when_its_account_is_revoked_or_its_sign_in_expires()
{
    enum End {
        Revoked,
        Expired,
        Time,
    }
    // This lifetime passes by the system's clock.
    let lifetime = Duration::from_secs(2);
    for end in [End::Revoked, End::Expired, End::Time] {
        let proxy = Proxy::with(5000, matches!(end, End::Expired).then_some(lifetime));
        let handler = Busy::default();
        let revoked = Arc::clone(&handler.revoked);
        let (mut client, serving) = proxy.connection_to(handler);
        let serving = async { (serving.await, Instant::now()) };
        let calling = async {
            let mut association = begin_call(&mut client, RIGHT, vec![7; LONG].into()).await;
            read_a_byte(&mut client, &mut association).await;
            sleep(Duration::from_secs(1)).await;
            let context = proxy.outcomes.0.lock().unwrap().1.pop().unwrap();
            match end {
                End::Revoked => context.revoke(),
                End::Expired => {
                    while context.check(clock::now).is_ok() {
                        std::thread::sleep(Duration::from_millis(10));
                    }
                }
                End::Time => {}
            }
            Instant::now()
        };
        let joined = Box::pin(timeout(LIMIT, async { tokio::join!(serving, calling) })).await.unwrap();
        let ((served, ended), since) = joined;
        let is_time = matches!(end, End::Time);
        let is_as_expected = match &served {
            Err(RpcConnectionError::SignInEnded) => !is_time,
            Err(RpcConnectionError::Timeout(ClientTimeout::Unread)) => is_time,
            _ => false,
        };
        assert!(is_as_expected, "{served:?}");
        assert_eq!(ended - since > CHECK_INTERVAL, is_time, "{:?}", ended - since);
        assert_eq!(revoked.load(Ordering::Relaxed), usize::from(matches!(end, End::Revoked)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_need_not_sign_in_has_the_time_limit_to_read_a_response() {
    let proxy = Proxy::new();
    let (mut client, serving) = proxy.connection();
    let calling = async {
        let mut association = ClientAssociation::new(ClientConfig::default());
        association.bind(&[(0, OPEN)], None).unwrap();
        assert!(matches!(next_event(&mut association, &mut client).await, client::Event::Bound { .. }));
        association.call(0, 3, None, vec![7; LONG].into()).unwrap();
        read_a_byte(&mut client, &mut association).await;
        sleep(HANDSHAKE * 3 / 4).await;
        let client::Event::Response(response) = next_event(&mut association, &mut client).await else {
            panic!("no response")
        };
        assert_eq!(response.stub.len(), LONG);
    };
    let proxy = async { panic!("{:?}", serving.await) };
    tokio::select! {
        () = calling => {}
        () = proxy => {}
    }
}
