//! What a ROP acts on: its session, the object of its handle, and the logon of that object.

use std::sync::Arc;

use mapi::ErrorCode;
use mapi::rop::RopRequest;
use store::ObjectId;

use crate::backend::Backend;
use crate::refusal::Refusal;
use crate::session::logon::Logon;
use crate::session::message::{OpenAttachment, OpenMessage};
use crate::session::table::{Table, TableKind};
use crate::session::{MailboxSession, Object, Opened};

/// The ROP that is being executed, and what it acts on.
pub(super) struct Context<'a> {
    pub(super) session: &'a mut MailboxSession,
    pub(super) request: &'a RopRequest,
    /// The handle table of the batch.
    pub(super) handles: &'a [u32],
    /// The maximum size of the response, in bytes.
    pub(super) room: usize,
}

impl Context<'_> {
    pub(super) fn backend(&self) -> Arc<Backend> {
        Arc::clone(&self.session.backend)
    }

    /// The handle of the object on which the ROP acts.
    pub(super) fn handle(&self) -> Result<u32, Refusal> {
        let index = self.request.acted_on_index().map(usize::from);
        let handle = index.and_then(|index| self.handles.get(index)).copied();
        Ok(handle.ok_or(ErrorCode::EC_NULL_OBJECT)?)
    }

    /// The object on which the ROP acts.
    pub(super) fn opened(&self) -> Result<&Opened, Refusal> {
        Ok(self.session.objects.get(self.handle()?).ok_or(ErrorCode::EC_NULL_OBJECT)?)
    }

    /// The destination of the ROP.
    pub(super) fn destination(&self) -> Result<&Opened, Refusal> {
        let index = self.request.destination_index().map(usize::from);
        let handle = index.and_then(|index| self.handles.get(index));
        let destination = handle.and_then(|handle| self.session.objects.get(*handle));
        Ok(destination.ok_or(ErrorCode::EC_DST_NULL_OBJECT)?)
    }

    /// The folder that is the destination of the ROP, if it is in the mailbox of `logon`.
    pub(super) fn destination_folder(&self, logon: &Logon) -> Result<ObjectId, Refusal> {
        match self.destination()? {
            Opened { logon: other, object: Object::Folder(folder) }
                if other.mailbox.id == logon.mailbox.id =>
            {
                Ok(*folder)
            }
            _ => Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
        }
    }

    /// The logon, if the ROP acts on it.
    pub(super) fn on_logon(&self) -> Result<Arc<Logon>, Refusal> {
        match self.opened()? {
            Opened { logon, object: Object::Logon } => Ok(Arc::clone(logon)),
            _ => Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
        }
    }

    /// The logon, if the ROP acts on one to a private mailbox.
    pub(super) fn on_private_logon(&self) -> Result<Arc<Logon>, Refusal> {
        let logon = self.on_logon()?;
        if logon.is_public() { Err(ErrorCode::MAPI_E_NO_SUPPORT.into()) } else { Ok(logon) }
    }

    /// The folder on which the ROP acts.
    pub(super) fn folder(&self) -> Result<(Arc<Logon>, ObjectId), Refusal> {
        match self.opened()? {
            Opened { logon, object: Object::Folder(folder) } => Ok((Arc::clone(logon), *folder)),
            _ => Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
        }
    }

    /// The message on which the ROP acts, and its handle.
    pub(super) fn message(&mut self) -> Result<(u32, Arc<Logon>, &mut OpenMessage), Refusal> {
        let handle = self.handle()?;
        match self.session.objects.get_mut(handle).ok_or(ErrorCode::EC_NULL_OBJECT)? {
            Opened { logon, object: Object::Message(message) } => Ok((handle, Arc::clone(logon), message)),
            _ => Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
        }
    }

    /// The message on which the ROP acts, if the client may change it.
    pub(super) fn writable_message(&mut self) -> Result<&mut OpenMessage, Refusal> {
        let (_, _, message) = self.message()?;
        if message.is_writable { Ok(message) } else { Err(ErrorCode::MAPI_E_NO_ACCESS.into()) }
    }

    /// The attachment on which the ROP acts, and its handle.
    pub(super) fn attachment(&mut self) -> Result<(u32, Arc<Logon>, &mut OpenAttachment), Refusal> {
        let handle = self.handle()?;
        match self.session.objects.get_mut(handle).ok_or(ErrorCode::EC_NULL_OBJECT)? {
            Opened { logon, object: Object::Attachment(attachment) } => {
                Ok((handle, Arc::clone(logon), attachment))
            }
            _ => Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
        }
    }

    /// The logon of the object on which the ROP acts.
    pub(super) fn logon(&self) -> Result<Arc<Logon>, Refusal> {
        Ok(Arc::clone(&self.opened()?.logon))
    }

    /// The table on which the ROP acts, if it is one of `kinds`.
    pub(super) fn table_of(&mut self, kinds: &[TableKind]) -> Result<(Arc<Logon>, &mut Table), Refusal> {
        let (logon, table) = self.table()?;
        if kinds.contains(&table.source.kind()) {
            Ok((logon, table))
        } else {
            Err(ErrorCode::MAPI_E_NO_SUPPORT.into())
        }
    }

    /// The table on which the ROP acts.
    pub(super) fn table(&mut self) -> Result<(Arc<Logon>, &mut Table), Refusal> {
        let handle = self.handle()?;
        match self.session.objects.get_mut(handle).ok_or(ErrorCode::EC_NULL_OBJECT)? {
            Opened { logon, object: Object::Table(table) } => Ok((Arc::clone(logon), table)),
            _ => Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
        }
    }
}
