use engine::options::{OptionError, OptionKind, OptionSpec, Options};
use engine::rops::{RopDecision, RopReplyView, RopView};
use engine::{Decision, Module, Operation, ProxyFacts, Refusal, SecurityContext, Session};
use mapi::autodiscover::Dialect;

/// The documented example: it says in the log which of its hooks is called, for whom and about what, and
/// changes nothing.
///
/// Start here to write a module of your own: take the hooks that you need, and give the others away, since each
/// of them does nothing unless it is written. What you keep for a session belongs into its slot, as
/// `Seen` does here; what you keep for all belongs to nobody, and must not come from anybody's mail.
#[derive(Debug, Default)]
pub struct Dummy {
    quiet: bool,
}

/// What the module keeps for a session.
#[derive(Debug, Default)]
struct Seen {
    operations: u64,
}

const NAME: &str = "dummy";

impl Dummy {
    fn say(&self, hook: &'static str, session: &Session, operation: Option<&Operation>) {
        if self.quiet {
            return;
        }
        let user = session.context().principal();
        let operation = operation.map_or(session.interface().name(), Operation::name);
        tracing::info!(target: "dummy", session = session.id(), %user, operation, "{hook}");
    }
}

impl Module for Dummy {
    fn name(&self) -> &'static str {
        NAME
    }

    fn description(&self) -> &'static str {
        "The documented example: logs every hook, changes nothing."
    }

    fn options(&self) -> &'static [OptionSpec] {
        &[OptionSpec {
            name: "quiet",
            kind: OptionKind::Bool,
            default: "false",
            doc: "Counts, but logs only the end of each session.",
        }]
    }

    fn init(&mut self, options: &Options, proxy: &ProxyFacts) -> Result<(), OptionError> {
        self.quiet = options.bool("quiet").unwrap_or(false);
        tracing::info!(target: "dummy", proxy = proxy.name, upstream = proxy.upstream, "init");
        Ok(())
    }

    fn request_bytes(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        self.say("request_bytes", session, Some(operation));
        Ok(())
    }

    fn request(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        session.slot::<Seen>().operations += 1;
        self.say("request", session, Some(operation));
        Ok(())
    }

    fn dispatch(&self, operation: &mut Operation, session: &mut Session) -> Decision {
        self.say("dispatch", session, Some(operation));
        Decision::Relay
    }

    fn response_bytes(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        self.say("response_bytes", session, Some(operation));
        Ok(())
    }

    fn response(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        self.say("response", session, Some(operation));
        Ok(())
    }

    fn looks_at_rops(&self) -> bool {
        !self.quiet
    }

    fn rop_request(&self, rop: &mut RopView<'_>, session: &mut Session) -> RopDecision {
        let id = rop.request().id();
        let object = rop.object().map_or("unknown", |object| object.kind.name());
        tracing::info!(target: "dummy", session = session.id(), rop = %id, object, "rop_request");
        RopDecision::Relay
    }

    fn rop_response(&self, rop: &mut RopReplyView<'_>, session: &mut Session) {
        let (id, return_value) = (rop.request.id(), rop.reply().return_value);
        tracing::info!(target: "dummy", session = session.id(), rop = %id, %return_value, "rop_response");
    }

    fn autodiscover(
        &self,
        dialect: Dialect,
        _answer: &[u8],
        context: &SecurityContext,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        if !self.quiet {
            tracing::info!(target: "dummy", user = %context.principal(), ?dialect, "autodiscover");
        }
        Ok(None)
    }

    fn unbind(&self, session: &mut Session) {
        let operations = session.slot::<Seen>().operations;
        tracing::info!(target: "dummy", session = session.id(), operations, "unbind");
    }

    fn shutdown(&self) {
        tracing::info!(target: "dummy", "shutdown");
    }
}
