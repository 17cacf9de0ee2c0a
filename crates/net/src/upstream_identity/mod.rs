//! Upstream modes: which credentials requests have at the upstream. Each mode is a file here, which implements
//! [`UpstreamMode`].
//!
//! Connections to the upstream, of RPC and of HTTP, call an [`UpstreamIdentity`] in this order: `permit` before they
//! connect, and `for_caller` for the credentials once the attempt is permitted.

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
