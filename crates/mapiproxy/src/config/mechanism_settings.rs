//! The settings of authentication mechanisms, and the names that the proxy presents to clients.

use identity::accounts::DomainNames;
use identity::{Mechanism, ServerNames, Settings};
use options::{OptionError, Options};

use super::option_values::option_value;
use super::problems::Found;
use super::table::Config;

/// The domain of the proxy, derived from its name: `proxy.lab.test` is in `LAB`, whose DNS name is `lab.test`.
pub(crate) fn own_domain(config: &Config) -> DomainNames {
    let dns = config.name.split_once('.').map_or("", |(_, domain)| domain);
    let netbios = dns.split('.').next().unwrap_or_default().to_ascii_uppercase();
    DomainNames { netbios, dns: dns.to_owned() }
}

/// The names that the proxy presents as its own.
fn server_names(config: &Config) -> ServerNames {
    let (host, domain) = config.name.split_once('.').unwrap_or((&config.name, ""));
    let computer = host.to_ascii_uppercase();
    ServerNames {
        nb_domain: if domain.is_empty() { computer.clone() } else { own_domain(config).netbios },
        nb_computer: computer,
        dns_computer: config.name.clone(),
        dns_domain: domain.to_owned(),
    }
}

/// The settings of all mechanisms, as their options are configured.
///
/// # Errors
/// If a mechanism does not accept the value of an option.
pub(crate) fn mechanism_settings(config: &Config) -> Result<Settings, OptionError> {
    let given = config.clients.mechanisms.iter();
    let given = given.filter_map(|(name, value)| Some((name.clone(), option_value(value).ok()?)));
    Mechanism::settings(&Options::of_checked(given.collect()), &server_names(config))
}

/// Reports an option that its mechanism does not accept.
pub(super) fn check(config: &Config, found: &mut Found<'_>) {
    match mechanism_settings(config) {
        Err(OptionError::Refused { name, why, .. }) => found.wrong(&format!("clients.{name}"), why),
        Err(other) => found.wrong("clients", other.to_string()),
        Ok(_) => {}
    }
}
