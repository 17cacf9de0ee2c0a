//! Where a request's path leads.

/// What becomes of what is asked under a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It is relayed as it is, for whoever signed in.
    Relayed,
    /// It is refused: 403.
    Refused,
    /// It is not there: 404.
    Absent,
}

/// The virtual directories that a server has beside MAPI and Autodiscover, and what becomes of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    /// First labels of paths, in lower case, and what becomes of them. What is in no list is absent.
    directories: Vec<(String, Way)>,
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// To an endpoint of MAPI.
    Mapi,
    /// To Autodiscover.
    Autodiscover,
    /// Elsewhere.
    Other(Way),
    /// Nowhere: two servers could read the path as two.
    Ambiguous,
}

impl Default for Routes {
    /// Relays what clients need to set themselves up, and refuses the rest.
    fn default() -> Self {
        let relayed = ["oab", "ews"].map(|name| (name.to_owned(), Way::Relayed));
        let refused = ["owa", "ecp", "microsoft-server-activesync", "rpc", "mapi"];
        let refused = refused.map(|name| (name.to_owned(), Way::Refused));
        Self { directories: relayed.into_iter().chain(refused).collect() }
    }
}

impl Routes {
    /// Lets `directory`, a path's first label, have another `way`.
    pub fn set(&mut self, directory: &str, way: Way) {
        let name = directory.trim_matches('/').to_ascii_lowercase();
        self.directories.retain(|(known, _)| *known != name);
        self.directories.push((name, way));
    }

    /// Where `path` leads.
    pub(super) fn find(&self, path: &str) -> Route {
        if !path.starts_with('/') || is_ambiguous(path) {
            return Route::Ambiguous;
        }
        let mut labels = path.split('/').skip(1);
        let first = labels.next().unwrap_or_default();
        let second = labels.next().unwrap_or_default();
        let ends = labels.all(str::is_empty);
        let is = |label: &str, name: &str| label.eq_ignore_ascii_case(name);
        if is(first, "mapi") && (is(second, "emsmdb") || is(second, "nspi")) && ends {
            return Route::Mapi;
        }
        if is(first, "autodiscover") {
            return Route::Autodiscover;
        }
        let way = self.directories.iter().find(|(name, _)| is(first, name)).map(|(_, way)| *way);
        Route::Other(way.unwrap_or(Way::Absent))
    }
}

/// Whether a server might take the path for another one: what it may take together, go up, or take for a slash.
fn is_ambiguous(path: &str) -> bool {
    let twice = path.contains("//") || path.contains('\\') || path.contains(';');
    let up = path.split('/').any(|label| label == "." || label == "..");
    let hidden = path.split('%').skip(1).any(|rest| {
        let code = rest.get(..2).map(str::to_ascii_lowercase);
        // Controls, a dot, a slash, a backslash, a percent sign, or no code at all.
        code.is_none_or(|code| match u8::from_str_radix(&code, 16) {
            Ok(byte) => byte < 0x20 || byte == 0x7f || b"./\\%;".contains(&byte),
            Err(_) => true,
        })
    });
    twice || up || hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_they_should_in_any_case() {
        let mut routes = Routes::default();
        for path in ["/mapi/emsmdb", "/MAPI/EmsMdb/", "/mapi/nspi/"] {
            assert_eq!(routes.find(path), Route::Mapi, "{path}");
        }
        for path in ["/autodiscover/autodiscover.xml", "/AutoDiscover/AutoDiscover.json/v1.0/a@b.c"] {
            assert_eq!(routes.find(path), Route::Autodiscover, "{path}");
        }
        assert_eq!(routes.find("/EWS/Exchange.asmx"), Route::Other(Way::Relayed));
        assert_eq!(routes.find("/OAB/1/oab.xml"), Route::Other(Way::Relayed));
        assert_eq!(routes.find("/owa"), Route::Other(Way::Refused));
        assert_eq!(routes.find("/mapi/healthcheck.htm"), Route::Other(Way::Refused));
        assert_eq!(routes.find("/"), Route::Other(Way::Absent));
        assert_eq!(routes.find("/ewsx"), Route::Other(Way::Absent));
        routes.set("/OWA/", Way::Absent);
        routes.set("powershell", Way::Relayed);
        assert_eq!(routes.find("/owa"), Route::Other(Way::Absent));
        assert_eq!(routes.find("/PowerShell"), Route::Other(Way::Relayed));
    }

    #[test]
    fn what_could_be_read_as_another_path_leads_nowhere() {
        for path in [
            "/oab/../owa",
            "/oab/./x",
            "//owa",
            "/oab//x",
            "/oab\\..\\owa",
            "/oab/%2e%2e/owa",
            "/oab%2fx",
            "/oab/%5Cx",
            "/oab/%252e",
            "/%00",
            "/oab/%",
            "/oab/%zz",
            "*",
            "http://x/oab",
            "",
            "/oab;x/y",
        ] {
            assert_eq!(Routes::default().find(path), Route::Ambiguous, "{path}");
        }
        assert_eq!(Routes::default().find("/oab/a%20b"), Route::Other(Way::Relayed));
    }
}
