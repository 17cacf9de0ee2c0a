//! Only the server can read whose Kerberos ticket it is. That two are the same ticket can be seen: a client sends
//! the same one on each of its connections, and only its owner can make the authenticator that goes with it.

use std::fmt;

use sha2::{Digest as _, Sha256};
use wire::{Reader, Result};

use crate::spnego::der;
use crate::spnego::tokens::Oid;

/// A hash that stands for what must not be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// What this and then `bytes` come to.
    pub(crate) fn then(self, bytes: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(bytes);
        Self(hash.finalize().first_chunk().copied().unwrap_or_default())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// `AP-REQ` and `Ticket` (RFC 4120 5.3, 5.5.1).
const AP_REQ: u8 = 0x6e;
const TICKET: u8 = 0x61;
/// What stands before an `AP-REQ` (RFC 4121 4.1).
const TOK_ID: [u8; 2] = [1, 0];

/// The ticket in a token of Kerberos's, if it is an `AP-REQ` and has no room for another ticket.
pub(super) fn of(token: &[u8]) -> Option<Fingerprint> {
    let ticket = ticket(token).ok()?;
    Some(Fingerprint::default().then(&ticket))
}

fn ticket(token: &[u8]) -> Result<Vec<u8>> {
    let mut outer = Reader::new(token);
    let mut frame = der::element(&mut outer, der::APPLICATION_0, "GSS-API token")?;
    outer.finish()?;
    let mechanism = der::element(&mut frame, der::OID, "mechanism")?;
    if mechanism.peek() != Oid::KERBEROS.as_der() || frame.array("TOK_ID")? != TOK_ID {
        return Err(frame.invalid("mechanism", 0, "Kerberos's AP-REQ"));
    }
    let mut body = der::element(&mut frame, AP_REQ, "AP-REQ")?;
    frame.finish()?;
    let mut request = der::element(&mut body, der::SEQUENCE, "AP-REQ")?;
    body.finish()?;
    for (number, field) in [(0, "pvno"), (1, "msg-type"), (2, "ap-options")] {
        der::element(&mut request, der::context(number), field)?;
    }
    let mut place = der::element(&mut request, der::context(3), "ticket")?;
    let ticket = der::element(&mut place, TICKET, "ticket")?;
    place.finish()?;
    der::element(&mut request, der::context(4), "authenticator")?;
    request.finish()?;
    Ok(ticket.peek().to_vec())
}
