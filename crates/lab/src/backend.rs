//! What all calls and sessions of a lab share: its configuration, its directory and its mailbox store.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use identity::SecurityContext;
use store::{Change, Store, View};
use tempfile::TempDir;
use wire::{FileTime, Guid};

use crate::config::LabConfig;
use crate::directory::{Directory, Entry};
use crate::notify::hub::Hub;

/// Why a lab cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The directory for the store cannot be created.
    #[error("cannot create a directory for the mailbox store")]
    Directory(#[source] std::io::Error),
    /// The file of the store cannot be found.
    #[error("cannot find the mailbox store")]
    File(#[source] std::io::Error),
    /// The store cannot be opened.
    #[error("cannot open the mailbox store")]
    Store(#[from] store::Error),
    /// A key of the configuration has the alias of a person who does not exist.
    #[error("{key}: there is no user {alias:?}; names are compared with regard to case")]
    UnknownUser {
        /// The key.
        key: &'static str,
        /// The alias.
        alias: String,
    },
}

/// Verifies the mailbox store in `file`, which no running lab may use. Returns what is wrong in it, one line each.
///
/// # Errors
/// If the file does not exist, is no store, or cannot be read.
pub fn check_store(file: &Path) -> Result<Vec<String>, LabError> {
    // To open a store would create the file.
    std::fs::metadata(file).map_err(LabError::File)?;
    let findings = Store::open(file)?.verify()?;
    Ok(findings
        .into_iter()
        .map(|finding| format!("violated: {}: {}", finding.rule, finding.details))
        .collect())
}

/// Succeeds if the people whom `quotas` and `elsewhere` name exist.
fn check_users(config: &LabConfig, directory: &Directory) -> Result<(), LabError> {
    let quotas = config.quotas.keys().filter(|alias| *alias != "*").map(|alias| ("quotas", alias));
    let mut names = quotas.chain(config.elsewhere.keys().map(|alias| ("elsewhere", alias)));
    let exists = |alias: &str| {
        let entry = directory.by_dn(&config.user_dn(alias));
        entry.is_some_and(|entry| entry.person().is_some() && entry.alias == alias)
    };
    match names.find(|(_, alias)| !exists(alias)) {
        Some((key, alias)) => Err(LabError::UnknownUser { key, alias: alias.clone() }),
        None => Ok(()),
    }
}

/// What all calls and sessions of a lab share.
#[derive(Debug)]
pub struct Backend {
    pub(crate) config: LabConfig,
    pub(crate) directory: Directory,
    store: Store,
    /// Notifies sessions of what [`Backend::write`] does.
    pub(crate) hub: Hub,
    /// The time of the last change.
    last: AtomicU64,
    /// The directory of a temporary store, which is deleted with the lab.
    _directory: Option<TempDir>,
}

impl Backend {
    pub(crate) fn new(config: LabConfig) -> Result<Self, LabError> {
        let directory = Directory::new(&config);
        check_users(&config, &directory)?;
        let temporary = match &config.store {
            Some(_) => None,
            None => Some(tempfile::tempdir().map_err(LabError::Directory)?),
        };
        let file = match (&config.store, &temporary) {
            (Some(file), _) => file.clone(),
            (None, Some(directory)) => directory.path().join("lab.db"),
            (None, None) => Path::new("lab.db").to_owned(),
        };
        let store = Store::open(&file)?;
        Ok(Self {
            config,
            directory,
            store,
            hub: Hub::default(),
            last: AtomicU64::new(0),
            _directory: temporary,
        })
    }

    /// Calls `read` with a view of one state of the mailboxes.
    ///
    /// # Errors
    /// Those of `read`, and those of the store.
    pub(crate) fn read<T, E: From<store::Error>>(
        &self,
        read: impl FnOnce(&View<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.store.read(read)
    }

    /// Calls `change` with the right to change the mailboxes at the time `now`, and notifies the sessions of what it
    /// did. If it fails, nothing of it happened.
    ///
    /// # Errors
    /// Those of `change`, and those of the store.
    pub(crate) fn write<T, E: From<store::Error>>(
        &self,
        now: FileTime,
        change: impl FnOnce(&Change<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let change = |changed: &Change<'_>| {
            let result = change(changed)?;
            Ok((result, self.hub.prepare(changed)?))
        };
        self.store.write_then(now, change, |(result, prepared)| {
            prepared.deliver();
            result
        })
    }

    /// The current time. No two calls return the same one, so that it also tells states of a folder apart.
    pub(crate) fn now(&self) -> FileTime {
        let now = net::clock::now().wall.0;
        let later = |last: u64| Some(now.max(last.saturating_add(1)));
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
        FileTime(last.map_or(now, |last| now.max(last.saturating_add(1))))
    }

    /// A new `PidTagSearchKey`, which copies of the object keep ([MS-OXCPRPT] 2.2.1.9).
    pub(crate) fn search_key(&self) -> Guid {
        Guid { data1: 0, data2: 0, data3: 0x4000, data4: self.now().0.to_be_bytes() }
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
