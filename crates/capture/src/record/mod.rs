//! Records operations to pcapng, which Wireshark opens, and to HAR.
//!
//! A recording contains decoded calls, not the bytes on the wire: the calls are not protected, and each session has
//! its own connection. Reading the recording returns the same calls.

mod blocks;
mod frames;
mod har;
mod http_view;
mod messages;
mod observer;
mod packets;
mod place;
mod queue;
mod redact;
mod rotation;

pub use self::har::HarWriter;
pub use self::observer::{Recorder, Recording};
pub use self::packets::PacketWriter;
pub use self::queue::{QueuedCall, Recorded};
pub use self::redact::redact;
pub use self::rotation::{Files, Rotation, full_files};

#[cfg(test)]
mod tests;
