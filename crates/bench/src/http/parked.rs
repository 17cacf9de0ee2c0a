//! Clients that wait for notifications, as Outlook always does: memory for each, and their cost for active
//! clients.

use std::error::Error;
use std::time::Duration;

use tokio::task::JoinSet;

use super::bodies::Kind;
use super::load::{self, Client, Target};
use super::peers::{Peer, Peers};
use super::upstream;
use crate::load::median;
use crate::setup;

/// Active clients while the others wait.
const WORKING: usize = 64;

/// The number of waiting clients, if each process may open two files for each of them.
const MOST: usize = 10_000;

/// Measures memory and rate with one and with many waiting clients, through MAPIProxy and through nginx.
pub(crate) async fn run(round: Duration, rounds: usize) -> Result<(), Box<dyn Error>> {
    let peers = Peers::start(upstream::start()?, |name| name == "nginx")?;
    let many = MOST.min(setup::descriptors().saturating_sub(400) / 2);
    println!(
        "NotificationWaits over HTTP, while {WORKING} clients send small requests; medians of {rounds} rounds"
    );
    println!(
        "{:<10} {:>7} {:>14} {:>9} {:>8} {:>14} {:>8}",
        "", "waiting", "resident KiB", "KiB each", "op/s", "beside 1", "cpu µs"
    );
    for peer in &peers.all {
        measure(peer, peers.password.expose(), many, round, rounds)
            .await
            .map_err(|error| format!("{}: {error}", peer.name))?;
    }
    Ok(())
}

async fn measure(
    peer: &Peer,
    password: &str,
    many: usize,
    round: Duration,
    rounds: usize,
) -> Result<(), Box<dyn Error>> {
    let target = |kind, authorization| Target { address: peer.plain, tls: None, kind, authorization };
    let opened = load::open(&target(Kind::Small, load::authorization(password)), WORKING).await;
    let mut working = opened.map_err(|error| error.to_string())?;
    // One round first, so that memory allocated once is not attributed to waiting clients.
    (working, _) = load::drive(working, round).await?;
    let base = peer.resident()?;
    let mut waiting: Vec<Client> = Vec::new();
    let mut beside_one = None;
    for count in [1, many] {
        while waiting.len() < count {
            let mut opening = JoinSet::new();
            for number in 0..64.min(count - waiting.len()) {
                let user = setup::waiter(waiting.len() + number);
                opening.spawn(wait(target(Kind::Wait, load::authorization_of(&user, password))));
            }
            while let Some(opened) = opening.join_next().await {
                waiting.push(opened?.map_err(|error| error.to_string())?);
            }
        }
        let resident = peer.resident()?;
        let mut figures = Vec::new();
        let mut processor = Vec::new();
        for _ in 0..rounds {
            let before = peer.processor_time();
            let figure;
            (working, figure) = load::drive(working, round).await?;
            processor.push((peer.processor_time() - before) / (figure.rate * round.as_secs_f64()) * 1e6);
            figures.push(figure);
        }
        processor.sort_by(f64::total_cmp);
        let rate = median(figures).rate;
        println!(
            "{:<10} {count:>7} {resident:>14} {:>9.1} {rate:>8.0} {:>13.2}x {:>8.1}",
            peer.name,
            resident.saturating_sub(base) as f64 / count as f64,
            rate / *beside_one.get_or_insert(rate),
            processor[processor.len() / 2]
        );
    }
    Ok(())
}

/// A client with a session that waits for notifications.
async fn wait(target: Target) -> Result<Client, load::Failure> {
    let client = load::open(&target, 1).await?.pop();
    let mut client = client.ok_or("no client")?;
    client.park().await?;
    Ok(client)
}
