//! An operation in progress, with its session and its session binding.

use bytes::Bytes;
use identity::SecurityContext;
use mapi::Interface;
use mapi::mapihttp::{Endpoint, RequestType};

use crate::ahead::AheadRequest;
use crate::body::OperationKey;
use crate::engine::Engine;
use crate::operation::{Incoming, Operation};
use crate::refusal::{Refusal, RefusalKind};
use crate::session::SharedSession;
use crate::sessions::binding::{End, SessionBinding};
use crate::sessions::cookie_binding::CookieBinding;
use crate::sessions::handle_binding::HandleBinding;
use crate::sessions::handles::OrphanedHandle;
use crate::sessions::{cookie_lifetime, handle_lifetime};
use crate::user_memory::{MemoryLimit, MemoryShare, MemoryUse};

/// How many bytes that were decoded of an operation are not counted: about a dozen ROPs. The limits on connections and
/// on the calls of each bound them.
const UNCOUNTED: usize = 4096;

/// An operation in progress, and its session.
///
/// The type of its owner is its state: [`AwaitsUpstream`](crate::AwaitsUpstream), [`AwaitsWork`](crate::AwaitsWork)
/// or [`Finished`](crate::Finished). If it is dropped before it is finished, it is aborted: a session that it was
/// opening ends. It is boxed once, since it is large and moves from one state to the next.
#[derive(Debug)]
pub struct Flight {
    /// The operation, as modules see it.
    pub operation: Operation,
    pub(crate) engine: Engine,
    pub(crate) session: SharedSession,
    pub(crate) binding: Binding,
    /// How often modules sent a request ahead of the operation, or deferred its request or response.
    pub(crate) extra_steps: usize,
    /// See [`Flight::reached`].
    pub(crate) reached: Option<MemoryLimit>,
    /// The memory of what was decoded, in the limits of the user.
    memory: Option<MemoryShare>,
    /// Whether [`Flight::settle`] was called.
    is_settled: bool,
}

/// How an operation identifies its session.
#[derive(Debug)]
pub(crate) enum Binding {
    /// By a context handle, as RPC calls do.
    Handle(HandleBinding),
    /// By cookies, as requests of MAPI over HTTP do.
    Cookies(CookieBinding),
}

impl Flight {
    pub(crate) fn new(engine: &Engine, incoming: Incoming, session: SharedSession, binding: Binding) -> Self {
        let operation = Operation::new(engine.next_id(), incoming);
        Self {
            operation,
            engine: engine.clone(),
            session,
            binding,
            extra_steps: 0,
            reached: None,
            memory: None,
            is_settled: false,
        }
    }

    /// The caller's security context.
    pub const fn context(&self) -> &SecurityContext {
        self.operation.context()
    }

    /// The number of the session to which the operation belongs.
    pub const fn session_id(&self) -> u64 {
        self.session.id()
    }

    /// The limit because of which objects of the session, or their content, are not tracked from this operation on:
    /// modules do not see them. Each session reports it once.
    pub const fn reached(&self) -> Option<MemoryLimit> {
        self.reached
    }

    /// Whether the session has ended, so that the operation must not be sent to the upstream. Does not lock it.
    pub fn is_session_ended(&self) -> bool {
        self.session.is_closed()
    }

    /// Whether the operation is a wait for notifications, which may end at any time.
    pub const fn is_notification_wait(&self) -> bool {
        self.empty_wait_response().is_some()
    }

    /// The response to a wait for notifications that ends without a notification: to `EcDoAsyncWaitEx` ([MS-OXCRPC]
    /// 3.3.4.1) or `NotificationWait` ([MS-OXCMAPIHTTP] 2.2.4.4.2). `None` for another operation.
    pub(crate) const fn empty_wait_response(&self) -> Option<&'static [u8]> {
        match self.operation.key() {
            // pulFlagsOut, and the return value.
            OperationKey::Call(Interface::AsyncEmsmdb, 0) => Some(&[0; 8]),
            // StatusCode, ErrorCode, EventPending, AuxiliaryBufferSize.
            OperationKey::Http(Endpoint::Emsmdb, RequestType::NotificationWait) => Some(&[0; 16]),
            _ => None,
        }
    }

    /// The session binding of a request of MAPI over HTTP; `None` for an RPC call.
    pub(crate) const fn cookies(&self) -> Option<&CookieBinding> {
        match &self.binding {
            Binding::Handle(_) => None,
            Binding::Cookies(binding) => Some(binding),
        }
    }

    /// The upstream responded to the RPC call in its association group `upstream_group`.
    pub(crate) const fn received_in(&mut self, upstream_group: u64) {
        if let Binding::Handle(binding) = &mut self.binding {
            binding.upstream_group = upstream_group;
        }
    }

    /// As [`Flight::cookies`], to be changed.
    pub(crate) const fn cookies_mut(&mut self) -> Option<&mut CookieBinding> {
        match &mut self.binding {
            Binding::Handle(_) => None,
            Binding::Cookies(binding) => Some(binding),
        }
    }

    /// Takes the handles in the association group of an RPC call that are to be ended at the server.
    pub fn take_orphaned(&self) -> Vec<OrphanedHandle> {
        match &self.binding {
            Binding::Handle(binding) => binding.group.take_orphaned(),
            Binding::Cookies(_) => Vec::new(),
        }
    }

    /// Prepares the operation for a wait, for the upstream or for deferred work: drops what will not be read, and
    /// counts the memory of the rest.
    ///
    /// # Errors
    /// If modules have not seen all of a message, or the memory exceeds a limit of the user.
    pub(crate) fn prepare_to_wait(&mut self) -> Result<(), Refusal> {
        let Self { operation, engine, memory, .. } = self;
        operation.request.work().check_request()?;
        operation.request.drop_view();
        let bytes = operation.decoded_bytes();
        if memory.is_none() && bytes <= UNCOUNTED {
            return Ok(());
        }
        let new_share = || {
            let share = engine.share(operation.context().identity(), MemoryUse::Operations);
            share.beyond(UNCOUNTED)
        };
        memory.get_or_insert_with(new_share).reserve(bytes).map_err(|limit| {
            Refusal::new(RefusalKind::TooBusy, format!("{limit}: the decoded operation needs {bytes} bytes"))
        })
    }

    /// Checks whether the request to the upstream, which was encoded earlier, may still be sent: the account of the
    /// caller was not revoked, and the context handles and cookies in the request still belong to its session. `stub`
    /// is the stub of the call `key`, or the body.
    ///
    /// # Errors
    /// The refusal that the client would get if it sent the request now.
    pub(crate) fn check_request(&self, key: OperationKey, stub: &[u8]) -> Result<(), Refusal> {
        if self.context().is_revoked() {
            let why = "the account was revoked before the request was sent to the server";
            return Err(Refusal::new(RefusalKind::AccessDenied, why));
        }
        if self.session.is_closed() {
            let why = "the session ended before the request was sent to the server";
            return Err(Refusal::new(RefusalKind::NoSession, why));
        }
        self.binding.as_dyn().check_request(&self.engine, self.context(), (key, stub))
    }

    /// Encodes a request that a module sends ahead, for the upstream. Returns its key and its bytes.
    pub(crate) fn ahead_request(&self, request: &AheadRequest) -> Result<(OperationKey, Bytes), Refusal> {
        self.binding.as_dyn().ahead_request(&self.operation, request)
    }

    /// Updates the session after the operation: the session ends if no handle or cookie identifies it any more. Only
    /// the first call has an effect.
    pub(crate) fn settle(&mut self, end: End) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        let Self { operation, engine, session, binding, .. } = self;
        match binding {
            Binding::Handle(binding) => {
                handle_lifetime::settle(binding, engine, operation, session, end);
            }
            Binding::Cookies(binding) => cookie_lifetime::settle(binding, engine, operation, session, end),
        }
    }

    /// The client does not receive the response of the operation, which has ended: a session that it opened over RPC
    /// ends.
    pub(crate) fn withdraw_response(&self) {
        let Self { operation, engine, session, binding, .. } = self;
        if let Binding::Handle(binding) = binding {
            handle_lifetime::withdraw(binding, engine, operation, session);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.settle(End::Aborted);
    }
}

impl Binding {
    pub(crate) fn as_dyn(&self) -> &dyn SessionBinding {
        match self {
            Self::Handle(binding) => binding,
            Self::Cookies(binding) => binding,
        }
    }
}

/// The refusal of an operation whose session has ended.
pub(crate) fn ended_in_flight() -> Refusal {
    Refusal::new(RefusalKind::NoSession, "the session ended while the operation was in flight")
}

/// The refusal of an operation after which modules keep too much of its session.
pub(crate) fn too_much_state(limit: MemoryLimit) -> Refusal {
    let why = format!("{limit}: modules keep too much state of the session, which was ended");
    Refusal::new(RefusalKind::TooBusy, why)
}
