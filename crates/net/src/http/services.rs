//! The services of an HTTP listener: the targets of each, the rules for its requests, and the function that serves
//! them.
//!
//! To add a service, add its file to the folder `services`, and here its `mod` line, a variant of [`Service`], and an
//! arm to each of its methods.

mod autodiscover;
mod forward;

use http1::{Framing, RequestHead, Version};
use mapi::autodiscover::{Dialect, TargetError, check_target};

use crate::http::client_connection::ClientConnection;
use crate::http::downstream::connection::Downstream;
use crate::http::downstream::context::{ConnectionError, KeepAlive, RequestContext, clipped};
use crate::http::downstream::cookie_limits::{CookieLimit, check_cookies};
use crate::http::downstream::paths::{Ambiguous, check_no_token, check_path, check_query, decoded};
use crate::http::downstream::request_rules::RequestRules;
use crate::http::downstream::routes::{RouteAction, Routes};
use crate::http::operation;

/// A service of an HTTP listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// MAPI over HTTP ([MS-OXCMAPIHTTP]): operations pass the engine.
    MapiHttp,
    /// Autodiscover ([MS-OXDSCLI]): responses pass the modules.
    Autodiscover(Dialect),
    /// All other directories that the configuration permits: requests are forwarded unchanged.
    Forward,
}

impl Service {
    /// The service of `target`; `None` if [`Routes`] determines what is done with its directory. The path is not
    /// ambiguous.
    fn at(target: &Target<'_>) -> Result<Option<Self>, RouteError> {
        if target.is_in("autodiscover") {
            return Ok(Some(Self::Autodiscover(check_target(target.whole)?)));
        }
        if target.is_in("mapi") && target.is_endpoint_of(&["emsmdb", "nspi"]) {
            return Ok(Some(Self::MapiHttp));
        }
        Ok(None)
    }

    /// The rules for a request with this `head`, for authentication and the upstream connection.
    pub(crate) fn rules(self, head: &RequestHead, framing: Framing) -> RequestRules {
        // Clients look up the server of a mailbox before they authenticate, and servers permit that. The memory for
        // bodies is counted for each user, so an anonymous request has none.
        let is_read = matches!(head.method(), "GET" | "HEAD") && !framing.has_body();
        RequestRules {
            mapi: self == Self::MapiHttp,
            may_be_anonymous: is_read && self == Self::Autodiscover(Dialect::Json),
        }
    }

    /// Serves a request. Returns whether the client connection stays open.
    pub(crate) async fn serve(
        self,
        client: &mut ClientConnection,
        request: RequestContext,
        framing: Framing,
    ) -> Result<KeepAlive, ConnectionError> {
        match self {
            Self::MapiHttp => operation::serve(client, request, framing).await,
            Self::Autodiscover(dialect) => {
                Box::pin(autodiscover::discover(client, request, framing, dialect)).await
            }
            Self::Forward => Box::pin(forward::forward(client, request, framing)).await,
        }
    }
}

/// A target, split at its separators.
struct Target<'a> {
    whole: &'a str,
    /// The first label of the path.
    directory: &'a str,
    /// The second label of the path.
    endpoint: &'a str,
    /// Whether the path has further labels.
    has_more: bool,
}

impl<'a> Target<'a> {
    fn new(whole: &'a str, path: &'a str) -> Self {
        let mut labels = path.split('/').skip(1);
        let mut next = || labels.next().unwrap_or_default();
        let (directory, endpoint) = (next(), next());
        Self { whole, directory, endpoint, has_more: !labels.all(str::is_empty) }
    }

    fn is_in(&self, directory: &str) -> bool {
        self.directory.eq_ignore_ascii_case(directory)
    }

    fn is_endpoint_of(&self, endpoints: &[&str]) -> bool {
        !self.has_more && endpoints.iter().any(|name| self.endpoint.eq_ignore_ascii_case(name))
    }
}

/// Why a request has no service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RouteError {
    /// The request was sent by this proxy itself.
    #[error("request loop: the server that this proxy forwards requests to is the proxy itself")]
    Loop,
    /// The target is not valid in HTTP.
    #[error("the target is not an HTTP URL or path")]
    Target,
    /// The client expects something that HTTP does not define.
    #[error("unsupported Expect header: only 100-continue is supported")]
    Expectation,
    /// The method concerns the proxy, rather than a resource.
    #[error("this HTTP method is not supported by the proxy")]
    Method,
    /// The configuration refuses the directory.
    #[error("not served here: the proxy's configuration ([virtual_directories]) refuses this directory")]
    Refused,
    /// The target is a sign-in page of the server, changes an expired password, or authenticates by WS-Security.
    #[error(
        "pages of the server that authenticate by the body of a request are not served, since no limit counts the \
         passwords that are sent to them"
    )]
    SignInPage,
    /// There is no such directory.
    #[error("not found")]
    NotFound,
    /// Implementations could map the target to different directories.
    #[error(transparent)]
    Ambiguous(#[from] Ambiguous),
    /// The request has too many cookies.
    #[error(transparent)]
    Cookies(#[from] CookieLimit),
    /// Autodiscover has no such target.
    #[error(transparent)]
    Autodiscover(#[from] TargetError),
}

impl RouteError {
    /// The status of the response.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Loop => 508,
            Self::Expectation => 417,
            Self::Method => 405,
            Self::Refused | Self::SignInPage => 403,
            Self::Cookies(_) => 431,
            Self::NotFound | Self::Autodiscover(TargetError::Resource) => 404,
            Self::Target | Self::Autodiscover(_) | Self::Ambiguous(_) => 400,
        }
    }
}

/// The service of a request with this `head`, whose target becomes a path. Its client is not known yet.
///
/// # Errors
/// If it has none. The reason is logged, unless any client may cause it by mistake.
pub(crate) fn route(downstream: &Downstream, head: &mut RequestHead) -> Result<Service, RouteError> {
    let (config, peer) = (&downstream.config, downstream.peer.client);
    if config.upstream.via.is_in(&head.fields) {
        config.log.request_loop(peer, "upstream.http");
        return Err(RouteError::Loop);
    }
    if !head.take_origin_form() {
        return Err(RouteError::Target);
    }
    // In HTTP/1.0, an expectation of 100-continue must be ignored (RFC 9110 10.1.1).
    let may_expect = head.version() != Version::Http10;
    if may_expect && head.fields.has("expect") && !head.expects_continue() {
        return Err(RouteError::Expectation);
    }
    if matches!(head.method(), "CONNECT" | "TRACE") {
        return Err(RouteError::Method);
    }
    let found = check_cookies(&head.fields)
        .map_err(RouteError::from)
        .and_then(|()| find(&config.routes, head.target()));
    match found {
        Err(RouteError::Refused) => {
            tracing::debug!(client = %peer, path = head.path(), "refused by [virtual_directories]");
        }
        Err(
            why @ (RouteError::Ambiguous(_)
            | RouteError::Autodiscover(_)
            | RouteError::Cookies(_)
            | RouteError::SignInPage),
        ) => {
            let request = format!("{} {}", head.method(), clipped(head.target()));
            config.log.request_refused(peer, &request, &why);
        }
        _ => {}
    }
    found
}

/// The paths of MAPI's endpoints as clients write them.
const MAPI: [&str; 2] = ["/mapi/emsmdb/", "/mapi/nspi/"];

/// The directories whose queries contain no path.
const PLAIN_QUERIES: [&str; 3] = ["mapi", "ews", "oab"];

/// The service for `target`, a path with or without a query.
fn find(routes: &Routes, target: &str) -> Result<Service, RouteError> {
    let end = memchr::memchr(b'?', target.as_bytes()).unwrap_or(target.len());
    let (path, query) = target.split_at_checked(end).unwrap_or((target, ""));
    let query = query.strip_prefix('?').unwrap_or(query);
    // Most requests are for these.
    if MAPI.iter().any(|endpoint| path.eq_ignore_ascii_case(endpoint)) {
        check_no_token(query)?;
        check_query(query)?;
        return Ok(Service::MapiHttp);
    }
    check_path(path)?;
    let target = Target::new(target, path);
    let service = Service::at(&target)?;
    if let Some(service @ Service::Autodiscover(_)) = service {
        // Its queries are checked with the target.
        return if takes_passwords(&target, path) { Err(RouteError::SignInPage) } else { Ok(service) };
    }
    if !query.is_empty() {
        check_no_token(query)?;
    }
    if PLAIN_QUERIES.iter().any(|name| target.is_in(name)) {
        check_query(query)?;
    }
    if let Some(service) = service {
        return Ok(service);
    }
    match routes.action(target.directory) {
        RouteAction::Forward if takes_passwords(&target, path) => Err(RouteError::SignInPage),
        RouteAction::Forward => Ok(Service::Forward),
        RouteAction::Refuse => Err(RouteError::Refused),
        RouteAction::NotFound => Err(RouteError::NotFound),
    }
}

/// The directories of Exchange whose pages have sign-in forms.
const WITH_FORMS: [&str; 2] = ["owa", "ecp"];

/// What labels of their sign-in pages begin with: `auth.owa` checks a password, the pages under `auth` send it there,
/// and `expiredpassword.aspx` changes one. Users sign in to the proxy; the cookies of such a form (`cadata`) are not
/// forwarded.
const SIGN_IN_LABELS: [&str; 4] = ["auth", "logon", "expiredpassword", "changepassword"];

/// What the label begins with by which services of Exchange, such as `exchange.asmx` and `autodiscover.svc`,
/// authenticate by WS-Security: by a name and a password, or a token, in the body of the request. They may be those of
/// another user than the one who signed in to the proxy.
const WS_SECURITY: &str = "wssecurity";

/// Whether the server authenticates requests for the target by passwords in their bodies, also with encoded letters. A
/// label before the one that shows it may name a mailbox.
fn takes_passwords(target: &Target<'_>, path: &str) -> bool {
    let begins = |label: &str, with: &str| {
        label.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with))
    };
    let has_forms = WITH_FORMS.iter().any(|directory| target.is_in(directory));
    let is_one = |label: &str| {
        begins(label, WS_SECURITY) || has_forms && SIGN_IN_LABELS.iter().any(|with| begins(label, with))
    };
    let has_one = |path: &str| path.split('/').skip(2).any(is_one);
    // Most paths need no decoding.
    if path.contains('%') { decoded(path).is_none_or(|path| has_one(&path)) } else { has_one(path) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::downstream::routes::RouteAction;

    #[test]
    fn sign_in_pages_of_the_server_are_refused_in_forwarded_directories() {
        let mut routes = Routes::default();
        for directory in ["owa", "ecp", "public"] {
            routes.set(directory, RouteAction::Forward);
        }
        for page in [
            "/owa/auth.owa",
            "/OWA/Auth.OWA",
            "/owa/auth.owa/x",
            "/owa/auth.owa?a=b",
            "/owa/auth",
            "/owa/auth/logon.aspx?url=https%3a%2f%2fproxy.lab.test%2fowa&reason=0",
            "/owa/auth/15.2.1/scripts/premium/flogon.js",
            "/owa/auth/expiredpassword.aspx",
            "/owa/alice@lab.test/auth.owa",
            "/owa/%61uth.owa",
            "/ecp/auth/TimeoutLogout.aspx",
            "/ecp/x/ChangePassword.aspx",
        ] {
            assert_eq!(find(&routes, page), Err(RouteError::SignInPage), "{page}");
        }
        for service in
            ["/ews/exchange.asmx", "/EWS/Services.wsdl", "/autodiscover/autodiscover.svc", "/public/x"]
        {
            for end in ["", "/symmetrickey", "/x509cert", "/SymmetricKey?a=b"] {
                for label in ["wssecurity", "WSSecurity", "ws%73ecurity"] {
                    let page = format!("{service}/{label}{end}");
                    let found = find(&routes, &page).unwrap_err();
                    // Autodiscover has fewer targets, and no encoded ones.
                    let other = matches!(found, RouteError::Autodiscover(_)) && service.starts_with("/auto");
                    assert!(found == RouteError::SignInPage || other && page.contains(['%', '?']), "{page}");
                }
            }
        }
        for other in ["/owa/", "/owa/service.svc", "/ecp/default.aspx", "/public/auth.owa", "/ews/auth"] {
            assert_eq!(find(&routes, other), Ok(Service::Forward), "{other}");
        }
        assert_eq!(find(&Routes::default(), "/owa/auth.owa"), Err(RouteError::Refused));
    }

    #[test]
    fn a_target_is_routed_by_its_path_in_any_case() {
        let mut routes = Routes::default();
        for path in ["/mapi/emsmdb", "/MAPI/EmsMdb/", "/mapi/nspi/", "/mapi/nspi/?MailboxId=1@lab.test"] {
            assert_eq!(find(&routes, path), Ok(Service::MapiHttp), "{path}");
        }
        for (target, dialect) in [
            ("/autodiscover/autodiscover.xml", Dialect::Pox),
            ("/AutoDiscover/AutoDiscover.json/v1.0/a@b.c?Protocol=Ews", Dialect::Json),
        ] {
            assert_eq!(find(&routes, target), Ok(Service::Autodiscover(dialect)), "{target}");
        }
        assert_eq!(find(&routes, "/EWS/Exchange.asmx?wsdl"), Ok(Service::Forward));
        assert_eq!(find(&routes, "/OAB/1/oab.xml"), Ok(Service::Forward));
        assert_eq!(find(&routes, "/owa/?url=/owa/"), Err(RouteError::Refused));
        assert_eq!(find(&routes, "/mapi/healthcheck.htm"), Err(RouteError::Refused));
        assert_eq!(find(&routes, "/mapi/nspi/x"), Err(RouteError::Refused));
        assert_eq!(find(&routes, "/"), Err(RouteError::NotFound));
        assert_eq!(find(&routes, "/ewsx"), Err(RouteError::NotFound));
        assert_eq!(find(&routes, "/%6fwa"), Err(RouteError::NotFound));
        routes.set("/OWA/", RouteAction::NotFound);
        routes.set("powershell", RouteAction::Forward);
        assert_eq!(find(&routes, "/owa"), Err(RouteError::NotFound));
        assert_eq!(find(&routes, "/PowerShell?serializationLevel=a/b"), Ok(Service::Forward));
    }

    #[test]
    fn a_target_that_could_be_read_as_another_has_no_route() {
        let routes = Routes::default();
        let status = |target: &str| find(&routes, target).map_err(RouteError::status);
        for target in [
            "/oab/../owa",
            "/ews/x?@y/owa/&Email=ews/x?@y",
            "/oab/x?%2fowa",
            "/mapi/nspi/?MailboxId=a@b/owa",
            "/mapi/nspi/?MailboxId=a@b%255cowa",
            "/autodiscover/autodiscover.json?@x/mapi/nspi/?&Email=autodiscover/autodiscover.json%3f@x",
            "/autodiscover/../owa",
        ] {
            assert_eq!(status(target), Err(400), "{target}");
        }
        assert_eq!(status("/autodiscover/owa/"), Err(404));
    }
}
