//! Error codes of operations and of properties ([MS-OXCDATA] 2.4).

wire::wire_enum! {
    /// The result of an operation, or the reason why a property has no value ([MS-OXCDATA] 2.4).
    pub struct ErrorCode(u32) {
        /// The operation succeeded.
        SUCCESS = 0x0000_0000,
        /// The operation succeeded, but some properties have errors (`ErrorsReturned`).
        MAPI_W_ERRORS_RETURNED = 0x0004_0380,
        /// The server is too busy (`ecServerBusy`).
        EC_SERVER_BUSY = 0x0000_0480,
        /// No user has this distinguished name (`ecUnknownUser`, [MS-OXCSTOR] 3.2.5.1.3).
        EC_UNKNOWN_USER = 0x0000_03EB,
        /// The user has no permission to open the mailbox (`ecLoginPerm`, [MS-OXCSTOR] 3.2.5.1.3).
        EC_LOGIN_PERM = 0x0000_03F2,
        /// The mailbox is on another server (`ecWrongServer`).
        EC_WRONG_SERVER = 0x0000_0478,
        /// The response to a ROP does not fit into the remaining buffer (`ecBufferTooSmall`).
        EC_BUFFER_TOO_SMALL = 0x0000_047D,
        /// The scope of a search folder is not valid (`ecSearchFolderScopeViolation`).
        EC_SEARCH_FOLDER_SCOPE_VIOLATION = 0x0000_0490,
        /// The object on which a ROP acts does not exist (`ecNullObject`).
        EC_NULL_OBJECT = 0x0000_04B9,
        /// The destination object of a ROP does not exist (`ecDstNullObject`).
        EC_DST_NULL_OBJECT = 0x0000_0503,
        /// The account is disabled (`ecMailboxDisabled`, [MS-OXCSTOR] 3.2.5.1.3).
        EC_MAILBOX_DISABLED = 0x0000_096C,
        /// The endpoint mapper has no such endpoint (`ept_s_not_registered`, [MS-RPCE] 2.2.1.2).
        EPT_S_NOT_REGISTERED = 0x16C9_A0D6,
        /// The endpoint mapper does not know the handle of a lookup (`ept_s_invalid_context`, [MS-RPCE] 2.2.1.2).
        EPT_S_INVALID_CONTEXT = 0x16C9_A0D5,
        /// The position in a table has changed.
        MAPI_W_POSITION_CHANGED = 0x0004_0481,
        /// A count is approximate.
        MAPI_W_APPROX_COUNT = 0x0004_0482,
        /// The operation succeeded for some objects only.
        MAPI_W_PARTIAL_COMPLETION = 0x0004_0680,
        /// The interface is not supported.
        MAPI_E_INTERFACE_NOT_SUPPORTED = 0x8000_4002,
        /// The operation failed for an unspecified reason (`GeneralFailure`).
        MAPI_E_CALL_FAILED = 0x8000_4005,
        /// The server does not support the operation.
        MAPI_E_NO_SUPPORT = 0x8004_0102,
        /// The character width is not supported.
        MAPI_E_BAD_CHARWIDTH = 0x8004_0103,
        /// A string is too long.
        MAPI_E_STRING_TOO_LONG = 0x8004_0105,
        /// A flag is unknown.
        MAPI_E_UNKNOWN_FLAGS = 0x8004_0106,
        /// An entry id is not valid.
        MAPI_E_INVALID_ENTRYID = 0x8004_0107,
        /// An object is not valid.
        MAPI_E_INVALID_OBJECT = 0x8004_0108,
        /// The object was changed since it was opened.
        MAPI_E_OBJECT_CHANGED = 0x8004_0109,
        /// The object was deleted since it was opened.
        MAPI_E_OBJECT_DELETED = 0x8004_010A,
        /// The server is busy.
        MAPI_E_BUSY = 0x8004_010B,
        /// The disk is full.
        MAPI_E_NOT_ENOUGH_DISK = 0x8004_010D,
        /// There are not enough resources (`OutOfResources`).
        MAPI_E_NOT_ENOUGH_RESOURCES = 0x8004_010E,
        /// There is no such object or property.
        MAPI_E_NOT_FOUND = 0x8004_010F,
        /// The versions of client and server are incompatible.
        MAPI_E_VERSION = 0x8004_0110,
        /// The logon failed.
        MAPI_E_LOGON_FAILED = 0x8004_0111,
        /// There are too many sessions.
        MAPI_E_SESSION_LIMIT = 0x8004_0112,
        /// The user cancelled the operation.
        MAPI_E_USER_CANCEL = 0x8004_0113,
        /// A network error occurred.
        MAPI_E_NETWORK_ERROR = 0x8004_0115,
        /// A disk error occurred.
        MAPI_E_DISK_ERROR = 0x8004_0116,
        /// The operation is too complex.
        MAPI_E_TOO_COMPLEX = 0x8004_0117,
        /// A column is not valid.
        MAPI_E_BAD_COLUMN = 0x8004_0118,
        /// A property is computed and cannot be set.
        MAPI_E_COMPUTED = 0x8004_011A,
        /// Data are corrupt.
        MAPI_E_CORRUPT_DATA = 0x8004_011B,
        /// The code page is not supported (`InvalidCodepage`).
        MAPI_E_UNKNOWN_CPID = 0x8004_011E,
        /// The locale is not supported (`InvalidLocale`).
        MAPI_E_UNKNOWN_LCID = 0x8004_011F,
        /// The password must be changed.
        MAPI_E_PASSWORD_CHANGE_REQUIRED = 0x8004_0120,
        /// The password has expired.
        MAPI_E_PASSWORD_EXPIRED = 0x8004_0121,
        /// The account is disabled.
        MAPI_E_ACCOUNT_DISABLED = 0x8004_0124,
        /// The session has ended.
        MAPI_E_END_OF_SESSION = 0x8004_0200,
        /// An entry id is unknown.
        MAPI_E_UNKNOWN_ENTRYID = 0x8004_0201,
        /// A required column is missing.
        MAPI_E_MISSING_REQUIRED_COLUMN = 0x8004_0202,
        /// A value is not valid.
        MAPI_E_BAD_VALUE = 0x8004_0301,
        /// A type is not valid.
        MAPI_E_INVALID_TYPE = 0x8004_0302,
        /// A type is not supported.
        MAPI_E_TYPE_NO_SUPPORT = 0x8004_0303,
        /// A type is unexpected.
        MAPI_E_UNEXPECTED_TYPE = 0x8004_0304,
        /// A value is too big (`TooBig`).
        MAPI_E_TOO_BIG = 0x8004_0305,
        /// The operation could not be completed.
        MAPI_E_UNABLE_TO_COMPLETE = 0x8004_0400,
        /// The operation timed out.
        MAPI_E_TIMEOUT = 0x8004_0401,
        /// A table is empty.
        MAPI_E_TABLE_EMPTY = 0x8004_0402,
        /// A table is too big (`TableTooBig`).
        MAPI_E_TABLE_TOO_BIG = 0x8004_0403,
        /// A bookmark or a position is not valid (`InvalidBookmark`).
        MAPI_E_INVALID_BOOKMARK = 0x8004_0405,
        /// An object with the same name exists.
        MAPI_E_COLLISION = 0x8004_0604,
        /// A name matches several recipients (`AmbiguousRecipient`).
        MAPI_E_AMBIGUOUS_RECIP = 0x8004_0700,
        /// The quota of named properties is exceeded.
        MAPI_E_NAMED_PROP_QUOTA_EXCEEDED = 0x8004_0900,
        /// The operation is not implemented.
        MAPI_E_NOT_IMPLEMENTED = 0x8004_0FFF,
        /// Access is denied (`AccessDenied`).
        MAPI_E_NO_ACCESS = 0x8007_0005,
        /// There is not enough memory (`NotEnoughMemory`).
        MAPI_E_NOT_ENOUGH_MEMORY = 0x8007_000E,
        /// A parameter is not valid (`InvalidParameter`).
        MAPI_E_INVALID_PARAMETER = 0x8007_0057,
    }
}

impl ErrorCode {
    /// The return value of a successful `NspiUnbind`: `UnbindSuccess` ([MS-OXNSPI] 3.1.4.1.2). It is not one of the
    /// named values, since 1 is also a `Result` of `CompareMIds`, which the names distinguish from an `ErrorCode`.
    pub const UNBIND_SUCCESS: Self = Self(1);

    /// Whether the operation called `operation`, such as `nspi.QueryRows`, failed if it returned this value.
    pub fn is_error_of(self, operation: &str) -> bool {
        !self.is_success() && (operation != "nspi.Unbind" || self != Self::UNBIND_SUCCESS)
    }

    /// Whether an operation other than `NspiUnbind`, or a ROP, succeeded, at least in part. The severity
    /// bit alone does not indicate this: many errors of EMSMDB, such as [`ErrorCode::EC_NULL_OBJECT`], do not set it.
    pub const fn is_success(self) -> bool {
        self.0 == Self::SUCCESS.0 || self.is_warning()
    }

    /// Whether the operation succeeded with a warning ([MS-OXCDATA] 2.4.3).
    pub const fn is_warning(self) -> bool {
        self.0 & 0xFFFF_0000 == 0x0004_0000
    }
}

rpc::ndr_newtype!(ErrorCode => u32);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Interface;
    use crate::mapihttp::{Endpoint, RequestType};

    #[test]
    fn an_unbind_that_returns_one_succeeded_in_both_envelopes() {
        let unbind = [Interface::Nspi.operation(1), Endpoint::Nspi.operation(RequestType::Unbind)];
        for name in unbind.map(Option::unwrap) {
            assert!(!ErrorCode(1).is_error_of(name), "UnbindSuccess ([MS-OXNSPI] 3.1.4.1.2)");
            assert!(ErrorCode(2).is_error_of(name), "UnbindFailure ([MS-OXNSPI] 3.1.4.1.2)");
        }
        assert!(ErrorCode(1).is_error_of("nspi.Bind"));
    }

    #[test]
    fn warnings_are_not_errors() {
        for warning in [
            ErrorCode::MAPI_W_ERRORS_RETURNED,
            ErrorCode::MAPI_W_POSITION_CHANGED,
            ErrorCode::MAPI_W_APPROX_COUNT,
            ErrorCode::MAPI_W_PARTIAL_COMPLETION,
        ] {
            assert!(!warning.is_error_of("nspi.GetProps"), "{warning}");
        }
        for error in [ErrorCode::EC_NULL_OBJECT, ErrorCode::MAPI_E_NOT_FOUND] {
            assert!(error.is_error_of("nspi.GetProps"), "{error}");
        }
    }
}
