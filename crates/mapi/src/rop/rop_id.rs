//! The numbers of ROPs, and the numbers of their replies.

use crate::each_rop;
use crate::inspect::inspect_named;

macro_rules! rop_ids {
    (@asynchronous) => { false };
    (@asynchronous asynchronous) => { true };
    ($($(#[$doc:meta])* $id:literal $name:ident: $request:ty => $response:ty $(, $asynchronous:ident)?;)*
     response_only { $($(#[$udoc:meta])* $uid:literal $uname:ident;)* }) => {
        ::wire::wire_enum! {
            /// The number of a ROP ([MS-OXCROPS] 2.2.2).
            pub struct RopId(u8) {
                $($(#[$doc])* $name = $id,)*
                $($(#[$udoc])* $uname = $uid,)*
            }
        }

        impl RopId {
            /// All known ROPs, in the order of the registry.
            pub const ALL: &[Self] = &[$(Self::$name,)* $(Self::$uname,)*];

            /// The ROPs that clients send.
            pub const REQUESTS: &[Self] = &[$(Self::$name,)*];

            /// Whether only servers send the ROP, without a request: `RopNotify`, `RopPending`, `RopBackoff` or
            /// `RopBufferTooSmall`.
            pub const fn is_response_only(self) -> bool {
                matches!(self, $(Self::$uname)|*)
            }

            /// Whether the client can request that the server replies before the ROP is complete (`WantAsynchronous`).
            const fn may_be_asynchronous(self) -> bool {
                match self {
                    $(Self::$name => rop_ids!(@asynchronous $($asynchronous)?),)*
                    _ => false,
                }
            }
        }
    };
}

each_rop!(rop_ids);

inspect_named!(RopId);

impl RopId {
    /// The `RopId` of the reply. That of `RopGetMessageStatus` is `RopSetMessageStatus` ([MS-OXCROPS] 2.2.6.9.2).
    #[must_use]
    pub const fn reply_id(self) -> Self {
        match self {
            Self::RopGetMessageStatus => Self::RopSetMessageStatus,
            id => id,
        }
    }

    /// Whether a reply to this ROP may have the `RopId` `id`. During an asynchronous operation, the server replies with
    /// `RopProgress`; it sends the actual reply in response to a `RopProgress` after completion ([MS-OXCPRPT] 3.1.5).
    /// Some servers reply to `RopGetMessageStatus` with the same `RopId`.
    pub fn may_have_reply_id(self, id: Self) -> bool {
        match id {
            Self::RopProgress => self == id || self.may_be_asynchronous(),
            _ if self == Self::RopProgress => id.may_be_asynchronous(),
            _ => id == self || id == self.reply_id(),
        }
    }
}
