//! `mapiproxy load`: the work of many users, to measure a server or a proxy.

mod accounts;
mod figures;
mod person;
mod random;

use std::io::{Write as _, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use client::{ClientConfig, Server, account, http_account};
use identity::Mechanism;
use rpc::AuthLevel;
use tokio::task::JoinSet;

use self::accounts::User;
use self::figures::Figures;
use self::person::Person;
use self::random::Random;
use super::progress;
use super::target::{self, Target};
use crate::failure::{Failure, Outcome};

/// The mean time between two actions of a user, at speed 1.
const THINK: Duration = Duration::from_secs(30);

/// Arguments of `load`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The server, as for `client`. If it is given twice, for example as `https://host` and as `host:port`, every
    /// second user has the second one. The users send messages to each other only: use accounts that
    /// exist for this purpose.
    #[arg(long, value_parser = Target::parse, required = true)]
    server: Vec<Target>,
    /// A file with a user and the password a line, separated by a blank, which only its owner may read.
    #[arg(long, value_name = "FILE")]
    accounts: PathBuf,
    /// The domain of the accounts, by its NetBIOS name.
    #[arg(long, default_value = "")]
    domain: String,
    /// The number of users. An account has several if there are fewer accounts.
    #[arg(long, default_value_t = 10)]
    users: usize,
    /// The duration.
    #[arg(long, default_value_t = 1.0, value_parser = positive)]
    minutes: f64,
    /// How much faster than people the users are. At 1, a user pauses for 30 seconds on average between two actions.
    #[arg(long, default_value_t = 1.0, value_parser = positive)]
    speed: f64,
    /// The seed from which all pauses and actions are determined.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// CA certificates for the server's certificate, in PEM [default: those that this machine trusts].
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Prints the results as JSON.
    #[arg(long)]
    json: bool,
}

fn positive(text: &str) -> Result<f64, &'static str> {
    // A day has 1,440 minutes; as a speed, the pauses become immeasurable.
    text.parse()
        .ok()
        .filter(|number| (0.01..=10_000.0).contains(number))
        .ok_or("expected a number from 0.01 to 10000")
}

/// Runs the users, and prints the figures.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let accounts = accounts::read(&arguments.accounts)?;
    let figures = Arc::new(Figures::new());
    let people = people(arguments, &accounts, &figures)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let mut signals = super::signals::Signals::new()?;
        let mut working = JoinSet::new();
        for person in people {
            working.spawn(person.work());
        }
        tokio::select! {
            () = show_progress(Duration::from_secs_f64(arguments.minutes * 60.0), &figures) => {}
            () = signals.stop() => {}
        }
        working.shutdown().await;
        Ok::<_, Failure>(())
    })?;
    if arguments.json {
        writeln!(stdout(), "{}", figures.json())?;
    } else {
        writeln!(stdout(), "{figures}")?;
    }
    match figures.totals() {
        (0, 0) => Err("no operation was completed: choose more --minutes or more --speed".into()),
        (_, 0) => Ok(()),
        (_, failed) => Err(format!("{failed} operations failed").into()),
    }
}

/// Shows the progress, if standard error is a terminal, until `duration` is over.
async fn show_progress(duration: Duration, figures: &Figures) {
    let bar = progress::bar(duration.as_secs(), "{bar:40} {eta} left; {msg}");
    let end = tokio::time::Instant::now() + duration;
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    let tick = async {
        loop {
            seconds.tick().await;
            let (done, failed) = figures.totals();
            bar.set_message(format!("{done} operations, {failed} failed"));
            bar.inc(1);
        }
    };
    let _ = tokio::time::timeout_at(end, tick).await;
    bar.finish_and_clear();
}

/// The users, each with a client of its own.
fn people(arguments: &Arguments, accounts: &[User], figures: &Arc<Figures>) -> Result<Vec<Person>, Failure> {
    let names = Arc::new(accounts.iter().map(|user| user.name.clone()).collect::<Vec<_>>());
    let configs = configs(arguments, accounts)?;
    let person = |(index, (user, config)): (usize, (&User, &ClientConfig))| Person {
        name: user.name.clone(),
        config: config.clone(),
        users: Arc::clone(&names),
        figures: Arc::clone(figures),
        random: Random::of_user(arguments.seed, u64::try_from(index).unwrap_or_default()),
        think: THINK.div_f64(arguments.speed),
    };
    let users = accounts.iter().cycle().zip(configs.iter().cycle());
    Ok(users.take(arguments.users).enumerate().map(person).collect())
}

/// The client of each account at each server in turn. If an account has several users, all have the account's server.
fn configs(arguments: &Arguments, accounts: &[User]) -> Result<Vec<ClientConfig>, Failure> {
    let servers = arguments.server.iter().cycle();
    let configs = accounts.iter().zip(servers);
    configs
        .map(|(user, server)| config(user, server, &arguments.domain, arguments.ca_file.as_deref()))
        .collect()
}

fn config(user: &User, server: &Target, domain: &str, ca: Option<&Path>) -> Result<ClientConfig, Failure> {
    Ok(match server {
        Target::Rpc(binding) => ClientConfig::new(Server::Rpc(binding.clone().into())).with_account(account(
            &user.name,
            domain,
            &user.password,
            Mechanism::NTLM,
            AuthLevel::PKT_PRIVACY,
        )),
        Target::Http(url) => {
            let server = target::http_server(url, ca)?;
            ClientConfig::http(server).with_account(http_account(
                &user.name,
                domain,
                &user.password,
                Mechanism::NTLM,
            )?)
        }
    })
}
