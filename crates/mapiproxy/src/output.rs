//! Standard output and standard error of a server: lines that are written by a thread of their own, so that a reader
//! that stalls holds nothing up. What does not fit into the queue is lost, counted, and reported in a line once there
//! is room again.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How many bytes may wait for a reader.
const WAITING: usize = 1 << 20;

/// How long what waits may take at the end of the process.
const LAST_LINES: Duration = Duration::from_secs(1);

static OUT: OnceLock<Output> = OnceLock::new();
static ERR: OnceLock<Output> = OnceLock::new();

/// Has standard output and standard error, panics included, written by threads from now on.
///
/// # Errors
/// When there is no room for a thread.
pub(crate) fn start() -> io::Result<()> {
    let out = Output::start("stdout", io::stdout().as_fd())?;
    let err = Output::start("stderr", io::stderr().as_fd())?;
    // Set once, at the start of the process.
    let _ = (OUT.set(out), ERR.set(err));
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        complain(&format!("thread {} {panic}", thread.name().unwrap_or("without a name")));
    }));
    Ok(())
}

/// Prints a line to standard output. One that can't be written is lost.
pub(crate) fn say(line: &str) {
    match OUT.get() {
        Some(out) => out.line(format!("{line}\n").into()),
        None => drop(writeln!(io::stdout(), "{line}")),
    }
}

/// Prints a line to standard error. One that can't be written is lost.
pub(crate) fn complain(line: &str) {
    match ERR.get() {
        Some(err) => err.line(format!("{line}\n").into()),
        None => drop(writeln!(io::stderr(), "{line}")),
    }
}

/// Where the log goes.
pub(crate) fn log() -> Box<dyn Write> {
    match ERR.get() {
        Some(err) => Box::new(err.clone()),
        None => Box::new(io::stderr()),
    }
}

/// Lets what waits be written, but not for long.
pub(crate) fn finish() {
    let until = Instant::now() + LAST_LINES;
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
    /// Bytes that wait, those that are being written included.
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
                        "mapiproxy: {lost} lines for {name} were lost, which was not read in time"
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

    /// Puts a line behind those that wait, or counts it as lost.
    fn line(&self, line: Vec<u8>) {
        let mut queue = self.lock();
        if queue.bytes.saturating_add(line.len()) > WAITING {
            queue.lost += 1;
        } else {
            queue.bytes += line.len();
            queue.lines.push_back(line);
            self.0.changed.notify_all();
        }
    }

    /// Waits for the next line; with the number of lost ones that is to be reported behind it, which is once all that
    /// came before them is written.
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
    /// Takes a whole line.
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
    fn a_reader_that_stalls_costs_lines_and_learns_how_many() {
        let (reader, writer) = io::pipe().unwrap();
        let output = Output::writing("stdout", writer).unwrap();
        let begin = Instant::now();
        for number in 0..100_000 {
            output.line(format!("{number:099}\n").into());
        }
        assert!(output.lock().bytes <= WAITING);
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
