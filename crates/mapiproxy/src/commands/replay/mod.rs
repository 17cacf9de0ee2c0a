//! `mapiproxy replay`: sends the calls of a recording to a server and compares the responses.

mod arguments;
mod http;
mod rpc;

use std::io::{self, Write as _, stdout};

use capture::call::Call;
use capture::filter::Filter;
use capture::replay::{Difference, NotSent, Replay, ReplayedOutcome, Step};
use capture::{Operation, RecordedItem};

pub(crate) use self::arguments::Arguments;
use self::arguments::Target;
use self::http::HttpSender;
use self::rpc::RpcSender;
use crate::commands::decode;
use crate::failure::Outcome;

/// Sends a recording to a server.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sender = match &arguments.target {
        Target::Rpc(binding) => Sender::Rpc(Box::new(RpcSender::new(binding, arguments)?)),
        Target::Http(url) => Sender::Http(Box::new(HttpSender::new(url, arguments)?)),
    };
    let filter = Filter { user: arguments.only_user.clone(), ..Filter::default() };
    let mut replayer = Replayer { sender, filter, replay: Replay::default(), counts: Counts::default() };
    let keys = arguments.decryption.open(false)?;
    decode::read(&arguments.files, keys, false, &mut |found| match found {
        RecordedItem::Problem(problem) => {
            crate::failure::report(&problem.to_string());
            Ok(())
        }
        RecordedItem::Call(call) if call.side.as_deref() == Some("upstream") => Ok(()),
        RecordedItem::Call(call) => runtime.block_on(replayer.call(&call)),
    })?;
    replayer.finish()
}

/// Sends calls by the protocol of the target.
enum Sender {
    Rpc(Box<RpcSender>),
    Http(Box<HttpSender>),
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    same: u64,
    different: u64,
    not_sent: u64,
    /// Calls that are not sent because the target is for the other protocol.
    other_protocol: u64,
}

/// Sends recorded calls and prints the comparisons.
struct Replayer {
    sender: Sender,
    filter: Filter,
    replay: Replay,
    counts: Counts,
}

impl Replayer {
    async fn call(&mut self, call: &Call) -> Outcome {
        if !self.filter.admits_user(call.user.as_deref()) {
            return Ok(());
        }
        let (recorded, step) = self.replay.prepare(call);
        let sent = match (&mut self.sender, &step) {
            (_, Err(why)) => Err(*why),
            (Sender::Rpc(sender), Ok(Step::Rpc(step))) => {
                Ok(ReplayedOutcome::Rpc(sender.send(call.connection, step).await?))
            }
            (Sender::Http(sender), Ok(Step::Http(step))) => {
                Ok(ReplayedOutcome::Http(sender.send(recorded.session, step).await?))
            }
            (Sender::Rpc(_), Ok(Step::Http(_))) => {
                self.counts.other_protocol += 1;
                Err(NotSent::TargetIsRpc)
            }
            (Sender::Http(_), Ok(Step::Rpc(_))) => {
                self.counts.other_protocol += 1;
                Err(NotSent::TargetIsHttp)
            }
        };
        match (step, sent) {
            (Ok(step), Ok(outcome)) => {
                let differences = self.replay.compare(call, &recorded, &step, outcome);
                self.print(&recorded, differences)?;
            }
            (_, Err(why)) | (Err(why), Ok(_)) => {
                self.counts.not_sent += 1;
                writeln!(stdout(), "[{}] {}: not sent, {why}", recorded.session, recorded.operation)?;
            }
        }
        Ok(())
    }

    fn print(&mut self, recorded: &Operation, differences: Vec<Difference>) -> io::Result<()> {
        let Operation { session, operation, .. } = recorded;
        if differences.is_empty() {
            self.counts.same += 1;
            return writeln!(stdout(), "[{session}] {operation}: equal");
        }
        self.counts.different += 1;
        writeln!(stdout(), "[{session}] {operation}: different")?;
        for Difference { place, recorded, replayed } in differences {
            writeln!(stdout(), "  {place}: expected {recorded}, received {replayed}")?;
        }
        Ok(())
    }

    /// Prints the totals. Fails if a response is different, or if no call was sent.
    fn finish(self) -> Outcome {
        let Counts { same, different, not_sent, other_protocol } = self.counts;
        writeln!(stdout(), "{same} responses equal, {different} different, {not_sent} calls not sent")?;
        if different > 0 {
            return Err(format!("{different} responses are different").into());
        }
        if same == 0 {
            return Err(match (&self.sender, other_protocol) {
                (_, 0) if not_sent > 0 => "no call of the recording can be sent".into(),
                (_, 0) => "the recording contains no MAPI calls".into(),
                (Sender::Rpc(_), _) => {
                    "the recording contains MAPI over HTTP only: use a target https://host".into()
                }
                (Sender::Http(_), _) => {
                    "the recording contains RPC calls only: use a target host or ncacn_ip_tcp:host[6001]"
                        .into()
                }
            });
        }
        Ok(())
    }
}
