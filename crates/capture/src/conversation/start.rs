//! Detects the protocol of a connection by its first bytes.

use rpc::pdu::HEADER_SIZE;

use super::association;
use super::fragments::sender_of;
use super::order;
use crate::stream::Side;

/// The maximum size of what may precede the protocol of a connection, in bytes.
const MAX_PREAMBLE: usize = 16 << 10;

/// The signature of a PROXY header of version 2 (HAProxy's proxy-protocol.txt 2.2), and its size without
/// addresses.
const PROXY_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const PROXY_2_SIZE: usize = 16;

/// The state of what precedes the protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preamble {
    /// It was removed, or there was nothing.
    Removed,
    /// A part of it is missing.
    Incomplete,
}

/// Removes what precedes the protocol of a connection: PROXY headers of load balancers, and the CONNECT
/// request of a client to a proxy with its response (RFC 9110 9.3.6).
pub(super) fn remove_preamble(client: &mut Vec<u8>, server: &mut Vec<u8>) -> Preamble {
    loop {
        let heads = if client.starts_with(b"CONNECT ") {
            end_of(client, b"\r\n\r\n").zip(end_of(server, b"\r\n\r\n"))
        } else if client.starts_with(b"PROXY ") {
            end_of(client, b"\r\n").map(|end| (end, 0))
        } else if client.starts_with(PROXY_2) {
            let length = client.get(14..PROXY_2_SIZE).and_then(|length| length.first_chunk::<2>());
            let end =
                length.map(|length| usize::from(u16::from_be_bytes(*length)).saturating_add(PROXY_2_SIZE));
            end.filter(|end| *end <= client.len()).map(|end| (end, 0))
        } else {
            let begins = |mark: &&[u8]| !client.is_empty() && mark.starts_with(client);
            let is_part = [b"CONNECT ", &b"PROXY "[..], PROXY_2].iter().any(begins);
            return if is_part { Preamble::Incomplete } else { Preamble::Removed };
        };
        let Some((client_size, server_size)) = heads else {
            let is_long = client.len() > MAX_PREAMBLE || server.len() > MAX_PREAMBLE;
            return if is_long { Preamble::Removed } else { Preamble::Incomplete };
        };
        client.drain(..client_size);
        server.drain(..server_size);
    }
}

/// The index after the first `mark` in `bytes`.
fn end_of(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    let at = bytes.windows(mark.len()).position(|part| part == mark)?;
    at.checked_add(mark.len())
}

/// What the first bytes of a side show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// A message of DCE/RPC, of this side.
    Rpc(Side),
    /// A message of HTTP, of this side.
    Http(Side),
    /// Too few bytes.
    TooShort,
    /// Another protocol.
    Other,
}

impl Start {
    pub(super) fn of(bytes: &[u8]) -> Self {
        if let Some(side) = sender_of(bytes) {
            return Self::Rpc(side);
        }
        let http = |side: &Side| order::begins(*side, bytes);
        if let Some(side) = [Side::Client, Side::Server].into_iter().find(http) {
            return Self::Http(side);
        }
        if order::is_start(bytes) == Some(true) {
            return Self::Http(Side::Client);
        }
        let may_be_rpc = match association::is_start(bytes) {
            Some(is_start) => is_start && bytes.len() < HEADER_SIZE,
            None => true,
        };
        let may_be_http = order::is_start(bytes).is_none() || order::may_begin_response(bytes);
        if may_be_rpc || may_be_http { Self::TooShort } else { Self::Other }
    }
}
