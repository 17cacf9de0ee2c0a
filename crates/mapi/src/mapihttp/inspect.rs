//! The fields and answers of MAPI over HTTP as nodes.

use super::answer::{Answer, Bare, Failure};
use super::auxiliary::AuxiliaryBuffer;
use super::field::{Maybe, SizedBytes, String8};
use crate::ErrorCode;
use crate::inspect::part::{InspectPart, bytes};
use crate::inspect::{Inspect, Node, string8};

impl<T: InspectPart> InspectPart for Maybe<T> {
    fn part_node(&self) -> Node {
        self.get().map_or(Node::Nothing, InspectPart::part_node)
    }
}

impl InspectPart for SizedBytes {
    fn part_node(&self) -> Node {
        bytes(&self.0)
    }
}

impl InspectPart for AuxiliaryBuffer {
    fn part_node(&self) -> Node {
        bytes(self.as_slice())
    }
}

impl InspectPart for String8 {
    fn part_node(&self) -> Node {
        string8(&self.0)
    }
}

impl<T: Inspect> Inspect for Answer<T> {
    fn to_node(&self) -> Node {
        match self {
            Self::Complete(body) => body.to_node(),
            Self::Bare(Bare { error_code, aux }) => failed("ErrorCode", *error_code, aux),
            Self::Failure(Failure { status_code, aux }) => failed("StatusCode", *status_code, aux),
        }
    }
}

fn failed(name: &'static str, code: ErrorCode, aux: &AuxiliaryBuffer) -> Node {
    Node::Fields(vec![(name.into(), code.to_node()), ("AuxiliaryBuffer".into(), aux.part_node())])
}
