//! ROPs about the replicas and the read state of public folders ([MS-OXCSTOR] 3.2.5.6, 3.2.5.7, 3.2.5.10 to 3.2.5.12):
//! the lab has neither.

use mapi::ErrorCode;
use mapi::rop::logon_store::{
    RopGetPerUserLongTermIdsResponse, RopPublicFolderIsGhostedResponse, RopReadPerUserInformationRequest,
    RopReadPerUserInformationResponse,
};
use mapi::rop::{Bool, Bytes16, List16, ResponseBody};

use super::context::Context;
use super::outcome::{Outcome, done};

/// `RopPublicFolderIsGhosted`: no folder is ([MS-OXCSTOR] 3.2.5.7).
pub(super) fn is_ghosted(context: &Context<'_>) -> Outcome {
    context.on_logon()?;
    let response = RopPublicFolderIsGhostedResponse { is_ghosted: Bool::FALSE, servers: None };
    done(ResponseBody::RopPublicFolderIsGhosted(response))
}

/// `RopGetPerUserLongTermIds`: there is no read state of public folders ([MS-OXCSTOR] 3.2.5.10).
pub(super) fn per_user_ids(context: &Context<'_>) -> Outcome {
    context.on_private_logon()?;
    let response = RopGetPerUserLongTermIdsResponse { long_term_ids: List16(Vec::new()) };
    done(ResponseBody::RopGetPerUserLongTermIds(response))
}

/// `RopGetPerUserGuid` ([MS-OXCSTOR] 3.2.5.11).
pub(super) fn per_user_guid(context: &Context<'_>) -> Outcome {
    context.on_private_logon()?;
    Err(ErrorCode::MAPI_E_NOT_FOUND.into())
}

/// `RopReadPerUserInformation` ([MS-OXCSTOR] 3.2.5.12): the state is empty.
pub(super) fn read_per_user(context: &Context<'_>, request: &RopReadPerUserInformationRequest) -> Outcome {
    context.on_logon()?;
    if request.data_offset > 0 {
        return Err(ErrorCode::MAPI_E_CALL_FAILED.into());
    }
    let response =
        RopReadPerUserInformationResponse { has_finished: Bool::TRUE, data: Bytes16(Vec::new().into()) };
    done(ResponseBody::RopReadPerUserInformation(response))
}
