//! Reassembles packets to the byte streams of TCP connections.

mod event;
mod flow;
mod packet;
mod reassembly;

pub use self::event::{Connection, Event, EventKind, Side};
pub use self::packet::{Segment, TcpFlags, segment};
pub use self::reassembly::Reassembler;

#[cfg(test)]
mod tests;
