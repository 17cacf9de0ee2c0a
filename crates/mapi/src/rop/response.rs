use wire::{Encode, Reader, Result, Writer};

use super::{ResponseBody, RopId, RopRequest};
use crate::ErrorCode;
use crate::property::PropTag;
use crate::show::Show;

/// What has to be known to read a response, beyond its bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct ResponseContext<'a> {
    /// The request that is answered.
    pub request: Option<&'a RopRequest>,
    /// The columns of the table that rows are read from, or those of the message's recipients.
    pub columns: Option<&'a [PropTag]>,
}

/// What a response has behind its return value.
pub trait ResponseFields: Sized + Show {
    /// Whether a response with this return value has them. As a rule, one that succeeded.
    fn present(return_value: ErrorCode) -> bool {
        return_value == ErrorCode::SUCCESS
    }

    /// Reads them from where `r` stands.
    ///
    /// # Errors
    /// When the bytes are no such fields, and when `context` lacks what they depend on.
    fn read(r: &mut Reader<'_>, return_value: ErrorCode, context: ResponseContext<'_>) -> Result<Self>;

    /// Appends them to `w`.
    ///
    /// # Errors
    /// When a length does not fit.
    fn write(&self, w: &mut Writer) -> Result<()>;
}

/// The answer to one ROP.
#[derive(Debug, Clone, PartialEq)]
pub struct RopReply {
    /// The index that the request named: of the new object for ROPs that make one, otherwise of the object that
    /// the ROP acted on.
    pub handle_index: u8,
    /// Zero, or why the ROP failed.
    pub return_value: ErrorCode,
    /// What it answers.
    pub body: ResponseBody,
}

/// What stands in a response buffer ([MS-OXCROPS] 2.2.1).
#[derive(Debug, Clone, PartialEq)]
pub enum RopResponse {
    /// The answer to a ROP.
    Reply(RopReply),
}

impl RopResponse {
    /// Which ROP it is.
    pub const fn id(&self) -> RopId {
        match self {
            Self::Reply(reply) => reply.body.id(),
        }
    }

    /// Reads a response from where `r` stands.
    ///
    /// # Errors
    /// When the ROP is not known, its bytes are not its fields, or `context` lacks what they depend on.
    pub fn decode(r: &mut Reader<'_>, context: ResponseContext<'_>) -> Result<Self> {
        let id = RopId(r.u8("RopId")?);
        let handle_index = r.u8("InputHandleIndex")?;
        let return_value = ErrorCode(r.u32("ReturnValue")?);
        let body = ResponseBody::read(id, return_value, r, context)?;
        Ok(Self::Reply(RopReply { handle_index, return_value, body }))
    }
}

impl Encode for RopResponse {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        match self {
            Self::Reply(reply) => {
                w.u8(reply.body.id().0).u8(reply.handle_index).u32(reply.return_value.0);
                reply.body.write(w)
            }
        }
    }
}
