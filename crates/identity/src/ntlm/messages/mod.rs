//! NTLM's messages: NEGOTIATE, CHALLENGE and AUTHENTICATE ([MS-NLMP] 2.2.1).

mod authenticate;
mod challenge;
mod field;
mod negotiate;

pub use self::authenticate::Authenticate;
pub(crate) use self::authenticate::AuthenticateParts;
pub use self::challenge::Challenge;
pub(crate) use self::field::SIGNATURE;
pub use self::field::{Field, MAX_TOKEN};
pub use self::negotiate::Negotiate;
