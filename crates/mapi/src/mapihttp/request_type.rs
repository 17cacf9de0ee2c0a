//! Request types and the endpoints to which they belong.

use std::fmt;

use wire::Error;

use crate::Interface;

/// The endpoint of a request ([MS-OXCMAPIHTTP] 2.2.4, 2.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// The mailbox store.
    Emsmdb,
    /// The address book.
    Nspi,
}

impl Endpoint {
    /// Both endpoints.
    pub const ALL: [Self; 2] = [Self::Emsmdb, Self::Nspi];

    /// The path of the endpoint on servers, as in Autodiscover responses.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Emsmdb => "/mapi/emsmdb",
            Self::Nspi => "/mapi/nspi",
        }
    }

    /// Returns the endpoint with this path: in any letter case, with or without a trailing slash or a query.
    pub fn of_path(path: &str) -> Option<Self> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let path = path.strip_suffix('/').unwrap_or(path);
        Self::ALL.into_iter().find(|endpoint| endpoint.path().eq_ignore_ascii_case(path))
    }

    /// The corresponding RPC interface.
    pub const fn interface(self) -> Interface {
        match self {
            Self::Emsmdb => Interface::Emsmdb,
            Self::Nspi => Interface::Nspi,
        }
    }

    /// The name of the operation, such as `emsmdb.Execute`; `None` if the endpoint does not have the request type.
    pub fn operation(self, request_type: RequestType) -> Option<&'static str> {
        let index = Self::ALL.iter().position(|endpoint| *endpoint == self)?;
        request_type.operations().get(index).copied().filter(|name| !name.is_empty())
    }
}

macro_rules! request_types {
    ($($(#[$doc:meta])* $name:ident = [$emsmdb:literal, $nspi:literal], $remote_call:expr;)*) => {
        /// The type of a request: its operation ([MS-OXCMAPIHTTP] 2.2.3.3.1).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(clippy::upper_case_acronyms)]
        pub enum RequestType {
            $($(#[$doc])* $name,)*
        }

        impl RequestType {
            /// All request types.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name of the request type in the specification.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// The name of the operation at each endpoint; empty if the endpoint does not have it.
            const fn operations(self) -> [&'static str; 2] {
                match self {
                    $(Self::$name => [$emsmdb, $nspi],)*
                }
            }

            /// The corresponding RPC call: its interface and operation number.
            pub const fn remote_call(self) -> Option<(Interface, u16)> {
                match self {
                    $(Self::$name => $remote_call,)*
                }
            }
        }
    };
}

request_types! {
    /// Creates a session with the mailbox store.
    Connect = ["emsmdb.Connect", ""], Some((Interface::Emsmdb, 10));
    /// Executes ROPs.
    Execute = ["emsmdb.Execute", ""], Some((Interface::Emsmdb, 11));
    /// Ends a session with the mailbox store.
    Disconnect = ["emsmdb.Disconnect", ""], Some((Interface::Emsmdb, 1));
    /// Waits for notifications.
    NotificationWait = ["emsmdb.NotificationWait", ""], Some((Interface::AsyncEmsmdb, 0));
    /// Checks whether the endpoint is available.
    PING = ["emsmdb.PING", "nspi.PING"], None;
    /// Creates a session with the address book.
    Bind = ["", "nspi.Bind"], Some((Interface::Nspi, 0));
    /// Ends a session with the address book.
    Unbind = ["", "nspi.Unbind"], Some((Interface::Nspi, 1));
    /// Compares the positions of two objects in a container.
    CompareMIds = ["", "nspi.CompareMIds"], Some((Interface::Nspi, 10));
    /// Maps distinguished names to Minimal Entry IDs.
    DNToMId = ["", "nspi.DNToMId"], Some((Interface::Nspi, 7));
    /// Returns a table of the objects that match a restriction.
    GetMatches = ["", "nspi.GetMatches"], Some((Interface::Nspi, 5));
    /// Lists the properties of an object.
    GetPropList = ["", "nspi.GetPropList"], Some((Interface::Nspi, 8));
    /// Reads properties of an object.
    GetProps = ["", "nspi.GetProps"], Some((Interface::Nspi, 9));
    /// Reads the table of containers or of address creation templates.
    GetSpecialTable = ["", "nspi.GetSpecialTable"], Some((Interface::Nspi, 12));
    /// Reads a display template.
    GetTemplateInfo = ["", "nspi.GetTemplateInfo"], Some((Interface::Nspi, 13));
    /// Adds objects to or removes them from a property that is a list of objects, such as the members of a group.
    ModLinkAtt = ["", "nspi.ModLinkAtt"], Some((Interface::Nspi, 14));
    /// Changes properties of an object.
    ModProps = ["", "nspi.ModProps"], Some((Interface::Nspi, 11));
    /// Lists the properties of the address book.
    QueryColumns = ["", "nspi.QueryColumns"], Some((Interface::Nspi, 16));
    /// Reads rows of a table.
    QueryRows = ["", "nspi.QueryRows"], Some((Interface::Nspi, 3));
    /// Finds objects by ambiguous names.
    ResolveNames = ["", "nspi.ResolveNames"], Some((Interface::Nspi, 20));
    /// Sorts a table.
    ResortRestriction = ["", "nspi.ResortRestriction"], Some((Interface::Nspi, 6));
    /// Moves the current position of a table to a value.
    SeekEntries = ["", "nspi.SeekEntries"], Some((Interface::Nspi, 4));
    /// Moves the current position of a table.
    UpdateStat = ["", "nspi.UpdateStat"], Some((Interface::Nspi, 2));
    /// Returns the URL of a mailbox server.
    GetMailboxUrl = ["", "nspi.GetMailboxUrl"], Some((Interface::Rfr, 1));
    /// Returns the URL of the address book.
    GetAddressBookUrl = ["", "nspi.GetAddressBookUrl"], Some((Interface::Rfr, 0));
}

impl RequestType {
    /// Parses the value of a header, in any letter case. Some servers accept only `QueryColumn` for `QueryColumns`, so
    /// that both are accepted here.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.trim_matches([' ', '\t']);
        if name.eq_ignore_ascii_case("QueryColumn") {
            return Some(Self::QueryColumns);
        }
        Self::ALL.iter().copied().find(|known| known.name().eq_ignore_ascii_case(name))
    }

    /// Whether the request creates a session, so that it has no session cookie.
    pub const fn begins_session(self) -> bool {
        matches!(self, Self::Connect | Self::Bind)
    }

    /// Whether the request ends the session.
    pub const fn ends_session(self) -> bool {
        matches!(self, Self::Disconnect | Self::Unbind)
    }

    /// Whether the request is part of the sequence of its session. Waits for notifications and PINGs are processed
    /// concurrently ([MS-OXCMAPIHTTP] 3.1.5.5).
    pub const fn is_in_sequence(self) -> bool {
        !matches!(self, Self::NotificationWait | Self::PING)
    }
}

impl fmt::Display for RequestType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

pub(crate) fn not_of_endpoint(request_type: RequestType) -> Error {
    let index = RequestType::ALL.iter().position(|known| *known == request_type);
    let found = index.and_then(|index| u64::try_from(index).ok()).unwrap_or(u64::MAX);
    Error::invalid("X-RequestType", 0, found, "a request type of this endpoint")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_recognized_in_any_letter_case_and_both_spellings() {
        for known in RequestType::ALL {
            assert_eq!(RequestType::parse(known.name()), Some(*known));
            assert_eq!(RequestType::parse(&known.name().to_lowercase()), Some(*known));
        }
        assert_eq!(RequestType::parse("querycolumn"), Some(RequestType::QueryColumns));
        assert_eq!(RequestType::parse("Bogus"), None);
    }

    #[test]
    fn every_type_has_an_endpoint_and_the_name_of_its_rpc_call() {
        for known in RequestType::ALL {
            let endpoints: Vec<_> = Endpoint::ALL.iter().filter(|e| e.operation(*known).is_some()).collect();
            assert_eq!(endpoints.len(), if *known == RequestType::PING { 2 } else { 1 });
        }
        for known in RequestType::ALL {
            let Some((Interface::Nspi, opnum)) = known.remote_call() else { continue };
            let rpc_call = Interface::Nspi.operation(opnum).unwrap();
            assert_eq!(rpc_call.trim_end_matches('W'), Endpoint::Nspi.operation(*known).unwrap());
        }
    }

    #[test]
    fn paths_are_recognized_in_any_letter_case() {
        assert_eq!(Endpoint::of_path("/MAPI/EMSMDB/?mailboxid=a@b"), Some(Endpoint::Emsmdb));
        assert_eq!(Endpoint::of_path("/mapi/nspi"), Some(Endpoint::Nspi));
        assert_eq!(Endpoint::of_path("/mapi/nspix/"), None);
    }
}
