//! What cannot be read of a connection.

use mapi::Interface;
use rpc::framer::FrameError;
use rpc::pdu::{PduType, ProviderReason, RejectReason};
use thiserror::Error;
use wire::Guid;

use crate::decrypt::kerberos::ContextError;
use crate::decrypt::tls::TlsProblem;
use crate::stream::Side;

/// The name of an interface of Exchange, or its UUID.
fn interface_name(uuid: Guid) -> String {
    Interface::by_uuid(uuid).map_or_else(|| uuid.to_string(), |interface| interface.name().to_owned())
}

/// Something on a connection that cannot be read.
#[derive(Debug, Error)]
pub(super) enum ConversationProblem {
    /// Bytes of one side are not in the recording.
    #[error("{missing} bytes of the {} are missing", side.name())]
    Gap { side: Side, missing: u64 },
    /// The recording begins after the handshake of TLS.
    #[error("TLS whose handshake is not in the recording, which cannot be decrypted")]
    TlsHandshakeMissing,
    /// The protocol is unknown.
    #[error("neither RPC nor HTTP")]
    UnknownProtocol,
    /// TLS cannot be decrypted.
    #[error(transparent)]
    Tls(TlsProblem),
    /// Kerberos cannot be decrypted.
    #[error(transparent)]
    Kerberos(ContextError),
    /// The bytes of one side of an association are no PDUs.
    #[error("{side:?}: {error}; nothing more of this side is read")]
    RpcFraming { side: Side, error: FrameError },
    /// A PDU is malformed.
    #[error("{side:?}, call {call_id}: {ptype:?}: {error}")]
    Pdu { side: Side, call_id: u32, ptype: PduType, error: wire::Error },
    /// The server refused a bind, and with it the association.
    #[error("RPC: the server refused the bind: {reason:?}")]
    BindRefused { reason: RejectReason },
    /// The server accepted none of the presentation contexts for an interface.
    #[error("RPC: the server refused the interface {}: {reason:?}", interface_name(*uuid))]
    InterfaceRefused { uuid: Guid, reason: ProviderReason },
    /// The requests for these responses are not in the recording.
    #[error("RPC: {0} responses, but what the client sent is not in the recording; they are not read")]
    RpcRequestsMissing(u64),
    /// The bytes of a channel of RPC over HTTP are no PDUs.
    #[error("RPC over HTTP: {0}; nothing more of the channel is read")]
    ChannelFraming(FrameError),
    /// A call precedes the PDU that opens its channel.
    #[error("RPC over HTTP: a call before its channel was opened")]
    ChannelNotOpened,
    /// A control PDU has another encoding than the canonical one.
    #[error("RPC over HTTP: a control PDU does not read as it is written")]
    ControlPduEncoding,
    /// A control PDU is malformed.
    #[error("RPC over HTTP: {0}")]
    ControlPdu(wire::Error),
    /// A message of HTTP is malformed.
    #[error("HTTP: {}: {error}; the message is not read", match side { Side::Client => "request", Side::Server => "response" })]
    Http { side: Side, error: http1::Error },
    /// Many bytes of responses precede any request.
    #[error("HTTP: responses without requests; they are skipped")]
    HttpResponsesSkipped,
    /// The requests for the responses are not in the recording.
    #[error("HTTP: responses, but what the client sent is not in the recording; they are not read")]
    HttpRequestsMissing,
}
