//! Waits for notifications by RPC ([MS-OXCRPC] 3.3.4.1), pending at a server of the test.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use super::raw::{Call, Connection, EMSMDB, Interface, Outcome, bind_all, with_handle};

/// Waiting for notifications, 0.1.
const ASYNC_EMSMDB: Interface =
    (*b"\x4a\x57\x61\x52\x72\x45\x6e\x20\xb2\x68\x6b\x19\x92\x13\xb4\xe4", 1 << 16);

/// The next context handle of a server. Each is unique ([MS-OXCRPC] 3.1.4.1).
static HANDLES: AtomicU64 = AtomicU64::new(1);

/// The outcome of `EcDoConnectEx` and `EcDoAsyncConnectEx`; `None` for `EcDoAsyncWaitEx`.
pub(crate) fn session(call: &Call) -> Option<Outcome> {
    [10, 14].contains(&call.opnum).then(|| {
        let handle = u128::from(HANDLES.fetch_add(1, Ordering::Relaxed)).to_le_bytes();
        Outcome::Response([&[0; 4], &handle[..], &[0; 80]].concat())
    })
}

/// The connection of a client that opened a session of the store at `target`, and waits.
pub(crate) fn wait(target: SocketAddr) -> Connection {
    let mut connection = Connection::open(target);
    connection.send(&bind_all(&[EMSMDB, ASYNC_EMSMDB]));
    assert_eq!(connection.response(), Outcome::Other(12));
    let handle = |stub: Vec<u8>| stub[4..20].try_into().unwrap();
    let session = handle(connection.call(10, &[0; 80]).stub());
    let waits = handle(connection.call(14, &with_handle(session, &[])).stub());
    connection.send_request_in(1, 0, &with_handle(waits, &[0; 4]));
    connection
}
