//! Upstream modes: whose credentials are sent with requests to the upstream. Each mode is a file here, which implements
//! [`UpstreamMode`].
//!
//! Connections to the upstream, of RPC and of HTTP, call `permit` of an [`UpstreamIdentity`] before they connect, and
//! `for_caller` for the credentials once the attempt is permitted.

mod configured;
mod mode;
mod pass_through;
mod service_account;
mod unauthenticated;

pub use self::configured::UpstreamIdentity;
pub use self::mode::{UpstreamCredentials, UpstreamMode};
pub use self::pass_through::PassThrough;
pub use self::service_account::ServiceAccount;
pub use self::unauthenticated::Unauthenticated;
