//! Incremental decoders for requests and responses.

use std::marker::PhantomData;

use bytes::{Buf, BytesMut};

use crate::body::{self, Body, Piece, Reader};
use crate::error::Error;
use crate::framing::Framing;
use crate::head::{Head, RequestHead, ResponseHead};
use crate::limits::Limits;

/// What was read.
#[derive(Debug)]
pub enum Event<H> {
    /// A message begins.
    Head {
        /// Its head.
        head: H,
        /// How its body is framed.
        framing: Framing,
    },
    /// A piece of its body.
    Body(Piece),
    /// It has ended.
    End,
}

/// Reads messages out of bytes that arrive in pieces of any size.
///
/// After an error nothing more is read: every further call gives the same error.
#[derive(Debug)]
pub struct Decoder<H> {
    limits: Limits,
    buffer: BytesMut,
    state: State,
    /// Whether the next answer is one to a HEAD.
    bodiless: bool,
    /// How many answers are still to come; for answers only.
    expected: usize,
    /// How many interim answers came before the one that is expected.
    interim: usize,
    closed: bool,
    head: PhantomData<H>,
}

/// From so many bytes on that are still to come it is worth reading them where they stay.
const LONG: usize = 16 * 1024;

/// So much room is made on a peer's word for what is to be there as a whole. Fresh room takes memory only as
/// it is filled; room that the allocator had before may have its memory still.
const ON_TRUST: usize = 256 * 1024;

/// New room is made only where there is less than this: all that is there is copied then.
const LITTLE: usize = ON_TRUST / 4;

/// Reads requests.
pub type RequestDecoder = Decoder<RequestHead>;

/// Reads answers. Each must be announced by [`ResponseDecoder::expect`].
pub type ResponseDecoder = Decoder<ResponseHead>;

#[derive(Debug, Clone, Copy)]
enum State {
    Head(Scan),
    Body(Reader),
    /// The message is read but for saying so.
    Ending,
    Failed(Error),
}

/// How far a head was looked through.
#[derive(Debug, Clone, Copy)]
struct Scan {
    place: Place,
    /// How many bytes.
    seen: usize,
    /// Where the current line begins.
    line: usize,
    /// How many lines there were before it.
    lines: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Between two messages.
    Start,
    /// Within a head.
    Within,
}

impl Decoder<ResponseHead> {
    /// Announces that a request is under way whose answer comes next; `bodiless` says that it is a HEAD. One is
    /// asked after the other: nothing must be expected while an answer is still to come.
    pub fn expect(&mut self, bodiless: bool) {
        self.expected = self.expected.saturating_add(1);
        self.bodiless = bodiless;
    }
}

impl<H: Head> Decoder<H> {
    /// A decoder at a connection's beginning.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            buffer: BytesMut::new(),
            state: State::Head(Scan::START),
            bodiless: false,
            expected: 0,
            interim: 0,
            closed: false,
            head: PhantomData,
        }
    }

    /// Takes bytes as they arrive.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Where bytes can be read into directly, behind those that are there: only within something long. Beyond
    /// 256 KiB there is room for no more than three times what is there already, whatever the peer says is to
    /// come.
    pub fn room(&mut self) -> Option<&mut BytesMut> {
        let there = self.buffer.len();
        let State::Body(reader) = &self.state else { return None };
        let wants = reader.wants(there);
        if wants < LONG {
            return None;
        }
        let room = |least: usize| wants.min(there.saturating_mul(3).max(least));
        if !reader.waits_for_all() {
            self.buffer.reserve(room(LONG));
        } else if self.buffer.capacity() - there < wants.min(LITTLE) {
            self.buffer = on_a_page(&self.buffer, room(ON_TRUST));
        }
        Some(&mut self.buffer)
    }

    /// The rest of the current body comes as one piece where its length says so, or each of its chunks does,
    /// but for what is longer than `limit`.
    pub fn gather(&mut self, limit: usize) {
        if let State::Body(reader) = &mut self.state {
            reader.gather(limit);
        }
    }

    /// Passes over `count` bytes that will never arrive, as where a recording lost them, where all of them are
    /// content of the body, or of the chunk, that is being read. False, and nothing is done, where they may be
    /// anything else.
    pub fn skip(&mut self, count: u64) -> bool {
        match &mut self.state {
            State::Body(reader) if self.buffer.is_empty() => reader.skip(count),
            _ => false,
        }
    }

    /// The connection's other end has sent all that it will.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// How many bytes wait to be read.
    pub fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// Whether it stands between two messages, with nothing of the next one there.
    pub fn is_between(&self) -> bool {
        self.buffer.is_empty() && matches!(self.state, State::Head(_))
    }

    /// Gives back the buffer's memory where nothing is in it.
    pub fn release(&mut self) {
        body::release(&mut self.buffer);
    }

    /// What is left of the bytes that arrived, unread.
    pub fn into_rest(self) -> BytesMut {
        self.buffer
    }

    /// The next event; none before more bytes arrive.
    ///
    /// # Errors
    /// When the peer sends what is no message or can be read in two ways, or ends within a message.
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
                        if state == Body::Done {
                            self.state = State::Ending;
                        }
                        Ok(Some(Event::Body(piece)))
                    }
                    (None, Body::Done) => Ok(Some(self.end())),
                    (None, Body::UntilClose) if self.closed => Ok(Some(self.end())),
                    (None, _) if self.closed => Err(Error::CutOff),
                    (None, _) => Ok(None),
                }
            }
            State::Ending => Ok(Some(self.end())),
        }
    }

    fn end(&mut self) -> Event<H> {
        self.state = State::Head(Scan::START);
        Event::End
    }

    fn head(&mut self) -> Result<Option<Event<H>>, Error> {
        if H::IS_RESPONSE && self.expected == 0 && !self.buffer.is_empty() {
            return Err(Error::Unasked);
        }
        let Some(length) = self.find_end()? else {
            let cut_off = self.closed && !self.buffer.is_empty();
            return if cut_off { Err(Error::CutOff) } else { Ok(None) };
        };
        let head = H::parse(self.buffer.split_to(length).freeze(), &self.limits)?;
        let framing = head.framing(self.bodiless)?;
        if head.is_interim() {
            self.interim += 1;
            if self.interim > Limits::MOST_INTERIM {
                return Err(Error::TooManyInterim);
            }
        } else {
            self.interim = 0;
            self.expected = self.expected.saturating_sub(1);
        }
        let reader = Reader::new(framing, H::IS_RESPONSE);
        self.state = match reader.state {
            Body::Done => State::Ending,
            _ => State::Body(reader),
        };
        Ok(Some(Event::Head { head, framing }))
    }

    /// The length of the head at the buffer's beginning, once all of it is there.
    fn find_end(&mut self) -> Result<Option<usize>, Error> {
        let State::Head(mut scan) = self.state else { return Ok(None) };
        // Before a request one empty line is let pass (RFC 9112 2.2): some clients end a body with one.
        if scan.place == Place::Start && !H::IS_RESPONSE {
            match self.buffer.get(..2) {
                Some(b"\r\n") => self.buffer.advance(2),
                None if matches!(self.buffer.first(), None | Some(b'\r')) => return Ok(None),
                _ => {}
            }
        }
        scan.place = Place::Within;
        let found = scan.go_on(&self.buffer, &self.limits);
        self.state = State::Head(scan);
        found
    }
}

/// A copy of `bytes` with `room` behind them, which begins where a page of memory does. Other places may be
/// several times slower to copy to and from: processors wait where target and source seem to overlap, by the
/// last twelve bits of their addresses.
fn on_a_page(bytes: &[u8], room: usize) -> BytesMut {
    const PAGE: usize = 4096;
    let mut buffer = BytesMut::with_capacity(bytes.len() + room + PAGE);
    let before = buffer.as_ptr().align_offset(PAGE).min(PAGE);
    buffer.resize(before, 0);
    buffer.advance(before);
    buffer.extend_from_slice(bytes);
    buffer
}

impl Scan {
    const START: Self = Self { place: Place::Start, seen: 0, line: 0, lines: 0 };

    /// Looks at what has come since; the head's length once its empty line is there.
    fn go_on(&mut self, buffer: &[u8], limits: &Limits) -> Result<Option<usize>, Error> {
        while let Some(at) = buffer.get(self.seen..).and_then(|fresh| memchr::memchr(b'\n', fresh)) {
            let at = self.seen + at;
            self.check_length(at, limits)?;
            self.seen = at + 1;
            if at == 0 || buffer.get(at - 1) != Some(&b'\r') {
                return Err(Error::BareLineEnd);
            }
            match (self.line, at - self.line) {
                (0, 1) => return Err(Error::Malformed("an empty first line")),
                (_, 1) => return Ok(Some(self.seen)),
                (0, _) => {}
                (line, _) if buffer.get(line).is_some_and(|first| matches!(first, b' ' | b'\t')) => {
                    return Err(Error::Folded);
                }
                _ => {}
            }
            self.line = self.seen;
            self.lines += 1;
            if self.lines > limits.fields.min(Limits::MOST_FIELDS) + 1 {
                return Err(Error::TooManyFields);
            }
        }
        self.seen = buffer.len();
        self.check_length(self.seen, limits)?;
        Ok(None)
    }

    fn check_length(&self, length: usize, limits: &Limits) -> Result<(), Error> {
        match length {
            length if self.line == 0 && length >= limits.line => Err(Error::LineTooLong),
            length if length >= limits.head => Err(Error::HeadTooLong),
            _ => Ok(()),
        }
    }
}
