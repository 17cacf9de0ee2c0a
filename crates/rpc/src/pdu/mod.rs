//! Protocol data units of the connection-oriented protocol (C706 12.6, [MS-RPCE] 2.2.2).
//!
//! A [`Pdu`] is one whole PDU: the common [`Header`], the [`Body`], whose form the type determines, and the
//! authentication verifier that may follow. Both data representations are read; only little-endian is
//! written.

mod auth;
mod bind;
mod call;
mod codes;
mod header;
mod syntax;

use wire::{Decode, DecodeWith, Encode, Error, Reader, Result, Writer};

pub use self::auth::{AuthVerifier, SecTrailer};
pub use self::bind::{Bind, BindAck, BindNak, ContextResult, PresentationContext};
pub use self::call::{Fault, REQUEST_HEADER_SIZE, Request, Response};
pub use self::codes::{
    AuthLevel, AuthType, ContextResultCode, FaultStatus, PduType, PfcFlags, ProviderReason, RejectReason,
};
pub use self::header::{DataRepresentation, HEADER_SIZE, Header, SEC_TRAILER_SIZE};
pub use self::syntax::{BindTimeFeatures, SyntaxId};

/// A protocol data unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdu<'a> {
    /// The common header. Its `ptype`, `frag_length` and `auth_length`, and of its flags `OBJECT_UUID`, are
    /// derived from the rest when the PDU is written.
    pub header: Header,
    /// The part whose form the type determines.
    pub body: Body<'a>,
    /// The verifier at the end; absent when `auth_length` is zero.
    pub auth: Option<AuthVerifier<'a>>,
}

/// What follows the common header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// Opens an association (C706 12.6.4.3).
    Bind(Bind),
    /// Accepts a bind (C706 12.6.4.4).
    BindAck(BindAck),
    /// Rejects a bind (C706 12.6.4.5, [MS-RPCE] 2.2.2.9).
    BindNak(BindNak<'a>),
    /// Adds contexts to an association, or continues a handshake (C706 12.6.4.1).
    AlterContext(Bind),
    /// Responds to an `alter_context` (C706 12.6.4.2).
    AlterContextResp(BindAck),
    /// The last leg of a handshake, which has no response ([MS-RPCE] 2.2.2.10). The four bytes are padding.
    Auth3([u8; 4]),
    /// A fragment of a call (C706 12.6.4.9).
    Request(Request<'a>),
    /// A fragment of a response (C706 12.6.4.10).
    Response(Response<'a>),
    /// A failed call (C706 12.6.4.7, [MS-RPCE] 2.2.2.8).
    Fault(Fault<'a>),
    /// The server requests the client to close the connection (C706 12.6.4.11).
    Shutdown,
    /// The client cancels a call (C706 12.6.4.6).
    CoCancel,
    /// The client orphans a call (C706 12.6.4.8).
    Orphaned,
}

impl Body<'_> {
    /// The type of the PDU that has this body.
    pub const fn ptype(&self) -> PduType {
        match self {
            Self::Bind(_) => PduType::BIND,
            Self::BindAck(_) => PduType::BIND_ACK,
            Self::BindNak(_) => PduType::BIND_NAK,
            Self::AlterContext(_) => PduType::ALTER_CONTEXT,
            Self::AlterContextResp(_) => PduType::ALTER_CONTEXT_RESP,
            Self::Auth3(_) => PduType::AUTH3,
            Self::Request(_) => PduType::REQUEST,
            Self::Response(_) => PduType::RESPONSE,
            Self::Fault(_) => PduType::FAULT,
            Self::Shutdown => PduType::SHUTDOWN,
            Self::CoCancel => PduType::CO_CANCEL,
            Self::Orphaned => PduType::ORPHANED,
        }
    }
}

impl<'a> Pdu<'a> {
    /// A PDU of one fragment for `call_id`, without a verifier.
    pub const fn new(call_id: u32, body: Body<'a>) -> Self {
        let flags = PfcFlags::FIRST_FRAG.with(PfcFlags::LAST_FRAG);
        Self { header: Header::new(body.ptype(), flags, call_id), body, auth: None }
    }

    /// The same with more flags.
    #[must_use]
    pub const fn with_flags(mut self, flags: PfcFlags) -> Self {
        self.header.flags = self.header.flags.with(flags);
        self
    }

    /// The same with a verifier.
    #[must_use]
    pub fn with_auth(mut self, auth: Option<AuthVerifier<'a>>) -> Self {
        self.auth = auth;
        self
    }

    fn encode_body(&self, w: &mut Writer) -> Result<()> {
        match &self.body {
            Body::Bind(bind) | Body::AlterContext(bind) => bind.encode(w),
            Body::BindAck(ack) | Body::AlterContextResp(ack) => ack.encode(w),
            Body::BindNak(nak) => nak.encode(w),
            Body::Auth3(pad) => {
                w.bytes(pad);
                Ok(())
            }
            Body::Request(request) => request.encode(w),
            Body::Response(response) => response.encode(w),
            Body::Fault(fault) => fault.encode(w),
            Body::Shutdown | Body::CoCancel | Body::Orphaned => Ok(()),
        }
    }

    /// Appends the PDU to `out`.
    ///
    /// # Errors
    /// If a value does not fit its field, for example because the PDU is longer than 65,535 bytes.
    pub fn append_to(&self, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(&self.to_bytes()?);
        Ok(())
    }
}

impl Encode for Pdu<'_> {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        // Alignment within a PDU counts from its own start.
        let mut pdu = Writer::with_capacity(256);
        let mut header = Header { ptype: self.body.ptype(), auth_length: 0, ..self.header };
        header.drep = header.drep.as_little();
        header.flags = match &self.body {
            Body::Request(request) if request.object.is_some() => header.flags.with(PfcFlags::OBJECT_UUID),
            _ => header.flags.without(PfcFlags::OBJECT_UUID),
        };
        pdu.zeros(HEADER_SIZE);
        self.encode_body(&mut pdu)?;
        if let Some(auth) = &self.auth {
            if auth.token.is_empty() && !matches!(self.body, Body::AlterContextResp(_)) {
                return Err(pdu.invalid("auth_length", 0, "a token of at least one byte"));
            }
            auth.encode(&mut pdu)?;
            header.auth_length = fit16(auth.token.len(), "auth_length")?;
        }
        header.frag_length = fit16(pdu.len(), "frag_length")?;
        let head = header.to_bytes()?;
        if let Some(place) = pdu.as_mut_slice().get_mut(..HEADER_SIZE) {
            place.copy_from_slice(&head);
        }
        w.bytes(pdu.as_slice());
        Ok(())
    }
}

fn fit16(length: usize, field: &'static str) -> Result<u16> {
    let kind = || wire::ErrorKind::TooLong {
        length: u64::try_from(length).unwrap_or(u64::MAX),
        limit: u64::from(u16::MAX),
    };
    u16::try_from(length).map_err(|_| Error::new(kind(), field, 0))
}

impl<'a> Decode<'a> for Pdu<'a> {
    /// Reads one PDU of `frag_length` bytes. Bytes between the end of a bind's or an acknowledgement's
    /// fields and the padding of its verifier are skipped.
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let header = Header::from_start(r.peek())?;
        let pdu = r.bytes(usize::from(header.frag_length), "frag_length")?;
        let (end, auth) = AuthVerifier::find(&header, pdu)?;
        let mut body = Reader::with_endian(pdu.get(..end).unwrap_or_default(), header.drep.endian()?);
        body.bytes(HEADER_SIZE, "header")?;
        let body = decode_body(&header, &mut body)?;
        Ok(Self { header, body, auth })
    }
}

fn decode_body<'a>(header: &Header, r: &mut Reader<'a>) -> Result<Body<'a>> {
    Ok(match header.ptype {
        PduType::BIND => Body::Bind(Bind::decode(r)?),
        PduType::BIND_ACK => Body::BindAck(BindAck::decode(r)?),
        PduType::BIND_NAK => Body::BindNak(BindNak::decode(r)?),
        PduType::ALTER_CONTEXT => Body::AlterContext(Bind::decode(r)?),
        PduType::ALTER_CONTEXT_RESP => Body::AlterContextResp(BindAck::decode(r)?),
        // Some clients leave the padding out: it means nothing.
        PduType::AUTH3 => Body::Auth3(r.array("pad").unwrap_or_default()),
        PduType::REQUEST => Body::Request(Request::decode_with(r, header.flags)?),
        PduType::RESPONSE => Body::Response(Response::decode(r)?),
        PduType::FAULT => Body::Fault(Fault::decode(r)?),
        PduType::SHUTDOWN => Body::Shutdown,
        PduType::CO_CANCEL => Body::CoCancel,
        PduType::ORPHANED => Body::Orphaned,
        other => {
            let found = u64::from(other.0);
            return Err(Error::invalid("PTYPE", 2, found, "a connection-oriented type").within("header"));
        }
    })
}

#[cfg(test)]
mod tests;
