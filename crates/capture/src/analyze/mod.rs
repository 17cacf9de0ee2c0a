//! Analyzes calls: determines the operation, the ROPs and the session of each one.

mod autodiscover;
mod bodies;
mod followed_batch;
pub(crate) mod handles;
mod infer_interface;
mod mapper;
mod normalize;
mod objects;
mod operation;
mod rops;
mod sessions;
mod transfer;

use mapi::Interface;
use mapi::inspect::Node;

use crate::call::{Call, CallBody};

use self::infer_interface::InferredInterfaces;
pub use self::operation::{Operation, Rop};
use self::sessions::Sessions;

/// Analyzes calls, one after the other. Keeps the state of each session on which the decoding of later calls depends.
#[derive(Debug, Default)]
pub struct Analyzer {
    sessions: Sessions,
    interfaces: InferredInterfaces,
}

impl Analyzer {
    /// Analyzes a call.
    pub fn operation(&mut self, call: &Call) -> Operation {
        let mut operation = Operation {
            time: call.time,
            elapsed: call.elapsed,
            session: 0,
            user: call.user.clone(),
            side: call.side.clone(),
            client: call.client,
            server: call.server,
            envelope: call.envelope(),
            endpoint: String::new(),
            operation: String::new(),
            request_size: 0,
            response_size: None,
            status: None,
            response_code: None,
            fault: None,
            return_value: None,
            request: Node::Nothing,
            response: Node::Nothing,
            rops: Vec::new(),
            problems: Vec::new(),
        };
        match &call.body {
            CallBody::Rpc(rpc) => {
                let interface = match rpc.interface {
                    Some(syntax) => Interface::by_uuid(syntax.uuid),
                    None => self.interfaces.interface(call.connection, rpc),
                };
                bodies::rpc(&mut operation, &mut self.sessions, call.connection, (rpc, interface));
            }
            CallBody::Http(http) if http.is_mapi() => {
                bodies::mapi_http(&mut operation, &mut self.sessions, call.connection, http);
            }
            CallBody::Http(http) => {
                autodiscover::http(&mut operation, &mut self.sessions, call.connection, http);
            }
        }
        self.normalize(&mut operation);
        operation
    }

    fn normalize(&mut self, operation: &mut Operation) {
        let objects = self.sessions.objects(operation.session);
        if let Some(code_page) = normalize::code_page(&operation.request) {
            objects.code_page = Some(code_page);
        }
        let terms =
            normalize::Terms { names: &objects.names, code_page: objects.code_page, within_property: false };
        let normalize = |shown: &mut Node| {
            *shown = normalize::normalize(std::mem::replace(shown, Node::Nothing), &terms);
        };
        normalize(&mut operation.request);
        normalize(&mut operation.response);
        for rop in &mut operation.rops {
            rop.request.iter_mut().for_each(normalize);
            rop.response.iter_mut().for_each(normalize);
        }
    }
}

#[cfg(test)]
mod tests;
