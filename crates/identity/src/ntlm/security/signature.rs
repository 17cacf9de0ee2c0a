//! The signature of a message ([MS-NLMP] 2.2.2.9).

/// The size of every signature ([MS-NLMP] 2.2.2.9).
pub const SIGNATURE_SIZE: usize = 16;

/// The signature of a session without signing.
pub(super) const UNSIGNED: [u8; SIGNATURE_SIZE] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
