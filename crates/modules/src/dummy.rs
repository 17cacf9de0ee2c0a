//! The `dummy` module: logs each hook, and is the documented example of a module.

use std::time::Duration;

use engine::options::{OptionError, OptionSpec, Options};
use engine::rops::{RopDecision, RopResponseView, RopView};
use engine::{
    AheadRequest, AheadResponse, Decision, Delivery, Interests, Interface, Module, ModuleState, Operation,
    OperationKind, ProxyInfo, Refusal, SecurityContext, Session, Work,
};
use mapi::autodiscover::Dialect;

/// The documented example. It logs each of its hooks with the user and the operation, and changes nothing. Its
/// options demonstrate deferred work, and a request that is sent ahead of each request to the address book.
///
/// To write a module, copy this file and remove the hooks that you do not need; the default of each hook does
/// nothing. Keep the state of a session in the session, like `SessionState` here; the module's fields are shared by all
/// users, so they must not contain data of a user.
#[derive(Debug, Default)]
pub struct Dummy {
    options: DummyOptions,
}

engine::module_options! {
    /// The options of `dummy`.
    struct DummyOptions {
        /// Logs of the hooks only init, shutdown and the end of each session, with the number of its operations.
        quiet: bool = false;
        /// Defers each request by this many milliseconds, as a virus scan or a lookup would.
        defer_ms: u64 = 0, from 0 to 600_000;
        /// Requests the columns of the address book from the server ahead of each other request to the address book.
        ahead: bool = false;
        /// Blocks the thread for this many milliseconds in the hooks dispatch and shutdown, which no module may do: to
        /// test how the proxy stops then.
        block_ms: u64 = 0, from 0 to 600_000;
    }
}

/// The state that the module keeps in a session.
#[derive(Debug, Default)]
struct SessionState {
    /// The number of operations so far.
    operations: u64,
}

impl ModuleState for SessionState {
    fn owned_bytes(&self) -> usize {
        // A counter owns no other memory. The capacity of a vector or string would count here.
        0
    }
}

const NAME: &str = "dummy";

impl Dummy {
    fn log(&self, hook: &'static str, session: &Session, operation: Option<&Operation>) {
        if self.options.quiet {
            return;
        }
        let user = session.context().principal();
        let operation = operation.map_or(session.interface().name(), Operation::name);
        tracing::info!(target: NAME, session = session.id(), %user, operation, "{hook}");
    }
}

impl Module for Dummy {
    fn name(&self) -> &'static str {
        NAME
    }

    fn description(&self) -> &'static str {
        "The documented example: logs every hook, changes nothing."
    }

    fn interests(&self) -> Interests {
        Interests { rops: !self.options.quiet, ..Interests::default() }
    }

    fn options(&self) -> &'static [OptionSpec] {
        DummyOptions::specs()
    }

    fn init(&mut self, options: &Options, proxy: &ProxyInfo) -> Result<(), OptionError> {
        self.options = DummyOptions::read(options);
        tracing::info!(target: NAME, proxy = proxy.name, upstream = proxy.upstream, "init");
        Ok(())
    }

    fn request_bytes(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        self.log("request_bytes", session, Some(operation));
        Ok(())
    }

    fn request(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        session.module_state::<SessionState>().operations += 1;
        self.log("request", session, Some(operation));
        Ok(())
    }

    fn dispatch(&self, operation: &mut Operation, session: &mut Session) -> Decision {
        self.log("dispatch", session, Some(operation));
        std::thread::sleep(Duration::from_millis(self.options.block_ms));
        // The engine calls this again with the response to the request that was sent ahead.
        if let Some(response) = operation.ahead.last_mut() {
            let columns = columns_of(response);
            tracing::info!(target: NAME, session = session.id(), columns, "ahead");
        } else if self.options.ahead && belongs_to_address_book(operation) {
            return Decision::Ahead(Box::new(AheadRequest::QueryColumns { flags: 0 }));
        }
        let delay = Duration::from_millis(self.options.defer_ms);
        if delay.is_zero() {
            return Decision::Forward;
        }
        // A thread of the pool runs the first closure, under the caller's context. The second one runs with the
        // session locked and the result of the first. Like a hook, it must return quickly.
        Decision::Defer(Work::new(
            move |caller: &SecurityContext| {
                std::thread::sleep(delay);
                caller.principal().to_string()
            },
            |user, operation, session| {
                let operation = operation.name();
                tracing::info!(target: NAME, session = session.id(), %user, operation, "deferred");
                Decision::Forward
            },
        ))
    }

    fn deliver(&self, operation: &mut Operation, session: &mut Session) -> Delivery {
        self.log("deliver", session, Some(operation));
        Delivery::Pass
    }

    fn response_bytes(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        self.log("response_bytes", session, Some(operation));
        Ok(())
    }

    fn response(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        self.log("response", session, Some(operation));
        Ok(())
    }

    fn rop_request(&self, rop: &mut RopView<'_>, session: &mut Session) -> RopDecision {
        let id = rop.request().id();
        let object = rop.object().map_or("unknown", |object| object.kind.name());
        tracing::info!(target: NAME, session = session.id(), rop = %id, object, "rop_request");
        RopDecision::Forward
    }

    fn rop_response(&self, rop: &mut RopResponseView<'_>, session: &mut Session) {
        let (id, return_value) = (rop.request.id(), rop.reply().return_value);
        tracing::info!(target: NAME, session = session.id(), rop = %id, %return_value, "rop_response");
    }

    fn autodiscover(
        &self,
        dialect: Dialect,
        _response: &[u8],
        context: &SecurityContext,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        if !self.options.quiet {
            tracing::info!(target: NAME, user = %context.principal(), ?dialect, "autodiscover");
        }
        Ok(None)
    }

    fn unbind(&self, session: &mut Session) {
        let operations = session.module_state::<SessionState>().operations;
        tracing::info!(target: NAME, session = session.id(), operations, "unbind");
    }

    fn shutdown(&self) {
        tracing::info!(target: NAME, "shutdown");
        std::thread::sleep(Duration::from_millis(self.options.block_ms));
    }
}

/// Whether a request belongs to a session with the address book, and is not a request for the columns.
fn belongs_to_address_book(operation: &Operation) -> bool {
    let kind = operation.kind();
    operation.interface() == Interface::Nspi
        && !kind.begins_session()
        && !kind.ends_session()
        && !matches!(kind, OperationKind::QueryColumns | OperationKind::Ping)
}

/// The number of columns in the response; `None` if the server refused the request or returned none.
fn columns_of(response: &mut AheadResponse) -> Option<usize> {
    let AheadResponse::Response(response) = response else { return None };
    Some(response.view().ok()?.columns()?.len())
}
