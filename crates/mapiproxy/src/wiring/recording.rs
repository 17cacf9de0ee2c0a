//! What `[capture]` in the configuration asks for: operations written to files by a thread of their own.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use capture::Timestamp;
use capture::record::{Files, Recorded, Recorder, Recording, Rotation};
use engine::{Discovery, Finished, HttpMessages, Observer, RefusedOperation, SecurityContext};

use crate::config::{Capture, CapturedSide};

/// The shortest time between two log lines about operations that were not recorded because writing is too slow.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// How long what is recorded may take to be written at the end.
const LAST_CALLS: Duration = Duration::from_secs(10);

/// The thread that writes operations down.
pub(crate) struct Writing {
    recorder: Arc<Recorder>,
    thread: JoinHandle<()>,
}

impl Writing {
    /// Waits until all that was recorded is written, once nothing more passes; not for ever, since a disk may
    /// hang.
    pub(crate) async fn finish(self) {
        let begin = now();
        let (mut told, in_time) = (false, || now().since(begin) < LAST_CALLS);
        while !self.thread.is_finished() && in_time() {
            told = told || self.recorder.end();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if !self.thread.is_finished() {
            tracing::error!(
                "capture: the last operations were not written within {} s",
                LAST_CALLS.as_secs()
            );
        }
    }
}

/// `observer`, and a recorder beside it where `config` asks for one.
///
/// # Errors
/// When the thread that writes can't be started.
pub(crate) fn observed(
    config: &Capture,
    observer: Arc<dyn Observer>,
) -> std::io::Result<(Arc<dyn Observer>, Option<Writing>)> {
    if config.packets.is_none() && config.har.is_none() {
        return Ok((observer, None));
    }
    let side = |side| config.sides.contains(&side);
    let recording = Recording {
        client_side: side(CapturedSide::Client),
        upstream_side: side(CapturedSide::Upstream),
        secrets: config.secrets,
    };
    let (recorder, calls) = Recorder::new(recording, now);
    let files = files(config);
    let watched = Arc::clone(&recorder);
    let thread = start(move || write(&calls, files, || watched.take_lost()))?;
    Ok((Arc::new(Both(observer, Arc::clone(&recorder))), Some(Writing { recorder, thread })))
}

/// The files that `config` names.
pub(crate) fn files(config: &Capture) -> Files {
    let rotation = Rotation {
        size: config.max_megabytes.saturating_mul(1_000_000),
        age: Duration::from_secs(config.max_hours.saturating_mul(3600)),
        keep: config.keep,
    };
    Files::new(config.packets.clone(), config.har.clone(), rotation)
}

#[allow(clippy::disallowed_methods, reason = "the thread writes; it acts for no user")]
fn start(work: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("capture".to_owned()).spawn(work)
}

fn now() -> Timestamp {
    net::clock::now().into()
}

/// Writes calls until there are no more. What can't be written is lost, and told of; the proxy goes on.
fn write(calls: &Receiver<Recorded>, mut files: Files, lost_in_queue: impl Fn() -> u64) {
    let (mut failed, mut told) = (0_u64, None::<Timestamp>);
    loop {
        let end = match calls.recv_timeout(TOLD_EVERY) {
            Ok(Recorded::Call(call)) => {
                written(files.call(&call), &mut failed);
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Ok(Recorded::End) | Err(RecvTimeoutError::Disconnected) => true,
        };
        let due = end || told.is_none_or(|told| now().since(told) >= TOLD_EVERY);
        let slow = if due { lost_in_queue() } else { 0 };
        if slow > 0 {
            tracing::warn!("capture: {slow} operations were not recorded because writing is too slow");
            told = Some(now());
        }
        if end && failed > 0 {
            tracing::error!("capture: {failed} operations are missing in the recording");
        }
        if end {
            return;
        }
    }
}

/// Tells the operator when calls can't be written any more, and when they can again. `failed` counts those
/// that are missing.
fn written(result: std::io::Result<()>, failed: &mut u64) {
    match result {
        Ok(()) if *failed == 0 => {}
        Ok(()) => {
            tracing::warn!("capture: written again; {failed} operations are missing in the recording");
            *failed = 0;
        }
        Err(error) => {
            if *failed == 0 {
                let advice = match error.kind() {
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                        "make room there, or name a file on another disk in [capture]"
                    }
                    ErrorKind::AlreadyExists => "what stands there is left as it is",
                    _ => "see to it that the folder is there and can be written by this user",
                };
                tracing::error!(
                    "capture: {error}; the proxy goes on, and operations are missing in the recording until it can \
                     be written: {advice}"
                );
            }
            *failed = failed.saturating_add(1);
        }
    }
}

/// Two who watch.
struct Both(Arc<dyn Observer>, Arc<Recorder>);

impl Observer for Both {
    fn authenticated(&self, context: &SecurityContext, peer: SocketAddr) {
        self.0.authenticated(context, peer);
        self.1.authenticated(context, peer);
    }

    fn client_refused(&self, peer: SocketAddr, why: &str) {
        self.0.client_refused(peer, why);
        self.1.client_refused(peer, why);
    }

    fn operation_refused(&self, call: &RefusedOperation<'_>) {
        self.0.operation_refused(call);
        self.1.operation_refused(call);
    }

    fn finished(&self, finished: &Finished, elapsed: Duration) {
        self.0.finished(finished, elapsed);
        self.1.finished(finished, elapsed);
    }

    fn finished_by_http(&self, finished: &Finished, elapsed: Duration, exchange: &dyn HttpMessages) {
        self.0.finished_by_http(finished, elapsed, exchange);
        self.1.finished_by_http(finished, elapsed, exchange);
    }

    fn autodiscover_finished(&self, discovery: &Discovery<'_>) {
        self.0.autodiscover_finished(discovery);
        self.1.autodiscover_finished(discovery);
    }
}
