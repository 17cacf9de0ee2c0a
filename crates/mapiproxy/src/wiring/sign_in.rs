//! Authentication of clients from the configuration: the NTLM acceptor, the target names that it accepts, the
//! limit of failures.

use std::sync::Arc;
use std::time::Duration;

use identity::accounts::DomainNames;
use identity::{
    AcceptorConfig, Accounts, Authority, BindingPolicy, ContextCounters, NtlmAcceptorConfig, Policy,
    ServerNames,
};

use crate::config::{Bindings, Config};

/// The domain of the proxy, derived from its name: `proxy.lab.test` is in `LAB`, whose DNS name is `lab.test`.
pub(crate) fn own_domain(config: &Config) -> DomainNames {
    let dns = config.name.split_once('.').map_or("", |(_, domain)| domain);
    let netbios = dns.split('.').next().unwrap_or_default().to_ascii_uppercase();
    DomainNames { netbios, dns: dns.to_owned() }
}

/// The target names that NTLM clients may authenticate for; `None` for any.
fn target_names(config: &Config) -> Vec<String> {
    let further = &config.clients.target_names;
    if further.iter().any(|name| name == "*") {
        return Vec::new();
    }
    let mut names = vec![config.name.clone()];
    names.extend(config.name.split_once('.').map(|(host, _)| host.to_owned()));
    names.extend(config.public_url.as_ref().map(|url| url.host.trim_matches(['[', ']']).to_owned()));
    names.extend(config.listen.addresses().map(|(_, address)| address.ip().to_string()));
    names.extend(further.iter().cloned());
    names
}

/// The configuration of the NTLM acceptor.
pub(super) fn acceptor(
    config: &Config,
    accounts: Arc<dyn Accounts>,
    contexts: &Arc<ContextCounters>,
) -> AcceptorConfig {
    let (host, domain) = config.name.split_once('.').unwrap_or((&config.name, ""));
    let own = own_domain(config);
    let policy = Policy {
        bindings: match config.clients.channel_bindings {
            Bindings::Ignore => BindingPolicy::Ignore,
            Bindings::Allow => BindingPolicy::Allow,
            Bindings::Require => BindingPolicy::Require,
        },
        lifetime: Some(Duration::from_secs(config.clients.context_seconds)),
        target_names: target_names(config),
        ..Policy::default()
    };
    let names = ServerNames {
        nb_computer: host.to_ascii_uppercase(),
        nb_domain: if domain.is_empty() { host.to_ascii_uppercase() } else { own.netbios },
        dns_computer: config.name.clone(),
        dns_domain: domain.to_owned(),
    };
    let ntlm = NtlmAcceptorConfig {
        names,
        allow_legacy: config.clients.ntlm_v1,
        require_mic: config.clients.require_mic,
        ..NtlmAcceptorConfig::default()
    };
    let (authority, contexts) = (Authority::new("accounts"), Arc::clone(contexts));
    AcceptorConfig { accounts, policy, authority, contexts, ntlm }
}
