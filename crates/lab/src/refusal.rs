//! The error code with which a ROP is refused.

use mapi::ErrorCode;

/// `MAPI_E_FOLDER_CYCLE`: a folder would be below itself ([MS-OXCDATA] 2.4).
const FOLDER_CYCLE: ErrorCode = ErrorCode(0x8004_060b);

/// `ecSearchFolder`: a message or folder would be in a search folder ([MS-OXCFOLD] 3.2.5.6).
const SEARCH_FOLDER: ErrorCode = ErrorCode(0x0000_0460);

/// Why a ROP is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) ErrorCode);

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self(code)
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        use store::Error as E;
        Self(match error {
            E::NotFound(_) => ErrorCode::MAPI_E_NOT_FOUND,
            E::Exists(_) => ErrorCode::MAPI_E_COLLISION,
            E::NotEmpty(_) => ErrorCode::MAPI_E_CALL_FAILED,
            E::Cycle => FOLDER_CYCLE,
            E::SearchFolder => SEARCH_FOLDER,
            E::Conflict => ErrorCode::MAPI_E_OBJECT_CHANGED,
            E::Limit { .. } => ErrorCode::MAPI_E_NOT_ENOUGH_RESOURCES,
            other => {
                tracing::error!("lab: the mailbox store failed: {other}");
                ErrorCode::MAPI_E_DISK_ERROR
            }
        })
    }
}
