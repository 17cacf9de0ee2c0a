//! Selects the structure of an auxiliary block by its version and type.

use wire::{Reader, Result, Writer};

use super::blocks::{
    ClientConnectionInfo, ClientControl, DefGcSuccess, DefMdbSuccess, EndpointCapabilities, ExOrgInfo,
    Failure, FailureV2, GcSuccess, GcSuccessV2, MdbSuccess, MdbSuccessV2, OsVersionInfo, PerfAccountInfo,
    PerfClientInfo, PerfProcessInfo, PerfRequestId, PerfServerInfo, PerfSessionInfo, PerfSessionInfoV2,
    ProtocolDeviceIdentification, ServerCapabilities, ServerSessionInfo,
};
use super::format::Aux;
use super::header::{AuxType, AuxVersion};
use crate::field::Field;
use crate::inspect::{Inspect, Node};

/// Maps versions and types of blocks to their structures ([MS-OXCRPC] 2.2.2.2).
macro_rules! bodies {
    ($($name:ident: [$($version:ident)|+] [$($aux_type:ident)|+];)*) => {
        /// The content of an auxiliary block, after its `AUX_HEADER`.
        #[derive(Debug, Clone, PartialEq)]
        pub enum AuxBody {
            $(
                #[doc = concat!("See [`", stringify!($name), "`].")]
                $name($name),
            )*
            /// The bytes of a block whose type is unknown, or that is too short for its type.
            Opaque(Vec<u8>),
        }

        impl AuxBody {
            /// Reads a block from `content`. Returns the block and the bytes that follow its fields.
            pub(super) fn read(version: AuxVersion, aux_type: AuxType, content: Reader<'_>) -> (Self, Vec<u8>) {
                let mut r = content.clone();
                let body = match (version, aux_type) {
                    $(($(AuxVersion::$version)|+, $(AuxType::$aux_type)|+) => Field::<Aux>::read(&mut r, stringify!($name)).map(Self::$name),)*
                    _ => return (Self::opaque(content), Vec::new()),
                };
                match body {
                    Ok(body) => (body, r.rest().to_vec()),
                    Err(_) => (Self::opaque(content), Vec::new()),
                }
            }

            pub(super) fn write(&self, w: &mut Writer) -> Result<()> {
                match self {
                    $(Self::$name(body) => Field::<Aux>::write(body, w, stringify!($name)),)*
                    Self::Opaque(bytes) => {
                        w.bytes(bytes);
                        Ok(())
                    }
                }
            }
        }

        impl Inspect for AuxBody {
            fn to_node(&self) -> Node {
                match self {
                    $(Self::$name(body) => body.to_node(),)*
                    Self::Opaque(bytes) => Node::Bytes(bytes.clone()),
                }
            }
        }

        $(impl From<$name> for AuxBody {
            fn from(body: $name) -> Self {
                Self::$name(body)
            }
        })*
    };
}

impl AuxBody {
    fn opaque(mut content: Reader<'_>) -> Self {
        Self::Opaque(content.rest().to_vec())
    }
}

bodies! {
    PerfRequestId: [AUX_VERSION_1] [AUX_TYPE_PERF_REQUESTID];
    PerfClientInfo: [AUX_VERSION_1] [AUX_TYPE_PERF_CLIENTINFO];
    PerfServerInfo: [AUX_VERSION_1] [AUX_TYPE_PERF_SERVERINFO];
    PerfSessionInfo: [AUX_VERSION_1] [AUX_TYPE_PERF_SESSIONINFO];
    PerfSessionInfoV2: [AUX_VERSION_2] [AUX_TYPE_PERF_SESSIONINFO];
    DefMdbSuccess: [AUX_VERSION_1] [AUX_TYPE_PERF_DEFMDB_SUCCESS | AUX_TYPE_PERF_BG_DEFMDB_SUCCESS | AUX_TYPE_PERF_FG_DEFMDB_SUCCESS];
    DefGcSuccess: [AUX_VERSION_1] [AUX_TYPE_PERF_DEFGC_SUCCESS | AUX_TYPE_PERF_BG_DEFGC_SUCCESS | AUX_TYPE_PERF_FG_DEFGC_SUCCESS];
    MdbSuccess: [AUX_VERSION_1] [AUX_TYPE_PERF_MDB_SUCCESS | AUX_TYPE_PERF_BG_MDB_SUCCESS | AUX_TYPE_PERF_FG_MDB_SUCCESS];
    MdbSuccessV2: [AUX_VERSION_2] [AUX_TYPE_PERF_MDB_SUCCESS | AUX_TYPE_PERF_BG_MDB_SUCCESS | AUX_TYPE_PERF_FG_MDB_SUCCESS];
    GcSuccess: [AUX_VERSION_1] [AUX_TYPE_PERF_GC_SUCCESS | AUX_TYPE_PERF_BG_GC_SUCCESS | AUX_TYPE_PERF_FG_GC_SUCCESS];
    GcSuccessV2: [AUX_VERSION_2] [AUX_TYPE_PERF_GC_SUCCESS | AUX_TYPE_PERF_BG_GC_SUCCESS | AUX_TYPE_PERF_FG_GC_SUCCESS];
    Failure: [AUX_VERSION_1] [AUX_TYPE_PERF_FAILURE | AUX_TYPE_PERF_BG_FAILURE | AUX_TYPE_PERF_FG_FAILURE];
    FailureV2: [AUX_VERSION_2] [AUX_TYPE_PERF_FAILURE | AUX_TYPE_PERF_BG_FAILURE | AUX_TYPE_PERF_FG_FAILURE];
    ClientControl: [AUX_VERSION_1] [AUX_TYPE_CLIENT_CONTROL];
    PerfProcessInfo: [AUX_VERSION_1 | AUX_VERSION_2] [AUX_TYPE_PERF_PROCESSINFO];
    OsVersionInfo: [AUX_VERSION_1] [AUX_TYPE_OSVERSIONINFO];
    ExOrgInfo: [AUX_VERSION_1] [AUX_TYPE_EXORGINFO];
    PerfAccountInfo: [AUX_VERSION_1] [AUX_TYPE_PERF_ACCOUNTINFO];
    ServerCapabilities: [AUX_VERSION_1] [AUX_TYPE_SERVER_CAPABILITIES];
    EndpointCapabilities: [AUX_VERSION_1] [AUX_TYPE_ENDPOINT_CAPABILITIES];
    ClientConnectionInfo: [AUX_VERSION_1] [AUX_CLIENT_CONNECTION_INFO];
    ServerSessionInfo: [AUX_VERSION_1] [AUX_SERVER_SESSION_INFO];
    ProtocolDeviceIdentification: [AUX_VERSION_1] [AUX_PROTOCOL_DEVICE_IDENTIFICATION];
}
