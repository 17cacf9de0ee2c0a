//! The store: sessions, and the objects that they open.

pub(crate) mod batch;
pub(crate) mod object;
pub(crate) mod road;
pub(crate) mod session;
