//! Finds and ends the sessions of operations: by context handle for RPC calls, by cookies for MAPI over HTTP.
//!
//! This file only declares the modules: within the crate, names are imported from the file that defines them.

pub(crate) mod binding;
pub(crate) mod context_cookie;
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
pub(crate) mod opening;
pub(crate) mod opening_counts;
pub(crate) mod opening_handle;
pub(crate) mod orphaned;
pub(crate) mod reissued;
pub(crate) mod rpc;
pub(crate) mod rpc_sessions;
pub(crate) mod sequence;
pub(crate) mod store_sessions;
