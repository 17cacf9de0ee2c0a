//! The cost of idle sessions: memory for each, and time for active clients.

use std::error::Error;
use std::time::Duration;

use crate::load;
use crate::setup::Field;

/// Active clients while the others are idle.
const WORKING: usize = 16;

/// The numbers of idle sessions.
const COUNTS: [usize; 3] = [1, 100, 2000];

/// Measures memory and rate with more and more idle sessions.
pub(crate) async fn run(round: Duration, rounds: usize) -> Result<(), Box<dyn Error>> {
    println!("Idle sessions with NTLM privacy on both sides, while {WORKING} clients work");
    println!("{:>7} {:>14} {:>12} {:>8} {:>14}", "idle", "resident KiB", "KiB each", "op/s", "beside 1 idle");
    let field = Field::start("privacy", "\"names\"")?;
    let account = load::account(&field, "privacy");
    let open = async |count| load::open(field.proxy, account.clone(), count).await.map_err(|e| e.to_string());
    let mut working = open(WORKING).await?;
    // One round first, so that memory allocated once is not attributed to idle sessions.
    (working, _) = load::drive(working, round).await?;
    let base = resident(field.proxy_process)?;
    let mut memory = [0; COUNTS.len()];
    let mut rates = [const { Vec::new() }; COUNTS.len()];
    for turn in 0..rounds {
        // In turn, so that other load of the machine affects all of them equally.
        let mut idle = Vec::new();
        for (place, count) in COUNTS.into_iter().enumerate() {
            idle.extend(open(count - idle.len()).await?);
            if turn == 0 {
                memory[place] = resident(field.proxy_process)?;
            }
            let figures;
            (working, figures) = load::drive(working, round).await?;
            rates[place].push(figures);
        }
    }
    let rates = rates.map(|all| load::median(all).rate);
    for (place, count) in COUNTS.into_iter().enumerate() {
        let each = memory[place].saturating_sub(base) as f64 / count as f64;
        let (memory, rate) = (memory[place], rates[place]);
        println!("{count:>7} {memory:>14} {each:>12.1} {rate:>8.0} {:>13.2}x", rate / rates[0]);
    }
    Ok(())
}

/// The resident memory of a process, in KiB.
pub(crate) fn resident(process: u32) -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
}
