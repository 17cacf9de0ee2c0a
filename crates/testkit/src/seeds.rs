//! Seeds: valid inputs of the oracles, from which fuzzing and property tests begin.

mod decrypt;
mod http;
mod identity;
mod mapi;
mod mapi_http;
mod mapi_sync;
mod message;
mod property;
mod recording;
mod rop;
mod rpc;

/// Inputs for the fuzz target of this name, as its oracle in [`crate::oracles::ALL`] reads them; none for an
/// unknown name.
///
/// # Panics
/// If a recorded stub cannot be decoded, or a structure cannot be encoded: the seeds are invalid.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "guid" => vec![(0..16).collect(), b"a4f1db00-ca47-1067-b31f-00dd010662da".to_vec()],
        "rpc_pdus" => rpc::pdus(),
        "rpc_server" => rpc::server(),
        "rpc_client" => rpc::client(),
        "rpc_endpoints" => rpc::endpoints(),
        "rpc_rts" => recording::rts(),
        "http_framing" => http::framing(),
        "nspi" => mapi::nspi(),
        "emsmdb" => mapi::emsmdb(),
        "extended_buffers" => mapi::extended_buffers(),
        "aux_blocks" => mapi::aux_blocks(),
        "properties" => property::properties(),
        "rop_requests" => rop::requests(),
        "rop_responses" => rop::responses(),
        "mapi_http" => mapi_http::mapi_http(),
        "autodiscover" => mapi_http::autodiscover(),
        "fast_transfer" => mapi_sync::fast_transfer(),
        "idsets" => mapi_sync::idsets(),
        "notifications" => mapi_sync::notifications(),
        "rtf" => mapi_sync::rtf(),
        "rtf_bodies" => message::rtf_bodies(),
        "messages_read" => message::messages_read(),
        "messages_written" => message::messages_written(),
        "auth_tokens" => identity::tokens(),
        "auth_handshakes" => identity::handshake(),
        "pass_through" => identity::relayed(),
        "recordings" => recording::recordings(),
        "key_logs" => decrypt::key_logs(),
        "tls_records" => decrypt::tls_records(),
        "keytabs" => vec![crate::captures::KEYTAB.to_vec()],
        "kerberos_tokens" => decrypt::kerberos_tokens(),
        _ => Vec::new(),
    }
}
