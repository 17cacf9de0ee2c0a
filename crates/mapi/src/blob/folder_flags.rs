//! `PidTagExtendedFolderFlags` ([MS-OXOCFG] 2.2.7.1).

use wire::{Decode, Encode, Guid, Reader, Result, Writer};

use crate::inspect::{Inspect, Node};

wire::wire_enum! {
    /// The identifier of a subproperty ([MS-OXOCFG] 2.2.7.1).
    pub struct SubpropertyId(u8) {
        /// Reserved; not used.
        Invalid = 0x00,
        /// `ExtendedFlags`: how the folder is displayed; four bytes.
        ExtendedFlags = 0x01,
        /// `SearchFolderID`: the GUID in `PidTagSearchFolderId` of the search folder's definition.
        SearchFolderID = 0x02,
        /// `SearchFolderTag`: the number in `PidTagSearchFolderTag` of the search folder's definition.
        SearchFolderTag = 0x03,
        /// `ToDoFolderVersion`: the version of a to-do search folder; four bytes.
        ToDoFolderVersion = 0x05,
    }
}

/// `PidTagExtendedFolderFlags`: the subproperties of a folder ([MS-OXOSRCH] 2.2.2.1.2, [MS-OXOCFG] 2.2.7).
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
