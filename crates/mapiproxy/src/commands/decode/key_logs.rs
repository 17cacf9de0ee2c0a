//! Reads the TLS secrets within a recording.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use capture::decrypt::tls::{KeyLog, KeyLogReader};
use capture::source;

use super::gzip::{GzipReader, MAGIC};

/// Adds the TLS secrets of a recording to `log`, wherever in the file they are.
pub(super) fn key_logs(path: &Path, log: &mut KeyLog) -> io::Result<()> {
    let mut file = BufReader::new(File::open(path)?);
    // Errors in the secrets are reported when the recording is read.
    let mut sink = |lines: &[u8]| {
        let mut reader = KeyLogReader::default();
        reader.push(lines, log, &mut Vec::new());
        reader.finish(log, &mut Vec::new());
    };
    if file.fill_buf()?.starts_with(MAGIC) {
        let mut unpacked = BufReader::new(GzipReader::new(file));
        let skip =
            |file: &mut BufReader<_>, count| io::copy(&mut file.take(count), &mut io::sink()).map(drop);
        return source::key_logs(&mut unpacked, skip, &mut sink);
    }
    let skip =
        |file: &mut BufReader<File>, count| file.seek_relative(i64::try_from(count).unwrap_or(i64::MAX));
    source::key_logs(&mut file, skip, &mut sink)
}
