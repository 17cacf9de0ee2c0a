//! Unauthenticated connections that are held open, and their cost for authenticated users.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::bodies::Kind;
use super::choice::{Choice, among};
use super::load::{self, Client, Target};
use super::peers::{Peer, Peers};
use super::upstream;

use crate::configuration::NAME;
use crate::load::{Figures, median};
use crate::setup;

/// The number of held connections, if the benchmark and each proxy may have that many files open.
const MOST: usize = 10_000;

/// The most connections from one address: fewer than the default of `connections_per_address`.
const PER_ADDRESS: usize = 200;

/// The delay after which a closed connection is opened again.
const PAUSE: Duration = Duration::from_secs(5);

/// A connection that is closed sooner than this counts as refused.
const SOON: Duration = Duration::from_secs(1);

/// How long it may take to open all connections.
const FILLING: Duration = Duration::from_secs(20);

/// What a held connection sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sends {
    /// The first half of a request's head.
    HalfHead,
    /// A request without credentials, whose response is read.
    Request,
    Nothing,
}

impl Sends {
    /// Half of all send half a head, a fifth a request, the rest nothing.
    const fn of(number: usize) -> Self {
        match number % 10 {
            0..5 => Self::HalfHead,
            5 | 6 => Self::Request,
            _ => Self::Nothing,
        }
    }
}

/// The state of the connections of a flood.
#[derive(Debug, Default)]
struct Counts {
    /// Open now.
    held: AtomicUsize,
    /// Attempts that ended within [`SOON`], or did not connect.
    refused: AtomicUsize,
    /// Closed by the proxy later than that.
    closed: AtomicUsize,
}

/// One round: users alone, and beside the flood.
struct Turn {
    quiet: Figures,
    beside: Figures,
    /// The fewest that were held before and after the second measurement.
    held: usize,
    refused: usize,
    closed: usize,
    resident: u64,
}

/// Measures authenticated users alone and beside the flood, through MAPIProxy with raised and with default
/// limits, and through nginx.
pub(crate) async fn run(round: Duration, rounds: usize, choice: &Choice) -> Result<(), Box<dyn Error>> {
    let upstream = upstream::start()?;
    let mut peers = Peers::start(upstream, |name| name == "nginx" && among(&choice.peers, name))?;
    peers.add_with_default_limits(upstream)?;
    let many = MOST.min(setup::descriptors().saturating_sub(1000));
    let usual = vec![16, 64];
    let counts = if choice.connections.is_empty() { &usual } else { &choice.connections };
    println!(
        "Signed-in users who send small requests, quiet and while {many} unauthenticated connections are held"
    );
    println!("(half sent half a head, a fifth had a 401, the rest sent nothing; medians of {rounds} rounds)");
    println!(
        "{:<12} {:>5}   {:>25}   {:>25}   {:>6} {:>6} {:>6}   {:>6} {:>8} {:>7} {:>13}",
        "",
        "users",
        "quiet req/s p50 p99",
        "beside req/s p50 p99",
        "rate",
        "p50",
        "p99",
        "held",
        "refused",
        "closed",
        "resident KiB"
    );
    for count in counts {
        let mut turns: Vec<Vec<Turn>> = peers.all.iter().map(|_| Vec::new()).collect();
        for _ in 0..rounds {
            for (peer, turns) in peers.all.iter().zip(&mut turns) {
                let turn = turn(peer, peers.password.expose(), *count, many, round).await;
                turns.push(turn.map_err(|error| format!("{}: {error}", peer.name))?);
            }
        }
        for (peer, turns) in peers.all.iter().zip(&turns) {
            show(peer, *count, turns);
        }
    }
    Ok(())
}

async fn turn(
    peer: &Peer,
    password: &str,
    users: usize,
    many: usize,
    round: Duration,
) -> Result<Turn, Box<dyn Error>> {
    let authorization = load::authorization(password);
    let target = Target { address: peer.plain, tls: None, kind: Kind::Small, authorization };
    let clients: Vec<Client> = load::open(&target, users).await.map_err(|error| error.to_string())?;
    // One round first, so that memory allocated once is attributed to no side.
    let (clients, _) = load::drive(clients, round / 4).await?;
    let (clients, quiet) = load::drive(clients, round).await?;

    let counts = Arc::new(Counts::default());
    let mut flood = JoinSet::new();
    for number in 0..many {
        flood.spawn(hold(peer.plain, number, Arc::clone(&counts)));
    }
    fill(&counts, many).await;
    let before = counts.held.load(Ordering::Relaxed);
    let (clients, beside) = load::drive(clients, round).await?;
    let held = before.min(counts.held.load(Ordering::Relaxed));
    let resident = peer.resident()?;
    flood.shutdown().await;
    load::close(clients).await.map_err(|error| error.to_string())?;
    let total = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    let (refused, closed) = (total(&counts.refused), total(&counts.closed));
    Ok(Turn { quiet, beside, held, refused, closed, resident })
}

/// Waits until each connection of the flood was tried and their number stops growing.
async fn fill(counts: &Counts, many: usize) {
    let since = Instant::now();
    let mut last = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let held = counts.held.load(Ordering::Relaxed);
        let tried = held + counts.refused.load(Ordering::Relaxed) + counts.closed.load(Ordering::Relaxed);
        if held == many || (tried >= many && held <= last) || since.elapsed() > FILLING {
            return;
        }
        last = held;
    }
}

/// Holds a connection until the proxy closes it, and opens it again.
async fn hold(address: SocketAddr, number: usize, counts: Arc<Counts>) {
    // A few at a time, because the queue of a listener is bounded.
    tokio::time::sleep(Duration::from_micros(100) * u32::try_from(number).unwrap_or(0)).await;
    loop {
        let since = Instant::now();
        if let Ok(stream) = connect(address, number).await {
            counts.held.fetch_add(1, Ordering::Relaxed);
            // An error ends the connection.
            let _ = stay(stream, Sends::of(number)).await;
            counts.held.fetch_sub(1, Ordering::Relaxed);
        }
        let ended = if since.elapsed() < SOON { &counts.refused } else { &counts.closed };
        ended.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Connects from one of so many addresses that none has more than [`PER_ADDRESS`] connections.
async fn connect(address: SocketAddr, number: usize) -> std::io::Result<TcpStream> {
    let place = u8::try_from(number / PER_ADDRESS).unwrap_or(u8::MAX);
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 1, place, 1), 0).into())?;
    socket.connect(address).await
}

/// Sends the bytes of this kind and reads until the other side closes.
async fn stay(mut stream: TcpStream, sends: Sends) -> std::io::Result<()> {
    let head = format!("GET /mapi/emsmdb/ HTTP/1.1\r\nHost: {NAME}\r\n");
    match sends {
        Sends::HalfHead => stream.write_all(head.as_bytes()).await?,
        Sends::Request => stream.write_all(format!("{head}\r\n").as_bytes()).await?,
        Sends::Nothing => {}
    }
    let mut buffer = [0; 256];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

fn show(peer: &Peer, users: usize, turns: &[Turn]) {
    let ms = |d: Duration| d.as_secs_f64() * 1000.0;
    let figures = |of: Figures| format!("{:>9.0} {:>7.2} {:>7.2}", of.rate, ms(of.p50), ms(of.p99));
    // The median of the ratios: both figures of a turn were measured in the same state of the machine.
    let ratio = |of: fn(Figures) -> f64| {
        let mut ratios: Vec<f64> = turns.iter().map(|turn| of(turn.beside) / of(turn.quiet)).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    };
    let quiet = median(turns.iter().map(|turn| turn.quiet).collect());
    let beside = median(turns.iter().map(|turn| turn.beside).collect());
    let least = |of: fn(&Turn) -> usize| turns.iter().map(of).min().unwrap_or(0);
    let most = |of: fn(&Turn) -> usize| turns.iter().map(of).max().unwrap_or(0);
    println!(
        "{:<12} {users:>5}   {}   {}   {:>5.2}x {:>5.2}x {:>5.2}x   {:>6} {:>8} {:>7} {:>13}",
        peer.name,
        figures(quiet),
        figures(beside),
        ratio(|of| of.rate),
        ratio(|of| of.p50.as_secs_f64()),
        ratio(|of| of.p99.as_secs_f64()),
        least(|turn| turn.held),
        most(|turn| turn.refused),
        most(|turn| turn.closed),
        turns.iter().map(|turn| turn.resident).max().unwrap_or(0)
    );
}
