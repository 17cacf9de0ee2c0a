//! Detects TLS by the first bytes of a connection.

use super::direction::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE};

/// Whether `bytes` begin a connection whose client speaks TLS: a handshake record. `None` if they are too
/// few.
pub(crate) fn is_start(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [HANDSHAKE, 3, 0..=4, ..] => Some(true),
        [] | [HANDSHAKE] | [HANDSHAKE, 3] => None,
        _ => Some(false),
    }
}

/// Whether `bytes` begin with a `ClientHello`.
pub(crate) fn is_client_hello(bytes: &[u8]) -> bool {
    matches!(bytes, [HANDSHAKE, 3, 0..=4, _, _, 1, ..])
}

/// Whether `bytes` begin with a record that follows the handshake.
pub(crate) fn is_after_handshake(bytes: &[u8]) -> bool {
    matches!(bytes, [CHANGE_CIPHER_SPEC | ALERT | APPLICATION_DATA, 3, 1..=4, high, ..] if *high <= 0x48)
}
