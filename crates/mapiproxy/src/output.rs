//! Standard output and standard error of a server. A separate thread for each writes the lines, so that a
//! stalled reader delays nothing. Lines that do not fit into the queue are lost and counted; the count is
//! printed when there is room again.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The maximum number of queued bytes.
const MAX_QUEUED: usize = 1 << 20;

/// The time limit for writing queued lines at the end of the process.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

static OUT: OnceLock<Output> = OnceLock::new();
static ERR: OnceLock<Output> = OnceLock::new();

/// Starts the threads that write standard output and standard error, which includes panics.
///
/// # Errors
/// If a thread cannot be started.
pub(crate) fn start() -> io::Result<()> {
    let out = Output::start("stdout", io::stdout().as_fd())?;
    let err = Output::start("stderr", io::stderr().as_fd())?;
    // Set once, at the start of the process.
    let _ = (OUT.set(out), ERR.set(err));
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        print_error(&format!("thread {} {panic}", thread.name().unwrap_or("without a name")));
    }));
    Ok(())
}

/// Prints a line to standard output. A line that cannot be written is lost.
pub(crate) fn print(line: &str) {
    match OUT.get() {
        Some(out) => out.line(format!("{line}\n").into()),
        None => drop(writeln!(io::stdout(), "{line}")),
    }
}

/// Prints a line to standard error. A line that cannot be written is lost.
pub(crate) fn print_error(line: &str) {
    match ERR.get() {
        Some(err) => err.line(format!("{line}\n").into()),
        None => drop(writeln!(io::stderr(), "{line}")),
    }
}

/// The writer of the log.
pub(crate) fn log() -> Box<dyn Write> {
    match ERR.get() {
        Some(err) => Box::new(err.clone()),
        None => Box::new(io::stderr()),
    }
}

/// Waits until queued lines are written, at most for [`FLUSH_TIMEOUT`].
pub(crate) fn finish() {
    let until = Instant::now() + FLUSH_TIMEOUT;
    for output in [&OUT, &ERR].into_iter().filter_map(OnceLock::get) {
        output.wait_written(until);
    }
}

/// One stream of lines.
#[derive(Debug, Clone)]
struct Output(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<Vec<u8>>,
    /// Queued bytes, including those that are being written.
    bytes: usize,
    /// Lines lost since the last report.
    lost: u64,
    writing: bool,
}

impl Output {
    fn start(name: &'static str, stream: BorrowedFd<'_>) -> io::Result<Self> {
        Self::writing(name, File::from(stream.try_clone_to_owned()?))
    }

    fn writing(name: &'static str, mut file: impl Write + Send + 'static) -> io::Result<Self> {
        let output = Self(Arc::default());
        let lines = output.clone();
        let thread = std::thread::Builder::new().name(name.to_owned());
        thread.spawn(move || {
            loop {
                let (line, lost) = lines.next();
                let written = line.as_deref().map_or(Ok(()), |line| file.write_all(line));
                let reported = match lost {
                    0 => Ok(()),
                    lost => writeln!(
                        file,
                        "mapiproxy: {lost} lines for {name} were lost: it was not read in time or could not be written"
                    ),
                };
                lines.done(
                    line.map_or(0, |line| line.len()),
                    u64::from(written.is_err()),
                    lost,
                    reported.is_ok(),
                );
            }
        })?;
        Ok(output)
    }

    /// Queues a line, or counts it as lost.
    fn line(&self, line: Vec<u8>) {
        let mut queue = self.lock();
        if queue.bytes.saturating_add(line.len()) > MAX_QUEUED {
            queue.lost += 1;
        } else {
            queue.bytes += line.len();
            queue.lines.push_back(line);
            self.0.changed.notify_all();
        }
    }

    /// Waits for the next line. Returns it with the number of lost lines to report after it, which is zero
    /// while further lines are queued.
    fn next(&self) -> (Option<Vec<u8>>, u64) {
        let mut queue = self.lock();
        while queue.lines.is_empty() {
            queue = self.0.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.writing = true;
        let line = queue.lines.pop_front();
        let lost = if queue.lines.is_empty() { std::mem::take(&mut queue.lost) } else { 0 };
        (line, lost)
    }

    fn done(&self, bytes: usize, failed: u64, lost: u64, reported: bool) {
        let mut queue = self.lock();
        queue.bytes -= bytes;
        queue.lost += failed + if reported { 0 } else { lost };
        queue.writing = false;
        self.0.changed.notify_all();
    }

    fn wait_written(&self, until: Instant) {
        let mut queue = self.lock();
        while !queue.lines.is_empty() || queue.writing {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            queue = self.0.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Output {
    /// Queues `line`, which must be a whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.line(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use super::*;

    #[test]
    fn lines_that_a_stalled_reader_loses_are_counted_and_reported() {
        let (reader, writer) = io::pipe().unwrap();
        let output = Output::writing("stdout", writer).unwrap();
        let begin = Instant::now();
        for number in 0..100_000 {
            output.line(format!("{number:099}\n").into());
        }
        assert!(output.lock().bytes <= MAX_QUEUED);
        output.wait_written(Instant::now() + Duration::from_millis(10));
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
        for (came, line) in BufReader::new(reader).lines().enumerate() {
            let line = line.unwrap();
            if let Some(lost) = line.strip_prefix("mapiproxy: ") {
                let lost: usize = lost.split(' ').next().unwrap().parse().unwrap();
                assert_eq!(came + lost, 100_000);
                assert!(lost > 80_000, "{lost}");
                return;
            }
            assert_eq!(line.parse(), Ok(came), "in their order");
        }
        panic!("no report of what was lost");
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted_as_lost() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let output = Output::writing("stdout", writer).unwrap();
        for _ in 0..3 {
            output.line(b"line\n".to_vec());
        }
        output.wait_written(Instant::now() + Duration::from_secs(20));
        let queue = output.lock();
        assert_eq!((queue.lost, queue.bytes, queue.writing), (3, 0, false));
    }
}
