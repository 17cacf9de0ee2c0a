//! `mapiproxy replay`: a recording, sent to a server.

mod http;
mod rpc;

use std::io::{self, Write as _, stdout};
use std::path::PathBuf;

use capture::call::Call;
use capture::filter::Filter;
use capture::replay::{Came, Difference, NotSent, Replay, Step};
use capture::{Found, Operation};

use self::http::HttpSender;
use self::rpc::RpcSender;
use crate::Outcome;
use crate::commands::decode;
use crate::commands::sign_in::SignIn;
use crate::config::{Binding, NoServer, Scheme, Url};

/// What to send, and where to.
#[derive(Debug, clap::Args)]
#[command(mut_arg("user", |user| user.long("as")))]
pub(crate) struct Arguments {
    /// Recordings, as `mapiproxy decode` takes them. Of those that we made, the clients' side is sent.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The server. For remote calls a host, asked through its endpoint mapper (on port 135, or `host:port`),
    /// or one fixed endpoint as `ncacn_ip_tcp:host[6001]`. For MAPI over HTTP `https://host`, with `:port`
    /// where it is another.
    #[arg(long, value_parser = Target::parse)]
    target: Target,
    #[command(flatten)]
    sign_in: SignIn,
    /// How to sign in by HTTP.
    #[arg(long, value_enum, default_value = "ntlm")]
    auth: Scheme,
    /// A file with the certificates of the authorities that may say who the server is, in PEM. Those that this
    /// machine trusts where it is left out.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The name that the server's certificate must have, where it is not that of the target.
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Only what this user asked, by whole name or without the domain.
    #[arg(long)]
    user_asked: Option<String>,
    /// Reads what is sealed in the recording, as in `mapiproxy decode`.
    #[arg(long, value_name = "USER=FILE", value_parser = decode::assignment)]
    password: Vec<(String, PathBuf)>,
    /// Reads what is sealed in the recording, as in `mapiproxy decode`.
    #[arg(long, value_name = "KIND=FILE", value_parser = decode::assignment)]
    key: Vec<(String, PathBuf)>,
    #[command(flatten)]
    key_files: super::key_files::KeyFiles,
}

/// Where calls are sent.
#[derive(Debug, Clone)]
enum Target {
    Rpc(Binding),
    Http(Url),
}

impl Target {
    fn parse(text: &str) -> Result<Self, NoServer> {
        if text.contains("://") {
            return Url::try_from(text.to_owned()).map(Self::Http);
        }
        Binding::try_from(text.to_owned()).map(Self::Rpc)
    }
}

type Failure = Box<dyn std::error::Error>;

/// Sends a recording to a server.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let secrets = decode::secrets(&arguments.password, &arguments.key)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sender = match &arguments.target {
        Target::Rpc(binding) => Sender::Rpc(Box::new(RpcSender::new(binding, arguments)?)),
        Target::Http(url) => Sender::Http(Box::new(HttpSender::new(url, arguments)?)),
    };
    let filter = Filter { user: arguments.user_asked.clone(), ..Filter::default() };
    let mut teller = Teller { sender, filter, replay: Replay::default(), counts: Counts::default() };
    let keys = arguments.key_files.open(secrets, false)?;
    decode::read(&arguments.files, keys, false, &mut |found| match found {
        Found::Problem(problem) => {
            crate::complain(&problem.to_string());
            Ok(())
        }
        Found::Call(call) if call.side.as_deref() == Some("upstream") => Ok(()),
        Found::Call(call) => runtime.block_on(teller.call(&call)),
    })?;
    teller.end()
}

/// Who sends calls.
enum Sender {
    Rpc(Box<RpcSender>),
    Http(Box<HttpSender>),
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    same: u64,
    different: u64,
    left_out: u64,
    /// Calls that only a target of the other kind takes.
    elsewhere: u64,
}

/// Has calls made as they were recorded, and tells what comes of it.
struct Teller {
    sender: Sender,
    filter: Filter,
    replay: Replay,
    counts: Counts,
}

impl Teller {
    async fn call(&mut self, call: &Call) -> Outcome {
        if !self.filter.admits_user(call.user.as_deref()) {
            return Ok(());
        }
        let (recorded, step) = self.replay.prepare(call);
        let sent = match (&mut self.sender, &step) {
            (_, Err(why)) => Err(*why),
            (Sender::Rpc(sender), Ok(Step::Rpc(step))) => {
                Ok(Came::Rpc(sender.send(call.connection, step).await?))
            }
            (Sender::Http(sender), Ok(Step::Http(step))) => {
                Ok(Came::Http(sender.send(recorded.session, step).await?))
            }
            (Sender::Rpc(_), Ok(Step::Http(_))) => {
                self.counts.elsewhere += 1;
                Err(NotSent::TargetIsRpc)
            }
            (Sender::Http(_), Ok(Step::Rpc(_))) => {
                self.counts.elsewhere += 1;
                Err(NotSent::TargetIsHttp)
            }
        };
        match (step, sent) {
            (Ok(step), Ok(came)) => {
                let differences = self.replay.compare(call, &recorded, &step, came);
                self.tell(&recorded, differences)?;
            }
            (_, Err(why)) | (Err(why), Ok(_)) => {
                self.counts.left_out += 1;
                writeln!(stdout(), "[{}] {}: not sent, {why}", recorded.session, recorded.operation)?;
            }
        }
        Ok(())
    }

    fn tell(&mut self, recorded: &Operation, differences: Vec<Difference>) -> io::Result<()> {
        let Operation { session, operation, .. } = recorded;
        if differences.is_empty() {
            self.counts.same += 1;
            return writeln!(stdout(), "[{session}] {operation}: the same");
        }
        self.counts.different += 1;
        writeln!(stdout(), "[{session}] {operation}: differs")?;
        for Difference { place, came, recorded } in differences {
            writeln!(stdout(), "  {place}: {came}, recorded was {recorded}")?;
        }
        Ok(())
    }

    /// What came of it all.
    fn end(self) -> Outcome {
        let Counts { same, different, left_out, elsewhere } = self.counts;
        writeln!(
            stdout(),
            "{same} answers are the same, {different} differ; {left_out} calls were not sent"
        )?;
        if different > 0 {
            return Err(format!("{different} answers differ").into());
        }
        if same == 0 {
            return Err(match (&self.sender, elsewhere) {
                (_, 0) if left_out > 0 => "none of the recorded calls can be sent".into(),
                (_, 0) => "there are no calls of MAPI in the recording".into(),
                (Sender::Rpc(_), _) => {
                    "the recording is of MAPI over HTTP: name a target as https://host".into()
                }
                (Sender::Http(_), _) => {
                    "the recording is of remote calls: name a target as host or ncacn_ip_tcp:host[6001]"
                        .into()
                }
            });
        }
        Ok(())
    }
}
