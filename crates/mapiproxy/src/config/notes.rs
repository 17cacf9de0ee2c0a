//! What is allowed in a configuration, but perhaps not meant.

use std::net::IpAddr;

use super::table::Config;

/// What is allowed in `config`, but perhaps not meant.
pub(crate) fn notes(config: &Config) -> Vec<String> {
    let mut notes: Vec<String> = urls_without_tls(config).into_iter().collect();
    notes.extend(config.upstream.credentials.mode().notes(config));
    notes.extend(names(config));
    notes
}

/// What the module `names` can't replace.
fn names(config: &Config) -> Option<String> {
    if !config.modules.stack.iter().any(|name| name == "names") {
        return Some(
            "modules.stack does not have names: clients are given the server's own names and addresses, and may \
             connect to it without the proxy; add names to modules.stack, unless something else replaces them"
                .to_owned(),
        );
    }
    let options = config.modules.options.get("names").and_then(toml::Value::as_table);
    let server = config.upstream_host();
    let unknown = server.parse::<IpAddr>().is_ok() && !options.is_some_and(|set| set.contains_key("server"));
    let key = if config.upstream.rpc.is_some() { "upstream.rpc" } else { "upstream.http" };
    unknown.then(|| {
        format!(
            "modules.names.server is not set and {key} is an address, {server}: the server's name in distinguished \
             names (/cn=Servers/cn=NAME) is not known, so that it is not replaced by the first label of {}, but by \
             that label with the server's name encoded behind it; write [modules.names] and below it server = \
             \"NAME\", as the server spells it there",
            config.name
        )
    })
}

/// Notes that Autodiscover gives URLs without TLS to clients.
fn urls_without_tls(config: &Config) -> Option<String> {
    let is_plain = config.listen.http.is_some() && config.listen.https.is_none();
    (is_plain && config.public_url.is_none()).then(|| {
        "listen.https and public_url are not set: Autodiscover gives http:// URLs to clients; if TLS is terminated in \
         front of the proxy, set public_url to the https:// URL by which clients reach it"
            .to_owned()
    })
}
