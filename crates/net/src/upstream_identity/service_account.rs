//! The upstream mode `specified`: the proxy authenticates with one service account for all clients.

use std::sync::Arc;

use arc_swap::ArcSwap;
use identity::SecurityContext;

use super::mode::{UpstreamCredentials, UpstreamMode};
use crate::gate::AccountGate;
use crate::service_credentials::ServiceCredentials;

/// One account for the requests of all authenticated clients. Clones share it.
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    account: Arc<ArcSwap<ServiceCredentials>>,
    gate: Arc<AccountGate>,
}

impl ServiceAccount {
    /// Authenticates with `account` when `gate` permits it.
    pub fn new(account: ServiceCredentials, gate: &Arc<AccountGate>) -> Self {
        Self { account: Arc::new(ArcSwap::from_pointee(account)), gate: Arc::clone(gate) }
    }

    /// Replaces the account, for connections that are opened and requests that authenticate from now on. If the
    /// password differs, the caller also calls [`AccountGate::password_changed`].
    pub fn replace(&self, account: ServiceCredentials) {
        self.account.swap(Arc::new(account)).set_replaced();
    }
}

impl UpstreamMode for ServiceAccount {
    fn credentials(&self, _: &SecurityContext) -> UpstreamCredentials {
        UpstreamCredentials::Account { account: self.account.load_full(), gate: Arc::clone(&self.gate) }
    }

    /// The service account may send the request that ends a session of any client.
    fn ends_sessions(&self) -> bool {
        true
    }
}
