//! Requests of ROPs.

use wire::{Encode, Reader, Result, Writer};

use super::body::RequestBody;
use super::context::{ExpectedReply, RequestContext};
use super::rop_id::RopId;
use crate::field::HandleRole;
use crate::inspect::{Inspect, Node};
use crate::property::PropTag;

/// Provides the logons of a session.
pub trait Logons {
    /// Whether the logon `logon_id` is to a private mailbox (`true`) or to the public folders (`false`), if known.
    fn is_private(&self, logon_id: u8) -> Option<bool>;
}

/// Provides no logons.
impl Logons for () {
    fn is_private(&self, _logon_id: u8) -> Option<bool> {
        None
    }
}

/// The request of a ROP ([MS-OXCROPS] 2.2.1): three bytes that all requests have, and the fields of the ROP.
#[derive(Debug, Clone, PartialEq)]
pub struct RopRequest {
    /// The logon of the ROP.
    pub logon_id: u8,
    /// The index in the server object handle table of the object on which the ROP acts (`InputHandleIndex`,
    /// `SourceHandleIndex`). For `RopLogon`, the index at which the handle of the new logon is stored
    /// (`OutputHandleIndex`). For ROPs with an `InputHandleIndex` among their fields, the handle index of the reply
    /// (`ResponseHandleIndex`).
    pub handle_index: u8,
    /// The fields of the ROP.
    pub body: RequestBody,
}

impl RopRequest {
    /// The ROP of the request.
    pub const fn id(&self) -> RopId {
        self.body.id()
    }

    /// Decodes the next ROP.
    ///
    /// # Errors
    /// Fails if the ROP is unknown, the bytes are not its fields, or the fields depend on a logon that `logons` does
    /// not contain.
    pub fn decode(r: &mut Reader<'_>, logons: &dyn Logons) -> Result<Self> {
        let id = RopId(r.u8("RopId")?);
        let logon_id = r.u8("LogonId")?;
        let handle_index = r.u8("InputHandleIndex")?;
        let context = RequestContext { private: logons.is_private(logon_id) };
        Ok(Self { logon_id, handle_index, body: RequestBody::read(id, r, context)? })
    }

    /// Whether the index of the object on which the ROP acts is among its fields, and not `handle_index`.
    fn has_own_input(&self) -> bool {
        self.body.index_with_role(HandleRole::Input).is_some()
    }

    /// Calls `visit` with each handle index of the ROP and its role.
    pub fn handle_indexes(&mut self, visit: &mut dyn FnMut(HandleRole, &mut u8)) {
        let role = match self.id() {
            RopId::RopLogon => HandleRole::Output,
            _ if self.has_own_input() => HandleRole::Response,
            _ => HandleRole::Input,
        };
        visit(role, &mut self.handle_index);
        self.body.handle_index(visit);
    }

    /// The index at which the handle of a new object is stored, for ROPs that open or create one.
    pub fn output_handle_index(&self) -> Option<u8> {
        match &self.body {
            RequestBody::RopLogon(_) => Some(self.handle_index),
            body => body.index_with_role(HandleRole::Output),
        }
    }

    /// The index of the object on which the ROP acts; `None` for `RopLogon`.
    pub fn acted_on_index(&self) -> Option<u8> {
        match self.id() {
            RopId::RopLogon => None,
            _ => self.body.index_with_role(HandleRole::Input).or(Some(self.handle_index)),
        }
    }

    /// Whether the ROP has a reply: all except `RopRelease`.
    pub fn has_reply(&self) -> bool {
        self.id() != RopId::RopRelease
    }

    /// The index of the destination object, for ROPs that have one (`DestHandleIndex`).
    pub fn destination_index(&self) -> Option<u8> {
        self.body.index_with_role(HandleRole::Destination)
    }

    /// The `RopId` of the reply.
    pub const fn reply_id(&self) -> RopId {
        self.id().reply_id()
    }

    /// Whether the reply may have this `RopId`.
    pub fn may_have_reply_id(&self, id: RopId) -> bool {
        self.id().may_have_reply_id(id)
    }

    /// The handle index of the reply.
    pub fn reply_handle_index(&self) -> u8 {
        self.output_handle_index().unwrap_or(self.handle_index)
    }

    /// The beginning of the reply.
    pub fn expected_reply(&self) -> ExpectedReply {
        ExpectedReply { request: self.id(), handle_index: self.reply_handle_index() }
    }

    /// The requested properties, if the reply does not contain their tags.
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
