//! The virtual directories of the server that the proxy has no service for, and what is done with their requests.

/// What is done with requests for a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteAction {
    /// They are forwarded unchanged, for authenticated clients.
    Forward,
    /// They are rejected with status 403.
    Refuse,
    /// They are rejected with status 404.
    NotFound,
}

/// The virtual directories, with the action for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    /// First labels of paths, in lower case, with their actions. All others are rejected with status 404.
    directories: Vec<(String, RouteAction)>,
}

impl Default for Routes {
    /// Forwards requests for the directories that clients need for their setup, and refuses those for other directories
    /// of Exchange.
    fn default() -> Self {
        let forwarded = ["oab", "ews"].map(|name| (name.to_owned(), RouteAction::Forward));
        let refused = ["owa", "ecp", "microsoft-server-activesync", "rpc", "mapi"];
        let refused = refused.map(|name| (name.to_owned(), RouteAction::Refuse));
        Self { directories: forwarded.into_iter().chain(refused).collect() }
    }
}

impl Routes {
    /// Sets the `action` for `directory`, a path's first label.
    pub fn set(&mut self, directory: &str, action: RouteAction) {
        let name = directory.trim_matches('/').to_ascii_lowercase();
        self.directories.retain(|(known, _)| *known != name);
        self.directories.push((name, action));
    }

    /// The action for `directory`, a path's first label in any case.
    pub(crate) fn action(&self, directory: &str) -> RouteAction {
        let mut directories = self.directories.iter();
        let known = directories.find(|(name, _)| name.eq_ignore_ascii_case(directory));
        known.map_or(RouteAction::NotFound, |(_, action)| *action)
    }
}
