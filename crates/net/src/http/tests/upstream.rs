//! The server of a playbook: its responses, and one connection to it.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use http1::{Event, RequestDecoder, RequestHead, ResponseDecoder};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use crate::http::memory_stream::{MemoryServer, PIPE};

/// A request as the server received it.
#[derive(Debug, Clone)]
pub(crate) struct ReceivedRequest {
    /// The number of the connection on which it was received.
    pub(super) connection: usize,
    pub(super) head: RequestHead,
    pub(super) body: Vec<u8>,
}

/// The server's response to a request, and whether the connection stays.
type Handler = dyn Fn(&ReceivedRequest, &mut Vec<u8>) -> bool;

/// The action of a server once it has the head of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtHead {
    /// It reads the rest.
    ReadsOn,
    /// It reads no more, and leaves the connection open.
    StopsReading,
    /// It closes the connection.
    Closes,
}

/// The beginning of a server's response to a request of which it has received only the head.
type Early = dyn Fn(&ReceivedRequest, &mut Vec<u8>) -> AtHead;

/// A server.
pub(super) struct Upstream {
    handler: Box<Handler>,
    early: Box<Early>,
    got: RefCell<Vec<ReceivedRequest>>,
    /// All bytes that it received.
    bytes: RefCell<Vec<u8>>,
    connections: RefCell<usize>,
    pub(super) memory: MemoryServer,
}

impl Upstream {
    pub(super) fn new(handler: impl Fn(&ReceivedRequest, &mut Vec<u8>) -> bool + 'static) -> Rc<Self> {
        Self::early(|_, _| AtHead::ReadsOn, handler)
    }

    /// A server that begins its response with the head of a request.
    pub(super) fn early(
        early: impl Fn(&ReceivedRequest, &mut Vec<u8>) -> AtHead + 'static,
        handler: impl Fn(&ReceivedRequest, &mut Vec<u8>) -> bool + 'static,
    ) -> Rc<Self> {
        Rc::new(Self {
            handler: Box::new(handler),
            early: Box::new(early),
            got: RefCell::default(),
            bytes: RefCell::default(),
            connections: RefCell::default(),
            memory: MemoryServer::default(),
        })
    }

    /// A server that sends nothing unless the test does.
    pub(super) fn silent() -> Rc<Self> {
        Self::new(|_, _| true)
    }

    /// A server that always sends this response.
    pub(super) fn responding(response: impl Into<Vec<u8>>) -> Rc<Self> {
        let response = response.into();
        Self::new(move |_, out| {
            out.extend_from_slice(&response);
            true
        })
    }

    /// The next request that it received.
    pub(super) fn next(&self) -> ReceivedRequest {
        self.got.borrow_mut().remove(0)
    }

    /// The requests that it received and that the test has not checked.
    pub(super) fn others(&self) -> Vec<ReceivedRequest> {
        std::mem::take(&mut self.got.borrow_mut())
    }

    /// Whether it received `text` on any connection.
    pub(super) fn received(&self, text: &str) -> bool {
        self.bytes.borrow().windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// The connections that were made since the last call.
    pub(super) fn accept(&self) -> Vec<ServerConnection> {
        let number = || self.connections.replace_with(|count| *count + 1);
        let accepted = self.memory.take_accepted();
        accepted.into_iter().map(|(stream, takes)| ServerConnection::new(stream, takes, number())).collect()
    }
}

/// One connection to the server.
pub(super) struct ServerConnection {
    number: usize,
    takes: Arc<AtomicUsize>,
    /// None once the server closed it.
    stream: Option<DuplexStream>,
    requests: RequestDecoder,
    current: Option<ReceivedRequest>,
    reads: bool,
    /// What is to be sent.
    outgoing: Vec<u8>,
    /// Finds the end of the response in the bytes that were sent.
    responses: ResponseDecoder,
    is_interim: bool,
    /// Whether a request was received whose response is not complete.
    is_busy: bool,
    closes: bool,
}

impl ServerConnection {
    fn new(stream: DuplexStream, takes: Arc<AtomicUsize>, number: usize) -> Self {
        Self {
            number,
            takes,
            stream: Some(stream),
            requests: RequestDecoder::new(http1::Limits::default()),
            current: None,
            reads: true,
            outgoing: Vec::new(),
            responses: ResponseDecoder::new(http1::Limits::default()),
            is_interim: false,
            is_busy: false,
            closes: false,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.stream.is_some() && !self.closes
    }

    /// Whether the proxy waits for the response to a request on it.
    pub(super) fn is_busy(&self) -> bool {
        self.is_busy && self.is_open()
    }

    /// Sends more of a response.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.outgoing.extend_from_slice(bytes);
        self.responses.receive(bytes);
        while let Ok(Some(event)) = self.responses.poll() {
            match event {
                Event::Head { head, .. } => self.is_interim = head.status() < 200,
                Event::Body(_) => {}
                Event::End => self.is_busy &= self.is_interim,
            }
        }
    }

    /// The connection accepts `count` more bytes from the proxy, and then fails. The proxy does not notice that by
    /// reading.
    pub(super) fn fail_after(&self, count: usize) {
        self.takes.store(count, Ordering::Relaxed);
    }

    /// Closes the connection once the pending bytes are sent.
    pub(super) fn close(&mut self) {
        self.closes = true;
    }

    /// Sends and reads as far as the pipe permits. Returns whether anything happened.
    pub(super) fn advance(&mut self, upstream: &Upstream) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        let sent = write_some(stream, &mut self.outgoing);
        if self.closes && self.outgoing.is_empty() {
            self.stream = None;
            return true;
        }
        let Some(bytes) = self.reads.then(|| read_some(stream)).flatten() else { return sent };
        if bytes.is_empty() {
            self.stream = None;
            return true;
        }
        upstream.bytes.borrow_mut().extend_from_slice(&bytes);
        self.requests.receive(&bytes);
        while self.reads
            && let Some(event) = self.requests.poll().expect("what the proxy sends is a request")
        {
            self.on(event, upstream);
        }
        true
    }

    fn on(&mut self, event: Event<RequestHead>, upstream: &Upstream) {
        match event {
            Event::Head { head, .. } => {
                self.is_busy = true;
                self.responses.expect(head.method() == "HEAD");
                let got = ReceivedRequest { connection: self.number, head: *head, body: Vec::new() };
                let mut response = Vec::new();
                let then = (upstream.early)(&got, &mut response);
                self.current = Some(got);
                self.send(&response);
                self.reads = then == AtHead::ReadsOn;
                self.closes |= then == AtHead::Closes;
            }
            Event::Body(piece) => self.current.as_mut().unwrap().body.extend_from_slice(piece.data()),
            Event::End => {
                let got = self.current.take().unwrap();
                upstream.got.borrow_mut().push(got.clone());
                let mut response = Vec::new();
                self.closes |= !(upstream.handler)(&got, &mut response);
                self.send(&response);
            }
        }
    }
}

/// Writes as many of `bytes` as fit into the pipe. Returns whether any did.
pub(super) fn write_some(stream: &mut DuplexStream, bytes: &mut Vec<u8>) -> bool {
    let mut task = Context::from_waker(Waker::noop());
    let mut is_some = false;
    while !bytes.is_empty() {
        match Pin::new(&mut *stream).poll_write(&mut task, bytes) {
            Poll::Ready(Ok(count)) => drop(bytes.drain(..count)),
            // The other end is closed.
            Poll::Ready(Err(_)) => bytes.clear(),
            Poll::Pending => break,
        }
        is_some = true;
    }
    is_some
}

/// Reads the bytes in the pipe: an empty vector at its end, `None` while it is empty.
pub(super) fn read_some(stream: &mut DuplexStream) -> Option<Vec<u8>> {
    let mut bytes = vec![0; PIPE];
    let mut buffer = ReadBuf::new(&mut bytes);
    match Pin::new(stream).poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer) {
        Poll::Ready(read) => {
            let count = read.map(|()| buffer.filled().len()).unwrap_or_default();
            bytes.truncate(count);
            Some(bytes)
        }
        Poll::Pending => None,
    }
}
