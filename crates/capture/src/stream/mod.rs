//! From packets to the streams of bytes that two sides sent one another.

mod flow;
mod packet;
mod reassembly;

pub use self::packet::{Segment, TcpFlags, segment};
pub use self::reassembly::{Connection, Event, EventKind, Reassembler, Side};

#[cfg(test)]
mod tests;
