//! Reads SAZ, the archives of Fiddler.
//!
//! An archive is a ZIP file (APPNOTE.TXT 4.3). Of each exchange N, `raw/N_c.txt` is the request as raw HTTP,
//! `raw/N_s.txt` the response, and `raw/N_m.xml` has the times. Exchanges are read one after the other, and
//! decompressed as streams.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr};

use flate2::read::DeflateDecoder;
use wire::Reader;

use crate::conversation::{CallReader, RecordedItem};
use crate::raw_pairs;
use crate::source::Problem;
use crate::stream::{Connection, Event, EventKind, Side};
use crate::time::Timestamp;

/// The signature at the start of an archive: that of the first file's header.
const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const END_64_LOCATOR: u32 = 0x0706_4b50;

/// The size of the end of the central directory without its comment, and of the longest comment, in bytes.
const END_SIZE: u64 = 22;
const MAX_COMMENT: u64 = 0xffff;

/// The size of a file's header in the central directory, and of that before its contents, without names, in bytes.
const CENTRAL_SIZE: usize = 46;
const LOCAL_SIZE: usize = 30;

/// The maximum number of exchanges that are read.
const MAX_EXCHANGES: usize = 1 << 20;

/// The maximum number of bytes that are read of the description of an exchange.
const MAX_DESCRIPTION: u64 = 64 * 1024;

/// The number of bytes at the start of a request by which its kind is detected.
const MAX_START: u64 = 8;

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A structure of the archive is malformed.
    #[error("the archive is damaged: {0}")]
    Malformed(#[from] wire::Error),
    /// The central directory is missing, for example because the file was truncated.
    #[error("the archive is truncated: its directory is missing")]
    NoDirectory,
    /// The archive has no exchanges.
    #[error("ZIP archive without recorded exchanges (raw/N_c.txt), so it is not a SAZ archive")]
    NoExchanges,
}

/// Whether a file that begins with `start` is an archive.
pub fn is_archive(start: &[u8]) -> bool {
    start.starts_with(&LOCAL.to_le_bytes())
}

/// A file in the archive.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The offset of its header.
    place: u64,
    compressed: u64,
    method: u16,
    encrypted: bool,
}

/// The files of one exchange.
#[derive(Debug, Default)]
struct Exchange {
    request: Option<Entry>,
    answer: Option<Entry>,
    description: Option<Entry>,
}

/// Reads the exchanges of `file` in their order. Each is passed to `reader` as a connection, with numbers that follow
/// `first`; the items are passed to `sink`.
///
/// # Errors
/// If the file is not such an archive, or cannot be read. An exchange that cannot be read is reported as a problem.
pub fn read<E: From<ArchiveError>>(
    mut file: impl Read + Seek,
    first: u64,
    reader: &mut CallReader,
    sink: &mut dyn FnMut(RecordedItem) -> Result<(), E>,
) -> Result<(), E> {
    for (number, exchange) in exchanges(&mut file)? {
        reader.name_connection(first.saturating_add(number), &format!("exchange {number}"));
        if let Err(what) = watch(&mut file, first.saturating_add(number), &exchange, reader) {
            let place = format!("exchange {number}");
            sink(RecordedItem::Problem(Problem { place, what: what.to_string() }))?;
        }
        reader.take().into_iter().try_for_each(&mut *sink)?;
    }
    Ok(())
}

/// Why an exchange cannot be read.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("protected with a password; save the archive without one")]
    Encrypted,
    #[error("unsupported compression method {0}; expected 0 (stored) or 8 (deflated)")]
    Method(u16),
    #[error("damaged: {0}")]
    Malformed(#[from] wire::Error),
    #[error("cannot be decompressed: {0}")]
    Io(#[from] io::Error),
}

fn watch(
    file: &mut (impl Read + Seek),
    number: u64,
    exchange: &Exchange,
    reader: &mut CallReader,
) -> Result<(), Unreadable> {
    let Some(request) = exchange.request else { return Ok(()) };
    let mut start = Vec::new();
    open(file, request)?.take(MAX_START).read_to_end(&mut start)?;
    // A CONNECT request has no readable content: the tunnel's bytes are not in the archive.
    if start.is_empty() || start.starts_with(b"CONNECT ") {
        return Ok(());
    }
    let mut description = Vec::new();
    if let Some(entry) = exchange.description {
        open(file, entry)?.take(MAX_DESCRIPTION).read_to_end(&mut description)?;
    }
    let times = times(&String::from_utf8_lossy(&description));
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let connection = Connection { number, client: nowhere, server: nowhere, interface: None };
    let halves = [(Side::Client, Some(request)), (Side::Server, exchange.answer)];
    let mut result = Ok(());
    for ((side, entry), time) in halves.into_iter().zip(times) {
        if let Some(entry) = entry {
            result = result.and_then(|()| {
                Ok(raw_pairs::feed(reader, &connection, side, time, &mut open(file, entry)?)?)
            });
        }
    }
    let [_, time] = times;
    for kind in [EventKind::Ended(Side::Client), EventKind::Ended(Side::Server), EventKind::Closed] {
        reader.event(&Event { connection: &connection, time, kind });
    }
    result
}

/// The times of the request and of the response.
fn times(description: &str) -> [Timestamp; 2] {
    let first = |names: &[&str]| {
        let known = names.iter().filter_map(|name| Timestamp::parse(attribute(description, name)?));
        // An event that did not occur has the year 1.
        known.into_iter().find(|time| time.0 != 0).unwrap_or_default()
    };
    [
        first(&["ClientDoneRequest", "ClientBeginRequest", "FiddlerBeginRequest"]),
        first(&["ServerDoneResponse", "ClientDoneResponse", "ServerBeginResponse"]),
    ]
}

/// The value of the attribute `name` of any element in an XML text.
fn attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once(name)?;
        rest = after;
        let is_whole = before.ends_with(|c: char| c.is_ascii_whitespace());
        let value = after.trim_start().strip_prefix('=').map(str::trim_start);
        if let (true, Some(value)) = (is_whole, value) {
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            return value.get(1..)?.split(quote).next();
        }
    }
}

/// The contents of a file in the archive.
fn open<'a>(file: &'a mut (impl Read + Seek), entry: Entry) -> Result<Box<dyn Read + 'a>, Unreadable> {
    if entry.encrypted {
        return Err(Unreadable::Encrypted);
    }
    file.seek(SeekFrom::Start(entry.place))?;
    let mut header = [0; LOCAL_SIZE];
    file.read_exact(&mut header)?;
    let mut r = Reader::new(&header);
    signature(&mut r, LOCAL, "local file header")?;
    r.bytes(22, "local file header")?;
    let names = i64::from(r.u16("file name length")?).saturating_add(i64::from(r.u16("extra field length")?));
    file.seek(SeekFrom::Current(names))?;
    let packed = file.take(entry.compressed);
    match entry.method {
        0 => Ok(Box::new(packed)),
        8 => Ok(Box::new(DeflateDecoder::new(packed))),
        other => Err(Unreadable::Method(other)),
    }
}

fn signature(r: &mut Reader<'_>, expected: u32, what: &'static str) -> wire::Result<()> {
    let found = r.u32(what)?;
    if found == expected { Ok(()) } else { Err(r.invalid(what, u64::from(found), "its signature")) }
}

/// The exchanges of an archive, by their numbers.
fn exchanges(file: &mut (impl Read + Seek)) -> Result<BTreeMap<u64, Exchange>, ArchiveError> {
    let (place, count) = directory(file)?;
    file.seek(SeekFrom::Start(place))?;
    let mut input = BufReader::new(file);
    let mut exchanges = BTreeMap::<u64, Exchange>::new();
    for _ in 0..count {
        let (name, entry) = central(&mut input)?;
        let Some((number, kind)) = number_and_kind(&name) else { continue };
        if exchanges.len() >= MAX_EXCHANGES && !exchanges.contains_key(&number) {
            continue;
        }
        let exchange = exchanges.entry(number).or_default();
        let place = match kind {
            Kind::Request => &mut exchange.request,
            Kind::Answer => &mut exchange.answer,
            Kind::Description => &mut exchange.description,
        };
        *place = Some(entry);
    }
    if exchanges.values().all(|exchange| exchange.request.is_none()) {
        return Err(ArchiveError::NoExchanges);
    }
    Ok(exchanges)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Request,
    Answer,
    Description,
}

/// The number and the kind of a file, by its name such as `raw/17_c.txt`.
fn number_and_kind(name: &str) -> Option<(u64, Kind)> {
    let name = name.rsplit(['/', '\\']).next()?;
    let (number, rest) = name.split_once('_')?;
    let kind = match rest.to_ascii_lowercase().as_str() {
        "c.txt" => Kind::Request,
        "s.txt" => Kind::Answer,
        "m.xml" => Kind::Description,
        _ => return None,
    };
    Some((number.parse().ok()?, kind))
}

/// The offset of the central directory, and the number of its files (APPNOTE.TXT 4.3.16, 4.3.14, 4.3.15).
fn directory(file: &mut (impl Read + Seek)) -> Result<(u64, u64), ArchiveError> {
    let length = file.seek(SeekFrom::End(0))?;
    let from = length.saturating_sub(END_SIZE.saturating_add(MAX_COMMENT));
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(END_SIZE.saturating_add(MAX_COMMENT)).read_to_end(&mut tail)?;
    let at = tail.windows(4).rposition(|four| four == END.to_le_bytes()).ok_or(ArchiveError::NoDirectory)?;
    let mut r = Reader::new(tail.get(at..).unwrap_or_default());
    r.bytes(10, "end of central directory")?;
    let count = u64::from(r.u16("number of entries")?);
    r.u32("size of the central directory")?;
    let place = u64::from(r.u32("offset of the central directory")?);
    if count < 0xffff && place < 0xffff_ffff {
        return Ok((place, count));
    }
    // Values that do not fit are in the Zip64 structure before it.
    let end = from.saturating_add(u64::try_from(at).unwrap_or(0));
    file.seek(SeekFrom::Start(end.saturating_sub(20)))?;
    let mut locator = [0; 20];
    file.read_exact(&mut locator)?;
    let mut r = Reader::new(&locator);
    if r.u32("locator")? != END_64_LOCATOR {
        return Ok((place, count));
    }
    r.u32("disk")?;
    file.seek(SeekFrom::Start(r.u64("offset of the end of central directory")?))?;
    let mut whole = [0; 56];
    file.read_exact(&mut whole)?;
    let mut r = Reader::new(&whole);
    signature(&mut r, END_64, "Zip64 end of central directory")?;
    r.bytes(28, "Zip64 end of central directory")?;
    let count = r.u64("number of entries")?;
    r.u64("size of the central directory")?;
    Ok((r.u64("offset of the central directory")?, count))
}

/// The next file in the central directory (APPNOTE.TXT 4.3.12).
fn central(input: &mut impl Read) -> Result<(String, Entry), ArchiveError> {
    let mut header = [0; CENTRAL_SIZE];
    input.read_exact(&mut header)?;
    let mut r = Reader::new(&header);
    signature(&mut r, CENTRAL, "central file header")?;
    r.bytes(4, "versions")?;
    let encrypted = r.u16("general purpose bit flag")? & 1 != 0;
    let method = r.u16("compression method")?;
    r.bytes(8, "time and CRC")?;
    let mut compressed = u64::from(r.u32("compressed size")?);
    let size = r.u32("uncompressed size")?;
    let lengths = [r.u16("file name length")?, r.u16("extra field length")?, r.u16("file comment length")?];
    r.bytes(8, "attributes")?;
    let mut place = u64::from(r.u32("offset of local header")?);
    let [name, extra, comment] = lengths.map(|length| vec![0; usize::from(length)]);
    let mut parts = [name, extra, comment];
    for part in &mut parts {
        input.read_exact(part)?;
    }
    let [name, extra, _] = parts;
    let mut r = Reader::new(&extra);
    while r.remaining() >= 4 {
        let (id, length) = (r.u16("extra field")?, r.u16("extra field")?);
        let mut field = r.sub(usize::from(length), "extra field")?;
        // Numbers that do not fit, in this order and only those (APPNOTE.TXT 4.5.3).
        if id == 1 {
            if size == u32::MAX {
                field.u64("uncompressed size")?;
            }
            if compressed == u64::from(u32::MAX) {
                compressed = field.u64("compressed size")?;
            }
            if place == u64::from(u32::MAX) {
                place = field.u64("offset of local header")?;
            }
        }
    }
    let name = String::from_utf8_lossy(&name).into_owned();
    Ok((name, Entry { place, compressed, method, encrypted }))
}

#[cfg(test)]
mod tests;
