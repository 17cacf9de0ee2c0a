//! A file that grows, and that other files replace as `[capture]` rotates them.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use capture::record::full_files;

/// The interval in which the end of a file is checked for new data.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// A file without an end: a read at its end waits until it grows. If another file has replaced it, reading
/// continues with that one.
pub(super) struct GrowingFile {
    path: PathBuf,
    file: File,
}

impl GrowingFile {
    pub(super) fn new(path: &Path, file: File) -> Self {
        Self { path: path.to_owned(), file }
    }

    /// The file that was begun after this one, if there is one. This one is complete then. The next file may
    /// itself be complete and renamed already.
    fn successor(&self) -> Option<File> {
        let of = |metadata: io::Result<Metadata>| metadata.map(|file| (file.dev(), file.ino())).ok();
        let own = of(self.file.metadata());
        let now = of(std::fs::metadata(&self.path)).filter(|now| Some(*now) != own)?;
        let renamed = full_files(&self.path).unwrap_or_default();
        // If this file is not among the renamed ones, it was the oldest and has been removed.
        let place = renamed.iter().position(|path| of(std::fs::metadata(path)) == own);
        match renamed.get(place.map_or(0, |place| place + 1)) {
            Some(path) => File::open(path).ok(),
            // If a further file has replaced it meanwhile, it is found among the renamed ones by the next
            // call.
            None => File::open(&self.path).ok().filter(|file| of(file.metadata()) == Some(now)),
        }
    }
}

impl Read for GrowingFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.file.read(out)?;
            if count > 0 {
                return Ok(count);
            }
            let successor = self.successor();
            // Data may have been appended between the read and the search for a successor.
            let count = self.file.read(out)?;
            if count > 0 {
                return Ok(count);
            }
            match successor {
                Some(file) => self.file = file,
                None => std::thread::sleep(POLL_INTERVAL),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_were_rotated_before_they_were_read_are_not_skipped() {
        let folder = std::env::temp_dir().join(format!("mapiproxy-growing-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("run.pcapng");
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("run.pcapng", "a");
        let mut growing = GrowingFile::new(&path, File::open(&path).unwrap());
        let mut next = || {
            let mut byte = [0];
            growing.read_exact(&mut byte).unwrap();
            char::from(byte[0])
        };
        assert_eq!(next(), 'a');
        std::fs::rename(&path, folder.join("run-20261122T084638716724Z.pcapng")).unwrap();
        write("run-20261122T084638816724Z.pcapng", "b");
        write("run-20261122T084638916724Z.pcapng", "c");
        write("run-other.pcapng", "x");
        write("run.pcapng", "d");
        assert_eq!((next(), next()), ('b', 'c'));
        // The oldest files are removed.
        std::fs::remove_file(folder.join("run-20261122T084638916724Z.pcapng")).unwrap();
        std::fs::remove_file(folder.join("run-20261122T084638716724Z.pcapng")).unwrap();
        std::fs::remove_file(folder.join("run-20261122T084638816724Z.pcapng")).unwrap();
        assert_eq!(next(), 'd');
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
