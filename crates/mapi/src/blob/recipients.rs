//! Recipient lists, report tags and unsendable recipients.

use wire::{Decode, Encode, Reader, Result, Writer};

use super::entry_ids::entry_id_or_bytes;
use super::packed::block;
use super::search_folder::AddressEntry;
use crate::inspect::{Inspect, Node, string8};

/// `FlatEntryList`: a list of entry ids ([MS-OXCDATA] 2.3.3), as in `PidTagReplyRecipientEntries`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlatEntryList {
    /// The entry ids, in order.
    pub entries: Vec<Vec<u8>>,
}

/// Entries begin at multiples of this number of bytes.
const ALIGNMENT: usize = 4;

impl<'a> Decode<'a> for FlatEntryList {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let count = r.u32("EntryCount")?;
        let size = r.u32("EntriesSize")?;
        let mut all = r.sub(usize::try_from(size).unwrap_or(usize::MAX), "FlatEntries")?;
        let count = all.count(count, 4, u32::MAX, "EntryCount")?;
        let mut entries = Vec::with_capacity(count.min(16));
        for index in 0..count {
            let length = usize::try_from(all.u32("EntryLength")?).unwrap_or(usize::MAX);
            entries.push(all.bytes(length, "EntryId")?.to_vec());
            // Some writers omit the padding of the last entry.
            let padding = length.next_multiple_of(ALIGNMENT).saturating_sub(length);
            let padding =
                if index.saturating_add(1) == count { padding.min(all.remaining()) } else { padding };
            all.bytes(padding, "Padding")?;
        }
        all.finish()?;
        Ok(Self { entries })
    }
}

impl Encode for FlatEntryList {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.len32(self.entries.len(), "EntryCount")?;
        let mark = w.mark32();
        for entry in &self.entries {
            w.len32(entry.len(), "EntryLength")?.bytes(entry);
            let padding = entry.len().next_multiple_of(ALIGNMENT).saturating_sub(entry.len());
            w.bytes(&vec![0; padding]);
        }
        let size = w.since(mark, 4);
        w.fill32(mark, size, "EntriesSize")
    }
}

impl Inspect for FlatEntryList {
    fn to_node(&self) -> Node {
        Node::List(self.entries.iter().map(|entry| entry_id_or_bytes(entry)).collect())
    }
}

/// `PidTagReportTag`: identifies the message that a report is about ([MS-OXOMSG] 2.2.2.22).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportTag {
    /// The version of the format, 0x00020001.
    pub version: u32,
    /// The entry id of the message store.
    pub store_entry_id: Vec<u8>,
    /// The entry id of the folder.
    pub folder_entry_id: Vec<u8>,
    /// The entry id of the message.
    pub message_entry_id: Vec<u8>,
    /// The entry id of an alternate folder.
    pub search_folder_entry_id: Vec<u8>,
    /// The search key of the message.
    pub message_search_key: Vec<u8>,
    /// The subject, in the sender's code page.
    pub ansi_text: Vec<u8>,
}

/// The first bytes of a report tag (`Cookie`).
const COOKIE: &[u8; 9] = b"PCDFEB09\0";

impl<'a> Decode<'a> for ReportTag {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let cookie = r.array::<9>("Cookie")?;
        if cookie != *COOKIE {
            return Err(r.invalid("Cookie", u64::from(cookie[0]), "PCDFEB09"));
        }
        Ok(Self {
            version: r.u32("Version")?,
            store_entry_id: block(r, "StoreEntryId")?,
            folder_entry_id: block(r, "FolderEntryId")?,
            message_entry_id: block(r, "MessageEntryId")?,
            search_folder_entry_id: block(r, "SearchFolderEntryId")?,
            message_search_key: block(r, "MessageSearchKey")?,
            ansi_text: block(r, "ANSIText")?,
        })
    }
}

impl Encode for ReportTag {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.bytes(COOKIE).u32(self.version);
        let parts = [
            (&self.store_entry_id, "StoreEntryId"),
            (&self.folder_entry_id, "FolderEntryId"),
            (&self.message_entry_id, "MessageEntryId"),
            (&self.search_folder_entry_id, "SearchFolderEntryId"),
            (&self.message_search_key, "MessageSearchKey"),
            (&self.ansi_text, "ANSIText"),
        ];
        for (part, field) in parts {
            w.len32(part.len(), field)?.bytes(part);
        }
        Ok(())
    }
}

impl Inspect for ReportTag {
    fn to_node(&self) -> Node {
        let mut fields = vec![("version".into(), self.version.to_node())];
        let ids = [
            ("store", &self.store_entry_id),
            ("folder", &self.folder_entry_id),
            ("message", &self.message_entry_id),
            ("search_folder", &self.search_folder_entry_id),
        ];
        let present = ids.into_iter().filter(|(_, id)| !id.is_empty());
        fields.extend(present.map(|(name, id)| (name.into(), entry_id_or_bytes(id))));
        if !self.message_search_key.is_empty() {
            fields.push(("message_search_key".into(), Node::Bytes(self.message_search_key.clone())));
        }
        let text = self.ansi_text.strip_suffix(b"\0").unwrap_or(&self.ansi_text);
        fields.push(("text".into(), string8(text)));
        Node::Fields(fields)
    }
}

/// `PidLidAppointmentUnsendableRecipients`: attendees to whom no meeting request is sent ([MS-OXOCAL] 2.2.1.25).
///
/// Clients write them in the form of the addresses of a search folder's definition, not as `RecipientRow`s as
/// specified.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UnsendableRecipients {
    /// The version of the format, 1.
    pub version: u32,
    /// The attendees that cannot receive the meeting request.
    pub rows: Vec<AddressEntry>,
    /// The bytes after the attendees.
    pub rest: Vec<u8>,
}

impl<'a> Decode<'a> for UnsendableRecipients {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let version = r.u32("Version")?;
        let count = r.u32("RowCount")?;
        let count = r.elements(count, 8, u32::MAX, "RowCount")?;
        let rows = (0..count).map(|_| AddressEntry::decode(r)).collect::<Result<_>>()?;
        Ok(Self { version, rows, rest: r.rest().to_vec() })
    }
}

impl Encode for UnsendableRecipients {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.version).len32(self.rows.len(), "RowCount")?;
        self.rows.iter().try_for_each(|row| row.encode(w))?;
        w.bytes(&self.rest);
        Ok(())
    }
}

impl Inspect for UnsendableRecipients {
    fn to_node(&self) -> Node {
        self.rows.to_node()
    }
}
