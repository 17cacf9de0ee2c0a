//! Reads message bodies, by length or in chunks (RFC 9112 6, 7).

use bytes::{Buf, Bytes, BytesMut};

use crate::error::Error;
use crate::framing::Framing;
use crate::limits::Limits;

/// A piece of a body: its bytes on the wire, and which of them are content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    wire: Bytes,
    from: usize,
    to: usize,
    ends: bool,
}

impl Piece {
    fn framing(wire: Bytes, ends: bool) -> Self {
        Self { wire, from: 0, to: 0, ends }
    }

    /// The bytes as they came: a chunk with the lines around it, or a part of one.
    pub const fn wire(&self) -> &Bytes {
        &self.wire
    }

    /// Whether a chunk ends with it, so that behind it another could be put in.
    pub const fn ends_chunk(&self) -> bool {
        self.ends
    }

    /// The content among them.
    pub fn data(&self) -> &[u8] {
        self.wire.get(self.from..self.to).unwrap_or_default()
    }

    /// The bytes as they came, to be kept.
    pub fn into_wire(self) -> Bytes {
        self.wire
    }

    /// The content among them, to be kept.
    pub fn into_data(self) -> Bytes {
        self.wire.slice(self.from..self.to)
    }
}

/// Where in a body its reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Length(u64),
    UntilClose,
    /// Before a chunk's line; how much of the line was looked through.
    ChunkLine(usize),
    Chunk(u64),
    ChunkEnd,
    /// Behind the last chunk; bytes of trailers so far, and how much of the line was looked through.
    Trailers(usize, usize),
    Done,
}

/// Reads one body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) state: Body,
    /// Bytes of chunk extensions so far.
    extensions: usize,
    /// Whether spaces may follow a chunk's size, as some servers pad it.
    padded: bool,
    /// What is not longer than this comes as one piece: a body by its length, or a chunk.
    gather: usize,
    /// How long the chunk is that is gathered, with the lines around it.
    chunk: usize,
}

impl Reader {
    pub(crate) const fn new(framing: Framing, is_response: bool) -> Self {
        let state = match framing {
            Framing::None | Framing::Length(0) => Body::Done,
            Framing::Length(length) => Body::Length(length),
            Framing::Chunked => Body::ChunkLine(0),
            Framing::UntilClose => Body::UntilClose,
        };
        Self { state, extensions: 0, padded: is_response, gather: 0, chunk: 0 }
    }

    /// What is not longer than `limit` comes as one piece from now on.
    pub(crate) const fn gather(&mut self, limit: usize) {
        self.gather = limit;
    }

    /// How many bytes are to come of what was begun, as its peer says, where `there` are here.
    pub(crate) fn wants(&self, there: usize) -> usize {
        match self.state {
            Body::Length(left) | Body::Chunk(left) => {
                usize::try_from(left).unwrap_or(usize::MAX).saturating_sub(there)
            }
            Body::ChunkLine(_) => self.chunk.saturating_sub(there),
            _ => 0,
        }
    }

    /// Whether what was begun comes as one piece.
    pub(crate) fn waits_for_all(&self) -> bool {
        match self.state {
            Body::Length(left) => self.gathers(left),
            Body::ChunkLine(_) => self.chunk > 0,
            _ => false,
        }
    }

    /// The next piece out of `buffer`; none where it needs more bytes, or is done.
    pub(crate) fn next(&mut self, buffer: &mut BytesMut, limits: &Limits) -> Result<Option<Piece>, Error> {
        match self.state {
            Body::Done => Ok(None),
            _ if buffer.is_empty() => Ok(None),
            Body::Length(left) if self.gathers(left) && self.wants(buffer.len()) > 0 => Ok(None),
            Body::Length(left) => {
                let (piece, left) = plain(buffer, left);
                self.state = if left == 0 { Body::Done } else { Body::Length(left) };
                Ok(Some(piece))
            }
            Body::UntilClose => Ok(Some(plain(buffer, u64::MAX).0)),
            Body::ChunkLine(seen) => self.chunk(buffer, seen, limits),
            Body::Chunk(left) => {
                let (piece, left) = plain_with_end(buffer, left)?;
                self.state = match left {
                    None => Body::ChunkLine(0),
                    Some(0) => Body::ChunkEnd,
                    Some(left) => Body::Chunk(left),
                };
                Ok(Some(piece))
            }
            Body::ChunkEnd => match buffer.first_chunk::<2>() {
                Some(b"\r\n") => {
                    self.state = Body::ChunkLine(0);
                    Ok(Some(Piece::framing(buffer.split_to(2).freeze(), true)))
                }
                None if buffer.first() == Some(&b'\r') => Ok(None),
                Some(_) | None => Err(Error::ChunkEnd),
            },
            Body::Trailers(so_far, seen) => self.trailer(buffer, so_far, seen, limits),
        }
    }

    /// Passes over `count` bytes of content; false where there are not as many to come before anything else.
    pub(crate) fn skip(&mut self, count: u64) -> bool {
        self.state = match self.state {
            Body::Length(left) if left == count => Body::Done,
            Body::Length(left) if left > count => Body::Length(left.saturating_sub(count)),
            Body::Chunk(left) if left == count => Body::ChunkEnd,
            Body::Chunk(left) if left > count => Body::Chunk(left.saturating_sub(count)),
            Body::UntilClose => Body::UntilClose,
            _ => return false,
        };
        true
    }

    fn gathers(&self, length: u64) -> bool {
        usize::try_from(length).is_ok_and(|length| length <= self.gather)
    }

    /// A chunk's line, and with it as much of the chunk as there is, or as is to be gathered.
    fn chunk(&mut self, buffer: &mut BytesMut, seen: usize, limits: &Limits) -> Result<Option<Piece>, Error> {
        let Some(line) = line(buffer, seen, limits.chunk_line).map_err(|BadLine| Error::ChunkLine)? else {
            self.state = Body::ChunkLine(buffer.len());
            return Ok(None);
        };
        let text = buffer.get(..line.saturating_sub(2)).unwrap_or_default();
        let (size, extension) = chunk_line(text, self.padded)?;
        let wanted = usize::try_from(size).unwrap_or(usize::MAX);
        if size > 0 && self.gathers(size) {
            self.chunk = line.saturating_add(wanted).saturating_add(2);
            if self.chunk > buffer.len() {
                // The line is looked at once more when all is there: it is short.
                self.state = Body::ChunkLine(0);
                return Ok(None);
            }
            self.chunk = 0;
        }
        self.extensions = self.extensions.saturating_add(extension);
        if self.extensions > limits.extensions {
            return Err(Error::ChunkLine);
        }
        if size == 0 {
            self.state = Body::Trailers(0, 0);
            return Ok(Some(Piece::framing(buffer.split_to(line).freeze(), false)));
        }
        let there = buffer.len() - line;
        let (taken, end) = match buffer.get(line..).and_then(|rest| rest.get(wanted..)) {
            // The chunk is there with its end, or at least with as much of that as tells.
            Some([b'\r', b'\n', ..]) => (wanted, 2),
            Some([] | [b'\r']) => (wanted, 0),
            Some(_) => return Err(Error::ChunkEnd),
            None => (there, 0),
        };
        self.state = match (size.saturating_sub(u64::try_from(taken).unwrap_or(size)), end) {
            (0, 2) => Body::ChunkLine(0),
            (0, _) => Body::ChunkEnd,
            (left, _) => Body::Chunk(left),
        };
        let wire = buffer.split_to(line + taken + end).freeze();
        Ok(Some(Piece { wire, from: line, to: line + taken, ends: end > 0 }))
    }

    fn trailer(
        &mut self,
        buffer: &mut BytesMut,
        so_far: usize,
        seen: usize,
        limits: &Limits,
    ) -> Result<Option<Piece>, Error> {
        let room = limits.trailers.saturating_sub(so_far);
        let Some(line) = line(buffer, seen, room.max(2)).map_err(|BadLine| Error::Trailers)? else {
            self.state = Body::Trailers(so_far, buffer.len());
            return Ok(None);
        };
        let text = buffer.get(..line.saturating_sub(2)).unwrap_or_default();
        if text.is_empty() {
            self.state = Body::Done;
        } else {
            let (name, value) = text
                .iter()
                .position(|byte| *byte == b':')
                .and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?)))
                .ok_or(Error::Trailers)?;
            let name = std::str::from_utf8(name).map_err(|_| Error::Trailers)?;
            if !crate::fields::is_name(name) || !crate::fields::is_value(value.trim_ascii()) {
                return Err(Error::Trailers);
            }
            self.state = Body::Trailers(so_far + line, 0);
        }
        Ok(Some(Piece::framing(buffer.split_to(line).freeze(), false)))
    }
}

/// Up to `left` bytes of content, and how many are left then.
fn plain(buffer: &mut BytesMut, left: u64) -> (Piece, u64) {
    let there = buffer.len();
    let count = usize::try_from(left).map_or(there, |left| left.min(there));
    let wire = buffer.split_to(count).freeze();
    (
        Piece { from: 0, to: wire.len(), wire, ends: false },
        left.saturating_sub(u64::try_from(count).unwrap_or(left)),
    )
}

/// The same within a chunk; with the chunk's end, and then none left, where that is there as well.
fn plain_with_end(buffer: &mut BytesMut, left: u64) -> Result<(Piece, Option<u64>), Error> {
    let whole = usize::try_from(left).ok().and_then(|left| Some((left, buffer.get(left..)?)));
    match whole {
        Some((count, [b'\r', b'\n', ..])) => {
            let wire = buffer.split_to(count + 2).freeze();
            Ok((Piece { from: 0, to: count, wire, ends: true }, None))
        }
        Some((_, [b'\r'] | [])) | None => {
            let (piece, left) = plain(buffer, left);
            Ok((piece, Some(left)))
        }
        Some(_) => Err(Error::ChunkEnd),
    }
}

/// A line that is too long or holds what no line may.
struct BadLine;

/// The length of the line at the buffer's beginning with its end, once that is there; `seen` bytes of it were
/// looked through before.
fn line(buffer: &[u8], seen: usize, limit: usize) -> Result<Option<usize>, BadLine> {
    for (at, byte) in buffer.iter().enumerate().skip(seen) {
        if at >= limit {
            return Err(BadLine);
        }
        let after_return = at.checked_sub(1).and_then(|before| buffer.get(before)) == Some(&b'\r');
        match byte {
            b'\n' if after_return => return Ok(Some(at + 1)),
            _ if after_return => return Err(BadLine),
            b'\r' | b'\t' => {}
            0..=31 | 127 => return Err(BadLine),
            _ => {}
        }
    }
    Ok(None)
}

/// The size that a chunk's line says, and how many bytes its extensions have (RFC 9112 7.1).
fn chunk_line(text: &[u8], padded: bool) -> Result<(u64, usize), Error> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits == 0 || digits > 16 {
        return Err(Error::ChunkSize);
    }
    let mut size = 0_u64;
    for digit in text.iter().take(digits) {
        let digit = char::from(*digit).to_digit(16).ok_or(Error::ChunkSize)?;
        size = (size << 4) | u64::from(digit);
    }
    let rest = text.get(digits..).unwrap_or_default();
    match rest {
        [] => Ok((size, 0)),
        [b';', ..] => Ok((size, rest.len())),
        _ if padded && rest.iter().all(|byte| *byte == b' ') => Ok((size, 0)),
        _ => Err(Error::ChunkSize),
    }
}

/// Drops what is left of an empty buffer's memory, so that an idle connection holds none.
pub(crate) fn release(buffer: &mut BytesMut) {
    if !buffer.has_remaining() {
        *buffer = BytesMut::new();
    }
}
