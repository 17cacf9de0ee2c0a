//! Serves a lab on this machine for a while: `serve ENDPOINT_MAPPER RPC SECONDS [LEVEL]`, with the addresses
//! as `127.0.0.1:PORT` and the level as DCE/RPC numbers it. The accounts alice and bob of the domain LAB have
//! the password `Password`.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use identity::accounts::AccountFile;
use identity::{Account, NtHash};
use lab::{Lab, LabConfig, LabServer, start};
use rpc::AuthLevel;
use tokio::sync::watch;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or(format!("no {what}"));
    let endpoint_mapper: SocketAddr = next("endpoint mapper")?.parse()?;
    let rpc: SocketAddr = next("rpc")?.parse()?;
    let seconds: u64 = next("seconds")?.parse()?;
    let level = next("level").map_or(Ok(AuthLevel::PKT_PRIVACY.0), |level| level.parse())?;
    let mut accounts = AccountFile::default();
    for user in ["alice", "bob"] {
        let nt_hash = NtHash::from_password("Password");
        accounts.set(Account::new(user, "LAB", nt_hash))?;
    }
    let server = LabServer {
        endpoint_mapper: Some(endpoint_mapper),
        rpc,
        minimum_level: AuthLevel(level),
        ..LabServer::local(Arc::new(accounts))
    };
    let lab = Arc::new(Lab::new(LabConfig::two_servers())?);
    let listening = start(Arc::clone(&lab), server).await?;
    println!("{listening:?}, people: {}", lab.aliases().len());
    let (stop, stopped) = watch::channel(false);
    let serving = listening.run(stopped);
    tokio::pin!(serving);
    tokio::select! {
        () = &mut serving => {}
        () = tokio::time::sleep(Duration::from_secs(seconds)) => {
            stop.send(true)?;
            serving.await;
        }
    }
    Ok(())
}
