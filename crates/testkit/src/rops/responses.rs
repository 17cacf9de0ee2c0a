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
use super::sample::{Sample, SampleContext, SampleResponse};
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
    let body = response_body(input, &SampleContext { request, columns, return_value });
    Some(RopReply { handle_index: request.reply_handle_index(), return_value, body })
}

macro_rules! response_bodies {
    ($($(#[$doc:meta])* $id:literal $name:ident: $request:ty => $response:ty $(, $asynchronous:ident)?;)*
     response_only { $($response_only:tt)* }) => {
        fn response_body(input: &mut Input<'_>, context: &SampleContext<'_>) -> ResponseBody {
            let id = context.request.id();
            match id {
                $(RopId::$name if has_fields(ResponseBody::$name, context.return_value) => {
                    (&Sampler(ResponseBody::$name)).response(input, context)
                })*
                _ => ResponseBody::Failed(id),
            }
        }
    };
}

each_rop!(response_bodies);

impl SampleResponse for NoReply {
    fn sample_response(_input: &mut Input<'_>, context: &SampleContext<'_>) -> Self {
        unreachable!("{:?} is not context", context.request.id())
    }
}

impl SampleResponse for RopLogonResponse {
    fn sample_response(input: &mut Input<'_>, context: &SampleContext<'_>) -> Self {
        match context.return_value {
            ErrorCode::SUCCESS => open_logon(input),
            _ => Self::Redirect(LogonRedirect::sample(input)),
        }
    }
}

impl SampleResponse for RopGetReceiveFolderTableResponse {
    fn sample_response(input: &mut Input<'_>, _answered: &SampleContext<'_>) -> Self {
        Self { rows: rows(input, &RECEIVE_FOLDER_COLUMNS) }
    }
}

impl SampleResponse for MoveCompletion {
    fn sample_response(input: &mut Input<'_>, context: &SampleContext<'_>) -> Self {
        move_completion(input, context.lacks_destination())
    }
}

impl SampleResponse for RopQueryRowsResponse {
    fn sample_response(input: &mut Input<'_>, context: &SampleContext<'_>) -> Self {
        Self { origin: Sample::sample(input), rows: rows(input, context.columns) }
    }
}

impl SampleResponse for RopFindRowResponse {
    fn sample_response(input: &mut Input<'_>, context: &SampleContext<'_>) -> Self {
        find_row(input, context.columns)
    }
}

impl SampleResponse for RopExpandRowResponse {
    fn sample_response(input: &mut Input<'_>, context: &SampleContext<'_>) -> Self {
        Self { expanded_row_count: Sample::sample(input), rows: rows(input, context.columns) }
    }
}

impl SampleResponse for RopReadRecipientsResponse {
    fn sample_response(input: &mut Input<'_>, context: &SampleContext<'_>) -> Self {
        read_recipients(input, context.columns)
    }
}

impl SampleResponse for RopGetPropertiesSpecificResponse {
    fn sample_response(input: &mut Input<'_>, context: &SampleContext<'_>) -> Self {
        let requested = context.request.requested_properties().unwrap_or_default();
        Self { row_data: Row::new(requested.to_vec(), row(input, requested)) }
    }
}

impl SampleResponse for RopCopyPropertiesResponse {
    fn sample_response(input: &mut Input<'_>, context: &SampleContext<'_>) -> Self {
        if context.lacks_destination() {
            Self::NullDestination { dest_handle_index: Sample::sample(input) }
        } else {
            Self::Copied(Sample::sample(input))
        }
    }
}

impl SampleResponse for RopCopyToStreamResponse {
    fn sample_response(input: &mut Input<'_>, context: &SampleContext<'_>) -> Self {
        copy_to_stream(input, context.lacks_destination())
    }
}

impl SampleResponse for RopFastTransferSourceGetBufferResponse {
    fn sample_response(input: &mut Input<'_>, context: &SampleContext<'_>) -> Self {
        get_buffer(input, context.return_value == ErrorCode::EC_SERVER_BUSY)
    }
}
