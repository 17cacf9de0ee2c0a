//! A session with the store: sends batches of ROPs one after the other, and matches the replies.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use mapi::notification::NotificationData;
use mapi::property::PropTag;
use mapi::rop::{Columns, Empty, RequestBody, ResponseMatcher, RopReply, RopRequest, RopResponse};
use tokio::task::JoinSet;
use wire::{Encode as _, Reader, Writer};

use super::batch::{Batch, Replies};
use super::road::{Dialect, StoreRoad, Waiter};
use crate::error::{Error, Failure};

/// The most objects that are released in one request.
const MAX_RELEASES: usize = 100;

/// The most notifications that are kept until they are taken; further ones are dropped, which the next one marks.
pub(crate) const MAX_EVENTS: usize = 10_000;

/// The operation that carries ROPs, in errors that are not of a single ROP.
const EXECUTE: &str = "emsmdb.Execute";

/// A session with the store. It executes one request at a time.
#[derive(Debug)]
pub(crate) struct Session {
    state: tokio::sync::Mutex<State>,
    /// The handles of objects that were dropped, which the next request releases.
    released: Mutex<Vec<u32>>,
    waiting: tokio::sync::Mutex<Waiting>,
    dialect: Dialect,
}

#[derive(Debug)]
struct State {
    road: StoreRoad,
    columns: KnownColumns,
    events: Events,
}

/// The columns of the tables, and of the recipients of the messages, that the session has open.
#[derive(Debug, Default)]
struct KnownColumns(BTreeMap<u32, Arc<[PropTag]>>);

impl Columns for KnownColumns {
    fn columns(&self, handle: u32) -> Option<&Arc<[PropTag]>> {
        self.0.get(&handle)
    }
}

/// Notifications that were received and not yet taken.
#[derive(Debug, Default)]
struct Events {
    waiting: VecDeque<NotificationData>,
    /// The number of notifications that were dropped after the last one in `waiting`.
    dropped: u64,
}

/// How far the server executed a batch.
enum Progress {
    Complete,
    /// The replies to the requests from this one on did not fit.
    Stopped(usize),
}

impl Session {
    pub(crate) fn new(road: StoreRoad) -> Self {
        let dialect = road.dialect();
        let state = State { road, columns: KnownColumns::default(), events: Events::default() };
        Self {
            state: tokio::sync::Mutex::new(state),
            released: Mutex::default(),
            waiting: tokio::sync::Mutex::default(),
            dialect,
        }
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Releases an object with the next request.
    pub(super) fn release(&self, handle: u32) {
        self.released.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
    }

    /// Executes the ROPs of `batch`, after releasing objects that were dropped. If the replies do not fit in one
    /// response, the remaining ROPs are sent in further requests.
    ///
    /// The requests are sent by a task, and also completed if this future is dropped: a request that was interrupted
    /// would leave the session out of sequence.
    ///
    /// # Errors
    /// If the request fails. That a ROP failed is in its reply.
    pub(crate) async fn run(self: &Arc<Self>, batch: Batch) -> Result<Replies, Error> {
        let session = Arc::clone(self);
        let done = net::spawn_system(async move { session.execute(batch).await }).await;
        done.unwrap_or_else(|_| Err(ended(EXECUTE)))
    }

    async fn execute(&self, mut batch: Batch) -> Result<Replies, Error> {
        let mut state = self.state.lock().await;
        let known = batch.handles.len();
        let mut requests = self.releases(&mut batch);
        requests.append(&mut batch.rops);
        let mut handles = batch.handles;
        let mut replies: Vec<Option<RopReply>> = Vec::new();
        replies.resize_with(requests.len(), || None);
        let mut done = 0;
        loop {
            let rest = requests.get(done..).unwrap_or_default();
            let progress =
                state.execute(rest, &mut handles, replies.get_mut(done..).unwrap_or_default()).await?;
            match progress {
                Progress::Complete => break,
                Progress::Stopped(0) => return Err(Error::new(EXECUTE, Failure::TooLong)),
                Progress::Stopped(executed) => done += executed,
            }
        }
        handles.truncate(known);
        let named = requests.iter().zip(replies).filter(|(request, _)| request.has_reply());
        let named = named.map(|(request, reply)| (request.id().name().unwrap_or("ROP"), reply));
        Ok(Replies { replies: named.collect(), handles })
    }

    /// Requests that release objects that were dropped, with their places in the handle table of `batch`.
    fn releases(&self, batch: &mut Batch) -> Vec<RopRequest> {
        let mut released = self.released.lock().unwrap_or_else(PoisonError::into_inner);
        let count = released.len().min(MAX_RELEASES);
        let release = |handle| RopRequest {
            logon_id: 0,
            handle_index: batch.slot(handle),
            body: RequestBody::RopRelease(Empty),
        };
        released.drain(..count).map(release).collect()
    }

    /// Waits for the next notification; returns it with the number of notifications that were dropped before it, since
    /// they were not taken in time.
    ///
    /// # Errors
    /// If a request fails.
    pub(crate) async fn next_event(self: &Arc<Self>) -> Result<(NotificationData, u64), Error> {
        let mut waiting = self.waiting.lock().await;
        loop {
            if let Some(event) = self.take_event().await {
                return Ok(event);
            }
            if waiting.call.is_empty() {
                let mut waiter = match waiting.idle.take() {
                    Some(waiter) => waiter,
                    None => self.state.lock().await.road.waiter().await?,
                };
                waiting.call.spawn(async move {
                    let ended = waiter.wait().await;
                    (waiter, ended)
                });
            }
            let Some(Ok((waiter, ended))) = waiting.call.join_next().await else {
                return Err(ended("waiting for notifications"));
            };
            waiting.idle = Some(waiter);
            if ended? {
                self.run(Batch::default()).await?;
            }
        }
    }

    async fn take_event(&self) -> Option<(NotificationData, u64)> {
        let events = &mut self.state.lock().await.events;
        let event = events.waiting.pop_front()?;
        let dropped = if events.waiting.is_empty() { std::mem::take(&mut events.dropped) } else { 0 };
        Some((event, dropped))
    }

    /// Ends the session.
    pub(crate) async fn disconnect(&self) -> Result<(), Error> {
        self.state.lock().await.road.disconnect().await
    }
}

/// The error of an operation whose task did not complete, as when the runtime is shut down.
fn ended(operation: &'static str) -> Error {
    Error::new(operation, Failure::Unreachable("the task of the operation was ended".to_owned()))
}

/// The wait for notifications. Its call is in a task, since the caller can stop waiting at any time, and a server
/// refuses a second call while the first is in progress.
#[derive(Debug, Default)]
struct Waiting {
    idle: Option<Waiter>,
    call: JoinSet<(Waiter, Result<bool, Error>)>,
}

impl State {
    /// Sends one request, and sorts its replies into `replies`. `handles` becomes the handle table of the response.
    async fn execute(
        &mut self,
        requests: &[RopRequest],
        handles: &mut Vec<u32>,
        replies: &mut [Option<RopReply>],
    ) -> Result<Progress, Error> {
        let mut w = Writer::new();
        let encoded = requests.iter().try_for_each(|request| request.encode(&mut w));
        encoded.map_err(|error| Error::new(EXECUTE, Failure::Request(error)))?;
        let response = self.road.execute(&RopBuffer::new(w.into_vec(), handles.clone())).await?;
        let mut matcher = ResponseMatcher::new(requests, handles, &self.columns);
        let mut r = Reader::sharing(&response.rops);
        let (mut progress, mut events) = (Progress::Complete, Vec::new());
        while !r.is_empty() {
            let matched = matcher.next(&mut r);
            let matched = matched.map_err(|error| Error::new(EXECUTE, Failure::MalformedResponse(error)))?;
            match matched.response {
                RopResponse::Reply(reply) => {
                    if let Some(place) = matched.request.and_then(|request| replies.get_mut(request)) {
                        *place = Some(reply);
                    }
                }
                RopResponse::Notify(notify) => events.push(notify.notification_data),
                RopResponse::Pending(_) => {}
                RopResponse::Backoff(backoff) => {
                    let wait = Duration::from_millis(u64::from(backoff.duration));
                    return Err(Error::new(EXECUTE, Failure::Busy(wait)));
                }
                RopResponse::BufferTooSmall(_) => {
                    let next = matcher.without_reply().next();
                    let at = next.and_then(|next| requests.iter().position(|each| std::ptr::eq(each, next)));
                    progress = Progress::Stopped(at.unwrap_or_default());
                    break;
                }
            }
        }
        let changed = matcher.finish(&response.handles);
        self.columns.change(changed);
        self.events.add(events);
        let length = handles.len();
        *handles = response.handles;
        handles.resize(length, NO_OBJECT);
        Ok(progress)
    }
}

impl KnownColumns {
    fn change(&mut self, changed: Vec<(u32, Option<Arc<[PropTag]>>)>) {
        for (handle, columns) in changed {
            match columns {
                Some(columns) => drop(self.0.insert(handle, columns)),
                None => drop(self.0.remove(&handle)),
            }
        }
    }
}

impl Events {
    fn add(&mut self, events: Vec<NotificationData>) {
        for event in events {
            if self.waiting.len() < MAX_EVENTS {
                self.waiting.push_back(event);
            } else {
                self.dropped = self.dropped.saturating_add(1);
            }
        }
    }
}
