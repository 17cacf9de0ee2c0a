//! The module interface: hooks, decisions and deliveries.

use identity::SecurityContext;
use mapi::Interface;
use mapi::autodiscover::Dialect;

use crate::ahead::AheadRequest;
use crate::body::Response;
use crate::deferred::Work;
use crate::operation::Operation;
use crate::options::{OptionError, OptionSpec, Options};
use crate::refusal::Refusal;
use crate::rops::view::{RopDecision, RopResponseView, RopView};
use crate::session::Session;

/// What becomes of a request, in the opinion of one module.
#[derive(Debug)]
#[non_exhaustive]
pub enum Decision {
    /// It goes on to the next module, and after the last to the upstream.
    Relay,
    /// It is not relayed: this is the answer, which goes back through the stack like any other.
    ///
    /// Behind a context handle stands a session of the upstream's, so that a module can't open one by itself:
    /// where the answer has room for a handle it is that of the request or none, as in a failure. With none,
    /// the session is over; the upstream keeps its own until the client's last connection ends.
    Respond(Box<Response>),
    /// The client gets a fault.
    Refuse(Refusal),
    /// The upstream is asked this first, as the caller and on the caller's session. Then `dispatch` of the same
    /// module is called again, with the answer in [`Operation::ahead`].
    Ahead(Box<AheadRequest>),
    /// It is decided when this is done: what takes time is not done in a hook. What comes of it is a decision
    /// of the same module's. Meanwhile the session's later operations wait, and the client gets keep-alive chunks
    /// where the protocol has them (`PENDING` of MAPI over HTTP).
    Defer(Work<Decision>),
}

/// What becomes of an answer, in the opinion of one module.
#[derive(Debug)]
#[non_exhaustive]
pub enum Delivery {
    /// It goes on to the next module, and after the first to the client.
    Pass,
    /// The client gets a fault.
    Refuse(Refusal),
    /// It is decided when this is done, as [`Decision::Defer`].
    Defer(Work<Delivery>),
}

/// What of the traffic a module reads; asked for each operation, and constant once the module is initialized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interests {
    /// The interfaces whose operations it sees: all, unless it says otherwise.
    pub interfaces: &'static [Interface],
    /// Whether it reads single ROPs: then [`Module::rop_request`] and [`Module::rop_response`] are called.
    pub rops: bool,
    /// Whether it reads property values and stream bytes of earlier operations
    /// ([`Properties`](crate::objects::Properties), [`Content`](crate::objects::Content)), or streams of
    /// `FastTransfer` ([`TransferPart`](crate::objects::TransferPart)): they are kept and followed only where a
    /// module does.
    pub content: bool,
}

impl Default for Interests {
    fn default() -> Self {
        Self { interfaces: &Interface::ALL, rops: false, content: false }
    }
}

impl Interests {
    /// Whether operations of `interface` are among them.
    pub(crate) fn includes(&self, interface: Interface) -> bool {
        self.interfaces.contains(&interface)
    }

    /// Whether single ROPs in operations of `interface` are among them.
    pub(crate) fn include_rops(&self, interface: Interface) -> bool {
        self.rops && self.includes(interface)
    }
}

/// A named unit that sees operations through hooks.
///
/// Hooks are plain, synchronous and quick; each runs under the security context of the session it is given.
/// A module keeps what it knows of a session in the session's slot ([`Session::slot`]). What it keeps in itself
/// for longer than a session or across several is kept for an identity, under that identity.
pub trait Module: Send + Sync {
    /// The name by which a configuration puts it on the stack.
    fn name(&self) -> &'static str;

    /// What it does, in a sentence.
    fn description(&self) -> &'static str;

    /// What the module wants to see. ROPs are always decoded, to track objects; property values and stream bytes are kept
    /// only if a module sets [`Interests::content`].
    fn interests(&self) -> Interests {
        Interests::default()
    }

    /// The options that it takes.
    fn options(&self) -> &'static [OptionSpec] {
        &[]
    }

    /// Once, at load, under the system's context.
    ///
    /// # Errors
    /// When an option's value can't be used.
    fn init(&mut self, options: &Options, proxy: &ProxyInfo) -> Result<(), OptionError> {
        let _ = (options, proxy);
        Ok(())
    }

    /// A request's bytes, before they are decoded.
    ///
    /// # Errors
    /// When the operation must not pass.
    fn request_bytes(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        let _ = (operation, session);
        Ok(())
    }

    /// A request, decoded on demand; may change it.
    ///
    /// # Errors
    /// When the operation must not pass.
    fn request(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        let _ = (operation, session);
        Ok(())
    }

    /// Last before the relay: decides what becomes of the request.
    fn dispatch(&self, operation: &mut Operation, session: &mut Session) -> Decision {
        let _ = (operation, session);
        Decision::Relay
    }

    /// A response's bytes, before they are decoded.
    ///
    /// # Errors
    /// When the answer must not pass.
    fn response_bytes(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        let _ = (operation, session);
        Ok(())
    }

    /// A response, decoded on demand; may change it.
    ///
    /// # Errors
    /// When the answer must not pass.
    fn response(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        let _ = (operation, session);
        Ok(())
    }

    /// What becomes of a response, right after [`Module::response`] of the same module: here an answer can
    /// wait for what takes time, such as the scan of an attachment that is read.
    fn deliver(&self, operation: &mut Operation, session: &mut Session) -> Delivery {
        let _ = (operation, session);
        Delivery::Pass
    }

    /// A single ROP of a request, after `request`; says what becomes of it. What takes time is noted here, in
    /// the session's slot, and deferred by [`Module::dispatch`], which is called when all ROPs were seen.
    fn rop_request(&self, rop: &mut RopView<'_>, session: &mut Session) -> RopDecision {
        let _ = (rop, session);
        RopDecision::Relay
    }

    /// The answer to a single ROP, before `response`; may change it.
    fn rop_response(&self, rop: &mut RopResponseView<'_>, session: &mut Session) {
        let _ = (rop, session);
    }

    /// An answer of Autodiscover to `context`, in `dialect`; may give another in its place. There is no session
    /// yet: this is how clients learn where to open one.
    ///
    /// # Errors
    /// When the answer must not pass.
    fn autodiscover(
        &self,
        dialect: Dialect,
        answer: &[u8],
        context: &SecurityContext,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let _ = (dialect, answer, context);
        Ok(None)
    }

    /// The session ends, however it ends. Called once a session.
    fn unbind(&self, session: &mut Session) {
        let _ = session;
    }

    /// Once, after the last session's `unbind`, under the system's context.
    fn shutdown(&self) {}
}

/// What every module may know of the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyInfo {
    /// The host name by which clients know us, as configured.
    pub name: String,
    /// The host name of the upstream, as configured.
    pub upstream: String,
    /// What URLs of ours begin with, as `https://proxy.lab.test`.
    pub origin: String,
    /// By what clients may sign in over HTTP, as Autodiscover names it (`ntlm`, `negotiate`, `basic`), the best first;
    /// empty where that is for the server to say.
    pub sign_in: Vec<String>,
}
