//! `PidTagMessageFlags` ([MS-OXCMSG] 2.2.1.6).

use mapi::property::PropTag;
use mapi::rop::transport::MessageFlags;
use store::Properties;

/// Flags that the server computes.
const COMPUTED_FLAGS: MessageFlags = MessageFlags(0x51);

/// The flags of a message with these properties.
pub(crate) fn flags(properties: &Properties, read: bool, associated: bool) -> i32 {
    let stored = properties.integer(PropTag::PidTagMessageFlags).unwrap_or_default();
    let stored = u32::try_from(stored).unwrap_or_default();
    let mut flags = MessageFlags(stored & !COMPUTED_FLAGS.0);
    let attachments = properties.integer(PropTag::PidTagHasAttachments).unwrap_or_default() != 0;
    for (set, flag) in [
        (read, MessageFlags::MF_READ),
        (attachments, MessageFlags::MF_HAS_ATTACH),
        (associated, MessageFlags::MF_FAI),
    ] {
        if set {
            flags = flags | flag;
        }
    }
    flags.0.cast_signed()
}
