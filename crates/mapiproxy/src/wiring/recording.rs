//! Recording of operations to the files of `[capture]`, by a separate thread.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use capture::Timestamp;
use capture::record::{Files, Recorded, Recorder, Recording, Rotation};
use engine::{Discovery, Finished, HttpMessages, Observer, RefusedOperation, SecurityContext};

use super::losses::{Losses, REPORT_INTERVAL, Report};
use crate::config::{Capture, CapturedSide};

/// The time limit for writing queued operations at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

/// The thread that writes operations.
pub(crate) struct Writing {
    recorder: Arc<Recorder>,
    thread: JoinHandle<()>,
}

impl Writing {
    /// Waits until all recorded operations are written, at most for [`FLUSH_TIMEOUT`], since a disk may hang.
    pub(crate) async fn finish(self) {
        let begin = now();
        self.recorder.end();
        while !self.thread.is_finished() && now().since(begin) < FLUSH_TIMEOUT {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if !self.thread.is_finished() {
            tracing::error!(
                "capture: the last operations were not written within {} s",
                FLUSH_TIMEOUT.as_secs()
            );
        }
    }
}

/// Adds a recorder to `observer` if `config` names a file.
///
/// # Errors
/// If the thread that writes cannot be started.
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
    let counter = Arc::clone(&recorder);
    let thread = start(move || write(&calls, files, || counter.take_lost()))?;
    Ok((Arc::new(FanoutObserver(observer, Arc::clone(&recorder))), Some(Writing { recorder, thread })))
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
    net::clock::now().wall.into()
}

/// Writes operations until the last one. Operations that cannot be written are lost and logged. `dropped` returns for
/// how many operations the queue had no room since the last call.
fn write(calls: &Receiver<Recorded>, mut files: Files, dropped: impl Fn() -> u64) {
    let mut losses = Losses::default();
    loop {
        let end = match calls.recv_timeout(REPORT_INTERVAL) {
            Ok(Recorded::Call(queued)) => {
                let result = files.call(queued.call());
                if let Some(report) = losses.written(&result, dropped()) {
                    log(&report, result.as_ref().err());
                }
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Ok(Recorded::End) | Err(RecvTimeoutError::Disconnected) => true,
        };
        if let Some(report) = losses.due(now(), end) {
            log(&report, None);
        }
        if end {
            let failed = losses.failed();
            if failed > 0 {
                tracing::error!("capture: {failed} operations were not recorded before the proxy stopped");
            }
            return;
        }
    }
}

fn log(report: &Report, error: Option<&std::io::Error>) {
    match (report, error) {
        (Report::TooSlow(count), _) => {
            tracing::warn!("capture: {count} operations were not recorded because writing is too slow");
        }
        (Report::Resumed(count), _) => {
            tracing::warn!("capture: recording resumed; {count} operations were not recorded");
        }
        (Report::Failing, Some(error)) => {
            let advice = advice(error);
            tracing::error!("capture: {error}; operations are not recorded until this is fixed{advice}");
        }
        (Report::Failing, None) => {}
    }
}

/// What to do about `error`, after a colon, unless the error itself states it.
fn advice(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            ": make room on the disk, or name a file on another disk in [capture]"
        }
        // Why an existing file is not replaced.
        ErrorKind::AlreadyExists => "",
        _ => ": check that the directory exists and that this user can write to it",
    }
}

/// Notifies two observers.
struct FanoutObserver(Arc<dyn Observer>, Arc<Recorder>);

impl Observer for FanoutObserver {
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

    fn finished_over_http(&self, finished: &Finished, elapsed: Duration, exchange: &dyn HttpMessages) {
        self.0.finished_over_http(finished, elapsed, exchange);
        self.1.finished_over_http(finished, elapsed, exchange);
    }

    fn autodiscover_finished(&self, discovery: &Discovery<'_>) {
        self.0.autodiscover_finished(discovery);
        self.1.autodiscover_finished(discovery);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_states_what_to_do_gets_no_further_advice() {
        let path = std::env::temp_dir().join(format!("mapiproxy-{}-letter.pcapng", std::process::id()));
        std::fs::write(&path, b"a letter").unwrap();
        let check = |path: &std::path::Path| {
            let rotation = Rotation { size: 1, age: Duration::from_secs(1), keep: 1 };
            Files::new(Some(path.to_owned()), None, rotation).check_paths().unwrap_err()
        };
        let error = check(&path);
        std::fs::remove_file(&path).unwrap();
        assert!(error.to_string().ends_with(": move it away, or name another file"), "{error}");
        assert_eq!(advice(&error), "");
        assert!(advice(&ErrorKind::StorageFull.into()).contains("make room"));
        assert!(advice(&ErrorKind::PermissionDenied.into()).contains("can write to it"));
    }
}
