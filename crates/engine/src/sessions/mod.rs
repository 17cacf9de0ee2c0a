//! How an operation's session is found: by context handle for RPC calls, by cookie for MAPI over HTTP.
//!
//! This file declares the modules and nothing else: within the crate, names are imported from the file that has them.

pub(crate) mod binding;
pub(crate) mod cookie_binding;
pub(crate) mod cookie_index;
pub(crate) mod cookie_lifetime;
pub(crate) mod cookie_owners;
pub(crate) mod cookies;
pub(crate) mod fingerprint;
pub(crate) mod handle_binding;
pub(crate) mod handle_lifetime;
pub(crate) mod handles;
pub(crate) mod limits;
pub(crate) mod links;
pub(crate) mod mapihttp;
pub(crate) mod orphaned;
pub(crate) mod rpc;
pub(crate) mod rpc_sessions;
pub(crate) mod sequence;
