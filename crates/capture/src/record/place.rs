//! Where a recording is written: a file of our own, in whose place nothing else is put, and which takes the place of
//! nothing but an earlier recording of ours.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{CWD, OFlags, RenameFlags};

use crate::format::INTERFACE_PREFIX;

/// How many bytes of a file tell whether it is a recording of ours.
const HEAD: u64 = 512;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// pcapng.
    Packets,
    /// HAR.
    Har,
}

impl Form {
    /// Whether a file that begins with `head` is a recording of ours.
    fn is_ours(self, head: &[u8]) -> bool {
        let holds = |part: &[u8]| head.windows(part.len()).any(|window| window == part);
        match self {
            // A section header block (pcapng 4.1), and behind it an interface with a name of ours.
            Self::Packets => {
                head.starts_with(&0x0a0d_0d0a_u32.to_le_bytes()) && holds(INTERFACE_PREFIX.as_bytes())
            }
            Self::Har => {
                let named = holds(b"\"name\":\"MAPIProxy\"") || holds(b"\"name\": \"MAPIProxy\"");
                head.starts_with(b"{\"log\": {") && named
            }
        }
    }
}

/// Why an existing file cannot be replaced by a recording.
#[derive(Debug, thiserror::Error)]
enum NotOurs {
    /// It is a link.
    #[error("file is a symbolic link, which is not followed: name the file itself")]
    Link,
    /// It is no file.
    #[error("path is a folder, a pipe or a device: name a regular file")]
    NoFile,
    /// It is another user's.
    #[error(
        "file belongs to user id {owner}, but this process runs as user id {process}: move it away, or name another file"
    )]
    Owner {
        /// Whose it is.
        owner: u32,
        /// The user ID of this process.
        process: u32,
    },
    /// Others can write to it.
    #[error("file can be written by others (mode {0:03o}): move it away, or name another file")]
    Mode(u32),
    /// Something else is in it.
    #[error("file is not a recording of MAPIProxy: move it away, or name another file")]
    Content,
}

fn refused(why: NotOurs) -> io::Error {
    io::Error::new(ErrorKind::AlreadyExists, why)
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing.
    Nothing,
    /// An empty file of ours.
    Empty,
    /// A recording of ours.
    Recording,
}

/// What stands at `path`, if a recording in the form `form` may take its place.
///
/// # Errors
/// When something else stands there, or it cannot be told; [`ErrorKind::AlreadyExists`] for the former.
pub(super) fn standing(path: &Path, form: Form) -> io::Result<Standing> {
    let seen = match fs::symlink_metadata(path) {
        Ok(seen) => seen,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Standing::Nothing),
        Err(error) => return Err(error),
    };
    if seen.file_type().is_symlink() {
        return Err(refused(NotOurs::Link));
    }
    if !seen.is_file() {
        return Err(refused(NotOurs::NoFile));
    }
    let file = OpenOptions::new().read(true).custom_flags(flags()).open(path)?;
    let opened = file.metadata()?;
    if !opened.is_file() {
        return Err(refused(NotOurs::NoFile));
    }
    let (owner, process) = (opened.uid(), rustix::process::geteuid().as_raw());
    if owner != process {
        return Err(refused(NotOurs::Owner { owner, process }));
    }
    if opened.mode() & 0o022 != 0 {
        return Err(refused(NotOurs::Mode(opened.mode() & 0o777)));
    }
    if opened.len() == 0 {
        return Ok(Standing::Empty);
    }
    let mut head = Vec::new();
    file.take(HEAD).read_to_end(&mut head)?;
    if form.is_ours(&head) { Ok(Standing::Recording) } else { Err(refused(NotOurs::Content)) }
}

/// Without following links, and without waiting for the other end of a pipe.
fn flags() -> i32 {
    i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or_default()
}

/// Makes the file `path`, readable by its owner alone.
///
/// # Errors
/// When there is something at that path, whatever it is, and when it cannot be made.
pub(super) fn make(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(flags()).open(path)
}

/// Renames `from` to `to`, where nothing is.
///
/// # Errors
/// When there is something, and when it cannot be done.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that cannot do so in one step.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => match fs::symlink_metadata(to) {
            Ok(_) => Err(ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(from, to),
        },
        done => Ok(done?),
    }
}
