//! The flags of an RTS PDU.

wire::wire_flags! {
    /// What an RTS PDU is for ([MS-RPCH] 2.2.3.6.1).
    pub struct RtsFlags(u16) {
        /// The PDU is a ping.
        PING = 0x0001,
        /// The PDU has commands that no other flag covers.
        OTHER_CMD = 0x0002,
        /// A channel is being replaced.
        RECYCLE_CHANNEL = 0x0004,
        /// The PDU is about the IN channel.
        IN_CHANNEL = 0x0008,
        /// The PDU is about the OUT channel.
        OUT_CHANNEL = 0x0010,
        /// The sender's channel ends with this PDU.
        EOF = 0x0020,
        /// An echo request, or its response, by which a client detects a proxy.
        ECHO = 0x0040,
    }
}
