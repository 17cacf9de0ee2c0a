//! Files with the keys that recordings are decrypted with.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use capture::decrypt::Keys;
use capture::decrypt::tls::{KeyLog, KeyLogReader};
use identity::ntlm::passive::DecryptionSecret;

use crate::failure::Outcome;

/// As much as is read of a keytab, in bytes: more than any has.
const MAX_KEYTAB: u64 = 17 << 20;

/// Files with keys, as options name them.
#[derive(Debug, clap::Args)]
pub(crate) struct KeyFiles {
    /// Decrypts TLS 1.2 and 1.3 with the secrets of a TLS key log, as browsers, curl and OpenSSL write it to
    /// `SSLKEYLOGFILE`. Secrets within a pcapng are used without it.
    #[arg(long, value_name = "FILE")]
    keylog: Vec<PathBuf>,
    /// Decrypts what Kerberos sealed with the keys of a keytab: those of the services that were called.
    #[arg(long, value_name = "FILE")]
    keytab: Vec<PathBuf>,
}

impl KeyFiles {
    /// Opens the files, and reads what is in them.
    pub(crate) fn open(
        &self,
        ntlm: Vec<DecryptionSecret>,
        follow: bool,
    ) -> Result<(Keys, KeyLogs), Box<dyn std::error::Error>> {
        let mut keys = Keys::from(ntlm);
        let mut logs = KeyLogs::default();
        for path in &self.keylog {
            let file = File::open(path).map_err(|error| at(path, &error))?;
            logs.0.push(OpenLog { path: path.clone(), file, reader: KeyLogReader::default() });
        }
        for path in &self.keytab {
            let mut keytab = zeroize::Zeroizing::new(Vec::new());
            let file = File::open(path).map_err(|error| at(path, &error))?;
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
    /// Reads what came to the files since they were read last.
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

    fn report(&self, problems: &[capture::decrypt::tls::LineProblem]) {
        for problem in problems {
            eprintln!("mapiproxy: {}: {problem}", self.path.display());
        }
    }
}

/// An error with the file that it is about.
fn at(path: &Path, error: &dyn std::fmt::Display) -> Box<dyn std::error::Error> {
    format!("{}: {error}", path.display()).into()
}
