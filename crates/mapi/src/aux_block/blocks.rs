//! The structures of auxiliary blocks ([MS-OXCRPC] 2.2.2.2).

use wire::Guid;

use super::fields::{aux_struct, newtype_fields};
use crate::ErrorCode;

wire::wire_enum! {
    /// `ClientMode` ([MS-OXCRPC] 2.2.2.2.4).
    pub struct ClientMode(u16) {
        /// Not said.
        CLIENTMODE_UNKNOWN = 0x00,
        /// The client works on the server.
        CLIENTMODE_CLASSIC = 0x01,
        /// The client works on a copy.
        CLIENTMODE_CACHED = 0x02,
    }
}

wire::wire_enum! {
    /// `ServerType` ([MS-OXCRPC] 2.2.2.2.5).
    pub struct ServerType(u16) {
        /// Not said.
        SERVERTYPE_UNKNOWN = 0x00,
        /// A server with mailboxes.
        SERVERTYPE_PRIVATE = 0x01,
        /// A server with public folders.
        SERVERTYPE_PUBLIC = 0x02,
        /// A directory server.
        SERVERTYPE_DIRECTORY = 0x03,
        /// A server that refers to directory servers.
        SERVERTYPE_REFERRAL = 0x04,
    }
}

wire::wire_flags! {
    /// `EnableFlags`: what a client is to do ([MS-OXCRPC] 2.2.2.2.15).
    pub struct EnableFlags(u32) {
        /// Send performance data.
        ENABLE_PERF_SENDTOSERVER = 0x0000_0001,
        /// Compress.
        ENABLE_COMPRESSION = 0x0000_0004,
        /// Use RPC over HTTP, where it is set up.
        ENABLE_HTTP_TUNNELING = 0x0000_0008,
        /// Send performance data about the directory too.
        ENABLE_PERF_SENDGCDATA = 0x0000_0010,
    }
}

wire::wire_flags! {
    /// `OrgFlags`: what the server's organisation has ([MS-OXCRPC] 2.2.2.2.17).
    pub struct OrgFlags(u32) {
        /// Public folders.
        PUBLIC_FOLDERS_ENABLED = 0x0000_0001,
        /// Public folders whose place Autodiscover tells.
        USE_AUTODISCOVER_FOR_PUBLIC_FOLDER_CONFIGURATION = 0x0000_0002,
    }
}

wire::wire_flags! {
    /// `ServerCapabilityFlags` ([MS-OXCRPC] 2.2.2.2.19).
    pub struct ServerCapabilityFlags(u32) {
        /// Packed uploads of FastTransfer streams are taken.
        PACKED_FAST_TRANSFER_UPLOAD_BUFFERS = 0x0000_0001,
        /// Packed uploads of `RopWriteStreamExtended` are taken.
        PACKED_WRITE_STREAM_UPLOAD_BUFFERS = 0x0000_0002,
        /// Chained downloads of any size can be asked for.
        ULTRA_LARGE_PACKED_DOWNLOAD_BUFFERS = 0x0000_0008,
    }
}

wire::wire_flags! {
    /// `EndpointCapabilityFlag` ([MS-OXCRPC] 2.2.2.2.20).
    pub struct EndpointCapabilityFlags(u32) {
        /// All interfaces are behind one endpoint.
        ENDPOINT_CAPABILITIES_SINGLE_ENDPOINT = 0x0000_0001,
    }
}

newtype_fields! {
    ClientMode => u16,
    ServerType => u16,
    EnableFlags => u32,
    OrgFlags => u32,
    ServerCapabilityFlags => u32,
    EndpointCapabilityFlags => u32,
    ErrorCode => u32,
}

aux_struct! {
    /// Names a request ([MS-OXCRPC] 2.2.2.2.1).
    pub struct PerfRequestId as "AUX_PERF_REQUESTID" {
        /// The session.
        pub session_id: u16 = "SessionID",
        /// The request.
        pub request_id: u16 = "RequestID",
    }
}

aux_struct! {
    /// Names a session ([MS-OXCRPC] 2.2.2.2.2).
    pub struct PerfSessionInfo as "AUX_PERF_SESSIONINFO" {
        /// The session, as other blocks name it.
        pub session_id: u16 = "SessionID",
        /// Padding.
        pub reserved: u16 = "Reserved",
        /// The session.
        pub session_guid: Guid = "SessionGuid",
    }
}

aux_struct! {
    /// Names a session and its connection ([MS-OXCRPC] 2.2.2.2.3).
    pub struct PerfSessionInfoV2 as "AUX_PERF_SESSIONINFO_V2" {
        /// The session, as other blocks name it.
        pub session_id: u16 = "SessionID",
        /// Padding.
        pub reserved: u16 = "Reserved",
        /// The session.
        pub session_guid: Guid = "SessionGuid",
        /// The connection.
        pub connection_id: u32 = "ConnectionID",
    }
}

aux_struct! {
    /// Describes a client's computer ([MS-OXCRPC] 2.2.2.2.4). Offsets count from the start of the header.
    pub struct PerfClientInfo as "AUX_PERF_CLIENTINFO" {
        /// The network adapter's speed, in kilobits a second.
        pub adapter_speed: u32 = "AdapterSpeed",
        /// The client, as other blocks name it.
        pub client_id: u16 = "ClientID",
        /// Where [`PerfClientInfo::machine_name`] is.
        pub machine_name_offset: u16 = "MachineNameOffset",
        /// Where [`PerfClientInfo::user_name`] is.
        pub user_name_offset: u16 = "UserNameOffset",
        /// Size of [`PerfClientInfo::client_ip`].
        pub client_ip_size: u16 = "ClientIPSize",
        /// Where it is.
        pub client_ip_offset: u16 = "ClientIPOffset",
        /// Size of [`PerfClientInfo::client_ip_mask`].
        pub client_ip_mask_size: u16 = "ClientIPMaskSize",
        /// Where it is.
        pub client_ip_mask_offset: u16 = "ClientIPMaskOffset",
        /// Where [`PerfClientInfo::adapter_name`] is.
        pub adapter_name_offset: u16 = "AdapterNameOffset",
        /// Size of [`PerfClientInfo::mac_address`].
        pub mac_address_size: u16 = "MacAddressSize",
        /// Where it is.
        pub mac_address_offset: u16 = "MacAddressOffset",
        /// How the client works.
        pub client_mode: ClientMode = "ClientMode",
        /// Padding.
        pub reserved: u16 = "Reserved",
        ; variable
        /// Everything that the offsets point into.
        pub region
    }
}

aux_struct! {
    /// Describes a server that a client talks to ([MS-OXCRPC] 2.2.2.2.5). Offsets count from the start of the
    /// header.
    pub struct PerfServerInfo as "AUX_PERF_SERVERINFO" {
        /// The server, as other blocks name it.
        pub server_id: u16 = "ServerID",
        /// What it serves.
        pub server_type: ServerType = "ServerType",
        /// Where [`PerfServerInfo::server_dn`] is.
        pub server_dn_offset: u16 = "ServerDNOffset",
        /// Where [`PerfServerInfo::server_name`] is.
        pub server_name_offset: u16 = "ServerNameOffset",
        ; variable
        /// Everything that the offsets point into.
        pub region
    }
}

aux_struct! {
    /// Describes a client's process ([MS-OXCRPC] 2.2.2.2.6). Offsets count from the start of the header.
    pub struct PerfProcessInfo as "AUX_PERF_PROCESSINFO" {
        /// The process, as other blocks name it.
        pub process_id: u16 = "ProcessID",
        /// Padding.
        pub reserved_1: u16 = "Reserved_1",
        /// The process.
        pub process_guid: Guid = "ProcessGuid",
        /// Where [`PerfProcessInfo::process_name`] is.
        pub process_name_offset: u16 = "ProcessNameOffset",
        /// Padding.
        pub reserved_2: u16 = "Reserved_2",
        ; variable
        /// Everything that the offset points into.
        pub region
    }
}

aux_struct! {
    /// A call to the default message store that succeeded ([MS-OXCRPC] 2.2.2.2.7). Times are in milliseconds.
    pub struct DefMdbSuccess as "AUX_PERF_DEFMDB_SUCCESS" {
        /// How long ago.
        pub time_since_request: u32 = "TimeSinceRequest",
        /// How long it took.
        pub time_to_complete_request: u32 = "TimeToCompleteRequest",
        /// The request.
        pub request_id: u16 = "RequestID",
        /// Padding.
        pub reserved: u16 = "Reserved",
    }
}

aux_struct! {
    /// A call to the default directory server that succeeded ([MS-OXCRPC] 2.2.2.2.8). Times are in
    /// milliseconds.
    pub struct DefGcSuccess as "AUX_PERF_DEFGC_SUCCESS" {
        /// The server.
        pub server_id: u16 = "ServerID",
        /// The session.
        pub session_id: u16 = "SessionID",
        /// How long ago.
        pub time_since_request: u32 = "TimeSinceRequest",
        /// How long it took.
        pub time_to_complete_request: u32 = "TimeToCompleteRequest",
        /// What was asked; the client's own number.
        pub request_operation: u8 = "RequestOperation",
        /// Padding.
        pub reserved: [u8; 3] = "Reserved",
    }
}

aux_struct! {
    /// A call to a message store that succeeded ([MS-OXCRPC] 2.2.2.2.9). Times are in milliseconds.
    pub struct MdbSuccess as "AUX_PERF_MDB_SUCCESS" {
        /// The client.
        pub client_id: u16 = "ClientID",
        /// The server.
        pub server_id: u16 = "ServerID",
        /// The session.
        pub session_id: u16 = "SessionID",
        /// The request.
        pub request_id: u16 = "RequestID",
        /// How long ago.
        pub time_since_request: u32 = "TimeSinceRequest",
        /// How long it took.
        pub time_to_complete_request: u32 = "TimeToCompleteRequest",
    }
}

aux_struct! {
    /// A call to a message store that succeeded ([MS-OXCRPC] 2.2.2.2.10). Times are in milliseconds.
    pub struct MdbSuccessV2 as "AUX_PERF_MDB_SUCCESS_V2" {
        /// The client's process.
        pub process_id: u16 = "ProcessID",
        /// The client.
        pub client_id: u16 = "ClientID",
        /// The server.
        pub server_id: u16 = "ServerID",
        /// The session.
        pub session_id: u16 = "SessionID",
        /// The request.
        pub request_id: u16 = "RequestID",
        /// Padding.
        pub reserved: u16 = "Reserved",
        /// How long ago.
        pub time_since_request: u32 = "TimeSinceRequest",
        /// How long it took.
        pub time_to_complete_request: u32 = "TimeToCompleteRequest",
    }
}

aux_struct! {
    /// A call to a directory server that succeeded ([MS-OXCRPC] 2.2.2.2.11). Times are in milliseconds.
    pub struct GcSuccess as "AUX_PERF_GC_SUCCESS" {
        /// The client.
        pub client_id: u16 = "ClientID",
        /// The server.
        pub server_id: u16 = "ServerID",
        /// The session.
        pub session_id: u16 = "SessionID",
        /// Padding.
        pub reserved_1: u16 = "Reserved_1",
        /// How long ago.
        pub time_since_request: u32 = "TimeSinceRequest",
        /// How long it took.
        pub time_to_complete_request: u32 = "TimeToCompleteRequest",
        /// What was asked; the client's own number.
        pub request_operation: u8 = "RequestOperation",
        /// Padding.
        pub reserved_2: [u8; 3] = "Reserved_2",
    }
}

aux_struct! {
    /// A call to a directory server that succeeded ([MS-OXCRPC] 2.2.2.2.12). Times are in milliseconds.
    pub struct GcSuccessV2 as "AUX_PERF_GC_SUCCESS_V2" {
        /// The client's process.
        pub process_id: u16 = "ProcessID",
        /// The client.
        pub client_id: u16 = "ClientID",
        /// The server.
        pub server_id: u16 = "ServerID",
        /// The session.
        pub session_id: u16 = "SessionID",
        /// How long ago.
        pub time_since_request: u32 = "TimeSinceRequest",
        /// How long it took.
        pub time_to_complete_request: u32 = "TimeToCompleteRequest",
        /// What was asked; the client's own number.
        pub request_operation: u8 = "RequestOperation",
        /// Padding.
        pub reserved: [u8; 3] = "Reserved",
    }
}

aux_struct! {
    /// A call to a message store or a directory server that failed ([MS-OXCRPC] 2.2.2.2.13). Times are in
    /// milliseconds.
    pub struct Failure as "AUX_PERF_FAILURE" {
        /// The client.
        pub client_id: u16 = "ClientID",
        /// The server.
        pub server_id: u16 = "ServerID",
        /// The session.
        pub session_id: u16 = "SessionID",
        /// The request.
        pub request_id: u16 = "RequestID",
        /// How long ago.
        pub time_since_request: u32 = "TimeSinceRequest",
        /// How long it took.
        pub time_to_fail_request: u32 = "TimeToFailRequest",
        /// Why.
        pub result_code: ErrorCode = "ResultCode",
        /// What was asked; the client's own number.
        pub request_operation: u8 = "RequestOperation",
        /// Padding.
        pub reserved: [u8; 3] = "Reserved",
    }
}

aux_struct! {
    /// A call to a message store or a directory server that failed ([MS-OXCRPC] 2.2.2.2.14). Times are in
    /// milliseconds.
    pub struct FailureV2 as "AUX_PERF_FAILURE_V2" {
        /// The client's process.
        pub process_id: u16 = "ProcessID",
        /// The client.
        pub client_id: u16 = "ClientID",
        /// The server.
        pub server_id: u16 = "ServerID",
        /// The session.
        pub session_id: u16 = "SessionID",
        /// The request.
        pub request_id: u16 = "RequestID",
        /// Padding.
        pub reserved_1: u16 = "Reserved_1",
        /// How long ago.
        pub time_since_request: u32 = "TimeSinceRequest",
        /// How long it took.
        pub time_to_fail_request: u32 = "TimeToFailRequest",
        /// Why.
        pub result_code: ErrorCode = "ResultCode",
        /// What was asked; the client's own number.
        pub request_operation: u8 = "RequestOperation",
        /// Padding.
        pub reserved_2: [u8; 3] = "Reserved_2",
    }
}

aux_struct! {
    /// Tells a client how to behave ([MS-OXCRPC] 2.2.2.2.15).
    pub struct ClientControl as "AUX_CLIENT_CONTROL" {
        /// What to do; what is not set is not to be done.
        pub enable_flags: EnableFlags = "EnableFlags",
        /// How long to keep performance data that could not be sent, in milliseconds.
        pub expiry_time: u32 = "ExpiryTime",
    }
}

aux_struct! {
    /// The server's operating system ([MS-OXCRPC] 2.2.2.2.16).
    pub struct OsVersionInfo as "AUX_OSVERSIONINFO" {
        /// The structure's own size.
        pub os_version_info_size: u32 = "OSVersionInfoSize",
        /// Its version, the first part.
        pub major_version: u32 = "MajorVersion",
        /// Its version, the second part.
        pub minor_version: u32 = "MinorVersion",
        /// Its build.
        pub build_number: u32 = "BuildNumber",
        /// Not used.
        pub reserved_1: [u8; 132] = "Reserved1",
        /// Its service pack's version, the first part.
        pub service_pack_major: u16 = "ServicePackMajor",
        /// Its service pack's version, the second part.
        pub service_pack_minor: u16 = "ServicePackMinor",
        /// Not used.
        pub reserved_2: u32 = "Reserved2",
    }
}

aux_struct! {
    /// The server's organisation ([MS-OXCRPC] 2.2.2.2.17).
    pub struct ExOrgInfo as "AUX_EXORGINFO" {
        /// What it has.
        pub org_flags: OrgFlags = "OrgFlags",
    }
}

aux_struct! {
    /// Names a client's account ([MS-OXCRPC] 2.2.2.2.18).
    pub struct PerfAccountInfo as "AUX_PERF_ACCOUNTINFO" {
        /// The client, as [`PerfClientInfo`] names it.
        pub client_id: u16 = "ClientID",
        /// Padding.
        pub reserved: u16 = "Reserved",
        /// The account.
        pub account: Guid = "Account",
    }
}

aux_struct! {
    /// What the server can do ([MS-OXCRPC] 2.2.2.2.19).
    pub struct ServerCapabilities as "AUX_SERVER_CAPABILITIES" {
        /// What it can do.
        pub server_capability_flags: ServerCapabilityFlags = "ServerCapabilityFlags",
    }
}

aux_struct! {
    /// What the server's endpoint can do ([MS-OXCRPC] 2.2.2.2.20).
    pub struct EndpointCapabilities as "AUX_ENDPOINT_CAPABILITIES" {
        /// What it can do.
        pub endpoint_capability_flag: EndpointCapabilityFlags = "EndpointCapabilityFlag",
    }
}

aux_struct! {
    /// Describes a client's connection, for the server's log ([MS-OXCRPC] 2.2.2.2.21). Offsets count from the
    /// start of the header.
    pub struct ClientConnectionInfo as "AUX_CLIENT_CONNECTION_INFO" {
        /// The connection.
        pub connection_guid: Guid = "ConnectionGUID",
        /// Where [`ClientConnectionInfo::context_info`] is.
        pub offset_connection_context_info: u16 = "OffsetConnectionContextInfo",
        /// Padding.
        pub reserved: u16 = "Reserved",
        /// How often it was tried.
        pub connection_attempts: u32 = "ConnectionAttempts",
        /// 1 where the client works on a copy.
        pub connection_flags: u32 = "ConnectionFlags",
        ; variable
        /// Everything that the offset points into.
        pub region
    }
}

aux_struct! {
    /// Describes a session, for the client's log ([MS-OXCRPC] 2.2.2.2.22). Offsets count from the start of the
    /// header.
    pub struct ServerSessionInfo as "AUX_SERVER_SESSION_INFO" {
        /// Where [`ServerSessionInfo::context_info`] is.
        pub offset_server_session_context_info: u16 = "OffsetServerSessionContextInfo",
        ; variable
        /// Everything that the offset points into.
        pub region
    }
}

aux_struct! {
    /// Names a device between client and server ([MS-OXCRPC] 2.2.2.2.23). Offsets count from the start of the
    /// header.
    pub struct ProtocolDeviceIdentification as "AUX_PROTOCOL_DEVICE_IDENTIFICATION" {
        /// Where [`ProtocolDeviceIdentification::manufacturer`] is.
        pub device_manufacturer_offset: u16 = "DeviceManufacturerOffset",
        /// Where [`ProtocolDeviceIdentification::model`] is.
        pub device_model_offset: u16 = "DeviceModelOffset",
        /// Where [`ProtocolDeviceIdentification::serial_number`] is.
        pub device_serial_number_offset: u16 = "DeviceSerialNumberOffset",
        /// Where [`ProtocolDeviceIdentification::version`] is.
        pub device_version_offset: u16 = "DeviceVersionOffset",
        /// Where [`ProtocolDeviceIdentification::firmware_version`] is.
        pub device_firmware_version_offset: u16 = "DeviceFirmwareVersionOffset",
        ; variable
        /// Everything that the offsets point into.
        pub region
    }
}
