//! Reading from a byte stream.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// The most bytes of one read.
const READ_SIZE: usize = 16 * 1024;

/// Reads received bytes and passes them to `take`; ready with the number of bytes, zero at the end of the stream.
/// The buffer is on the stack for this call only, so that an idle connection has none.
pub(crate) fn poll_read(
    stream: &mut (impl AsyncRead + Unpin),
    task: &mut Context<'_>,
    take: impl FnOnce(&[u8]),
) -> Poll<io::Result<usize>> {
    let mut bytes = [MaybeUninit::uninit(); READ_SIZE];
    let mut buffer = ReadBuf::uninit(&mut bytes);
    ready!(Pin::new(stream).poll_read(task, &mut buffer))?;
    let filled = buffer.filled();
    if !filled.is_empty() {
        take(filled);
    }
    Poll::Ready(Ok(filled.len()))
}
