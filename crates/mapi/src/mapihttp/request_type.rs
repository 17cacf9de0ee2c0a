//! Request types and the endpoints that they belong to.

use std::fmt;

use wire::Error;

use crate::Interface;

/// Where requests are sent to ([MS-OXCMAPIHTTP] 2.2.4, 2.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// The mailbox store.
    Emsmdb,
    /// The address book.
    Nspi,
}

impl Endpoint {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Emsmdb, Self::Nspi];

    /// The path under which servers have it, as Autodiscover gives it out.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Emsmdb => "/mapi/emsmdb",
            Self::Nspi => "/mapi/nspi",
        }
    }

    /// The endpoint with this path: in whatever case, with or without a slash at its end, and whatever the
    /// query behind it.
    pub fn of_path(path: &str) -> Option<Self> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let path = path.strip_suffix('/').unwrap_or(path);
        Self::ALL.into_iter().find(|endpoint| endpoint.path().eq_ignore_ascii_case(path))
    }

    /// The interface of RPC calls that does the same.
    pub const fn interface(self) -> Interface {
        match self {
            Self::Emsmdb => Interface::Emsmdb,
            Self::Nspi => Interface::Nspi,
        }
    }

    /// What the operation is called, such as `emsmdb.Execute`; none where the endpoint has no such request
    /// type.
    pub fn operation(self, request_type: RequestType) -> Option<&'static str> {
        let index = Self::ALL.iter().position(|endpoint| *endpoint == self)?;
        request_type.operations().get(index).copied().filter(|name| !name.is_empty())
    }
}

macro_rules! request_types {
    ($($(#[$doc:meta])* $name:ident = [$emsmdb:literal, $nspi:literal], $twin:expr;)*) => {
        /// What a request asks for ([MS-OXCMAPIHTTP] 2.2.3.3.1), without its parameters.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(clippy::upper_case_acronyms)]
        pub enum RequestType {
            $($(#[$doc])* $name,)*
        }

        impl RequestType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name as the specification spells it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// What the operation is called at either endpoint; empty if the operation does not exist there.
            const fn operations(self) -> [&'static str; 2] {
                match self {
                    $(Self::$name => [$emsmdb, $nspi],)*
                }
            }

            /// The RPC call that does the same: its interface and its opnum.
            pub const fn remote_call(self) -> Option<(Interface, u16)> {
                match self {
                    $(Self::$name => $twin,)*
                }
            }
        }
    };
}

request_types! {
    /// Begins a session with the mailbox store.
    Connect = ["emsmdb.Connect", ""], Some((Interface::Emsmdb, 10));
    /// Carries ROPs.
    Execute = ["emsmdb.Execute", ""], Some((Interface::Emsmdb, 11));
    /// Ends a session with the mailbox store.
    Disconnect = ["emsmdb.Disconnect", ""], Some((Interface::Emsmdb, 1));
    /// Waits until there are notifications.
    NotificationWait = ["emsmdb.NotificationWait", ""], Some((Interface::AsyncEmsmdb, 0));
    /// Asks whether the endpoint is there.
    PING = ["emsmdb.PING", "nspi.PING"], None;
    /// Begins a session with the address book.
    Bind = ["", "nspi.Bind"], Some((Interface::Nspi, 0));
    /// Ends a session with the address book.
    Unbind = ["", "nspi.Unbind"], Some((Interface::Nspi, 1));
    /// Compares the places of two objects in a container.
    CompareMIds = ["", "nspi.CompareMIds"], Some((Interface::Nspi, 10));
    /// Maps distinguished names to Minimal Entry IDs.
    DNToMId = ["", "nspi.DNToMId"], Some((Interface::Nspi, 7));
    /// Makes a table of the objects that a restriction holds for.
    GetMatches = ["", "nspi.GetMatches"], Some((Interface::Nspi, 5));
    /// Lists an object's properties.
    GetPropList = ["", "nspi.GetPropList"], Some((Interface::Nspi, 8));
    /// Reads an object's properties.
    GetProps = ["", "nspi.GetProps"], Some((Interface::Nspi, 9));
    /// Reads the table of containers or of templates.
    GetSpecialTable = ["", "nspi.GetSpecialTable"], Some((Interface::Nspi, 12));
    /// Reads a template.
    GetTemplateInfo = ["", "nspi.GetTemplateInfo"], Some((Interface::Nspi, 13));
    /// Changes a list of objects that is a property.
    ModLinkAtt = ["", "nspi.ModLinkAtt"], Some((Interface::Nspi, 14));
    /// Changes an object's properties.
    ModProps = ["", "nspi.ModProps"], Some((Interface::Nspi, 11));
    /// Lists the properties that there are.
    QueryColumns = ["", "nspi.QueryColumns"], Some((Interface::Nspi, 16));
    /// Reads rows of a table.
    QueryRows = ["", "nspi.QueryRows"], Some((Interface::Nspi, 3));
    /// Resolves names.
    ResolveNames = ["", "nspi.ResolveNames"], Some((Interface::Nspi, 20));
    /// Sorts a table anew.
    ResortRestriction = ["", "nspi.ResortRestriction"], Some((Interface::Nspi, 6));
    /// Seeks a row in a table.
    SeekEntries = ["", "nspi.SeekEntries"], Some((Interface::Nspi, 4));
    /// Moves in a table.
    UpdateStat = ["", "nspi.UpdateStat"], Some((Interface::Nspi, 2));
    /// Asks for the URL of a mailbox server.
    GetMailboxUrl = ["", "nspi.GetMailboxUrl"], Some((Interface::Rfr, 1));
    /// Asks for the URL of the address book.
    GetAddressBookUrl = ["", "nspi.GetAddressBookUrl"], Some((Interface::Rfr, 0));
}

impl RequestType {
    /// The type that a header names, in whatever case. Some servers know `QueryColumns` without its last letter
    /// only.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.trim_matches([' ', '\t']);
        if name.eq_ignore_ascii_case("QueryColumn") {
            return Some(Self::QueryColumns);
        }
        Self::ALL.iter().copied().find(|known| known.name().eq_ignore_ascii_case(name))
    }

    /// Whether the request begins a session, so that it needs no session cookie.
    pub const fn begins_session(self) -> bool {
        matches!(self, Self::Connect | Self::Bind)
    }

    /// Whether the request ends the session.
    pub const fn ends_session(self) -> bool {
        matches!(self, Self::Disconnect | Self::Unbind)
    }

    /// Whether the request takes its turn among those of its session. A wait for notifications and a PING go on
    /// beside the others ([MS-OXCMAPIHTTP] 3.1.5.5).
    pub const fn takes_turns(self) -> bool {
        !matches!(self, Self::NotificationWait | Self::PING)
    }
}

impl fmt::Display for RequestType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

pub(crate) fn not_here(request_type: RequestType) -> Error {
    let index = RequestType::ALL.iter().position(|known| *known == request_type);
    let found = index.and_then(|index| u64::try_from(index).ok()).unwrap_or(u64::MAX);
    Error::invalid("X-RequestType", 0, found, "a request type of this endpoint")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case_and_both_spellings() {
        for known in RequestType::ALL {
            assert_eq!(RequestType::parse(known.name()), Some(*known));
            assert_eq!(RequestType::parse(&known.name().to_lowercase()), Some(*known));
        }
        assert_eq!(RequestType::parse("querycolumn"), Some(RequestType::QueryColumns));
        assert_eq!(RequestType::parse("Bogus"), None);
    }

    #[test]
    fn every_type_has_an_endpoint_and_the_name_of_its_twin() {
        for known in RequestType::ALL {
            let here: Vec<_> = Endpoint::ALL.iter().filter(|e| e.operation(*known).is_some()).collect();
            assert_eq!(here.len(), if *known == RequestType::PING { 2 } else { 1 });
        }
        for known in RequestType::ALL {
            let Some((Interface::Nspi, opnum)) = known.remote_call() else { continue };
            let twin = Interface::Nspi.operation(opnum).unwrap();
            assert_eq!(twin.trim_end_matches('W'), Endpoint::Nspi.operation(*known).unwrap());
        }
    }

    #[test]
    fn paths_are_known_in_any_case() {
        assert_eq!(Endpoint::of_path("/MAPI/EMSMDB/?mailboxid=a@b"), Some(Endpoint::Emsmdb));
        assert_eq!(Endpoint::of_path("/mapi/nspi"), Some(Endpoint::Nspi));
        assert_eq!(Endpoint::of_path("/mapi/nspix/"), None);
    }
}
