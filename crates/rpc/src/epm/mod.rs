//! The endpoint mapper (C706 appendix O, [MS-RPCE] 2.2.1.2): the ports of interfaces.

mod interface;
mod map;
mod stubs;
mod tower;

pub use self::interface::{
    EPT_S_INVALID_CONTEXT, EPT_S_NOT_REGISTERED, INTERFACE, OPNUM_EPT_LOOKUP, OPNUM_EPT_LOOKUP_HANDLE_FREE,
    OPNUM_EPT_MAP,
};
pub use self::map::{EndpointMap, EndpointMapper};
pub(crate) use self::stubs::read_if_id;
pub use self::stubs::{
    EptEntry, EptLookupHandleFreeResponse, EptLookupRequest, EptLookupResponse, EptMapRequest,
    EptMapResponse, InquiryType, LookupHandle, VersionOption,
};
pub use self::tower::{Floor, FloorProtocol, Tower};

#[cfg(test)]
mod tests;
