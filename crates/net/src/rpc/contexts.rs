//! The security contexts of a client connection: authenticates clients, and finds the context of each call.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use identity::{Identity, OsRandom, SecurityContext, Step};
use rpc::pdu::{AuthLevel, AuthType, SyntaxId};
use rpc::server::{AuthOutcome, RequestSecurity};
use rpc::{epm, mgmt};
use tokio::time::Instant;

use crate::auth_limit::Attempt;
use crate::clock;
use crate::error_chain::ErrorChain;
use crate::rpc::auth::{Handshake, protection, strongest};
use crate::rpc::config::RpcListenerConfig;

/// A message of a handshake, from a bind, `alter_context` or AUTH3 ([MS-RPCE] 2.2.2.11).
pub(super) struct AuthMessage<'a> {
    /// The client's number for the security context.
    pub(super) auth_context_id: u32,
    pub(super) auth_type: AuthType,
    pub(super) level: AuthLevel,
    pub(super) token: &'a [u8],
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
    /// The context of calls without authentication, created with the first of them.
    anonymous: Option<SecurityContext>,
}

impl ClientContexts {
    pub(super) fn new(config: Arc<RpcListenerConfig>, client: SocketAddr) -> Self {
        Self { config, client, contexts: HashMap::new(), handshakes: HashMap::new(), anonymous: None }
    }

    /// Continues a handshake, or begins one. Returns what the association sends, and the client's identity if the
    /// handshake is complete.
    pub(super) fn authenticate(&mut self, message: &AuthMessage<'_>) -> (AuthOutcome, Option<Identity>) {
        let handshake = self.handshakes.remove(&message.auth_context_id);
        let (client, level) = (self.client, message.level);
        let begun = handshake.map_or_else(|| self.config.auth.accept(message.auth_type), Ok);
        let mut handshake = match begun {
            Ok(handshake) => handshake,
            Err(error) => {
                self.config.log.authentication_unavailable(client, &error);
                self.config.observer.client_refused(client, &ErrorChain(&error).to_string());
                return (AuthOutcome::Failed, None);
            }
        };
        let name = handshake.claimed(message.token);
        let limit = &self.config.auth_limiter;
        let attempt = name.map(|name| limit.begin_at_once(client, &name, Instant::now())).transpose();
        let attempt = match attempt {
            Ok(attempt) => attempt,
            Err(throttled) => {
                self.config.observer.client_refused(client, &throttled.to_string());
                return (AuthOutcome::Failed, None);
            }
        };
        match handshake.step(message.token, clock::now(), &mut OsRandom) {
            Ok(Step::Continue(token)) => {
                release(attempt);
                self.handshakes.insert(message.auth_context_id, handshake);
                (AuthOutcome::Continue { token }, None)
            }
            Ok(Step::Done { context, security, .. }) if level > strongest(&*security) => {
                let why = format!("the handshake negotiated less protection than the level {level} needs");
                release(attempt);
                self.config.log.insufficient_protection(client, context.principal(), &why);
                self.config.observer.client_refused(client, &why);
                (AuthOutcome::TooWeak, None)
            }
            Ok(Step::Done { token, context, security }) => {
                let account = context.principal();
                tracing::debug!(%client, %account, level = ?context.level(), "client authenticated");
                self.config.observer.authenticated(&context, client);
                if let Some(attempt) = attempt {
                    attempt.succeeded(context.principal(), Instant::now());
                }
                let identity = context.identity().clone();
                self.contexts.insert(message.auth_context_id, context);
                (AuthOutcome::Done { token, protection: Some(protection(security, level)) }, Some(identity))
            }
            Err(error) => {
                let why = error.to_string();
                match attempt {
                    Some(attempt) => attempt.failed(&why, Instant::now()),
                    None => limit.failed_unnamed(client, &why, Instant::now()),
                }
                self.config.observer.client_refused(client, &why);
                (AuthOutcome::Failed, None)
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
        if let Err(error) = context.check(clock::now()) {
            self.config.log.context_unusable(self.client, context.principal(), &error);
            return None;
        }
        Some(context)
    }

    /// Whether the client has authenticated and its context may still be used.
    pub(super) fn has_valid(&self) -> bool {
        let now = clock::now();
        self.contexts.values().any(|context| context.check(now).is_ok())
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
