//! What each mode of `upstream.credentials` demands of the other keys, beside its own.

use std::path::PathBuf;

use identity::{Mechanism, Scope};

use super::problems::Found;
use super::table::{Config, Credentials, Relayed, Scheme, Specified};
use super::types::DirectoryAccess;

/// A mode of `upstream.credentials`.
pub(crate) trait Mode {
    /// The files that its keys name, by key.
    fn files(&self) -> Vec<(&'static str, &PathBuf)> {
        Vec::new()
    }

    /// The same, to make relative paths absolute.
    fn files_mut(&mut self) -> Vec<&mut PathBuf> {
        Vec::new()
    }

    /// The file with a password, and the key that names it.
    fn password_file(&self) -> Option<(&'static str, &PathBuf)> {
        None
    }

    /// The account with which the proxy authenticates at the server.
    fn account(&self) -> Option<String> {
        None
    }

    /// Whether clients authenticate at the server through the proxy.
    fn is_pass_through(&self) -> bool {
        false
    }

    /// Reports values that are wrong in this mode.
    fn check(&self, config: &Config, found: &mut Found<'_>);

    /// What is allowed in this mode, but perhaps not meant.
    fn notes(&self, config: &Config) -> Vec<String>;
}

impl Credentials {
    /// The mode that is selected.
    pub(crate) fn mode(&self) -> &dyn Mode {
        match self {
            Self::Specified(mode) => mode,
            Self::Relayed(mode) => mode,
        }
    }

    /// The same, to change it.
    pub(super) fn mode_mut(&mut self) -> &mut dyn Mode {
        match self {
            Self::Specified(mode) => mode,
            Self::Relayed(mode) => mode,
        }
    }
}

const USER: &str = "upstream.credentials.user";
const DOMAIN: &str = "upstream.credentials.domain";
const PASSWORD_FILE: &str = "upstream.credentials.password_file";

impl Mode for Specified {
    fn files(&self) -> Vec<(&'static str, &PathBuf)> {
        vec![(PASSWORD_FILE, &self.password_file)]
    }

    fn files_mut(&mut self) -> Vec<&mut PathBuf> {
        vec![&mut self.password_file]
    }

    fn password_file(&self) -> Option<(&'static str, &PathBuf)> {
        Some((PASSWORD_FILE, &self.password_file))
    }

    fn account(&self) -> Option<String> {
        Some(format!("{}\\{}", self.domain, self.user))
    }

    fn check(&self, config: &Config, found: &mut Found<'_>) {
        let Self { user, domain, password_file } = self;
        if user.is_empty() && found.is_given(USER) {
            found.wrong(USER, "is empty: name the account that signs in at the server, as svcproxy");
        }
        if let Some((before, name)) = user.split_once('\\') {
            let why = format!("{user:?} has a domain: write user = {name:?} and domain = {before:?}");
            found.wrong(USER, why);
        }
        if domain.contains(['\\', '@']) {
            let why = format!("{domain:?} is no domain: expected its name alone, as LAB or lab.test");
            found.wrong(DOMAIN, why);
        }
        if config.clients.accounts.is_none() && found.is_given("upstream.credentials.mode") {
            let why = "is missing: name the file of accounts that clients sign in with, as accounts.toml";
            found.missing("clients.accounts", why);
        }
        if let Some(accounts) = &config.clients.accounts
            && found.resolve(password_file) == found.resolve(accounts)
        {
            found.wrong(PASSWORD_FILE, "is the file of clients.accounts; name another");
        }
    }

    fn notes(&self, config: &Config) -> Vec<String> {
        shared_directories(self, config).into_iter().chain(shared_connections(config)).collect()
    }
}

/// Notes the directories whose requests the server receives as the service account's.
fn shared_directories(Specified { user, domain, .. }: &Specified, config: &Config) -> Option<String> {
    config.upstream.http.as_ref()?;
    let directories = &config.virtual_directories;
    // Outlook uses ews and oab; other directories are relayed only if the configuration says so.
    let others = directories
        .iter()
        .filter(|(name, access)| **access == DirectoryAccess::Relayed && *name != "ews" && *name != "oab");
    let undecided = (!directories.contains_key("ews")).then_some("ews");
    let names = undecided.into_iter().chain(others.map(|(name, _)| name.as_str()));
    let keys: Vec<String> = names.map(|name| format!("virtual_directories.{name}")).collect();
    (!keys.is_empty()).then(|| {
        format!(
            "{}: relayed with the service account {domain}\\{user} (upstream.credentials.mode is specified): each user \
             who signs in can do there what the server lets that account do, such as read by EWS every mailbox that \
             it has access to or whose owner it may impersonate; set \"refused\", or let clients sign in at the server \
             (mode relayed); where the account has no rights that not all of them may have, set \"relayed\" for ews",
            keys.join(", ")
        )
    })
}

/// Notes which schemes clients can use on connections that carry requests of several clients.
fn shared_connections(config: &Config) -> Option<String> {
    let is_per_request = |scheme: &Scheme| Mechanism::from(*scheme).scope() == Scope::Request;
    let note = if config.clients.http_auth.iter().any(is_per_request) {
        "on connections from clients.forwarded_for_from clients sign in by Basic alone: NTLM and Negotiate \
         authenticate a connection, and these carry requests of several clients"
    } else {
        "on connections from clients.forwarded_for_from no client can sign in: NTLM and Negotiate authenticate a \
         connection, and these carry requests of several clients; add basic to clients.http_auth"
    };
    (!config.clients.forwarded_for_from.is_empty()).then(|| note.to_owned())
}

impl Mode for Relayed {
    fn is_pass_through(&self) -> bool {
        true
    }

    fn check(&self, _: &Config, _: &mut Found<'_>) {}

    fn notes(&self, config: &Config) -> Vec<String> {
        let mut notes = Vec::new();
        let Config { listen, clients, .. } = config;
        let within_tls = config.upstream.http.as_ref().is_some_and(|server| server.tls);
        if listen.https.is_some() || within_tls {
            notes.push(
                "upstream.credentials.mode is relayed: a server that requires channel bindings (Extended Protection for \
                 Authentication) refuses NTLM and Kerberos of clients, which bind them to the proxy's certificate instead \
                 of the server's; configure the server not to require them, or have clients sign in by Basic or Bearer",
            );
        }
        if listen.https.is_none() && !clients.basic_without_tls {
            notes.push(
                "upstream.credentials.mode is relayed without listen.https: Basic and Bearer are not forwarded, since \
                 they could be read on the network; give listen.https an address, or set clients.basic_without_tls",
            );
        }
        if !clients.forwarded_for_from.is_empty() {
            notes.push(
                "upstream.credentials.mode is relayed: on connections from clients.forwarded_for_from only Basic and \
                 Bearer are forwarded, since NTLM and Negotiate would authenticate all clients of a connection as one",
            );
        }
        notes.into_iter().map(str::to_owned).collect()
    }
}
