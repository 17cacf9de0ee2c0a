//! Configuration of a lab: its seed, its size and its names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The configuration of a lab. Equal configurations make equal labs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabConfig {
    /// Determines names, telephone numbers and identifiers.
    pub seed: u64,
    /// The number of people, including those in [`LabConfig::aliases`].
    pub people: usize,
    /// The organisation's name: the first part of every distinguished name.
    pub organisation: String,
    /// The domain of mail addresses.
    pub domain: String,
    /// The mailbox servers, among which the mailboxes are distributed; the first one responds to referrals.
    pub servers: Vec<ServerName>,
    /// The aliases of people that always exist, so that accounts with these names have a mailbox.
    pub aliases: Vec<String>,
    /// The accounts that may open sessions as any person, such as a proxy's service account. Other accounts may do so
    /// only as the person whose alias is their name.
    pub administrators: Vec<String>,
    /// The names of public folders that exist from the start.
    pub public_folders: Vec<String>,
    /// The aliases of the people who have all rights on the public folders.
    pub public_folder_owners: Vec<String>,
    /// The file of the mailbox store, which is created if it does not exist. With `None` the store is temporary, and
    /// deleted with the lab.
    pub store: Option<PathBuf>,
    /// How many RPC sessions a user may have with the mailbox store as the same person, and with the address book. A
    /// further one ends the one that was not used for the longest time.
    pub sessions_per_user: usize,
    /// The quotas of mailboxes, by the aliases of their owners. That of `*` is for all other mailboxes.
    pub quotas: BTreeMap<String, Quota>,
    /// The people whose mailboxes are on servers that are not of this lab, by alias. Clients are referred to these
    /// servers.
    pub elsewhere: BTreeMap<String, ServerName>,
}

/// The limits on the size of a mailbox, in kilobytes: of all its messages that are not deleted. `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// From this size on, the owner receives a warning.
    pub warning: Option<u32>,
    /// From this size on, the owner can send nothing.
    pub send: Option<u32>,
    /// The mailbox receives and saves nothing by which it would reach this size.
    pub receive: Option<u32>,
}

/// The number of sessions of a user, unless it is configured.
pub(crate) const SESSIONS_PER_USER: usize = 64;

/// The names of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerName {
    /// In distinguished names and as a NetBIOS name.
    pub name: String,
    /// In DNS.
    pub host: String,
}

impl Default for LabConfig {
    fn default() -> Self {
        let server = ServerName { name: "EXCH1".to_owned(), host: "exch.lab.test".to_owned() };
        Self {
            seed: 1,
            people: 300,
            organisation: "Lab Organisation".to_owned(),
            domain: "lab.test".to_owned(),
            servers: vec![server],
            aliases: ["alice", "bob", "carol", "dave", "svcproxy"].map(str::to_owned).to_vec(),
            administrators: vec!["svcproxy".to_owned()],
            public_folders: Vec::new(),
            public_folder_owners: vec!["alice".to_owned()],
            store: None,
            sessions_per_user: SESSIONS_PER_USER,
            quotas: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
        }
    }
}

impl LabConfig {
    /// A lab of two servers.
    pub fn two_servers() -> Self {
        let mut config = Self::default();
        config.servers.push(ServerName { name: "EXCH2".to_owned(), host: "exch2.lab.test".to_owned() });
        config
    }

    /// The servers of this lab, and those to which clients are referred. Each name is listed once.
    pub(crate) fn all_servers(&self) -> impl Iterator<Item = &ServerName> {
        let mut seen = BTreeSet::new();
        self.servers.iter().chain(self.elsewhere.values()).filter(move |server| seen.insert(&server.name))
    }

    /// The quota of the mailbox of `alias`, if it has one.
    pub(crate) fn quota(&self, alias: &str) -> Option<&Quota> {
        self.quotas.get(alias).or_else(|| self.quotas.get("*"))
    }

    fn group(&self) -> String {
        format!("/o={}/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)", self.organisation)
    }

    /// The prefix of the distinguished names of people.
    pub fn recipients(&self) -> String {
        format!("{}/cn=Recipients/cn=", self.group())
    }

    /// The distinguished name of the person with this alias.
    pub fn user_dn(&self, alias: &str) -> String {
        self.recipients() + alias
    }

    /// The distinguished name of the server called `name`.
    pub fn server_dn(&self, name: &str) -> String {
        format!("{}/cn=Configuration/cn=Servers/cn={name}", self.group())
    }

    /// The distinguished name of the mailbox database of the server called `name`.
    pub fn database_dn(&self, name: &str) -> String {
        self.server_dn(name) + "/cn=Microsoft Private MDB"
    }
}
