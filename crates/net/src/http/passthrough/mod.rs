//! Pass-through authentication: clients sign in at the server, through us.

pub(crate) mod challenges;
pub(crate) mod probe;
pub(crate) mod prove;
pub(crate) mod session;
