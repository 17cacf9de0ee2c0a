//! The channel bindings hash of a TLS connection.

use md5::{Digest as _, Md5};

/// The hash of the channel that a handshake belongs to, as `MsvAvChannelBindings` carries it
/// ([MS-NLMP] 2.2.2.1, 3.1.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelBindings([u8; 16]);

impl ChannelBindings {
    /// The bindings of a channel with this application data: the MD5 of a `gss_channel_bindings_struct`
    /// (RFC 2744 3.11) that has no addresses, its numbers little-endian.
    ///
    /// The length of `application_data` is capped at 4,294,967,295.
    pub fn from_application_data(application_data: &[u8]) -> Self {
        let length = u32::try_from(application_data.len()).unwrap_or(u32::MAX);
        let mut hash = Md5::new();
        // initiator_addrtype, initiator_address.length, acceptor_addrtype, acceptor_address.length
        hash.update([0; 16]);
        hash.update(length.to_le_bytes());
        hash.update(application_data);
        Self(hash.finalize().into())
    }

    /// The `tls-server-end-point` bindings (RFC 5929 4) of a server whose certificate has this hash.
    pub fn tls_server_end_point(certificate_hash: &[u8]) -> Self {
        let mut data = b"tls-server-end-point:".to_vec();
        data.extend_from_slice(certificate_hash);
        Self::from_application_data(&data)
    }

    /// The hash.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}
