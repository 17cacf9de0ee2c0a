//! Warnings about settings that reduce the protection of users.

use net::Network;

use super::mechanism_words::Scheme;
use super::table::Config;
use super::types::ProtectionLevel;

/// Warnings about the protection of sign-ins and calls, if clients sign in at the proxy and the proxy signs in at the
/// server.
pub(super) fn of_service_account(config: &Config) -> impl Iterator<Item = String> + use<> {
    let (clients, upstream) = (&config.clients, &config.upstream);
    let has_rpc = config.listen.rpc.is_some() || config.listen.rpc_http.is_some();
    let is_plain = upstream.http.as_ref().is_some_and(|server| !server.tls);
    let found = [
        (has_rpc && clients.minimum_level == ProtectionLevel::None).then_some(
            "clients.minimum_level = \"none\": RPC clients that do not sign in are served as anonymous users, and calls may \
             be neither signed nor encrypted; set it to privacy",
        ),
        (clients.mechanisms.get("ntlm_v1") == Some(&toml::Value::Boolean(true))).then_some(
            "clients.ntlm_v1 = true: a password can be computed from an NTLM version 1 response that is recorded on the \
             network; remove it once each client supports version 2",
        ),
        clients.target_names.iter().any(|name| name == "*").then_some(
            "clients.target_names contains *: NTLM sign-ins that clients made for other hosts are accepted, which an \
             attacker may have obtained and forwarded; list the host names by which clients reach the proxy",
        ),
        (has_rpc && upstream.level == ProtectionLevel::None).then_some(
            "upstream.level = \"none\": the proxy does not sign in at the server for RPC, and calls to it are neither signed \
             nor encrypted; set it to privacy",
        ),
        (is_plain && upstream.http_authentication == Scheme::BASIC).then_some(
            "upstream.http_authentication = \"basic\", and upstream.http is without TLS: the service account's password can \
             be read on the network; use an https:// URL, or set http_authentication to negotiate or ntlm",
        ),
    ];
    found.into_iter().flatten().map(str::to_owned)
}

/// Warnings about trusted addresses that include those of all clients.
pub(super) fn of_networks(config: &Config) -> impl Iterator<Item = String> + use<> {
    let lists = [
        ("clients.proxy_protocol_from", &config.clients.proxy_protocol_from),
        ("clients.forwarded_for_from", &config.clients.forwarded_for_from),
    ];
    let unlimited = lists.map(|(key, networks)| {
        networks.iter().find(|network| network.has_all_addresses()).map(|network: &Network| {
            format!(
                "{key} contains {network}, all addresses: each client can name another address as its own, for limits and \
                 in the log; list only the servers in front of the proxy"
            )
        })
    });
    unlimited.into_iter().flatten()
}
