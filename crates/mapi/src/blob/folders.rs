//! `PidTagAdditionalRenEntryIdsEx` ([MS-OXOSFLD] 2.2.4).

use wire::{Decode, Encode, Reader, Result, Writer};

use super::entry_ids::entry_id_or_bytes;
use crate::inspect::{Inspect, Node};

/// `PidTagAdditionalRenEntryIdsEx`: the special folders that clients created ([MS-OXOSFLD] 2.2.4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersistData(pub Vec<PersistBlock>);

wire::wire_enum! {
    /// The special folder that a block describes ([MS-OXOSFLD] 2.2.4.1).
    pub struct PersistId(u16) {
        /// The end of the blocks.
        PERSIST_SENTINEL = 0x0000,
        /// The RSS feeds folder.
        RSF_PID_RSS_SUBSCRIPTION = 0x8001,
        /// The tracked mail processing folder.
        RSF_PID_SEND_AND_TRACK = 0x8002,
        /// The to-do search folder.
        RSF_PID_TODO_SEARCH = 0x8004,
        /// The conversation actions folder.
        RSF_PID_CONV_ACTIONS = 0x8006,
        /// The combined actions folder.
        RSF_PID_COMBINED_ACTIONS = 0x8007,
        /// The suggested contacts folder.
        RSF_PID_SUGGESTED_CONTACTS = 0x8008,
        /// The contact search folder.
        RSF_PID_CONTACT_SEARCH = 0x8009,
        /// The folder of distribution lists of instant messaging contacts.
        RSF_PID_BUDDYLIST_PDLS = 0x800A,
        /// The folder of instant messaging contacts.
        RSF_PID_BUDDYLIST_CONTACTS = 0x800B,
    }
}

wire::wire_enum! {
    /// The kind of an element ([MS-OXOSFLD] 2.2.4.2).
    pub struct ElementId(u16) {
        /// The end of the elements.
        ELEMENT_SENTINEL = 0x0000,
        /// The folder's entry id.
        RSF_ELID_ENTRYID = 0x0001,
        /// Four bytes that are zero.
        RSF_ELID_HEADER = 0x0002,
    }
}

/// The description of a special folder ([MS-OXOSFLD] 2.2.4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersistBlock {
    /// The special folder.
    pub persist_id: PersistId,
    /// The elements that describe it.
    pub elements: Vec<PersistElement>,
}

/// An element of the description of a special folder ([MS-OXOSFLD] 2.2.4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersistElement {
    /// The kind of the element.
    pub element_id: ElementId,
    /// The content of the element.
    pub data: Vec<u8>,
}

impl<'a> Decode<'a> for PersistData {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let mut blocks = Vec::new();
        while !r.is_empty() {
            let persist_id = PersistId(r.u16("PersistID")?);
            if persist_id == PersistId::PERSIST_SENTINEL && r.is_empty() {
                break;
            }
            let size = usize::from(r.u16("DataElementsSize")?);
            let mut inner = r.sub(size, "DataElements")?;
            if persist_id == PersistId::PERSIST_SENTINEL {
                break;
            }
            let mut elements = Vec::new();
            while !inner.is_empty() {
                let element_id = ElementId(inner.u16("ElementID")?);
                let size = usize::from(inner.u16("ElementDataSize")?);
                if element_id == ElementId::ELEMENT_SENTINEL {
                    break;
                }
                elements
                    .push(PersistElement { element_id, data: inner.bytes(size, "ElementData")?.to_vec() });
            }
            blocks.push(PersistBlock { persist_id, elements });
        }
        r.rest();
        Ok(Self(blocks))
    }
}

impl Encode for PersistData {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        for block in &self.0 {
            w.u16(block.persist_id.0);
            let mark = w.mark16();
            for element in &block.elements {
                w.u16(element.element_id.0)
                    .len16(element.data.len(), "ElementDataSize")?
                    .bytes(&element.data);
            }
            let size = w.since(mark, 2);
            w.fill16(mark, size, "DataElementsSize")?;
        }
        w.u32(0);
        Ok(())
    }
}

impl Inspect for PersistData {
    fn to_node(&self) -> Node {
        let folder = |block: &PersistBlock| {
            let elements = block.elements.iter().map(|element| {
                let data = match element.element_id {
                    ElementId::RSF_ELID_ENTRYID => entry_id_or_bytes(&element.data),
                    _ => Node::Bytes(element.data.clone()),
                };
                (element.element_id.to_string().into(), data)
            });
            (block.persist_id.to_string().into(), Node::Fields(elements.collect()))
        };
        Node::Fields(self.0.iter().map(folder).collect())
    }
}
