//! Possible responses to each ROP of the registry.

use mapi::ErrorCode;
use mapi::each_rop;
use mapi::property::{PropTag, Row};
use mapi::rop::fast_transfer::RopFastTransferSourceGetBufferResponse;
use mapi::rop::folder::MoveCompletion;
use mapi::rop::logon::{LogonRedirect, RopLogonResponse};
use mapi::rop::logon_store::{RECEIVE_FOLDER_COLUMNS, RopGetReceiveFolderTableResponse};
use mapi::rop::property::{RopCopyPropertiesResponse, RopGetPropertiesSpecificResponse};
use mapi::rop::recipient::RopReadRecipientsResponse;
use mapi::rop::stream::RopCopyToStreamResponse;
use mapi::rop::table::{RopExpandRowResponse, RopFindRowResponse, RopQueryRowsResponse};
use mapi::rop::{NoReply, ResponseBody, RopId, RopReply, RopRequest};

use super::decoded::{DeclaredResponse, DecodedResponse, Sampler, has_fields};
use super::folders::{find_row, move_completion, open_logon};
use super::messages::read_recipients;
use super::sample::{Answered, Sample, SampleAnswer};
use super::transfer::{copy_to_stream, get_buffer};
use super::values::{row, rows};
use crate::input::Input;

/// Return values: mostly success, and those that change the fields of a response.
const RETURN_VALUES: [ErrorCode; 8] = [
    ErrorCode::SUCCESS,
    ErrorCode::SUCCESS,
    ErrorCode::SUCCESS,
    ErrorCode::EC_DST_NULL_OBJECT,
    ErrorCode::EC_SERVER_BUSY,
    ErrorCode::EC_WRONG_SERVER,
    ErrorCode::MAPI_W_ERRORS_RETURNED,
    ErrorCode::MAPI_E_NO_ACCESS,
];

/// A possible response to `request`; `None` for a ROP without a response.
pub(super) fn reply(request: &RopRequest, columns: &[PropTag], input: &mut Input<'_>) -> Option<RopReply> {
    if !request.has_reply() {
        return None;
    }
    let return_value = RETURN_VALUES[usize::from(input.byte() % 8)];
    let body = response_body(input, &Answered { request, columns, return_value });
    Some(RopReply { handle_index: request.reply_handle_index(), return_value, body })
}

macro_rules! response_bodies {
    ($($(#[$doc:meta])* $id:literal $name:ident: $request:ty => $response:ty $(, $asynchronous:ident)?;)*
     response_only { $($response_only:tt)* }) => {
        fn response_body(input: &mut Input<'_>, answered: &Answered<'_>) -> ResponseBody {
            let id = answered.request.id();
            match id {
                $(RopId::$name if has_fields(ResponseBody::$name, answered.return_value) => {
                    (&Sampler(ResponseBody::$name)).response(input, answered)
                })*
                _ => ResponseBody::Failed(id),
            }
        }
    };
}

each_rop!(response_bodies);

impl SampleAnswer for NoReply {
    fn sample_answer(_input: &mut Input<'_>, answered: &Answered<'_>) -> Self {
        unreachable!("{:?} is not answered", answered.request.id())
    }
}

impl SampleAnswer for RopLogonResponse {
    fn sample_answer(input: &mut Input<'_>, answered: &Answered<'_>) -> Self {
        match answered.return_value {
            ErrorCode::SUCCESS => open_logon(input),
            _ => Self::Redirect(LogonRedirect::sample(input)),
        }
    }
}

impl SampleAnswer for RopGetReceiveFolderTableResponse {
    fn sample_answer(input: &mut Input<'_>, _answered: &Answered<'_>) -> Self {
        Self { rows: rows(input, &RECEIVE_FOLDER_COLUMNS) }
    }
}

impl SampleAnswer for MoveCompletion {
    fn sample_answer(input: &mut Input<'_>, answered: &Answered<'_>) -> Self {
        move_completion(input, answered.lacks_destination())
    }
}

impl SampleAnswer for RopQueryRowsResponse {
    fn sample_answer(input: &mut Input<'_>, answered: &Answered<'_>) -> Self {
        Self { origin: Sample::sample(input), rows: rows(input, answered.columns) }
    }
}

impl SampleAnswer for RopFindRowResponse {
    fn sample_answer(input: &mut Input<'_>, answered: &Answered<'_>) -> Self {
        find_row(input, answered.columns)
    }
}

impl SampleAnswer for RopExpandRowResponse {
    fn sample_answer(input: &mut Input<'_>, answered: &Answered<'_>) -> Self {
        Self { expanded_row_count: Sample::sample(input), rows: rows(input, answered.columns) }
    }
}

impl SampleAnswer for RopReadRecipientsResponse {
    fn sample_answer(input: &mut Input<'_>, answered: &Answered<'_>) -> Self {
        read_recipients(input, answered.columns)
    }
}

impl SampleAnswer for RopGetPropertiesSpecificResponse {
    fn sample_answer(input: &mut Input<'_>, answered: &Answered<'_>) -> Self {
        let requested = answered.request.requested_properties().unwrap_or_default();
        Self { row_data: Row::new(requested.to_vec(), row(input, requested)) }
    }
}

impl SampleAnswer for RopCopyPropertiesResponse {
    fn sample_answer(input: &mut Input<'_>, answered: &Answered<'_>) -> Self {
        if answered.lacks_destination() {
            Self::NullDestination { dest_handle_index: Sample::sample(input) }
        } else {
            Self::Copied(Sample::sample(input))
        }
    }
}

impl SampleAnswer for RopCopyToStreamResponse {
    fn sample_answer(input: &mut Input<'_>, answered: &Answered<'_>) -> Self {
        copy_to_stream(input, answered.lacks_destination())
    }
}

impl SampleAnswer for RopFastTransferSourceGetBufferResponse {
    fn sample_answer(input: &mut Input<'_>, answered: &Answered<'_>) -> Self {
        get_buffer(input, answered.return_value == ErrorCode::EC_SERVER_BUSY)
    }
}
