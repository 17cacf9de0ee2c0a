//! The definition of a search folder ([MS-OXOSRCH] 2.2.1.2.8).

use std::borrow::Cow;

use wire::{Decode, Encode, Reader, Result, Writer};

use super::entry_ids::entry_id_or_bytes;
use super::packed::{PackedText16, block};
use super::search_criteria::{read_properties, read_restriction, write_property, write_restriction};
use crate::inspect::{Inspect, Node, string16};
use crate::property::{PropertyList, Restriction, TaggedValue};

/// The flag that indicates that `Addresses` is present (F).
const WITH_ADDRESSES: u32 = 0x04;
/// The flag that indicates that `SearchRestriction` is present (E).
const WITH_RESTRICTION: u32 = 0x08;
/// The flag that indicates that `AdvancedSearch` is present (D).
const WITH_ADVANCED_SEARCH: u32 = 0x10;

/// `PidTagSearchFolderDefinition`: the criteria of a search folder ([MS-OXOSRCH] 2.2.1.2.8).
#[derive(Debug, Clone, PartialEq)]
pub struct SearchFolderDefinition {
    /// The version of the format, 0x1004.
    pub version: u32,
    /// The parts that are present, as in `PidTagSearchFolderStorageType` ([MS-OXOSRCH] 2.2.1.2.6).
    pub flags: u32,
    /// `NumericalSearch`: a size in kilobytes, or an age: its unit in the upper 16 bits (0 for days, 1 for weeks, 2 for
    /// months), the number of units in the lower 16 bits.
    pub numerical_search: u32,
    /// `TextSearch`: the text to search for.
    pub text_search: PackedText16,
    /// `SkipBlock1`: reserved.
    pub skip1: Vec<u8>,
    /// `DeepSearch`: 1 if subfolders are searched, 0 otherwise.
    pub deep_search: u32,
    /// `FolderList1`: the names of the folders to search.
    pub folder_names: PackedText16,
    /// `FolderList2`: the entry ids of the folders to search.
    pub folders: Folders,
    /// The part of the definition that begins with `Addresses`.
    pub criteria: Criteria,
}

/// The folders to search, decoded if possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Folders {
    /// Folders in the form that [MS-OXCDATA] specifies.
    Known(EntryList),
    /// The bytes of folders in another form.
    Unknown(Vec<u8>),
}

/// `EntryList`: entry ids, preceded by their lengths ([MS-OXCDATA] 2.3.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntryList {
    /// `Pad`: ignored.
    pub pad: u32,
    /// The padding after the length of each entry id, which is ignored, and the entry id.
    pub entries: Vec<(u32, Vec<u8>)>,
}

/// The second half of a definition, decoded if possible.
#[derive(Debug, Clone, PartialEq)]
pub enum Criteria {
    /// Criteria in the form that [MS-OXOSRCH] specifies.
    Known(Box<KnownCriteria>),
    /// The bytes of criteria in another form.
    Unknown(Vec<u8>),
}

/// The second half of a definition in the form that [MS-OXOSRCH] specifies.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KnownCriteria {
    /// `Addresses`: senders or recipients of the messages to find; present if the flags indicate it.
    pub addresses: Option<Vec<AddressEntry>>,
    /// `SkipBlock2`: reserved.
    pub skip2: Vec<u8>,
    /// `SearchRestriction`: present if the flags indicate it.
    pub restriction: Option<Restriction>,
    /// `AdvancedSearch`: criteria that only clients interpret; present if the flags indicate it.
    pub advanced_search: Option<Vec<u8>>,
    /// `SkipBlock3`: reserved.
    pub skip3: Vec<u8>,
    /// The bytes after the definition.
    pub rest: Vec<u8>,
}

/// An addressee ([MS-OXOSRCH] 2.2.1.2.8.1.1).
#[derive(Debug, Clone, PartialEq)]
pub struct AddressEntry {
    /// `Pad`: ignored.
    pub pad: u32,
    /// The properties of the addressee, such as name and address.
    pub properties: Vec<TaggedValue>,
}

impl<'a> Decode<'a> for EntryList {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let count = r.u32("EntryCount")?;
        let pad = r.u32("Pad")?;
        let count = r.count(count, 8, u32::MAX, "EntryCount")?;
        let lengths: Vec<_> =
            (0..count).map(|_| Ok((r.u32("EntryLength")?, r.u32("Pad")?))).collect::<Result<_>>()?;
        let entry = |(length, pad): (u32, u32)| {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            Ok((pad, r.bytes(length, "EntryId")?.to_vec()))
        };
        let entries = lengths.into_iter().map(entry).collect::<Result<_>>()?;
        Ok(Self { pad, entries })
    }
}

impl Encode for EntryList {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.len32(self.entries.len(), "EntryCount")?.u32(self.pad);
        for (pad, entry) in &self.entries {
            w.len32(entry.len(), "EntryLength")?.u32(*pad);
        }
        for (_, entry) in &self.entries {
            w.bytes(entry);
        }
        Ok(())
    }
}

impl<'a> Decode<'a> for AddressEntry {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let count = r.u32("PropertyCount")?;
        Ok(Self { pad: r.u32("Pad")?, properties: read_properties(r, count)? })
    }
}

impl Encode for AddressEntry {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.len32(self.properties.len(), "PropertyCount")?.u32(self.pad);
        self.properties.iter().try_for_each(|property| write_property(w, property))
    }
}

impl Inspect for AddressEntry {
    fn to_node(&self) -> Node {
        PropertyList(self.properties.clone()).to_node()
    }
}

impl KnownCriteria {
    fn read(r: &mut Reader<'_>, flags: u32) -> Result<Self> {
        let has = |flag: u32| flags & flag != 0;
        let addresses = has(WITH_ADDRESSES).then(|| {
            let count = r.u32("AddressCount")?;
            let count = r.count(count, 8, u32::MAX, "AddressCount")?;
            (0..count).map(|_| AddressEntry::decode(r)).collect::<Result<Vec<_>>>()
        });
        Ok(Self {
            addresses: addresses.transpose()?,
            skip2: block(r, "SkipBlock2")?,
            restriction: has(WITH_RESTRICTION).then(|| read_restriction(r)).transpose()?,
            advanced_search: has(WITH_ADVANCED_SEARCH).then(|| advanced_search(r)).transpose()?,
            skip3: block(r, "SkipBlock3")?,
            rest: r.rest().to_vec(),
        })
    }
}

/// Reads `AdvancedSearch`: bytes that are preceded by their 64-bit length.
fn advanced_search(r: &mut Reader<'_>) -> Result<Vec<u8>> {
    let length = r.u64("AdvancedSearchLength")?;
    r.bytes(usize::try_from(length).unwrap_or(usize::MAX), "AdvancedSearch").map(<[u8]>::to_vec)
}

impl Encode for KnownCriteria {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        if let Some(addresses) = &self.addresses {
            w.len32(addresses.len(), "AddressCount")?;
            addresses.iter().try_for_each(|address| address.encode(w))?;
        }
        w.len32(self.skip2.len(), "SkipBlock2")?.bytes(&self.skip2);
        self.restriction.iter().try_for_each(|restriction| write_restriction(w, restriction))?;
        if let Some(advanced) = &self.advanced_search {
            w.u64(u64::try_from(advanced.len()).unwrap_or(u64::MAX)).bytes(advanced);
        }
        w.len32(self.skip3.len(), "SkipBlock3")?.bytes(&self.skip3).bytes(&self.rest);
        Ok(())
    }
}

impl<'a> Decode<'a> for SearchFolderDefinition {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let version = r.u32("Version")?;
        let flags = r.u32("Flags")?;
        let numerical_search = r.u32("NumericalSearch")?;
        let text_search = PackedText16::decode(r)?;
        let skip1 = block(r, "SkipBlock1")?;
        let deep_search = r.u32("DeepSearch")?;
        let folder_names = PackedText16::decode(r)?;
        let folders = block(r, "FolderList2")?;
        let folders = EntryList::from_bytes(&folders).map_or(Folders::Unknown(folders), Folders::Known);
        let rest = r.rest();
        let criteria = KnownCriteria::read(&mut Reader::new(rest), flags)
            .map_or_else(|_| Criteria::Unknown(rest.to_vec()), |known| Criteria::Known(Box::new(known)));
        Ok(Self {
            version,
            flags,
            numerical_search,
            text_search,
            skip1,
            deep_search,
            folder_names,
            folders,
            criteria,
        })
    }
}

impl Encode for SearchFolderDefinition {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.version).u32(self.flags).u32(self.numerical_search);
        self.text_search.encode(w)?;
        w.len32(self.skip1.len(), "SkipBlock1")?.bytes(&self.skip1).u32(self.deep_search);
        self.folder_names.encode(w)?;
        let mark = w.mark32();
        match &self.folders {
            Folders::Known(list) => list.encode(w)?,
            Folders::Unknown(bytes) => drop(w.bytes(bytes)),
        }
        let length = w.since(mark, 4);
        w.fill32(mark, length, "FolderList2Length")?;
        match &self.criteria {
            Criteria::Known(known) => known.encode(w),
            Criteria::Unknown(bytes) => {
                w.bytes(bytes);
                Ok(())
            }
        }
    }
}

impl Inspect for EntryList {
    fn to_node(&self) -> Node {
        Node::List(self.entries.iter().map(|(_, entry)| entry_id_or_bytes(entry)).collect())
    }
}

/// The non-empty fields of a definition, for inspection.
struct Fields(Vec<(Cow<'static, str>, Node)>);

impl Fields {
    fn bytes(&mut self, name: &'static str, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.0.push((name.into(), Node::Bytes(bytes.to_vec())));
        }
    }

    fn text(&mut self, name: &'static str, text: &PackedText16) {
        if !text.bytes.is_empty() {
            self.0.push((name.into(), string16(&text.bytes)));
        }
    }

    fn criteria(&mut self, known: &KnownCriteria) {
        if let Some(addresses) = &known.addresses {
            self.0.push(("addresses".into(), addresses.to_node()));
        }
        self.bytes("skip_block2", &known.skip2);
        if let Some(restriction) = &known.restriction {
            self.0.push(("condition".into(), restriction.to_node()));
        }
        self.bytes("advanced_search", known.advanced_search.as_deref().unwrap_or_default());
        self.bytes("skip_block3", &known.skip3);
        self.bytes("rest", &known.rest);
    }
}

impl Inspect for SearchFolderDefinition {
    fn to_node(&self) -> Node {
        let mut fields = Fields(vec![
            ("version".into(), self.version.to_node()),
            ("flags".into(), self.flags.to_node()),
            ("numerical_search".into(), self.numerical_search.to_node()),
        ]);
        fields.text("text_search", &self.text_search);
        fields.bytes("skip_block1", &self.skip1);
        fields.0.push(("deep_search".into(), self.deep_search.to_node()));
        fields.text("folder_names", &self.folder_names);
        match &self.folders {
            Folders::Known(list) => fields.0.push(("folders".into(), list.to_node())),
            Folders::Unknown(bytes) => fields.bytes("folders", bytes),
        }
        match &self.criteria {
            Criteria::Known(known) => fields.criteria(known),
            Criteria::Unknown(bytes) => fields.bytes("criteria", bytes),
        }
        Node::Fields(fields.0)
    }
}
