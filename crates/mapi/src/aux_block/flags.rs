//! The numbers and flags in auxiliary blocks ([MS-OXCRPC] 2.2.2.2).

use crate::field::{enum_field, flags_field};

enum_field! {
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

enum_field! {
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

flags_field! {
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

flags_field! {
    /// `OrgFlags`: what the server's organisation has ([MS-OXCRPC] 2.2.2.2.17).
    pub struct OrgFlags(u32) {
        /// Public folders.
        PUBLIC_FOLDERS_ENABLED = 0x0000_0001,
        /// Public folders whose place Autodiscover tells.
        USE_AUTODISCOVER_FOR_PUBLIC_FOLDER_CONFIGURATION = 0x0000_0002,
    }
}

flags_field! {
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

flags_field! {
    /// `EndpointCapabilityFlag` ([MS-OXCRPC] 2.2.2.2.20).
    pub struct EndpointCapabilityFlags(u32) {
        /// All interfaces are behind one endpoint.
        ENDPOINT_CAPABILITIES_SINGLE_ENDPOINT = 0x0000_0001,
    }
}
