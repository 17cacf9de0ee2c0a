use std::fmt;

use identity::SecurityContext;
use mapi::Interface;
use mapi::autodiscover::Dialect;

use crate::handles;
use crate::message::Message;
use crate::module::{CALL_FAILED, Decision, Module, Refusal};
use crate::operation::{Operation, Request};
use crate::rops::{self, Stay};
use crate::session::Session;

/// How often one operation may ask the upstream ahead, over all modules.
const AHEAD_LIMIT: usize = 32;

/// The modules that an operation crosses: top-down as a request, bottom-up as a response.
#[derive(Default)]
pub struct Stack(Vec<Box<dyn Module>>);

/// What becomes of a request after the stack.
#[derive(Debug)]
pub(crate) enum Verdict {
    Relay,
    Answered,
    Refused(Refusal),
    Ahead { request: Box<Request>, module: usize },
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("client")?;
        self.names().try_for_each(|name| write!(f, " > {name}"))?;
        f.write_str(" > upstream")
    }
}

impl Stack {
    /// A stack of `modules`, the first nearest to the client.
    pub fn new(modules: Vec<Box<dyn Module>>) -> Self {
        Self(modules)
    }

    /// The modules' names, the one nearest to the client first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.iter().map(|module| module.name())
    }

    pub(crate) fn request(&self, operation: &mut Operation, session: &mut Session) -> Verdict {
        debug_assert_eq!(
            operation.context().identity(),
            session.context().identity(),
            "hooks run as the caller"
        );
        for module in self.on(operation.interface()) {
            if let Err(refusal) = module.request_bytes(operation, session) {
                return Verdict::Refused(refusal);
            }
        }
        for module in self.on(operation.interface()) {
            if let Err(refusal) = module.request(operation, session) {
                return Verdict::Refused(refusal);
            }
        }
        match rops::request(&self.0, operation, session) {
            Ok(Stay::GoesOn) => self.dispatch(operation, session, 0, 0),
            Ok(Stay::Answered) => Verdict::Answered,
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    /// Whether a module reads what earlier operations brought.
    pub(crate) fn reads_content(&self) -> bool {
        self.0.iter().any(|module| module.reads_content())
    }

    /// Asks the modules from number `from` on what becomes of the request; `asked` counts what was asked ahead.
    pub(crate) fn dispatch(
        &self,
        operation: &mut Operation,
        session: &mut Session,
        from: usize,
        asked: usize,
    ) -> Verdict {
        let interface = operation.interface();
        for (number, module) in self.0.iter().enumerate().skip(from) {
            if !module.interfaces().contains(&interface) {
                continue;
            }
            match module.dispatch(operation, session) {
                Decision::Relay => operation.ahead.clear(),
                Decision::Answer(response) if response.key() == operation.key() => {
                    operation.response = Some(Message::made(operation.key(), *response));
                    // What its ROPs would have done, they did not do.
                    operation.rops = None;
                    operation.note(module.name(), "answered here");
                    return Verdict::Answered;
                }
                Decision::Answer(_) => {
                    return Verdict::Refused(Refusal::new(
                        CALL_FAILED,
                        "a module answered with another operation's response",
                    ));
                }
                Decision::Refuse(refusal) => {
                    operation.note(module.name(), "refused");
                    return Verdict::Refused(refusal);
                }
                Decision::Ahead(_) if asked >= AHEAD_LIMIT => {
                    return Verdict::Refused(Refusal::new(
                        CALL_FAILED,
                        "a module asks the upstream ahead without end",
                    ));
                }
                Decision::Ahead(request) if may_go_ahead(operation, &request) => {
                    operation.note(module.name(), "asked ahead");
                    return Verdict::Ahead { request, module: number };
                }
                Decision::Ahead(_) => {
                    return Verdict::Refused(Refusal::new(
                        CALL_FAILED,
                        "a module may ask ahead only what neither opens nor closes a session",
                    ));
                }
            }
        }
        Verdict::Relay
    }

    pub(crate) fn response(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        debug_assert_eq!(
            operation.context().identity(),
            session.context().identity(),
            "hooks run as the caller"
        );
        for module in self.on(operation.interface()).rev() {
            module.response_bytes(operation, session)?;
        }
        rops::response(&self.0, operation, session)?;
        for module in self.on(operation.interface()).rev() {
            module.response(operation, session)?;
        }
        Ok(())
    }

    /// Brings an answer of Autodiscover through the modules, last to first; none where none of them changed it.
    pub(crate) fn autodiscover(
        &self,
        dialect: Dialect,
        answer: &[u8],
        context: &SecurityContext,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let mut changed: Option<Vec<u8>> = None;
        for module in self.0.iter().rev() {
            let current = changed.as_deref().unwrap_or(answer);
            if let Some(other) = module.autodiscover(dialect, current, context)? {
                changed = Some(other);
            }
        }
        Ok(changed)
    }

    pub(crate) fn unbind(&self, session: &mut Session) {
        self.on(session.interface()).rev().for_each(|module| module.unbind(session));
    }

    pub(crate) fn shutdown(&self) {
        self.0.iter().rev().for_each(|module| module.shutdown());
    }

    fn on(&self, interface: Interface) -> impl DoubleEndedIterator<Item = &dyn Module> {
        self.0.iter().map(AsRef::as_ref).filter(move |module| module.interfaces().contains(&interface))
    }
}

fn may_go_ahead(operation: &Operation, request: &Request) -> bool {
    use handles::HandleUse::{None, Passes, Reads};
    let (interface, opnum) = crate::flight::called(request.key());
    interface == operation.interface()
        && matches!(handles::handle_use(interface, opnum), None | Passes | Reads)
}
