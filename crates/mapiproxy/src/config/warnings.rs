//! Warnings about settings that are allowed, but possibly not intended.

use std::net::IpAddr;

use super::places::Places;
use super::table::Config;
use super::unsafe_settings;

/// Warnings about settings of `config` that are allowed, but possibly not intended. `places` has the keys that are set.
pub(crate) fn warnings(config: &Config, places: &Places) -> Vec<String> {
    let mut warnings: Vec<String> = urls_without_tls(config).into_iter().collect();
    warnings.extend(config.upstream.credentials.mode().warnings(config, places));
    warnings.extend(unsafe_settings::of_networks(config));
    warnings.extend(names(config));
    warnings.extend(notification_waits(config));
    warnings.extend(capture(places));
    warnings
}

/// Warns about options of recordings if nothing is recorded.
fn capture(places: &Places) -> Option<String> {
    let is_recorded = ["capture.packets", "capture.har"].iter().any(|key| places.has(key));
    (places.has("capture") && !is_recorded).then(|| {
        "capture: nothing is recorded, since neither packets nor har is set; set one of them to a file, or remove the \
         table"
            .to_owned()
    })
}

/// The longest wait for notifications, in seconds: `NotificationWait` ([MS-OXCMAPIHTTP] 2.2.4.4) and
/// `EcDoAsyncWaitEx` ([MS-OXCRPC] 3.3.4.1) end after five minutes.
const LONGEST_WAIT: u64 = 300;

/// Warns that waits for notifications exceed the time limit of responses.
fn notification_waits(config: &Config) -> Option<String> {
    let seconds = config.upstream.call_seconds;
    (seconds <= LONGEST_WAIT).then(|| {
        format!(
            "upstream.call_seconds is {seconds}: waits for notifications take up to {LONGEST_WAIT} seconds and are cut off earlier; \
             set it to more than {LONGEST_WAIT}, such as 600"
        )
    })
}

/// Warns if the module `names` cannot replace the server's names.
fn names(config: &Config) -> Option<String> {
    if !config.modules.stack.iter().any(|name| name == "names") {
        return Some(
            "modules.stack does not contain names: clients receive the server's own names and addresses, and may bypass \
             the proxy; add names to modules.stack"
                .to_owned(),
        );
    }
    let options = config.modules.options.get("names").and_then(toml::Value::as_table);
    let server = config.upstream_host();
    let unknown = server.parse::<IpAddr>().is_ok() && !options.is_some_and(|set| set.contains_key("server"));
    let key = if config.upstream.rpc.is_some() { "upstream.rpc" } else { "upstream.http" };
    unknown.then(|| {
        format!(
            "modules.names.server is not set and {key} is an address, {server}: set it to the server's NAME in \
             /cn=Servers/cn=NAME; otherwise clients see an encoded alias instead of {}",
            config.name.split('.').next().unwrap_or_default()
        )
    })
}

/// Warns that Autodiscover sends URLs without TLS to clients.
fn urls_without_tls(config: &Config) -> Option<String> {
    let is_plain = config.listen.http.is_some() && config.listen.https.is_none();
    (is_plain && config.public_url.is_none()).then(|| {
        "listen.https and public_url are not set: Autodiscover gives http:// URLs to clients; if TLS is terminated in \
         front of the proxy, set public_url to the https:// URL by which clients reach it"
            .to_owned()
    })
}
