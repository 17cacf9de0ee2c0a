//! `mapiproxy decode`: prints the operations of recordings.

mod filter_names;
mod growing;
mod gzip;
mod key_logs;
mod recordings;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;

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
    match &arguments.prop {
        Some(prop) if printer.printed == 0 => Ok(filter_names::check_property_of_recording(prop)?),
        _ => Ok(()),
    }
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
            out: BufWriter::with_capacity(1 << 16, io::stdout()),
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
