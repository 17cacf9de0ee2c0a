//! From a configuration to a running proxy.

pub(crate) mod http;
mod limits;
mod losses;
pub(crate) mod recording;
mod reloadable;
mod running;
mod shared;
mod sign_in;
mod stack;
mod start;
pub(crate) mod upstream_identity;
pub(crate) mod upstream_loop;

pub(crate) use self::reloadable::Reloadable;
pub(crate) use self::running::{Running, Stopped};
pub(crate) use self::shared::upstream;
pub(crate) use self::stack::stack;
pub(crate) use self::start::start;
