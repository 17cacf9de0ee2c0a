//! Progress and property group information in FastTransfer streams.

use wire::{Decode, Encode, Guid, Reader, Result, Utf16, Writer};

use crate::property::PropTag;

/// `ProgressInformation`: the amount of data that follows ([MS-OXCFXICS] 2.2.2.7), in the property after
/// [`Marker::IncrSyncProgressMode`](super::Marker::IncrSyncProgressMode).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProgressInformation {
    /// The version of the structure; 0.
    pub version: u16,
    /// Reserved; 0.
    pub padding1: u16,
    /// The number of changed messages that are associated with the folder (FAI).
    pub fai_message_count: u32,
    /// The approximate size of these messages, in bytes.
    pub fai_message_total_size: u64,
    /// The number of other changed messages.
    pub normal_message_count: u32,
    /// Reserved; 0.
    pub padding2: u32,
    /// The approximate size of these messages, in bytes.
    pub normal_message_total_size: u64,
}

impl<'a> Decode<'a> for ProgressInformation {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Self {
            version: r.u16("Version")?,
            padding1: r.u16("Padding1")?,
            fai_message_count: r.u32("FAIMessageCount")?,
            fai_message_total_size: r.u64("FAIMessageTotalSize")?,
            normal_message_count: r.u32("NormalMessageCount")?,
            padding2: r.u32("Padding2")?,
            normal_message_total_size: r.u64("NormalMessageTotalSize")?,
        })
    }
}

impl Encode for ProgressInformation {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u16(self.version).u16(self.padding1);
        w.u32(self.fai_message_count).u64(self.fai_message_total_size);
        w.u32(self.normal_message_count).u32(self.padding2).u64(self.normal_message_total_size);
        Ok(())
    }
}

/// `PropertyGroupInfo`: a mapping of groups to properties that change together ([MS-OXCFXICS] 2.2.2.8), in the property
/// after [`Marker::IncrSyncGroupInfo`](super::Marker::IncrSyncGroupInfo).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PropertyGroupInfo {
    /// The identifier of the mapping, to which `MetaTagIncrSyncGroupId` refers.
    pub group_id: u32,
    /// Reserved; 0.
    pub reserved: u32,
    /// The groups; the number of a group is its index.
    pub groups: Vec<PropertyGroup>,
}

/// `PropertyGroup`: properties that change together ([MS-OXCFXICS] 2.2.2.8.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PropertyGroup(pub Vec<GroupProperty>);

/// A property in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupProperty {
    /// The tag of the property.
    pub tag: PropTag,
    /// The name of the property, if its id is 0x8000 or above.
    pub name: Option<GroupPropertyName>,
}

/// The name of a named property in a group ([MS-OXCFXICS] 2.2.2.8.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupPropertyName {
    /// A number in a property set.
    Lid(Guid, u32),
    /// A text in a property set.
    Text(Guid, Utf16),
}

/// The maximum number of groups, and of properties in a group.
const MAX_GROUPS: u32 = 0x1_0000;

impl<'a> Decode<'a> for PropertyGroupInfo {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let group_id = r.u32("GroupId")?;
        let reserved = r.u32("Reserved")?;
        let count = r.u32("GroupCount")?;
        let count = r.count(count, 4, MAX_GROUPS, "GroupCount")?;
        let groups = (0..count).map(|_| PropertyGroup::decode(r)).collect::<Result<_>>()?;
        Ok(Self { group_id, reserved, groups })
    }
}

impl Encode for PropertyGroupInfo {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.group_id).u32(self.reserved).len32(self.groups.len(), "GroupCount")?;
        self.groups.iter().try_for_each(|group| group.encode(w))
    }
}

impl<'a> Decode<'a> for PropertyGroup {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let count = r.u32("PropertyTagCount")?;
        let count = r.count(count, 4, MAX_GROUPS, "PropertyTagCount")?;
        (0..count).map(|_| GroupProperty::decode(r)).collect::<Result<_>>().map(Self)
    }
}

impl Encode for PropertyGroup {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.len32(self.0.len(), "PropertyTagCount")?;
        self.0.iter().try_for_each(|property| property.encode(w))
    }
}

impl<'a> Decode<'a> for GroupProperty {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let tag = PropTag(r.u32("PropertyTag")?);
        let name = if tag.is_named() { Some(GroupPropertyName::decode(r)?) } else { None };
        Ok(Self { tag, name })
    }
}

impl Encode for GroupProperty {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.tag.0);
        match &self.name {
            Some(name) if self.tag.is_named() => name.encode(w),
            None if !self.tag.is_named() => Ok(()),
            _ => Err(w.invalid(
                "PropertyTag",
                u64::from(self.tag.0),
                "a name exactly if the id is 0x8000 or above",
            )),
        }
    }
}

impl<'a> Decode<'a> for GroupPropertyName {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let guid = Guid::decode(r)?;
        match r.u32("Kind")? {
            0 => Ok(Self::Lid(guid, r.u32("LID")?)),
            1 => {
                let size = r.u32("NameSize")?;
                let size = r.count(size, 1, u32::MAX, "NameSize")?;
                let odd_size =
                    |r: &Reader<'_>| r.invalid("NameSize", u64::from(size_of(size)), "an even number");
                let name = Utf16::from_le(r.shared(size, "Name")?);
                name.map(|name| Self::Text(guid, name)).ok_or_else(|| odd_size(r))
            }
            other => Err(r.invalid("Kind", u64::from(other), "0 or 1")),
        }
    }
}

fn size_of(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

impl Encode for GroupPropertyName {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        match self {
            Self::Lid(guid, lid) => {
                guid.encode(w)?;
                w.u32(0).u32(*lid);
            }
            Self::Text(guid, name) => {
                guid.encode(w)?;
                w.u32(1).len32(name.as_le_bytes().len(), "NameSize")?.bytes(name.as_le_bytes());
            }
        }
        Ok(())
    }
}

/// `FolderReplicaInfo`: the servers that have replicas of a public folder ([MS-OXCFXICS] 2.2.2.9), the value of
/// `MetaTagNewFXFolder`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FolderReplicaInfo {
    /// Reserved; 0.
    pub flags: u32,
    /// Reserved; 0.
    pub depth: u32,
    /// The long-term identifier of the folder.
    pub folder_long_term_id: [u8; 24],
    /// The number of servers, from the first one on, with the lowest cost of access.
    pub cheap_server_dn_count: u32,
    /// The distinguished names of the servers, without terminators.
    pub server_dns: Vec<Vec<u8>>,
}

/// The maximum number of servers.
const MAX_SERVERS: u32 = 0x1_0000;

impl<'a> Decode<'a> for FolderReplicaInfo {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let (flags, depth) = (r.u32("Flags")?, r.u32("Depth")?);
        let folder_long_term_id = r.array("FolderLongTermId")?;
        let count = r.u32("ServerDNCount")?;
        let cheap_server_dn_count = r.u32("CheapServerDNCount")?;
        let count = r.count(count, 1, MAX_SERVERS, "ServerDNCount")?;
        let mut server_dns = Vec::with_capacity(count);
        for _ in 0..count {
            let left = r.clone().rest();
            let length = left.iter().position(|byte| *byte == 0).unwrap_or(left.len());
            server_dns.push(r.bytes(length, "ServerDNArray")?.to_vec());
            r.u8("ServerDNArray")?;
        }
        Ok(Self { flags, depth, folder_long_term_id, cheap_server_dn_count, server_dns })
    }
}

impl Encode for FolderReplicaInfo {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.flags).u32(self.depth).bytes(&self.folder_long_term_id);
        w.len32(self.server_dns.len(), "ServerDNCount")?.u32(self.cheap_server_dn_count);
        for dn in &self.server_dns {
            if dn.contains(&0) {
                return Err(w.invalid("ServerDNArray", 0, "a name without zeros"));
            }
            w.bytes(dn).u8(0);
        }
        Ok(())
    }
}
