//! Reads message bodies, by length or in chunks (RFC 9112 6, 7).

use bytes::BytesMut;

use crate::chunk::{BadLine, check_trailer, line_length, parse_chunk_line};
use crate::error::Error;
use crate::framing::Framing;
use crate::limits::Limits;
use crate::piece::Piece;

/// The position of a [`BodyReader`] within a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyState {
    /// The number of bytes until the end.
    Length(u64),
    UntilClose,
    /// Before the line of a chunk: how many bytes of the line were examined.
    ChunkLine(usize),
    /// Within the data of a chunk: the number of bytes until its end.
    Chunk(u64),
    /// Before the CR LF that ends a chunk.
    ChunkEnd,
    /// After the last chunk: the size of the trailer fields so far, and how many bytes of the line were
    /// examined.
    Trailers(usize, usize),
    Done,
}

/// Reads one body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyReader {
    pub(crate) state: BodyState,
    /// The size of the chunk extensions so far.
    extensions: usize,
    /// By how many bytes the lines and ends of the chunks of a response exceed their content so far.
    framing: usize,
    /// Whether the body is that of a response: then spaces may follow a chunk size, since some servers pad it.
    is_response: bool,
    /// A body with a length, or a chunk, that is not longer than this is returned as one piece.
    gather_limit: usize,
    /// The length of the chunk that is being gathered, with its line and its end; zero if there is no such
    /// chunk.
    gathered_chunk: usize,
}

impl BodyReader {
    pub(crate) const fn new(framing: Framing, is_response: bool) -> Self {
        let state = match framing {
            Framing::None | Framing::Length(0) => BodyState::Done,
            Framing::Length(length) => BodyState::Length(length),
            Framing::Chunked => BodyState::ChunkLine(0),
            Framing::UntilClose => BodyState::UntilClose,
        };
        Self { state, extensions: 0, framing: 0, is_response, gather_limit: 0, gathered_chunk: 0 }
    }

    /// From now on, returns a body with a length, or a chunk, that is not longer than `limit` as one piece.
    pub(crate) const fn gather(&mut self, limit: usize) {
        self.gather_limit = limit;
    }

    /// How many bytes of the current body or chunk are missing according to its declared length, if
    /// `buffered` bytes have been received.
    pub(crate) fn missing(&self, buffered: usize) -> usize {
        match self.state {
            BodyState::Length(left) | BodyState::Chunk(left) => {
                usize::try_from(left).unwrap_or(usize::MAX).saturating_sub(buffered)
            }
            BodyState::ChunkLine(_) => self.gathered_chunk.saturating_sub(buffered),
            _ => 0,
        }
    }

    /// Whether the current body or chunk is returned as one piece.
    pub(crate) fn is_gathering(&self) -> bool {
        match self.state {
            BodyState::Length(left) => self.gathers(left),
            BodyState::ChunkLine(_) => self.gathered_chunk > 0,
            _ => false,
        }
    }

    /// Takes the next piece from `buffer`. Returns `None` if more bytes are needed, or the body has ended.
    pub(crate) fn next(&mut self, buffer: &mut BytesMut, limits: &Limits) -> Result<Option<Piece>, Error> {
        match self.state {
            BodyState::Done => Ok(None),
            _ if buffer.is_empty() => Ok(None),
            BodyState::Length(left) if self.gathers(left) && self.missing(buffer.len()) > 0 => Ok(None),
            BodyState::Length(left) => {
                let (piece, left) = take_content(buffer, left);
                self.state = if left == 0 { BodyState::Done } else { BodyState::Length(left) };
                Ok(Some(piece))
            }
            BodyState::UntilClose => Ok(Some(take_content(buffer, u64::MAX).0)),
            BodyState::ChunkLine(scanned) => self.chunk(buffer, scanned, limits),
            BodyState::Chunk(left) => {
                let (piece, left) = take_chunk_data(buffer, left)?;
                self.state = match left {
                    None => BodyState::ChunkLine(0),
                    Some(0) => BodyState::ChunkEnd,
                    Some(left) => BodyState::Chunk(left),
                };
                Ok(Some(piece))
            }
            BodyState::ChunkEnd => match buffer.first_chunk::<2>() {
                Some(b"\r\n") => {
                    self.state = BodyState::ChunkLine(0);
                    Ok(Some(Piece::framing(buffer.split_to(2).freeze(), true)))
                }
                None if buffer.first() == Some(&b'\r') => Ok(None),
                Some(_) | None => Err(Error::ChunkEnd),
            },
            BodyState::Trailers(so_far, scanned) => self.trailer(buffer, so_far, scanned, limits),
        }
    }

    /// Skips `count` bytes of content. Returns false, and skips nothing, if fewer bytes of content follow.
    pub(crate) fn skip(&mut self, count: u64) -> bool {
        self.state = match self.state {
            BodyState::Length(left) if left == count => BodyState::Done,
            BodyState::Length(left) if left > count => BodyState::Length(left.saturating_sub(count)),
            BodyState::Chunk(left) if left == count => BodyState::ChunkEnd,
            BodyState::Chunk(left) if left > count => BodyState::Chunk(left.saturating_sub(count)),
            BodyState::UntilClose => BodyState::UntilClose,
            _ => return false,
        };
        true
    }

    fn gathers(&self, length: u64) -> bool {
        usize::try_from(length).is_ok_and(|length| length <= self.gather_limit)
    }

    /// Takes the line of a chunk, and with it the received part of the chunk, or the whole chunk if it is
    /// gathered.
    fn chunk(
        &mut self,
        buffer: &mut BytesMut,
        scanned: usize,
        limits: &Limits,
    ) -> Result<Option<Piece>, Error> {
        let line = line_length(buffer, scanned, limits.chunk_line).map_err(|BadLine| Error::ChunkLine)?;
        let Some(line) = line else {
            self.state = BodyState::ChunkLine(buffer.len());
            return Ok(None);
        };
        let text = buffer.get(..line.saturating_sub(2)).unwrap_or_default();
        let (size, extension) = parse_chunk_line(text, self.is_response)?;
        let data = usize::try_from(size).unwrap_or(usize::MAX);
        if size > 0 && self.gathers(size) {
            self.gathered_chunk = line.saturating_add(data).saturating_add(2);
            if self.gathered_chunk > buffer.len() {
                // The line is parsed again when the whole chunk has been received: it is short.
                self.state = BodyState::ChunkLine(0);
                return Ok(None);
            }
            self.gathered_chunk = 0;
        }
        self.extensions = self.extensions.saturating_add(extension);
        if self.extensions > limits.extensions {
            return Err(Error::ChunkLine);
        }
        // Only responses need this limit: other limits bound the work that a client's requests cause.
        if self.is_response {
            self.framing = self.framing.saturating_add(line + 2).saturating_sub(data);
            if self.framing > limits.chunk_framing {
                return Err(Error::ChunkFraming);
            }
        }
        if size == 0 {
            self.state = BodyState::Trailers(0, 0);
            return Ok(Some(Piece::framing(buffer.split_to(line).freeze(), false)));
        }
        let (taken, end) = match buffer.get(line..).and_then(|rest| rest.get(data..)) {
            Some([b'\r', b'\n', ..]) => (data, 2),
            Some([] | [b'\r']) => (data, 0),
            Some(_) => return Err(Error::ChunkEnd),
            None => (buffer.len() - line, 0),
        };
        self.state = match (size.saturating_sub(u64::try_from(taken).unwrap_or(size)), end) {
            (0, 2) => BodyState::ChunkLine(0),
            (0, _) => BodyState::ChunkEnd,
            (left, _) => BodyState::Chunk(left),
        };
        let wire = buffer.split_to(line + taken + end).freeze();
        Ok(Some(Piece::new(wire, line, line + taken, end > 0)))
    }

    /// Takes the trailer fields, which are checked and dropped, and the empty line that ends the body. Trailer fields
    /// cannot be forwarded unseen: a recipient may merge them into the head (RFC 9110 6.5.1).
    fn trailer(
        &mut self,
        buffer: &mut BytesMut,
        mut so_far: usize,
        mut scanned: usize,
        limits: &Limits,
    ) -> Result<Option<Piece>, Error> {
        loop {
            let limit = limits.trailers.saturating_sub(so_far).max(2);
            let line = line_length(buffer, scanned, limit).map_err(|BadLine| Error::Trailers)?;
            let Some(line) = line else {
                self.state = BodyState::Trailers(so_far, buffer.len());
                return Ok(None);
            };
            let line = buffer.split_to(line);
            match line.strip_suffix(b"\r\n") {
                None | Some([]) => {
                    self.state = BodyState::Done;
                    return Ok(Some(Piece::framing(line.freeze(), false)));
                }
                Some(field) => check_trailer(field)?,
            }
            (so_far, scanned) = (so_far + line.len(), 0);
        }
    }
}

/// Takes up to `left` bytes of content. Returns how many are left after them.
fn take_content(buffer: &mut BytesMut, left: u64) -> (Piece, u64) {
    let buffered = buffer.len();
    let count = usize::try_from(left).map_or(buffered, |left| left.min(buffered));
    let wire = buffer.split_to(count).freeze();
    (Piece::content(wire), left.saturating_sub(u64::try_from(count).unwrap_or(left)))
}

/// Takes up to `left` bytes of the data of a chunk, and the end of the chunk if it has been received. Returns
/// how many bytes of data are left; `None` if the chunk has ended.
fn take_chunk_data(buffer: &mut BytesMut, left: u64) -> Result<(Piece, Option<u64>), Error> {
    let whole = usize::try_from(left).ok().and_then(|left| Some((left, buffer.get(left..)?)));
    match whole {
        Some((count, [b'\r', b'\n', ..])) => {
            let wire = buffer.split_to(count + 2).freeze();
            Ok((Piece::new(wire, 0, count, true), None))
        }
        Some((_, [b'\r'] | [])) | None => {
            let (piece, left) = take_content(buffer, left);
            Ok((piece, Some(left)))
        }
        Some(_) => Err(Error::ChunkEnd),
    }
}
