//! NSPI operations by many clients at once.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use identity::Mechanism;
use mapi::Interface;
use mapi::ndr::{CharString, ContextHandle, Counted, Ptr, SizedPtr, WcharString};
use mapi::nspi::{self, MId, Stat, TagArray};
use mapi::property::PropTag;
use net::{AssociationConfig, RpcClient, ServiceCredentials, syntax};
use rpc::AuthLevel;
use tokio::task::JoinSet;

use crate::configuration::DOMAIN;
use crate::setup::{self, Field, Stage, USER};

type Failure = Box<dyn Error + Send + Sync>;

/// The result of a round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) rate: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// A client with its own session.
pub(crate) struct Session {
    rpc: RpcClient,
    calls: Vec<(u16, Bytes)>,
}

/// Compares the proxy with `HAProxy` at several numbers of clients, sealed and plain.
pub(crate) async fn compare(round: Duration, rounds: usize) -> Result<(), Box<dyn Error>> {
    println!("NSPI operations through the proxy, beside HAProxy in TCP mode straight to the lab");
    println!(
        "(QueryRows of 10, GetProps, DNToMId, ResolveNamesW, UpdateStat in turn; medians of {rounds} rounds)"
    );
    println!(
        "{:<10} {:>7}   {:>22}   {:>22}   {:>10} {:>10}",
        "level", "clients", "proxy op/s p50 p99", "haproxy op/s p50 p99", "rate", "p50"
    );
    for (level, stack) in [("privacy", "\"names\""), ("none", "\"names\""), ("privacy", ""), ("none", "")] {
        let field = Field::start(level, stack)?;
        for clients in [1, 16, 256] {
            let (proxy, haproxy) = pair(&field, level, clients, round, rounds).await?;
            let name = if stack.is_empty() { level.to_owned() } else { format!("{level}+names") };
            println!(
                "{name:<14} {clients:>5}   {}   {}   {:>9.2}x {:>9.2}x",
                show(proxy),
                show(haproxy),
                proxy.rate / haproxy.rate,
                proxy.p50.as_secs_f64() / haproxy.p50.as_secs_f64()
            );
        }
    }
    Ok(())
}

/// The output of callgrind for the operations of one client.
pub(crate) async fn callgrind(level: &str, operations: u64) -> Result<String, Box<dyn Error>> {
    // The folder outlives the proxy, which writes when it ends.
    let stage = Stage::new("counted")?;
    let file = stage.path("callgrind.out");
    let field = Field::of(setup::under_callgrind(&file)?, level, "\"names\"")?;
    let sessions = open(field.proxy, account(&field, level), 1).await.map_err(|error| error.to_string())?;
    for mut session in sessions {
        for _ in 0..=operations / session.calls.len() as u64 {
            session.call_each().await.map_err(|error| error.to_string())?;
        }
    }
    drop(field);
    Ok(std::fs::read_to_string(&file)?)
}

fn show(figures: Figures) -> String {
    let ms = |d: Duration| d.as_secs_f64() * 1000.0;
    format!("{:>9.0} {:>6.2} {:>6.2}", figures.rate, ms(figures.p50), ms(figures.p99))
}

/// Both sides in turn, `rounds` times each; the medians.
async fn pair(
    field: &Field,
    level: &str,
    clients: usize,
    round: Duration,
    rounds: usize,
) -> Result<(Figures, Figures), Box<dyn Error>> {
    let account = account(field, level);
    let mut sides = [Vec::new(), Vec::new()];
    let mut sessions = [Vec::new(), Vec::new()];
    for (side, address) in [field.proxy, field.haproxy].into_iter().enumerate() {
        sessions[side] = open(address, account.clone(), clients).await.map_err(|error| error.to_string())?;
    }
    for _ in 0..rounds {
        for side in 0..2 {
            let (back, figures) = drive(std::mem::take(&mut sessions[side]), round).await?;
            sessions[side] = back;
            sides[side].push(figures);
        }
    }
    let [proxy, haproxy] = sides.map(median);
    Ok((proxy, haproxy))
}

pub(crate) fn median(mut all: Vec<Figures>) -> Figures {
    all.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    all[all.len() / 2]
}

pub(crate) fn account(field: &Field, level: &str) -> Option<Arc<ServiceCredentials>> {
    (level != "none").then(|| {
        let account = client::account(USER, DOMAIN, &field.password, Mechanism::NTLM, AuthLevel::PKT_PRIVACY);
        Arc::new(account)
    })
}

/// Signs `count` clients in, each with an address book session.
pub(crate) async fn open(
    address: SocketAddr,
    account: Option<Arc<ServiceCredentials>>,
    count: usize,
) -> Result<Vec<Session>, Failure> {
    let mut sessions = Vec::with_capacity(count);
    while sessions.len() < count {
        // A few at a time: the queue of connections that wait to be accepted is bounded.
        let mut opening = JoinSet::new();
        for _ in 0..32.min(count - sessions.len()) {
            opening.spawn(session(address, account.clone()));
        }
        while let Some(opened) = opening.join_next().await {
            sessions.push(opened??);
        }
    }
    Ok(sessions)
}

async fn session(address: SocketAddr, account: Option<Arc<ServiceCredentials>>) -> Result<Session, Failure> {
    let config = AssociationConfig {
        interface: syntax(Interface::Nspi),
        account,
        group: 0,
        bind_id: None,
        timeout: Duration::from_mins(1),
    };
    let mut rpc = RpcClient::new(vec![address], config);
    let stat = Stat { code_page: 1252, ..Stat::default() };
    let bind = nspi::Request::Bind(nspi::BindRequest { flags: 0, stat, server_guid: Ptr::NULL });
    let (stub, endian) = rpc.call(0, bind.encode()?).await?;
    let (nspi::Response::Bind(bound), _) = nspi::Response::decode(0, &stub, endian)? else {
        return Err("no response to NspiBind".into());
    };
    let own = dn_to_mid(bound.handle);
    let (stub, endian) = rpc.call(own.opnum(), own.encode()?).await?;
    let mids = match nspi::Response::decode(own.opnum(), &stub, endian)?.0 {
        nspi::Response::DNToMId(found) => found.mids.value.map(|mids| mids.values).unwrap_or_default(),
        _ => Vec::new(),
    };
    let own = *mids.first().ok_or("the lab does not know the account that it let in")?;
    Ok(Session { rpc, calls: calls(bound.handle, own)? })
}

fn dn_to_mid(handle: ContextHandle) -> nspi::Request {
    let names = Counted(vec![Ptr::new(CharString::new(lab::LabConfig::default().user_dn(USER)))]);
    nspi::Request::DNToMId(nspi::DNToMIdRequest { handle, reserved: 0, names })
}

/// The calls that a client makes in turn.
fn calls(handle: ContextHandle, own: MId) -> Result<Vec<(u16, Bytes)>, Failure> {
    let stat = Stat { code_page: 1252, ..Stat::default() };
    let columns = [
        PropTag::PidTagDisplayName,
        PropTag::PidTagSmtpAddress,
        PropTag::PidTagEmailAddress,
        PropTag::PidTagAddressBookHomeMessageDatabase,
        PropTag::PidTagDepartmentName,
        PropTag::PidTagBusinessTelephoneNumber,
    ];
    let tags = || Ptr::new(TagArray::new(columns.to_vec()));
    let requests = [
        nspi::Request::QueryRows(nspi::QueryRowsRequest {
            handle,
            flags: 0,
            stat,
            table: SizedPtr::default(),
            count: 10,
            prop_tags: tags(),
        }),
        nspi::Request::GetProps(nspi::GetPropsRequest {
            handle,
            flags: 0,
            stat: Stat { current_rec: own, ..stat },
            prop_tags: tags(),
        }),
        dn_to_mid(handle),
        nspi::Request::ResolveNamesW(nspi::ResolveNamesWRequest {
            handle,
            reserved: 0,
            stat,
            prop_tags: tags(),
            names: Counted(vec![Ptr::new(WcharString::new(USER))]),
        }),
        nspi::Request::UpdateStat(nspi::UpdateStatRequest { handle, reserved: 0, stat, delta: Ptr::NULL }),
    ];
    let encoded = requests.iter().map(|request| Ok((request.opnum(), Bytes::from(request.encode()?))));
    encoded.collect()
}

/// Lets all sessions call without pause for `round`.
pub(crate) async fn drive(
    sessions: Vec<Session>,
    round: Duration,
) -> Result<(Vec<Session>, Figures), Box<dyn Error>> {
    let mut tasks = JoinSet::new();
    let begun = Instant::now();
    for session in sessions {
        tasks.spawn(work(session, begun + round));
    }
    let mut sessions = Vec::new();
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let (session, own) = done?.map_err(|error| error.to_string())?;
        sessions.push(session);
        times.extend(own);
    }
    let elapsed = begun.elapsed();
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    let rate = times.len() as f64 / elapsed.as_secs_f64();
    Ok((sessions, Figures { rate, p50: at(50), p99: at(99) }))
}

async fn work(mut session: Session, until: Instant) -> Result<(Session, Vec<Duration>), Failure> {
    let mut times = Vec::new();
    loop {
        times.extend(session.call_each().await?);
        if Instant::now() >= until {
            return Ok((session, times));
        }
    }
}

impl Session {
    /// Makes each call once; returns how long each took.
    async fn call_each(&mut self) -> Result<Vec<Duration>, Failure> {
        let mut times = Vec::with_capacity(self.calls.len());
        for (opnum, stub) in &self.calls {
            let since = Instant::now();
            let (answer, _) = self.rpc.call(*opnum, stub.clone()).await?;
            times.push(since.elapsed());
            if answer.last_chunk::<4>() != Some(&[0; 4]) {
                return Err(format!("operation {opnum} failed: {answer:02x?}").into());
            }
        }
        Ok(times)
    }
}
