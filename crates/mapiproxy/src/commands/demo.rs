//! `mapiproxy demo`: a test server, the proxy and clients on loopback addresses.

use std::error::Error;
use std::fs::DirBuilder;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use client::{Client, ClientConfig};
use identity::accounts::AccountFile;
use identity::{Account, Mechanism, NtHash, Password};
use lab::{Lab, LabConfig, LabServer};
use rpc::AuthLevel;
use tokio::sync::watch;

use crate::config::{Found, Problems};
use crate::failure::Outcome;
use crate::{config, files, wiring};

/// The loopback addresses of the demo's proxy and test server.
const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 23);
const LAB: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 24);

/// The users of the demo. Only the proxy has their accounts.
const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];

/// The only account of the test server.
const SERVICE: &str = "svcproxy";

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Keeps the proxy running until Ctrl-C, so that you can connect to it.
    #[arg(long)]
    stay: bool,
}

/// Starts the test server and the proxy on this machine, and clients that use them.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let folder = Folder::new()?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(show(&folder.0, arguments.stay))
}

async fn show(folder: &Path, stay: bool) -> Outcome {
    let service_password = random_text()?;
    let (stop, stopped) = watch::channel(false);
    let listening =
        lab::start(Arc::new(Lab::new(LabConfig::default())?), lab_server(&service_password)?).await?;
    let mapper = listening.endpoint_mapper().ok_or("the test server has no endpoint mapper")?;
    let mut out = std::io::stdout();
    writeln!(out, "server   test server with 300 users at {mapper}; its only account is {SERVICE}")?;
    let lab = net::spawn_system(listening.run(stopped));

    let passwords = write_files(folder, &service_password, mapper)?;
    let path = folder.join("proxy.toml");
    let (config, places) = config::load(&path)?;
    let mut found = Found::new(&path, &places);
    let stack = wiring::stack(&config, &mut found);
    Problems::none(found.problems)?;
    let (live, printer) = super::run::print_lines()?;
    let running = wiring::start(&config, stack, Arc::new(live)).await?;
    let endpoint_mapper = config.listen.endpoint_mapper.ok_or("the proxy has no endpoint mapper")?;
    let modules = config.modules.stack.join(", ");
    writeln!(out, "proxy    {} at {endpoint_mapper}; modules: {modules}", config.name)?;
    writeln!(
        out,
        "clients  {} sign in, and search the address book by encrypted calls:\n",
        PEOPLE.join(", ")
    )?;

    let seen = Box::pin(use_address_books(endpoint_mapper, &passwords)).await?;
    // A separate thread prints the lines.
    tokio::time::sleep(Duration::from_millis(200)).await;
    writeln!(out, "{}", explanation(&distinct(&seen)))?;
    if stay {
        let alice = folder.join("alice.password");
        files::replace(&alice, passwords[0].expose().as_bytes())?;
        writeln!(out, "{}", own_client(endpoint_mapper, &alice))?;
        super::signals::Signals::new()?.stop().await;
    } else {
        writeln!(out, "{}", next_steps())?;
    }
    let open = running.stop(tokio::time::sleep(Duration::from_secs(5))).await.open;
    printer.finish().await;
    stop.send(true)?;
    lab.await?;
    writeln!(out, "\nStopped; {open} open security contexts.")?;
    Ok(())
}

/// The explanation of the printed operations. `name` is the server's name that clients received.
fn explanation(name: &str) -> String {
    format!(
        "\nEach line is an operation that passed the proxy: the user that the proxy authenticated, the call, the\n\
         bytes of request and response, the time, the result, and what a module did. At the test server all\n\
         operations have the account {SERVICE}. Clients received {name} as their server's name; the test server's\n\
         name is EXCH1, which the module `names` replaces in both directions."
    )
}

/// The path by which this program was started.
fn program() -> String {
    let started = std::env::args_os().next().map(PathBuf::from);
    started.unwrap_or_else(|| PathBuf::from("mapiproxy")).display().to_string()
}

/// The calls of all users, each by another mechanism if there are enough. Returns the server's names that they
/// received.
async fn use_address_books(
    endpoint_mapper: SocketAddr,
    passwords: &[Password],
) -> Result<[String; 3], client::Error> {
    let of_rpc = |mechanism: &Mechanism| mechanism.rpc_auth_type().is_some() && mechanism.has_ends();
    let mut mechanisms = Mechanism::ALL.into_iter().filter(of_rpc).cycle();
    let [alice, bob, carol] = [0, 1, 2].map(|number| {
        let mechanism = mechanisms.next().unwrap_or(Mechanism::NTLM);
        let account =
            client::account(PEOPLE[number], "LAB", &passwords[number], mechanism, AuthLevel::PKT_PRIVACY);
        let host = endpoint_mapper.ip().to_string();
        let client = ClientConfig::mapper(&host, endpoint_mapper.port()).with_account(account);
        work(Client::new(client), PEOPLE[number])
    });
    let (alice, bob, carol) = tokio::join!(alice, bob, carol);
    Ok([alice?, bob?, carol?])
}

/// How to connect to the proxy of the demo, with alice's password in the file `password`.
fn own_client(endpoint_mapper: SocketAddr, password: &Path) -> String {
    format!(
        "\nThe proxy keeps running. To search the address book through it as alice, in another terminal:\n  \
         {} client --server {endpoint_mapper} --user alice --domain LAB --password-file {} gal --search ma\n\
         Ctrl-C ends the demo.",
        program(),
        password.display()
    )
}

/// What to do after the demo.
fn next_steps() -> String {
    let program = program();
    format!(
        "\nNext steps:\n  \
         {program} demo --stay      keeps the proxy running, so that you can connect to it\n  \
         {program} modules          lists the modules with their options\n  \
         {program} check --keys     prints a commented configuration template\n\
         README.md has an example configuration for your own server."
    )
}

/// The calls of one user. Returns the mailbox server's name that the user received.
async fn work(mut client: Client, user: &str) -> Result<String, client::Error> {
    let dn = LabConfig::default().user_dn(user);
    client.rfr_new_dsa(&dn).await?;
    let mut book = client.address_book().await?;
    book.hierarchy().await?;
    book.people(0, 20).await?;
    book.search("ma", 50).await?;
    let resolved = book.resolve_names(&[user]).await?;
    book.unbind().await?;
    client.mailbox(&dn).await?.disconnect().await?;
    let database = resolved.into_iter().find_map(|resolution| match resolution {
        client::Resolution::Resolved(person) => Some(person.home_database),
        _ => None,
    });
    Ok(server_of(&database.unwrap_or_default()))
}

/// The server in a mailbox database's distinguished name.
fn server_of(database: &str) -> String {
    let name = database.split("/cn=Servers/cn=").nth(1).and_then(|rest| rest.split('/').next());
    name.unwrap_or("nothing").to_owned()
}

/// The different names of `seen`.
fn distinct(seen: &[String]) -> String {
    let mut names = seen.to_vec();
    names.dedup();
    names.join(" or ")
}

fn lab_server(password: &Password) -> Result<LabServer, Box<dyn Error>> {
    let mut accounts = AccountFile::default();
    accounts.set(account(SERVICE, password))?;
    let any = SocketAddr::from((LAB, 0));
    Ok(LabServer { endpoint_mapper: Some(any), rpc: any, ..LabServer::local(Arc::new(accounts)) })
}

fn account(user: &str, password: &Password) -> Account {
    let nt_hash = NtHash::from_password(password.expose());
    Account::new(user, "LAB", nt_hash)
}

/// Writes the proxy's configuration and its secrets. Returns the users' passwords.
fn write_files(
    folder: &Path,
    service: &Password,
    mapper: SocketAddr,
) -> Result<Vec<Password>, Box<dyn Error>> {
    let passwords = PEOPLE.iter().map(|_| random_text()).collect::<Result<Vec<_>, _>>()?;
    let mut accounts = AccountFile::default();
    for (user, password) in PEOPLE.iter().zip(&passwords) {
        accounts.set(account(user, password))?;
    }
    files::write_accounts(&folder.join("accounts.toml"), &accounts)?;
    files::replace(&folder.join("svcproxy.password"), service.expose().as_bytes())?;
    let [own_mapper, rpc] = free_ports(PROXY)?;
    let text = format!(
        "name = \"proxy.lab.test\"\n\
         [listen]\nendpoint_mapper = \"{PROXY}:{own_mapper}\"\nrpc = \"{PROXY}:{rpc}\"\n\
         [clients]\naccounts = \"accounts.toml\"\n\
         [upstream]\nrpc = \"{mapper}\"\n\
         [upstream.credentials]\nmode = \"specified\"\nuser = \"{SERVICE}\"\ndomain = \"LAB\"\n\
         password_file = \"svcproxy.password\"\n\
         [modules.names]\nserver = \"EXCH1\"\n"
    );
    files::replace(&folder.join("proxy.toml"), text.as_bytes())?;
    Ok(passwords)
}

/// Two ports of `host` that are free now.
fn free_ports(host: Ipv4Addr) -> std::io::Result<[u16; 2]> {
    let [first, second] = [TcpListener::bind((host, 0))?, TcpListener::bind((host, 0))?];
    Ok([first.local_addr()?.port(), second.local_addr()?.port()])
}

fn random_text() -> Result<Password, identity::RandomError> {
    let mut bytes = [0; 16];
    identity::Random::fill(&mut identity::OsRandom, &mut bytes)?;
    Ok(Password::new(bytes.map(|byte| format!("{byte:02x}")).concat()))
}

/// A directory that other users cannot read, removed when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("mapiproxy-demo-{}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
