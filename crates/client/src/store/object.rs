//! An object of the server that a session has open.

use std::sync::Arc;

use mapi::emsmdb::NO_OBJECT;
use mapi::rop::{OutputHandleIndex, RequestBody, ResponseBody};

use super::batch::{Batch, Replies, Slot};
use super::session::Session;
use crate::error::{Error, Failure};

/// An object of the server. Once it is dropped, the next request of the session releases it.
#[derive(Debug)]
pub(crate) struct Object {
    session: Arc<Session>,
    handle: u32,
    name: Box<str>,
}

impl Drop for Object {
    fn drop(&mut self) {
        if self.handle != NO_OBJECT {
            self.session.release(self.handle);
        }
    }
}

impl Object {
    /// No object, on which a ROP that opens one without another acts: `RopLogon`.
    pub(crate) fn none(session: Arc<Session>, name: &str) -> Self {
        Self { session, handle: NO_OBJECT, name: name.into() }
    }

    /// Adds this object to a batch, whose ROPs act on it.
    pub(crate) fn add_to(&self, batch: &mut Batch) -> Slot {
        batch.slot(self.handle)
    }

    /// The session.
    pub(crate) const fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The name of the object in errors.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The object that a batch opened at `slot`. It must be taken before the replies are checked, so that it is
    /// released if another ROP of the batch failed.
    pub(crate) fn opened(&self, replies: &Replies, slot: Slot, name: &str) -> Option<Self> {
        let handle = replies.handle(slot)?;
        Some(Self { session: Arc::clone(&self.session), handle, name: name.into() })
    }

    /// `error` with this object's name, unless it names another.
    pub(crate) fn on(&self, mut error: Error) -> Error {
        if error.object.is_empty() {
            error.object.clone_from(&self.name);
        }
        error
    }

    /// Executes a batch.
    pub(crate) async fn run(&self, batch: Batch) -> Result<Replies, Error> {
        self.session.run(batch).await.map_err(|error| self.on(error))
    }

    /// Executes one ROP on this object.
    pub(crate) async fn call(&self, body: RequestBody) -> Result<ResponseBody, Error> {
        let mut batch = Batch::default();
        let slot = self.add_to(&mut batch);
        batch.push(slot, body);
        self.run(batch).await?.next().map_err(|error| self.on(error))
    }

    /// Executes one ROP on this object that opens another with this name.
    pub(crate) async fn open(
        &self,
        name: &str,
        body: impl FnOnce(OutputHandleIndex) -> RequestBody,
    ) -> Result<(Self, ResponseBody), Error> {
        let mut batch = Batch::default();
        let slot = self.add_to(&mut batch);
        let opened = batch.opened();
        let body = body(OutputHandleIndex(opened));
        let rop = body.id().name().unwrap_or("ROP");
        batch.push(slot, body);
        let mut replies = self.run(batch).await?;
        let object = self.opened(&replies, opened, name);
        let body = replies.next().map_err(|error| Error { object: name.into(), ..error })?;
        let object = object.ok_or_else(|| self.on(Error::new(rop, Failure::Missing("object handle"))))?;
        Ok((object, body))
    }
}
