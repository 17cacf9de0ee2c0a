//! MAPI over HTTP through the proxy, with everything decoded, beside reverse proxies that forward it unread.

pub(crate) mod bodies;
mod callgrind;
mod choice;
mod crowd;
mod head;
mod held;
mod hot;
mod load;
mod parked;
mod passed;
mod peers;
mod upstream;

use std::error::Error;
use std::time::Duration;

use self::bodies::Kind;
pub(crate) use self::choice::Choice;
use self::choice::among;
pub(crate) use self::crowd::run as crowd;
pub(crate) use self::held::run as hold;
pub(crate) use self::hot::run as find_hot_functions;
use self::load::{Client, Target};
pub(crate) use self::parked::run as park;
pub(crate) use self::passed::{REQUESTS, run as count_passed};
use self::peers::{Peer, Peers};
use crate::load::{Figures, median};

/// The output of callgrind for Executes on one connection.
pub(crate) async fn trace() -> Result<String, Box<dyn Error>> {
    let [kind, ..] = Kind::EXECUTES;
    passed::callgrind(kind, false).await
}

/// The figures of one proxy at one load.
struct Measured {
    figures: Figures,
    /// Its processor time for a request, in microseconds.
    processor: f64,
}

/// Compares the proxies for each kind of request, plain and with TLS, at several numbers of connections.
pub(crate) async fn compare(round: Duration, rounds: usize, choice: &Choice) -> Result<(), Box<dyn Error>> {
    let wanted = |name: &str| among(&choice.peers, name);
    let upstream = upstream::start()?;
    let mut peers = Peers::start(upstream, wanted)?;
    for build in &choice.build {
        peers.add(upstream, build)?;
    }
    let trust = load::trust(peers.authority.clone())?;
    let authorization = load::authorization(peers.password.expose());
    println!("MAPI over HTTP: Execute through each, medians of {rounds} rounds in turn");
    println!(
        "{:<8} {:<6} {:>5}  {:<10} {:>9} {:>8} {:>8} {:>9}   {:>10} {:>8}",
        "request", "", "conns", "", "req/s", "p50 ms", "p99 ms", "cpu µs", "rate", "p99"
    );
    for kind in Kind::EXECUTES {
        for secure in [false, true] {
            let transport = if secure { "tls" } else { "plain" };
            if !among(&choice.requests, kind.name()) || !among(&choice.transports, transport) {
                continue;
            }
            let usual = || vec![1, 64, 512];
            let counts = Some(&choice.connections).filter(|counts| !counts.is_empty()).cloned();
            for count in counts.unwrap_or_else(usual) {
                let target = |peer: &Peer| Target {
                    address: if secure { peer.tls } else { peer.plain },
                    tls: secure.then(|| trust.clone()),
                    kind,
                    authorization: authorization.clone(),
                };
                let measured = measure(&peers.all, target, count, round, rounds).await?;
                show(kind, secure, count, &peers.all, &measured);
            }
        }
    }
    Ok(())
}

/// Measures all proxies in turn, `rounds` times each. Returns the medians.
async fn measure(
    peers: &[Peer],
    target: impl Fn(&Peer) -> Target,
    count: usize,
    round: Duration,
    rounds: usize,
) -> Result<Vec<Measured>, Box<dyn Error>> {
    let mut clients: Vec<Vec<Client>> = Vec::new();
    for peer in peers {
        let opened = load::open(&target(peer), count).await;
        clients.push(opened.map_err(|error| format!("{}: {error}", peer.name))?);
    }
    let mut figures = vec![Vec::new(); peers.len()];
    let mut processor = vec![Vec::new(); peers.len()];
    for _ in 0..rounds {
        for (place, peer) in peers.iter().enumerate() {
            let before = peer.processor_time();
            let own = std::mem::take(&mut clients[place]);
            let (back, figure) =
                load::drive(own, round).await.map_err(|error| format!("{}: {error}", peer.name))?;
            clients[place] = back;
            figures[place].push(figure);
            let requests = figure.rate * round.as_secs_f64();
            processor[place].push((peer.processor_time() - before) / requests * 1e6);
        }
    }
    for (peer, clients) in peers.iter().zip(clients) {
        load::close(clients).await.map_err(|error| format!("{}: {error}", peer.name))?;
    }
    let all = figures.into_iter().zip(processor);
    Ok(all
        .map(|(figures, mut processor)| {
            processor.sort_by(f64::total_cmp);
            Measured { figures: median(figures), processor: processor[processor.len() / 2] }
        })
        .collect())
}

fn show(kind: Kind, secure: bool, count: usize, peers: &[Peer], measured: &[Measured]) {
    let ms = |d: Duration| d.as_secs_f64() * 1000.0;
    let mapiproxy = measured[0].figures;
    for (peer, one) in peers.iter().zip(measured) {
        let Measured { figures, processor } = one;
        println!(
            "{:<8} {:<6} {count:>5}  {:<10} {:>9.0} {:>8.2} {:>8.2} {processor:>9.1}   {:>9.2}x {:>7.2}x",
            kind.name(),
            if secure { "tls" } else { "plain" },
            peer.name,
            figures.rate,
            ms(figures.p50),
            ms(figures.p99),
            mapiproxy.rate / figures.rate,
            mapiproxy.p99.as_secs_f64() / figures.p99.as_secs_f64()
        );
    }
}
