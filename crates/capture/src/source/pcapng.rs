//! Reads pcapng (draft-ietf-opsawg-pcapng): sections of blocks, with the length of each block at both of its ends.

use std::io::{self, Read};
use std::sync::Arc;

use wire::{Endian, Reader};
use zeroize::Zeroizing;

use super::input::Input;
use super::item::{Item, LinkType, MAX_RECORD, MAX_SECRETS, Packet, Problem};
use crate::time::Timestamp;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const SECRETS: u32 = 10;
/// Block types without packets: names, statistics, journals, and custom blocks.
const OTHERS: &[u32] = &[4, 5, 7, 8, 9, SECRETS, 0x204, 0x208, 0xbad, 0x4000_0bad];

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// The type of secrets for a TLS key log: `TLSK` (draft-ietf-opsawg-pcapng 4.7).
const TLS_KEY_LOG: u32 = 0x544c_534b;

/// The maximum number of interfaces, more than any section has.
const MAX_INTERFACES: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct PcapNg {
    endian: Endian,
    interfaces: Vec<Interface>,
}

#[derive(Debug, Clone)]
struct Interface {
    link: LinkType,
    snap_length: u32,
    name: Option<Arc<str>>,
    resolution: Resolution,
    /// The number of seconds to add to each time (`if_tsoffset`).
    offset: i64,
}

/// The resolution of times (`if_tsresol`).
#[derive(Debug, Clone, Copy)]
enum Resolution {
    /// The number of units in a second.
    PerSecond(u64),
}

/// The range of the packet within a block.
struct RecordedItem {
    interface: usize,
    time: Option<u64>,
    from: usize,
    length: usize,
    original: u32,
    comment: Option<Arc<str>>,
}

pub(super) fn is_start(start: &[u8]) -> bool {
    start.starts_with(&SECTION.to_le_bytes())
        && start.get(8..12).is_some_and(|magic| {
            magic == BYTE_ORDER_MAGIC.to_le_bytes() || magic == BYTE_ORDER_MAGIC.to_be_bytes()
        })
}

/// Passes the lines of all TLS key logs in `file` to `sink`. Other blocks are skipped with `skip`. Stops at malformed
/// bytes, which are reported when the packets are read.
pub(super) fn key_logs<R: Read>(
    file: &mut R,
    skip: fn(&mut R, u64) -> io::Result<()>,
    sink: &mut dyn FnMut(&[u8]),
) -> io::Result<()> {
    let mut this = PcapNg::default();
    let mut start = [0; 12];
    while read_whole(file, &mut start)? {
        let Some((kind, length)) = this.header(&start) else { return Ok(()) };
        let rest = length.saturating_sub(start.len());
        if kind != SECRETS {
            skip(file, u64::try_from(rest).unwrap_or(u64::MAX))?;
            continue;
        }
        let mut block = Zeroizing::new(start.to_vec());
        file.take(u64::try_from(rest).unwrap_or(u64::MAX)).read_to_end(&mut block)?;
        if let Item::KeyLog { lines, .. } = this.secrets(0, &block) {
            sink(lines);
        }
    }
    Ok(())
}

/// Fills `buffer`. Returns `false` if the file ends before.
fn read_whole(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        other => other.map(|()| true),
    }
}

impl PcapNg {
    pub(super) fn next_item<'a, R: Read>(&mut self, input: &'a mut Input<R>) -> io::Result<Option<Item<'a>>> {
        input.consume_handed_out();
        loop {
            if !input.fill(12)? {
                return Ok(input.ended("block"));
            }
            let place = input.place();
            let Some((kind, length)) = self.header(input.data()) else {
                return self.find_next(input, place, "no block begins here");
            };
            if !input.fill(length)? {
                return Ok(input.ended("block"));
            }
            if !trailer_fits(input.head(length)) {
                return self.find_next(input, place, "a block's two lengths differ");
            }
            if kind == SECRETS {
                input.hand_out(length);
                return Ok(Some(self.secrets(place, input.head(length))));
            }
            match self.block(kind, input.head(length)) {
                Ok(Some(found)) => {
                    input.hand_out(length);
                    return Ok(Some(self.packet(place, &found, input.head(length))));
                }
                Ok(None) => input.consume(length),
                Err(error) => {
                    input.consume(length);
                    return Ok(Some(Item::Problem(Problem::at(place, error.to_string()))));
                }
            }
        }
    }

    /// Type and length of the block at the start of `data`. A section header determines the byte order. `None` if
    /// they are invalid.
    fn header(&mut self, data: &[u8]) -> Option<(u32, usize)> {
        if is_start(data) {
            let magic = data.get(8..12)?;
            self.endian = if magic == BYTE_ORDER_MAGIC.to_le_bytes() { Endian::Little } else { Endian::Big };
        }
        let mut r = Reader::with_endian(data, self.endian);
        let kind = r.u32("Block Type").ok()?;
        let length = usize::try_from(r.u32("Block Total Length").ok()?).ok()?;
        let most = if kind == SECRETS { MAX_SECRETS } else { MAX_RECORD };
        (length >= 12 && length % 4 == 0 && length <= most).then_some((kind, length))
    }

    /// A Decryption Secrets Block.
    fn secrets<'a>(&self, place: u64, block: &'a [u8]) -> Item<'a> {
        let end = block.len().saturating_sub(4);
        let mut r = Reader::with_endian(block.get(..end).unwrap_or_default(), self.endian);
        let mut read = || {
            r.bytes(8, "Block Type")?;
            let kind = r.u32("Secrets Type")?;
            let length = r.u32("Secrets Length")?;
            let length = r.count(length, 1, u32::MAX, "Secrets Length")?;
            Ok((kind, r.bytes(length, "Secrets Data")?))
        };
        match read().map_err(|error: wire::Error| error.within("Decryption Secrets")) {
            Ok((TLS_KEY_LOG, lines)) => Item::KeyLog { place, lines },
            Ok((kind, _)) => {
                let what = format!("secrets of type {kind:#010x} are not used: only a TLS key log is");
                Item::Problem(Problem::at(place, what))
            }
            Err(error) => Item::Problem(Problem::at(place, error.to_string())),
        }
    }

    /// Processes a block. Returns the packet, if the block has one.
    fn block(&mut self, kind: u32, block: &[u8]) -> wire::Result<Option<RecordedItem>> {
        let end = block.len().saturating_sub(4);
        let mut r = Reader::with_endian(block.get(..end).unwrap_or_default(), self.endian);
        r.bytes(8, "Block Type")?;
        match kind {
            SECTION => self.interfaces.clear(),
            INTERFACE if self.interfaces.len() < MAX_INTERFACES => {
                let interface = interface(&mut r).map_err(|error| error.within("Interface Description"))?;
                self.interfaces.push(interface);
            }
            ENHANCED_PACKET => {
                return enhanced(&mut r).map(Some).map_err(|error| error.within("Enhanced Packet"));
            }
            OLD_PACKET => return old(&mut r).map(Some).map_err(|error| error.within("Packet")),
            SIMPLE_PACKET => {
                let original = r.u32("Original Packet Length")?;
                let snap = self.interfaces.first().map_or(0, |interface| interface.snap_length);
                let length = if snap == 0 { original } else { original.min(snap) };
                let from = r.offset();
                let length = r.count(length, 1, u32::MAX, "Packet Data")?;
                let comment = None;
                return Ok(Some(RecordedItem { interface: 0, time: None, from, length, original, comment }));
            }
            _ => {}
        }
        Ok(None)
    }

    fn packet<'a>(&self, place: u64, found: &RecordedItem, block: &'a [u8]) -> Item<'a> {
        let Some(interface) = self.interfaces.get(found.interface) else {
            let what = format!("a packet of interface {}, which is not described", found.interface);
            return Item::Problem(Problem::at(place, what));
        };
        let captured = u32::try_from(found.length).unwrap_or(u32::MAX);
        Item::Packet(Packet {
            place,
            time: interface.time(found.time.unwrap_or(0)),
            link: interface.link,
            interface: interface.name.clone(),
            data: block.get(found.from..).and_then(|data| data.get(..found.length)).unwrap_or_default(),
            missing: found.original.saturating_sub(captured),
            comment: found.comment.clone(),
        })
    }

    /// Skips bytes until the next block with equal lengths at both ends, or the end of the file.
    fn find_next<'a, R: Read>(
        &mut self,
        input: &'a mut Input<R>,
        place: u64,
        why: &str,
    ) -> io::Result<Option<Item<'a>>> {
        input.consume(4);
        while input.fill(12)? {
            let known = |kind| {
                matches!(kind, SECTION | INTERFACE | OLD_PACKET | SIMPLE_PACKET | ENHANCED_PACKET)
                    || OTHERS.contains(&kind)
            };
            let length = self.header(input.data()).filter(|(kind, _)| known(*kind)).map(|(_, length)| length);
            if let Some(length) = length
                && input.fill(length)?
                && trailer_fits(input.head(length))
            {
                break;
            }
            input.consume(4);
        }
        if !input.fill(12)? {
            input.consume(12);
        }
        let skipped = input.place().saturating_sub(place);
        let what = format!("{why}; {skipped} bytes are passed over");
        Ok(Some(Item::Problem(Problem::at(place, what))))
    }
}

impl Interface {
    fn time(&self, units: u64) -> Timestamp {
        let Resolution::PerSecond(rate) = self.resolution;
        let nanoseconds = u128::from(units).saturating_mul(1_000_000_000) / u128::from(rate.max(1));
        let offset = i128::from(self.offset).saturating_mul(1_000_000_000);
        let time = i128::try_from(nanoseconds).unwrap_or(i128::MAX).saturating_add(offset);
        Timestamp(u64::try_from(time).unwrap_or(0))
    }
}

fn interface(r: &mut Reader<'_>) -> wire::Result<Interface> {
    let link = LinkType(u32::from(r.u16("LinkType")?));
    r.u16("Reserved")?;
    let snap_length = r.u32("SnapLen")?;
    let mut interface =
        Interface { link, snap_length, name: None, resolution: Resolution::PerSecond(1_000_000), offset: 0 };
    options(r, |code, mut value| {
        match code {
            2 => interface.name = Some(Arc::from(String::from_utf8_lossy(value.rest()))),
            9 => interface.resolution = resolution(value.u8("if_tsresol")?),
            14 => interface.offset = value.i64("if_tsoffset")?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(interface)
}

/// Calls `visit` for each option up to the last, or to the end.
fn options<'a>(
    r: &mut Reader<'a>,
    mut visit: impl FnMut(u16, Reader<'a>) -> wire::Result<()>,
) -> wire::Result<()> {
    while r.remaining() >= 4 {
        let (code, length) = (r.u16("Option Code")?, r.u16("Option Length")?);
        let value = r.sub(usize::from(length), "Option Value")?;
        // Padding may be missing at the very end.
        r.bytes(usize::from(length.wrapping_neg() % 4).min(r.remaining()), "Option Padding")?;
        if code == 0 {
            break;
        }
        visit(code, value)?;
    }
    Ok(())
}

/// `if_tsresol`: a power of ten, or of two if the highest bit is set.
fn resolution(value: u8) -> Resolution {
    let power = u32::from(value & 0x7f);
    let base: u64 = if value & 0x80 == 0 { 10 } else { 2 };
    Resolution::PerSecond(base.checked_pow(power).unwrap_or(u64::MAX))
}

fn enhanced(r: &mut Reader<'_>) -> wire::Result<RecordedItem> {
    let interface = usize::try_from(r.u32("Interface ID")?).unwrap_or(usize::MAX);
    let (high, low) = (r.u32("Timestamp (High)")?, r.u32("Timestamp (Low)")?);
    rest(r, interface, (high, low))
}

fn old(r: &mut Reader<'_>) -> wire::Result<RecordedItem> {
    let interface = usize::from(r.u16("Interface ID")?);
    r.u16("Drops Count")?;
    let (high, low) = (r.u32("Timestamp (High)")?, r.u32("Timestamp (Low)")?);
    rest(r, interface, (high, low))
}

fn rest(r: &mut Reader<'_>, interface: usize, (high, low): (u32, u32)) -> wire::Result<RecordedItem> {
    let length = r.u32("Captured Packet Length")?;
    let original = r.u32("Original Packet Length")?;
    let length = r.count(length, 1, u32::MAX, "Captured Packet Length")?;
    let time = Some(u64::from(high) << 32 | u64::from(low));
    let from = r.offset();
    r.bytes(length, "Packet Data")?;
    r.bytes((length.wrapping_neg() % 4).min(r.remaining()), "Packet Padding")?;
    let mut comment = None;
    // The rest is not needed to read the packet.
    let _ = options(r, |code, mut value| {
        if code == 1 {
            comment = Some(Arc::from(String::from_utf8_lossy(value.rest())));
        }
        Ok(())
    });
    Ok(RecordedItem { interface, time, from, length, original, comment })
}

/// Whether the length at the end of a block is equal to that at its beginning.
fn trailer_fits(block: &[u8]) -> bool {
    let first = block.get(4..8);
    let last = block.len().checked_sub(4).and_then(|from| block.get(from..));
    first == last
}
