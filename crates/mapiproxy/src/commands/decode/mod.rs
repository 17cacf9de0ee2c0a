//! `mapiproxy decode`: shows the operations of a capture.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use capture::decrypt::Keys;
use capture::filter::Filter;
use capture::raw_pairs::{self, RawPairs};
use capture::record::set_aside;
use capture::show::{self, Sessions};
use capture::source::{self, Packets};
use capture::{Analyzer, CallReader, RecordedItem, archive, har};
use identity::NtHash;
use identity::ntlm::passive::DecryptionSecret;
use indicatif::{ProgressBar, ProgressStyle};

use self::packed::{GZIP, Unpacked, key_logs};
use super::key_files::{KeyFiles, KeyLogs};
use crate::failure::Outcome;
use crate::files;

mod names;
mod packed;

/// Files longer than this get a bar that says how far they are read, in bytes.
const LONG: u64 = 16 << 20;

/// How long to wait for a file to grow.
const WAIT: Duration = Duration::from_millis(200);

/// What to read, and what of it to show.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Recordings: pcap, pcapng or HAR, also packed by gzip; SAZ; or raw HTTP in files named `*.req.http` and `*.resp.http`, `*.c2s.http`
    /// and `*.s2c.http`. Of a folder all raw HTTP in it; `-` for packets from standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Prints an object of JSON for each operation, one a line.
    #[arg(long)]
    json: bool,
    /// Goes on when the last file ends, and waits for it to grow.
    #[arg(long)]
    follow: bool,
    /// Reads what is sealed with the password of a user, which is the first line of a file that its owner alone
    /// may read.
    #[arg(long, value_name = "USER=FILE", value_parser = assignment)]
    password: Vec<(String, PathBuf)>,
    /// Reads what is sealed with a key, whose hexadecimal digits are the first line of a file that its owner
    /// alone may read: `nt-hash` of a password, or the `session` key of one handshake.
    #[arg(long, value_name = "KIND=FILE", value_parser = assignment)]
    key: Vec<(String, PathBuf)>,
    #[command(flatten)]
    key_files: KeyFiles,
    /// Only what this user asked, by whole name or without the domain.
    #[arg(long)]
    user: Option<String>,
    /// Only this ROP, as `RopOpenFolder` or `OpenFolder`.
    #[arg(long)]
    rop: Option<String>,
    /// Only what names this property, as `PidTagSubject` or `0x0037001F`.
    #[arg(long)]
    prop: Option<String>,
    /// Only what failed.
    #[arg(long)]
    errors: bool,
}

/// An argument without an equals sign.
#[derive(Debug, thiserror::Error)]
#[error("expected NAME=FILE")]
pub(crate) struct NotAnAssignment;

/// Parses `NAME=FILE`.
pub(crate) fn assignment(text: &str) -> Result<(String, PathBuf), NotAnAssignment> {
    let (name, file) = text.split_once('=').ok_or(NotAnAssignment)?;
    Ok((name.to_owned(), PathBuf::from(file)))
}

/// The secrets in the files that were named.
pub(crate) fn secrets(
    passwords: &[(String, PathBuf)],
    keys: &[(String, PathBuf)],
) -> Result<Vec<DecryptionSecret>, Box<dyn std::error::Error>> {
    let mut secrets = Vec::new();
    for (user, path) in passwords {
        let password = files::read_password(path)?;
        // The name that is signed in with may be whole or not.
        let bare = user.rsplit('\\').next().unwrap_or(user);
        secrets.push(DecryptionSecret::account(bare, NtHash::from_password(password.expose())));
    }
    for (kind, path) in keys {
        let text = files::read_password(path)?;
        let wrong = || format!("{}: expected 32 hexadecimal digits", path.display());
        let digits = text.expose().trim();
        let number =
            u128::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 32).ok_or_else(wrong)?;
        secrets.push(match kind.as_str() {
            "nt-hash" => DecryptionSecret::hash(NtHash::from_bytes(number.to_be_bytes())),
            "session" => DecryptionSecret::session_key(number.to_be_bytes()),
            _ => return Err(format!("--key {kind}: expected nt-hash=FILE or session=FILE").into()),
        });
    }
    Ok(secrets)
}

/// Shows what happened in recordings.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    if let Some(rop) = &arguments.rop {
        names::check_rop(rop)?;
    }
    if let Some(prop) = &arguments.prop {
        names::check_property(prop)?;
    }
    let mut printer = Printer::new(arguments);
    let secrets = secrets(&arguments.password, &arguments.key)?;
    let keys = arguments.key_files.open(secrets, arguments.follow)?;
    let read = read(&arguments.files, keys, arguments.follow, &mut |found| printer.found(found));
    read.and_then(|()| Ok(printer.out.flush()?))?;
    match &arguments.prop {
        Some(prop) if printer.printed == 0 => Ok(names::nothing_named(prop)?),
        _ => Ok(()),
    }
}

/// Prints operations.
struct Printer {
    filter: Filter,
    json: bool,
    /// Whether somebody waits for each line.
    live: bool,
    analyzer: Analyzer,
    sessions: Sessions,
    /// How many operations were printed.
    printed: u64,
    out: BufWriter<io::Stdout>,
}

impl Printer {
    fn new(arguments: &Arguments) -> Self {
        Self {
            filter: Filter {
                user: arguments.user.clone(),
                rop: arguments.rop.clone(),
                prop: arguments.prop.clone(),
                errors: arguments.errors,
            },
            json: arguments.json,
            live: arguments.follow || io::stdout().is_terminal(),
            analyzer: Analyzer::default(),
            sessions: Sessions::default(),
            printed: 0,
            out: BufWriter::with_capacity(1 << 16, io::stdout()),
        }
    }

    fn found(&mut self, found: RecordedItem) -> Outcome {
        let call = match found {
            RecordedItem::Call(call) => call,
            RecordedItem::Problem(problem) => {
                crate::failure::report(&problem.to_string());
                return Ok(());
            }
        };
        let operation = self.analyzer.operation(&call);
        let Some(operation) = self.filter.apply(operation) else { return Ok(()) };
        self.printed += 1;
        if self.json {
            serde_json::to_writer(&mut self.out, &show::json(&operation)).map_err(io::Error::from)?;
            self.out.write_all(b"\n")?;
        } else {
            self.out.write_all(show::text(&operation, &mut self.sessions).as_bytes())?;
        }
        if self.live {
            self.out.flush()?;
        }
        Ok(())
    }
}

/// Reads recordings, and hands what is in them to `sink`, in order.
pub(crate) fn read(
    paths: &[PathBuf],
    (keys, mut logs): (Keys, KeyLogs),
    follow: bool,
    sink: &mut dyn FnMut(RecordedItem) -> Outcome,
) -> Outcome {
    let mut reader = CallReader::new(keys);
    let mut raw = RawPairs::default();
    let last = paths.len().saturating_sub(1);
    for (index, path) in paths.iter().enumerate() {
        if path.is_dir() {
            for entry in std::fs::read_dir(path).map_err(|error| at(path, &error))? {
                let entry = entry?.path();
                raw.add(&entry.to_string_lossy(), entry.clone());
            }
            continue;
        }
        let Some(path) = raw.add(&path.to_string_lossy(), path.clone()) else { continue };
        let first = u64::try_from(index).unwrap_or(0).saturating_add(1) << 40;
        let follow = (follow && index == last).then_some(&mut logs);
        file(&path, first, follow, &mut reader, sink)?;
    }
    let mut number = 1 << 56;
    for (_, [client, server]) in raw.into_vec() {
        number += 1;
        let open = |path: Option<PathBuf>| {
            path.map(|path| File::open(&path).map_err(|error| at(&path, &error))).transpose()
        };
        let (mut client, mut server) = (open(client)?, open(server)?);
        let client = client.as_mut().map(|file| file as &mut dyn Read);
        let server = server.as_mut().map(|file| file as &mut dyn Read);
        raw_pairs::watch(&mut reader, number, (client, server))?;
        reader.take().into_iter().try_for_each(&mut *sink)?;
    }
    reader.finish();
    reader.take().into_iter().try_for_each(sink)
}

/// An error with the file that it is about.
fn at(path: &Path, error: &dyn std::fmt::Display) -> Box<dyn std::error::Error> {
    format!("{}: {error}", path.display()).into()
}

fn file(
    path: &Path,
    first: u64,
    follow: Option<&mut KeyLogs>,
    reader: &mut CallReader,
    sink: &mut dyn FnMut(RecordedItem) -> Outcome,
) -> Outcome {
    let (input, length): (Box<dyn Read>, u64) = if path.as_os_str() == "-" {
        (Box::new(io::stdin()), 0)
    } else {
        let file = File::open(path).map_err(|error| at(path, &error))?;
        let length = file.metadata()?.len();
        let path = path.to_owned();
        (if follow.is_some() { Box::new(Growing { path, file }) } else { Box::new(file) }, length)
    };
    if follow.is_none() && length > 0 {
        key_logs(path, reader.key_log()).map_err(|error| at(path, &error))?;
    }
    let bar = bar(if follow.is_some() { 0 } else { length });
    let mut input = BufReader::with_capacity(1 << 16, bar.wrap_read(input));
    let start = input.fill_buf().map_err(|error| at(path, &error))?;
    if archive::is_archive(start) {
        // Its directory is at its end.
        let file = File::open(path).map_err(|error| at(path, &error))?;
        archive::read::<Failure>(file, first, reader, sink).map_err(|error| at(path, &error))?;
    } else if start.starts_with(GZIP) {
        let mut unpacked = BufReader::with_capacity(1 << 16, Unpacked::new(input));
        stream(path, first, &mut unpacked, follow, reader, sink)?;
        if let Some(damage) = unpacked.get_ref().damage() {
            crate::failure::report(&format!("{}: {damage}", path.display()));
        }
    } else {
        stream(path, first, input, follow, reader, sink)?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Why a file could not be read.
type Failure = Box<dyn std::error::Error>;

/// Reads a recording from its start to its end.
fn stream(
    path: &Path,
    first: u64,
    mut input: impl BufRead,
    mut follow: Option<&mut KeyLogs>,
    reader: &mut CallReader,
    sink: &mut dyn FnMut(RecordedItem) -> Outcome,
) -> Outcome {
    let start = input.fill_buf().map_err(|error| at(path, &error))?;
    if source::is_packets(start) {
        let mut packets = Packets::new(input).map_err(|error| at(path, &error))?;
        while let Some(item) = packets.next_item().map_err(|error| at(path, &error))? {
            reader.item(item);
            // A key log may be written later than the packets.
            if let Some(logs) = follow.as_deref_mut()
                && reader.lacked_key()
            {
                logs.read_on(reader.key_log())?;
            }
            reader.take().into_iter().try_for_each(&mut *sink)?;
        }
    } else if har::is_har(start) {
        let mut failed = Ok(());
        har::read(input, first, &mut |found| {
            if failed.is_ok() {
                failed = sink(found);
            }
        })
        .map_err(|error| at(path, &error))?;
        failed?;
    } else {
        return Err(at(path, &"not a recording that is known: expected pcap, pcapng, HAR or SAZ"));
    }
    Ok(())
}

/// A progress bar for `length` bytes; hidden where reading is quick, or standard error is no terminal.
fn bar(length: u64) -> ProgressBar {
    if length < LONG || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} left");
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A file that has no end: where it ends now, it is waited for to grow. Where another file has taken its
/// place, as when a recording goes on in a new one, that is read behind it.
struct Growing {
    path: PathBuf,
    file: File,
}

impl Growing {
    /// The file that was begun behind this one, where there is one: what is written to this one is read by
    /// then. It may be full already itself, and set aside.
    fn successor(&self) -> Option<File> {
        let of = |metadata: io::Result<Metadata>| metadata.map(|file| (file.dev(), file.ino())).ok();
        let own = of(self.file.metadata());
        let now = of(std::fs::metadata(&self.path)).filter(|now| Some(*now) != own)?;
        let full = set_aside(&self.path).unwrap_or_default();
        // One that is no more among those which were set aside was the oldest.
        let place = full.iter().position(|path| of(std::fs::metadata(path)) == own);
        match full.get(place.map_or(0, |place| place + 1)) {
            Some(path) => File::open(path).ok(),
            // Where another has taken its place meanwhile, this one is found among the others next time.
            None => File::open(&self.path).ok().filter(|file| of(file.metadata()) == Some(now)),
        }
    }
}

impl Read for Growing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.file.read(out)?;
            if count > 0 {
                return Ok(count);
            }
            let successor = self.successor();
            // What came between the end and the look at the other file.
            let count = self.file.read(out)?;
            if count > 0 {
                return Ok(count);
            }
            match successor {
                Some(file) => self.file = file,
                None => std::thread::sleep(WAIT),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_full_before_anybody_looked_is_not_passed_over() {
        let folder = std::env::temp_dir().join(format!("mapiproxy-growing-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("run.pcapng");
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("run.pcapng", "a");
        let mut growing = Growing { path: path.clone(), file: File::open(&path).unwrap() };
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
        // The oldest are removed where there are many.
        std::fs::remove_file(folder.join("run-20261122T084638916724Z.pcapng")).unwrap();
        std::fs::remove_file(folder.join("run-20261122T084638716724Z.pcapng")).unwrap();
        std::fs::remove_file(folder.join("run-20261122T084638816724Z.pcapng")).unwrap();
        assert_eq!(next(), 'd');
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
