//! ROP requests, and the context that decoding one needs.

use wire::{Encode, Reader, Result, Writer};

use super::body::RequestBody;
use super::context::{ExpectedAnswer, RequestContext};
use super::rop_id::RopId;
use crate::field::HandleRole;
use crate::inspect::{Inspect, Node};
use crate::property::PropTag;

/// Knows the logons of a session.
pub trait Logons {
    /// Whether the logon `logon_id` is one to a private mailbox, not to the public folders.
    fn is_private(&self, logon_id: u8) -> Option<bool>;
}

/// Knows none.
impl Logons for () {
    fn is_private(&self, _logon_id: u8) -> Option<bool> {
        None
    }
}

/// A ROP as a client sends it ([MS-OXCROPS] 2.2.1): three bytes that all have, and its own fields.
#[derive(Debug, Clone, PartialEq)]
pub struct RopRequest {
    /// The logon that the ROP belongs to.
    pub logon_id: u8,
    /// Where in the server object handle table the object is that the ROP acts on (`InputHandleIndex`,
    /// `SourceHandleIndex`). For `RopLogon`, where the new logon's handle goes (`OutputHandleIndex`). For
    /// ROPs that have an `InputHandleIndex` of their own, the index that the answer names
    /// (`ResponseHandleIndex`).
    pub handle_index: u8,
    /// What it asks.
    pub body: RequestBody,
}

impl RopRequest {
    /// Which ROP it is.
    pub const fn id(&self) -> RopId {
        self.body.id()
    }

    /// Reads a ROP from where `r` stands.
    ///
    /// # Errors
    /// When the ROP is not known, its bytes are not its fields, or `logons` does not know what they depend on.
    pub fn decode(r: &mut Reader<'_>, logons: &dyn Logons) -> Result<Self> {
        let id = RopId(r.u8("RopId")?);
        let logon_id = r.u8("LogonId")?;
        let handle_index = r.u8("InputHandleIndex")?;
        let context = RequestContext { private: logons.is_private(logon_id) };
        Ok(Self { logon_id, handle_index, body: RequestBody::read(id, r, context)? })
    }

    /// Whether `handle_index` is not that of the object that the ROP acts on, since its fields have that.
    fn has_own_input(&self) -> bool {
        self.body.own_index(HandleRole::Input).is_some()
    }

    /// Calls `visit` with every handle index that the ROP has, and what it is for.
    pub fn handle_indexes(&mut self, visit: &mut dyn FnMut(HandleRole, &mut u8)) {
        let role = match self.id() {
            RopId::RopLogon => HandleRole::Output,
            _ if self.has_own_input() => HandleRole::Response,
            _ => HandleRole::Input,
        };
        visit(role, &mut self.handle_index);
        self.body.handle_index(visit);
    }

    /// The index of the place where the handle of a new object goes, for ROPs that make one.
    pub fn output_handle_index(&self) -> Option<u8> {
        match &self.body {
            RequestBody::RopLogon(_) => Some(self.handle_index),
            body => body.own_index(HandleRole::Output),
        }
    }

    /// The index of the object that the ROP acts on. `RopLogon` acts on none.
    pub fn acted_on_index(&self) -> Option<u8> {
        match self.id() {
            RopId::RopLogon => None,
            _ => self.body.own_index(HandleRole::Input).or(Some(self.handle_index)),
        }
    }

    /// Whether a server answers it: all but `RopRelease`.
    pub fn is_answered(&self) -> bool {
        self.id() != RopId::RopRelease
    }

    /// The index of the second object that the ROP acts on, for ROPs that have one (`DestHandleIndex`).
    pub fn destination_index(&self) -> Option<u8> {
        self.body.own_index(HandleRole::Destination)
    }

    /// The `RopId` of the answer.
    pub const fn answered_id(&self) -> RopId {
        self.id().answered()
    }

    /// Whether an answer with this `RopId` may be the answer.
    pub fn may_be_answered_as(&self, id: RopId) -> bool {
        self.id().may_be_answered_as(id)
    }

    /// The index that the answer names.
    pub fn answered_index(&self) -> u8 {
        self.output_handle_index().unwrap_or(self.handle_index)
    }

    /// How its answer begins.
    pub fn expected_answer(&self) -> ExpectedAnswer {
        ExpectedAnswer { request: self.id(), handle_index: self.answered_index() }
    }

    /// The properties that it asks for, where its answer does not name them again.
    pub fn requested_properties(&self) -> Option<&[PropTag]> {
        match &self.body {
            RequestBody::RopGetPropertiesSpecific(request) => Some(&request.property_tags.0),
            _ => None,
        }
    }
}

impl Encode for RopRequest {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u8(self.id().0).u8(self.logon_id).u8(self.handle_index);
        self.body.write(w)
    }
}

impl Inspect for RopRequest {
    fn to_node(&self) -> Node {
        let index = match self.id() {
            RopId::RopLogon => "OutputHandleIndex",
            _ if self.has_own_input() => "ResponseHandleIndex",
            _ => "InputHandleIndex",
        };
        let mut fields = vec![
            ("RopId".into(), self.id().to_node()),
            ("LogonId".into(), self.logon_id.to_node()),
            (index.into(), self.handle_index.to_node()),
        ];
        match self.body.to_node() {
            Node::Fields(body) => fields.extend(body),
            other => fields.push(("Body".into(), other)),
        }
        Node::Fields(fields)
    }
}
