//! `AUX_HEADER`: the size, version and type of an auxiliary block.

/// The size of an `AUX_HEADER`, in bytes.
pub(super) const HEADER_SIZE: usize = 2 /* Size */ + 1 /* Version */ + 1 /* Type */;

wire::wire_enum! {
    /// `Version` of an `AUX_HEADER`: the layout of the block's type ([MS-OXCRPC] 2.2.2.2).
    pub struct AuxVersion(u8) {
        /// The first layout of the type.
        AUX_VERSION_1 = 0x01,
        /// The second layout, which some types have.
        AUX_VERSION_2 = 0x02,
    }
}

wire::wire_enum! {
    /// `Type` of an `AUX_HEADER` ([MS-OXCRPC] 2.2.2.2). In the names, FG means foreground, BG background and GC global
    /// catalog.
    pub struct AuxType(u8) {
        /// [`PerfRequestId`](super::PerfRequestId).
        AUX_TYPE_PERF_REQUESTID = 0x01,
        /// [`PerfClientInfo`](super::PerfClientInfo).
        AUX_TYPE_PERF_CLIENTINFO = 0x02,
        /// [`PerfServerInfo`](super::PerfServerInfo).
        AUX_TYPE_PERF_SERVERINFO = 0x03,
        /// [`PerfSessionInfo`](super::PerfSessionInfo), [`PerfSessionInfoV2`](super::PerfSessionInfoV2).
        AUX_TYPE_PERF_SESSIONINFO = 0x04,
        /// [`DefMdbSuccess`](super::DefMdbSuccess).
        AUX_TYPE_PERF_DEFMDB_SUCCESS = 0x05,
        /// [`DefGcSuccess`](super::DefGcSuccess).
        AUX_TYPE_PERF_DEFGC_SUCCESS = 0x06,
        /// [`MdbSuccess`](super::MdbSuccess), [`MdbSuccessV2`](super::MdbSuccessV2).
        AUX_TYPE_PERF_MDB_SUCCESS = 0x07,
        /// [`GcSuccess`](super::GcSuccess), [`GcSuccessV2`](super::GcSuccessV2).
        AUX_TYPE_PERF_GC_SUCCESS = 0x08,
        /// [`Failure`](super::Failure), [`FailureV2`](super::FailureV2).
        AUX_TYPE_PERF_FAILURE = 0x09,
        /// [`ClientControl`](super::ClientControl).
        AUX_TYPE_CLIENT_CONTROL = 0x0a,
        /// [`PerfProcessInfo`](super::PerfProcessInfo).
        AUX_TYPE_PERF_PROCESSINFO = 0x0b,
        /// [`DefMdbSuccess`](super::DefMdbSuccess).
        AUX_TYPE_PERF_BG_DEFMDB_SUCCESS = 0x0c,
        /// [`DefGcSuccess`](super::DefGcSuccess).
        AUX_TYPE_PERF_BG_DEFGC_SUCCESS = 0x0d,
        /// [`MdbSuccess`](super::MdbSuccess), [`MdbSuccessV2`](super::MdbSuccessV2).
        AUX_TYPE_PERF_BG_MDB_SUCCESS = 0x0e,
        /// [`GcSuccess`](super::GcSuccess), [`GcSuccessV2`](super::GcSuccessV2).
        AUX_TYPE_PERF_BG_GC_SUCCESS = 0x0f,
        /// [`Failure`](super::Failure), [`FailureV2`](super::FailureV2).
        AUX_TYPE_PERF_BG_FAILURE = 0x10,
        /// [`DefMdbSuccess`](super::DefMdbSuccess).
        AUX_TYPE_PERF_FG_DEFMDB_SUCCESS = 0x11,
        /// [`DefGcSuccess`](super::DefGcSuccess).
        AUX_TYPE_PERF_FG_DEFGC_SUCCESS = 0x12,
        /// [`MdbSuccess`](super::MdbSuccess), [`MdbSuccessV2`](super::MdbSuccessV2).
        AUX_TYPE_PERF_FG_MDB_SUCCESS = 0x13,
        /// [`GcSuccess`](super::GcSuccess), [`GcSuccessV2`](super::GcSuccessV2).
        AUX_TYPE_PERF_FG_GC_SUCCESS = 0x14,
        /// [`Failure`](super::Failure), [`FailureV2`](super::FailureV2).
        AUX_TYPE_PERF_FG_FAILURE = 0x15,
        /// [`OsVersionInfo`](super::OsVersionInfo).
        AUX_TYPE_OSVERSIONINFO = 0x16,
        /// [`ExOrgInfo`](super::ExOrgInfo).
        AUX_TYPE_EXORGINFO = 0x17,
        /// [`PerfAccountInfo`](super::PerfAccountInfo).
        AUX_TYPE_PERF_ACCOUNTINFO = 0x18,
        /// [`ServerCapabilities`](super::ServerCapabilities).
        AUX_TYPE_SERVER_CAPABILITIES = 0x46,
        /// [`EndpointCapabilities`](super::EndpointCapabilities).
        AUX_TYPE_ENDPOINT_CAPABILITIES = 0x48,
        /// The trace of an exception on the server; its layout is not documented.
        AUX_TYPE_EXCEPTION_TRACE = 0x49,
        /// [`ClientConnectionInfo`](super::ClientConnectionInfo).
        AUX_CLIENT_CONNECTION_INFO = 0x4a,
        /// [`ServerSessionInfo`](super::ServerSessionInfo).
        AUX_SERVER_SESSION_INFO = 0x4b,
        /// [`ProtocolDeviceIdentification`](super::ProtocolDeviceIdentification).
        AUX_PROTOCOL_DEVICE_IDENTIFICATION = 0x4e,
    }
}
