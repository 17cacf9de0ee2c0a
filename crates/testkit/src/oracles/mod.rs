//! Oracles: properties that hold for arbitrary bytes.
//!
//! Each oracle is called with bytes and panics if they violate a property. A fuzz target calls it with input of
//! libFuzzer, a property test with input of proptest, and a regression test with input that once failed. Most
//! oracles use the first bytes as choices: the operation, the byte order, how a stream is divided.

pub mod decrypt;
pub mod http;
pub mod identity;
pub mod mapi;
pub mod message;
pub mod recording;
pub mod rpc;
pub mod wire;

/// An oracle and the name of its fuzz target.
pub type Named = (&'static str, fn(&[u8]));

/// All oracles.
pub const ALL: [Named; 31] = [
    ("guid", wire::guid),
    ("rpc_pdus", rpc::pdus),
    ("rpc_server", rpc::server),
    ("rpc_client", rpc::client),
    ("rpc_endpoints", rpc::endpoints),
    ("rpc_rts", rpc::rts),
    ("http_framing", http::framing),
    ("nspi", mapi::nspi),
    ("emsmdb", mapi::emsmdb),
    ("extended_buffers", mapi::extended_buffers),
    ("aux_blocks", mapi::aux_blocks),
    ("properties", mapi::properties),
    ("rop_requests", mapi::rop_requests),
    ("rop_responses", mapi::rop_responses),
    ("mapi_http", mapi::mapi_http),
    ("autodiscover", mapi::autodiscover),
    ("fast_transfer", mapi::fast_transfer),
    ("idsets", mapi::idsets),
    ("notifications", mapi::notifications),
    ("rtf", mapi::rtf),
    ("rtf_bodies", message::rtf_bodies),
    ("messages_read", message::messages_read),
    ("messages_written", message::messages_written),
    ("auth_tokens", identity::tokens),
    ("auth_handshakes", identity::handshake),
    ("pass_through", identity::pass_through),
    ("recordings", recording::recordings),
    ("key_logs", decrypt::key_logs),
    ("tls_records", decrypt::tls_records),
    ("keytabs", decrypt::keytabs),
    ("kerberos_tokens", decrypt::kerberos_tokens),
];
