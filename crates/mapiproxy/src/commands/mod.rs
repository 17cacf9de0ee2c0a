//! One file a command.

pub(crate) mod account;
pub(crate) mod check;
pub(crate) mod client;
pub(crate) mod decode;
pub(crate) mod demo;
mod key_files;
pub(crate) mod lab;
pub(crate) mod modules;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod sign_in;
pub(crate) mod signals;
