//! Operations by MAPI over HTTP as conversations, without sockets: what happens, what the exchange does, by the clock.

mod deferred;
mod failures;
mod modules;
mod playbook;
mod sessions;
mod setup;
mod streaming;
