//! Validates a configuration: every error in it, with its position.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use super::document;
use super::hosts::{check_name, host};
use super::places::Places;
use super::problems::{ConfigError, Found, Problems};
use super::table::{Capture, Config, Listen};
use super::types::{Credentials, Specified};
use crate::files;

/// A configuration that was read, and all that is wrong with it.
pub(crate) struct Examined {
    /// The configuration, its paths complete, with other values in place of those that are wrong; none where the
    /// text could not be read.
    pub(crate) config: Option<Config>,
    /// Where its keys are.
    pub(crate) places: Places,
    /// What is wrong.
    pub(crate) problems: Vec<ConfigError>,
}

/// Reads and checks the configuration in the file `path`. Relative paths in it start at its own folder.
///
/// # Errors
/// When the file can't be read, or something in it is wrong.
pub(crate) fn load(path: &Path) -> Result<Config, Problems> {
    let Examined { config, places: _, problems } = examine(path)?;
    Problems::none(problems)?;
    let no = || ConfigError::Syntax {
        path: path.to_owned(),
        line: 1,
        why: "can't be read".to_owned(),
        excerpt: None,
    };
    config.ok_or_else(|| no().into())
}

/// The same, with all that is wrong with it.
///
/// # Errors
/// When the file can't be read.
pub(crate) fn examine(path: &Path) -> Result<Examined, ConfigError> {
    let text = files::read_text(path)?;
    let mut examined = examine_text(path, &text);
    let base = path.parent().unwrap_or(Path::new("")).to_owned();
    let Some(config) = &mut examined.config else { return Ok(examined) };
    if let Credentials::Specified(Specified { password_file, .. }) = &mut config.upstream.credentials {
        // What is missing stays empty, and is no folder.
        if !password_file.as_os_str().is_empty() {
            *password_file = base.join(&*password_file);
        }
    }
    let accounts = &mut config.clients.accounts;
    let Listen { certificate, key, .. } = &mut config.listen;
    let Capture { packets, har, .. } = &mut config.capture;
    for path in [accounts, certificate, key, &mut config.upstream.ca_file, packets, har].into_iter().flatten()
    {
        *path = base.join(&*path);
    }
    Ok(examined)
}

/// Checks the configuration `text`, which came from `path`.
fn examine_text(path: &Path, text: &str) -> Examined {
    let document::Document { places, config, problems } = document::read(path, text);
    let mut found = Found::new(path, &places);
    found.problems = problems;
    if let Some(config) = &config {
        values(path, config, &mut found);
    }
    let problems = found.problems;
    Examined { config, places, problems }
}

/// The configuration `text`, which came from `path`.
///
/// # Errors
/// When something in it is wrong.
#[cfg(test)]
pub(crate) fn parse(path: &Path, text: &str) -> Result<Config, Problems> {
    let examined = examine_text(path, text);
    Problems::none(examined.problems)?;
    Ok(examined.config.expect("what is right was read"))
}

fn values(path: &Path, config: &Config, found: &mut Found<'_>) {
    if let Err(why) = check_name(&config.name, false) {
        let expected = "expected letters, digits and hyphens with dots between them, as proxy.lab.test";
        found.wrong("name", format!("{:?} is no host name: {why}: {expected}", config.name));
    } else if config.name.split('.').all(|label| label.parse::<u8>().is_ok()) {
        found.wrong("name", "must be a name that clients can resolve, not an address: as proxy.lab.test");
    }
    for name in config.clients.target_names.iter().filter(|name| *name != "*") {
        if let (Err(why), Err(_)) = (host(name), name.parse::<IpAddr>()) {
            let expected = "expected a host name or an address, as mail.lab.test, or * for any";
            found.wrong("clients.target_names", format!("{name:?} is no host: {why}: {expected}"));
        }
    }
    account_values(config, found);
    path_values(config, found);
    rpc_values(config, found);
    relayed_values(config, found);
    capture_values(path, config, found);
    http_values(config, found);
}

/// The account that signs in at the server.
fn account_values(config: &Config, found: &mut Found<'_>) {
    let Credentials::Specified(Specified { user, domain, .. }) = &config.upstream.credentials else { return };
    let (user_key, domain_key) = ("upstream.credentials.user", "upstream.credentials.domain");
    if user.is_empty() && found.is_given(user_key) {
        found.wrong(user_key, "is empty: name the account that signs in at the server, as svcproxy");
    }
    if let Some((before, name)) = user.split_once('\\') {
        let why = format!("{user:?} has a domain: write user = {name:?} and domain = {before:?}");
        found.wrong(user_key, why);
    }
    if domain.contains(['\\', '@']) {
        let why = format!("{domain:?} is no domain: expected its name alone, as LAB or lab.test");
        found.wrong(domain_key, why);
    }
}

/// Paths that are none.
fn path_values(config: &Config, found: &mut Found<'_>) {
    let Listen { certificate, key, .. } = &config.listen;
    let mut paths = vec![
        ("clients.accounts", config.clients.accounts.as_ref()),
        ("listen.certificate", certificate.as_ref()),
        ("listen.key", key.as_ref()),
        ("upstream.ca_file", config.upstream.ca_file.as_ref()),
        ("capture.packets", config.capture.packets.as_ref()),
        ("capture.har", config.capture.har.as_ref()),
    ];
    if let Credentials::Specified(Specified { password_file, .. }) = &config.upstream.credentials {
        paths.push(("upstream.credentials.password_file", Some(password_file)));
    }
    for (key, path) in paths.into_iter().filter_map(|(key, path)| Some((key, path?))) {
        let first = path.components().next().map(|first| first.as_os_str().to_string_lossy().into_owned());
        match first {
            None if found.is_given(key) => found.wrong(key, "is empty: name a file"),
            Some(first) if first.starts_with('~') || first.starts_with('$') || first.starts_with('%') => {
                let why = "is taken as it is, since ~ and variables stand for nothing here: write the whole path, or \
                           one that begins in this file's folder";
                found.wrong(key, format!("{first} in {} {why}", path.display()));
            }
            _ => {}
        }
    }
}

fn capture_values(path: &Path, config: &Config, found: &mut Found<'_>) {
    let capture = &config.capture;
    if capture.sides.is_empty() {
        found.wrong("capture.sides", "names neither client nor upstream: nothing would be recorded");
    }
    // What stands in a file of ours would be set aside for a recording, and be lost.
    let base = path.parent().unwrap_or(Path::new(""));
    let whole = |file: &Path| std::path::absolute(base.join(file)).unwrap_or_else(|_| file.to_owned());
    let Listen { certificate, key, .. } = &config.listen;
    let mut taken: Vec<PathBuf> = [&config.clients.accounts, certificate, key, &config.upstream.ca_file]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    taken.extend(path.file_name().map(PathBuf::from));
    if let Credentials::Specified(Specified { password_file, .. }) = &config.upstream.credentials {
        taken.push(password_file.clone());
    }
    if let (Credentials::Specified(Specified { password_file, .. }), Some(accounts)) =
        (&config.upstream.credentials, &config.clients.accounts)
        && whole(password_file) == whole(accounts)
    {
        found.wrong("upstream.credentials.password_file", "is the file of clients.accounts; name another");
    }
    for (key, file) in [("capture.packets", &capture.packets), ("capture.har", &capture.har)] {
        let Some(file) = file else { continue };
        if taken.iter().any(|other| whole(other) == whole(file)) {
            found.wrong(
                key,
                format!("{} is named for something else too; give it a file of its own", file.display()),
            );
        }
        if whole(file).is_dir() {
            found.wrong(key, format!("{} is a folder; name a file in it", file.display()));
        }
        taken.push(file.clone());
    }
}

fn rpc_values(config: &Config, found: &mut Found<'_>) {
    let Listen { endpoint_mapper, rpc, rpc_http, http, https, .. } = config.listen;
    let services = ["listen.rpc", "listen.rpc_http", "listen.http", "listen.https"];
    if services.iter().any(|key| found.is_wrong(key)) {
        // Whether there is a service can't be said.
    } else if rpc.or(rpc_http).or(http).or(https).is_none() {
        found.missing(
            "listen",
            "names no service: give rpc, rpc_http, http or https an address, as https = \"0.0.0.0:443\"",
        );
    } else if endpoint_mapper.is_some() && rpc.or(rpc_http).is_none() {
        found.wrong("listen.endpoint_mapper", "has nothing to name: give listen.rpc an address");
    }
    if rpc.or(rpc_http).is_some() && config.upstream.rpc.is_none() {
        found.missing(
            "upstream.rpc",
            "is missing: name the server that calls are relayed to, as exch.lab.test",
        );
    }
    for (key, address) in [("listen.rpc", rpc), ("listen.rpc_http", rpc_http)] {
        if address.is_some_and(|address| address.port() == 0) {
            found.wrong(key, "needs a fixed port, which the endpoint mapper can name");
        }
    }
    for (index, (key, address)) in config.listen.addresses().enumerate() {
        let before = config.listen.addresses().take(index);
        for (other, taken) in before.filter(|(_, taken)| collide(*taken, address)) {
            if taken == address {
                found.wrong(
                    key,
                    format!("is the address of another service, {other}; give it a port of its own"),
                );
            } else {
                let why = "can't be listened on beside";
                found.wrong(
                    key,
                    format!("{address} {why} {other}, {taken}: one of them is every address; give it a port of its own"),
                );
            }
        }
    }
}

/// Whether the system refuses to listen on one address while there is a listener on the other. `[::]` takes
/// connections to IPv4 addresses too.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let is_every = |address: SocketAddr, other: SocketAddr| {
        address.ip().is_unspecified() && (address.is_ipv6() || other.is_ipv4())
    };
    one.port() == other.port()
        && one.port() != 0
        && (one.ip() == other.ip() || is_every(one, other) || is_every(other, one))
}

fn relayed_values(config: &Config, found: &mut Found<'_>) {
    let Listen { endpoint_mapper, rpc, rpc_http, .. } = config.listen;
    if !config.upstream.credentials.are_relayed() {
        // Clients need no accounts with us where they sign in at the server, as may be meant.
        if config.clients.accounts.is_none() && found.is_given("upstream.credentials.mode") {
            let why = "is missing: name the file of accounts that clients sign in with, as accounts.toml";
            found.missing("clients.accounts", why);
        }
        return;
    }
    let names =
        [("listen.rpc", rpc), ("listen.rpc_http", rpc_http), ("listen.endpoint_mapper", endpoint_mapper)];
    for (key, _) in names.into_iter().filter(|(_, address)| address.is_some()) {
        found.wrong(
            key,
            "can't be served where upstream.credentials.mode is relayed: a remote call is sealed with a key that \
             comes from the client's password, which only the client and the server know, so that we could neither \
             read it nor change it; leave this out and serve MAPI over HTTP alone, or have mode specified",
        );
    }
}

fn http_values(config: &Config, found: &mut Found<'_>) {
    let Listen { http, https, certificate, key, .. } = &config.listen;
    let (has_certificate, has_key) = (certificate.is_some(), key.is_some());
    let is_open = found.is_wrong("listen.certificate") || found.is_wrong("listen.key");
    if https.is_some() && !is_open {
        match (has_certificate, has_key) {
            (false, false) => found.missing("listen.https", "needs listen.certificate and listen.key"),
            (false, true) => found.missing("listen.https", "needs listen.certificate beside listen.key"),
            (true, false) => found.missing("listen.https", "needs listen.key beside listen.certificate"),
            (true, true) => {}
        }
    }
    if (http.is_some() || https.is_some()) && config.upstream.http.is_none() {
        let why = "is missing: name the server that HTTP is relayed to, as https://exch.lab.test";
        found.missing("upstream.http", why);
    }
    if config.clients.http_auth.is_empty() {
        found.wrong("clients.http_auth", "must name at least one way to sign in");
    }
    twice("clients.http_auth", &config.clients.http_auth, found);
    twice("clients.proxy_protocol_from", &config.clients.proxy_protocol_from, found);
    twice("clients.forwarded_for_from", &config.clients.forwarded_for_from, found);
    twice("capture.sides", &config.capture.sides, found);
    twice("modules.stack", &config.modules.stack, found);
}

/// Finds what stands twice in the list of `key`.
fn twice<T: PartialEq + fmt::Debug>(key: &str, items: &[T], found: &mut Found<'_>) {
    for (index, item) in items.iter().enumerate() {
        if items.iter().take(index).any(|earlier| earlier == item) {
            let item = format!("{item:?}").to_ascii_lowercase();
            found.wrong(key, format!("{} stands there twice; remove one", item.trim_matches('"')));
        }
    }
}
