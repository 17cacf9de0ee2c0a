//! Decodes the handshake messages on which keys depend (RFC 5246 7.4, RFC 8446 4).

use wire::{Endian, Reader};

use super::keylog::Random;

/// The maximum size of messages that are kept: hellos and tickets. Longer ones, such as certificates, are skipped.
const MAX_MESSAGE: usize = 64 << 10;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const NEW_SESSION_TICKET: u8 = 4;
const END_OF_EARLY_DATA: u8 = 5;
const FINISHED: u8 = 20;
const KEY_UPDATE: u8 = 24;

/// Extensions (RFC 6066, RFC 7366, RFC 5077, RFC 8446 4.2).
const SERVER_NAME: u16 = 0;
const ENCRYPT_THEN_MAC: u16 = 22;
const SESSION_TICKET: u16 = 35;
const EARLY_DATA: u16 = 42;
const SUPPORTED_VERSIONS: u16 = 43;

#[derive(Debug, Clone)]
pub(super) struct ClientHello {
    pub(super) random: Random,
    pub(super) session_id: Vec<u8>,
    pub(super) ticket: Vec<u8>,
    pub(super) server_name: Option<String>,
    pub(super) early_data: bool,
}

#[derive(Debug, Clone)]
pub(super) struct ServerHello {
    pub(super) random: Random,
    pub(super) version: u16,
    pub(super) session_id: Vec<u8>,
    pub(super) suite: u16,
    pub(super) encrypt_then_mac: bool,
}

/// A handshake message on which keys depend.
#[derive(Debug)]
pub(super) enum Message {
    ClientHello(ClientHello),
    ServerHello(ServerHello),
    /// A ticket of TLS 1.2.
    Ticket(Vec<u8>),
    EndOfEarlyData,
    Finished,
    KeyUpdate,
    /// A message that is not needed or cannot be decoded.
    Other,
}

/// Reassembles handshake messages: a message may span several records, and a record may contain several messages.
#[derive(Debug, Default)]
pub(super) struct Messages {
    buffer: Vec<u8>,
    /// The number of bytes that are missing of a message that is skipped, and its type.
    skipping: Option<(u8, usize)>,
    /// Whether bytes are missing, so that the beginning of the next message is not known.
    out_of_sync: bool,
}

impl Messages {
    /// Adds the content of a record.
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        if let Some((_, left)) = &mut self.skipping {
            let passed = bytes.len().min(*left);
            *left = left.saturating_sub(passed);
            bytes = bytes.get(passed..).unwrap_or_default();
        }
        if !self.out_of_sync {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Reports that `count` bytes are missing.
    pub(super) fn lost(&mut self, count: usize) {
        match &mut self.skipping {
            Some((_, left)) if *left >= count && self.buffer.is_empty() => *left = left.saturating_sub(count),
            _ => {
                self.buffer.clear();
                self.skipping = None;
                self.out_of_sync = true;
            }
        }
    }

    /// Drops incomplete messages at a change of keys, which no message spans.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }

    /// The type of the next message, if its first byte is buffered.
    fn next_type(&self) -> Option<u8> {
        self.buffer.first().copied().filter(|_| self.skipping.is_none())
    }

    /// Whether the next message is a `ServerHello`.
    pub(super) fn is_server_hello(&self) -> bool {
        self.next_type() == Some(SERVER_HELLO)
    }

    /// The next message, once it is complete.
    pub(super) fn next(&mut self) -> Option<Message> {
        if let Some((kind, left)) = self.skipping {
            if left > 0 {
                return None;
            }
            self.skipping = None;
            return Some(Message::without_content(kind));
        }
        let [kind, a, b, c, ..] = *self.buffer.as_slice() else { return None };
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
        let end = length.saturating_add(4);
        let kept = matches!(kind, CLIENT_HELLO | SERVER_HELLO | NEW_SESSION_TICKET) && length <= MAX_MESSAGE;
        if !kept {
            let there = self.buffer.len().min(end);
            self.buffer.drain(..there);
            self.skipping = Some((kind, end.saturating_sub(there)));
            return self.next();
        }
        if self.buffer.len() < end {
            return None;
        }
        let message: Vec<u8> = self.buffer.drain(..end).skip(4).collect();
        let read = match kind {
            CLIENT_HELLO => client_hello(&message).map(Message::ClientHello),
            // A HelloRetryRequest has the version and suite of the ServerHello that follows (RFC 8446 4.1.4);
            // unprotected records may be between the two.
            SERVER_HELLO => server_hello(&message).map(Message::ServerHello),
            _ => ticket(&message).map(Message::Ticket),
        };
        Some(read.unwrap_or(Message::Other))
    }
}

impl Message {
    const fn without_content(kind: u8) -> Self {
        match kind {
            END_OF_EARLY_DATA => Self::EndOfEarlyData,
            FINISHED => Self::Finished,
            KEY_UPDATE => Self::KeyUpdate,
            _ => Self::Other,
        }
    }
}

/// RFC 8446 4.1.2.
fn client_hello(message: &[u8]) -> wire::Result<ClientHello> {
    let mut r = Reader::with_endian(message, Endian::Big);
    r.u16("legacy_version")?;
    let random = r.array("random")?;
    let session_id = vector8(&mut r, "legacy_session_id")?.to_vec();
    let suites = usize::from(r.u16("cipher_suites")?);
    r.bytes(suites, "cipher_suites")?;
    vector8(&mut r, "legacy_compression_methods")?;
    let mut hello =
        ClientHello { random, session_id, ticket: Vec::new(), server_name: None, early_data: false };
    extensions(&mut r, |kind, mut value| {
        match kind {
            SERVER_NAME if !value.is_empty() => {
                value.bytes(3, "ServerNameList")?;
                let length = usize::from(value.u16("HostName")?);
                let name = value.bytes(length, "HostName")?;
                hello.server_name = Some(String::from_utf8_lossy(name).into_owned());
            }
            SESSION_TICKET => hello.ticket = value.rest().to_vec(),
            EARLY_DATA => hello.early_data = true,
            _ => {}
        }
        Ok(())
    })?;
    Ok(hello)
}

/// RFC 8446 4.1.3.
fn server_hello(message: &[u8]) -> wire::Result<ServerHello> {
    let mut r = Reader::with_endian(message, Endian::Big);
    let version = r.u16("legacy_version")?;
    let random = r.array("random")?;
    let session_id = vector8(&mut r, "legacy_session_id_echo")?.to_vec();
    let suite = r.u16("cipher_suite")?;
    r.u8("legacy_compression_method")?;
    let mut hello = ServerHello { random, version, session_id, suite, encrypt_then_mac: false };
    extensions(&mut r, |kind, mut value| {
        match kind {
            SUPPORTED_VERSIONS => hello.version = value.u16("selected_version")?,
            ENCRYPT_THEN_MAC => hello.encrypt_then_mac = true,
            _ => {}
        }
        Ok(())
    })?;
    Ok(hello)
}

/// RFC 5077 3.3.
fn ticket(message: &[u8]) -> wire::Result<Vec<u8>> {
    let mut r = Reader::with_endian(message, Endian::Big);
    r.u32("ticket_lifetime_hint")?;
    let length = usize::from(r.u16("ticket")?);
    Ok(r.bytes(length, "ticket")?.to_vec())
}

fn vector8<'a>(r: &mut Reader<'a>, field: &'static str) -> wire::Result<&'a [u8]> {
    let length = usize::from(r.u8(field)?);
    r.bytes(length, field)
}

/// Calls `visit` for each extension; there may be none at all.
fn extensions<'a>(
    r: &mut Reader<'a>,
    mut visit: impl FnMut(u16, Reader<'a>) -> wire::Result<()>,
) -> wire::Result<()> {
    if r.is_empty() {
        return Ok(());
    }
    let length = usize::from(r.u16("extensions")?);
    let mut r = r.sub(length, "extensions")?;
    while !r.is_empty() {
        let kind = r.u16("extension_type")?;
        let length = usize::from(r.u16("extension_data")?);
        visit(kind, r.sub(length, "extension_data")?)?;
    }
    Ok(())
}
