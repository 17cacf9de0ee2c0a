//! What both ends of a handshake are configured with, whichever mechanism it is of.

use std::sync::Arc;
use std::time::Duration;

use crate::accounts::Accounts;
use crate::authority::Authority;
use crate::context::ActingLevel;
use crate::context_counters::ContextCounters;
use crate::credentials::Credentials;

/// What to do about channel bindings ([MS-NLMP] 3.2.5.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BindingPolicy {
    /// Nothing: for where somebody in front of us ends the client's TLS.
    Ignore,
    /// A client that sends bindings has to send the channel's own.
    #[default]
    Allow,
    /// Every client has to send the channel's own.
    Require,
}

/// What an [`Acceptor`](crate::Acceptor) takes.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Whether `NTLMv1` responses, and session security without extensions, are taken. LM responses never
    /// are.
    pub allow_legacy: bool,
    /// Whether clients that sign in anonymously become [`SecurityContext::anonymous`](crate::SecurityContext::anonymous).
    pub allow_anonymous: bool,
    /// Whether a response without a message integrity code is refused. Such a response is proven all the
    /// same, but the flags of the handshake are not. Some clients (impacket) send none.
    pub require_mic: bool,
    /// Whether signing and sealing need 128-bit keys.
    pub require_128: bool,
    /// What to do about channel bindings.
    pub bindings: BindingPolicy,
    /// The hosts that clients may mean: names and addresses, without regard to case; empty for any. A client says
    /// it with a service principal name (`MsvAvTargetName`, [MS-NLMP] 2.2.2.1), of which only the host is
    /// compared, since clients differ in the service that they name. A client that names none is taken.
    pub target_names: Vec<String>,
    /// How far a response's timestamp may be from our clock.
    pub max_skew: Duration,
    /// How long a context may be used; `None` for as long as its session lasts.
    pub lifetime: Option<Duration>,
}

impl Default for Policy {
    /// NTLMv2 with 128-bit keys; a skew of 36 hours, which is `MaxLifetime` as Windows has it.
    fn default() -> Self {
        Self {
            allow_legacy: false,
            allow_anonymous: false,
            require_mic: false,
            require_128: true,
            bindings: BindingPolicy::default(),
            target_names: Vec::new(),
            max_skew: Duration::from_hours(36),
            lifetime: None,
        }
    }
}

/// The names that an [`Acceptor`](crate::Acceptor) gives as its own.
#[derive(Debug, Clone, Default)]
pub struct ServerNames {
    /// The `NetBIOS` name.
    pub nb_computer: String,
    /// The `NetBIOS` domain name.
    pub nb_domain: String,
    /// The fully qualified name.
    pub dns_computer: String,
    /// The domain's fully qualified name; empty where there is none.
    pub dns_domain: String,
}

/// What all acceptors of a listener share.
#[derive(Clone)]
pub struct AcceptorConfig {
    /// Who may sign in.
    pub accounts: Arc<dyn Accounts>,
    /// What is taken.
    pub policy: Policy,
    /// Our names.
    pub names: ServerNames,
    /// The name of the directory that the accounts are in: a part of every identity.
    pub authority: Authority,
    /// Where contexts are counted.
    pub contexts: Arc<ContextCounters>,
}

/// What is to be done with the messages that follow a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protection {
    /// Nothing.
    None,
    /// They are signed.
    Sign,
    /// They are signed and sealed.
    Seal,
}

/// Which NTLM response was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NtlmVersion {
    /// `NTLMv1` ([MS-NLMP] 3.3.1), with or without extended session security.
    V1,
    /// NTLMv2 ([MS-NLMP] 3.3.2).
    V2,
}

/// What an [`Initiator`](crate::Initiator) signs in with, and how.
#[derive(Debug, Clone)]
pub struct InitiatorConfig {
    /// Who.
    pub credentials: Credentials,
    /// Our machine's name; may be empty.
    pub workstation: String,
    /// The service principal name that we mean; empty where it is unknown.
    pub target_name: String,
    /// What is needed for the messages that follow.
    pub protection: Protection,
    /// How far the server may go for us: [`ActingLevel::Identify`] or more.
    pub level: ActingLevel,
    /// NTLMv2, unless the server is too old for it.
    pub version: NtlmVersion,
    /// Whether the server may do without extended session security, which only `NTLMv1` can.
    pub allow_legacy: bool,
    /// The name of the server or directory that we sign in to: a part of the context's identity.
    pub authority: Authority,
    /// Where contexts are counted.
    pub contexts: Arc<ContextCounters>,
}
