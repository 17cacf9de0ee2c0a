//! Examines the files, certificates, addresses and the server that a configuration names, before the proxy runs.

pub(crate) mod online;

use std::io::ErrorKind;
use std::net::{IpAddr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use net::ErrorChain;
use net::http::{CertificateFault, Content, Role, TlsError};
use rustix::fs::Access;
use tokio::time::timeout;

use crate::config::{Capture, Config, ConfigError, Found, Listen, Places, ProtectionLevel};
use crate::files;

/// The time limit for resolving the server's name.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);

/// The results of the examination other than errors.
#[derive(Debug, Default)]
pub(crate) struct Inspected {
    /// The number of accounts; `None` if no file of accounts is configured, or it cannot be read.
    pub(crate) accounts: Option<usize>,
    /// Settings that work, but possibly not as intended.
    pub(crate) warnings: Vec<String>,
    /// The errors, if they were collected.
    pub(crate) problems: Vec<ConfigError>,
}

/// Examines all that `config` names. Errors go to `found`.
pub(crate) fn inspect(config: &Config, found: &mut Found<'_>) -> Inspected {
    let mut inspected = Inspected::default();
    accounts(config, found, &mut inspected);
    password(config, found, &mut inspected);
    certificate(config, found, &mut inspected);
    if let Some(server) = config.upstream.http.as_ref().filter(|server| server.tls) {
        let upstream = &config.upstream;
        if let Err(error) =
            net::http::TlsTrust::new(&server.host, upstream.ca_file.as_deref(), upstream.tls.into())
        {
            match &upstream.ca_file {
                Some(_) => found.wrong("upstream.ca_file", error.to_string()),
                None if error.role().is_some() => {
                    let hint = "set upstream.ca_file to the CA certificate of the server, or install the system's CA \
                                certificates (package ca-certificates)";
                    found.wrong("upstream.http", format!("{error}; {hint}"));
                }
                None => found.wrong("upstream.http", error.to_string()),
            }
        }
    }
    capture(config, found);
    addresses(&config.listen, &mut inspected);
    inspected
}

/// The warnings and errors for `mapiproxy run` with `config`, the configuration in `path`. Not all of the errors
/// prevent the start.
pub(crate) fn before_start(path: &Path, config: &Config, places: &Places) -> Inspected {
    let mut found = Found::new(path, places);
    let mut inspected = inspect(config, &mut found);
    inspected.warnings.extend(crate::config::warnings(config, places));
    inspected.problems = found.problems;
    inspected
}

fn accounts(config: &Config, found: &mut Found<'_>, inspected: &mut Inspected) {
    let Some(path) = &config.clients.accounts else { return };
    match files::read_accounts_of(path, crate::config::own_domain(config)) {
        Ok(accounts) => {
            let shared = accounts.shared_names().join(", ");
            if !shared.is_empty() {
                inspected.warnings.push(format!(
                    "clients.accounts: clients must send a domain with these user names, which exist in several domains: \
                     {shared}"
                ));
            }
            inspected.accounts = Some(accounts.iter().count());
            let is_needed = config.clients.minimum_level != ProtectionLevel::None;
            if is_needed && accounts.iter().all(|account| account.disabled) {
                inspected.warnings.push(format!(
                    "clients.accounts: {} has no enabled account; add one with `mapiproxy account add --accounts {} \
                     --domain DOMAIN USER`",
                    path.display(),
                    path.display()
                ));
            }
        }
        Err(error) if error.is_missing_file() => found.wrong(
            "clients.accounts",
            format!(
                "{}; create it with `mapiproxy account add --accounts {} --domain DOMAIN USER`",
                ErrorChain(&error),
                path.display()
            ),
        ),
        Err(error) => found.wrong("clients.accounts", ErrorChain(&error).to_string()),
    }
}

fn password(config: &Config, found: &mut Found<'_>, inspected: &mut Inspected) {
    let Some((key, password_file)) = config.upstream.credentials.mode().password_file() else { return };
    let is_known = !found.is_wrong("upstream.credentials.mode") && !password_file.as_os_str().is_empty();
    if !is_known || found.is_wrong("upstream.credentials") {
        return;
    }
    match files::read_password_lines(password_file) {
        Ok((password, has_more)) => {
            let (text, path) = (password.expose(), password_file.display());
            let mut warn = |why: String| {
                inspected.warnings.push(format!("{key}: {why}"));
            };
            if text.trim() != text {
                warn(format!(
                    "the password in {path} begins or ends with a space; remove it unless it is part of the password"
                ));
            } else if text.chars().any(char::is_control) {
                warn(format!(
                    "the password in {path} contains a control character, such as a tab or a carriage return; retype it \
                     unless that is part of the password"
                ));
            }
            if has_more {
                warn(format!(
                    "the password is the first line of {path}; remove the further lines, which are ignored"
                ));
            }
        }
        Err(error) if error.is_missing_file() => found.wrong(
            key,
            format!("{}; create it with the password in its first line, and mode 600", ErrorChain(&error)),
        ),
        Err(error) => found.wrong(key, ErrorChain(&error).to_string()),
    }
}

fn certificate(config: &Config, found: &mut Found<'_>, inspected: &mut Inspected) {
    let Listen { https, certificate, key, .. } = &config.listen;
    let (Some(certificate), Some(key)) = (certificate, key) else { return };
    if https.is_none() && !found.is_wrong("listen.https") {
        inspected.warnings.push(
            "listen.certificate, listen.key: not used without listen.https; set listen.https, or remove both"
                .to_owned(),
        );
    }
    let faults = faults(config, certificate, found);
    let is_other = faults.iter().any(|fault| matches!(fault, CertificateFault::Name { .. }));
    let read = net::http::check_key(key);
    // Other users may read a file that is not a key.
    if read.is_ok() {
        key_mode(key, found);
    }
    match crate::wiring::http::tls(&config.listen) {
        Ok(_) => {}
        Err(error @ TlsError::Order { .. }) => return found.wrong("listen.certificate", error.to_string()),
        // The error of the certificate is reported below.
        Err(TlsError::Mismatch { .. }) if is_other => {}
        Err(error) if error.role() == Some(Role::Key) => found.wrong("listen.key", error.to_string()),
        Err(error) => {
            if is_swapped(&error, &read) {
                let why = "is the private key, and listen.key is the certificate: exchange the two";
                return found.wrong("listen.certificate", why);
            }
            found.wrong("listen.certificate", error.to_string());
            if let Err(error) = read {
                found.wrong("listen.key", error.to_string());
            }
        }
    }
    for fault in faults {
        let why = format!("{}: {fault}", certificate.display());
        match fault {
            CertificateFault::Authority | CertificateFault::Order(_) => {
                inspected.warnings.push(format!("listen.certificate: {why}"));
            }
            // It was reported when the certificate was loaded.
            CertificateFault::Unreadable => found.wrong("listen.certificate", why),
            _ => found.also_wrong("listen.certificate", why),
        }
    }
}

/// The faults of the certificate that clients would find. Empty if it cannot be read.
fn faults(config: &Config, certificate: &Path, found: &Found<'_>) -> Vec<CertificateFault> {
    let mut faults = net::http::certificate_faults(certificate, &config.name, now()).unwrap_or_default();
    if found.is_wrong("name") {
        faults.retain(|fault| !matches!(fault, CertificateFault::Name { .. }));
    }
    faults
}

/// Whether the certificate's file holds a private key, and the key's file a certificate.
fn is_swapped(certificate: &TlsError, key: &Result<(), TlsError>) -> bool {
    let holds_key = |error: &TlsError| {
        matches!(
            error.content(),
            Some(Content::PrivateKey | Content::EncryptedKey | Content::DerKey | Content::DerEncryptedKey)
        )
    };
    let holds_certificate =
        |error: &TlsError| matches!(error.content(), Some(Content::Certificate | Content::DerCertificate));
    holds_key(certificate) && key.as_ref().is_err_and(holds_certificate)
}

#[expect(
    clippy::disallowed_methods,
    reason = "compared with the validity of certificates, for a report only"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Reports a private key that other users can access, or its group can change. Its group may read it, such as
/// Debian's ssl-cert.
fn key_mode(key: &Path, found: &mut Found<'_>) {
    let Ok(metadata) = std::fs::metadata(key) else { return };
    let mode = metadata.mode() & 0o777;
    if mode & 0o027 != 0 {
        let path = key.display();
        found.wrong(
            "listen.key",
            format!("{path} is accessible to other users (mode {mode:03o}): run chmod g-w,o= on it"),
        );
    }
}

fn capture(config: &Config, found: &mut Found<'_>) {
    let alone =
        |packets: Option<PathBuf>, har: Option<PathBuf>| Capture { packets, har, ..config.capture.clone() };
    let all = [
        ("capture.packets", alone(config.capture.packets.clone(), None)),
        ("capture.har", alone(None, config.capture.har.clone())),
    ];
    for (key, capture) in &all {
        match crate::wiring::recording::files(capture).check_paths() {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => found.wrong(key, error.to_string()),
            // A directory that cannot be used is reported below.
            _ => {}
        }
    }
    let files = [("capture.packets", &config.capture.packets), ("capture.har", &config.capture.har)];
    for (key, file) in files {
        let Some(file) = file else { continue };
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match std::fs::metadata(folder) {
            Err(error) => found.wrong(
                key,
                format!("directory {}: {error}; create it, writable by this user only", folder.display()),
            ),
            Ok(metadata) if !metadata.is_dir() => {
                found.wrong(key, format!("{} is not a directory", folder.display()));
            }
            // In a directory with the sticky bit, such as /tmp, other users cannot rename or remove the
            // proxy's files.
            Ok(metadata) if metadata.mode() & 0o022 != 0 && metadata.mode() & 0o1000 == 0 => {
                let (folder, mode) = (folder.display(), metadata.mode() & 0o777);
                found.wrong(
                    key,
                    format!(
                        "other users can write to the directory {folder} (mode {mode:03o}): run chmod go-w on it"
                    ),
                );
            }
            Ok(_) if rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_err() => {
                found.wrong(
                    key,
                    format!(
                        "this user cannot write to the directory {}: change its owner or mode",
                        folder.display()
                    ),
                );
            }
            Ok(_) => {}
        }
    }
}

/// Warns about addresses that this machine does not have now, and about ports that are not fixed.
fn addresses(listen: &Listen, inspected: &mut Inspected) {
    for (key, address) in listen.addresses() {
        if address.port() == 0 {
            inspected.warnings.push(format!(
                "{key}: with port 0 the system chooses another port at each start; set a fixed one"
            ));
        }
        let Err(error) = TcpListener::bind((address.ip(), 0)) else { continue };
        inspected.warnings.push(format!("{key}: cannot listen on {} now: {error}", address.ip()));
    }
}

/// The server's names that cannot be resolved now, by key.
pub(crate) async fn unresolved(config: &Config) -> Vec<(&'static str, String)> {
    let upstream = &config.upstream;
    let rpc = upstream.rpc.as_ref().map(|server| ("upstream.rpc", server.host()));
    let http = upstream.http.as_ref().map(|server| ("upstream.http", server.host.as_str()));
    let mut unresolved = Vec::new();
    for (key, host) in rpc.into_iter().chain(http) {
        if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
            continue;
        }
        let why = match timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((host, 0))).await {
            Ok(Ok(mut found)) => match found.next() {
                Some(_) => continue,
                None => "it has no address".to_owned(),
            },
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no response from the name server within {} s", LOOKUP_TIMEOUT.as_secs()),
        };
        unresolved.push((key, format!("cannot resolve {host}: {why}")));
    }
    unresolved
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Problems, load};

    #[test]
    fn a_start_with_files_that_cannot_be_read_names_the_lines_of_their_keys() {
        let folder = std::env::temp_dir().join(format!("mapiproxy-warnings-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("proxy.toml");
        let text = "name = \"proxy.lab.test\"\n\
                    [listen]\nendpoint_mapper = \"127.0.0.23:135\"\nrpc = \"127.0.0.23:6001\"\n\
                    [clients]\naccounts = \"missing.toml\"\n\
                    [upstream]\nrpc = \"exch.lab.test\"\n\
                    [upstream.credentials]\nmode = \"specified\"\nuser = \"svcproxy\"\ndomain = \"LAB\"\n\
                    password_file = \"missing.password\"\n";
        std::fs::write(&path, text).unwrap();
        let (config, places) = load(&path).unwrap();
        let problems = before_start(&path, &config, &places).problems;
        let problems = Problems::none(problems).unwrap_err().to_string();
        let missing = ["line 6: clients.accounts: ", "line 13: upstream.credentials.password_file: "];
        for key in missing {
            assert!(problems.contains(&format!("proxy.toml, {key}cannot read ")), "{problems}");
        }
        assert!(problems.contains("create it with `mapiproxy account add --accounts "), "{problems}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
