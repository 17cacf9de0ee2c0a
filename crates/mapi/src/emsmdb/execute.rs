//! `EcDoRpc` and `EcDoRpcExt2` ([MS-OXCRPC] 3.1.4.2).

use rpc::ndr::{ConformantVarying, ContextHandle};
use wire::{Error, ErrorKind, Result};

use super::bytes::{InBytes, OutBytes};
use crate::ErrorCode;
use crate::compress::obfuscate;

wire::wire_flags! {
    /// `pulFlags` of `EcDoRpcExt2`: what the client asks of the response's buffers ([MS-OXCRPC] 3.1.4.2).
    pub struct RpcFlags(u32) {
        /// Don't compress.
        NO_COMPRESSION = 0x0000_0001,
        /// Don't obfuscate.
        NO_XOR_MAGIC = 0x0000_0002,
        /// More than one extended buffer may come back.
        CHAIN = 0x0000_0004,
    }
}

rpc::ndr_newtype!(RpcFlags => u32);

crate::inspect::part::inspect_params! {
    /// What `EcDoRpc` asks (opnum 2), in the Exchange 2000 dialect.
    ///
    /// [MS-OXCRPC] reserves the opnum; these are the parameters that Exchange 2000 had.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoRpcRequest as "EcDoRpc" {
        /// The session.
        pub handle: ContextHandle = "pcxh",
        /// A [`super::RopBuffer`], obfuscated; see [`EcDoRpcRequest::payload`].
        pub rgb: ConformantVarying<u8> = "rgb",
        /// How many bytes `rgb` has.
        pub length: u16 = "pcb",
        /// How many bytes the client takes back.
        pub max_length: u16 = "cbMax",
    }
}

crate::inspect::part::inspect_params! {
    /// What `EcDoRpc` answers (opnum 2), in the Exchange 2000 dialect.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoRpcResponse as "EcDoRpc" {
        /// The session; all zero where it was ended.
        pub handle: ContextHandle = "pcxh",
        /// A [`super::RopBuffer`], obfuscated; see [`EcDoRpcResponse::payload`].
        pub rgb: ConformantVarying<u8> = "rgb",
        /// How many bytes `rgb` has.
        pub length: u16 = "pcb",
        /// Zero, or why the call failed.
        pub return_value: ErrorCode = "return",
    }
}

macro_rules! obfuscated {
    ($name:ident) => {
        impl $name {
            /// What `rgb` holds, without the obfuscation.
            pub fn payload(&self) -> Vec<u8> {
                let mut payload = self.rgb.items.clone();
                obfuscate(&mut payload);
                payload
            }

            /// Puts `payload` into `rgb`, obfuscated. The room that is announced for the array stays, unless
            /// the payload needs more.
            ///
            /// # Errors
            /// For more than 65,535 bytes.
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
    /// A request that carries `payload`, for a response of at most `max_length` bytes.
    ///
    /// # Errors
    /// For more than 65,535 bytes.
    pub fn new(handle: ContextHandle, payload: Vec<u8>, max_length: u16) -> Result<Self> {
        let rgb = ConformantVarying { offset: 0, items: Vec::new(), spare: u32::from(max_length) };
        let mut request = Self { handle, rgb, length: 0, max_length };
        request.set_payload(payload)?;
        Ok(request)
    }
}

impl EcDoRpcResponse {
    /// A response that carries `payload`, to a request that left room for `max_length` bytes.
    ///
    /// # Errors
    /// For more than 65,535 bytes.
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

crate::inspect::part::inspect_params! {
    /// What `EcDoRpcExt` asks (opnum 9), in the Exchange 2003 dialect.
    ///
    /// [MS-OXCRPC] reserves the opnum; these are the parameters that Exchange 2003 had.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoRpcExtRequest as "EcDoRpcExt" {
        /// The session.
        pub handle: ContextHandle = "pcxh",
        /// How the response is to be packed.
        pub flags: RpcFlags = "pulFlags",
        /// Extended buffers.
        pub rgb_in: InBytes = "rgbIn",
        /// How many bytes the client takes back.
        pub out_max: u32 = "pcbOut",
        /// Not known.
        pub reserved: OutBytes = "Reserved0",
    }
}

crate::inspect::part::inspect_params! {
    /// What `EcDoRpcExt` answers (opnum 9), in the Exchange 2003 dialect.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoRpcExtResponse as "EcDoRpcExt" {
        /// The session; all zero where it was ended.
        pub handle: ContextHandle = "pcxh",
        /// How the response is packed.
        pub flags: RpcFlags = "pulFlags",
        /// Extended buffers.
        pub rgb_out: OutBytes = "rgbOut",
        /// Not known.
        pub reserved: OutBytes = "Reserved0",
        /// How long the server took, in milliseconds.
        pub trans_time: u32 = "pulTransTime",
        /// Zero, or why the call failed.
        pub return_value: ErrorCode = "return",
    }
}

crate::inspect::part::inspect_params! {
    /// What `EcDoRpcExt2` asks (opnum 11, [MS-OXCRPC] 3.1.4.2).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoRpcExt2Request as "EcDoRpcExt2" {
        /// The session.
        pub handle: ContextHandle = "pcxh",
        /// How the response is to be packed.
        pub flags: RpcFlags = "pulFlags",
        /// Extended buffers, each with a [`super::RopBuffer`].
        pub rgb_in: InBytes = "rgbIn",
        /// How many bytes the client takes back; at most [`super::MAX_RGB_OUT`].
        pub out_max: u32 = "pcbOut",
        /// One extended buffer with auxiliary blocks, or nothing.
        pub aux_in: InBytes = "rgbAuxIn",
        /// How many bytes of auxiliary buffer the client takes back; at most [`super::MAX_RGB_AUX`].
        pub aux_out_max: u32 = "pcbAuxOut",
    }
}

crate::inspect::part::inspect_params! {
    /// What `EcDoRpcExt2` answers (opnum 11, [MS-OXCRPC] 3.1.4.2).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoRpcExt2Response as "EcDoRpcExt2" {
        /// The session; all zero where it was ended.
        pub handle: ContextHandle = "pcxh",
        /// Zero.
        pub flags: RpcFlags = "pulFlags",
        /// Extended buffers, each with a [`super::RopBuffer`].
        pub rgb_out: OutBytes = "rgbOut",
        /// One extended buffer with auxiliary blocks, or nothing.
        pub aux_out: OutBytes = "rgbAuxOut",
        /// How long the server took, in milliseconds.
        pub trans_time: u32 = "pulTransTime",
        /// Zero, or why the call failed.
        pub return_value: ErrorCode = "return",
    }
}
