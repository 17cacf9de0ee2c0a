//! `mapiproxy replay`: a recording, sent to a server.

mod arguments;
mod http;
mod rpc;

use std::io::{self, Write as _, stdout};

use capture::call::Call;
use capture::filter::Filter;
use capture::replay::{Came, Difference, NotSent, Replay, Step};
use capture::{Operation, RecordedItem};

pub(crate) use self::arguments::Arguments;
use self::arguments::Target;
use self::http::HttpSender;
use self::rpc::RpcSender;
use crate::commands::decode;
use crate::failure::Outcome;

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
        RecordedItem::Problem(problem) => {
            crate::failure::complain(&problem.to_string());
            Ok(())
        }
        RecordedItem::Call(call) if call.side.as_deref() == Some("upstream") => Ok(()),
        RecordedItem::Call(call) => runtime.block_on(teller.call(&call)),
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
