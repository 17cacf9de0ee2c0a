//! Authentication of clients from the configuration: its rules, and the target names that are accepted.

use std::sync::Arc;
use std::time::Duration;

use identity::{AcceptorConfig, Accounts, Authority, BindingPolicy, ContextCounters, Policy};
use options::OptionError;

use crate::config::{Bindings, Config, mechanism_settings};

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

/// The configuration of the acceptors of all mechanisms.
///
/// # Errors
/// If a mechanism does not accept the value of an option.
pub(super) fn acceptor(
    config: &Config,
    accounts: Arc<dyn Accounts>,
    contexts: &Arc<ContextCounters>,
) -> Result<AcceptorConfig, OptionError> {
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
    let settings = mechanism_settings(config)?;
    let (authority, contexts) = (Authority::new("accounts"), Arc::clone(contexts));
    Ok(AcceptorConfig { accounts, policy, authority, contexts, settings })
}
