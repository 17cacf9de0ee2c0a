//! Recorded protocol calls.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpc::SyntaxId;
use rpc::pdu::FaultStatus;
use wire::Endian;

use crate::time::Timestamp;

/// The protocol that carried a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Envelope {
    /// DCE/RPC over TCP.
    RpcTcp,
    /// DCE/RPC over HTTP.
    RpcHttp,
    /// MAPI over HTTP.
    MapiHttp,
    /// HTTP that is not MAPI, for example Autodiscover.
    Http,
}

impl Envelope {
    /// The short name, for output and filters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RpcTcp => "ncacn_ip_tcp",
            Self::RpcHttp => "ncacn_http",
            Self::MapiHttp => "mapi_http",
            Self::Http => "http",
        }
    }
}

impl From<engine::Envelope> for Envelope {
    fn from(envelope: engine::Envelope) -> Self {
        match envelope {
            engine::Envelope::RPC_HTTP => Self::RpcHttp,
            engine::Envelope::MAPI_HTTP => Self::MapiHttp,
            // A recording has calls of other envelopes as DCE/RPC over TCP.
            _ => Self::RpcTcp,
        }
    }
}

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A call with its outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// When the request's last byte was recorded.
    pub time: Timestamp,
    /// The time from there to the last byte of the response; `None` if there is no response, or no time was
    /// recorded.
    pub elapsed: Option<Duration>,
    /// The number of the connection, or of the virtual connection that several channels carry.
    pub connection: u64,
    /// The user, if the recording shows it.
    pub user: Option<Arc<str>>,
    /// The side of the proxy at which it was recorded; `None` if the recording is not MAPIProxy's.
    pub side: Option<Arc<str>>,
    /// The client's address.
    pub client: Option<SocketAddr>,
    /// The server's address.
    pub server: Option<SocketAddr>,
    /// Request and outcome.
    pub body: CallBody,
}

/// The request and the outcome of a call, by protocol.
#[derive(Debug, Clone, PartialEq)]
pub enum CallBody {
    /// A remote procedure call.
    Rpc(RpcCall),
    /// An HTTP exchange.
    Http(HttpCall),
}

/// A remote procedure call.
#[derive(Debug, Clone, PartialEq)]
pub struct RpcCall {
    /// The protocol that carried it.
    pub envelope: Envelope,
    /// The interface; `None` if the recording began after the bind.
    pub interface: Option<SyntaxId>,
    /// The number of the operation within the interface.
    pub opnum: u16,
    /// The stub of the request.
    pub request: Stub,
    /// The outcome.
    pub outcome: RpcOutcome,
}

/// The parameters of a call in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stub {
    /// The bytes, with their byte order.
    Plain(Bytes, Endian),
    /// The number of bytes, which are not available decrypted or complete, and why not.
    Sealed(usize, SealedReason),
}

impl SealedReason {
    /// Whether the bytes are encrypted, rather than incomplete or too many.
    pub const fn is_encrypted(self) -> bool {
        !matches!(self, Self::MissingFragment | Self::TooLong | Self::Truncated)
    }
}

/// Why the bytes of a stub are not available.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealedReason {
    /// A fragment is missing in the recording.
    #[error("a part of it is missing in the recording")]
    MissingFragment,
    /// The stub exceeds the limit of what is kept.
    #[error("stub too long")]
    TooLong,
    /// The bind that began its security context is missing in the recording.
    #[error("the bind of its security context is missing in the recording")]
    MissingBind,
    /// The PDU is too short for its security trailer.
    #[error("PDU too short for its security trailer")]
    Truncated,
    /// A mechanism other than NTLM and Kerberos protects it.
    #[error("protected by a mechanism other than NTLM and Kerberos")]
    Mechanism,
    /// No given password or key belongs to its handshake.
    #[error("none of the given passwords and keys fits")]
    NoSecret,
    /// Kerberos protects it, and there is no keytab.
    #[error("protected by Kerberos, and no keytab is given")]
    NoKeytab,
    /// The keytab has no key for its ticket.
    #[error("no key of its Kerberos ticket in the keytab")]
    NoTicketKey,
    /// The Kerberos ticket has contents that are not supported or malformed.
    #[error("unusable Kerberos ticket")]
    Ticket,
    /// The signature does not match the key.
    #[error("wrong signature for the key")]
    Signature,
    /// The byte order could not be converted.
    #[error("byte order cannot be converted")]
    ByteOrder,
}

impl Stub {
    /// The number of bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Plain(bytes, _) => bytes.len(),
            Self::Sealed(length, _) => *length,
        }
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The outcome of a remote procedure call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RpcOutcome {
    /// The stub of the response.
    Response(Stub),
    /// A fault.
    Fault(FaultStatus),
    /// The recording has neither.
    None,
}

/// An HTTP exchange.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpCall {
    /// The method.
    pub method: String,
    /// The target, as it is spelled.
    pub target: String,
    /// The request's fields and body.
    pub request: HttpMessage,
    /// The response, if the recording has one.
    pub response: Option<HttpResponse>,
}

/// A response of HTTP.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// Its fields and body.
    pub message: HttpMessage,
}

/// Fields and body of an HTTP message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HttpMessage {
    /// The fields, in order.
    pub fields: Vec<(String, String)>,
    /// The recorded part of the body, without its framing.
    pub body: Bytes,
    /// The number of bytes of the body that are missing.
    pub missing: u64,
    /// How the recording program changed the body, if it did.
    pub damage: Option<Damage>,
}

/// How a recording differs from the body that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It was treated as text: bytes that are not UTF-8 were replaced by U+FFFD.
    Replaced,
    /// The recording declares another length, in bytes.
    Length(u64),
    /// An unknown number of bytes is missing at its end.
    CutOff,
    /// It is declared to be base64, but is not.
    NotBase64,
}

impl HttpMessage {
    /// Why the body differs from the one that was sent, as a sentence; `None` if it does not.
    pub fn unreadable(&self) -> Option<String> {
        let recorded = self.body.len();
        match self.damage {
            Some(Damage::Replaced) => Some(
                "the body was damaged when it was recorded: bytes were replaced by U+FFFD, as if it were text"
                    .to_owned(),
            ),
            Some(Damage::Length(sent)) => Some(format!(
                "the body was damaged when it was recorded: {sent} bytes were sent, {recorded} are in the recording"
            )),
            Some(Damage::CutOff) => Some("the end of the body is missing in the recording".to_owned()),
            Some(Damage::NotBase64) => {
                Some("the body was damaged when it was recorded: it is not base64, although the recording declares it".to_owned())
            }
            None if self.missing > 0 => {
                Some(format!("{} bytes of the body are missing in the recording", self.missing))
            }
            None => None,
        }
    }
}

impl HttpMessage {
    /// The value of the first field with this name in any case.
    pub fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }

    /// The values of all fields with this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let fields = self.fields.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        fields.map(|(_, value)| value.as_str())
    }
}

impl HttpCall {
    /// The target up to its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether it is MAPI over HTTP, by its path ([MS-OXCMAPIHTTP] 2.2.1).
    pub fn is_mapi(&self) -> bool {
        let mut parts = self.path().trim_start_matches('/').split('/');
        let root = parts.next().unwrap_or_default();
        let endpoint = parts.next().unwrap_or_default();
        let known = ["emsmdb", "nspi"].iter().any(|known| endpoint.eq_ignore_ascii_case(known));
        root.eq_ignore_ascii_case("mapi") && known
    }
}

impl Call {
    /// The protocol that carried it.
    pub fn envelope(&self) -> Envelope {
        match &self.body {
            CallBody::Rpc(rpc) => rpc.envelope,
            CallBody::Http(http) if http.is_mapi() => Envelope::MapiHttp,
            CallBody::Http(_) => Envelope::Http,
        }
    }
}
