//! From packets to the streams of bytes that two sides sent one another.

mod event;
mod flow;
mod packet;
mod reassembly;

pub use self::event::{Connection, Event, EventKind, Side};
pub use self::packet::{Segment, TcpFlags, segment};
pub use self::reassembly::Reassembler;

#[cfg(test)]
mod tests;
