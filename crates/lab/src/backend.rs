//! What all calls and sessions of a lab share: its configuration and its directory.

use identity::SecurityContext;

use crate::config::LabConfig;
use crate::directory::{Directory, Entry};

/// What all calls and sessions of a lab share.
#[derive(Debug)]
pub struct Backend {
    pub(crate) config: LabConfig,
    pub(crate) directory: Directory,
}

impl Backend {
    pub(crate) fn new(config: LabConfig) -> Self {
        let directory = Directory::new(&config);
        Self { config, directory }
    }

    /// The person with this distinguished name. Each person has a mailbox.
    pub(crate) fn person(&self, dn: &str) -> Option<&Entry> {
        self.directory.by_dn(dn).filter(|entry| entry.person().is_some())
    }

    /// Whether `caller` may open sessions as the person `entry`: as oneself, or as an administrator.
    pub(crate) fn may_act_as(&self, caller: &SecurityContext, entry: &Entry) -> bool {
        let account = caller.principal().user();
        self.is_administrator(caller)
            || (!caller.is_anonymous() && account.to_lowercase() == entry.alias.to_lowercase())
    }

    /// Whether `caller` may open sessions as any person.
    pub(crate) fn is_administrator(&self, caller: &SecurityContext) -> bool {
        let account = caller.principal().user().to_lowercase();
        let mut administrators = self.config.administrators.iter();
        !caller.is_anonymous() && administrators.any(|name| name.to_lowercase() == account)
    }
}
