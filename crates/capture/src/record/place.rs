//! Creates the files of recordings. A recording replaces only an earlier recording of MAPIProxy that belongs
//! to the process's user; any other file stays as it is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{CWD, OFlags, RenameFlags};

use crate::format::INTERFACE_PREFIX;

/// The number of bytes by which a recording of MAPIProxy is recognized.
const HEAD_SIZE: u64 = 512;

/// The format of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// pcapng.
    Packets,
    /// HAR.
    Har,
}

impl Format {
    /// Whether a file that begins with `head` is a recording of MAPIProxy in this format.
    fn recognizes(self, head: &[u8]) -> bool {
        let contains = |part: &[u8]| head.windows(part.len()).any(|window| window == part);
        match self {
            // A section header block (pcapng 4.1) and an interface of MAPIProxy.
            Self::Packets => {
                head.starts_with(&0x0a0d_0d0a_u32.to_le_bytes()) && contains(INTERFACE_PREFIX.as_bytes())
            }
            Self::Har => {
                let named = contains(b"\"name\":\"MAPIProxy\"") || contains(b"\"name\": \"MAPIProxy\"");
                head.starts_with(b"{\"log\": {") && named
            }
        }
    }
}

/// Why an existing file cannot be replaced by a recording.
#[derive(Debug, thiserror::Error)]
enum NotReplaceable {
    /// It is a symbolic link.
    #[error("file is a symbolic link, which is not followed: name the file itself")]
    Link,
    /// It is not a regular file.
    #[error("path is a directory, a pipe or a device: name a regular file")]
    NotRegular,
    /// It belongs to another user.
    #[error(
        "file belongs to user id {owner}, but this process runs as user id {process}: move it away, or name another file"
    )]
    Owner {
        /// The user ID of the owner.
        owner: u32,
        /// The user ID of this process.
        process: u32,
    },
    /// Others can write to it.
    #[error("file can be written by others (mode {0:03o}): move it away, or name another file")]
    Mode(u32),
    /// It has other contents.
    #[error("file is not a recording of MAPIProxy: move it away, or name another file")]
    Content,
    /// It was created after the path had been inspected.
    #[error("{0} was created by another process: move it away, or name another file")]
    New(String),
}

fn not_replaceable(why: NotReplaceable) -> io::Error {
    io::Error::new(ErrorKind::AlreadyExists, why)
}

/// The file at the path of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExistingFile {
    /// There is no file.
    Missing,
    /// An empty file of the process's user.
    Empty,
    /// A recording of MAPIProxy.
    Recording,
}

/// Inspects the file at `path`, which a recording of this `format` is to replace.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] if the file must not be replaced; other kinds if it cannot be inspected.
pub(super) fn inspect_path(path: &Path, format: Format) -> io::Result<ExistingFile> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(ExistingFile::Missing),
        Err(error) => return Err(error),
    };
    if metadata.file_type().is_symlink() {
        return Err(not_replaceable(NotReplaceable::Link));
    }
    if !metadata.is_file() {
        return Err(not_replaceable(NotReplaceable::NotRegular));
    }
    let file = OpenOptions::new().read(true).custom_flags(flags()).open(path)?;
    let opened = file.metadata()?;
    if !opened.is_file() {
        return Err(not_replaceable(NotReplaceable::NotRegular));
    }
    let (owner, process) = (opened.uid(), rustix::process::geteuid().as_raw());
    if owner != process {
        return Err(not_replaceable(NotReplaceable::Owner { owner, process }));
    }
    if opened.mode() & 0o022 != 0 {
        return Err(not_replaceable(NotReplaceable::Mode(opened.mode() & 0o777)));
    }
    if opened.len() == 0 {
        return Ok(ExistingFile::Empty);
    }
    let mut head = Vec::new();
    file.take(HEAD_SIZE).read_to_end(&mut head)?;
    if format.recognizes(&head) {
        Ok(ExistingFile::Recording)
    } else {
        Err(not_replaceable(NotReplaceable::Content))
    }
}

/// Flags with which opening neither follows a link nor waits for the other end of a pipe.
fn flags() -> i32 {
    i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or_default()
}

/// Creates the file `path`, which only its owner can read.
///
/// # Errors
/// If anything exists at that path, or the file cannot be created.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let created =
        OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(flags()).open(path);
    created.map_err(|error| if_new(error, path))
}

/// Renames `from` to `to`.
///
/// # Errors
/// If `to` exists, or the file cannot be renamed.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system does not support this flag.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => match fs::symlink_metadata(to) {
            Ok(_) => Err(if_new(ErrorKind::AlreadyExists.into(), to)),
            Err(_) => fs::rename(from, to),
        },
        done => done.map_err(|error| if_new(error.into(), to)),
    }
}

/// `error`, or if it is that `path` exists, an error with what to do about it.
fn if_new(error: io::Error, path: &Path) -> io::Error {
    if error.kind() == ErrorKind::AlreadyExists {
        return not_replaceable(NotReplaceable::New(path.display().to_string()));
    }
    error
}
