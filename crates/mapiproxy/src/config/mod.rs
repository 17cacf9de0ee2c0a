//! The configuration file: what may stand in it, and what is wrong with one.

mod check;
mod document;
mod hosts;
mod keys;
mod kinds;
#[cfg(test)]
mod mistakes;
mod notes;
mod parts;
mod problems;
mod servers;
mod syntax;
#[cfg(test)]
mod tests;
mod texts;
mod unknown;

pub(crate) use check::{Examined, examine, load};
pub(crate) use document::Places;
pub(crate) use keys::reference;
pub(crate) use notes::notes;
pub(crate) use parts::{
    Bindings, Capture, CapturedSide, Clients, Config, Credentials, Deferred, Listen, ProtectionLevel, Scheme,
    SignIn, Way,
};
pub(crate) use problems::{ConfigError, Found, Problems};
pub(crate) use servers::{Binding, NoServer, Url};
