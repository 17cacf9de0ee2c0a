//! What a configuration does that is allowed, but perhaps not meant.

use std::net::IpAddr;

use identity::{Mechanism, Scope};

use super::table::Config;
use super::types::{Credentials, Specified, Way};

/// What works, but perhaps not as one would think.
pub(crate) fn notes(config: &Config) -> Vec<String> {
    let mut notes: Vec<String> = combinations(config).into_iter().map(str::to_owned).collect();
    notes.extend(names(config));
    notes.extend(shared_directories(config));
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

/// Directories in which the server takes every user for the service account.
fn shared_directories(config: &Config) -> Option<String> {
    let Credentials::Specified(Specified { user, domain, .. }) = &config.upstream.credentials else {
        return None;
    };
    config.upstream.http.as_ref()?;
    let directories = &config.virtual_directories;
    // Those of clients may be meant where they are written; no client needs others.
    let others =
        directories.iter().filter(|(name, way)| **way == Way::Relayed && *name != "ews" && *name != "oab");
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

/// Keys that work together in a way that is not obvious.
fn combinations(config: &Config) -> Vec<&'static str> {
    let mut notes = Vec::new();
    let relayed = config.upstream.credentials.are_relayed();
    let within_tls = config.upstream.http.as_ref().is_some_and(|server| server.tls);
    if relayed && (config.listen.https.is_some() || within_tls) {
        notes.push(
            "upstream.credentials.mode is relayed: a server that requires channel bindings (Extended Protection for \
             Authentication) refuses the NTLM and Kerberos of our clients, who bind them to our certificate and \
             not to its own; have it not require them, or let clients sign in by Basic or Bearer",
        );
    }
    if relayed && config.listen.https.is_none() && !config.clients.basic_without_tls {
        notes.push(
            "upstream.credentials.mode is relayed without listen.https: Basic and Bearer are not passed on, since \
             others could read them; give listen.https an address, or set clients.basic_without_tls",
        );
    }
    if config.listen.http.is_some() && config.listen.https.is_none() && config.public_url.is_none() {
        notes.push(
            "listen.https and public_url are left out: Autodiscover gives http:// URLs to clients; where something in \
             front of us ends TLS, set public_url to the https:// URL that clients reach it by",
        );
    }
    if relayed && !config.clients.forwarded_for_from.is_empty() {
        notes.push(
            "upstream.credentials.mode is relayed: on connections from clients.forwarded_for_from only Basic and \
             Bearer are passed on, since NTLM and Negotiate would sign in everybody on them",
        );
    }
    if !relayed && !config.clients.forwarded_for_from.is_empty() {
        notes.push(if config.clients.http_auth.iter().any(|scheme| Mechanism::from(*scheme).scope() == Scope::Request) {
            "on connections from clients.forwarded_for_from clients sign in by Basic alone: NTLM and Negotiate \
             authenticate a connection, and these carry requests of several clients"
        } else {
            "on connections from clients.forwarded_for_from no client can sign in: NTLM and Negotiate authenticate a \
             connection, and these carry requests of several clients; add basic to clients.http_auth"
        });
    }
    notes
}
