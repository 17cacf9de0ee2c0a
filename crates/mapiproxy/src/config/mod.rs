//! The configuration file: what may stand in it, and what is wrong with one.

mod check;
mod document;
mod keys;
mod parts;
mod problems;
mod servers;
#[cfg(test)]
mod tests;

pub(crate) use check::{Examined, examine, load, notes};
pub(crate) use document::Places;
pub(crate) use keys::reference;
pub(crate) use parts::{
    Bindings, Capture, CapturedSide, Clients, Config, Credentials, Deferred, Listen, ProtectionLevel, Scheme,
    SignIn, Way,
};
pub(crate) use problems::{ConfigError, Found, Problems};
pub(crate) use servers::{Binding, NoServer, Url};
