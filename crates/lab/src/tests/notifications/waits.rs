//! Waits for notifications over RPC ([MS-OXCRPC] 3.1.4.4, 3.3.4.1).

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use mapi::emsmdb::{
    AsyncRequest, AsyncResponse, EcDoAsyncConnectExRequest, EcDoAsyncWaitExRequest, EcDoAsyncWaitExResponse,
    EcDoDisconnectRequest, Response,
};
use mapi::{ErrorCode, Interface};
use net::{Service as _, Waiting};
use rpc::FaultStatus;
use rpc::ndr::ContextHandle;
use wire::Endian;

use super::{ALL, notified, subscribe};
use crate::tests::mail::Mail;
use crate::tests::messages::{INBOX, alice, message};
use crate::tests::others::{ask, connected};
use crate::tests::{Caller, made_up};

const QUIET: EcDoAsyncWaitExResponse = EcDoAsyncWaitExResponse { flags: 0, return_value: ErrorCode::SUCCESS };
const PENDING: EcDoAsyncWaitExResponse =
    EcDoAsyncWaitExResponse { flags: 1, return_value: ErrorCode::SUCCESS };
const REJECTED: EcDoAsyncWaitExResponse =
    EcDoAsyncWaitExResponse { flags: 0, return_value: ErrorCode(0x7ee) };

fn async_handle(caller: &Caller, handle: ContextHandle) -> ContextHandle {
    match ask(caller, EcDoAsyncConnectExRequest { handle }) {
        Ok(Response::EcDoAsyncConnectEx(response)) => response.async_handle,
        other => panic!("{other:?}"),
    }
}

/// Begins a wait.
fn begin(caller: &Caller, async_handle: ContextHandle) -> Waiting {
    let request = AsyncRequest::EcDoAsyncWaitEx(EcDoAsyncWaitExRequest { async_handle, flags: 0 });
    let call = caller.request(Interface::AsyncEmsmdb, 0, &request.encode().unwrap());
    caller.lab.wait(&call).unwrap()
}

/// What a wait has returned by now.
fn now(wait: &mut Waiting) -> Poll<Result<EcDoAsyncWaitExResponse, FaultStatus>> {
    let result = wait.result.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    result.map(|result| {
        let AsyncResponse::EcDoAsyncWaitEx(response) =
            AsyncResponse::decode(0, &result?, Endian::Little).unwrap().0;
        Ok(response)
    })
}

/// Whether a wait of the session would end.
pub(super) fn has_pending(mail: &Mail) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    let handle = async_handle(&mail.caller, mail.session);
    now(&mut begin(&mail.caller, handle)) == Poll::Ready(Ok(PENDING))
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_a_notification_which_the_next_request_returns() {
    let mut mail = alice();
    subscribe(&mut mail, ALL, None, 8).unwrap();
    let handle = async_handle(&mail.caller, mail.session);
    let mut wait = begin(&mail.caller, handle);
    assert_eq!(now(&mut wait), Poll::Pending);
    let mut other = Mail::open(&mail.caller, "alice", "alice").unwrap();
    other.open_folder(other.special(INBOX), 1).unwrap();
    assert_eq!(now(&mut wait), Poll::Pending);
    message(&mut other, "one", 2);
    assert_eq!(now(&mut wait), Poll::Ready(Ok(PENDING)));
    drop(wait);
    assert_eq!(now(&mut begin(&mail.caller, handle)), Poll::Ready(Ok(PENDING)), "until they are fetched");
    assert_eq!(notified(&mut mail).len(), 2);
    assert_eq!(now(&mut begin(&mail.caller, handle)), Poll::Pending);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_after_five_minutes() {
    let mail = alice();
    let mut wait = begin(&mail.caller, async_handle(&mail.caller, mail.session));
    assert_eq!(now(&mut wait), Poll::Pending);
    tokio::time::advance(Duration::from_secs(299)).await;
    assert_eq!(now(&mut wait), Poll::Pending);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(now(&mut wait), Poll::Ready(Ok(QUIET)));
}

#[tokio::test(start_paused = true)]
async fn a_session_has_one_wait_at_once() {
    let mail = alice();
    let handle = async_handle(&mail.caller, mail.session);
    let mut wait = begin(&mail.caller, handle);
    assert_eq!(now(&mut wait), Poll::Pending);
    let again = async_handle(&mail.caller, mail.session);
    assert_eq!(now(&mut begin(&mail.caller, again)), Poll::Ready(Ok(REJECTED)), "whatever its handle");
    assert_eq!(now(&mut wait), Poll::Pending, "the first one continues");
    drop(wait);
    assert_eq!(now(&mut begin(&mail.caller, again)), Poll::Pending);
}

#[tokio::test(start_paused = true)]
async fn a_wait_belongs_to_its_session_and_ends_with_it() {
    let caller = Caller::new();
    let handle = connected(&caller);
    let waits = async_handle(&caller, handle);
    let mismatch = Poll::Ready(Err(FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH));
    assert_eq!(now(&mut begin(&caller, handle)), mismatch, "a session cannot wait with its own handle");
    assert_eq!(now(&mut begin(&caller, made_up())), mismatch);
    assert_eq!(now(&mut begin(&caller.other_identity(), waits)), mismatch);
    assert_eq!(now(&mut begin(&caller.elsewhere(), waits)), mismatch);
    let mut wait = begin(&caller, waits);
    assert_eq!(now(&mut wait), Poll::Pending);
    assert!(ask(&caller, EcDoDisconnectRequest { handle }).is_ok());
    assert_eq!(now(&mut wait), Poll::Ready(Ok(PENDING)), "so that the client learns of the end");
    assert_eq!(now(&mut begin(&caller, waits)), mismatch);
    assert_eq!(caller.lab.open_handles(), 0);

    let handle = connected(&caller);
    let mut wait = begin(&caller, async_handle(&caller, handle));
    assert_eq!(now(&mut wait), Poll::Pending);
    caller.lab.rundown(&caller.group);
    assert_eq!(now(&mut wait), Poll::Ready(Ok(PENDING)), "its connections have ended");
}
