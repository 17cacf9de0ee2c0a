//! The module interface: hooks, decisions and deliveries.

use identity::SecurityContext;
use mapi::Interface;
use mapi::autodiscover::Dialect;
use options::{OptionError, OptionSpec, Options};

use crate::ahead::AheadRequest;
use crate::body::Response;
use crate::deferred::Work;
use crate::operation::Operation;
use crate::refusal::Refusal;
use crate::rops::view::{RopDecision, RopResponseView, RopView};
use crate::session::Session;

/// A module's decision about a request.
#[derive(Debug)]
#[non_exhaustive]
pub enum Decision {
    /// Continue with the next module, and after the last one send the request to the upstream.
    Forward,
    /// Do not call the upstream; this is the response, which passes back through all modules. It has to be a response
    /// to the same operation in the same envelope.
    ///
    /// A module cannot open a session, since every context handle refers to a session of the upstream. If the
    /// response has a context handle, it must be that of the request, or null as in a failure. With null the session
    /// ends, and the proxy ends the upstream's session.
    Respond(Box<Response>),
    /// Send the client a fault, or an `X-ResponseCode` over HTTP.
    Refuse(Refusal),
    /// Send this request to the upstream first, under the caller's context and in the caller's session. Then
    /// `dispatch` of the same module is called again, with the response in [`Operation::ahead`].
    Ahead(Box<AheadRequest>),
    /// Execute this work first, outside of the hook; its result is the module's decision. Meanwhile a later RPC call
    /// of the session waits. Over HTTP the client receives `PENDING`, and a later request of the session's sequence
    /// is refused.
    Defer(Work<Decision>),
}

/// A module's decision about a response.
#[derive(Debug)]
#[non_exhaustive]
pub enum Delivery {
    /// Continue with the module before this one, and after the first one send the response to the client.
    Pass,
    /// Send the client a fault, or an `X-ResponseCode` over HTTP.
    Refuse(Refusal),
    /// Execute this work first, as with [`Decision::Defer`].
    Defer(Work<Delivery>),
}

/// The operations and the state that a module reads. The engine reads them for each operation; they must not change
/// after [`Module::init`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interests {
    /// The interfaces whose operations the hooks are called for. Default: all.
    pub interfaces: &'static [Interface],
    /// Whether [`Module::rop_request`] and [`Module::rop_response`] are called. Default: `false`. ROPs are decoded in
    /// any case.
    pub rops: bool,
    /// Whether the module reads property values and stream bytes of earlier operations
    /// ([`Properties`](crate::objects::Properties), [`Content`](crate::objects::Content)), or streams of
    /// FastTransfer ([`TransferPart`](crate::objects::TransferPart)). Default: `false`. The engine keeps them only
    /// if a module of the stack reads them.
    pub content: bool,
}

impl Default for Interests {
    fn default() -> Self {
        Self { interfaces: &Interface::ALL, rops: false, content: false }
    }
}

impl Interests {
    /// Whether the hooks are called for operations of `interface`.
    pub(crate) fn includes(&self, interface: Interface) -> bool {
        self.interfaces.contains(&interface)
    }

    /// Whether the hooks for single ROPs are called for operations of `interface`.
    pub(crate) fn include_rops(&self, interface: Interface) -> bool {
        self.rops && self.includes(interface)
    }
}

/// Code that inspects or changes operations in hooks.
///
/// Hooks are synchronous and must return quickly. Those with a session run under its security context, `autodiscover`
/// under that of the caller. A module keeps the state of a session in the session ([`Session::module_state`]). State
/// that spans several sessions must be keyed by the identity of the security context.
pub trait Module: Send + Sync {
    /// The name of the module in the configuration.
    fn name(&self) -> &'static str;

    /// A sentence on what the module does, for the documentation of the configuration.
    fn description(&self) -> &'static str;

    /// The operations and the state that the module reads.
    fn interests(&self) -> Interests {
        Interests::default()
    }

    /// The options of the module, as [`module_options!`](crate::module_options) declares them.
    fn options(&self) -> &'static [OptionSpec] {
        &[]
    }

    /// Called once at start, under the `System` security context.
    ///
    /// # Errors
    /// If the value of an option cannot be used.
    fn init(&mut self, options: &Options, proxy: &ProxyInfo) -> Result<(), OptionError> {
        let _ = (options, proxy);
        Ok(())
    }

    /// Called for a request, before it is decoded.
    ///
    /// # Errors
    /// If the module refuses the operation.
    fn request_bytes(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        let _ = (operation, session);
        Ok(())
    }

    /// Called for a request, after `request_bytes` of all modules. The request is decoded on access and may be changed.
    ///
    /// # Errors
    /// If the module refuses the operation.
    fn request(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        let _ = (operation, session);
        Ok(())
    }

    /// Called last, after the hooks for single ROPs: decides about the request.
    fn dispatch(&self, operation: &mut Operation, session: &mut Session) -> Decision {
        let _ = (operation, session);
        Decision::Forward
    }

    /// Called for a response, before it is decoded.
    ///
    /// # Errors
    /// If the module refuses the response.
    fn response_bytes(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        let _ = (operation, session);
        Ok(())
    }

    /// Called for a response, after all responses to ROPs. The response is decoded on access and may be changed.
    ///
    /// # Errors
    /// If the module refuses the response.
    fn response(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        let _ = (operation, session);
        Ok(())
    }

    /// Called directly after [`Module::response`] of the same module: decides about the response. Here a response can
    /// be deferred, such as for the scan of an attachment that it contains.
    fn deliver(&self, operation: &mut Operation, session: &mut Session) -> Delivery {
        let _ = (operation, session);
        Delivery::Pass
    }

    /// Called for each ROP of a request, after `request` of all modules: decides about the ROP. A ROP cannot be
    /// deferred: the module notes it in its state of the session, and defers the operation in [`Module::dispatch`].
    fn rop_request(&self, rop: &mut RopView<'_>, session: &mut Session) -> RopDecision {
        let _ = (rop, session);
        RopDecision::Forward
    }

    /// Called for the response to each ROP, before [`Module::response`]. The response may be changed.
    fn rop_response(&self, rop: &mut RopResponseView<'_>, session: &mut Session) {
        let _ = (rop, session);
    }

    /// Called for a response of Autodiscover to the caller with `context`, without a session. Returns another
    /// response to replace it, or `None`.
    ///
    /// # Errors
    /// If the module refuses the response.
    fn autodiscover(
        &self,
        dialect: Dialect,
        response: &[u8],
        context: &SecurityContext,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let _ = (dialect, response, context);
        Ok(None)
    }

    /// Called once for each session with an interface that the module is interested in, when it ends for any reason.
    fn unbind(&self, session: &mut Session) {
        let _ = session;
    }

    /// Called once when the proxy stops, under the `System` security context.
    fn shutdown(&self) {}
}

/// Properties of the proxy, for [`Module::init`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyInfo {
    /// The host name of the proxy, as configured.
    pub name: String,
    /// The host name of the upstream, as configured.
    pub upstream: String,
    /// The origin of the proxy's URLs, such as `https://proxy.lab.test`.
    pub origin: String,
    /// The authentication schemes for HTTP as Autodiscover names them (`ntlm`, `negotiate`, `basic`), the preferred one
    /// first. Empty if the server authenticates clients.
    pub auth_schemes: Vec<String>,
}
