//! A download: a synchronization, or the copy of objects, that a client reads as a stream.

use std::collections::VecDeque;

use mapi::ErrorCode;
use store::View;
use wire::Guid;

use super::content::Reading;
use super::contents::{Contents, Plan};
use super::copied;
use super::element::{Encoding, Filter};
use super::hierarchy::Hierarchy;
use super::state::{StateUpload, SyncState, insert};
use super::step::{LargeValue, Step};
use crate::refusal::Refusal;
use crate::session::logon::{Logon, OWNER, READ_ANY};

/// Elements of at most this size are in one buffer, unless the buffer is smaller than clients may request
/// ([MS-OXCFXICS] 3.3.5.7.1).
const WHOLE_MAX: usize = 15_480;
/// A longer element is divided only if this many bytes of it fit: its tag, its name and its length do.
const FIRST_PART: usize = 1024;

/// What is downloaded.
#[derive(Debug)]
pub(crate) enum Scope {
    /// Changes of messages.
    Contents(Box<Contents>),
    /// Changes of folders.
    Hierarchy(Hierarchy),
    /// Only what the steps have.
    Steps,
}

/// A download.
#[derive(Debug)]
pub(crate) struct Download {
    scope: Scope,
    encoding: Encoding,
    filter: Filter,
    /// What the client has: what it sent, with what was sent to it so far.
    state: SyncState,
    upload: StateUpload,
    steps: VecDeque<Step>,
    /// The bytes in memory of the steps' payloads.
    held: usize,
    /// What the client has at the end. `None` until the download begins.
    end: Option<SyncState>,
    pub(crate) done: usize,
    pub(crate) total: usize,
    failed: Option<ErrorCode>,
}

impl Download {
    pub(crate) fn new(scope: Scope, encoding: Encoding, filter: Filter) -> Self {
        Self {
            scope,
            encoding,
            filter,
            state: SyncState::default(),
            upload: StateUpload::default(),
            steps: VecDeque::new(),
            held: 0,
            end: None,
            done: 0,
            total: 0,
            failed: None,
        }
    }

    /// A download that consists of `steps`.
    pub(crate) fn of_steps(steps: Vec<Step>, encoding: Encoding, filter: Filter) -> Self {
        Self {
            total: steps.len(),
            held: steps.iter().map(Step::payload).sum(),
            steps: steps.into(),
            end: Some(SyncState::default()),
            ..Self::new(Scope::Steps, encoding, filter)
        }
    }

    /// The bytes in memory, about.
    pub(crate) fn size(&self) -> usize {
        let states = self.state.size().saturating_add(self.end.as_ref().map_or(0, SyncState::size));
        let steps = self.steps.len().saturating_mul(size_of::<Step>()).saturating_add(self.held);
        steps.saturating_add(states).saturating_add(self.upload.size())
    }

    /// The state that the client sends; only before the download begins.
    pub(crate) fn upload(&mut self) -> Result<(&mut StateUpload, &mut SyncState), ErrorCode> {
        match (&self.scope, &self.end) {
            (Scope::Steps, _) => Err(ErrorCode::MAPI_E_NO_SUPPORT),
            (_, Some(_)) => Err(ErrorCode::MAPI_E_CALL_FAILED),
            (_, None) => Ok((&mut self.upload, &mut self.state)),
        }
    }

    /// What the client has so far, as a stream ([MS-OXCFXICS] 3.2.5.9.3.1).
    pub(crate) fn checkpoint(&self, replica: Guid) -> Result<Vec<u8>, Refusal> {
        match self.scope {
            Scope::Steps => Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
            Scope::Contents(_) => Ok(self.state.element(replica, true)?),
            Scope::Hierarchy(_) => Ok(self.state.element(replica, false)?),
        }
    }

    /// Ends the download with an error, which further requests receive as well.
    pub(crate) fn fail(&mut self, code: ErrorCode) {
        (self.steps, self.held) = (VecDeque::new(), 0);
        self.failed = Some(code);
    }

    /// The next bytes of the stream, at most `limit`, and whether these are the last.
    ///
    /// # Errors
    /// `ecBufferTooSmall` if the next element does not fit into `limit` bytes; then nothing is lost. After other errors
    /// the download cannot continue.
    pub(crate) fn read(
        &mut self,
        view: &View<'_>,
        logon: &Logon,
        limit: usize,
    ) -> Result<(Vec<u8>, bool), Refusal> {
        if let Some(code) = self.failed {
            return Err(code.into());
        }
        self.begin(view, logon)?;
        let mut bytes = Vec::new();
        loop {
            let room = limit.saturating_sub(bytes.len());
            match self.pop() {
                None => return Ok((bytes, true)),
                Some(Step::Bytes(element)) if element.len() <= room => bytes.extend(element),
                Some(Step::Bytes(mut element)) => {
                    if element.len() > WHOLE_MAX && room >= FIRST_PART {
                        let rest = element.split_off(room);
                        bytes.extend(element);
                        element = rest;
                    }
                    self.push(Step::Bytes(element));
                    break;
                }
                Some(Step::Large(value)) if room < 2 && value.sent < value.length => {
                    self.push(Step::Large(value));
                    break;
                }
                Some(Step::Large(mut value)) => {
                    bytes.extend(part(view, &mut value, room)?);
                    if value.sent < value.length {
                        self.push(Step::Large(value));
                    }
                }
                Some(Step::Sent { id, change, associated }) => {
                    insert(&mut self.state.given, id);
                    let seen = if associated { &mut self.state.seen_fai } else { &mut self.state.seen };
                    insert(seen, change);
                    self.done = self.done.saturating_add(1);
                }
                Some(step) => {
                    if matches!(
                        (&step, &self.scope),
                        (Step::Message { .. } | Step::Folder { .. }, Scope::Steps)
                    ) {
                        self.done = self.done.saturating_add(1).min(self.total);
                    }
                    for step in self.expand(view, logon, step)?.into_iter().rev() {
                        self.push(step);
                    }
                }
            }
        }
        if bytes.is_empty() { Err(ErrorCode::EC_BUFFER_TOO_SMALL.into()) } else { Ok((bytes, false)) }
    }

    fn pop(&mut self) -> Option<Step> {
        let step = self.steps.pop_front()?;
        self.held = self.held.saturating_sub(step.payload());
        Some(step)
    }

    /// Sends `step` next.
    fn push(&mut self, step: Step) {
        self.held = self.held.saturating_add(step.payload());
        self.steps.push_front(step);
    }

    /// Determines what is sent, when the first bytes are requested. A folder whose messages the user may not read is
    /// not downloaded further.
    fn begin(&mut self, view: &View<'_>, logon: &Logon) -> Result<(), Refusal> {
        if let Scope::Contents(contents) = &self.scope {
            logon.require(view, contents.folder, READ_ANY | OWNER)?;
        }
        if self.end.is_some() {
            return Ok(());
        }
        let Plan { steps, state, total } = match &self.scope {
            Scope::Contents(contents) => contents.plan(view, logon, &self.state)?,
            Scope::Hierarchy(hierarchy) => hierarchy.plan(view, logon, &self.state)?,
            Scope::Steps => return Ok(()),
        };
        self.held = steps.iter().map(Step::payload).sum();
        (self.steps, self.end, self.total) = (steps.into(), Some(state), total);
        Ok(())
    }

    /// The stream was sent to its end.
    pub(crate) fn finish(&mut self) {
        if let (Some(end), false) = (&self.end, matches!(self.scope, Scope::Steps)) {
            self.state = end.clone();
        }
        self.done = self.total;
    }

    fn expand(&self, view: &View<'_>, logon: &Logon, step: Step) -> Result<Vec<Step>, Refusal> {
        let (mailbox, encoding, filter) = (logon.mailbox.id, self.encoding, &self.filter);
        let reading = Reading { view, mailbox, encoding, filter };
        Ok(match (step, &self.scope) {
            (Step::Content(content), _) => reading.content(content)?,
            (Step::Message { id, with_ids }, _) => copied::message(&reading, logon, id, with_ids)?,
            (Step::Folder { id, is_top, is_deep }, _) => {
                copied::folder(&reading, logon, id, (is_top, is_deep))?
            }
            (Step::MessageChange(id), Scope::Contents(contents)) => match view.message(mailbox, id) {
                Ok(message) if message.folder == contents.folder && !message.deleted => {
                    contents.change(logon, &message)?
                }
                // It was deleted since the download began: the next one reports that.
                Ok(_) | Err(store::Error::NotFound(_)) => Vec::new(),
                Err(error) => return Err(error.into()),
            },
            (Step::FolderChange(id), Scope::Hierarchy(hierarchy)) => hierarchy.change(&reading, logon, id)?,
            _ => Vec::new(),
        })
    }
}

/// The next bytes of a large value, at most `room`, and of a text whole characters.
///
/// # Errors
/// If the value was changed since its length was announced.
fn part(view: &View<'_>, value: &mut LargeValue, room: usize) -> Result<Vec<u8>, Refusal> {
    let room = u64::try_from(room & !1).unwrap_or(u64::MAX);
    let count = room.min(value.length.saturating_sub(value.sent));
    let found = view.value_part(value.content, value.source, value.tag, (value.sent, count))?;
    let (part, length) = found.ok_or(ErrorCode::MAPI_E_OBJECT_CHANGED)?;
    if length != value.length || u64::try_from(part.len()) != Ok(count) {
        return Err(ErrorCode::MAPI_E_OBJECT_CHANGED.into());
    }
    value.sent = value.sent.saturating_add(count);
    Ok(part)
}
