use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use capture::call::{Call, RpcAnswer, Stub};
use capture::replay::{Replay, Step};
use capture::{Found, Operation};
use client::{Client, ClientConfig};
use identity::Mechanism;
use mapi::Interface;
use net::{CallFailure, LinkConfig, Location, RpcClient};
use rpc::AuthLevel;

use crate::commands::decode;
use crate::config::{Binding, ProtectionLevel};
use crate::{Outcome, files};

/// What to send, and where to.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Recordings, as `mapiproxy decode` takes them. Of those that we made, the clients' side is sent.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The server: a host, asked through its endpoint mapper (on port 135, or `host:port`), or one fixed endpoint
    /// as `ncacn_ip_tcp:host[6001]`.
    #[arg(long, value_parser = |text: &str| Binding::try_from(text.to_owned()))]
    target: Binding,
    /// The account that is signed in with; without it nobody signs in.
    #[arg(long = "as", value_name = "USER")]
    user: Option<String>,
    /// The account's domain.
    #[arg(long, default_value = "")]
    domain: String,
    /// A file whose first line is the account's password, readable by its owner alone. Asked for where it is left
    /// out.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// How well calls are protected.
    #[arg(long, value_enum, default_value = "privacy")]
    level: ProtectionLevel,
    /// Only what this user asked, by whole name or without the domain.
    #[arg(long)]
    user_asked: Option<String>,
    /// Reads what is sealed in the recording, as in `mapiproxy decode`.
    #[arg(long, value_name = "USER=FILE", value_parser = decode::assignment)]
    password: Vec<(String, PathBuf)>,
    /// Reads what is sealed in the recording, as in `mapiproxy decode`.
    #[arg(long, value_name = "KIND=FILE", value_parser = decode::assignment)]
    key: Vec<(String, PathBuf)>,
}

/// Sends a recording to a server.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let secrets = decode::secrets(&arguments.password, &arguments.key)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut sender = Sender::new(arguments)?;
    decode::read(&arguments.files, secrets, false, &mut |found| match found {
        Found::Problem(problem) => {
            eprintln!("mapiproxy: {problem}");
            Ok(())
        }
        Found::Call(call) if call.side.as_deref() == Some("upstream") => Ok(()),
        Found::Call(call) => runtime.block_on(sender.call(&call)),
    })?;
    let Counts { same, different, left_out } = sender.counts;
    println!("{same} answers are the same, {different} differ; {left_out} calls were not sent");
    if different > 0 { Err(format!("{different} answers differ").into()) } else { Ok(()) }
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    same: u64,
    different: u64,
    left_out: u64,
}

/// Makes calls as they were recorded.
struct Sender {
    client: Client,
    config: ClientConfig,
    user: Option<String>,
    replay: Replay,
    /// A connection for each that was recorded, and each interface in it.
    links: HashMap<(u64, Interface), RpcClient>,
    counts: Counts,
}

impl Sender {
    fn new(arguments: &Arguments) -> Result<Self, Box<dyn std::error::Error>> {
        let location = match arguments.target.clone() {
            Binding::Mapper { host, port } => Location::Mapper { host, port },
            Binding::Fixed { host, port } => Location::Fixed { host, port },
        };
        let mut config = ClientConfig { location, account: None, timeout: ClientConfig::TIMEOUT };
        let level = AuthLevel::from(arguments.level);
        if let Some(user) = arguments.user.as_ref().filter(|_| level != AuthLevel::NONE) {
            let password = match &arguments.password_file {
                Some(path) => files::read_password(path)?,
                None => identity::Password::new(rpassword::prompt_password(format!("password of {user}: "))?),
            };
            let account = client::account(user, &arguments.domain, &password, Mechanism::Ntlm, level);
            config = config.with_account(account);
        }
        Ok(Self {
            client: Client::new(config.clone()),
            config,
            user: arguments.user_asked.clone(),
            replay: Replay::default(),
            links: HashMap::new(),
            counts: Counts::default(),
        })
    }

    async fn call(&mut self, call: &Call) -> Outcome {
        if let Some(wanted) = &self.user {
            let filter = capture::filter::Filter { user: Some(wanted.clone()), ..Default::default() };
            if !filter.admits_user(call.user.as_deref()) {
                return Ok(());
            }
        }
        let step = match self.replay.prepare(call) {
            Ok(step) => step,
            Err(why) => {
                self.counts.left_out += 1;
                println!("not sent: {why}");
                return Ok(());
            }
        };
        let answer =
            match self.link(call.connection, step.interface).await?.call(step.opnum, step.stub.clone()).await
            {
                Ok((stub, endian)) => RpcAnswer::Response(Stub::Plain(stub, endian)),
                Err(CallFailure::Fault(status)) => RpcAnswer::Fault(status),
                Err(other) => return Err(Box::new(other)),
            };
        self.tell(call, &step, answer);
        Ok(())
    }

    fn tell(&mut self, call: &Call, step: &Step, answer: RpcAnswer) {
        let (operation, differences) = self.replay.compare(call, step, answer);
        let Operation { session, operation, .. } = operation;
        if differences.is_empty() {
            self.counts.same += 1;
            println!("[{session}] {operation}: the same");
            return;
        }
        self.counts.different += 1;
        println!("[{session}] {operation}: differs");
        for difference in differences {
            println!("  {}: {}, recorded was {}", difference.place, difference.came, difference.recorded);
        }
    }

    async fn link(
        &mut self,
        connection: u64,
        interface: Interface,
    ) -> Result<&mut RpcClient, Box<dyn std::error::Error>> {
        if !self.links.contains_key(&(connection, interface)) {
            let address = self.client.find(interface).await?;
            let config = LinkConfig {
                interface: net::syntax(interface),
                account: self.config.account.clone().map(Arc::new),
                group: 0,
                timeout: self.config.timeout,
            };
            self.links.insert((connection, interface), RpcClient::new(address, config));
        }
        self.links.get_mut(&(connection, interface)).ok_or_else(|| "there is no connection".into())
    }
}
