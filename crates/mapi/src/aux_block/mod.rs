//! Auxiliary buffers: data that client and server exchange in addition to ROPs ([MS-OXCRPC] 2.2.2.2).
//!
//! An [`AuxBuffer`] is the payload of `rgbAuxIn` or `rgbAuxOut`, which [`crate::compress::decode_one`] unpacks. It is a
//! sequence of [`AuxBlock`]s. Blocks whose type is unknown, or that are too short for their type, are kept as bytes,
//! and so is what follows the fields of a block.

mod blocks;
mod body;
mod buffer;
mod fields;
mod flags;
mod format;
mod header;
mod texts;

pub use self::blocks::{
    ClientConnectionInfo, ClientControl, DefGcSuccess, DefMdbSuccess, EndpointCapabilities, ExOrgInfo,
    Failure, FailureV2, GcSuccess, GcSuccessV2, MdbSuccess, MdbSuccessV2, OsVersionInfo, PerfAccountInfo,
    PerfClientInfo, PerfProcessInfo, PerfRequestId, PerfServerInfo, PerfSessionInfo, PerfSessionInfoV2,
    ProtocolDeviceIdentification, ServerCapabilities, ServerSessionInfo,
};
pub use self::body::AuxBody;
pub use self::buffer::{AuxBlock, AuxBuffer};
pub use self::fields::Rest;
pub use self::flags::{
    ClientMode, EnableFlags, EndpointCapabilityFlags, OrgFlags, ServerCapabilityFlags, ServerType,
};
pub use self::format::Aux;
pub use self::header::{AuxType, AuxVersion};

#[cfg(test)]
mod tests;
