//! Files that gzip packed, and the keys within recordings.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use capture::decrypt::tls::{KeyLog, KeyLogReader};
use capture::source;
use flate2::read::MultiGzDecoder;

/// What a file begins with that gzip packed (RFC 1952 2.3.1).
pub(super) const GZIP: &[u8] = &[0x1f, 0x8b];

/// Takes the TLS secrets that a recording has in it, wherever they stand.
pub(super) fn key_logs(path: &Path, log: &mut KeyLog) -> io::Result<()> {
    let mut file = BufReader::new(File::open(path)?);
    // What is wrong with them is reported when the recording is read.
    let mut sink = |lines: &[u8]| {
        let mut reader = KeyLogReader::default();
        reader.push(lines, log, &mut Vec::new());
        reader.finish(log, &mut Vec::new());
    };
    if file.fill_buf()?.starts_with(GZIP) {
        let mut unpacked = BufReader::new(Unpacked::new(file));
        let skip =
            |file: &mut BufReader<_>, count| io::copy(&mut file.take(count), &mut io::sink()).map(drop);
        return source::key_logs(&mut unpacked, skip, &mut sink);
    }
    let skip =
        |file: &mut BufReader<File>, count| file.seek_relative(i64::try_from(count).unwrap_or(i64::MAX));
    source::key_logs(&mut file, skip, &mut sink)
}

/// A file that gzip packed, as far as it is there: one that is cut off or followed by something else is read up to
/// there.
pub(super) struct Unpacked<R> {
    decoder: MultiGzDecoder<R>,
    begun: bool,
    damage: Option<Damaged>,
}

/// What is wrong with a file that gzip packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damaged {
    #[error("the file is cut off: what gzip packed ends too soon")]
    CutOff,
    #[error("what stands behind the part that gzip packed is passed over")]
    Trailing,
}

impl<R: BufRead> Unpacked<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { decoder: MultiGzDecoder::new(inner), begun: false, damage: None }
    }

    /// What is wrong with the file, as far as it was read.
    pub(super) const fn damage(&self) -> Option<Damaged> {
        self.damage
    }
}

impl<R: BufRead> Read for Unpacked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.damage.is_some() {
            return Ok(0);
        }
        let read = self.decoder.read(out);
        self.damage = match read.as_ref().map_err(io::Error::kind) {
            Err(io::ErrorKind::UnexpectedEof) => Some(Damaged::CutOff),
            // Another part has to begin as the first does.
            Err(io::ErrorKind::InvalidInput) if self.begun => Some(Damaged::Trailing),
            _ => None,
        };
        self.begun |= read.is_ok();
        if self.damage.is_some() { Ok(0) } else { read }
    }
}
