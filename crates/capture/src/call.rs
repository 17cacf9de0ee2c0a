//! Protocol calls, as they were recorded.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpc::SyntaxId;
use rpc::pdu::FaultStatus;
use wire::Endian;

use crate::time::Timestamp;

/// What a call travelled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Envelope {
    /// DCE/RPC over TCP.
    RpcTcp,
    /// DCE/RPC over HTTP.
    RpcHttp,
    /// MAPI over HTTP.
    MapiHttp,
    /// HTTP that is not MAPI: Autodiscover and the like.
    Http,
}

impl Envelope {
    /// Its short name.
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
            engine::Envelope::RpcHttp => Self::RpcHttp,
            engine::Envelope::MapiHttp => Self::MapiHttp,
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

/// A call with its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// When the request's last byte was recorded.
    pub time: Timestamp,
    /// How long the answer's last byte took from there; none where there is none, or nothing tells.
    pub elapsed: Option<Duration>,
    /// A number that calls share which came in one connection, or in channels that belong together.
    pub connection: u64,
    /// The user, as far as it is recorded; none where it does not.
    pub user: Option<Arc<str>>,
    /// Which side of the proxy it was recorded at; none where the recording is not one of ours.
    pub side: Option<Arc<str>>,
    /// The client's address.
    pub client: Option<SocketAddr>,
    /// To where.
    pub server: Option<SocketAddr>,
    /// What it is.
    pub body: CallBody,
}

/// The two halves of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum CallBody {
    /// A remote procedure call.
    Rpc(RpcCall),
    /// A request of HTTP.
    Http(HttpCall),
}

/// A remote procedure call.
#[derive(Debug, Clone, PartialEq)]
pub struct RpcCall {
    /// What it travelled in.
    pub envelope: Envelope,
    /// The interface; none where the recording began after the bind.
    pub interface: Option<SyntaxId>,
    /// The call's number there.
    pub opnum: u16,
    /// What was asked.
    pub request: Stub,
    /// Its outcome.
    pub answer: RpcAnswer,
}

/// The parameters of a call in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stub {
    /// The bytes, with their byte order.
    Plain(Bytes, Endian),
    /// The number of bytes, which are not available decrypted or complete, and why not.
    Sealed(usize, SealedReason),
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
    /// The signature is not one that the key makes.
    #[error("wrong signature for the key")]
    Signature,
    /// The byte order could not be converted.
    #[error("byte order cannot be converted")]
    ByteOrder,
}

impl Stub {
    /// How many bytes it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Plain(bytes, _) => bytes.len(),
            Self::Sealed(length, _) => *length,
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The outcome of a remote procedure call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RpcAnswer {
    /// An answer.
    Response(Stub),
    /// A fault.
    Fault(FaultStatus),
    /// Nothing, as far as the recording goes.
    None,
}

/// A request of HTTP with its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpCall {
    /// The method.
    pub method: String,
    /// The target, as it is spelled.
    pub target: String,
    /// The request's fields and body.
    pub request: HttpMessage,
    /// The answer; none where the recording has none.
    pub response: Option<HttpResponse>,
}

/// An answer of HTTP.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// The words behind it.
    pub reason: String,
    /// Its fields and body.
    pub message: HttpMessage,
}

/// Fields and body of an HTTP message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HttpMessage {
    /// The fields, in order.
    pub fields: Vec<(String, String)>,
    /// The body, without its framing, as much of it as is kept.
    pub body: Bytes,
    /// How many bytes of the body are not there.
    pub missing: u64,
    /// Why the body is not the one that was sent, where the program that recorded it changed it.
    pub damage: Option<Damage>,
}

/// What became of a body in a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It was taken for text, and what is none was replaced by U+FFFD.
    Replaced,
    /// It has another length than the recording says that it had when it was sent, in bytes.
    Length(u64),
    /// Its end is missing, and nothing says how much that is.
    CutOff,
    /// It is said to be base64, and is not.
    NotBase64,
}

impl HttpMessage {
    /// Why the body is not what was sent, in words; none where it is.
    pub fn unreadable(&self) -> Option<String> {
        let there = self.body.len();
        match self.damage {
            Some(Damage::Replaced) => Some(
                "the body was damaged when it was recorded: bytes were replaced by U+FFFD, as if it were text"
                    .to_owned(),
            ),
            Some(Damage::Length(sent)) => Some(format!(
                "the body was damaged when it was recorded: {sent} bytes were sent, {there} are in the recording"
            )),
            Some(Damage::CutOff) => Some("the end of the body is missing in the recording".to_owned()),
            Some(Damage::NotBase64) => {
                Some("the body was damaged when it was recorded: it is not base64, as the recording says".to_owned())
            }
            None if self.missing > 0 => {
                Some(format!("{} bytes of the body are missing in the recording", self.missing))
            }
            None => None,
        }
    }
}

impl HttpMessage {
    /// The value of the first field with this name, in whatever case.
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
    /// What it travelled in.
    pub fn envelope(&self) -> Envelope {
        match &self.body {
            CallBody::Rpc(rpc) => rpc.envelope,
            CallBody::Http(http) if http.is_mapi() => Envelope::MapiHttp,
            CallBody::Http(_) => Envelope::Http,
        }
    }
}
