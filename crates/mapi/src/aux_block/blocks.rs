//! The structures of auxiliary blocks ([MS-OXCRPC] 2.2.2.2).

use wire::Guid;

use super::fields::Rest;
use super::flags::{
    ClientMode, EnableFlags, EndpointCapabilityFlags, OrgFlags, ServerCapabilityFlags, ServerType,
};
use super::format::Aux;
use crate::ErrorCode;
use crate::field::structure;

structure! {
    /// Names a request ([MS-OXCRPC] 2.2.2.2.1).
    pub struct PerfRequestId: Aux as "AUX_PERF_REQUESTID" {
        /// The session.
        pub session_id: u16 = "SessionID",
        /// The request.
        pub request_id: u16 = "RequestID",
    }
}

structure! {
    /// Names a session ([MS-OXCRPC] 2.2.2.2.2).
    pub struct PerfSessionInfo: Aux as "AUX_PERF_SESSIONINFO" {
        /// The session, as other blocks name it.
        pub session_id: u16 = "SessionID",
        /// Padding.
        pub reserved: u16 = "Reserved",
        /// The session.
        pub session_guid: Guid = "SessionGuid",
    }
}

structure! {
    /// Names a session and its connection ([MS-OXCRPC] 2.2.2.2.3).
    pub struct PerfSessionInfoV2: Aux as "AUX_PERF_SESSIONINFO_V2" {
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

structure! {
    /// Describes a client's computer ([MS-OXCRPC] 2.2.2.2.4). Offsets count from the start of the header.
    pub struct PerfClientInfo: Aux as "AUX_PERF_CLIENTINFO" {
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
        /// Everything that the offsets point into.
        pub region: Rest = "Region",
    }
}

structure! {
    /// Describes a server that a client talks to ([MS-OXCRPC] 2.2.2.2.5). Offsets count from the start of the
    /// header.
    pub struct PerfServerInfo: Aux as "AUX_PERF_SERVERINFO" {
        /// The server, as other blocks name it.
        pub server_id: u16 = "ServerID",
        /// What it serves.
        pub server_type: ServerType = "ServerType",
        /// Where [`PerfServerInfo::server_dn`] is.
        pub server_dn_offset: u16 = "ServerDNOffset",
        /// Where [`PerfServerInfo::server_name`] is.
        pub server_name_offset: u16 = "ServerNameOffset",
        /// Everything that the offsets point into.
        pub region: Rest = "Region",
    }
}

structure! {
    /// Describes a client's process ([MS-OXCRPC] 2.2.2.2.6). Offsets count from the start of the header.
    pub struct PerfProcessInfo: Aux as "AUX_PERF_PROCESSINFO" {
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
        /// Everything that the offset points into.
        pub region: Rest = "Region",
    }
}

structure! {
    /// A call to the default message store that succeeded ([MS-OXCRPC] 2.2.2.2.7). Times are in milliseconds.
    pub struct DefMdbSuccess: Aux as "AUX_PERF_DEFMDB_SUCCESS" {
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

structure! {
    /// A call to the default directory server that succeeded ([MS-OXCRPC] 2.2.2.2.8). Times are in
    /// milliseconds.
    pub struct DefGcSuccess: Aux as "AUX_PERF_DEFGC_SUCCESS" {
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

structure! {
    /// A call to a message store that succeeded ([MS-OXCRPC] 2.2.2.2.9). Times are in milliseconds.
    pub struct MdbSuccess: Aux as "AUX_PERF_MDB_SUCCESS" {
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

structure! {
    /// A call to a message store that succeeded ([MS-OXCRPC] 2.2.2.2.10). Times are in milliseconds.
    pub struct MdbSuccessV2: Aux as "AUX_PERF_MDB_SUCCESS_V2" {
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

structure! {
    /// A call to a directory server that succeeded ([MS-OXCRPC] 2.2.2.2.11). Times are in milliseconds.
    pub struct GcSuccess: Aux as "AUX_PERF_GC_SUCCESS" {
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

structure! {
    /// A call to a directory server that succeeded ([MS-OXCRPC] 2.2.2.2.12). Times are in milliseconds.
    pub struct GcSuccessV2: Aux as "AUX_PERF_GC_SUCCESS_V2" {
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

structure! {
    /// A call to a message store or a directory server that failed ([MS-OXCRPC] 2.2.2.2.13). Times are in
    /// milliseconds.
    pub struct Failure: Aux as "AUX_PERF_FAILURE" {
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

structure! {
    /// A call to a message store or a directory server that failed ([MS-OXCRPC] 2.2.2.2.14). Times are in
    /// milliseconds.
    pub struct FailureV2: Aux as "AUX_PERF_FAILURE_V2" {
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

structure! {
    /// Tells a client how to behave ([MS-OXCRPC] 2.2.2.2.15).
    pub struct ClientControl: Aux as "AUX_CLIENT_CONTROL" {
        /// What to do; what is not set is not to be done.
        pub enable_flags: EnableFlags = "EnableFlags",
        /// How long to keep performance data that could not be sent, in milliseconds.
        pub expiry_time: u32 = "ExpiryTime",
    }
}

structure! {
    /// The server's operating system ([MS-OXCRPC] 2.2.2.2.16).
    pub struct OsVersionInfo: Aux as "AUX_OSVERSIONINFO" {
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

structure! {
    /// The server's organisation ([MS-OXCRPC] 2.2.2.2.17).
    pub struct ExOrgInfo: Aux as "AUX_EXORGINFO" {
        /// What it has.
        pub org_flags: OrgFlags = "OrgFlags",
    }
}

structure! {
    /// Names a client's account ([MS-OXCRPC] 2.2.2.2.18).
    pub struct PerfAccountInfo: Aux as "AUX_PERF_ACCOUNTINFO" {
        /// The client, as [`PerfClientInfo`] names it.
        pub client_id: u16 = "ClientID",
        /// Padding.
        pub reserved: u16 = "Reserved",
        /// The account.
        pub account: Guid = "Account",
    }
}

structure! {
    /// What the server can do ([MS-OXCRPC] 2.2.2.2.19).
    pub struct ServerCapabilities: Aux as "AUX_SERVER_CAPABILITIES" {
        /// What it can do.
        pub server_capability_flags: ServerCapabilityFlags = "ServerCapabilityFlags",
    }
}

structure! {
    /// What the server's endpoint can do ([MS-OXCRPC] 2.2.2.2.20).
    pub struct EndpointCapabilities: Aux as "AUX_ENDPOINT_CAPABILITIES" {
        /// What it can do.
        pub endpoint_capability_flag: EndpointCapabilityFlags = "EndpointCapabilityFlag",
    }
}

structure! {
    /// Describes a client's connection, for the server's log ([MS-OXCRPC] 2.2.2.2.21). Offsets count from the
    /// start of the header.
    pub struct ClientConnectionInfo: Aux as "AUX_CLIENT_CONNECTION_INFO" {
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
        /// Everything that the offset points into.
        pub region: Rest = "Region",
    }
}

structure! {
    /// Describes a session, for the client's log ([MS-OXCRPC] 2.2.2.2.22). Offsets count from the start of the
    /// header.
    pub struct ServerSessionInfo: Aux as "AUX_SERVER_SESSION_INFO" {
        /// Where [`ServerSessionInfo::context_info`] is.
        pub offset_server_session_context_info: u16 = "OffsetServerSessionContextInfo",
        /// Everything that the offset points into.
        pub region: Rest = "Region",
    }
}

structure! {
    /// Names a device between client and server ([MS-OXCRPC] 2.2.2.2.23). Offsets count from the start of the
    /// header.
    pub struct ProtocolDeviceIdentification: Aux as "AUX_PROTOCOL_DEVICE_IDENTIFICATION" {
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
        /// Everything that the offsets point into.
        pub region: Rest = "Region",
    }
}
