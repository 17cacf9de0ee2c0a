//! `PidTagExtendedFolderFlags` ([MS-OXOCFG] 2.2.7.1).

use wire::{Decode, Encode, Guid, Reader, Result, Writer};

use crate::inspect::{Inspect, Node};

wire::wire_enum! {
    /// What a subproperty of a folder is ([MS-OXOCFG] 2.2.7.1).
    pub struct SubpropertyId(u8) {
        /// None.
        Invalid = 0x00,
        /// What is shown of the folder, in four bytes.
        ExtendedFlags = 0x01,
        /// The GUID that `PidTagSearchFolderId` of the definition has.
        SearchFolderID = 0x02,
        /// The number that `PidTagSearchFolderTag` of the definition has.
        SearchFolderTag = 0x03,
        /// Which properties for streams a to-do search folder has, in four bytes.
        ToDoFolderVersion = 0x05,
    }
}

/// `PidTagExtendedFolderFlags`: subproperties of a folder ([MS-OXOSRCH] 2.2.2.1.2, [MS-OXOCFG] 2.2.7).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExtendedFolderFlags(pub Vec<(SubpropertyId, Vec<u8>)>);

impl<'a> Decode<'a> for ExtendedFolderFlags {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let mut subproperties = Vec::new();
        while !r.is_empty() {
            let id = SubpropertyId(r.u8("Id")?);
            let length = r.u8("Cb")?;
            subproperties.push((id, r.bytes(usize::from(length), "Data")?.to_vec()));
        }
        Ok(Self(subproperties))
    }
}

impl Encode for ExtendedFolderFlags {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        for (id, data) in &self.0 {
            w.u8(id.0).len8(data.len(), "Cb")?.bytes(data);
        }
        Ok(())
    }
}

impl Inspect for ExtendedFolderFlags {
    fn to_node(&self) -> Node {
        let one = |(id, data): &(SubpropertyId, Vec<u8>)| {
            let four = || <[u8; 4]>::try_from(&data[..]).ok().map(|four| u32::from_le_bytes(four).to_node());
            let known = match *id {
                SubpropertyId::SearchFolderID => Guid::from_bytes(data).ok().map(|guid| guid.to_node()),
                SubpropertyId::ExtendedFlags
                | SubpropertyId::SearchFolderTag
                | SubpropertyId::ToDoFolderVersion => four(),
                _ => None,
            };
            (id.to_string().into(), known.unwrap_or_else(|| Node::Bytes(data.clone())))
        };
        Node::Fields(self.0.iter().map(one).collect())
    }
}
