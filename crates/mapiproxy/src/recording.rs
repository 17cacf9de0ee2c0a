//! What `[capture]` in the configuration asks for: operations written to files by a thread of their own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use capture::record::{Files, Recorder, Recording, Rotation};
use capture::{Call, Timestamp};
use engine::{Flight, Next, Observer, SecurityContext, TurnedAway};

use crate::config::{Capture, CapturedSide};

/// How often the operator is told of what could not be recorded, at most.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// `observer`, and a recorder beside it where `config` asks for one.
///
/// # Errors
/// When the thread that writes can't be started.
pub(crate) fn observed(config: &Capture, observer: Arc<dyn Observer>) -> std::io::Result<Arc<dyn Observer>> {
    if config.packets.is_none() && config.har.is_none() {
        return Ok(observer);
    }
    let side = |side| config.sides.contains(&side);
    let recording = Recording {
        client_side: side(CapturedSide::Client),
        upstream_side: side(CapturedSide::Upstream),
        secrets: config.secrets,
    };
    let rotation = Rotation {
        size: config.max_megabytes.saturating_mul(1_000_000),
        age: Duration::from_secs(config.max_hours.saturating_mul(3600)),
        keep: config.keep,
    };
    let (recorder, calls) = Recorder::new(recording, now);
    let files = Files::new(config.packets.clone(), config.har.clone(), rotation);
    let watched = Arc::downgrade(&recorder);
    start(move || write(&calls, files, || watched.upgrade().map_or(0, |recorder| recorder.take_lost())))?;
    Ok(Arc::new(Both(observer, recorder)))
}

#[allow(clippy::disallowed_methods, reason = "the thread writes; it acts for nobody")]
fn start(work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name("capture".to_owned()).spawn(work).map(drop)
}

fn now() -> Timestamp {
    net::clock::now().into()
}

/// Writes calls until nobody records any more. What can't be written is lost, and told of; the proxy goes on.
fn write(calls: &Receiver<Box<Call>>, mut files: Files, lost_in_queue: impl Fn() -> u64) {
    let (mut lost, mut why, mut told) = (0_u64, String::new(), None::<Timestamp>);
    loop {
        match calls.recv_timeout(TOLD_EVERY) {
            Ok(call) => {
                if let Err(error) = files.call(&call) {
                    lost = lost.saturating_add(1);
                    why = error.to_string();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let due = told.is_none_or(|told| now().since(told) >= TOLD_EVERY);
        if due && lost > 0 {
            tracing::error!("capture: {lost} operations could not be written: {why}");
            (lost, told) = (0, Some(now()));
        }
        let slow = if due { lost_in_queue() } else { 0 };
        if slow > 0 {
            tracing::warn!("capture: {slow} operations are not recorded, since writing is too slow");
            told = Some(now());
        }
    }
}

/// Two who watch.
struct Both(Arc<dyn Observer>, Arc<Recorder>);

impl Observer for Both {
    fn signed_in(&self, context: &SecurityContext, peer: SocketAddr) {
        self.0.signed_in(context, peer);
        self.1.signed_in(context, peer);
    }

    fn refused(&self, peer: SocketAddr, why: &str) {
        self.0.refused(peer, why);
        self.1.refused(peer, why);
    }

    fn turned_away(&self, call: &TurnedAway<'_>) {
        self.0.turned_away(call);
        self.1.turned_away(call);
    }

    fn finished(&self, flight: &Flight, next: &Next, elapsed: Duration) {
        self.0.finished(flight, next, elapsed);
        self.1.finished(flight, next, elapsed);
    }
}
