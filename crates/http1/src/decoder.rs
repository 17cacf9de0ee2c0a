//! Incremental decoders for requests and responses.

use std::marker::PhantomData;

use bytes::{Buf, BytesMut};

use crate::body::{BodyReader, BodyState};
use crate::error::Error;
use crate::framing::Framing;
use crate::head::Head;
use crate::head_scanner::HeadScanner;
use crate::limits::Limits;
use crate::piece::Piece;
use crate::request_head::RequestHead;
use crate::response_head::ResponseHead;

/// A part of a message. The parts of each message are its head, any number of pieces, and its end.
#[derive(Debug)]
pub enum Event<H> {
    /// A message begins.
    Head {
        /// The head.
        head: Box<H>,
        /// How the body is framed.
        framing: Framing,
    },
    /// A piece of the body.
    Body(Piece),
    /// The message has ended.
    End,
}

/// Decodes messages from bytes that arrive in pieces of any size.
///
/// Call [`receive`](Self::receive) with bytes as they arrive, or read into
/// [`read_buffer`](Self::read_buffer), then [`poll`](Self::poll) until it returns `None`. Call
/// [`close`](Self::close) at the end of the connection. After an error, every further call of `poll` returns
/// the same error.
#[derive(Debug)]
pub struct Decoder<H> {
    limits: Limits,
    buffer: BytesMut,
    state: State,
    /// Whether the next response is for a HEAD request.
    bodiless: bool,
    /// How many final responses are expected; unused for requests.
    expected: usize,
    /// How many interim responses have preceded the expected one.
    interim: usize,
    closed: bool,
    head: PhantomData<H>,
}

/// Decodes requests.
pub type RequestDecoder = Decoder<RequestHead>;

/// Decodes responses. Call [`ResponseDecoder::expect`] for each request that is sent.
pub type ResponseDecoder = Decoder<ResponseHead>;

/// [`Decoder::read_buffer`] offers the buffer if at least this many bytes of a body are missing.
const DIRECT_READ_THRESHOLD: usize = 16 * 1024;

/// At most this many bytes are preallocated from a declared length. The system provides new memory only as it
/// is filled; memory that the allocator reuses may be provided already.
const MAX_PREALLOCATION: usize = 256 * 1024;

/// The buffer of a gathered body grows only if it has less spare capacity than this, because growing copies
/// the buffered bytes.
const MIN_SPARE_CAPACITY: usize = MAX_PREALLOCATION / 4;

#[derive(Debug, Clone, Copy)]
enum State {
    Head(HeadScanner),
    Body(BodyReader),
    /// The whole message has been returned except for [`Event::End`].
    Ending,
    Failed(Error),
}

impl Decoder<ResponseHead> {
    /// Call this when a request was sent: the next response belongs to it. `bodiless` is whether it is a HEAD
    /// request. Requests are not pipelined: the previous response must have ended.
    pub fn expect(&mut self, bodiless: bool) {
        self.expected = self.expected.saturating_add(1);
        self.bodiless = bodiless;
    }
}

impl<H: Head> Decoder<H> {
    /// Creates a decoder for a new connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            buffer: BytesMut::new(),
            state: State::Head(HeadScanner::START),
            bodiless: false,
            expected: 0,
            interim: 0,
            closed: false,
            head: PhantomData,
        }
    }

    /// Appends received bytes to the buffer.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The buffer with spare capacity, so that bytes can be read into it directly. Returns `None` unless a
    /// body or chunk is being read of which at least 16 KiB are missing. The spare capacity is at most three
    /// times the buffered bytes, or 256 KiB if that is more, whatever length is declared.
    pub fn read_buffer(&mut self) -> Option<&mut BytesMut> {
        let buffered = self.buffer.len();
        let State::Body(reader) = &self.state else { return None };
        let missing = reader.missing(buffered);
        if missing < DIRECT_READ_THRESHOLD {
            return None;
        }
        let spare = |least: usize| missing.min(buffered.saturating_mul(3).max(least));
        if !reader.is_gathering() {
            self.buffer.reserve(spare(DIRECT_READ_THRESHOLD));
        } else if self.buffer.capacity() - buffered < missing.min(MIN_SPARE_CAPACITY) {
            self.buffer = page_aligned_copy(&self.buffer, spare(MAX_PREALLOCATION));
        }
        Some(&mut self.buffer)
    }

    /// From now on, [`Decoder::poll`] returns the rest of the current body as one piece if it has a length, or each of
    /// its chunks as one piece, up to `limit` bytes. A longer body or chunk is returned in pieces as it arrives.
    pub fn gather(&mut self, limit: usize) {
        if let State::Body(reader) = &mut self.state {
            reader.gather(limit);
        }
    }

    /// Skips `count` bytes that will never arrive, for example because a recording lost them. Returns false,
    /// and skips nothing, unless all of them are content of the body or chunk that is being read.
    pub fn skip(&mut self, count: u64) -> bool {
        match &mut self.state {
            State::Body(reader) if self.buffer.is_empty() => reader.skip(count),
            _ => false,
        }
    }

    /// Call this when the peer has closed its side of the connection.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// The number of bytes that were received but not returned yet.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Whether the last message has ended, and no byte of the next one has been received.
    pub fn is_between_messages(&self) -> bool {
        self.buffer.is_empty() && matches!(self.state, State::Head(_))
    }

    /// Frees the memory of the buffer if it is empty, so that an idle connection has no buffer.
    pub fn release_buffer(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// The bytes that were received but not returned.
    pub fn into_rest(self) -> BytesMut {
        self.buffer
    }

    /// Returns the next event; `None` if more bytes are needed.
    ///
    /// # Errors
    /// If the message is malformed, could be interpreted in two ways, or is cut off by the end of the
    /// connection.
    pub fn poll(&mut self) -> Result<Option<Event<H>>, Error> {
        let event = self.step();
        if let Err(error) = event {
            self.state = State::Failed(error);
        }
        event
    }

    fn step(&mut self) -> Result<Option<Event<H>>, Error> {
        match self.state {
            State::Failed(error) => Err(error),
            State::Head(_) => self.head(),
            State::Body(mut reader) => {
                let piece = reader.next(&mut self.buffer, &self.limits)?;
                self.state = State::Body(reader);
                match (piece, reader.state) {
                    (Some(piece), state) => {
                        if state == BodyState::Done {
                            self.state = State::Ending;
                        }
                        Ok(Some(Event::Body(piece)))
                    }
                    (None, BodyState::Done) => Ok(Some(self.end())),
                    (None, BodyState::UntilClose) if self.closed => Ok(Some(self.end())),
                    (None, _) if self.closed => Err(Error::CutOff),
                    (None, _) => Ok(None),
                }
            }
            State::Ending => Ok(Some(self.end())),
        }
    }

    fn end(&mut self) -> Event<H> {
        self.state = State::Head(HeadScanner::START);
        Event::End
    }

    fn head(&mut self) -> Result<Option<Event<H>>, Error> {
        if H::IS_RESPONSE && self.expected == 0 && !self.buffer.is_empty() {
            return Err(Error::UnsolicitedResponse);
        }
        let Some(length) = self.head_length()? else {
            let cut_off = self.closed && !self.buffer.is_empty();
            return if cut_off { Err(Error::CutOff) } else { Ok(None) };
        };
        let head = H::parse(self.buffer.split_to(length).freeze(), &self.limits)?;
        let framing = head.framing(self.bodiless)?;
        if head.is_interim() {
            self.interim += 1;
            if self.interim > Limits::MAX_INTERIM {
                return Err(Error::TooManyInterim);
            }
        } else {
            self.interim = 0;
            self.expected = self.expected.saturating_sub(1);
        }
        let reader = BodyReader::new(framing, H::IS_RESPONSE);
        self.state = match reader.state {
            BodyState::Done => State::Ending,
            _ => State::Body(reader),
        };
        Ok(Some(Event::Head { head: Box::new(head), framing }))
    }

    /// The length of the head at the beginning of the buffer, once it is complete.
    fn head_length(&mut self) -> Result<Option<usize>, Error> {
        let State::Head(mut scanner) = self.state else { return Ok(None) };
        // One empty line before a request is ignored (RFC 9112 2.2): some clients end a body with one.
        if !scanner.has_begun && !H::IS_RESPONSE {
            match self.buffer.get(..2) {
                Some(b"\r\n") => self.buffer.advance(2),
                None if matches!(self.buffer.first(), None | Some(b'\r')) => return Ok(None),
                _ => {}
            }
        }
        scanner.has_begun = true;
        let length = scanner.scan(&self.buffer, &self.limits);
        self.state = State::Head(scanner);
        length
    }
}

/// A copy of `bytes` with `spare` capacity after them, which begins at a page of memory. Copies between other
/// addresses may be several times slower: processors stall if the last twelve bits of the addresses let
/// source and target seem to overlap.
fn page_aligned_copy(bytes: &[u8], spare: usize) -> BytesMut {
    const PAGE: usize = 4096;
    let mut buffer = BytesMut::with_capacity(bytes.len() + spare + PAGE);
    let before = buffer.as_ptr().align_offset(PAGE).min(PAGE);
    buffer.resize(before, 0);
    buffer.advance(before);
    buffer.extend_from_slice(bytes);
    buffer
}
