//! Configuration of the two ends of a handshake, for all mechanisms.

use std::sync::Arc;
use std::time::Duration;

use crate::accounts::Accounts;
use crate::authority::Authority;
use crate::context::ActingLevel;
use crate::context_counters::ContextCounters;
use crate::credentials::Credentials;
use crate::settings::Settings;

/// Whether clients have to bind a handshake over HTTP to the TLS connection ([MS-NLMP] 3.2.5.1.2): the levels of
/// extended protection in Windows (`WS_EXTENDED_PROTECTION_POLICY`). DCE/RPC has no channel bindings: none are
/// required there, and a client that sends any is refused (except by [`Ignore`](Self::Ignore)), since it authenticated
/// for another connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BindingPolicy {
    /// Channel bindings are not verified. For listeners behind a proxy that terminates the clients' TLS.
    Ignore,
    /// A client that supports channel bindings must send those of the connection, as at the level `WhenSupported` of
    /// Windows. A client that omits the field does not support them. Sixteen zeros are the field of a client that
    /// supports them and has no TLS connection ([MS-NLMP] 3.1.5.1.2): they are refused over TLS.
    #[default]
    Allow,
    /// Every client must send the channel bindings of the connection.
    Require,
}

/// What an [`Acceptor`](crate::Acceptor) of any mechanism accepts.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Whether clients that authenticate anonymously become
    /// [`SecurityContext::anonymous`](crate::SecurityContext::anonymous).
    pub allow_anonymous: bool,
    /// Whether channel bindings are required.
    pub bindings: BindingPolicy,
    /// The hosts to which clients may authenticate: names and addresses, compared without regard to case; empty for
    /// any host. A client states a service principal name, `class/host` (`MsvAvTargetName`, [MS-NLMP] 2.2.2.1). The
    /// host is not compared if the client flags the name as of an untrusted source (`UNTRUSTED_SPN`). The class is
    /// compared whatever the host: over HTTP it must be `HTTP`; over DCE/RPC it must not be that of another protocol,
    /// such as `ldap`. A client that states no name is accepted.
    pub target_names: Vec<String>,
    /// The lifetime of a context; `None` if it does not expire.
    pub lifetime: Option<Duration>,
}

/// Configuration shared by all acceptors of a listener.
#[derive(Clone)]
pub struct AcceptorConfig {
    /// The accounts of the users.
    pub accounts: Arc<dyn Accounts>,
    /// The rules for all mechanisms.
    pub policy: Policy,
    /// The directory of the accounts: a part of every identity.
    pub authority: Authority,
    /// Counts the contexts that are created.
    pub contexts: Arc<ContextCounters>,
    /// The settings of single mechanisms, such as [`NtlmAcceptorConfig`](crate::NtlmAcceptorConfig).
    pub settings: Settings,
}

impl AcceptorConfig {
    /// Acceptors for `accounts`, with the default policy and the default settings of each mechanism.
    pub fn new(accounts: Arc<dyn Accounts>, authority: Authority, contexts: Arc<ContextCounters>) -> Self {
        Self { accounts, policy: Policy::default(), authority, contexts, settings: Settings::default() }
    }
}

/// The protection of the messages that follow a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protection {
    /// None.
    None,
    /// Messages are signed.
    Sign,
    /// Messages are signed and encrypted.
    Seal,
}

/// Configuration of an [`Initiator`](crate::Initiator).
#[derive(Debug, Clone)]
pub struct InitiatorConfig {
    /// The account.
    pub credentials: Credentials,
    /// The service principal name of the server; empty if unknown.
    pub target_name: String,
    /// The least protection of the messages that follow.
    pub protection: Protection,
    /// How far the server may act for the client: [`ActingLevel::Identify`] or more.
    pub level: ActingLevel,
    /// The server or its directory: a part of the context's identity.
    pub authority: Authority,
    /// Counts the contexts that are created.
    pub contexts: Arc<ContextCounters>,
    /// The settings of single mechanisms, such as [`NtlmInitiatorConfig`](crate::NtlmInitiatorConfig).
    pub settings: Settings,
}
