//! Calls written down as they pass: to pcapng that Wireshark opens, and to HAR.
//!
//! What is written is what was understood, not what was on the wire: calls without their protection, each
//! session as a connection of its own. Read back, it is the same calls.

mod frames;
mod har;
mod http_view;
mod observer;
mod packets;
mod place;
mod redact;
mod rotation;

pub use self::har::HarWriter;
pub use self::observer::{Recorded, Recorder, Recording};
pub use self::packets::PacketWriter;
pub use self::redact::redact;
pub use self::rotation::{Files, Rotation, set_aside};

#[cfg(test)]
mod tests;
