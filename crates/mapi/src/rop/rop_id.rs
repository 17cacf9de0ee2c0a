//! The numbers of ROPs, and which number an answer has.

use crate::each_rop;
use crate::inspect::inspect_named;

macro_rules! rop_ids {
    (@asynchronous) => { false };
    (@asynchronous asynchronous) => { true };
    ($($(#[$doc:meta])* $id:literal $name:ident: $request:ty => $response:ty $(, $asynchronous:ident)?;)*
     response_only { $($(#[$udoc:meta])* $uid:literal $uname:ident;)* }) => {
        ::wire::wire_enum! {
            /// Which ROP it is ([MS-OXCROPS] 2.2.2).
            pub struct RopId(u8) {
                $($(#[$doc])* $name = $id,)*
                $($(#[$udoc])* $uname = $uid,)*
            }
        }

        impl RopId {
            /// All that are known, in the order of their families.
            pub const ALL: &[Self] = &[$(Self::$name,)* $(Self::$uname,)*];

            /// Those that clients send.
            pub const REQUESTS: &[Self] = &[$(Self::$name,)*];

            /// Whether only servers send it, without a request: a notification, that notifications are pending, that
            /// the server is busy, or that the responses exceed the buffer.
            pub const fn is_response_only(self) -> bool {
                matches!(self, $(Self::$uname)|*)
            }

            /// Whether a client may permit that the ROP goes on after it was answered (`WantAsynchronous`).
            const fn may_take_time(self) -> bool {
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
    /// The `RopId` of the answer: `RopGetMessageStatus` is answered as if it were `RopSetMessageStatus`
    /// ([MS-OXCROPS] 2.2.6.9.2).
    #[must_use]
    pub const fn answered(self) -> Self {
        match self {
            Self::RopGetMessageStatus => Self::RopSetMessageStatus,
            id => id,
        }
    }

    /// Whether an answer to this ROP may have the `RopId` `id`. A server that takes its time says how far it is
    /// (`RopProgress`) in place of the answer, and gives that once it is asked how far it is and is done
    /// ([MS-OXCPRPT] 3.1.5). Some servers answer `RopGetMessageStatus` under its own name.
    pub fn may_be_answered_as(self, id: Self) -> bool {
        match id {
            Self::RopProgress => self == id || self.may_take_time(),
            _ if self == Self::RopProgress => id.may_take_time(),
            _ => id == self || id == self.answered(),
        }
    }
}
