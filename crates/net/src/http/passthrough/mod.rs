//! Pass-through authentication: clients sign in at the server, through us.

pub(crate) mod authenticator;
pub(crate) mod challenges;
pub(crate) mod probe;
pub(crate) mod verify;
