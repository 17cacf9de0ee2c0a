//! Maps the target of a request to a route.

use mapi::autodiscover::{Dialect, TargetError, check_target};

use crate::http::downstream::paths::{Ambiguous, check_no_token, check_path, check_query};

/// What is done with requests for a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteAction {
    /// They are forwarded unchanged, for authenticated clients.
    Relay,
    /// They are refused: 403.
    Refuse,
    /// They are answered 404.
    NotFound,
}

/// The text of responses to requests that [`RouteAction::Refuse`] refuses.
pub(crate) const REFUSED: &str =
    "not served here: the proxy's configuration ([virtual_directories]) refuses this directory\n";

/// The virtual directories beside MAPI and Autodiscover, with the action for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    /// First labels of paths, in lower case, with their actions. All others are answered 404.
    directories: Vec<(String, RouteAction)>,
}

/// The route of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// An endpoint of MAPI.
    Mapi,
    /// Autodiscover.
    Autodiscover(Dialect),
    /// Another directory.
    Other(RouteAction),
}

/// Why a target has no route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unroutable {
    /// Implementations could map the target to different directories.
    #[error(transparent)]
    Ambiguous(#[from] Ambiguous),
    /// Autodiscover knows no such target.
    #[error(transparent)]
    Autodiscover(#[from] TargetError),
}

impl Unroutable {
    /// The status that the client gets.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Autodiscover(TargetError::Resource) => 404,
            Self::Autodiscover(_) | Self::Ambiguous(_) => 400,
        }
    }
}

/// The directories in whose queries no client has a path.
const PLAIN_QUERIES: [&str; 3] = ["mapi", "ews", "oab"];

/// The paths of MAPI's endpoints as clients write them.
const MAPI: [&str; 2] = ["/mapi/emsmdb/", "/mapi/nspi/"];

impl Default for Routes {
    /// Relays what clients need to set themselves up, and refuses the rest.
    fn default() -> Self {
        let relayed = ["oab", "ews"].map(|name| (name.to_owned(), RouteAction::Relay));
        let refused = ["owa", "ecp", "microsoft-server-activesync", "rpc", "mapi"];
        let refused = refused.map(|name| (name.to_owned(), RouteAction::Refuse));
        Self { directories: relayed.into_iter().chain(refused).collect() }
    }
}

impl Routes {
    /// Sets the `action` for `directory`, a path's first label.
    pub fn set(&mut self, directory: &str, action: RouteAction) {
        let name = directory.trim_matches('/').to_ascii_lowercase();
        self.directories.retain(|(known, _)| *known != name);
        self.directories.push((name, action));
    }

    /// The route of `target`, a path with or without a query.
    ///
    /// # Errors
    /// When the target is ambiguous, or not one that Autodiscover has.
    pub(crate) fn find(&self, target: &str) -> Result<Route, Unroutable> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        // Most requests are for these.
        if MAPI.iter().any(|endpoint| path.eq_ignore_ascii_case(endpoint)) {
            check_no_token(query)?;
            check_query(query)?;
            return Ok(Route::Mapi);
        }
        check_path(path)?;
        let mut labels = path.split('/').skip(1);
        let first = labels.next().unwrap_or_default();
        let second = labels.next().unwrap_or_default();
        let ends = labels.all(str::is_empty);
        let is = |label: &str, name: &str| label.eq_ignore_ascii_case(name);
        if is(first, "autodiscover") {
            return Ok(Route::Autodiscover(check_target(target)?));
        }
        if !query.is_empty() {
            check_no_token(query)?;
        }
        if PLAIN_QUERIES.iter().any(|name| is(first, name)) {
            check_query(query)?;
        }
        if is(first, "mapi") && (is(second, "emsmdb") || is(second, "nspi")) && ends {
            return Ok(Route::Mapi);
        }
        let action = self.directories.iter().find(|(name, _)| is(first, name)).map(|(_, action)| *action);
        Ok(Route::Other(action.unwrap_or(RouteAction::NotFound)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_they_should_in_any_case() {
        let mut routes = Routes::default();
        for path in ["/mapi/emsmdb", "/MAPI/EmsMdb/", "/mapi/nspi/", "/mapi/nspi/?MailboxId=1@lab.test"] {
            assert_eq!(routes.find(path), Ok(Route::Mapi), "{path}");
        }
        for (target, dialect) in [
            ("/autodiscover/autodiscover.xml", Dialect::Pox),
            ("/AutoDiscover/AutoDiscover.json/v1.0/a@b.c?Protocol=Ews", Dialect::Json),
        ] {
            assert_eq!(routes.find(target), Ok(Route::Autodiscover(dialect)), "{target}");
        }
        assert_eq!(routes.find("/EWS/Exchange.asmx?wsdl"), Ok(Route::Other(RouteAction::Relay)));
        assert_eq!(routes.find("/OAB/1/oab.xml"), Ok(Route::Other(RouteAction::Relay)));
        assert_eq!(routes.find("/owa/?url=/owa/"), Ok(Route::Other(RouteAction::Refuse)));
        assert_eq!(routes.find("/mapi/healthcheck.htm"), Ok(Route::Other(RouteAction::Refuse)));
        assert_eq!(routes.find("/mapi/nspi/x"), Ok(Route::Other(RouteAction::Refuse)));
        assert_eq!(routes.find("/"), Ok(Route::Other(RouteAction::NotFound)));
        assert_eq!(routes.find("/ewsx"), Ok(Route::Other(RouteAction::NotFound)));
        assert_eq!(routes.find("/%6fwa"), Ok(Route::Other(RouteAction::NotFound)));
        routes.set("/OWA/", RouteAction::NotFound);
        routes.set("powershell", RouteAction::Relay);
        assert_eq!(routes.find("/owa"), Ok(Route::Other(RouteAction::NotFound)));
        assert_eq!(routes.find("/PowerShell?serializationLevel=a/b"), Ok(Route::Other(RouteAction::Relay)));
    }

    #[test]
    fn what_could_lead_elsewhere_leads_nowhere() {
        let routes = Routes::default();
        let status = |target: &str| routes.find(target).map_err(Unroutable::status);
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
