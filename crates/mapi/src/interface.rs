//! The RPC interfaces of Exchange: UUIDs, versions, and the names of their operations.

use wire::Guid;

/// An RPC interface of Exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Interface {
    /// `RFRI`, the referral to address book servers ([MS-OXABREF] 1.9).
    Rfr,
    /// `NSPI`, the address book ([MS-OXNSPI] 1.9, 3.1.4.1).
    Nspi,
    /// `EMSMDB`, the mailbox store ([MS-OXCRPC] 1.9, 3.1.4).
    Emsmdb,
    /// `AsyncEMSMDB`, the notifications of the mailbox store ([MS-OXCRPC] 1.9, 3.3.4).
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
    /// The four interfaces.
    pub const ALL: [Self; 4] = [Self::Rfr, Self::Nspi, Self::Emsmdb, Self::AsyncEmsmdb];

    /// The short name of the interface, which is the prefix of its operations' names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rfr => "rfr",
            Self::Nspi => "nspi",
            Self::Emsmdb => "emsmdb",
            Self::AsyncEmsmdb => "asyncemsmdb",
        }
    }

    /// The UUID of the interface.
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

    /// The major and minor version of the interface.
    pub const fn version(self) -> (u16, u16) {
        match self {
            Self::Rfr => (1, 0),
            Self::Nspi => (56, 0),
            Self::Emsmdb => (0, 81),
            Self::AsyncEmsmdb => (0, 1),
        }
    }

    /// The names of the operations, by operation number.
    pub const fn operations(self) -> &'static [&'static str] {
        match self {
            Self::Rfr => RFR,
            Self::Nspi => NSPI,
            Self::Emsmdb => EMSMDB,
            Self::AsyncEmsmdb => ASYNC_EMSMDB,
        }
    }

    /// Returns the interface with this UUID, of any version.
    pub fn by_uuid(uuid: Guid) -> Option<Self> {
        Self::ALL.into_iter().find(|interface| interface.uuid() == uuid)
    }

    /// Returns the name of the operation `opnum`, such as `nspi.QueryRows`.
    pub fn operation(self, opnum: u16) -> Option<&'static str> {
        self.operations().get(usize::from(opnum)).copied()
    }

    /// Returns the operation number of the operation with this name.
    pub fn opnum(self, operation: &str) -> Option<u16> {
        let index = self.operations().iter().position(|name| *name == operation)?;
        u16::try_from(index).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_those_of_the_specifications() {
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
    fn operations_have_the_opnums_of_the_specifications() {
        assert_eq!(Interface::Nspi.operation(3), Some("nspi.QueryRows"));
        assert_eq!(Interface::Nspi.operation(20), Some("nspi.ResolveNamesW"));
        assert_eq!(Interface::Nspi.operation(21), None);
        assert_eq!(Interface::Emsmdb.opnum("emsmdb.EcDoConnectEx"), Some(10));
        assert_eq!(Interface::Emsmdb.operation(14), Some("emsmdb.EcDoAsyncConnectEx"));
    }
}
