//! `mapiproxy decode`: prints the operations of recordings.

mod filter_names;
mod growing;
mod gzip;
mod key_logs;
mod recordings;

use std::collections::BTreeSet;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use capture::filter::Filter;
use capture::show::{self, Sessions};
use capture::{Analyzer, RecordedItem};

pub(crate) use self::recordings::read;
use super::decryption::DecryptionArguments;
use crate::failure::{self, Outcome};

/// Arguments of `decode`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Recordings: pcap, pcapng or HAR, each optionally compressed by gzip; SAZ; raw HTTP in files named
    /// `*.req.http` and `*.resp.http`, or `*.c2s.http` and `*.s2c.http`; a directory of raw HTTP files; or
    /// `-` for packets from standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Prints each operation as a JSON object on a line of its own.
    #[arg(long)]
    json: bool,
    /// Follows the last file as it grows.
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    decryption: DecryptionArguments,
    /// Prints only operations of this user, named with or without the domain.
    #[arg(long)]
    user: Option<String>,
    /// Prints only this ROP, for example `RopOpenFolder` or `OpenFolder`.
    #[arg(long)]
    rop: Option<String>,
    /// Prints only operations and ROPs with this property, for example `PidTagSubject` or `0x0037001F`.
    #[arg(long)]
    prop: Option<String>,
    /// Prints only failed operations.
    #[arg(long)]
    errors: bool,
}

/// Prints the operations of recordings.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    if let Some(rop) = &arguments.rop {
        filter_names::check_rop(rop)?;
    }
    if let Some(prop) = &arguments.prop {
        filter_names::check_property(prop)?;
    }
    let mut printer = Printer::new(arguments);
    let keys = arguments.decryption.open(arguments.follow)?;
    let read = read(&arguments.files, keys, arguments.follow, &mut |item| printer.print(item));
    read.and_then(|()| Ok(printer.out.flush()?))?;
    printer.check_user()?;
    match &arguments.prop {
        Some(prop) if printer.printed == 0 => Ok(filter_names::check_property_of_recording(prop)?),
        _ => Ok(()),
    }
}

/// The maximum number of other users that an error names.
const MAX_USERS: usize = 8;

/// The recording has no operation of the user to whom the output is limited.
#[derive(Debug, thiserror::Error)]
#[error("--user {given}: the recording has no operation of this user{}", named(others))]
struct UnknownUser {
    given: String,
    others: BTreeSet<Arc<str>>,
}

/// The users whom the recording names.
fn named(others: &BTreeSet<Arc<str>>) -> String {
    if others.is_empty() {
        return ", and names no user".to_owned();
    }
    let names: Vec<String> =
        others.iter().take(MAX_USERS).map(|name| name.replace(char::is_control, "\u{fffd}")).collect();
    let more = if others.len() > MAX_USERS { " and others" } else { "" };
    format!("; it has operations of {}{more}", names.join(", "))
}

/// Prints operations.
struct Printer {
    filter: Filter,
    json: bool,
    /// Whether each operation is flushed.
    live: bool,
    analyzer: Analyzer,
    sessions: Sessions,
    /// The number of printed operations.
    printed: u64,
    /// Whether an operation is of the user to whom the output is limited.
    has_user: bool,
    /// Some of the other users.
    others: BTreeSet<Arc<str>>,
    out: BufWriter<io::Stdout>,
}

impl Printer {
    fn new(arguments: &Arguments) -> Self {
        Self {
            filter: Filter {
                user: arguments.user.clone(),
                rop: arguments.rop.clone(),
                prop: arguments.prop.clone(),
                errors: arguments.errors,
            },
            json: arguments.json,
            live: arguments.follow || io::stdout().is_terminal(),
            analyzer: Analyzer::default(),
            sessions: Sessions::default(),
            printed: 0,
            has_user: false,
            others: BTreeSet::new(),
            out: BufWriter::with_capacity(1 << 16, io::stdout()),
        }
    }

    /// Fails if the output is limited to a user of whom the recording has no operation.
    fn check_user(&self) -> Result<(), UnknownUser> {
        match &self.filter.user {
            Some(given) if !self.has_user => {
                Err(UnknownUser { given: given.clone(), others: self.others.clone() })
            }
            _ => Ok(()),
        }
    }

    fn print(&mut self, item: RecordedItem) -> Outcome {
        let call = match item {
            RecordedItem::Call(call) => call,
            RecordedItem::Problem(problem) => {
                failure::report(&problem.to_string());
                return Ok(());
            }
        };
        let operation = self.analyzer.operation(&call);
        if self.filter.admits_user(operation.user.as_deref()) {
            self.has_user = true;
        } else if let Some(other) = operation.user.as_ref().filter(|_| self.others.len() <= MAX_USERS) {
            self.others.insert(Arc::clone(other));
        }
        let Some(operation) = self.filter.apply(operation) else { return Ok(()) };
        self.printed += 1;
        if self.json {
            serde_json::to_writer(&mut self.out, &show::json(&operation)).map_err(io::Error::from)?;
            self.out.write_all(b"\n")?;
        } else {
            self.out.write_all(show::text(&operation, &mut self.sessions).as_bytes())?;
        }
        if self.live {
            self.out.flush()?;
        }
        Ok(())
    }
}
