//! Streams that clients download ([MS-OXCFXICS] 3.2.5.8).

use std::sync::Arc;

use mapi::ErrorCode;
use mapi::rop::fast_transfer::{
    RopFastTransferSourceGetBufferRequest, RopFastTransferSourceGetBufferResponse, TransferContent,
    TransferStatus,
};
use mapi::rop::{RequestBody, ResponseBody, RopRequest, SizeOrSentinel};

use super::context::Context;
use super::outcome::{Outcome, Success};
use crate::refusal::Refusal;
use crate::session::logon::Logon;
use crate::session::{Object, Opened};
use crate::sync::download::Download;

/// The size of a response to `RopFastTransferSourceGetBuffer` without its data ([MS-OXCROPS] 2.2.12.4.2).
const GET_BUFFER_SIZE: usize = 1 + 1 + 4 + 2 + 2 + 2 + 1 + 2;

/// The room that the response to a request needs. A client that names the size of the buffer receives
/// `RopBufferTooSmall` if the response has less room ([MS-OXCFXICS] 3.2.5.8.1.5).
pub(super) fn buffer_room(request: &RopFastTransferSourceGetBufferRequest) -> usize {
    let size = if request.buffer_size.is_sentinel() { 0 } else { usize::from(request.buffer_size.0) };
    size.saturating_add(GET_BUFFER_SIZE)
}

fn download<'a>(context: &'a mut Context<'_>) -> Result<(Arc<Logon>, &'a mut Download), Refusal> {
    let handle = context.handle()?;
    match context.session.objects.get_mut(handle).ok_or(ErrorCode::EC_NULL_OBJECT)? {
        Opened { logon, object: Object::Download(download) } => Ok((Arc::clone(logon), download)),
        _ => Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    }
}

/// `RopFastTransferSourceGetBuffer` ([MS-OXCFXICS] 3.2.5.8.1.5).
pub(super) fn get_buffer(
    context: &mut Context<'_>,
    request: &RopFastTransferSourceGetBufferRequest,
) -> Outcome {
    let room = context.room.saturating_sub(GET_BUFFER_SIZE);
    let (logon_id, handle_index) = (context.request.logon_id, context.request.handle_index);
    let limit = match request.maximum_buffer_size {
        Some(maximum) => room.min(usize::from(maximum)),
        None => usize::from(request.buffer_size.0),
    };
    let backend = context.backend();
    let (logon, download) = download(context)?;
    let read = backend.read(|view| download.read(view, &logon, limit));
    let read = read.and_then(|read| context.session.objects.check_room(0).map(|()| read).map_err(Refusal));
    let (_, download) = self::download(context)?;
    let (buffer, code, transfer_status) = match read {
        Ok((buffer, true)) => {
            download.finish();
            (buffer, ErrorCode::SUCCESS, TransferStatus::DONE)
        }
        Ok((buffer, false)) => (buffer, ErrorCode::SUCCESS, TransferStatus::PARTIAL),
        Err(Refusal(code)) => {
            if code != ErrorCode::EC_BUFFER_TOO_SMALL {
                download.fail(code);
            }
            (Vec::new(), code, TransferStatus::ERROR)
        }
    };
    let (done, total) = (download.done, download.total);
    let rest = request.maximum_buffer_size.map(|maximum| {
        let received = u16::try_from(buffer.len()).unwrap_or(u16::MAX);
        maximum.saturating_sub(received)
    });
    let next = rest.filter(|rest| *rest > 0 && transfer_status == TransferStatus::PARTIAL);
    let next = next.map(|rest| RopRequest {
        logon_id,
        handle_index,
        body: RequestBody::RopFastTransferSourceGetBuffer(RopFastTransferSourceGetBufferRequest {
            buffer_size: SizeOrSentinel::SENTINEL,
            maximum_buffer_size: Some(rest),
        }),
    });
    let response = RopFastTransferSourceGetBufferResponse {
        transfer_status,
        in_progress_count: scaled(done, total),
        total_step_count: scaled(total, total),
        reserved: 0,
        content: TransferContent::Buffer(buffer),
    };
    Ok(Success { code, next, ..Success::new(ResponseBody::RopFastTransferSourceGetBuffer(response)) })
}

/// A number of steps of `total` as the 16 bits of the response have it: of more steps, each counts for several.
fn scaled(steps: usize, total: usize) -> u16 {
    let each = total.div_ceil(usize::from(u16::MAX)).max(1);
    u16::try_from(steps / each).unwrap_or(u16::MAX)
}
