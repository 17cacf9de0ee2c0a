//! The `names` module: replaces the server's names in responses, and the proxy's names in requests.

mod aliases;
mod aux_out;
mod in_rops;
mod replace;

use engine::options::{OptionError, OptionSpec, Options};
use engine::rops::{RopDecision, RopResponseView, RopView};
use engine::{
    Interests, Interface, Module, Operation, ProxyInfo, Refusal, RefusalKind, Response, SecurityContext,
    Session,
};
use mapi::autodiscover::{self, Dialect, NameUse, Naming, ProxyName, UrlParts};
use mapi::nspi;
use mapi::property::PropTag;

use self::aliases::Aliases;

/// Replaces the server's names by the proxy's in responses, and restores them in requests.
///
/// In responses, a server's name in a distinguished name (`/cn=Servers/cn=NAME`) becomes the proxy's, and the network
/// addresses of a mailbox become the proxy's single binding. In requests, the proxy's name becomes the
/// server's again. The replacement is a function of the server's name, so that the module has no state.
#[derive(Debug, Default)]
pub struct Names {
    /// The proxy's host name, as clients resolve it.
    host: String,
    /// The origin of the proxy's URLs, such as `https://proxy.lab.test`.
    origin: String,
    /// The authentication schemes that clients may use over HTTP.
    auth_schemes: Vec<String>,
    /// The names that replace servers' names in distinguished names.
    aliases: Aliases,
}

engine::module_options! {
    /// The options of `names`.
    struct NamesOptions {
        /// The name of the server as its distinguished names spell it (/cn=Servers/cn=NAME). Clients
        /// see the first label of the proxy's name in its place, and in place of another server's name that label, a
        /// hyphen and an encoding of the name. Use the same value on
        /// all proxies of a pool. If not set, it is the first label of upstream.rpc, or else of upstream.http, unless
        /// that is an address.
        server: Option<String> = None, such as "EXCH01";
    }
}

const NAME: &str = "names";

impl Module for Names {
    fn name(&self) -> &'static str {
        NAME
    }

    fn description(&self) -> &'static str {
        "Clients see only the proxy's name, never the server's."
    }

    fn interests(&self) -> Interests {
        let interfaces = &[Interface::Rfr, Interface::Nspi, Interface::Emsmdb];
        Interests { interfaces, rops: true, ..Interests::default() }
    }

    fn options(&self) -> &'static [OptionSpec] {
        NamesOptions::specs()
    }

    fn init(&mut self, options: &Options, proxy: &ProxyInfo) -> Result<(), OptionError> {
        let NamesOptions { server } = NamesOptions::read(options);
        if server.as_ref().is_some_and(|name| name.is_empty() || name.contains(['/', '\0'])) {
            let why = "is not the name of a server; write the name that follows /cn=Servers/cn=".to_owned();
            return Err(OptionError::Refused { module: NAME, name: "server", why });
        }
        let first_label = |name: &str| name.split('.').next().unwrap_or_default().to_ascii_uppercase();
        let is_address = proxy.upstream.parse::<std::net::IpAddr>().is_ok();
        let server = server.or_else(|| (!is_address).then(|| first_label(&proxy.upstream)));
        self.host.clone_from(&proxy.name);
        self.origin.clone_from(&proxy.origin);
        self.auth_schemes.clone_from(&proxy.auth_schemes);
        self.aliases = Aliases::new(&first_label(&proxy.name), server.as_deref());
        Ok(())
    }

    fn request(&self, operation: &mut Operation, _session: &mut Session) -> Result<(), Refusal> {
        if !replace::concerns_request(operation.kind()) {
            return Ok(());
        }
        let mut original = |name: &str| self.aliases.original(name);
        let changed = operation.request.edit(|request| {
            let mut changed = false;
            request.visit_texts_mut(&mut |_, text| changed |= replace::text(text, &mut original));
            changed
        });
        match changed {
            Ok(true) => operation.note(NAME, "restored the server's name"),
            Ok(false) => {}
            Err(error) => {
                let why = format!("the module names cannot decode the request: {error}");
                return Err(Refusal::new(RefusalKind::BadRequest, why));
            }
        }
        Ok(())
    }

    fn response(&self, operation: &mut Operation, _session: &mut Session) -> Result<(), Refusal> {
        let kind = operation.kind();
        let Some(response) = &mut operation.response else { return Ok(()) };
        if !replace::concerns_response(kind) && !response.may_have_aux() {
            return Ok(());
        }
        match response.edit(|response| self.hide_server(response)) {
            Ok(true) => operation.note(NAME, "replaced the server's name"),
            Ok(false) => {}
            // A response that cannot be decoded cannot be searched for the server's name.
            Err(error) => {
                let why = format!("the module names cannot decode the upstream's response: {error}");
                return Err(Refusal::new(RefusalKind::Failed, why));
            }
        }
        Ok(())
    }

    fn rop_request(&self, rop: &mut RopView<'_>, _session: &mut Session) -> RopDecision {
        if in_rops::concerns_request(rop.request().id())
            && rop.edit(|body| in_rops::request(body, &mut |name| self.aliases.original(name)))
        {
            rop.note("restored the server's name");
        }
        RopDecision::Forward
    }

    fn rop_response(&self, rop: &mut RopResponseView<'_>, _session: &mut Session) {
        if in_rops::concerns_response(rop.request.id())
            && rop.edit(|reply| in_rops::response(&mut reply.body, &mut |name| self.aliases.alias(name)))
        {
            rop.note("replaced the server's name");
        }
    }

    fn autodiscover(
        &self,
        dialect: Dialect,
        response: &[u8],
        _context: &SecurityContext,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let hosts = ProxyName {
            origin: self.origin.clone(),
            host: self.host.clone(),
            label: None,
            upstream: Vec::new(),
        };
        let mut naming = InAutodiscover { hosts, aliases: &self.aliases, auth_schemes: &self.auth_schemes };
        let rewritten = match dialect {
            Dialect::Pox => autodiscover::rewrite_pox(response, &mut naming),
            Dialect::Soap => autodiscover::rewrite_soap(response, &mut naming),
            Dialect::Json => autodiscover::rewrite_json(response, &mut naming),
        };
        match rewritten {
            Ok(rewritten) if rewritten.replaced.is_empty() => Ok(None),
            Ok(rewritten) => Ok(Some(rewritten.bytes.into_owned())),
            // A response that cannot be decoded cannot be searched for the server's name.
            Err(error) => {
                let why =
                    format!("the module names cannot decode the upstream's Autodiscover response: {error}");
                Err(Refusal::new(RefusalKind::Failed, why))
            }
        }
    }
}

/// The names in Autodiscover responses: hosts by [`ProxyName`], servers in distinguished names by their aliases.
struct InAutodiscover<'a> {
    hosts: ProxyName,
    aliases: &'a Aliases,
    auth_schemes: &'a [String],
}

impl Naming for InAutodiscover<'_> {
    fn origin(&mut self, place: NameUse, url: &UrlParts<'_>) -> Option<String> {
        self.hosts.origin(place, url)
    }

    fn host(&mut self, place: NameUse, host: &str) -> Option<String> {
        self.hosts.host(place, host)
    }

    fn web_host(&mut self, place: NameUse, host: &str) -> Option<String> {
        self.hosts.web_host(place, host)
    }

    fn server(&mut self, name: &str) -> Option<String> {
        self.aliases.alias(name)
    }

    fn is_within_tls(&self) -> Option<bool> {
        Some(self.hosts.origin.starts_with("https://"))
    }

    fn auth_schemes(&self) -> &[String] {
        self.auth_schemes
    }
}

impl Names {
    /// Replaces the server's names in a response. Returns whether any was replaced.
    fn hide_server(&self, response: &mut Response) -> bool {
        let Self { host, origin, aliases, .. } = self;
        let mut alias = |name: &str| aliases.alias(name);
        let mut changed = response.aux_mut().is_some_and(aux_out::remove_names);
        response.visit_property_mut(PropTag::PidTagAddressBookNetworkAddress, &mut |mut value| {
            changed |= value.set_text(&format!("ncacn_ip_tcp:{host}"));
        });
        response.visit_texts_mut(&mut |place, text| {
            changed |= match place {
                nspi::TextKind::Host => replace::host_name(text, host),
                nspi::TextKind::Url => replace::url(text, host, origin, &mut alias),
                _ => replace::text(text, &mut alias),
            };
        });
        changed
    }
}
