//! Streams of properties ([MS-OXCPRPT] 2.2.14 to 2.2.24), as `AsyncRead` and `AsyncWrite`.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use mapi::property::PropTag;
use mapi::rop::stream::{
    RopOpenStreamRequest, RopReadStreamRequest, RopWriteStreamRequest, SizeOrSentinel, StreamOpenModeFlags,
};
use mapi::rop::{Bytes16, Empty, RequestBody};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::error::{Error, Failure};
use crate::store::batch::fields;
use crate::store::object::Object;

/// The bytes of a piece: a request and a response have 32 KiB with the fields of the ROP and the handle table.
const PIECE: u16 = 0x7C00;

type Step<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// Opens a property as a stream, and returns it with its size.
pub(crate) async fn open(
    object: &Object,
    tag: PropTag,
    open_mode_flags: StreamOpenModeFlags,
) -> Result<(Object, u32), Error> {
    let open = |output_handle_index| {
        let request = RopOpenStreamRequest { output_handle_index, property_tag: tag, open_mode_flags };
        RequestBody::RopOpenStream(request)
    };
    let (stream, body) = object.open(&format!("{tag} of {}", object.name()), open).await?;
    let size = fields!(body, RopOpenStream).map_err(|error| stream.on(error))?.stream_size;
    Ok((stream, size))
}

/// Reads the next piece of a stream; empty at its end.
pub(crate) async fn read(stream: Arc<Object>) -> Result<Bytes, Error> {
    let request = RopReadStreamRequest { byte_count: SizeOrSentinel(PIECE), maximum_byte_count: None };
    let body = stream.call(RequestBody::RopReadStream(request)).await?;
    Ok(fields!(body, RopReadStream).map_err(|error| stream.on(error))?.data.0)
}

/// Writes a piece of a stream.
async fn write(stream: Arc<Object>, piece: Bytes) -> Result<(), Error> {
    let length = piece.len();
    let request = RopWriteStreamRequest { data: Bytes16(piece) };
    let body = stream.call(RequestBody::RopWriteStream(request)).await?;
    let written = fields!(body, RopWriteStream).map_err(|error| stream.on(error))?.written_size;
    if usize::from(written) == length {
        return Ok(());
    }
    Err(stream.on(Error::new("RopWriteStream", Failure::Partial)))
}

async fn commit(stream: Arc<Object>) -> Result<(), Error> {
    stream.call(RequestBody::RopCommitStream(Empty)).await.map(drop)
}

/// Replaces the value of a property by `bytes`.
pub(crate) async fn write_all(object: &Object, tag: PropTag, bytes: &[u8]) -> Result<(), Error> {
    let (stream, _) = open(object, tag, StreamOpenModeFlags::CREATE).await?;
    let stream = Arc::new(stream);
    for piece in bytes.chunks(usize::from(PIECE)) {
        write(Arc::clone(&stream), Bytes::copy_from_slice(piece)).await?;
    }
    commit(stream).await
}

/// Reads the value of a property in pieces.
pub struct PropertyReader {
    stream: Arc<Object>,
    size: u32,
    piece: Bytes,
    reading: Option<Step<Bytes>>,
    is_at_end: bool,
}

impl std::fmt::Debug for PropertyReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PropertyReader").field("stream", &self.stream.name()).finish_non_exhaustive()
    }
}

impl PropertyReader {
    pub(crate) async fn open(object: &Object, tag: PropTag) -> Result<Self, Error> {
        let (stream, size) = open(object, tag, StreamOpenModeFlags::READ_ONLY).await?;
        let stream = Arc::new(stream);
        Ok(Self { stream, size, piece: Bytes::new(), reading: None, is_at_end: false })
    }

    /// The size of the value when the stream was opened, in bytes. Texts are UTF-16.
    pub const fn size(&self) -> u32 {
        self.size
    }
}

impl AsyncRead for PropertyReader {
    fn poll_read(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.piece.is_empty() && !this.is_at_end {
            let step = this.reading.get_or_insert_with(|| Box::pin(read(Arc::clone(&this.stream))));
            let read = ready!(step.as_mut().poll(task));
            this.reading = None;
            this.piece = read.map_err(io::Error::other)?;
            this.is_at_end = this.piece.is_empty();
        }
        let length = this.piece.len().min(buffer.remaining());
        buffer.put_slice(&this.piece.split_to(length));
        Poll::Ready(Ok(()))
    }
}

/// Replaces the value of a property, in pieces. The value changes once the writer is shut down; the object itself must
/// be saved as well.
pub struct PropertyWriter {
    stream: Arc<Object>,
    buffer: Vec<u8>,
    step: Option<Step<()>>,
    is_committed: bool,
    /// Whether a step failed, so that the value would lack a piece.
    has_failed: bool,
}

impl std::fmt::Debug for PropertyWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PropertyWriter").field("stream", &self.stream.name()).finish_non_exhaustive()
    }
}

impl PropertyWriter {
    pub(crate) async fn open(object: &Object, tag: PropTag) -> Result<Self, Error> {
        let (stream, _) = open(object, tag, StreamOpenModeFlags::CREATE).await?;
        Ok(Self {
            stream: Arc::new(stream),
            buffer: Vec::new(),
            step: None,
            is_committed: false,
            has_failed: false,
        })
    }

    /// Completes the step in progress.
    fn poll_step(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.has_failed {
            return Poll::Ready(Err(io::Error::other("an earlier piece could not be written")));
        }
        if let Some(step) = &mut self.step {
            let done = ready!(step.as_mut().poll(task));
            self.step = None;
            self.has_failed = done.is_err();
            done.map_err(io::Error::other)?;
        }
        Poll::Ready(Ok(()))
    }

    fn begin_write(&mut self) {
        if !self.buffer.is_empty() {
            let mut rest = std::mem::take(&mut self.buffer);
            let piece: Vec<u8> = rest.drain(..rest.len().min(usize::from(PIECE))).collect();
            self.buffer = rest;
            self.step = Some(Box::pin(write(Arc::clone(&self.stream), Bytes::from(piece))));
        }
    }
}

impl AsyncWrite for PropertyWriter {
    fn poll_write(self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let piece = usize::from(PIECE);
        if this.buffer.len() >= piece {
            ready!(this.poll_step(task))?;
            this.begin_write();
        }
        let taken = bytes.get(..bytes.len().min(piece - this.buffer.len())).unwrap_or_default();
        this.buffer.extend_from_slice(taken);
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            ready!(this.poll_step(task))?;
            if this.buffer.is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.begin_write();
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(task))?;
        let this = self.get_mut();
        if !this.is_committed {
            this.step = Some(Box::pin(commit(Arc::clone(&this.stream))));
            this.is_committed = true;
        }
        this.poll_step(task)
    }
}
