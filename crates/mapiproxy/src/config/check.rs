//! Validates a configuration: every error in it, with its position.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use super::document;
use super::hosts::{check_name, host};
use super::key::Written;
use super::listeners;
use super::mechanism_settings;
use super::places::Places;
use super::problems::{ConfigError, Found, Problems};
use super::table::{Capture, Config, Listen};
use crate::files;

/// A configuration and all errors in it.
pub(crate) struct Examined {
    /// The configuration, with absolute paths, and with other values in place of invalid ones. `None` if the
    /// text could not be parsed.
    pub(crate) config: Option<Config>,
    /// The positions of its keys.
    pub(crate) places: Places,
    /// The errors.
    pub(crate) problems: Vec<ConfigError>,
}

/// Reads and checks the configuration in the file `path`. Relative paths in it are relative to its directory.
///
/// # Errors
/// If the file cannot be read, or if the configuration has errors.
pub(crate) fn load(path: &Path) -> Result<(Config, Places), Problems> {
    let Examined { config, places, problems } = examine(path)?;
    Problems::none(problems)?;
    let no = || ConfigError::Syntax {
        path: path.to_owned(),
        line: 1,
        why: "cannot be parsed".to_owned(),
        excerpt: None,
    };
    config.map(|config| (config, places)).ok_or_else(|| no().into())
}

/// Reads and checks the configuration in the file `path`, and returns it with all errors.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn examine(path: &Path) -> Result<Examined, ConfigError> {
    let text = files::read_text(path)?;
    let mut examined = examine_text(path, &text);
    let base = path.parent().unwrap_or(Path::new("")).to_owned();
    let Some(config) = &mut examined.config else { return Ok(examined) };
    for path in config.upstream.credentials.mode_mut().files_mut() {
        // A missing path stays empty.
        if !path.as_os_str().is_empty() {
            *path = base.join(&*path);
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

/// Checks the configuration `text` of the file `path`.
fn examine_text(path: &Path, text: &str) -> Examined {
    let document::Document { places, config, problems } = document::read(path, text);
    let mut found = Found::new(path, &places);
    found.problems = problems;
    if let Some(config) = &config {
        values(config, &mut found);
    }
    let problems = found.problems;
    Examined { config, places, problems }
}

/// The configuration `text` of the file `path`.
///
/// # Errors
/// If it has errors.
#[cfg(test)]
pub(crate) fn parse(path: &Path, text: &str) -> Result<Config, Problems> {
    let examined = examine_text(path, text);
    Problems::none(examined.problems)?;
    Ok(examined.config.expect("what is right was read"))
}

fn values(config: &Config, found: &mut Found<'_>) {
    if let Err(why) = check_name(&config.name, false) {
        let expected = "expected letters, digits, hyphens and dots, for example proxy.lab.test";
        found.wrong("name", format!("{:?} is not a valid host name: {why}; {expected}", config.name));
    } else if config.name.split('.').all(|label| label.parse::<u8>().is_ok()) {
        found.wrong(
            "name",
            "is an address; expected a name that clients can resolve, for example proxy.lab.test",
        );
    }
    for name in config.clients.target_names.iter().filter(|name| *name != "*") {
        if let (Err(why), Err(_)) = (host(name), name.parse::<IpAddr>()) {
            let expected = "expected a host name or an address, for example mail.lab.test, or * for all";
            found.wrong("clients.target_names", format!("{name:?} is not a valid host: {why}; {expected}"));
        }
    }
    config.upstream.credentials.mode().check(config, found);
    mechanism_settings::check(config, found);
    path_values(config, found);
    listeners::check(config, found);
    address_values(&config.listen, found);
    capture_values(config, found);
    list_values(config, found);
}

/// Reports paths that are empty, or that begin with something that only a shell expands.
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
    paths.extend(config.upstream.credentials.mode().files().into_iter().map(|(key, path)| (key, Some(path))));
    for (key, path) in paths.into_iter().filter_map(|(key, path)| Some((key, path?))) {
        let first = path.components().next().map(|first| first.as_os_str().to_string_lossy().into_owned());
        match first {
            None if found.is_given(key) => found.wrong(key, "is empty: name a file"),
            Some(first) if first.starts_with('~') || first.starts_with('$') || first.starts_with('%') => {
                let why = "~ and variables are not expanded; write an absolute path, or one relative to the directory of \
                           this file";
                found.wrong(key, format!("{} begins with {first}: {why}", path.display()));
            }
            _ => {}
        }
    }
}

fn capture_values(config: &Config, found: &mut Found<'_>) {
    let capture = &config.capture;
    if capture.sides.is_empty() {
        found.wrong(
            "capture.sides",
            "is empty, so that nothing would be recorded; list client, upstream or both",
        );
    }
    // The recording would replace another file of the proxy.
    let Listen { certificate, key, .. } = &config.listen;
    let mut taken: Vec<&Path> = [&config.clients.accounts, certificate, key, &config.upstream.ca_file]
        .into_iter()
        .flatten()
        .map(PathBuf::as_path)
        .collect();
    taken.extend(found.path().file_name().map(Path::new));
    taken.extend(config.upstream.credentials.mode().files().into_iter().map(|(_, path)| path.as_path()));
    for (key, file) in [("capture.packets", &capture.packets), ("capture.har", &capture.har)] {
        let Some(file) = file else { continue };
        if taken.iter().any(|other| found.resolve(other) == found.resolve(file)) {
            found
                .wrong(key, format!("{} is already named by another key; name another file", file.display()));
        }
        if found.resolve(file).is_dir() {
            found.wrong(key, format!("{} is a directory; name a file in it", file.display()));
        }
        taken.push(file);
    }
}

/// Addresses that collide.
fn address_values(listen: &Listen, found: &mut Found<'_>) {
    for (index, (key, address)) in listen.addresses().enumerate() {
        let before = listen.addresses().take(index);
        for (other, taken) in before.filter(|(_, taken)| collide(*taken, address)) {
            if taken == address {
                found.wrong(key, format!("{address} is already the address of {other}; use another port"));
            } else if canonical(taken) == canonical(address) {
                let why = format!("{address} is the same address as {taken} of {other}; use another port");
                found.wrong(key, why);
            } else {
                let why = "one of them is every address of this machine; use another port";
                found.wrong(key, format!("{address} conflicts with {other}, {taken}: {why}"));
            }
        }
    }
}

/// Whether the system refuses to listen on one address while there is a listener on the other. `[::]` accepts
/// connections to IPv4 addresses too.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let (one, other) = (canonical(one), canonical(other));
    let is_every = |address: SocketAddr, other: SocketAddr| {
        address.ip().is_unspecified() && (address.is_ipv6() || other.is_ipv4())
    };
    one.port() == other.port()
        && one.port() != 0
        && (one.ip() == other.ip() || is_every(one, other) || is_every(other, one))
}

/// The IPv4 address in place of the IPv6 address that maps it (RFC 4291 2.5.5.2): a listener on either has the same
/// port of the system.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Lists that are empty, or have an item twice.
fn list_values(config: &Config, found: &mut Found<'_>) {
    if config.clients.http_auth.is_empty() {
        found.wrong("clients.http_auth", "is empty; list at least one authentication scheme");
    }
    twice("clients.http_auth", &config.clients.http_auth, found);
    twice("clients.proxy_protocol_from", &config.clients.proxy_protocol_from, found);
    twice("clients.forwarded_for_from", &config.clients.forwarded_for_from, found);
    twice("capture.sides", &config.capture.sides, found);
    twice("modules.stack", &config.modules.stack, found);
}

/// Reports items that are in the list of `key` twice.
fn twice<T: PartialEq + Written>(key: &str, items: &[T], found: &mut Found<'_>) {
    for (index, item) in items.iter().enumerate() {
        if items.iter().take(index).any(|earlier| earlier == item) {
            let item = item.written();
            found.also_wrong(
                key,
                format!("duplicate entry {}; remove one", item.as_str().unwrap_or_default()),
            );
        }
    }
}
