//! Key usage numbers.

/// The purpose for which a key is used (RFC 4120 7.5.1, RFC 4121 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage(pub(super) u32);

impl Usage {
    pub(super) const TICKET: Self = Self(2);
    pub(super) const AUTHENTICATOR: Self = Self(11);
    pub(super) const AP_REP: Self = Self(12);
    pub(super) const ACCEPTOR_SEAL: Self = Self(22);
    pub(super) const ACCEPTOR_SIGN: Self = Self(23);
    pub(super) const INITIATOR_SEAL: Self = Self(24);
    pub(super) const INITIATOR_SIGN: Self = Self(25);
}
