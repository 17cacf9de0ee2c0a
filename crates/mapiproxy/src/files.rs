//! Files that hold secrets: read only if no other user can read them, and replaced atomically.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use identity::accounts::{Account, AccountError, AccountFile, DomainNames, check_permissions};
use identity::{Accounts, ContextCounters, Password};
use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// The largest secret file that is read, in bytes.
const LARGEST: u64 = 16 * 1024 * 1024;

/// The largest configuration that is read, in bytes.
const LARGEST_CONFIGURATION: u64 = 1024 * 1024;

/// Why a file was not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// It cannot be read or written.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// The attempted operation.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The process may not read or write it.
    #[error(
        "cannot {what} {}: permission denied for user id {process}, as which this process runs: {}", path.display(),
        permission_advice(what)
    )]
    Denied {
        /// The attempted operation.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The user id of this process.
        process: u32,
    },
    /// Its directory does not exist.
    #[error("there is no directory {}: create it, or correct the path of the file", .0.display())]
    NoDirectory(PathBuf),
    /// It is a directory, a pipe or a device.
    #[error("{} is {kind}, not a file", path.display())]
    NoFile {
        /// The path.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// The configured mechanism cannot authenticate with its content.
    #[error("upstream.credentials: {0}")]
    Unsuited(#[from] identity::AuthError),
    /// It is too large.
    #[error("{} is larger than {limit} bytes, the limit for this kind of file; check that it is the right file", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit: u64,
    },
    /// It is not text.
    #[error("{} is not UTF-8 text: save it as UTF-8", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// It begins with a byte order mark.
    #[error("{} begins with a byte order mark: save it as UTF-8 without one", path.display())]
    ByteOrderMark {
        /// The file.
        path: PathBuf,
    },
    /// Its owner, its mode or its content is invalid.
    #[error("{}: {source}", path.display())]
    Account {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: AccountError,
    },
    /// It is binary or UTF-16.
    #[error("{} contains a NUL byte: save it as UTF-8 text with the password in the first line", path.display())]
    Nul {
        /// The file.
        path: PathBuf,
    },
    /// Its first line is empty.
    #[error("{}: the first line, which must be the password, is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl FileError {
    /// Whether the file does not exist.
    pub(crate) fn is_missing_file(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |source| match source.kind() {
        io::ErrorKind::PermissionDenied => {
            FileError::Denied { what, path, process: rustix::process::geteuid().as_raw() }
        }
        _ => FileError::Io { what, path, source },
    }
}

/// How to make a file accessible on which `what` was denied.
fn permission_advice(what: &str) -> &'static str {
    match what {
        "read" => {
            "make this user the owner of the file (chown), with mode 600 for a file with secrets (chmod), and give it \
             access to the directories above"
        }
        _ => "make this user the owner of the file and of its directory (chown)",
    }
}

fn account_error(path: &Path) -> impl FnOnce(AccountError) -> FileError {
    let path = path.to_owned();
    move |source| FileError::Account { path, source }
}

/// Opens the regular file `path`. Does not wait for a writer if `path` is a named pipe.
///
/// # Errors
/// If it cannot be opened, or is a directory, a pipe or a device.
pub(crate) fn open_regular(path: &Path) -> Result<(File, Metadata), FileError> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.map_err(io_error("read", path))?;
    let metadata = file.metadata().map_err(io_error("read", path))?;
    if !metadata.is_file() {
        let kind = match metadata.file_type() {
            kind if kind.is_dir() => "a directory",
            kind if kind.is_fifo() => "a pipe",
            _ => "a device",
        };
        return Err(FileError::NoFile { path: path.to_owned(), kind });
    }
    Ok((file, metadata))
}

/// The text of `file`, which may have at most `limit` bytes.
fn read_at_most(path: &Path, file: File, limit: u64) -> Result<Zeroizing<String>, FileError> {
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(io_error("read", path))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        return Err(FileError::TooLarge { path: path.to_owned(), limit });
    }
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(FileError::NotText { path: path.to_owned() })
        }
    }
}

/// Reads a configuration.
///
/// # Errors
/// If it cannot be read, is not a regular file, is too large, or is not text.
pub(crate) fn read_text(path: &Path) -> Result<String, FileError> {
    let (file, _) = open_regular(path)?;
    read_at_most(path, file, LARGEST_CONFIGURATION).map(|mut text| std::mem::take(&mut *text))
}

/// Reads a file that only its owner may read.
///
/// # Errors
/// If it cannot be read, if other users can read it, if it is too large or not text, or if it has a byte
/// order mark.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<String>, FileError> {
    let (file, metadata) = open_regular(path)?;
    let process = rustix::process::geteuid().as_raw();
    check_permissions(metadata.mode(), metadata.uid(), process).map_err(account_error(path))?;
    let text = read_at_most(path, file, LARGEST)?;
    if text.starts_with('\u{feff}') {
        return Err(FileError::ByteOrderMark { path: path.to_owned() });
    }
    Ok(text)
}

/// The password in the first line of `path`.
///
/// # Errors
/// As [`read_password_lines`].
pub(crate) fn read_password(path: &Path) -> Result<Password, FileError> {
    read_password_lines(path).map(|(password, _)| password)
}

/// The password in the first line of `path`, and whether a later line is not blank.
///
/// # Errors
/// As [`read_secret`], for an empty line, and for a file with NUL bytes.
pub(crate) fn read_password_lines(path: &Path) -> Result<(Password, bool), FileError> {
    let text = read_secret(path)?;
    if text.contains('\0') {
        return Err(FileError::Nul { path: path.to_owned() });
    }
    let mut lines = text.lines();
    match lines.next() {
        Some(line) if !line.is_empty() => {
            let password = Password::new(line);
            Ok((password, lines.any(|line| !line.trim().is_empty())))
        }
        _ => Err(FileError::Empty { path: path.to_owned() }),
    }
}

/// The password of the account `user`: from the file `path`, or from the terminal if no file is given.
///
/// # Errors
/// As [`read_password`], for a program without a terminal.
pub(crate) fn password_of(user: &str, path: Option<&Path>) -> Result<Password, Box<dyn std::error::Error>> {
    Ok(match path {
        Some(path) => read_password(path)?,
        None => Password::new(rpassword::prompt_password(format!("password of {user}: "))?),
    })
}

/// The accounts in the file `path`.
///
/// # Errors
/// As [`read_secret`], and if it is not an account file.
pub(crate) fn read_accounts(path: &Path) -> Result<AccountFile, FileError> {
    AccountFile::parse(&read_secret(path)?).map_err(account_error(path))
}

/// The accounts in the file `path`, for a proxy of the domain `own`.
///
/// # Errors
/// As [`read_accounts`], and if a name denotes two accounts.
pub(crate) fn read_accounts_of(path: &Path, own: DomainNames) -> Result<AccountFile, FileError> {
    read_accounts(path)?.in_domain(own).map_err(account_error(path))
}

/// The accounts of a file, which can be reloaded while they are in use.
#[derive(Debug)]
pub(crate) struct LiveAccounts {
    path: Option<PathBuf>,
    own: DomainNames,
    contexts: Arc<ContextCounters>,
    current: RwLock<Arc<AccountFile>>,
}

impl LiveAccounts {
    /// Reads the accounts of the file `path`, if there is one, for a proxy of the domain `own`. `contexts`
    /// counts the accounts' security contexts.
    ///
    /// # Errors
    /// As [`read_accounts_of`].
    pub(crate) fn read(
        path: Option<&Path>,
        own: DomainNames,
        contexts: &Arc<ContextCounters>,
    ) -> Result<Self, FileError> {
        let contexts = Arc::clone(contexts);
        let read = path.map(|path| read_accounts_of(path, own.clone()));
        let accounts = read.transpose()?.unwrap_or_default();
        Ok(Self { path: path.map(Path::to_owned), own, contexts, current: RwLock::new(Arc::new(accounts)) })
    }

    /// Reloads the file, and returns the number of accounts, or `None` without a file. Security contexts of
    /// accounts that were removed, disabled or given another password are revoked.
    ///
    /// # Errors
    /// As [`read_accounts_of`]; the accounts are unchanged then.
    pub(crate) fn reload(&self) -> Result<Option<usize>, FileError> {
        let Some(path) = &self.path else { return Ok(None) };
        let mut accounts = read_accounts_of(path, self.own.clone())?;
        let count = accounts.iter().count();
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let revoked = accounts.replace(&current);
        *current = Arc::new(accounts);
        drop(current);
        if revoked > 0 {
            self.contexts.note_revocation();
            tracing::info!(
                accounts = revoked,
                "accounts were removed, disabled or given a new password: ending their sessions"
            );
        }
        Ok(Some(count))
    }
}

impl Accounts for LiveAccounts {
    fn find(&self, domain: &str, user: &str) -> Option<Account> {
        let current = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        current.find(domain, user)
    }
}

/// Replaces the file `path` by `accounts`, readable by its owner only.
///
/// # Errors
/// If it cannot be written; the file is unchanged then.
pub(crate) fn write_accounts(path: &Path, accounts: &AccountFile) -> Result<(), FileError> {
    let text = accounts.to_toml().map_err(account_error(path))?;
    replace(path, text.as_bytes())
}

/// Waits until no other process has the file `path` locked, and locks it until the returned lock is dropped.
/// The lock is on the directory, since the file itself is replaced.
///
/// # Errors
/// If the directory cannot be locked.
pub(crate) fn lock(path: &Path) -> Result<File, FileError> {
    let path = target(path);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let locked = File::open(folder).and_then(|file| file.lock().map(|()| file));
    locked.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => FileError::NoDirectory(folder.to_owned()),
        _ => io_error("lock the directory of", &path)(error),
    })
}

/// The file that `path` names, with symbolic links resolved.
fn target(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Replaces the file `path` by `bytes`, readable by its owner only.
///
/// # Errors
/// If it cannot be written; the file is unchanged then.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let path = &*target(path);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", rustix::process::getpid().as_raw_nonzero()));
    let new = path.with_file_name(name);
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
    let moved = written.and_then(|()| std::fs::rename(&new, path));
    if moved.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    moved.map_err(io_error("write", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secrets_that_other_users_can_read_are_refused() {
        let folder = std::env::temp_dir().join(format!("mapiproxy-files-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("password");
        replace(&path, b"secret\n").unwrap();
        assert_eq!(read_password(&path).unwrap().expose(), "secret");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read_password(&path).unwrap_err().to_string().contains("chmod 600"));
        replace(&path, b"\n").unwrap();
        assert!(matches!(read_password(&path), Err(FileError::Empty { .. })));
        for (bytes, more) in [(&b"secret\n\n \n"[..], false), (b"secret", false), (b"secret\r\nother", true)]
        {
            replace(&path, bytes).unwrap();
            let (password, has_more) = read_password_lines(&path).unwrap();
            assert_eq!((password.expose(), has_more), ("secret", more));
        }
        for bytes in [&b"sec\0ret\n"[..], b"s\0e\0c\0r\0e\0t\0\n\0", b"secret\n\0"] {
            replace(&path, bytes).unwrap();
            assert!(read_password(&path).unwrap_err().to_string().contains("contains a NUL byte"));
        }
        let link = folder.join("link");
        std::os::unix::fs::symlink("password", &link).unwrap();
        replace(&link, b"other\n").unwrap();
        assert!(link.is_symlink());
        assert_eq!(read_password(&path).unwrap().expose(), "other");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_denied_permission_is_reported_with_the_user_and_what_to_do() {
        let denied =
            |what| io_error(what, Path::new("a.toml"))(io::ErrorKind::PermissionDenied.into()).to_string();
        let user = format!("user id {}", rustix::process::geteuid().as_raw());
        let (read, write) = (denied("read"), denied("write"));
        assert!(
            read.starts_with("cannot read a.toml: permission denied") && read.contains("mode 600"),
            "{read}"
        );
        assert!(read.contains(&user) && write.contains(&user), "{write}");
        assert!(write.contains("of its directory"), "{write}");
        let missing = io_error("read", Path::new("a.toml"))(io::ErrorKind::NotFound.into());
        assert_eq!(missing.to_string(), "cannot read a.toml");
    }

    #[test]
    fn a_missing_directory_is_named_when_a_file_in_it_is_locked() {
        let folder = std::env::temp_dir().join(format!("mapiproxy-missing-{}", std::process::id()));
        let error = lock(&folder.join("a.toml")).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("there is no directory {}: create it, or correct the path of the file", folder.display())
        );
    }

    #[test]
    fn directories_and_pipes_are_refused_as_password_files() {
        let folder = std::env::temp_dir().join(format!("mapiproxy-no-files-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("folder")).unwrap();
        let pipe = folder.join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        for (name, says) in [("folder", "is a directory, not a file"), ("pipe", "is a pipe, not a file")] {
            let error = read_password(&folder.join(name)).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
