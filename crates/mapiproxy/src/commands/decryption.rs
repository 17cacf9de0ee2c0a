//! Command line arguments for the keys with which recordings are decrypted.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use capture::decrypt::Keys;
use capture::decrypt::tls::{KeyLog, KeyLogReader, LineProblem};
use identity::NtHash;
use identity::ntlm::passive::DecryptionSecret;

use crate::failure::{self, Failure, Outcome};
use crate::files;

/// The limit on the size of a keytab, in bytes.
const MAX_KEYTAB: u64 = 17 << 20;

/// The keys with which recordings are decrypted.
#[derive(Debug, clap::Args)]
pub(crate) struct DecryptionArguments {
    /// Decrypts calls that NTLM sealed for USER with the password in the first line of FILE, which only its
    /// owner may read.
    #[arg(long, value_name = "USER=FILE", value_parser = parse_password)]
    password: Vec<(String, PathBuf)>,
    /// Decrypts calls that NTLM sealed with the key in the first line of FILE, 32 hexadecimal digits, which
    /// only its owner may read. KIND is `nt-hash`, the hash of a password, or `session`, the key of one
    /// handshake.
    #[arg(long, value_name = "KIND=FILE", value_parser = parse_key)]
    key: Vec<(KeyKind, PathBuf)>,
    /// Decrypts TLS 1.2 and 1.3 with a TLS key log, which browsers, curl and OpenSSL write to
    /// `SSLKEYLOGFILE`. Secrets in a pcapng are used without this option.
    #[arg(long, value_name = "FILE")]
    keylog: Vec<PathBuf>,
    /// Decrypts calls that Kerberos sealed with a keytab of the services that were called.
    #[arg(long, value_name = "FILE")]
    keytab: Vec<PathBuf>,
}

/// The kind of a key of NTLM.
#[derive(Debug, Clone, Copy)]
enum KeyKind {
    NtHash,
    Session,
}

/// A wrong argument of `--password` or `--key`.
#[derive(Debug, thiserror::Error)]
enum ArgumentError {
    #[error("expected USER=FILE")]
    Password,
    #[error("expected nt-hash=FILE or session=FILE")]
    Key,
}

fn parse_password(text: &str) -> Result<(String, PathBuf), ArgumentError> {
    let (user, file) = text.split_once('=').ok_or(ArgumentError::Password)?;
    Ok((user.to_owned(), PathBuf::from(file)))
}

fn parse_key(text: &str) -> Result<(KeyKind, PathBuf), ArgumentError> {
    let (kind, file) = text.split_once('=').ok_or(ArgumentError::Key)?;
    let kind = match kind {
        "nt-hash" => KeyKind::NtHash,
        "session" => KeyKind::Session,
        _ => return Err(ArgumentError::Key),
    };
    Ok((kind, PathBuf::from(file)))
}

impl DecryptionArguments {
    /// Reads the files. With `follow` the key logs may grow.
    pub(crate) fn open(&self, follow: bool) -> Result<(Keys, KeyLogs), Failure> {
        let mut keys = Keys::from(self.ntlm()?);
        let mut logs = KeyLogs::default();
        for path in &self.keylog {
            let (file, _) = files::open_regular(path)?;
            logs.0.push(OpenLog { path: path.clone(), file, reader: KeyLogReader::default() });
        }
        for path in &self.keytab {
            let mut keytab = zeroize::Zeroizing::new(Vec::new());
            let (file, _) = files::open_regular(path)?;
            file.take(MAX_KEYTAB).read_to_end(&mut keytab).map_err(|error| at(path, &error))?;
            keys.kerberos.add(&keytab).map_err(|error| at(path, &error))?;
        }
        logs.read_on(&mut keys.tls)?;
        if !follow {
            for log in &mut logs.0 {
                let mut problems = Vec::new();
                log.reader.finish(&mut keys.tls, &mut problems);
                log.report(&problems);
            }
        }
        Ok((keys, logs))
    }

    /// The secrets of `--password` and `--key`.
    fn ntlm(&self) -> Result<Vec<DecryptionSecret>, Failure> {
        let mut secrets = Vec::new();
        for (user, path) in &self.password {
            let password = files::read_password(path)?;
            // A recording may name the user with or without the domain.
            let user = user.rsplit('\\').next().unwrap_or(user);
            secrets.push(DecryptionSecret::account(user, NtHash::from_password(password.expose())));
        }
        for (kind, path) in &self.key {
            let text = files::read_password(path)?;
            let digits = text.expose().trim();
            let number = u128::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 32);
            let bytes = number.ok_or_else(|| at(path, &"expected 32 hexadecimal digits"))?.to_be_bytes();
            secrets.push(match kind {
                KeyKind::NtHash => DecryptionSecret::hash(NtHash::from_bytes(bytes)),
                KeyKind::Session => DecryptionSecret::session_key(bytes),
            });
        }
        Ok(secrets)
    }
}

/// Key logs that may grow.
#[derive(Debug, Default)]
pub(crate) struct KeyLogs(Vec<OpenLog>);

#[derive(Debug)]
struct OpenLog {
    path: PathBuf,
    file: File,
    reader: KeyLogReader,
}

impl KeyLogs {
    /// Reads what was appended to the files since the last call.
    pub(crate) fn read_on(&mut self, keys: &mut KeyLog) -> Outcome {
        for log in &mut self.0 {
            log.read_on(keys).map_err(|error| at(&log.path, &error))?;
        }
        Ok(())
    }
}

impl OpenLog {
    fn read_on(&mut self, keys: &mut KeyLog) -> io::Result<()> {
        let mut buffer = zeroize::Zeroizing::new(vec![0; 64 << 10]);
        loop {
            let count = match self.file.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            let mut problems = Vec::new();
            self.reader.push(buffer.get(..count).unwrap_or_default(), keys, &mut problems);
            self.report(&problems);
        }
    }

    fn report(&self, problems: &[LineProblem]) {
        for problem in problems {
            failure::report(&format!("{}: {problem}", self.path.display()));
        }
    }
}

/// An error with its file.
pub(super) fn at(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    format!("{}: {error}", path.display()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_or_device_is_refused_as_keylog_or_keytab() {
        let pipe = std::env::temp_dir().join(format!("mapiproxy-keys-{}", std::process::id()));
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        for (path, kind) in [(pipe.clone(), "a pipe"), (PathBuf::from("/dev/zero"), "a device")] {
            let none =
                || DecryptionArguments { password: vec![], key: vec![], keylog: vec![], keytab: vec![] };
            let keylog = DecryptionArguments { keylog: vec![path.clone()], ..none() };
            let keytab = DecryptionArguments { keytab: vec![path.clone()], ..none() };
            for arguments in [keylog, keytab] {
                let error = arguments.open(false).unwrap_err().to_string();
                assert_eq!(error, format!("{} is {kind}, not a file", path.display()));
            }
        }
        std::fs::remove_file(&pipe).unwrap();
    }
}
