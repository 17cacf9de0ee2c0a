//! The kinds of operations, independent of the envelope.

use mapi::Interface;
use mapi::mapihttp::{Endpoint, RequestType};

use crate::body::OperationKey::{self, Call, Http};

macro_rules! kinds {
    ($($(#[$doc:meta])* $key:pat => $name:ident,)*) => {
        /// The kind of an operation. Corresponding operations of RPC and of MAPI over HTTP are of one kind, so that
        /// a module that handles a kind handles both.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum OperationKind {
            $($(#[$doc])* $name,)*
            /// An operation whose parameters are not specified, or that the interface does not have.
            Other,
        }

        impl OperationKind {
            /// The kind of the operation `key`.
            pub const fn of(key: OperationKey) -> Self {
                match key {
                    $($key => Self::$name,)*
                    _ => Self::Other,
                }
            }
        }
    };
}

kinds! {
    /// Finds an address book server ([MS-OXABREF] 3.1.4.1).
    Call(Interface::Rfr, 0) => GetNewDSA,
    /// Finds the host name of a mailbox server ([MS-OXABREF] 3.1.4.2).
    Call(Interface::Rfr, 1) => GetFQDNFromServerDN,
    /// Finds the URL of an address book server ([MS-OXCMAPIHTTP] 2.2.5.19).
    Http(Endpoint::Nspi, RequestType::GetAddressBookUrl) => GetAddressBookUrl,
    /// Finds the URL of a mailbox server ([MS-OXCMAPIHTTP] 2.2.5.18).
    Http(Endpoint::Nspi, RequestType::GetMailboxUrl) => GetMailboxUrl,

    /// Begins a session with the address book ([MS-OXNSPI] 3.1.4.1.1).
    Call(Interface::Nspi, 0) | Http(Endpoint::Nspi, RequestType::Bind) => Bind,
    /// Ends a session with the address book ([MS-OXNSPI] 3.1.4.1.2).
    Call(Interface::Nspi, 1) | Http(Endpoint::Nspi, RequestType::Unbind) => Unbind,
    /// Moves the position in a table ([MS-OXNSPI] 3.1.4.1.4).
    Call(Interface::Nspi, 2) | Http(Endpoint::Nspi, RequestType::UpdateStat) => UpdateStat,
    /// Reads rows ([MS-OXNSPI] 3.1.4.1.8).
    Call(Interface::Nspi, 3) | Http(Endpoint::Nspi, RequestType::QueryRows) => QueryRows,
    /// Moves the position in a table to a value, and reads rows ([MS-OXNSPI] 3.1.4.1.9).
    Call(Interface::Nspi, 4) | Http(Endpoint::Nspi, RequestType::SeekEntries) => SeekEntries,
    /// Finds rows by a restriction ([MS-OXNSPI] 3.1.4.1.10).
    Call(Interface::Nspi, 5) | Http(Endpoint::Nspi, RequestType::GetMatches) => GetMatches,
    /// Sorts the rows that were found ([MS-OXNSPI] 3.1.4.1.11).
    Call(Interface::Nspi, 6) | Http(Endpoint::Nspi, RequestType::ResortRestriction) => ResortRestriction,
    /// Maps distinguished names to objects ([MS-OXNSPI] 3.1.4.1.13).
    Call(Interface::Nspi, 7) | Http(Endpoint::Nspi, RequestType::DNToMId) => DNToMId,
    /// Lists the properties of an object ([MS-OXNSPI] 3.1.4.1.6).
    Call(Interface::Nspi, 8) | Http(Endpoint::Nspi, RequestType::GetPropList) => GetPropList,
    /// Reads properties of the current row ([MS-OXNSPI] 3.1.4.1.7).
    Call(Interface::Nspi, 9) | Http(Endpoint::Nspi, RequestType::GetProps) => GetProps,
    /// Compares the positions of two objects ([MS-OXNSPI] 3.1.4.1.12).
    Call(Interface::Nspi, 10) | Http(Endpoint::Nspi, RequestType::CompareMIds) => CompareMIds,
    /// Changes properties of the current row ([MS-OXNSPI] 3.1.4.1.14).
    Call(Interface::Nspi, 11) | Http(Endpoint::Nspi, RequestType::ModProps) => ModProps,
    /// Reads the table of containers or of templates ([MS-OXNSPI] 3.1.4.1.3).
    Call(Interface::Nspi, 12) | Http(Endpoint::Nspi, RequestType::GetSpecialTable) => GetSpecialTable,
    /// Reads a template ([MS-OXNSPI] 3.1.4.1.18).
    Call(Interface::Nspi, 13) | Http(Endpoint::Nspi, RequestType::GetTemplateInfo) => GetTemplateInfo,
    /// Changes a property that refers to objects ([MS-OXNSPI] 3.1.4.1.15).
    Call(Interface::Nspi, 14) | Http(Endpoint::Nspi, RequestType::ModLinkAtt) => ModLinkAtt,
    /// Lists the properties that the server supports ([MS-OXNSPI] 3.1.4.1.5).
    Call(Interface::Nspi, 16) | Http(Endpoint::Nspi, RequestType::QueryColumns) => QueryColumns,
    /// Maps property ids to names ([MS-NSPI] 3.1.4.16).
    Call(Interface::Nspi, 17) => GetNamesFromIDs,
    /// Maps names to property ids ([MS-NSPI] 3.1.4.17).
    Call(Interface::Nspi, 18) => GetIDsFromNames,
    /// Resolves names in 8-bit characters ([MS-OXNSPI] 3.1.4.1.16).
    Call(Interface::Nspi, 19) => ResolveNames8,
    /// Resolves names in UTF-16 ([MS-OXNSPI] 3.1.4.1.17).
    Call(Interface::Nspi, 20) | Http(Endpoint::Nspi, RequestType::ResolveNames) => ResolveNames,

    /// Begins a session with the mailbox store: `EcDoConnect`, the predecessor of `EcDoConnectEx`.
    Call(Interface::Emsmdb, 0) => EcDoConnect,
    /// Begins a session with the mailbox store: `EcDoConnectEx` ([MS-OXCRPC] 3.1.4.1), `Connect`
    /// ([MS-OXCMAPIHTTP] 2.2.4.1).
    Call(Interface::Emsmdb, 10) | Http(Endpoint::Emsmdb, RequestType::Connect) => Connect,
    /// Ends a session with the mailbox store ([MS-OXCRPC] 3.1.4.3).
    Call(Interface::Emsmdb, 1) | Http(Endpoint::Emsmdb, RequestType::Disconnect) => Disconnect,
    /// Carries ROPs: `EcDoRpcExt2` ([MS-OXCRPC] 3.1.4.2), its predecessors `EcDoRpc` and `EcDoRpcExt`, `Execute`
    /// ([MS-OXCMAPIHTTP] 2.2.4.2).
    Call(Interface::Emsmdb, 2 | 9 | 11) | Http(Endpoint::Emsmdb, RequestType::Execute) => Execute,
    /// Opens an asynchronous context handle, on which the client waits for notifications ([MS-OXCRPC] 3.1.4.4).
    Call(Interface::Emsmdb, 14) => EcDoAsyncConnectEx,
    /// Waits for notifications: `EcDoAsyncWaitEx` ([MS-OXCRPC] 3.3.4.1), `NotificationWait` ([MS-OXCMAPIHTTP] 2.2.4.4).
    Call(Interface::AsyncEmsmdb, 0) | Http(Endpoint::Emsmdb, RequestType::NotificationWait) => NotificationWait,
    /// Tests whether an endpoint is available ([MS-OXCMAPIHTTP] 2.2.6).
    Http(_, RequestType::PING) => Ping,
}

impl OperationKind {
    /// Whether the operation begins a session.
    pub const fn begins_session(self) -> bool {
        matches!(self, Self::Bind | Self::EcDoConnect | Self::Connect)
    }

    /// Whether the operation ends its session.
    pub const fn ends_session(self) -> bool {
        matches!(self, Self::Unbind | Self::Disconnect)
    }

    /// Whether another request may be sent ahead of the operation: it belongs to a session, and is part of the
    /// sequence of the session's requests.
    pub(crate) const fn is_in_sequence(self) -> bool {
        !self.begins_session() && !matches!(self, Self::NotificationWait | Self::Ping)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn calls() -> impl Iterator<Item = OperationKey> {
        let all =
            Interface::ALL.into_iter().flat_map(|interface| (0..32).map(move |opnum| (interface, opnum)));
        all.filter(|(interface, opnum)| interface.operation(*opnum).is_some()).map(OperationKey::from)
    }

    fn requests() -> impl Iterator<Item = (Endpoint, RequestType)> {
        let all = Endpoint::ALL.into_iter();
        let all = all.flat_map(|endpoint| RequestType::ALL.iter().map(move |kind| (endpoint, *kind)));
        all.filter(|(endpoint, kind)| endpoint.operation(*kind).is_some())
    }

    #[test]
    fn an_operation_is_of_one_kind_in_both_envelopes() {
        for (endpoint, request_type) in requests() {
            let kind = OperationKind::of(Http(endpoint, request_type));
            assert_ne!(kind, OperationKind::Other, "{request_type}");
            match request_type.remote_call() {
                // These return URLs, the calls names of hosts.
                Some((Interface::Rfr, _)) => {}
                Some(call) => assert_eq!(OperationKind::of(call.into()), kind, "{request_type}"),
                None => assert_eq!(kind, OperationKind::Ping),
            }
            assert_eq!(kind.begins_session(), request_type.begins_session(), "{request_type}");
            assert_eq!(kind.ends_session(), request_type.ends_session(), "{request_type}");
        }
    }

    #[test]
    fn only_calls_that_are_not_specified_have_no_kind() {
        let others = calls().filter(|key| OperationKind::of(*key) == OperationKind::Other);
        let others: HashSet<&str> = others.map(OperationKey::name).collect();
        let expected = [
            "nspi.DeleteEntries",
            "emsmdb.EcGetMoreRpc",
            "emsmdb.EcRRegisterPushNotification",
            "emsmdb.EcRUnregisterPushNotification",
            "emsmdb.EcDummyRpc",
            "emsmdb.EcRGetDCName",
            "emsmdb.EcRNetGetDCName",
            "emsmdb.Opnum12Reserved",
            "emsmdb.Opnum13Reserved",
        ];
        assert_eq!(others, HashSet::from(expected));
    }
}
