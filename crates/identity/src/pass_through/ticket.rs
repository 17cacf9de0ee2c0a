//! Finds the Kerberos ticket in a client's token. Only the server can decrypt a ticket and learn its owner, but the
//! proxy can compare tickets: a client sends the same ticket on each of its connections, and only the owner of a
//! ticket can create the authenticator that accompanies the ticket.

use wire::{Reader, Result};

use crate::der;
use crate::fingerprint::Fingerprint;
use crate::spnego::tokens::Oid;

/// `AP-REQ` and `Ticket` (RFC 4120 5.3, 5.5.1).
const AP_REQ: u8 = 0x6e;
const TICKET: u8 = 0x61;
/// The token identifier before an `AP-REQ` (RFC 4121 4.1).
const TOK_ID: [u8; 2] = [1, 0];

/// The fingerprint of the ticket in a Kerberos token, if the token is an `AP-REQ` that contains exactly one ticket.
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
