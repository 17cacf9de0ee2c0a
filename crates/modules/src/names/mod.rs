//! Clients see only the proxy: the server's names are replaced on the way to them, and ours on the way back.

mod aliases;
mod aux_out;
mod in_rops;
mod replace;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::options::{OptionError, OptionKind, OptionSpec, Options};
use engine::rops::{RopDecision, RopReplyView, RopView};
use engine::{
    FaultStatus, Module, Operation, ProxyFacts, Refusal, Request, Response, SecurityContext, Session,
};
use identity::{PerIdentity, Unusable};
use mapi::autodiscover::{self, Dialect, OurName};
use mapi::ndr::Ptr;
use mapi::rop::RopReply;
use mapi::{ErrorCode, Interface, emsmdb, http, nspi, rfr};
use wire::FileTime;

use self::aliases::Aliases;

/// Replaces the server's names by the proxy's.
///
/// In whatever a client receives, a server's name in a distinguished name (`/cn=Servers/cn=NAME`) becomes ours,
/// and the network addresses of a mailbox become our single binding. In whatever it sends, ours becomes the
/// server's again. Which of our names stands for which server is kept for as long as the caller has a session
/// with the address book or the store.
#[derive(Debug)]
pub struct Names {
    facts: Facts,
    known: Mutex<PerIdentity<Known>>,
}

/// For how many identities names are kept. Beyond that a new session of who opened none for longest begins anew.
const IDENTITIES: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

impl Default for Names {
    fn default() -> Self {
        Self { facts: Facts::default(), known: Mutex::new(PerIdentity::new(IDENTITIES)) }
    }
}

/// The names that are replaced, and by what.
#[derive(Debug, Clone, Default)]
struct Facts {
    /// Our host name, as clients resolve it.
    host: String,
    /// What our URLs begin with.
    origin: String,
    /// What stands for a server in distinguished names: our host name's first label.
    label: String,
    /// The server's name in distinguished names, where it was given.
    server: Option<String>,
    /// The first label of the upstream's host name, where that is no address.
    guess: Option<String>,
}

/// What one identity has seen, in all of its sessions.
type Known = Arc<Mutex<Aliases>>;

/// What a session keeps: what its owner knows.
#[derive(Debug, Default)]
struct Kept(Option<Known>);

const NAME: &str = "names";

impl Names {
    fn known(&self) -> MutexGuard<'_, PerIdentity<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `edit` work with the names that the session's owner knows at the time `now`. Nobody else waits for it.
    fn with<R>(
        &self,
        session: &mut Session,
        now: FileTime,
        edit: impl FnOnce(&mut Aliases) -> R,
    ) -> Result<R, Unusable> {
        session.context().check(now)?;
        let known = match &session.slot::<Kept>().0 {
            Some(known) => Arc::clone(known),
            None => self.keep(session, now)?,
        };
        let mut aliases = known.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(edit(&mut aliases))
    }

    /// Lets the session keep what its owner knows.
    fn keep(&self, session: &mut Session, now: FileTime) -> Result<Known, Unusable> {
        let mut all = self.known();
        let known = all.get_or_insert_with(session.context(), now, || {
            let Facts { label, server, guess, .. } = &self.facts;
            Arc::new(Mutex::new(Aliases::new(label, server.as_deref(), guess.as_deref())))
        })?;
        session.slot::<Kept>().0 = Some(Arc::clone(known));
        Ok(Arc::clone(known))
    }
}

impl Module for Names {
    fn name(&self) -> &'static str {
        NAME
    }

    fn description(&self) -> &'static str {
        "Clients see only the proxy's name, never the server's."
    }

    fn interfaces(&self) -> &'static [Interface] {
        &[Interface::Rfr, Interface::Nspi, Interface::Emsmdb]
    }

    fn options(&self) -> &'static [OptionSpec] {
        &[OptionSpec {
            name: "server",
            kind: OptionKind::Text,
            default: "the first label of upstream.rpc",
            doc: "The server's name as its distinguished names spell it, for clients that kept our name from an \
                  earlier session.",
        }]
    }

    fn init(&mut self, options: &Options, proxy: &ProxyFacts) -> Result<(), OptionError> {
        let server = options.text("server").map(str::to_owned);
        if server.as_ref().is_some_and(|name| name.is_empty() || name.contains(['/', '\0'])) {
            let why = "is no server's name; give one as it stands behind /cn=Servers/cn=".to_owned();
            return Err(OptionError::Refused { module: NAME, name: "server", why });
        }
        let first = |name: &str| name.split('.').next().unwrap_or_default().to_ascii_uppercase();
        let is_address = proxy.upstream.parse::<std::net::IpAddr>().is_ok();
        self.facts = Facts {
            host: proxy.name.clone(),
            label: first(&proxy.name),
            server,
            origin: proxy.origin.clone(),
            guess: (!is_address).then(|| first(&proxy.upstream)),
        };
        Ok(())
    }

    fn request(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        if !replace::concerns_request(operation.key()) {
            return Ok(());
        }
        let changed = self.with(session, operation.at(), |aliases| {
            operation.request.edit(|request| match request {
                Request::Nspi(request) => {
                    replace::texts(|visit| request.visit_texts_mut(visit), |name| aliases.original(name))
                }
                Request::Rfr(rfr::Request::GetNewDSA(request)) => {
                    replace::char_string(&mut request.user_dn, |name| aliases.original(name))
                }
                Request::Rfr(rfr::Request::GetFQDNFromServerDN(request)) => {
                    replace::char_string(&mut request.mailbox_server_dn, |name| aliases.original(name))
                }
                Request::Emsmdb(emsmdb::Request::EcDoConnect(request)) => {
                    replace::char_string(&mut request.user_dn, |name| aliases.original(name))
                }
                Request::Emsmdb(emsmdb::Request::EcDoConnectEx(request)) => {
                    replace::char_string(&mut request.user_dn, |name| aliases.original(name))
                }
                Request::NspiHttp(request) => {
                    replace::texts(|visit| request.visit_texts_mut(visit), |name| aliases.original(name))
                }
                Request::EmsmdbHttp(http::emsmdb::Request::Connect(request)) => {
                    replace::bytes(&mut request.user_dn.0, |name| aliases.original(name))
                }
                Request::Emsmdb(_) | Request::AsyncEmsmdb(_) | Request::EmsmdbHttp(_) => false,
            })
        });
        match changed.map_err(unusable)? {
            Ok(true) => operation.note(NAME, "turned our name back"),
            Ok(false) => {}
            Err(error) => return Err(Refusal::new(FaultStatus::RPC_X_BAD_STUB_DATA, error.to_string())),
        }
        Ok(())
    }

    fn response(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        let key = operation.key();
        let now = operation.at();
        let Some(response) = &mut operation.response else { return Ok(()) };
        if !replace::concerns_response(key, response.original()) {
            return Ok(());
        }
        let (host, origin) = (self.facts.host.as_str(), self.facts.origin.as_str());
        let changed = self.with(session, now, |aliases| {
            response.edit(|response| match response {
                Response::Nspi(response) => nspi_response(response, aliases, host),
                Response::Rfr(rfr::Response::GetNewDSA(response)) => {
                    replace::server_name(response.server.get_mut().and_then(Ptr::get_mut), host)
                }
                Response::Rfr(rfr::Response::GetFQDNFromServerDN(response)) => {
                    replace::server_name(response.server_fqdn.get_mut(), host)
                }
                Response::NspiHttp(response) => nspi_http_response(response, aliases, host, origin),
                Response::EmsmdbHttp(response) => emsmdb_http_response(response, aliases),
                other => aux_out::of(other).is_some_and(aux_out::hide),
            })
        });
        match changed.map_err(unusable)? {
            Ok(true) => operation.note(NAME, "replaced the server's name"),
            Ok(false) => {}
            // What can't be read can't be searched for the server's name either.
            Err(error) => {
                return Err(Refusal::new(engine::CALL_FAILED, format!("the upstream's answer: {error}")));
            }
        }
        Ok(())
    }

    fn looks_at_rops(&self) -> bool {
        true
    }

    fn rop_request(&self, rop: &mut RopView<'_>, session: &mut Session) -> RopDecision {
        if !in_rops::concerns(rop.request().id()) {
            return RopDecision::Relay;
        }
        let changed = self.with(session, rop.at(), |aliases| {
            rop.edit(|body| in_rops::request(body, |name| aliases.original(name)))
        });
        match changed {
            Ok(true) => rop.note("turned our name back"),
            Ok(false) => {}
            Err(_) => return RopDecision::Refuse(ErrorCode::MAPI_E_NO_ACCESS),
        }
        RopDecision::Relay
    }

    fn rop_response(&self, rop: &mut RopReplyView<'_>, session: &mut Session) {
        if !in_rops::concerns(rop.request.id()) {
            return;
        }
        let changed = self.with(session, rop.at(), |aliases| {
            rop.edit(|reply| in_rops::reply(reply, |name| Some(aliases.alias(name))))
        });
        match changed {
            Ok(true) => rop.note("replaced the server's name"),
            Ok(false) => {}
            // Whose names can't be kept learns none.
            Err(_) => *rop.change() = RopReply::refused(rop.request, ErrorCode::MAPI_E_NO_ACCESS),
        }
    }

    fn autodiscover(
        &self,
        dialect: Dialect,
        answer: &[u8],
        _context: &SecurityContext,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let mut naming = OurName {
            origin: self.facts.origin.clone(),
            host: self.facts.host.clone(),
            label: Some(self.facts.label.clone()),
            upstream: Vec::new(),
        };
        let rewritten = match dialect {
            Dialect::Pox => autodiscover::rewrite_pox(answer, &mut naming),
            Dialect::Soap => autodiscover::rewrite_soap(answer, &mut naming),
            Dialect::Json => autodiscover::rewrite_json(answer, &mut naming),
        };
        match rewritten {
            Ok(rewritten) if rewritten.replaced.is_empty() => Ok(None),
            Ok(rewritten) => Ok(Some(rewritten.bytes.into_owned())),
            // What can't be read can't be searched for the server's name either.
            Err(error) => Err(Refusal::new(engine::CALL_FAILED, format!("Autodiscover's answer: {error}"))),
        }
    }

    fn unbind(&self, session: &mut Session) {
        if session.slot::<Kept>().0.take().is_some() {
            // Nobody but the table has it any more.
            self.known().remove_if(session.context(), |known| Arc::strong_count(known) == 1);
        }
    }
}

fn unusable(why: Unusable) -> Refusal {
    Refusal::new(FaultStatus::ACCESS_DENIED, why.to_string())
}

fn nspi_http_response(
    response: &mut http::nspi::Response,
    aliases: &mut Aliases,
    host: &str,
    origin: &str,
) -> bool {
    use http::nspi::Response as R;
    let mut changed = match response {
        R::GetMailboxUrl(answer) => {
            answer.get_mut().is_some_and(|answer| replace::url(&mut answer.server_url, host, origin))
        }
        R::GetAddressBookUrl(answer) => {
            answer.get_mut().is_some_and(|answer| replace::url(&mut answer.server_url, host, origin))
        }
        _ => false,
    };
    changed |= response.aux_mut().is_some_and(aux_out::hide_http);
    response.visit_values_mut(&mut |tag, value| changed |= replace::http_network_addresses(tag, value, host));
    changed | replace::texts(|visit| response.visit_texts_mut(visit), |name| Some(aliases.alias(name)))
}

fn emsmdb_http_response(response: &mut http::emsmdb::Response, aliases: &mut Aliases) -> bool {
    let named = match response {
        http::emsmdb::Response::Connect(answer) => answer
            .get_mut()
            .is_some_and(|answer| replace::bytes(&mut answer.dn_prefix.0, |name| Some(aliases.alias(name)))),
        _ => false,
    };
    response.aux_mut().is_some_and(aux_out::hide_http) | named
}

fn nspi_response(response: &mut nspi::Response, aliases: &mut Aliases, host: &str) -> bool {
    let mut changed = false;
    response.visit_values_mut(&mut |value| changed |= replace::network_addresses(value, host));
    changed | replace::texts(|visit| response.visit_texts_mut(visit), |name| Some(aliases.alias(name)))
}
