//! The code of the proxy that a request executes, counted by callgrind. With few clients, the processor's
//! caches do not hold it when a request arrives, so that the amount of different code costs more than the
//! number of instructions.

use std::collections::HashSet;
use std::error::Error;

use super::bodies::Kind;
use super::callgrind;
use super::load::{self, Target};
use super::peers::Peers;
use super::upstream;
use crate::setup::{self, Stage};

/// The number of requests that are counted, after a few that are not.
pub(crate) const REQUESTS: u64 = 1000;

/// The code that a request executes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Passed {
    instructions: u64,
    /// Cache lines of code, of 64 bytes.
    lines: usize,
    /// Pages of code, of 4 KiB.
    pages: usize,
}

/// Counts an Execute of each kind.
pub(crate) async fn run() -> Result<(), Box<dyn Error>> {
    println!(
        "MAPI over HTTP: what an Execute passes of the proxy's code, one connection, counted by valgrind"
    );
    println!("  {:<10} {:>14} {:>12} {:>8}", "", "instructions", "cache lines", "pages");
    for kind in Kind::EXECUTES {
        let Passed { instructions, lines, pages } = count(kind).await?;
        println!("  {:<10} {instructions:>14} {lines:>12} {pages:>8}", kind.name());
    }
    Ok(())
}

async fn count(kind: Kind) -> Result<Passed, Box<dyn Error>> {
    Ok(passed(&callgrind(kind, false).await?, REQUESTS))
}

/// The output of callgrind for requests on one connection, within TLS if `secure`.
pub(super) async fn callgrind(kind: Kind, secure: bool) -> Result<String, Box<dyn Error>> {
    // The folder outlives the proxy, which writes when it ends.
    let stage = Stage::new("passed")?;
    let file = stage.path("callgrind.out");
    let peers = Peers::of(upstream::start()?, setup::under_callgrind(&file)?)?;
    let mapiproxy = &peers.all[0];
    let target = Target {
        address: if secure { mapiproxy.tls } else { mapiproxy.plain },
        tls: if secure { Some(load::trust(peers.authority.clone())?) } else { None },
        kind,
        authorization: load::authorization(peers.password.expose()),
    };
    ask(&target).await.map_err(|error| error.to_string())?;
    drop(peers);
    Ok(std::fs::read_to_string(&file)?)
}

/// Sends the requests, one after the other.
async fn ask(target: &Target) -> Result<(), load::Failure> {
    let mut clients = load::open(target, 1).await?;
    for client in &mut clients {
        client.repeat(REQUESTS).await?;
    }
    load::close(clients).await
}

/// The code that each of `requests` executed, from the output of callgrind: code that was executed about that
/// often or more.
fn passed(counted: &str, requests: u64) -> Passed {
    let mut lines = HashSet::new();
    let mut instructions = 0;
    for executed in callgrind::executed(counted).filter(|executed| executed.times >= requests * 9 / 10) {
        instructions += executed.times;
        lines.insert((executed.object, executed.address / 64));
    }
    let pages: HashSet<_> = lines.iter().map(|(object, line)| (object, line / 64)).collect();
    Passed { instructions: instructions / requests, lines: lines.len(), pages: pages.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_each_request_passes_is_counted_once() {
        let counted = "version: 1\npositions: instr line\nevents: Ir\n\nob=(1) /bin/a\nfn=(1) f\n0x1000 7 10\n+4 * 9\n\
                       +60 +1 20\ncfn=(2) g\ncalls=10 0x5000 1\n* * 500\n+2 * 1\n\nob=(2) /bin/b\nfn=(3) h\n0x1000 1 10\n\
                       -4032 * 10\nob=(1)\nfn=(1)\n0x1000 7 10\n";
        // Lines 0x1000 and 0x1040 of the first object; 0x1000 and 0x40 of the second.
        assert_eq!(passed(counted, 10), Passed { instructions: 6, lines: 4, pages: 3 });
        assert_eq!(passed("", 10), Passed::default());
    }
}
