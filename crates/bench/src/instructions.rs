//! What an operation costs on its way through engine and modules, counted by valgrind: instructions and
//! allocations, which stray far less than times do.

use std::error::Error;
use std::process::{Command, Stdio};
use std::sync::Arc;

use clap::ValueEnum;
use engine::Interface;
use mapi::ndr::{ContextHandle, Ptr, SizedPtr};
use mapi::nspi;
use testkit::RpcClient;
use wire::Guid;

use crate::decode::row_set;
use crate::execute::{self, EngineSession, Pair};
use crate::http::bodies::Kind;

/// An operation that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Counted {
    /// An Execute with `RopGetPropertiesSpecific`.
    Small,
    /// An Execute with the rows of a table.
    Table,
    /// An Execute that writes an attachment.
    Upload,
    /// An `NspiQueryRows` of fifty rows as a remote call.
    Nspi,
}

impl Counted {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Sends the operation `times` times through engine and modules: what is counted.
pub(crate) fn pass(counted: Counted, times: u32) -> Result<(), Box<dyn Error>> {
    let kind = match counted {
        Counted::Small => Kind::Small,
        Counted::Table => Kind::Table,
        Counted::Upload => Kind::Upload,
        Counted::Nspi => return pass_query_rows(times),
    };
    let session = EngineSession::new()?;
    let pair = Pair::new(kind)?;
    (0..times).try_for_each(|_| session.pass(&pair))
}

fn pass_query_rows(times: u32) -> Result<(), Box<dyn Error>> {
    let engine = execute::engine()?;
    let mut client = RpcClient::new(&engine, &Arc::default());
    let caller = testkit::caller("bench");
    let bound = client.bind(&caller, 0xee);
    let uuid = bound.last_chunk().ok_or("a handle has a GUID")?;
    let handle = ContextHandle::new(Guid::from_le(*uuid));
    let request = nspi::Request::QueryRows(nspi::QueryRowsRequest {
        handle,
        flags: 0,
        stat: nspi::Stat::default(),
        table: SizedPtr::NULL,
        count: 50,
        prop_tags: Ptr::NULL,
    });
    let (request, response) = (request.encode()?, row_set().encode()?);
    for _ in 0..times {
        let call = testkit::incoming(&caller, (Interface::Nspi, 3), request.clone());
        let (mut flight, _) = client.relayed(call);
        client.delivered(&mut flight, response.clone());
    }
    Ok(())
}

/// Counts each operation.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    println!(
        "Through the engine and the modules names and downgrade, counted by valgrind, for one operation"
    );
    println!("  {:<10} {:>14} {:>12} {:>12}", "", "instructions", "allocations", "bytes");
    for counted in Counted::value_variants() {
        let [instructions] = each(|times| count("callgrind", ["Collected :"], *counted, times))?;
        let [allocations, bytes] = each(|times| count("dhat", [" blocks", "Total:"], *counted, times))?;
        println!("  {:<10} {instructions:>14.0} {allocations:>12.1} {bytes:>12.0}", counted.name());
    }
    Ok(())
}

/// What each further time adds.
fn each<const N: usize>(
    count: impl Fn(u32) -> Result<[u64; N], Box<dyn Error>>,
) -> Result<[f64; N], Box<dyn Error>> {
    const FEW: u32 = 50;
    const MANY: u32 = 250;
    let (few, many) = (count(FEW)?, count(MANY)?);
    Ok(std::array::from_fn(|place| many[place].saturating_sub(few[place]) as f64 / f64::from(MANY - FEW)))
}

/// Passes `counted` so many times under a tool of valgrind, and returns the numbers that are after or
/// before `marks` in what the tool says at its end.
fn count<const N: usize>(
    tool: &str,
    marks: [&str; N],
    counted: Counted,
    times: u32,
) -> Result<[u64; N], Box<dyn Error>> {
    let mut command = Command::new("valgrind");
    command.arg(format!("--tool={tool}")).arg(format!("--{tool}-out-file=/dev/null"));
    command.arg(std::env::current_exe()?).args(["--count", &counted.name(), "--times", &times.to_string()]);
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).output();
    let output =
        output.map_err(|error| format!("can't start valgrind: {error}; cargo xtask bench installs it"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("valgrind failed: {text}").into());
    }
    let mut numbers = [0; N];
    for (number, mark) in numbers.iter_mut().zip(marks) {
        *number =
            number_at(&text, mark).ok_or_else(|| format!("valgrind says nothing of {mark:?}: {text}"))?;
    }
    Ok(numbers)
}

/// The number after `mark`, or before it if it begins with a space: `Total: 1,234 bytes in 56 blocks`.
fn number_at(text: &str, mark: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.contains(mark))?;
    let (before, behind) = line.split_once(mark)?;
    let number = if mark.starts_with(' ') {
        before.rsplit(' ').next()?
    } else {
        behind.trim_start().split(' ').next()?
    };
    number.replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_in_the_output_of_valgrind_are_parsed() {
        let text = "==7== Collected : 88374\n==7== Total:     1,234 bytes in 56 blocks\n";
        assert_eq!(number_at(text, "Collected :"), Some(88374));
        assert_eq!(number_at(text, "Total:"), Some(1234));
        assert_eq!(number_at(text, " blocks"), Some(56));
        assert_eq!(number_at("nothing", " blocks"), None);
    }
}
