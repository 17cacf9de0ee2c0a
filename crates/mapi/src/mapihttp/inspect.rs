//! Conversion of the fields and responses of MAPI over HTTP to nodes.

use super::auxiliary::AuxiliaryBuffer;
use super::field::{Maybe, SizedBytes, String8};
use super::operation_response::{ErrorOnly, Failure, OperationResponse};
use crate::ErrorCode;
use crate::inspect::field::{InspectField, bytes};
use crate::inspect::{Inspect, Node, string8};

impl<T: InspectField> InspectField for Maybe<T> {
    fn field_node(&self) -> Node {
        self.get().map_or(Node::Nothing, InspectField::field_node)
    }
}

impl InspectField for SizedBytes {
    fn field_node(&self) -> Node {
        bytes(&self.0)
    }
}

impl InspectField for AuxiliaryBuffer {
    fn field_node(&self) -> Node {
        bytes(self.as_slice())
    }
}

impl InspectField for String8 {
    fn field_node(&self) -> Node {
        string8(&self.0)
    }
}

impl<T: Inspect> Inspect for OperationResponse<T> {
    fn to_node(&self) -> Node {
        match self {
            Self::Complete(body) => body.to_node(),
            Self::ErrorOnly(ErrorOnly { error_code, aux }) => failed("ErrorCode", *error_code, aux),
            Self::Failure(Failure { status_code, aux }) => failed("StatusCode", *status_code, aux),
        }
    }
}

fn failed(name: &'static str, code: ErrorCode, aux: &AuxiliaryBuffer) -> Node {
    Node::Fields(vec![(name.into(), code.to_node()), ("AuxiliaryBuffer".into(), aux.field_node())])
}
