//! The interface of an upstream mode.

use std::fmt;
use std::sync::Arc;

use identity::{SecurityContext, pass_through};

use crate::gate::AccountGate;
use crate::service_credentials::ServiceCredentials;

/// An upstream mode: determines the credentials of clients' requests at the upstream.
pub trait UpstreamMode: fmt::Debug + Send + Sync {
    /// The credentials for requests of `caller`, for connections that are opened from now on. Not called for
    /// anonymous callers, whose requests are unauthenticated in every mode.
    fn credentials(&self, caller: &SecurityContext) -> UpstreamCredentials;

    /// Whether the proxy can end a session at the upstream after its client has left.
    fn ends_sessions(&self) -> bool;

    /// The configuration of pass-through authentication; `None` if the proxy authenticates clients itself.
    fn pass_through(&self) -> Option<&Arc<pass_through::Config>> {
        None
    }
}

/// The credentials of upstream connections for one caller.
#[derive(Debug, Clone)]
pub enum UpstreamCredentials {
    /// None: requests are unauthenticated, and credentials that they carry are removed.
    Unauthenticated,
    /// Those of an account that the proxy holds.
    Account {
        /// The account.
        account: Arc<ServiceCredentials>,
        /// The gate that permits attempts to authenticate with the account.
        gate: Arc<AccountGate>,
    },
    /// The client's own, which are forwarded.
    PassThrough,
}

impl UpstreamCredentials {
    /// The account, if the proxy authenticates with one.
    pub(crate) const fn account(&self) -> Option<&Arc<ServiceCredentials>> {
        match self {
            Self::Account { account, .. } => Some(account),
            Self::Unauthenticated | Self::PassThrough => None,
        }
    }
}
