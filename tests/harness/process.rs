//! Child processes: their output, and their end with the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::place::{PATIENCE, thread};

/// A running program, killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: String,
    out: Lines,
    err: Lines,
}

/// The output of a program so far.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<(Mutex<Said>, Condvar)>);

#[derive(Debug, Default)]
struct Said {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    fn read(from: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let own = lines.clone();
        thread(move || {
            for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
                own.0.0.lock().unwrap().lines.push(String::from_utf8_lossy(&line).into_owned());
                own.0.1.notify_all();
            }
            own.0.0.lock().unwrap().ended = true;
            own.0.1.notify_all();
        });
        lines
    }

    /// Waits until `found` returns a value for the lines; `None` at their end, or after the time limit.
    fn wait<R>(&self, patience: Duration, mut found: impl FnMut(&[String]) -> Option<R>) -> Option<R> {
        let end = Instant::now() + patience;
        let mut said = self.0.0.lock().unwrap();
        loop {
            if let Some(result) = found(&said.lines) {
                return Some(result);
            }
            let left = end.saturating_duration_since(Instant::now());
            if said.ended || left.is_zero() {
                return None;
            }
            said = self.0.1.wait_timeout(said, left).unwrap().0;
        }
    }

    fn all(&self) -> Vec<String> {
        self.0.0.lock().unwrap().lines.clone()
    }

    /// The lines so far, after none was added for 20 ms, since some may still be in the pipe. Waits at most a second.
    fn settled(&self) -> Vec<String> {
        let mut lines = self.all();
        for _ in 0..50 {
            std::thread::sleep(Duration::from_millis(20));
            let now = self.all();
            if now.len() == lines.len() {
                return now;
            }
            lines = now;
        }
        lines
    }

    /// Waits for the end of the output.
    fn ended(&self) -> Vec<String> {
        self.wait(PATIENCE, |_| None::<()>);
        self.all()
    }
}

/// The output and the exit status of a program.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Process {
    /// Starts `command`, which is called `name` in messages.
    pub(crate) fn start(name: &str, command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} can't be started: {error}"));
        let out = Lines::read(child.stdout.take().unwrap());
        let err = Lines::read(child.stderr.take().unwrap());
        Self { child, name: name.to_owned(), out, err }
    }

    /// Gives `text` to its standard input, and closes that.
    pub(crate) fn feed(&mut self, text: &str) {
        // A program that ended without reading says why elsewhere.
        let _ = self.child.stdin.take().unwrap().write_all(text.as_bytes());
    }

    /// Gives a line to its standard input, which stays open.
    pub(crate) fn write_line(&self, line: &str) {
        let mut stdin = self.child.stdin.as_ref().unwrap();
        writeln!(stdin, "{line}").and_then(|()| stdin.flush()).unwrap();
    }

    /// Waits for a line on its standard output that `fits`; gives it back.
    pub(crate) fn wait_out(&self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        self.wait(&self.out, what, fits)
    }

    /// Waits for a line on its standard error that `fits`; gives it back.
    pub(crate) fn wait_err(&self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        self.wait(&self.err, what, fits)
    }

    fn wait(&self, lines: &Lines, what: &str, fits: impl Fn(&str) -> bool) -> String {
        let found = lines.wait(PATIENCE, |lines| lines.iter().find(|line| fits(line)).cloned());
        found.unwrap_or_else(|| panic!("{}: {what} did not come.\n{}", self.name, self.said()))
    }

    /// Waits until `count` lines of its standard output fit.
    pub(crate) fn wait_lines(&self, what: &str, count: usize, fits: impl Fn(&str) -> bool) {
        let enough = |lines: &[String]| lines.iter().filter(|line| fits(line)).nth(count - 1).map(|_| ());
        let found = self.out.wait(PATIENCE, enough);
        found.unwrap_or_else(|| panic!("{}: {what} did not come.\n{}", self.name, self.said()));
    }

    /// The line `number` of its standard output, from one.
    pub(crate) fn line(&self, number: usize) -> String {
        let found = self.out.wait(PATIENCE, |lines| lines.get(number - 1).cloned());
        found.unwrap_or_else(|| panic!("{}: it said no more.\n{}", self.name, self.said()))
    }

    /// The lines of its standard output so far.
    pub(crate) fn out(&self) -> Vec<String> {
        self.out.settled()
    }

    /// The lines of its standard error so far.
    pub(crate) fn err(&self) -> Vec<String> {
        self.err.settled()
    }

    fn said(&self) -> String {
        format!("stdout:\n{}\nstderr:\n{}", self.out.all().join("\n"), self.err.all().join("\n"))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, as an operator does.
    pub(crate) fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Sends it SIGHUP: the terminal was closed, or a request to reload.
    pub(crate) fn hang_up(&self) {
        self.signal(rustix::process::Signal::HUP);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// Kills the process.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> Ended {
        self.end_within(PATIENCE)
    }

    /// Waits for its end, as long as `patience`.
    pub(crate) fn end_within(&mut self, patience: Duration) -> Ended {
        drop(self.child.stdin.take());
        let until = Instant::now() + patience;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "{} does not end.\n{}", self.name, self.said());
            std::thread::sleep(Duration::from_millis(10));
        };
        Ended { status, out: self.out.ended().join("\n"), err: self.err.ended().join("\n") }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
