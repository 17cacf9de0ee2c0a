//! What tests share: oracles, which say of any bytes whether a decoder did right by them, and inputs for them
//! to begin with; and recordings of other people's software.

pub mod captures;
mod input;
pub mod oracles;
pub mod seeds;
