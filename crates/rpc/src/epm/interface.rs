//! UUID, opnums and status codes of the interface (C706 appendix O).

use wire::Guid;

use crate::pdu::SyntaxId;

/// The endpoint mapper's interface, `epm` version 3.0.
pub const INTERFACE: SyntaxId = SyntaxId::new(
    Guid::new(0xe1af_8308, 0x5d1f, 0x11c9, [0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa]),
    3,
    0,
);

/// The opnum of `ept_lookup`.
pub const OPNUM_EPT_LOOKUP: u16 = 2;
/// The opnum of `ept_map`.
pub const OPNUM_EPT_MAP: u16 = 3;
/// The opnum of `ept_lookup_handle_free`.
pub const OPNUM_EPT_LOOKUP_HANDLE_FREE: u16 = 4;

/// The status of a lookup without further results (`ept_s_not_registered`).
pub const EPT_S_NOT_REGISTERED: u32 = 0x16c9_a0d6;
/// The status of a lookup with an unknown handle (`ept_s_invalid_context`).
pub const EPT_S_INVALID_CONTEXT: u32 = 0x16c9_a0d5;
