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
    /// Identifies a request in a session ([MS-OXCRPC] 2.2.2.2.1).
    pub struct PerfRequestId: Aux as "AUX_PERF_REQUESTID" {
        /// The session identifier that the client assigned.
        pub session_id: u16 = "SessionID",
        /// The request identifier that the client assigned.
        pub request_id: u16 = "RequestID",
    }
}

structure! {
    /// Assigns an identifier to a session ([MS-OXCRPC] 2.2.2.2.2).
    pub struct PerfSessionInfo: Aux as "AUX_PERF_SESSIONINFO" {
        /// The identifier by which other blocks refer to the session.
        pub session_id: u16 = "SessionID",
        /// Padding.
        pub reserved: u16 = "Reserved",
        /// The GUID of the session.
        pub session_guid: Guid = "SessionGuid",
    }
}

structure! {
    /// Assigns an identifier to a session, and names its connection ([MS-OXCRPC] 2.2.2.2.3).
    pub struct PerfSessionInfoV2: Aux as "AUX_PERF_SESSIONINFO_V2" {
        /// The identifier by which other blocks refer to the session.
        pub session_id: u16 = "SessionID",
        /// Padding.
        pub reserved: u16 = "Reserved",
        /// The GUID of the session.
        pub session_guid: Guid = "SessionGuid",
        /// The identifier of the connection.
        pub connection_id: u32 = "ConnectionID",
    }
}

structure! {
    /// Describes a client's computer ([MS-OXCRPC] 2.2.2.2.4). Offsets are in bytes from the start of the block's
    /// header.
    pub struct PerfClientInfo: Aux as "AUX_PERF_CLIENTINFO" {
        /// The speed of the network adapter, in kilobits per second.
        pub adapter_speed: u32 = "AdapterSpeed",
        /// The identifier by which other blocks refer to the client.
        pub client_id: u16 = "ClientID",
        /// The offset of [`PerfClientInfo::machine_name`].
        pub machine_name_offset: u16 = "MachineNameOffset",
        /// The offset of [`PerfClientInfo::user_name`].
        pub user_name_offset: u16 = "UserNameOffset",
        /// The size of [`PerfClientInfo::client_ip`], in bytes.
        pub client_ip_size: u16 = "ClientIPSize",
        /// The offset of [`PerfClientInfo::client_ip`].
        pub client_ip_offset: u16 = "ClientIPOffset",
        /// The size of [`PerfClientInfo::client_ip_mask`], in bytes.
        pub client_ip_mask_size: u16 = "ClientIPMaskSize",
        /// The offset of [`PerfClientInfo::client_ip_mask`].
        pub client_ip_mask_offset: u16 = "ClientIPMaskOffset",
        /// The offset of [`PerfClientInfo::adapter_name`].
        pub adapter_name_offset: u16 = "AdapterNameOffset",
        /// The size of [`PerfClientInfo::mac_address`], in bytes.
        pub mac_address_size: u16 = "MacAddressSize",
        /// The offset of [`PerfClientInfo::mac_address`].
        pub mac_address_offset: u16 = "MacAddressOffset",
        /// Whether the client caches the mailbox.
        pub client_mode: ClientMode = "ClientMode",
        /// Padding.
        pub reserved: u16 = "Reserved",
        /// The bytes to which the offsets refer.
        pub region: Rest = "Region",
    }
}

structure! {
    /// Describes a server that a client uses ([MS-OXCRPC] 2.2.2.2.5). Offsets are in bytes from the start of the
    /// block's header.
    pub struct PerfServerInfo: Aux as "AUX_PERF_SERVERINFO" {
        /// The identifier by which other blocks refer to the server.
        pub server_id: u16 = "ServerID",
        /// The kind of server.
        pub server_type: ServerType = "ServerType",
        /// The offset of [`PerfServerInfo::server_dn`].
        pub server_dn_offset: u16 = "ServerDNOffset",
        /// The offset of [`PerfServerInfo::server_name`].
        pub server_name_offset: u16 = "ServerNameOffset",
        /// The bytes to which the offsets refer.
        pub region: Rest = "Region",
    }
}

structure! {
    /// Describes a client's process ([MS-OXCRPC] 2.2.2.2.6). Offsets are in bytes from the start of the block's header.
    pub struct PerfProcessInfo: Aux as "AUX_PERF_PROCESSINFO" {
        /// The identifier by which other blocks refer to the process.
        pub process_id: u16 = "ProcessID",
        /// Padding.
        pub reserved_1: u16 = "Reserved_1",
        /// The GUID of the process.
        pub process_guid: Guid = "ProcessGuid",
        /// The offset of [`PerfProcessInfo::process_name`].
        pub process_name_offset: u16 = "ProcessNameOffset",
        /// Padding.
        pub reserved_2: u16 = "Reserved_2",
        /// The bytes to which the offsets refer.
        pub region: Rest = "Region",
    }
}

structure! {
    /// A call to the default message store that succeeded ([MS-OXCRPC] 2.2.2.2.7). Times are in milliseconds.
    pub struct DefMdbSuccess: Aux as "AUX_PERF_DEFMDB_SUCCESS" {
        /// The time since the request was sent, in milliseconds.
        pub time_since_request: u32 = "TimeSinceRequest",
        /// The duration of the request, in milliseconds.
        pub time_to_complete_request: u32 = "TimeToCompleteRequest",
        /// The request, as [`PerfRequestId`] identifies it.
        pub request_id: u16 = "RequestID",
        /// Padding.
        pub reserved: u16 = "Reserved",
    }
}

structure! {
    /// A call to the default directory server that succeeded ([MS-OXCRPC] 2.2.2.2.8). Times are in
    /// milliseconds.
    pub struct DefGcSuccess: Aux as "AUX_PERF_DEFGC_SUCCESS" {
        /// The server, as [`PerfServerInfo`] identifies it.
        pub server_id: u16 = "ServerID",
        /// The session, as [`PerfSessionInfo`] identifies it.
        pub session_id: u16 = "SessionID",
        /// The time since the request was sent, in milliseconds.
        pub time_since_request: u32 = "TimeSinceRequest",
        /// The duration of the request, in milliseconds.
        pub time_to_complete_request: u32 = "TimeToCompleteRequest",
        /// The requested operation, by a number that the client defines.
        pub request_operation: u8 = "RequestOperation",
        /// Padding.
        pub reserved: [u8; 3] = "Reserved",
    }
}

structure! {
    /// A call to a message store that succeeded, version 1 ([MS-OXCRPC] 2.2.2.2.9). Times are in milliseconds.
    pub struct MdbSuccess: Aux as "AUX_PERF_MDB_SUCCESS" {
        /// The client, as [`PerfClientInfo`] identifies it.
        pub client_id: u16 = "ClientID",
        /// The server, as [`PerfServerInfo`] identifies it.
        pub server_id: u16 = "ServerID",
        /// The session, as [`PerfSessionInfo`] identifies it.
        pub session_id: u16 = "SessionID",
        /// The request, as [`PerfRequestId`] identifies it.
        pub request_id: u16 = "RequestID",
        /// The time since the request was sent, in milliseconds.
        pub time_since_request: u32 = "TimeSinceRequest",
        /// The duration of the request, in milliseconds.
        pub time_to_complete_request: u32 = "TimeToCompleteRequest",
    }
}

structure! {
    /// A call to a message store that succeeded, version 2 ([MS-OXCRPC] 2.2.2.2.10). Times are in milliseconds.
    pub struct MdbSuccessV2: Aux as "AUX_PERF_MDB_SUCCESS_V2" {
        /// The client's process, as [`PerfProcessInfo`] identifies it.
        pub process_id: u16 = "ProcessID",
        /// The client, as [`PerfClientInfo`] identifies it.
        pub client_id: u16 = "ClientID",
        /// The server, as [`PerfServerInfo`] identifies it.
        pub server_id: u16 = "ServerID",
        /// The session, as [`PerfSessionInfo`] identifies it.
        pub session_id: u16 = "SessionID",
        /// The request, as [`PerfRequestId`] identifies it.
        pub request_id: u16 = "RequestID",
        /// Padding.
        pub reserved: u16 = "Reserved",
        /// The time since the request was sent, in milliseconds.
        pub time_since_request: u32 = "TimeSinceRequest",
        /// The duration of the request, in milliseconds.
        pub time_to_complete_request: u32 = "TimeToCompleteRequest",
    }
}

structure! {
    /// A call to a directory server that succeeded, version 1 ([MS-OXCRPC] 2.2.2.2.11). Times are in milliseconds.
    pub struct GcSuccess: Aux as "AUX_PERF_GC_SUCCESS" {
        /// The client, as [`PerfClientInfo`] identifies it.
        pub client_id: u16 = "ClientID",
        /// The server, as [`PerfServerInfo`] identifies it.
        pub server_id: u16 = "ServerID",
        /// The session, as [`PerfSessionInfo`] identifies it.
        pub session_id: u16 = "SessionID",
        /// Padding.
        pub reserved_1: u16 = "Reserved_1",
        /// The time since the request was sent, in milliseconds.
        pub time_since_request: u32 = "TimeSinceRequest",
        /// The duration of the request, in milliseconds.
        pub time_to_complete_request: u32 = "TimeToCompleteRequest",
        /// The requested operation, by a number that the client defines.
        pub request_operation: u8 = "RequestOperation",
        /// Padding.
        pub reserved_2: [u8; 3] = "Reserved_2",
    }
}

structure! {
    /// A call to a directory server that succeeded, version 2 ([MS-OXCRPC] 2.2.2.2.12). Times are in milliseconds.
    pub struct GcSuccessV2: Aux as "AUX_PERF_GC_SUCCESS_V2" {
        /// The client's process, as [`PerfProcessInfo`] identifies it.
        pub process_id: u16 = "ProcessID",
        /// The client, as [`PerfClientInfo`] identifies it.
        pub client_id: u16 = "ClientID",
        /// The server, as [`PerfServerInfo`] identifies it.
        pub server_id: u16 = "ServerID",
        /// The session, as [`PerfSessionInfo`] identifies it.
        pub session_id: u16 = "SessionID",
        /// The time since the request was sent, in milliseconds.
        pub time_since_request: u32 = "TimeSinceRequest",
        /// The duration of the request, in milliseconds.
        pub time_to_complete_request: u32 = "TimeToCompleteRequest",
        /// The requested operation, by a number that the client defines.
        pub request_operation: u8 = "RequestOperation",
        /// Padding.
        pub reserved: [u8; 3] = "Reserved",
    }
}

structure! {
    /// A call to a message store or a directory server that failed, version 1 ([MS-OXCRPC] 2.2.2.2.13). Times are in
    /// milliseconds.
    pub struct Failure: Aux as "AUX_PERF_FAILURE" {
        /// The client, as [`PerfClientInfo`] identifies it.
        pub client_id: u16 = "ClientID",
        /// The server, as [`PerfServerInfo`] identifies it.
        pub server_id: u16 = "ServerID",
        /// The session, as [`PerfSessionInfo`] identifies it.
        pub session_id: u16 = "SessionID",
        /// The request, as [`PerfRequestId`] identifies it.
        pub request_id: u16 = "RequestID",
        /// The time since the request was sent, in milliseconds.
        pub time_since_request: u32 = "TimeSinceRequest",
        /// The time until the request failed, in milliseconds.
        pub time_to_fail_request: u32 = "TimeToFailRequest",
        /// The error with which the request failed.
        pub result_code: ErrorCode = "ResultCode",
        /// The requested operation, by a number that the client defines.
        pub request_operation: u8 = "RequestOperation",
        /// Padding.
        pub reserved: [u8; 3] = "Reserved",
    }
}

structure! {
    /// A call to a message store or a directory server that failed, version 2 ([MS-OXCRPC] 2.2.2.2.14). Times are in
    /// milliseconds.
    pub struct FailureV2: Aux as "AUX_PERF_FAILURE_V2" {
        /// The client's process, as [`PerfProcessInfo`] identifies it.
        pub process_id: u16 = "ProcessID",
        /// The client, as [`PerfClientInfo`] identifies it.
        pub client_id: u16 = "ClientID",
        /// The server, as [`PerfServerInfo`] identifies it.
        pub server_id: u16 = "ServerID",
        /// The session, as [`PerfSessionInfo`] identifies it.
        pub session_id: u16 = "SessionID",
        /// The request, as [`PerfRequestId`] identifies it.
        pub request_id: u16 = "RequestID",
        /// Padding.
        pub reserved_1: u16 = "Reserved_1",
        /// The time since the request was sent, in milliseconds.
        pub time_since_request: u32 = "TimeSinceRequest",
        /// The time until the request failed, in milliseconds.
        pub time_to_fail_request: u32 = "TimeToFailRequest",
        /// The error with which the request failed.
        pub result_code: ErrorCode = "ResultCode",
        /// The requested operation, by a number that the client defines.
        pub request_operation: u8 = "RequestOperation",
        /// Padding.
        pub reserved_2: [u8; 3] = "Reserved_2",
    }
}

structure! {
    /// Instructs a client how to behave ([MS-OXCRPC] 2.2.2.2.15).
    pub struct ClientControl: Aux as "AUX_CLIENT_CONTROL" {
        /// The functions that the client enables. It disables those whose flag is not set.
        pub enable_flags: EnableFlags = "EnableFlags",
        /// How long the client keeps performance data that it could not send, in milliseconds.
        pub expiry_time: u32 = "ExpiryTime",
    }
}

structure! {
    /// Describes the server's operating system ([MS-OXCRPC] 2.2.2.2.16).
    pub struct OsVersionInfo: Aux as "AUX_OSVERSIONINFO" {
        /// The size of this structure, in bytes.
        pub os_version_info_size: u32 = "OSVersionInfoSize",
        /// The major version of the operating system.
        pub major_version: u32 = "MajorVersion",
        /// The minor version of the operating system.
        pub minor_version: u32 = "MinorVersion",
        /// The build number of the operating system.
        pub build_number: u32 = "BuildNumber",
        /// Reserved; ignored.
        pub reserved_1: [u8; 132] = "Reserved1",
        /// The major version of the service pack.
        pub service_pack_major: u16 = "ServicePackMajor",
        /// The minor version of the service pack.
        pub service_pack_minor: u16 = "ServicePackMinor",
        /// Reserved; ignored.
        pub reserved_2: u32 = "Reserved2",
    }
}

structure! {
    /// Describes the server's organization ([MS-OXCRPC] 2.2.2.2.17).
    pub struct ExOrgInfo: Aux as "AUX_EXORGINFO" {
        /// Whether the organization has public folders, and how clients find them.
        pub org_flags: OrgFlags = "OrgFlags",
    }
}

structure! {
    /// Identifies a client's account ([MS-OXCRPC] 2.2.2.2.18).
    pub struct PerfAccountInfo: Aux as "AUX_PERF_ACCOUNTINFO" {
        /// The client, as [`PerfClientInfo`] identifies it.
        pub client_id: u16 = "ClientID",
        /// Padding.
        pub reserved: u16 = "Reserved",
        /// The GUID of the account.
        pub account: Guid = "Account",
    }
}

structure! {
    /// Lists the server's capabilities ([MS-OXCRPC] 2.2.2.2.19).
    pub struct ServerCapabilities: Aux as "AUX_SERVER_CAPABILITIES" {
        /// The server's capabilities.
        pub server_capability_flags: ServerCapabilityFlags = "ServerCapabilityFlags",
    }
}

structure! {
    /// Lists the capabilities of the server's endpoint ([MS-OXCRPC] 2.2.2.2.20).
    pub struct EndpointCapabilities: Aux as "AUX_ENDPOINT_CAPABILITIES" {
        /// The endpoint's capabilities.
        pub endpoint_capability_flag: EndpointCapabilityFlags = "EndpointCapabilityFlag",
    }
}

structure! {
    /// Describes a client's connection, for the server's log ([MS-OXCRPC] 2.2.2.2.21). Offsets are in bytes from the
    /// start of the block's header.
    pub struct ClientConnectionInfo: Aux as "AUX_CLIENT_CONNECTION_INFO" {
        /// The GUID of the connection.
        pub connection_guid: Guid = "ConnectionGUID",
        /// The offset of [`ClientConnectionInfo::context_info`].
        pub offset_connection_context_info: u16 = "OffsetConnectionContextInfo",
        /// Padding.
        pub reserved: u16 = "Reserved",
        /// The number of attempts to connect.
        pub connection_attempts: u32 = "ConnectionAttempts",
        /// 1 if the client caches the mailbox.
        pub connection_flags: u32 = "ConnectionFlags",
        /// The bytes to which the offsets refer.
        pub region: Rest = "Region",
    }
}

structure! {
    /// Describes a session, for the client's log ([MS-OXCRPC] 2.2.2.2.22). Offsets are in bytes from the start of the
    /// block's header.
    pub struct ServerSessionInfo: Aux as "AUX_SERVER_SESSION_INFO" {
        /// The offset of [`ServerSessionInfo::context_info`].
        pub offset_server_session_context_info: u16 = "OffsetServerSessionContextInfo",
        /// The bytes to which the offsets refer.
        pub region: Rest = "Region",
    }
}

structure! {
    /// Identifies a device between client and server ([MS-OXCRPC] 2.2.2.2.23). Offsets are in bytes from the start of
    /// the block's header.
    pub struct ProtocolDeviceIdentification: Aux as "AUX_PROTOCOL_DEVICE_IDENTIFICATION" {
        /// The offset of [`ProtocolDeviceIdentification::manufacturer`].
        pub device_manufacturer_offset: u16 = "DeviceManufacturerOffset",
        /// The offset of [`ProtocolDeviceIdentification::model`].
        pub device_model_offset: u16 = "DeviceModelOffset",
        /// The offset of [`ProtocolDeviceIdentification::serial_number`].
        pub device_serial_number_offset: u16 = "DeviceSerialNumberOffset",
        /// The offset of [`ProtocolDeviceIdentification::version`].
        pub device_version_offset: u16 = "DeviceVersionOffset",
        /// The offset of [`ProtocolDeviceIdentification::firmware_version`].
        pub device_firmware_version_offset: u16 = "DeviceFirmwareVersionOffset",
        /// The bytes to which the offsets refer.
        pub region: Rest = "Region",
    }
}
