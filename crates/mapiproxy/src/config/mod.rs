//! The configuration file: what may stand in it, and what is wrong with one.

mod check;
mod document;
mod keys;
mod parts;
mod problems;
#[cfg(test)]
mod tests;

pub(crate) use check::{Examined, examine, load, notes};
pub(crate) use document::Places;
pub(crate) use keys::reference;
pub(crate) use parts::{
    Binding, Bindings, Capture, CapturedSide, Clients, Config, Credentials, Deferred, Listen,
    ProtectionLevel, Scheme, SignIn, Url, Way,
};
pub(crate) use problems::{ConfigError, Found, Problems};
