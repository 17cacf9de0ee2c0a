//! Rotation of the files of a recording, by size and by count.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::har::HarWriter;
use super::packets::PacketWriter;
use super::place::{self, ExistingFile, Format};
use crate::call::Call;
use crate::time::Timestamp;

/// When a file of a recording is full, and how many full files are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// The size of a full file, in bytes.
    pub size: u64,
    /// The age of a full file, from its first call.
    pub age: Duration,
    /// The number of full files that are kept, the newest; at least one.
    pub keep: usize,
}

/// The files of a recording, one for each format.
#[derive(Debug)]
pub struct Files {
    packets: Option<Series>,
    har: Option<Series>,
    rotation: Rotation,
}

/// The current file in one format, and the full ones before it.
#[derive(Debug)]
struct Series {
    path: PathBuf,
    format: Format,
    open: Option<(Writer, Timestamp)>,
}

#[derive(Debug)]
enum Writer {
    Packets(PacketWriter<File>),
    Har(HarWriter<File>),
}

impl Files {
    /// A recording with files at these paths. Nothing is written before the first call.
    pub fn new(packets: Option<PathBuf>, har: Option<PathBuf>, rotation: Rotation) -> Self {
        let series = |path: Option<PathBuf>, format| path.map(|path| Series { path, format, open: None });
        Self { packets: series(packets, Format::Packets), har: series(har, Format::Har), rotation }
    }

    /// Checks that the files do not exist, or are earlier recordings of MAPIProxy.
    ///
    /// # Errors
    /// If another file exists; the error names it.
    pub fn check_paths(&self) -> io::Result<()> {
        let all = self.packets.iter().chain(&self.har);
        all.into_iter().try_for_each(|series| {
            place::inspect_path(&series.path, series.format).map(drop).map_err(|error| series.named(&error))
        })
    }

    /// Writes a call.
    ///
    /// # Errors
    /// If a file cannot be written; the error names it. The file has no part of the call then, and recording
    /// continues with the next call.
    pub fn call(&mut self, call: &Call) -> io::Result<()> {
        let Self { packets, har, rotation } = self;
        let begin = |file| PacketWriter::new(file).map(Writer::Packets);
        let packets = packets.as_mut().map_or(Ok(()), |series| series.write_call(call, rotation, begin));
        let begin = |file| HarWriter::new(file).map(Writer::Har);
        packets.and(har.as_mut().map_or(Ok(()), |series| series.write_call(call, rotation, begin)))
    }
}

impl Writer {
    const fn written(&self) -> u64 {
        match self {
            Self::Packets(writer) => writer.written(),
            Self::Har(writer) => writer.written(),
        }
    }

    fn call(&mut self, call: &Call) -> io::Result<()> {
        match self {
            Self::Packets(writer) => writer.call(call),
            Self::Har(writer) => writer.call(call),
        }
    }

    fn cut_off(&mut self) -> io::Result<()> {
        match self {
            Self::Packets(writer) => writer.cut_off(),
            Self::Har(writer) => writer.cut_off(),
        }
    }
}

impl Series {
    /// Writes a call. An error names the file.
    fn write_call(
        &mut self,
        call: &Call,
        rotation: &Rotation,
        begin: impl Fn(File) -> io::Result<Writer>,
    ) -> io::Result<()> {
        let result = self.call(call, rotation, begin);
        result.map_err(|error| self.named(&error))
    }

    fn named(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{}: {error}", self.path.display()))
    }

    fn call(
        &mut self,
        call: &Call,
        rotation: &Rotation,
        begin: impl Fn(File) -> io::Result<Writer>,
    ) -> io::Result<()> {
        let full = |(writer, since): &(Writer, Timestamp)| {
            writer.written() >= rotation.size || call.time.since(*since) >= rotation.age
        };
        if self.open.as_ref().is_some_and(full) {
            self.open = None;
        }
        let writer = self.current(call.time, rotation, begin)?;
        let result = writer.call(call);
        if result.is_err() && writer.cut_off().is_err() {
            self.open = None;
        }
        result
    }

    /// The file that is being written. Creates one if necessary, and renames an earlier recording first.
    fn current(
        &mut self,
        now: Timestamp,
        rotation: &Rotation,
        begin: impl Fn(File) -> io::Result<Writer>,
    ) -> io::Result<&mut Writer> {
        let Some(open) = self.open.take() else {
            self.rotate(now, rotation.keep)?;
            let file = place::create(&self.path)?;
            // A file without a valid beginning is removed. Otherwise it would be renamed next time, and count
            // as a full file.
            let begun = begin(file).inspect_err(|_| drop(fs::remove_file(&self.path)))?;
            return Ok(&mut self.open.insert((begun, now)).0);
        };
        Ok(&mut self.open.insert(open).0)
    }

    /// Renames the recording at the path, and removes the oldest renamed ones. Files that are not recordings
    /// of MAPIProxy stay as they are.
    fn rotate(&self, now: Timestamp, keep: usize) -> io::Result<()> {
        match place::inspect_path(&self.path, self.format)? {
            ExistingFile::Missing => {}
            ExistingFile::Empty => fs::remove_file(&self.path)?,
            ExistingFile::Recording => {
                let time: String = now.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
                let (stem, extension) = parts(&self.path);
                place::rename(&self.path, &folder(&self.path).join(format!("{stem}-{time}.{extension}")))?;
            }
        }
        let mut old = full_files(&self.path)?;
        old.retain(|path| {
            place::inspect_path(path, self.format).is_ok_and(|file| file == ExistingFile::Recording)
        });
        let surplus = old.len().saturating_sub(keep.max(1));
        old.iter().take(surplus).try_for_each(fs::remove_file)
    }
}

/// The full files of the recording at `path`, the oldest first.
///
/// # Errors
/// If the folder cannot be read.
pub fn full_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let (stem, extension) = parts(path);
    let mut old: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder(path))? {
        let path = entry?.path();
        let file = lossy(path.file_name());
        let time = file.strip_prefix(&format!("{stem}-"));
        let time = time.and_then(|rest| rest.strip_suffix(&format!(".{extension}")));
        if time.is_some_and(is_time) {
            old.push(path);
        }
    }
    old.sort();
    Ok(old)
}

/// Whether `text` has the form of the time in the name of a full file, such as `20261122T084638716724Z`.
fn is_time(text: &str) -> bool {
    text.len() == 22 && text.ends_with('Z')
}

fn folder(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or_else(|| Path::new("."))
}

fn parts(path: &Path) -> (String, String) {
    (lossy(path.file_stem()), lossy(path.extension()))
}

fn lossy(name: Option<&OsStr>) -> String {
    name.unwrap_or_default().to_string_lossy().into_owned()
}
