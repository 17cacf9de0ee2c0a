//! The requirements that each mode of `upstream.credentials` has for the other keys.

use std::path::PathBuf;

use identity::{Mechanism, Scope};

use super::mechanism_options;
use super::mechanism_words::Scheme;
use super::places::{Places, dotted};
use super::problems::Found;
use super::table::{Config, Credentials, Relayed, Specified};
use super::types::DirectoryAccess;
use super::unsafe_settings;

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

    /// Warnings about settings that are allowed in this mode, but possibly not intended. `places` has the keys that are
    /// set.
    fn warnings(&self, config: &Config, places: &Places) -> Vec<String>;
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
        let Self { user, domain, password_file, .. } = self;
        if user.is_empty() && found.is_given(USER) {
            found.wrong(USER, "is empty: set it to the service account's user name, for example svcproxy");
        }
        if let Some((before, name)) = user.split_once('\\') {
            let why = format!("{user:?} includes a domain: write user = {name:?} and domain = {before:?}");
            found.wrong(USER, why);
        }
        if domain.contains(['\\', '@']) {
            let why = format!("{domain:?} is not a valid domain name; expected for example LAB or lab.test");
            found.wrong(DOMAIN, why);
        }
        if config.clients.accounts.is_none() && found.is_given("upstream.credentials.mode") {
            let why = "is missing: set it to the file of the clients' accounts, for example accounts.toml";
            found.missing("clients.accounts", why);
        }
        if let Some(accounts) = &config.clients.accounts
            && found.resolve(password_file) == found.resolve(accounts)
        {
            found.wrong(PASSWORD_FILE, "is also the file of clients.accounts; name another file");
        }
    }

    fn warnings(&self, config: &Config, _: &Places) -> Vec<String> {
        let shared = shared_directories(self, config).into_iter().chain(shared_connections(config));
        shared.chain(unsafe_settings::of_service_account(config)).collect()
    }
}

/// Warns of directories whose requests are forwarded with the service account.
fn shared_directories(Specified { user, domain, .. }: &Specified, config: &Config) -> Option<String> {
    config.upstream.http.as_ref()?;
    let directories = &config.virtual_directories;
    // Outlook uses ews and oab; other directories are forwarded only if they are configured.
    let others = directories
        .iter()
        .filter(|(name, access)| **access == DirectoryAccess::Forwarded && *name != "ews" && *name != "oab");
    let undecided = (!directories.contains_key("ews")).then_some("ews");
    let names = undecided.into_iter().chain(others.map(|(name, _)| name.as_str()));
    let keys: Vec<String> = names.map(|name| format!("virtual_directories.{name}")).collect();
    let (example, decision) = match undecided {
        Some(_) => (
            ", for example read by EWS every mailbox that it has access to",
            ", or, for ews, set \"forwarded\" if the account has only rights that every user may have",
        ),
        None => ("", ""),
    };
    (!keys.is_empty()).then(|| {
        format!(
            "{}: forwarded with the service account {domain}\\{user}, so that each user can do there whatever that account \
             may do{example}; either set \"refused\", or set upstream.credentials.mode to \"relayed\"{decision}",
            keys.join(", ")
        )
    })
}

/// Warns which schemes clients can use on connections that carry requests of several clients.
fn shared_connections(config: &Config) -> Option<String> {
    let is_per_request = |scheme: &Scheme| Mechanism::from(*scheme).scope() == Scope::Request;
    let warning = if config.clients.http_auth.iter().any(is_per_request) {
        "clients.forwarded_for_from: clients on these connections can use Basic only, since NTLM and Negotiate \
         authenticate a whole connection, and these connections carry requests of several clients"
    } else {
        "clients.forwarded_for_from: no client on these connections can sign in, since NTLM and Negotiate authenticate \
         a whole connection, and these connections carry requests of several clients; add basic to clients.http_auth"
    };
    (!config.clients.forwarded_for_from.is_empty()).then(|| warning.to_owned())
}

impl Mode for Relayed {
    fn is_pass_through(&self) -> bool {
        true
    }

    fn check(&self, config: &Config, found: &mut Found<'_>) {
        if config.clients.accounts.is_some() {
            found.wrong(
                "clients.accounts",
                "is not used if upstream.credentials.mode is \"relayed\": clients sign in at the server; remove it",
            );
        }
    }

    fn warnings(&self, config: &Config, places: &Places) -> Vec<String> {
        let mut warnings = Vec::new();
        let Config { listen, clients, .. } = config;
        let within_tls = config.upstream.http.as_ref().is_some_and(|server| server.tls);
        if listen.https.is_some() || within_tls {
            warnings.push(
                "upstream.credentials.mode is relayed: NTLM and Kerberos fail if the server requires channel bindings \
                 (Extended Protection for Authentication), since clients bind to the proxy's certificate; do not require \
                 them at the server, or use Basic or Bearer",
            );
        }
        if listen.https.is_none() && !clients.basic_without_tls {
            warnings.push(
                "upstream.credentials.mode is relayed without listen.https: Basic and Bearer are not forwarded, since \
                 they could be read on the network; set listen.https, or clients.basic_without_tls if TLS is terminated \
                 in front of the proxy",
            );
        }
        if !clients.forwarded_for_from.is_empty() {
            warnings.push(
                "upstream.credentials.mode is relayed: on connections from clients.forwarded_for_from only Basic and \
                 Bearer are forwarded, since NTLM and Negotiate authenticate a whole connection",
            );
        }
        warnings.into_iter().map(str::to_owned).chain(unused_keys(places)).collect()
    }
}

/// The keys of sign-ins at the proxy and of the proxy's own at the server. Neither occur if clients sign in at the
/// server. The options of mechanisms are further such keys.
const OF_LOCAL_SIGN_INS: [&str; 7] = [
    "clients.minimum_level",
    "clients.http_auth",
    "clients.channel_bindings",
    "clients.target_names",
    "upstream.level",
    "upstream.authentication",
    "upstream.http_authentication",
];

/// Warns of keys that are set, but have no effect if clients sign in at the server.
fn unused_keys(places: &Places) -> Option<String> {
    let of_mechanisms = mechanism_options::keys("clients").map(|key| dotted(key.table, key.name));
    let all = OF_LOCAL_SIGN_INS.into_iter().map(str::to_owned).chain(of_mechanisms);
    let unused: Vec<String> = all.filter(|key| places.has(key)).collect();
    (!unused.is_empty()).then(|| {
        format!(
            "{}: without effect if upstream.credentials.mode is relayed, since the server alone checks sign-ins; \
             remove from this file, and set at the server what is needed there",
            unused.join(", ")
        )
    })
}
