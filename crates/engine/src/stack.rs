//! The module stack: the order in which hooks are called, and how the modules' decisions are combined.

use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use identity::SecurityContext;
use mapi::Interface;
use mapi::autodiscover::Dialect;

use crate::ahead::AheadRequest;
use crate::deferred::Work;
use crate::message::Message;
use crate::module::{Decision, Delivery, Module};
use crate::operation::Operation;
use crate::refusal::{Refusal, RefusalKind};
use crate::rops::run::{self, BatchOutcome};
use crate::session::Session;

/// How often modules may send a request ahead of one operation or defer it, in total over all modules and over request
/// and response.
const EXTRA_STEP_LIMIT: usize = 32;

/// The modules in the order in which requests pass them. Responses pass them in reverse order.
#[derive(Default)]
pub struct Stack(Vec<Box<dyn Module>>);

/// The combined decision of the stack about a request.
#[derive(Debug)]
pub(crate) enum RequestOutcome {
    Forward,
    RespondedLocally,
    Refused(Refusal),
    Ahead { request: Box<AheadRequest>, module: usize },
    Defer { work: Work<Decision>, module: usize },
}

impl From<Refusal> for RequestOutcome {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The combined decision of the stack about a response.
#[derive(Debug)]
pub(crate) enum ResponseOutcome {
    Passed,
    Refused(Refusal),
    Defer { work: Work<Delivery>, module: usize },
}

/// Where [`Stack::dispatch`] or [`Stack::deliver`] begins or continues.
#[derive(Debug)]
pub(crate) struct Resume<D> {
    /// The number of the module that decides next.
    pub(crate) module: usize,
    /// How many requests were sent ahead of the operation, and how often it was deferred.
    pub(crate) extra_steps: usize,
    /// The decision of this module, if it was deferred.
    pub(crate) known: Option<D>,
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
    /// Creates a stack of `modules`. The first one is nearest to the client.
    pub fn new(modules: Vec<Box<dyn Module>>) -> Self {
        Self(modules)
    }

    /// The names of the modules. The first one is nearest to the client.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.iter().map(|module| module.name())
    }

    /// The name of the module with this number.
    pub(crate) fn name(&self, number: usize) -> &'static str {
        self.0.get(number).map_or("unknown", |module| module.name())
    }

    /// Passes a request to the modules with interest in its interface, from first to last.
    pub(crate) fn request(&self, operation: &mut Operation, session: &mut Session) -> RequestOutcome {
        debug_assert_eq!(
            operation.context().identity(),
            session.context().identity(),
            "hooks run as the caller"
        );
        for module in self.on(operation.interface()) {
            if let Err(refusal) = module.request_bytes(operation, session) {
                return RequestOutcome::Refused(refused(operation, module, refusal));
            }
        }
        for module in self.on(operation.interface()) {
            if let Err(refusal) = module.request(operation, session) {
                return RequestOutcome::Refused(refused(operation, module, refusal));
            }
        }
        match run::request(&self.0, operation, session) {
            Ok(BatchOutcome::Continue) => {
                let resume = Resume { module: 0, extra_steps: 0, known: None };
                self.dispatch(operation, session, resume)
            }
            Ok(BatchOutcome::RespondedLocally) => RequestOutcome::RespondedLocally,
            Err(refusal) => RequestOutcome::Refused(refusal),
        }
    }

    /// Whether a module reads property values and stream bytes of earlier operations
    /// ([`crate::module::Interests::content`]).
    pub(crate) fn reads_content(&self) -> bool {
        self.0.iter().any(|module| module.interests().content)
    }

    /// Calls `dispatch` of the modules from `resume.module` to the last.
    pub(crate) fn dispatch(
        &self,
        operation: &mut Operation,
        session: &mut Session,
        resume: Resume<Decision>,
    ) -> RequestOutcome {
        let Resume { module: from, extra_steps, mut known } = resume;
        for (number, module) in self.numbered_on(operation.interface(), from..self.0.len()) {
            let decision = known.take().unwrap_or_else(|| module.dispatch(operation, session));
            if let Some(outcome) = decided(operation, (number, module.name()), decision, extra_steps) {
                return outcome;
            }
        }
        RequestOutcome::Forward
    }

    /// Passes a response to the modules with interest in its interface, from last to first. `extra_steps` is that of
    /// [`Resume`].
    pub(crate) fn response(
        &self,
        operation: &mut Operation,
        session: &mut Session,
        extra_steps: usize,
    ) -> ResponseOutcome {
        debug_assert_eq!(
            operation.context().identity(),
            session.context().identity(),
            "hooks run as the caller"
        );
        for module in self.on(operation.interface()).rev() {
            if let Err(refusal) = module.response_bytes(operation, session) {
                return ResponseOutcome::Refused(refused(operation, module, refusal));
            }
        }
        match run::response(&self.0, operation, session) {
            Ok(()) => {
                let resume = Resume { module: self.0.len().saturating_sub(1), extra_steps, known: None };
                self.deliver(operation, session, resume)
            }
            Err(refusal) => ResponseOutcome::Refused(refusal),
        }
    }

    /// Calls `response` and `deliver` of the modules from `resume.module` to the first.
    pub(crate) fn deliver(
        &self,
        operation: &mut Operation,
        session: &mut Session,
        resume: Resume<Delivery>,
    ) -> ResponseOutcome {
        let Resume { module: from, extra_steps, mut known } = resume;
        for (number, module) in self.numbered_on(operation.interface(), 0..from.saturating_add(1)).rev() {
            let delivery = match known.take() {
                Some(delivery) => delivery,
                None => match module.response(operation, session) {
                    Ok(()) => module.deliver(operation, session),
                    Err(refusal) => Delivery::Refuse(refusal),
                },
            };
            match delivery {
                Delivery::Pass => {}
                Delivery::Refuse(refusal) => {
                    return ResponseOutcome::Refused(refused(operation, module, refusal));
                }
                Delivery::Defer(_) if extra_steps >= EXTRA_STEP_LIMIT => {
                    return ResponseOutcome::Refused(too_many_extra_steps(module.name()));
                }
                Delivery::Defer(work) => {
                    operation.note(module.name(), "deferred the response");
                    return ResponseOutcome::Defer { work, module: number };
                }
            }
        }
        ResponseOutcome::Passed
    }

    /// Passes a response of Autodiscover to the modules, from last to first. Returns the changed response, if a
    /// module changed it.
    pub(crate) fn autodiscover(
        &self,
        dialect: Dialect,
        response: &[u8],
        context: &SecurityContext,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let mut changed: Option<Vec<u8>> = None;
        for module in self.0.iter().rev() {
            let current = changed.as_deref().unwrap_or(response);
            let returned = catch_unwind(AssertUnwindSafe(|| module.autodiscover(dialect, current, context)));
            let returned = returned.map_err(|_| {
                let why = format!("the module {} panicked in autodiscover", module.name());
                Refusal::new(RefusalKind::Failed, why)
            })?;
            if let Some(other) = returned? {
                changed = Some(other);
            }
        }
        Ok(changed)
    }

    /// Calls `unbind` of the modules with interest in the session's interface, even if one of them panics.
    pub(crate) fn unbind(&self, session: &mut Session) {
        for module in self.on(session.interface()).rev() {
            let _ = catch_unwind(AssertUnwindSafe(|| module.unbind(session)));
        }
    }

    pub(crate) fn shutdown(&self) {
        self.0.iter().rev().for_each(|module| module.shutdown());
    }

    /// The modules with interest in `interface`.
    fn on(&self, interface: Interface) -> impl DoubleEndedIterator<Item = &dyn Module> {
        self.numbered_on(interface, 0..self.0.len()).map(|(_, module)| module)
    }

    /// As [`Stack::on`], with their numbers, which are in `range`.
    fn numbered_on(
        &self,
        interface: Interface,
        range: Range<usize>,
    ) -> impl DoubleEndedIterator<Item = (usize, &dyn Module)> {
        let modules = self.0.iter().map(AsRef::as_ref).enumerate();
        modules
            .filter(move |(number, module)| range.contains(number) && module.interests().includes(interface))
    }
}

/// The outcome of a module's decision. `None` if the next module decides.
fn decided(
    operation: &mut Operation,
    (module, name): (usize, &'static str),
    decision: Decision,
    extra_steps: usize,
) -> Option<RequestOutcome> {
    let wrong = |why| {
        let why = format!("the module {name} {why}");
        Some(RequestOutcome::Refused(Refusal::new(RefusalKind::Failed, why)))
    };
    match decision {
        Decision::Forward => {
            // The next module receives only the responses to requests that it sends ahead itself.
            operation.ahead.clear();
            None
        }
        Decision::Respond(response) if response.key() == operation.key() => {
            operation.response = Some(Message::from_body(operation.key(), *response));
            // The server does not execute the ROPs of the request.
            operation.rops = None;
            operation.note(name, "responded itself");
            Some(RequestOutcome::RespondedLocally)
        }
        Decision::Respond(_) => wrong("responded with the response to another operation"),
        Decision::Refuse(refusal) => {
            operation.note(name, "refused");
            Some(RequestOutcome::Refused(refusal))
        }
        Decision::Ahead(_) | Decision::Defer(_) if extra_steps >= EXTRA_STEP_LIMIT => {
            Some(RequestOutcome::Refused(too_many_extra_steps(name)))
        }
        Decision::Ahead(request) if request.may_precede(operation.key()) => {
            operation.note(name, "sent a request ahead");
            Some(RequestOutcome::Ahead { request, module })
        }
        Decision::Ahead(_) => wrong(
            "sent a request ahead that is for another service, or ahead of a request outside of a session's sequence",
        ),
        Decision::Defer(work) => {
            operation.note(name, "deferred");
            Some(RequestOutcome::Defer { work, module })
        }
    }
}

/// Notes that `module` refused the operation.
fn refused(operation: &mut Operation, module: &dyn Module, refusal: Refusal) -> Refusal {
    operation.note(module.name(), "refused");
    refusal
}

/// `name` is the module that would have taken one more step.
fn too_many_extra_steps(name: &str) -> Refusal {
    let why = format!(
        "the operation reached the limit of {EXTRA_STEP_LIMIT} requests ahead and deferrals, at the module {name}"
    );
    Refusal::new(RefusalKind::Failed, why)
}
