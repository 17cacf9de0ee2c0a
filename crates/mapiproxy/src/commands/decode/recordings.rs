//! Reads recordings of all formats.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use capture::decrypt::Keys;
use capture::raw_pairs::{self, RawPairs};
use capture::source::{self, Packets};
use capture::{CallReader, RecordedItem, archive, har};
use indicatif::ProgressBar;

use super::growing::GrowingFile;
use super::gzip::{GzipReader, MAGIC};
use super::key_logs::key_logs;
use crate::commands::decryption::{KeyLogs, at};
use crate::commands::progress;
use crate::failure::{self, Failure, Outcome};

/// The size in bytes from which a progress bar is shown for a file.
const LARGE_FILE: u64 = 16 << 20;

/// Reads the recordings in `paths`, and passes their items to `sink`, in order.
pub(crate) fn read(
    paths: &[PathBuf],
    (keys, mut logs): (Keys, KeyLogs),
    follow: bool,
    sink: &mut dyn FnMut(RecordedItem) -> Outcome,
) -> Outcome {
    let mut found = false;
    let sink = &mut |item| {
        found = true;
        sink(item)
    };
    let mut reader = CallReader::new(keys);
    let mut raw = RawPairs::default();
    let last = paths.len().saturating_sub(1);
    for (index, path) in paths.iter().enumerate() {
        if path.is_dir() {
            add_directory(path, &mut raw)?;
            continue;
        }
        let Some(path) = raw.add(&path.to_string_lossy(), path.clone()) else { continue };
        let first = u64::try_from(index).unwrap_or(0).saturating_add(1) << 40;
        let follow = (follow && index == last).then_some(&mut logs);
        file(&path, first, follow, &mut reader, sink)?;
    }
    raw_http(raw, &mut reader, sink)?;
    reader.finish();
    reader.take().into_iter().try_for_each(&mut *sink)?;
    if found || follow {
        return Ok(());
    }
    Err("nothing was found in the recording: no RPC call, no HTTP request and no TLS connection. Check that it contains \
         packets or entries, and that they were recorded between the clients and the server"
        .into())
}

/// Adds the raw HTTP files of a directory.
fn add_directory(path: &Path, raw: &mut RawPairs<PathBuf>) -> Outcome {
    let mut others = 0_usize;
    let mut has_some = false;
    for entry in std::fs::read_dir(path).map_err(|error| at(path, &error))? {
        let entry = entry?.path();
        match raw.add(&entry.to_string_lossy(), entry.clone()) {
            None => has_some = true,
            Some(_) => others += 1,
        }
    }
    if has_some {
        return Ok(());
    }
    let what = format!(
        "no raw HTTP files, *.req.http and *.resp.http or *.c2s.http and *.s2c.http, in this directory; name the {others} \
         other files in it one by one if they are recordings"
    );
    Err(at(path, &what))
}

/// Reads pairs of raw HTTP files.
fn raw_http(
    raw: RawPairs<PathBuf>,
    reader: &mut CallReader,
    sink: &mut dyn FnMut(RecordedItem) -> Outcome,
) -> Outcome {
    let mut number = 1 << 56;
    for (name, [client, server]) in raw.into_vec() {
        number += 1;
        reader.name_connection(number, &name);
        let open = |path: Option<PathBuf>| {
            path.map(|path| File::open(&path).map_err(|error| at(&path, &error))).transpose()
        };
        let (mut client, mut server) = (open(client)?, open(server)?);
        let client = client.as_mut().map(|file| file as &mut dyn Read);
        let server = server.as_mut().map(|file| file as &mut dyn Read);
        raw_pairs::watch(reader, number, (client, server))?;
        reader.take().into_iter().try_for_each(&mut *sink)?;
    }
    Ok(())
}

/// Reads one file. `first` is the number of its first connection.
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
        if follow.is_some() {
            (Box::new(GrowingFile::new(path, file)), length)
        } else {
            (Box::new(file), length)
        }
    };
    if follow.is_none() && length > 0 {
        key_logs(path, reader.key_log()).map_err(|error| at(path, &error))?;
    }
    let bar = progress_bar(if follow.is_some() { 0 } else { length });
    let mut input = BufReader::with_capacity(1 << 16, bar.wrap_read(input));
    let start = input.fill_buf().map_err(|error| at(path, &error))?;
    if archive::is_archive(start) {
        // The directory of an archive is at its end.
        let file = File::open(path).map_err(|error| at(path, &error))?;
        archive::read::<Failure>(file, first, reader, sink).map_err(|error| at(path, &error))?;
    } else if start.starts_with(MAGIC) {
        let mut unpacked = BufReader::with_capacity(1 << 16, GzipReader::new(input));
        let read = stream(path, first, &mut unpacked, follow, reader, sink);
        if let Some(error) = unpacked.get_ref().error() {
            failure::report(&format!("{}: {error}", path.display()));
        }
        read?;
    } else {
        stream(path, first, input, follow, reader, sink)?;
    }
    bar.finish_and_clear();
    Ok(())
}

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
        har::read(input, first, &mut |item| {
            if failed.is_ok() {
                failed = sink(item);
            }
        })
        .map_err(|error| at(path, &error))?;
        failed?;
    } else {
        return Err(at(path, &unknown(start)));
    }
    Ok(())
}

/// Describes a file of an unknown format that begins with `start`.
fn unknown(start: &[u8]) -> String {
    /// Other compressions by their first bytes, with the command that removes each.
    const COMPRESSIONS: [(&[u8], &str, &str); 6] = [
        (b"\x28\xb5\x2f\xfd", "zstd", "zstd -d"),
        (b"\xfd7zXZ\0", "xz", "xz -d"),
        (b"BZh", "bzip2", "bzip2 -d"),
        (b"\x04\x22\x4d\x18", "lz4", "lz4 -d"),
        (b"\x1f\x9d", "compress", "uncompress"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip", "7z x"),
    ];
    if start.is_empty() {
        return "the file is empty".to_owned();
    }
    match COMPRESSIONS.iter().find(|(magic, ..)| start.starts_with(magic)) {
        Some((_, name, command)) => format!(
            "the file is compressed by {name}; only gzip is decompressed: decompress the file first, for example with `{command}`"
        ),
        None => "unknown file format; expected pcap, pcapng, HAR or SAZ".to_owned(),
    }
}

/// A progress bar for `length` bytes. Hidden for small files, and if standard error is not a terminal.
fn progress_bar(length: u64) -> ProgressBar {
    progress::bar_of_bytes(length, LARGE_FILE)
}
