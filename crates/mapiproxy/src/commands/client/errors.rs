//! Exit statuses of `mapiproxy client`, and what to do about an error.

use client::Failure as Why;
use net::ErrorChain;
use rpc::FaultStatus;

use crate::commands::sign_in::CHECK_ACCOUNT;
use crate::failure::{Failure, WithStatus};

/// The server did not accept the account.
const NOT_AUTHENTICATED: u8 = 3;
/// The server could not be reached, or the connection was lost.
const UNREACHABLE: u8 = 4;
/// The server refused the operation, or failed.
const REFUSED: u8 = 5;

/// The error of a command with its exit status.
pub(super) fn with_status(error: Failure) -> Failure {
    let Some(failed) = error.downcast_ref::<client::Error>() else { return error };
    let (status, advice) = match &failed.failure {
        Why::NotAuthenticated(_) | Why::Fault(FaultStatus::ACCESS_DENIED) => {
            (NOT_AUTHENTICATED, Some(CHECK_ACCOUNT))
        }
        Why::Unreachable(_) => (UNREACHABLE, Some("check --server, and that the server is running")),
        Why::Status(404) => (REFUSED, Some("check that the server serves MAPI over HTTP")),
        why if why.side() == client::Side::Server => (REFUSED, None),
        _ => (1, None),
    };
    let mut text = ErrorChain(failed).to_string();
    if let Some(advice) = advice {
        text = format!("{text}; {advice}");
    }
    Box::new(WithStatus { text, status })
}
