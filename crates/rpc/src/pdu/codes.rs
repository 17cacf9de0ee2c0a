//! The protocol's enumerations and flags.

wire::wire_enum! {
    /// The type of a PDU (C706 12.6.4, [MS-RPCE] 2.2.2.10).
    pub struct PduType(u8) {
        /// A fragment of a call.
        REQUEST = 0,
        /// A fragment of a response.
        RESPONSE = 2,
        /// A failed call.
        FAULT = 3,
        /// Opens an association.
        BIND = 11,
        /// Accepts a bind.
        BIND_ACK = 12,
        /// Rejects a bind.
        BIND_NAK = 13,
        /// Adds contexts or continues a handshake.
        ALTER_CONTEXT = 14,
        /// The response to an `alter_context`.
        ALTER_CONTEXT_RESP = 15,
        /// The last leg of a handshake.
        AUTH3 = 16,
        /// The server requests to close the connection.
        SHUTDOWN = 17,
        /// The client requests to cancel a call.
        CO_CANCEL = 18,
        /// The client orphans a call.
        ORPHANED = 19,
    }
}

impl PduType {
    /// Whether the PDU belongs to a bind or handshake: a bind, an `alter_context`, their responses, or an
    /// auth3.
    pub const fn is_setup(self) -> bool {
        matches!(
            self,
            Self::BIND
                | Self::BIND_ACK
                | Self::BIND_NAK
                | Self::ALTER_CONTEXT
                | Self::ALTER_CONTEXT_RESP
                | Self::AUTH3
        )
    }
}

wire::wire_flags! {
    /// Flags of the common header (C706 12.6.3.1, [MS-RPCE] 2.2.2.3).
    pub struct PfcFlags(u8) {
        /// The first fragment of a request or response.
        FIRST_FRAG = 0x01,
        /// The last fragment of a request or response.
        LAST_FRAG = 0x02,
        /// In PDUs of binds and handshakes: the sender supports header signing. In other PDUs: a cancel is
        /// pending.
        SUPPORT_HEADER_SIGN = 0x04,
        /// Reserved.
        RESERVED_1 = 0x08,
        /// The sender supports concurrent calls on one connection.
        CONC_MPX = 0x10,
        /// In a fault: the call was not executed.
        DID_NOT_EXECUTE = 0x20,
        /// The call has "maybe" semantics.
        MAYBE = 0x40,
        /// In a request: an object UUID follows the fields.
        OBJECT_UUID = 0x80,
    }
}

wire::wire_enum! {
    /// A security package ([MS-RPCE] 2.2.1.1.7).
    pub struct AuthType(u8) {
        /// None.
        NONE = 0,
        /// SPNEGO.
        GSS_NEGOTIATE = 9,
        /// NTLM.
        WINNT = 10,
        /// TLS.
        GSS_SCHANNEL = 14,
        /// Kerberos.
        GSS_KERBEROS = 16,
        /// Netlogon's secure channel.
        NETLOGON = 68,
        /// The package that is the default.
        DEFAULT = 255,
    }
}

wire::wire_enum! {
    /// An authentication level: the protection of each PDU ([MS-RPCE] 2.2.1.1.8). Higher is stronger.
    pub struct AuthLevel(u8) {
        /// The default level, which is [`AuthLevel::CONNECT`] here. A server of this crate rejects a bind with it.
        DEFAULT = 0,
        /// No authentication.
        NONE = 1,
        /// The caller is authenticated. PDUs are not protected.
        CONNECT = 2,
        /// Over connections the same as [`AuthLevel::PKT`].
        CALL = 3,
        /// The sender of each PDU is verified.
        PKT = 4,
        /// Each PDU is signed.
        PKT_INTEGRITY = 5,
        /// Each PDU is signed and its stub is sealed.
        PKT_PRIVACY = 6,
    }
}

impl AuthLevel {
    /// The level that a request for this level selects: `DEFAULT` selects `CONNECT`, and `CALL` is raised to
    /// `PKT` ([MS-RPCE] 2.2.1.1.8). `None` for unknown levels.
    pub const fn effective(self) -> Option<Self> {
        match self {
            Self::DEFAULT => Some(Self::CONNECT),
            Self::CALL => Some(Self::PKT),
            Self::NONE | Self::CONNECT | Self::PKT | Self::PKT_INTEGRITY | Self::PKT_PRIVACY => Some(self),
            _ => None,
        }
    }

    /// Whether each request and response carries a verifier at this level.
    pub const fn protects(self) -> bool {
        self.0 >= Self::CALL.0
    }
}

wire::wire_enum! {
    /// The result of a proposed context (C706 12.6.3.1 `p_cont_def_result_t`, [MS-RPCE] 2.2.2.4).
    pub struct ContextResultCode(u16) {
        /// The context is accepted.
        ACCEPTANCE = 0,
        /// Rejected by the user of the presentation service (C706 12.6.3.1).
        USER_REJECTION = 1,
        /// The provider rejects it.
        PROVIDER_REJECTION = 2,
        /// The context negotiated bind time features. The reason has the common features.
        NEGOTIATE_ACK = 3,
    }
}

wire::wire_enum! {
    /// Why a context was rejected (C706 12.6.3.1 `p_provider_reason_t`).
    pub struct ProviderReason(u16) {
        /// No reason is given.
        REASON_NOT_SPECIFIED = 0,
        /// The interface is not served.
        ABSTRACT_SYNTAX_NOT_SUPPORTED = 1,
        /// The server supports none of the transfer syntaxes.
        PROPOSED_TRANSFER_SYNTAXES_NOT_SUPPORTED = 2,
        /// There are too many contexts.
        LOCAL_LIMIT_EXCEEDED = 3,
    }
}

wire::wire_enum! {
    /// Why a bind was rejected (C706 12.6.3.1 `p_reject_reason_t`, [MS-RPCE] 2.2.2.5).
    pub struct RejectReason(u16) {
        /// No reason is given.
        REASON_NOT_SPECIFIED = 0,
        /// The server is overloaded.
        TEMPORARY_CONGESTION = 1,
        /// A limit is reached.
        LOCAL_LIMIT_EXCEEDED = 2,
        /// The called address is unknown; not used (C706 12.6.3.1).
        CALLED_PADDR_UNKNOWN = 3,
        /// The protocol version is not supported, or the bind violates the protocol.
        PROTOCOL_VERSION_NOT_SUPPORTED = 4,
        /// The default presentation context is not supported; not used (C706 12.6.3.1).
        DEFAULT_CONTEXT_NOT_SUPPORTED = 5,
        /// The user data cannot be read; not used (C706 12.6.3.1).
        USER_DATA_NOT_READABLE = 6,
        /// There is no address left; not used (C706 12.6.3.1).
        NO_PSAP_AVAILABLE = 7,
        /// The security package is unknown.
        AUTHENTICATION_TYPE_NOT_RECOGNIZED = 8,
        /// The security package rejects the token.
        INVALID_CHECKSUM = 9,
    }
}

wire::wire_enum! {
    /// Why a call failed: C706 N.2, and Windows errors ([MS-ERREF] 2.2). Other values are defined by the
    /// interface called.
    pub struct FaultStatus(u32) {
        /// The caller is not authorized, or authenticated at too low a level.
        ACCESS_DENIED = 0x0000_0005,
        /// The server cannot be reached.
        RPC_S_SERVER_UNAVAILABLE = 0x0000_06ba,
        /// A server's limit is reached.
        RPC_S_SERVER_TOO_BUSY = 0x0000_06bb,
        /// The call to cancel is not active.
        RPC_S_NO_CALL_ACTIVE = 0x0000_06bd,
        /// The call failed, and was not executed.
        RPC_S_CALL_FAILED_DNE = 0x0000_06bf,
        /// The stub does not match the interface ([MS-RPCE] 3.1.1.5.5).
        RPC_X_BAD_STUB_DATA = 0x0000_06f7,
        /// The call was cancelled.
        RPC_S_CALL_CANCELLED = 0x0000_071a,
        /// The security package rejects a signature.
        RPC_S_SEC_PKG_ERROR = 0x0000_0721,
        /// No matching endpoint is registered.
        EPT_S_NOT_REGISTERED = 0x16c9_a0d6,
        /// The server divided an integer by zero.
        NCA_S_FAULT_INT_DIV_BY_ZERO = 0x1c00_0001,
        /// A memory address cannot be accessed.
        NCA_S_FAULT_ADDR_ERROR = 0x1c00_0002,
        /// The server divided a floating-point number by zero.
        NCA_S_FAULT_FP_DIV_ZERO = 0x1c00_0003,
        /// A floating-point operation of the server had an underflow.
        NCA_S_FAULT_FP_UNDERFLOW = 0x1c00_0004,
        /// A floating-point operation of the server had an overflow.
        NCA_S_FAULT_FP_OVERFLOW = 0x1c00_0005,
        /// The discriminant of a union has no case.
        NCA_S_FAULT_INVALID_TAG = 0x1c00_0006,
        /// An array has a bound or an index that its declaration does not permit.
        NCA_S_FAULT_INVALID_BOUND = 0x1c00_0007,
        /// The server does not support the version of the RPC protocol.
        NCA_S_RPC_VERSION_MISMATCH = 0x1c00_0008,
        /// No reason is given.
        NCA_S_UNSPEC_REJECT = 0x1c00_0009,
        /// The call was cancelled.
        NCA_S_FAULT_CANCEL = 0x1c00_000d,
        /// The server executed an illegal instruction.
        NCA_S_FAULT_ILL_INST = 0x1c00_000e,
        /// Another floating-point error of the server.
        NCA_S_FAULT_FP_ERROR = 0x1c00_000f,
        /// An integer operation of the server had an overflow.
        NCA_S_FAULT_INT_OVERFLOW = 0x1c00_0010,
        /// No reason is given.
        NCA_S_FAULT_UNSPEC = 0x1c00_0012,
        /// The end of a pipe was reached.
        NCA_S_FAULT_PIPE_EMPTY = 0x1c00_0014,
        /// A pipe was closed.
        NCA_S_FAULT_PIPE_CLOSED = 0x1c00_0015,
        /// Pipes are used in the wrong order.
        NCA_S_FAULT_PIPE_ORDER = 0x1c00_0016,
        /// The use of a pipe violates the rules for pipes.
        NCA_S_FAULT_PIPE_DISCIPLINE = 0x1c00_0017,
        /// The transfer of a pipe's data failed.
        NCA_S_FAULT_PIPE_COMM_ERROR = 0x1c00_0018,
        /// There is not enough memory for a pipe.
        NCA_S_FAULT_PIPE_MEMORY = 0x1c00_0019,
        /// The context handle is unknown.
        NCA_S_FAULT_CONTEXT_MISMATCH = 0x1c00_001a,
        /// The server has not enough memory.
        NCA_S_FAULT_REMOTE_NO_MEMORY = 0x1c00_001b,
        /// A presentation context is invalid.
        NCA_S_INVALID_PRES_CONTEXT_ID = 0x1c00_001c,
        /// The authentication level is not supported.
        NCA_S_UNSUPPORTED_AUTHN_LEVEL = 0x1c00_001d,
        /// The checksum is wrong.
        NCA_S_INVALID_CHECKSUM = 0x1c00_001f,
        /// The cyclic redundancy check failed.
        NCA_S_INVALID_CRC = 0x1c00_0020,
        /// The operation raised an exception that its interface defines.
        NCA_S_FAULT_USER_DEFINED = 0x1c00_0021,
        /// The connection cannot be established.
        NCA_S_FAULT_TX_OPEN_FAILED = 0x1c00_0022,
        /// A character set cannot be converted.
        NCA_S_FAULT_CODESET_CONV_ERROR = 0x1c00_0023,
        /// The object is not found.
        NCA_S_FAULT_OBJECT_NOT_FOUND = 0x1c00_0024,
        /// The client has no stub for a call back to it.
        NCA_S_FAULT_NO_CLIENT_STUB = 0x1c00_0025,
        /// The interface has no such operation.
        NCA_S_OP_RNG_ERROR = 0x1c01_0002,
        /// The interface is not served.
        NCA_S_UNK_IF = 0x1c01_0003,
        /// The server was restarted.
        NCA_S_WRONG_BOOT_TIME = 0x1c01_0006,
        /// The server was restarted during the call.
        NCA_S_YOU_CRASHED = 0x1c01_0009,
        /// The PDU violates the protocol.
        NCA_S_PROTO_ERROR = 0x1c01_000b,
        /// The results are too large.
        NCA_S_OUT_ARGS_TOO_BIG = 0x1c01_0013,
        /// The server is overloaded.
        NCA_S_SERVER_TOO_BUSY = 0x1c01_0014,
        /// A string exceeds the length that the interface specifies.
        NCA_S_FAULT_STRING_TOO_LONG = 0x1c01_0015,
        /// The type of the object UUID is not supported.
        NCA_S_UNSUPPORTED_TYPE = 0x1c01_0017,
    }
}

impl FaultStatus {
    /// `nca_s_fault_ndr`, for which Windows sends [`FaultStatus::RPC_X_BAD_STUB_DATA`].
    pub const NCA_S_FAULT_NDR: Self = Self::RPC_X_BAD_STUB_DATA;

    /// Whether a server that sends this status has not executed the call, whatever the reason: the interface or the
    /// operation is unknown (C706 N.2), or the status is defined so ([MS-ERREF] 2.2). Its fault has the flag
    /// [`PfcFlags::DID_NOT_EXECUTE`], by which clients know that they may send the call again.
    pub const fn implies_not_executed(self) -> bool {
        matches!(self, Self::NCA_S_UNK_IF | Self::NCA_S_OP_RNG_ERROR | Self::RPC_S_CALL_FAILED_DNE)
    }
}
