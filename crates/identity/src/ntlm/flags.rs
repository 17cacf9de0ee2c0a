//! The flags that both ends of NTLM negotiate ([MS-NLMP] 2.2.2.5).

use wire::wire_flags;

wire_flags! {
    /// `NegotiateFlags` ([MS-NLMP] 2.2.2.5).
    pub struct NegotiateFlags(u32) {
        /// Texts are UTF-16.
        NTLMSSP_NEGOTIATE_UNICODE = 0x0000_0001,
        /// Texts are in the OEM character set.
        NTLM_NEGOTIATE_OEM = 0x0000_0002,
        /// The challenge is to name its target.
        NTLMSSP_REQUEST_TARGET = 0x0000_0004,
        /// Messages can be signed.
        NTLMSSP_NEGOTIATE_SIGN = 0x0000_0010,
        /// Messages can be sealed.
        NTLMSSP_NEGOTIATE_SEAL = 0x0000_0020,
        /// The handshake is connectionless.
        NTLMSSP_NEGOTIATE_DATAGRAM = 0x0000_0040,
        /// Session keys come from the LM response.
        NTLMSSP_NEGOTIATE_LM_KEY = 0x0000_0080,
        /// NTLM v1 session security.
        NTLMSSP_NEGOTIATE_NTLM = 0x0000_0200,
        /// The client authenticates anonymously.
        NTLMSSP_ANONYMOUS = 0x0000_0800,
        /// The negotiate message names the client's domain.
        NTLMSSP_NEGOTIATE_OEM_DOMAIN_SUPPLIED = 0x0000_1000,
        /// The negotiate message names the client's machine.
        NTLMSSP_NEGOTIATE_OEM_WORKSTATION_SUPPLIED = 0x0000_2000,
        /// Signing keys are derived in any case.
        NTLMSSP_NEGOTIATE_ALWAYS_SIGN = 0x0000_8000,
        /// The target is a domain.
        NTLMSSP_TARGET_TYPE_DOMAIN = 0x0001_0000,
        /// The target is a server.
        NTLMSSP_TARGET_TYPE_SERVER = 0x0002_0000,
        /// Extended session security.
        NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY = 0x0008_0000,
        /// The client permits the server to identify it, not to impersonate it.
        NTLMSSP_NEGOTIATE_IDENTIFY = 0x0010_0000,
        /// Session keys come from the LM hash.
        NTLMSSP_REQUEST_NON_NT_SESSION_KEY = 0x0040_0000,
        /// The challenge carries target information.
        NTLMSSP_NEGOTIATE_TARGET_INFO = 0x0080_0000,
        /// Messages carry versions.
        NTLMSSP_NEGOTIATE_VERSION = 0x0200_0000,
        /// 128-bit keys.
        NTLMSSP_NEGOTIATE_128 = 0x2000_0000,
        /// The client chooses the session key.
        NTLMSSP_NEGOTIATE_KEY_EXCH = 0x4000_0000,
        /// 56-bit keys.
        NTLMSSP_NEGOTIATE_56 = 0x8000_0000_u32,
    }
}

/// `VERSION` ([MS-NLMP] 2.2.2.10), as its eight bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Version(pub [u8; 8]);

impl Version {
    /// The version that the proxy sends if versions are negotiated. Peers evaluate only the revision of the protocol
    /// ([MS-NLMP] 2.2.2.10).
    pub(super) const fn own(flags: NegotiateFlags) -> Self {
        if flags.contains(NegotiateFlags::NTLMSSP_NEGOTIATE_VERSION) {
            Self([10, 0, 0x7c, 0x4f, 0, 0, 0, 15])
        } else {
            Self([0; 8])
        }
    }
}

impl NegotiateFlags {
    /// Whether messages will be signed or sealed.
    pub(super) const fn protects(self) -> bool {
        self.intersects(Self(Self::NTLMSSP_NEGOTIATE_SIGN.0 | Self::NTLMSSP_NEGOTIATE_SEAL.0))
    }
}
