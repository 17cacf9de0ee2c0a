//! Validates a configuration: every error in it, with its position.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use super::document;
use super::hosts::{check_name, host};
use super::listeners;
use super::places::Places;
use super::problems::{ConfigError, Found, Problems};
use super::table::{Capture, Config, Listen};
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

/// Checks the configuration `text`, which came from `path`.
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

fn values(config: &Config, found: &mut Found<'_>) {
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
    config.upstream.credentials.mode().check(config, found);
    path_values(config, found);
    listeners::check(config, found);
    address_values(&config.listen, found);
    capture_values(config, found);
    list_values(config, found);
}

/// Reports paths that are empty, or begin with what only a shell expands.
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
                let why = "is taken as it is, since ~ and variables stand for nothing here: write the whole path, or \
                           one that begins in this file's folder";
                found.wrong(key, format!("{first} in {} {why}", path.display()));
            }
            _ => {}
        }
    }
}

fn capture_values(config: &Config, found: &mut Found<'_>) {
    let capture = &config.capture;
    if capture.sides.is_empty() {
        found.wrong("capture.sides", "names neither client nor upstream: nothing would be recorded");
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
            found.wrong(
                key,
                format!("{} is named for something else too; give it a file of its own", file.display()),
            );
        }
        if found.resolve(file).is_dir() {
            found.wrong(key, format!("{} is a folder; name a file in it", file.display()));
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

/// Lists that are empty, or have an item twice.
fn list_values(config: &Config, found: &mut Found<'_>) {
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
