//! The security contexts of a client connection: authenticates clients, and finds the context of each call.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use identity::{Identity, OsRandom, Principal, SecurityContext, Step};
use rpc::pdu::{AuthLevel, AuthType, SyntaxId};
use rpc::server::{AuthOutcome, RequestSecurity};
use rpc::{epm, mgmt};
use tokio::time::{Instant, sleep};

use crate::auth_limit::{Attempt, Throttled};
use crate::clock;
use crate::error_chain::ErrorChain;
use crate::rpc::auth::{Handshake, protection, strongest};
use crate::rpc::config::RpcListenerConfig;

/// A message of a handshake, from a bind, `alter_context` or AUTH3 ([MS-RPCE] 2.2.2.11).
pub(super) struct AuthMessage {
    /// The client's number for the security context.
    pub(super) auth_context_id: u32,
    pub(super) auth_type: AuthType,
    pub(super) level: AuthLevel,
    pub(super) token: Bytes,
}

/// The result of a message of a handshake.
pub(super) struct Authentication {
    /// The client's number for the security context.
    pub(super) auth_context_id: u32,
    /// What the association sends.
    pub(super) outcome: AuthOutcome,
    /// The client's identity, if the handshake is complete.
    pub(super) identity: Option<Identity>,
}

/// A message whose token waits for the outcomes of other attempts, or for its turn, before it is verified.
struct WaitingMessage {
    message: AuthMessage,
    handshake: Handshake,
    attempt: Pin<Box<dyn Future<Output = Result<Attempt, Throttled>> + Send>>,
}

/// Whether the calls of a connection were authenticated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AuthState {
    /// The client has made no call, or only calls that every client may make.
    #[default]
    Unauthenticated,
    /// The client made a call without authentication, which the minimum level of the interface permits.
    Anonymous,
    /// The client made a call as a user.
    Authenticated,
}

impl AuthState {
    /// The state after a call to `interface` under `context`. The endpoint mapper and the management interface are
    /// open to all clients, so that a call to them without authentication does not count.
    pub(super) fn of_call(context: Option<&SecurityContext>, interface: SyntaxId) -> Self {
        match context {
            Some(context) if !context.is_anonymous() => Self::Authenticated,
            Some(_) if ![epm::INTERFACE, mgmt::INTERFACE].contains(&interface) => Self::Anonymous,
            _ => Self::Unauthenticated,
        }
    }
}

/// The security contexts of a client connection, by the client's numbers for them, and the handshakes in progress.
pub(super) struct ClientContexts {
    config: Arc<RpcListenerConfig>,
    client: SocketAddr,
    contexts: HashMap<u32, SecurityContext>,
    handshakes: HashMap<u32, Handshake>,
    waiting: Option<WaitingMessage>,
    /// The context of calls without authentication, created with the first of them.
    anonymous: Option<SecurityContext>,
}

impl ClientContexts {
    pub(super) fn new(config: Arc<RpcListenerConfig>, client: SocketAddr) -> Self {
        Self {
            config,
            client,
            contexts: HashMap::new(),
            handshakes: HashMap::new(),
            waiting: None,
            anonymous: None,
        }
    }

    /// Continues a handshake, or begins one. If the client's name is in the token, it may have to wait; then
    /// [`poll`](Self::poll) returns the result. The association accepts no other message meanwhile.
    pub(super) fn authenticate(&mut self, message: AuthMessage) -> Poll<Authentication> {
        let handshake = self.handshakes.remove(&message.auth_context_id);
        let client = self.client;
        let begun = handshake.map_or_else(|| self.config.auth.accept(message.auth_type), Ok);
        let handshake = match begun {
            Ok(handshake) => handshake,
            Err(error) => {
                self.config.log.authentication_unavailable(client, &error);
                return Poll::Ready(self.refuse(&message, &ErrorChain(&error).to_string()));
            }
        };
        let Some(name) = handshake.claimed(&message.token) else {
            return Poll::Ready(self.verify(&message, handshake, None));
        };
        let limiter = Arc::clone(&self.config.auth_limiter);
        let attempt = Box::pin(async move {
            let begun = limiter.begin(client, &name).await;
            if let Err(throttled) = &begun {
                sleep(throttled.delay()).await;
            }
            begun
        });
        self.waiting = Some(WaitingMessage { message, handshake, attempt });
        // Most attempts begin at once.
        self.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Whether a message waits.
    pub(super) const fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Verifies the token of the message that waits, if there is one, as soon as that is permitted.
    pub(super) fn poll(&mut self, task: &mut Context<'_>) -> Poll<Authentication> {
        let Some(waiting) = &mut self.waiting else { return Poll::Pending };
        let attempt = ready!(waiting.attempt.as_mut().poll(task));
        let Some(WaitingMessage { message, handshake, .. }) = self.waiting.take() else {
            return Poll::Pending;
        };
        Poll::Ready(match attempt {
            Ok(attempt) => self.verify(&message, handshake, Some(attempt)),
            Err(throttled) => self.refuse(&message, &throttled.to_string()),
        })
    }

    /// Refuses a message for the reason `why`.
    fn refuse(&self, message: &AuthMessage, why: &str) -> Authentication {
        self.config.observer.client_refused(self.client, why);
        let auth_context_id = message.auth_context_id;
        Authentication { auth_context_id, outcome: AuthOutcome::Failed, identity: None }
    }

    /// Verifies the token of a message, which makes an `attempt` if it claims an account.
    fn verify(
        &mut self,
        message: &AuthMessage,
        mut handshake: Handshake,
        attempt: Option<Attempt>,
    ) -> Authentication {
        let (client, level, auth_context_id) = (self.client, message.level, message.auth_context_id);
        let done = |outcome, identity| Authentication { auth_context_id, outcome, identity };
        match handshake.step(&message.token, clock::now(), &mut OsRandom) {
            Ok(Step::Continue(token)) => {
                release(attempt);
                self.handshakes.insert(auth_context_id, handshake);
                done(AuthOutcome::Continue { token }, None)
            }
            Ok(Step::Done { context, security, .. }) if level > strongest(&*security) => {
                let why = format!("the handshake negotiated less protection than the level {level} needs");
                release(attempt);
                self.config.log.insufficient_protection(client, context.principal(), &why);
                self.config.observer.client_refused(client, &why);
                done(AuthOutcome::TooWeak, None)
            }
            Ok(Step::Done { token, context, security }) => {
                let account = context.principal();
                tracing::debug!(%client, %account, level = ?context.level(), "client authenticated");
                self.config.observer.authenticated(&context, client);
                if let Some(attempt) = attempt {
                    attempt.succeeded(context.principal(), Instant::now());
                }
                let identity = context.identity().clone();
                self.contexts.insert(auth_context_id, context);
                let protection = Some(protection(security, level));
                done(AuthOutcome::Done { token, protection }, Some(identity))
            }
            Err(error) => {
                let why = error.to_string();
                match attempt {
                    Some(attempt) => attempt.failed(&why, Instant::now()),
                    None => self.config.auth_limiter.failed_unnamed(client, &why, Instant::now()),
                }
                self.refuse(message, &why)
            }
        }
    }

    /// The security context of calls with `security`.
    pub(super) fn context_for(&mut self, security: Option<RequestSecurity>) -> Option<SecurityContext> {
        Some(match security {
            Some(security) => self.contexts.get(&security.auth_context_id)?.clone(),
            None => self.anonymous.get_or_insert_with(|| self.config.auth.anonymous()).clone(),
        })
    }

    /// The security context of calls with `security`, if it may be used now: it is neither revoked nor expired.
    pub(super) fn valid_context_for(&mut self, security: Option<RequestSecurity>) -> Option<SecurityContext> {
        let context = self.context_for(security)?;
        if let Err(error) = context.check(clock::now) {
            self.config.log.context_unusable(self.client, context.principal(), &error);
            return None;
        }
        Some(context)
    }

    /// Whether the client has authenticated and its context may still be used.
    pub(super) fn has_valid(&self) -> bool {
        self.contexts.values().any(|context| context.check(clock::now).is_ok())
    }

    /// A user who authenticated on the connection.
    pub(super) fn user(&self) -> Option<&Principal> {
        self.contexts.values().next().map(SecurityContext::principal)
    }

    /// Takes out the security contexts that were revoked.
    pub(super) fn take_revoked(&mut self) -> Vec<SecurityContext> {
        let revoked = self.contexts.extract_if(|_, context| context.is_revoked());
        let revoked: Vec<_> = revoked.map(|(_, context)| context).collect();
        for context in &revoked {
            let (client, account) = (self.client, context.principal());
            tracing::info!(
                %client, %account,
                "client account removed, disabled or changed: ending its sessions on this connection"
            );
        }
        revoked
    }
}

/// Ends an attempt that has neither succeeded nor failed.
fn release(attempt: Option<Attempt>) {
    if let Some(attempt) = attempt {
        attempt.release(Instant::now());
    }
}
