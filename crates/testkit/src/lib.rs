//! What tests share: oracles, which say of any bytes whether a decoder did right by them.

pub mod oracles;
