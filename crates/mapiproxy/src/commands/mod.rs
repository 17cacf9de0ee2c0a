//! The commands, one file or folder each.

pub(crate) mod account;
pub(crate) mod check;
pub(crate) mod client;
pub(crate) mod decode;
mod decryption;
pub(crate) mod demo;
pub(crate) mod lab;
pub(crate) mod load;
pub(crate) mod modules;
mod progress;
pub(crate) mod reload;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod sign_in;
pub(crate) mod signals;
mod target;
