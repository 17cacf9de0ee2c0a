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
use self::http::HttpSender;
use self::rpc::RpcSender;
use crate::commands::decode;
use crate::commands::target::Target;
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
    /// Calls of the client side that are excluded because they are of other users.
    other_users: u64,
    /// Calls of the upstream side, which are not sent.
    upstream_side: u64,
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
        if call.side.as_deref() == Some("upstream") {
            self.counts.upstream_side += 1;
            return Ok(());
        }
        if !self.filter.admits_user(call.user.as_deref()) {
            self.counts.other_users += 1;
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
        let Counts { same, different, not_sent, .. } = self.counts;
        writeln!(stdout(), "{same} responses equal, {different} different, {not_sent} calls not sent")?;
        if different > 0 {
            return Err(format!("{different} responses are different").into());
        }
        if same == 0 {
            let by_rpc = matches!(self.sender, Sender::Rpc(_));
            return Err(nothing_sent(self.counts, by_rpc, self.filter.user.as_deref()).into());
        }
        Ok(())
    }
}

/// Why no call was sent, to a target that accepts RPC calls (`by_rpc`) or MAPI over HTTP. `only_user` is the user to
/// whose calls the replay is limited.
fn nothing_sent(counts: Counts, by_rpc: bool, only_user: Option<&str>) -> String {
    let Counts { not_sent, other_protocol, other_users, upstream_side, .. } = counts;
    match only_user {
        _ if other_protocol > 0 && by_rpc => {
            "no RPC call of the recording can be sent, but it contains MAPI over HTTP: \
                                              for this, use a target https://host"
                .to_owned()
        }
        _ if other_protocol > 0 => {
            "no MAPI over HTTP of the recording can be sent, but it contains RPC calls: for these, \
                                    use a target host or ncacn_ip_tcp:host[6001]"
                .to_owned()
        }
        _ if not_sent > 0 => "no call of the recording can be sent".to_owned(),
        Some(user) if other_users > 0 => {
            format!("no call of the recording is of the user {user} (--only-user)")
        }
        _ if upstream_side > 0 => {
            "the recording has only the upstream side, which is not sent: record the client side \
                                   ([capture], sides)"
                .to_owned()
        }
        _ => "the recording contains no MAPI calls".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_replay_that_sends_nothing_states_why_no_call_was_sent() {
        let error = |counts, by_rpc, user| nothing_sent(counts, by_rpc, user);
        let none = Counts::default();
        assert_eq!(error(none, true, None), "the recording contains no MAPI calls");
        let others = Counts { other_users: 3, upstream_side: 3, ..none };
        let expected = "no call of the recording is of the user alcie (--only-user)";
        assert_eq!(error(others, true, Some("alcie")), expected);
        let upstream = Counts { upstream_side: 3, ..none };
        assert!(error(upstream, true, Some("alice")).starts_with("the recording has only the upstream side"));
        // Calls of the target's protocol that cannot be sent, beside calls of the other one.
        let mixed = Counts { not_sent: 2, other_protocol: 1, ..none };
        assert!(error(mixed, true, None).starts_with("no RPC call of the recording can be sent, but"));
        assert!(error(mixed, false, None).starts_with("no MAPI over HTTP of the recording can be sent, but"));
        let unsendable = Counts { not_sent: 2, other_users: 1, ..none };
        assert_eq!(error(unsendable, true, Some("alice")), "no call of the recording can be sent");
    }
}
