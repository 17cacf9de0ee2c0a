//! `EcDoRpc`, `EcDoRpcExt` and `EcDoRpcExt2` ([MS-OXCRPC] 3.1.4.2).

use rpc::ndr::{ConformantVarying, ContextHandle};
use wire::{Error, ErrorKind, Result};

use super::bytes::{InBytes, OutBytes};
use crate::ErrorCode;
use crate::compress::obfuscate;

wire::wire_flags! {
    /// `pulFlags` of `EcDoRpcExt2`: how the server may encode the response ([MS-OXCRPC] 3.1.4.2).
    pub struct RpcFlags(u32) {
        /// The response must not be compressed.
        NO_COMPRESSION = 0x0000_0001,
        /// The response must not be obfuscated.
        NO_XOR_MAGIC = 0x0000_0002,
        /// The response may contain several extended buffers.
        CHAIN = 0x0000_0004,
    }
}

rpc::ndr_newtype!(RpcFlags => u32);

crate::inspect::field::inspect_params! {
    /// The request of `EcDoRpc` (opnum 2), in the Exchange 2000 dialect.
    ///
    /// [MS-OXCRPC] reserves the opnum; these are the parameters that Exchange 2000 had.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoRpcRequest as "EcDoRpc" {
        /// The context handle of the session.
        pub handle: ContextHandle = "pcxh",
        /// A [`super::RopBuffer`], obfuscated; see [`EcDoRpcRequest::payload`].
        pub rgb: ConformantVarying<u8> = "rgb",
        /// The size of `rgb`, in bytes.
        pub length: u16 = "pcb",
        /// The maximum size of the response, in bytes.
        pub max_length: u16 = "cbMax",
    }
}

crate::inspect::field::inspect_params! {
    /// The response of `EcDoRpc` (opnum 2), in the Exchange 2000 dialect.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoRpcResponse as "EcDoRpc" {
        /// The context handle of the session; all zero if the server ended the session.
        pub handle: ContextHandle = "pcxh",
        /// A [`super::RopBuffer`], obfuscated; see [`EcDoRpcResponse::payload`].
        pub rgb: ConformantVarying<u8> = "rgb",
        /// The size of `rgb`, in bytes.
        pub length: u16 = "pcb",
        /// Zero, or the error with which the call failed.
        pub return_value: ErrorCode = "return",
    }
}

macro_rules! obfuscated {
    ($name:ident) => {
        impl $name {
            /// The content of `rgb`, without obfuscation.
            pub fn payload(&self) -> Vec<u8> {
                let mut payload = self.rgb.items.clone();
                obfuscate(&mut payload);
                payload
            }

            /// Obfuscates `payload` and stores it in `rgb`. The maximum size that is declared for the array is kept,
            /// unless the payload is larger.
            ///
            /// # Errors
            /// Fails if `payload` has more than 65,535 bytes.
            pub fn set_payload(&mut self, mut payload: Vec<u8>) -> Result<()> {
                self.length = short_length(payload.len())?;
                obfuscate(&mut payload);
                let room = u64::try_from(self.rgb.items.len()).unwrap_or(u64::MAX);
                let room = room.saturating_add(u64::from(self.rgb.spare));
                let spare = room.saturating_sub(u64::from(self.length));
                self.rgb.spare = u32::try_from(spare).unwrap_or(u32::MAX);
                self.rgb.items = payload;
                Ok(())
            }
        }
    };
}

obfuscated!(EcDoRpcRequest);
obfuscated!(EcDoRpcResponse);

impl EcDoRpcRequest {
    /// Creates a request with `payload`, whose response may have `max_length` bytes.
    ///
    /// # Errors
    /// Fails if `payload` has more than 65,535 bytes.
    pub fn new(handle: ContextHandle, payload: Vec<u8>, max_length: u16) -> Result<Self> {
        let rgb = ConformantVarying { offset: 0, items: Vec::new(), spare: u32::from(max_length) };
        let mut request = Self { handle, rgb, length: 0, max_length };
        request.set_payload(payload)?;
        Ok(request)
    }
}

impl EcDoRpcResponse {
    /// Creates a response with `payload`, to a request whose response may have `max_length` bytes.
    ///
    /// # Errors
    /// Fails if `payload` has more than 65,535 bytes.
    pub fn new(handle: ContextHandle, payload: Vec<u8>, max_length: u16) -> Result<Self> {
        let rgb = ConformantVarying { offset: 0, items: Vec::new(), spare: u32::from(max_length) };
        let mut response = Self { handle, rgb, length: 0, return_value: ErrorCode::SUCCESS };
        response.set_payload(payload)?;
        Ok(response)
    }
}

fn short_length(length: usize) -> Result<u16> {
    u16::try_from(length).map_err(|_| {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let kind = ErrorKind::TooLong { length, limit: u64::from(u16::MAX) };
        Error::new(kind, "rgb", 0).within("EcDoRpc")
    })
}

crate::inspect::field::inspect_params! {
    /// The request of `EcDoRpcExt` (opnum 9), in the Exchange 2003 dialect.
    ///
    /// [MS-OXCRPC] reserves the opnum; these are the parameters that Exchange 2003 had.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoRpcExtRequest as "EcDoRpcExt" {
        /// The context handle of the session.
        pub handle: ContextHandle = "pcxh",
        /// How the server may encode the response.
        pub flags: RpcFlags = "pulFlags",
        /// A chain of extended buffers, each with a [`super::RopBuffer`].
        pub rgb_in: InBytes = "rgbIn",
        /// The maximum size of `rgbOut`, in bytes.
        pub out_max: u32 = "pcbOut",
        /// Not documented.
        pub reserved: OutBytes = "Reserved0",
    }
}

crate::inspect::field::inspect_params! {
    /// The response of `EcDoRpcExt` (opnum 9), in the Exchange 2003 dialect.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoRpcExtResponse as "EcDoRpcExt" {
        /// The context handle of the session; all zero if the server ended the session.
        pub handle: ContextHandle = "pcxh",
        /// How the response is encoded.
        pub flags: RpcFlags = "pulFlags",
        /// A chain of extended buffers, each with a [`super::RopBuffer`].
        pub rgb_out: OutBytes = "rgbOut",
        /// Not documented.
        pub reserved: OutBytes = "Reserved0",
        /// The time that the server took for the call, in milliseconds.
        pub trans_time: u32 = "pulTransTime",
        /// Zero, or the error with which the call failed.
        pub return_value: ErrorCode = "return",
    }
}

crate::inspect::field::inspect_params! {
    /// The request of `EcDoRpcExt2` (opnum 11, [MS-OXCRPC] 3.1.4.2).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoRpcExt2Request as "EcDoRpcExt2" {
        /// The context handle of the session.
        pub handle: ContextHandle = "pcxh",
        /// How the server may encode the response.
        pub flags: RpcFlags = "pulFlags",
        /// A chain of extended buffers, each with a [`super::RopBuffer`].
        pub rgb_in: InBytes = "rgbIn",
        /// The maximum size of `rgbOut`, in bytes; at most [`super::MAX_RGB_OUT`].
        pub out_max: u32 = "pcbOut",
        /// An extended buffer with auxiliary blocks, or empty.
        pub aux_in: InBytes = "rgbAuxIn",
        /// The maximum size of the response's auxiliary buffer, in bytes; at most [`super::MAX_RGB_AUX`].
        pub aux_out_max: u32 = "pcbAuxOut",
    }
}

crate::inspect::field::inspect_params! {
    /// The response of `EcDoRpcExt2` (opnum 11, [MS-OXCRPC] 3.1.4.2).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoRpcExt2Response as "EcDoRpcExt2" {
        /// The context handle of the session; all zero if the server ended the session.
        pub handle: ContextHandle = "pcxh",
        /// Reserved; zero.
        pub flags: RpcFlags = "pulFlags",
        /// A chain of extended buffers, each with a [`super::RopBuffer`].
        pub rgb_out: OutBytes = "rgbOut",
        /// An extended buffer with auxiliary blocks, or empty.
        pub aux_out: OutBytes = "rgbAuxOut",
        /// The time that the server took for the call, in milliseconds.
        pub trans_time: u32 = "pulTransTime",
        /// Zero, or the error with which the call failed.
        pub return_value: ErrorCode = "return",
    }
}
