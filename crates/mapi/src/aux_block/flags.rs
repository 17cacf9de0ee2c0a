//! Enumerations and flags of auxiliary blocks ([MS-OXCRPC] 2.2.2.2).

use crate::field::{enum_field, flags_field};

enum_field! {
    /// `ClientMode`: whether a client caches the mailbox ([MS-OXCRPC] 2.2.2.2.4).
    pub struct ClientMode(u16) {
        /// The mode is not specified.
        CLIENTMODE_UNKNOWN = 0x00,
        /// The client works on the server, in online mode.
        CLIENTMODE_CLASSIC = 0x01,
        /// The client works on a local copy, in cached mode.
        CLIENTMODE_CACHED = 0x02,
    }
}

enum_field! {
    /// `ServerType`: the kind of a server ([MS-OXCRPC] 2.2.2.2.5).
    pub struct ServerType(u16) {
        /// The type is not specified.
        SERVERTYPE_UNKNOWN = 0x00,
        /// A mailbox server.
        SERVERTYPE_PRIVATE = 0x01,
        /// A public folder server.
        SERVERTYPE_PUBLIC = 0x02,
        /// A directory server.
        SERVERTYPE_DIRECTORY = 0x03,
        /// A server that refers clients to directory servers.
        SERVERTYPE_REFERRAL = 0x04,
    }
}

flags_field! {
    /// `EnableFlags`: the functions that a client enables ([MS-OXCRPC] 2.2.2.2.15).
    pub struct EnableFlags(u32) {
        /// The client sends performance data to the server.
        ENABLE_PERF_SENDTOSERVER = 0x0000_0001,
        /// The client compresses what it sends.
        ENABLE_COMPRESSION = 0x0000_0004,
        /// The client uses RPC over HTTP if it is configured.
        ENABLE_HTTP_TUNNELING = 0x0000_0008,
        /// The client also sends performance data of directory servers.
        ENABLE_PERF_SENDGCDATA = 0x0000_0010,
    }
}

flags_field! {
    /// `OrgFlags`: the features of the server's organization ([MS-OXCRPC] 2.2.2.2.17).
    pub struct OrgFlags(u32) {
        /// The organization has public folders.
        PUBLIC_FOLDERS_ENABLED = 0x0000_0001,
        /// The organization has public folders, which clients find by Autodiscover.
        USE_AUTODISCOVER_FOR_PUBLIC_FOLDER_CONFIGURATION = 0x0000_0002,
    }
}

flags_field! {
    /// `ServerCapabilityFlags`: the capabilities of a server ([MS-OXCRPC] 2.2.2.2.19).
    pub struct ServerCapabilityFlags(u32) {
        /// The server accepts packed buffers in uploads of FastTransfer streams.
        PACKED_FAST_TRANSFER_UPLOAD_BUFFERS = 0x0000_0001,
        /// The server accepts packed buffers in `RopWriteStreamExtended`.
        PACKED_WRITE_STREAM_UPLOAD_BUFFERS = 0x0000_0002,
        /// The server supports packed downloads larger than 256 KiB.
        ULTRA_LARGE_PACKED_DOWNLOAD_BUFFERS = 0x0000_0008,
    }
}

flags_field! {
    /// `EndpointCapabilityFlag`: the capabilities of a server's endpoint ([MS-OXCRPC] 2.2.2.2.20).
    pub struct EndpointCapabilityFlags(u32) {
        /// All interfaces are available at one endpoint.
        ENDPOINT_CAPABILITIES_SINGLE_ENDPOINT = 0x0000_0001,
    }
}
