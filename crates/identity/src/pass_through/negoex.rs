//! Recognizes tokens of extended negotiation ([MS-NEGOEX]) that prove nothing: a Windows client may begin with one, and
//! continues with NTLM or Kerberos if the server does.

use wire::{Reader, Result};

/// `MESSAGE_SIGNATURE` ([MS-NEGOEX] 2.2.3).
const SIGNATURE: [u8; 8] = *b"NEGOEXTS";

/// The messages of a client in which a mechanism proves nothing ([MS-NEGOEX] 2.2.6.1): `INITIATOR_NEGO` is a list of
/// mechanisms, and `INITIATOR_META_DATA` describes one of them.
const LISTS: [u32; 2] = [0, 2];

/// The size of a `MESSAGE_HEADER`, in bytes ([MS-NEGOEX] 2.2.6.2).
const HEADER: u32 = 8 /* Signature */ + 4 /* MessageType */ + 4 /* SequenceNum */ + 4 /* cbHeaderLength */
    + 4 /* cbMessageLength */ + 16 /* ConversationId */;

/// Whether `token` consists of messages without credentials. An `AP_REQUEST` contains a token of a mechanism.
pub(super) fn is_without_credentials(token: &[u8]) -> bool {
    !token.is_empty() && messages(token).unwrap_or(false)
}

fn messages(token: &[u8]) -> Result<bool> {
    let mut r = Reader::new(token);
    while !r.peek().is_empty() {
        let signature: [u8; 8] = r.array("Signature")?;
        let (message_type, _) = (r.u32("MessageType")?, r.u32("SequenceNum")?);
        let (header_length, length) = (r.u32("cbHeaderLength")?, r.u32("cbMessageLength")?);
        if signature != SIGNATURE
            || !LISTS.contains(&message_type)
            || header_length < HEADER
            || length < header_length
        {
            return Ok(false);
        }
        let rest = usize::try_from(length - (HEADER - 16)).unwrap_or(usize::MAX);
        r.sub(rest, "message")?;
    }
    Ok(true)
}
