//! Waits for notifications by RPC ([MS-OXCRPC] 3.3.4.1), pending at a server of the test.

use std::net::SocketAddr;

use super::raw::{Call, Connection, EMSMDB, HANDLE, Interface, Outcome, bind, bind_in_group, with_handle};

/// Waiting for notifications, 0.1.
const ASYNC_EMSMDB: Interface =
    (*b"\x4a\x57\x61\x52\x72\x45\x6e\x20\xb2\x68\x6b\x19\x92\x13\xb4\xe4", 1 << 16);

/// The outcome of `EcDoConnectEx` and `EcDoAsyncConnectEx`; `None` for `EcDoAsyncWaitEx`.
pub(crate) fn session(call: &Call) -> Option<Outcome> {
    [10, 14].contains(&call.opnum).then(|| Outcome::Response([&[0; 4], &HANDLE[..], &[0; 80]].concat()))
}

/// A client that opened a session of the store at `target`, and its connection on which it waits.
pub(crate) fn wait(target: SocketAddr) -> (Connection, Connection) {
    let mut store = Connection::open(target);
    store.send(&bind(EMSMDB));
    let group = store.group();
    let handle = |stub: Vec<u8>| stub[4..20].try_into().unwrap();
    let session = handle(store.call(10, &[0; 80]).stub());
    let waits = handle(store.call(14, &with_handle(session, &[])).stub());
    let mut waiting = Connection::open(target);
    waiting.send(&bind_in_group(ASYNC_EMSMDB, group));
    assert_eq!(waiting.response(), Outcome::Other(12));
    waiting.send_request(0, &with_handle(waits, &[0; 4]));
    (store, waiting)
}
