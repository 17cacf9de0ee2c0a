//! The RPC interfaces: UUIDs, versions, and the names of their operations.

use wire::Guid;

/// A remote interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Interface {
    /// Where the address book is ([MS-OXABREF] 1.9).
    Rfr,
    /// The address book ([MS-OXNSPI] 1.9, 3.1.4.1).
    Nspi,
    /// The mailbox store ([MS-OXCRPC] 1.9, 3.1.4).
    Emsmdb,
    /// The mailbox store's notifications ([MS-OXCRPC] 1.9, 3.3.4).
    AsyncEmsmdb,
}

const RFR: &[&str] = &["rfr.GetNewDSA", "rfr.GetFQDNFromServerDN"];
const NSPI: &[&str] = &[
    "nspi.Bind",
    "nspi.Unbind",
    "nspi.UpdateStat",
    "nspi.QueryRows",
    "nspi.SeekEntries",
    "nspi.GetMatches",
    "nspi.ResortRestriction",
    "nspi.DNToMId",
    "nspi.GetPropList",
    "nspi.GetProps",
    "nspi.CompareMIds",
    "nspi.ModProps",
    "nspi.GetSpecialTable",
    "nspi.GetTemplateInfo",
    "nspi.ModLinkAtt",
    "nspi.DeleteEntries",
    "nspi.QueryColumns",
    "nspi.GetNamesFromIDs",
    "nspi.GetIDsFromNames",
    "nspi.ResolveNames",
    "nspi.ResolveNamesW",
];
const EMSMDB: &[&str] = &[
    "emsmdb.EcDoConnect",
    "emsmdb.EcDoDisconnect",
    "emsmdb.EcDoRpc",
    "emsmdb.EcGetMoreRpc",
    "emsmdb.EcRRegisterPushNotification",
    "emsmdb.EcRUnregisterPushNotification",
    "emsmdb.EcDummyRpc",
    "emsmdb.EcRGetDCName",
    "emsmdb.EcRNetGetDCName",
    "emsmdb.EcDoRpcExt",
    "emsmdb.EcDoConnectEx",
    "emsmdb.EcDoRpcExt2",
    "emsmdb.Opnum12Reserved",
    "emsmdb.Opnum13Reserved",
    "emsmdb.EcDoAsyncConnectEx",
];
const ASYNC_EMSMDB: &[&str] = &["asyncemsmdb.EcDoAsyncWaitEx"];

impl Interface {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Rfr, Self::Nspi, Self::Emsmdb, Self::AsyncEmsmdb];

    /// What it is called: the first half of its operations' names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rfr => "rfr",
            Self::Nspi => "nspi",
            Self::Emsmdb => "emsmdb",
            Self::AsyncEmsmdb => "asyncemsmdb",
        }
    }

    /// Its UUID.
    pub const fn uuid(self) -> Guid {
        match self {
            Self::Rfr => {
                Guid::new(0x1544_f5e0, 0x613c, 0x11d1, [0x93, 0xdf, 0x00, 0xc0, 0x4f, 0xd7, 0xbd, 0x09])
            }
            Self::Nspi => {
                Guid::new(0xf5cc_5a18, 0x4264, 0x101a, [0x8c, 0x59, 0x08, 0x00, 0x2b, 0x2f, 0x84, 0x26])
            }
            Self::Emsmdb => {
                Guid::new(0xa4f1_db00, 0xca47, 0x1067, [0xb3, 0x1f, 0x00, 0xdd, 0x01, 0x06, 0x62, 0xda])
            }
            Self::AsyncEmsmdb => {
                Guid::new(0x5261_574a, 0x4572, 0x206e, [0xb2, 0x68, 0x6b, 0x19, 0x92, 0x13, 0xb4, 0xe4])
            }
        }
    }

    /// Its version: major and minor.
    pub const fn version(self) -> (u16, u16) {
        match self {
            Self::Rfr => (1, 0),
            Self::Nspi => (56, 0),
            Self::Emsmdb => (0, 81),
            Self::AsyncEmsmdb => (0, 1),
        }
    }

    /// The names of its operations, by opnum.
    pub const fn operations(self) -> &'static [&'static str] {
        match self {
            Self::Rfr => RFR,
            Self::Nspi => NSPI,
            Self::Emsmdb => EMSMDB,
            Self::AsyncEmsmdb => ASYNC_EMSMDB,
        }
    }

    /// The interface with this UUID, whatever the version.
    pub fn by_uuid(uuid: Guid) -> Option<Self> {
        Self::ALL.into_iter().find(|interface| interface.uuid() == uuid)
    }

    /// What the operation `opnum` is called, such as `nspi.QueryRows`.
    pub fn operation(self, opnum: u16) -> Option<&'static str> {
        self.operations().get(usize::from(opnum)).copied()
    }

    /// The opnum of the operation with this name.
    pub fn opnum(self, operation: &str) -> Option<u16> {
        let index = self.operations().iter().position(|name| *name == operation)?;
        u16::try_from(index).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_read_as_the_specifications_write_them() {
        let uuids: Vec<String> = Interface::ALL.iter().map(|i| i.uuid().to_string()).collect();
        assert_eq!(
            uuids,
            [
                "1544f5e0-613c-11d1-93df-00c04fd7bd09",
                "f5cc5a18-4264-101a-8c59-08002b2f8426",
                "a4f1db00-ca47-1067-b31f-00dd010662da",
                "5261574a-4572-206e-b268-6b199213b4e4",
            ]
        );
        assert_eq!(Interface::by_uuid(Interface::Nspi.uuid()), Some(Interface::Nspi));
        assert_eq!(Interface::by_uuid(Guid::NIL), None);
    }

    #[test]
    fn operations_stand_at_their_opnums() {
        assert_eq!(Interface::Nspi.operation(3), Some("nspi.QueryRows"));
        assert_eq!(Interface::Nspi.operation(20), Some("nspi.ResolveNamesW"));
        assert_eq!(Interface::Nspi.operation(21), None);
        assert_eq!(Interface::Emsmdb.opnum("emsmdb.EcDoConnectEx"), Some(10));
        assert_eq!(Interface::Emsmdb.operation(14), Some("emsmdb.EcDoAsyncConnectEx"));
    }
}
