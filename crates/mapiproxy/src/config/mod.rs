//! The configuration file: what may stand in it, and what is wrong with one.

mod check;
mod keys;
mod parts;

pub(crate) use check::{load, notes};
pub(crate) use keys::reference;
pub(crate) use parts::{
    Binding, Bindings, Capture, CapturedSide, Clients, Config, Credentials, Deferred, Listen,
    ProtectionLevel, Scheme, SignIn, Url, Way,
};
