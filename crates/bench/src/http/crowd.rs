//! A user with many connections, on which expensive requests are sent without pause, and its cost for another user with
//! one connection.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::bodies::Kind;
use super::choice::{Choice, among};
use super::load::{self, Target};
use super::peers::{Peer, Peers};
use super::upstream;
use crate::load::{Figures, median};
use crate::setup;

/// The connections of the user with many: fewer than the default of `connections_per_address`.
const MANY: usize = 200;

/// The requests of the user with many connections.
const EXPENSIVE: [Kind; 3] = [Kind::Table, Kind::Upload, Kind::Releases];

/// One round: the user with one connection alone, and beside the other.
struct Turn {
    quiet: Figures,
    beside: Figures,
    /// The rate of the expensive requests.
    rate: f64,
}

/// Measures the user with one connection alone and beside the other, through `MAPIProxy` and through nginx.
pub(crate) async fn run(round: Duration, rounds: usize, choice: &Choice) -> Result<(), Box<dyn Error>> {
    let upstream = upstream::start()?;
    let mut peers = Peers::start(upstream, |name| name == "nginx" && among(&choice.peers, name))?;
    for build in &choice.build {
        peers.add(upstream, build)?;
    }
    let counts = if choice.connections.is_empty() { &vec![1, MANY] } else { &choice.connections };
    println!(
        "A user with one connection and small requests, quiet and beside another user's expensive requests"
    );
    println!("(medians of {rounds} rounds)");
    println!(
        "{:<12} {:<9} {:>5} {:>9}   {:>25}   {:>25}   {:>8} {:>8}",
        "", "others", "conns", "their/s", "quiet req/s p50 p99", "beside req/s p50 p99", "p50", "p99"
    );
    for kind in EXPENSIVE.into_iter().filter(|kind| among(&choice.requests, kind.name())) {
        for count in counts {
            let mut turns: Vec<Vec<Turn>> = peers.all.iter().map(|_| Vec::new()).collect();
            for _ in 0..rounds {
                for (peer, turns) in peers.all.iter().zip(&mut turns) {
                    let turn = turn(peer, peers.password.expose(), (kind, *count), round).await;
                    turns.push(turn.map_err(|error| format!("{}: {error}", peer.name))?);
                }
            }
            for (peer, turns) in peers.all.iter().zip(&turns) {
                show(peer, (kind, *count), turns);
            }
        }
    }
    Ok(())
}

async fn turn(
    peer: &Peer,
    password: &str,
    (kind, count): (Kind, usize),
    round: Duration,
) -> Result<Turn, Box<dyn Error>> {
    let target = |kind, user: &str| {
        let authorization = load::authorization_of(user, password);
        Target { address: peer.plain, tls: None, kind, authorization }
    };
    let open = async |kind, user: &str, count| {
        load::open(&target(kind, user), count).await.map_err(|error| error.to_string())
    };
    let one = open(Kind::Small, setup::USER, 1).await?;
    let (one, _) = load::drive(one, round / 4).await?;
    let (one, quiet) = load::drive(one, round).await?;

    let done = Arc::new(AtomicU64::new(0));
    let mut crowd = JoinSet::new();
    for mut client in open(kind, &setup::waiter(0), count).await? {
        let done = Arc::clone(&done);
        crowd.spawn(async move {
            while client.repeat(1).await.is_ok() {
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    tokio::time::sleep(round / 4).await;
    let before = done.load(Ordering::Relaxed);
    let (one, beside) = load::drive(one, round).await?;
    let rate = (done.load(Ordering::Relaxed) - before) as f64 / round.as_secs_f64();
    if crowd.len() < count || crowd.try_join_next().is_some() {
        return Err("a connection of the user with many ended".into());
    }
    crowd.shutdown().await;
    load::close(one).await.map_err(|error| error.to_string())?;
    Ok(Turn { quiet, beside, rate })
}

fn show(peer: &Peer, (kind, count): (Kind, usize), turns: &[Turn]) {
    let ms = |d: Duration| d.as_secs_f64() * 1000.0;
    let figures = |of: Figures| format!("{:>9.0} {:>7.2} {:>7.2}", of.rate, ms(of.p50), ms(of.p99));
    // The median of the ratios: both figures of a turn were measured in the same state of the machine.
    let middle = |of: &dyn Fn(&Turn) -> f64| {
        let mut all: Vec<f64> = turns.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    println!(
        "{:<12} {:<9} {count:>5} {:>9.0}   {}   {}   {:>7.1}x {:>7.1}x",
        peer.name,
        kind.name(),
        middle(&|turn| turn.rate),
        figures(median(turns.iter().map(|turn| turn.quiet).collect())),
        figures(median(turns.iter().map(|turn| turn.beside).collect())),
        middle(&|turn| turn.beside.p50.as_secs_f64() / turn.quiet.p50.as_secs_f64()),
        middle(&|turn| turn.beside.p99.as_secs_f64() / turn.quiet.p99.as_secs_f64()),
    );
}
