//! Types for requests and responses without fields, in the registry.

use wire::{Reader, Result, Writer};

use super::context::ResponseContext;
use super::format::Rop;
use super::response_fields::{ResponseFields, plain_response};
use super::rop_id::RopId;
use crate::ErrorCode;
use crate::field::Field;
use crate::inspect::{Inspect, Node};

/// No fields: the body of requests and responses that have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Empty;

impl Inspect for Empty {
    fn to_node(&self) -> Node {
        Node::Fields(Vec::new())
    }
}

impl Field<Rop> for Empty {
    fn read(_r: &mut Reader<'_>, _field: &'static str) -> Result<Self> {
        Ok(Self)
    }

    fn write(&self, _w: &mut Writer, _field: &'static str) -> Result<()> {
        Ok(())
    }
}

plain_response!(Empty as "ROP");

/// The response to a ROP that has no response; it has no values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoReply {}

impl Inspect for NoReply {
    fn to_node(&self) -> Node {
        match *self {}
    }
}

impl ResponseFields for NoReply {
    fn present(_return_value: ErrorCode) -> bool {
        true
    }

    fn read(r: &mut Reader<'_>, _return_value: ErrorCode, _context: ResponseContext<'_>) -> Result<Self> {
        Err(r.invalid("RopId", u64::from(RopId::RopRelease.0), "a ROP that has a response"))
    }

    fn write(&self, _w: &mut Writer) -> Result<()> {
        match *self {}
    }
}
