//! What stands in the registry for a request or a response that has no fields of its own.

use wire::{Reader, Result, Writer};

use super::context::ResponseContext;
use super::format::Rop;
use super::response_fields::{ResponseFields, plain_response};
use super::rop_id::RopId;
use crate::ErrorCode;
use crate::field::Field;
use crate::inspect::{Inspect, Node};

/// Nothing: what a ROP has that has no fields of its own here.
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

/// What answers a ROP that is not answered: nothing can be that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {}

impl Inspect for Unanswered {
    fn to_node(&self) -> Node {
        match *self {}
    }
}

impl ResponseFields for Unanswered {
    fn present(_return_value: ErrorCode) -> bool {
        true
    }

    fn read(r: &mut Reader<'_>, _return_value: ErrorCode, _context: ResponseContext<'_>) -> Result<Self> {
        Err(r.invalid("RopId", u64::from(RopId::RopRelease.0), "a ROP that is answered"))
    }

    fn write(&self, _w: &mut Writer) -> Result<()> {
        match *self {}
    }
}
