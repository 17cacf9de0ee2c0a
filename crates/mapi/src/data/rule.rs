//! Rule actions ([MS-OXORULE] 2.2.5): decoding, encoding and display.

use std::fmt;

use wire::{Decode, Encode, Error, Guid, Reader, Result, Writer};

use super::entry_id::EntryId;
use super::id::{FolderId, MessageId};
use super::named::NamedPropertyInformation;
use super::server_id::ServerId;
use crate::property::value::{
    ActionBlock, ActionData, ActionType, RecipientBlock, Restriction, RuleAction, TaggedValue,
};
use crate::property::{Layout, Nesting, PropTag};

impl RuleAction {
    /// Reads a rule's actions.
    ///
    /// # Errors
    /// Fails if the bytes are not rule actions.
    pub fn read(r: &mut Reader<'_>, layout: Layout) -> Result<Self> {
        Self::read_at(r, Nesting::new(layout))
    }

    /// Writes a rule's actions.
    ///
    /// # Errors
    /// Fails if a value does not fit its field, or the data do not belong to the action's type.
    pub fn write(&self, w: &mut Writer, layout: Layout) -> Result<()> {
        self.write_at(w, Nesting::new(layout))
    }

    pub(crate) fn read_at(r: &mut Reader<'_>, nesting: Nesting) -> Result<Self> {
        let mut read = || {
            let count = nesting.layout.read_count(r, "NoOfActions")?;
            // The minimum size: a length of two bytes, type, flavor and flags.
            let count = r.elements(count, 11, u32::MAX, "NoOfActions")?;
            let mut blocks = Vec::with_capacity(count.min(4));
            for _ in 0..count {
                blocks.push(ActionBlock::read(r, nesting)?);
            }
            Ok(Self(blocks))
        };
        read().map_err(|error: Error| error.within("RuleAction"))
    }

    pub(crate) fn write_at(&self, w: &mut Writer, nesting: Nesting) -> Result<()> {
        nesting
            .layout
            .write_count(w, self.0.len(), "NoOfActions")
            .map_err(|error| error.within("RuleAction"))?;
        self.0.iter().try_for_each(|block| block.write(w, nesting))
    }
}

impl ActionBlock {
    /// Creates the block of an action without flavor and flags.
    pub const fn new(action_type: ActionType, data: ActionData) -> Self {
        Self { action_type, flavor: 0, flags: 0, data }
    }

    fn read(r: &mut Reader<'_>, nesting: Nesting) -> Result<Self> {
        let length = nesting.layout.read_count(r, "ActionLength")?;
        let mut block = r.sub(usize::try_from(length).unwrap_or(usize::MAX), "ActionBlock")?;
        let action_type = ActionType(block.u8("ActionType")?);
        let flavor = block.u32("ActionFlavor")?;
        let flags = block.u32("ActionFlags")?;
        let mut whole = block.clone();
        let data = match ActionData::read(&mut block, action_type, nesting).and_then(|data| {
            block.finish()?;
            Ok(data)
        }) {
            Ok(data) => data,
            Err(error) if matches!(error.kind, wire::ErrorKind::TooDeep { .. }) => return Err(error),
            Err(_) => ActionData::Opaque(whole.rest().to_vec()),
        };
        Ok(Self { action_type, flavor, flags, data })
    }

    fn write(&self, w: &mut Writer, nesting: Nesting) -> Result<()> {
        let fitting = match self.action_type {
            ActionType::OP_MOVE | ActionType::OP_COPY => matches!(self.data, ActionData::MoveCopy { .. }),
            ActionType::OP_REPLY | ActionType::OP_OOF_REPLY => {
                matches!(self.data, ActionData::Reply { .. } | ActionData::ReplyByEntryId { .. })
            }
            ActionType::OP_DEFER_ACTION => matches!(self.data, ActionData::Defer(_)),
            ActionType::OP_BOUNCE => matches!(self.data, ActionData::Bounce(_)),
            ActionType::OP_FORWARD | ActionType::OP_DELEGATE => {
                matches!(self.data, ActionData::Recipients(_))
            }
            ActionType::OP_TAG => matches!(self.data, ActionData::Tag(_)),
            ActionType::OP_DELETE | ActionType::OP_MARK_AS_READ => matches!(self.data, ActionData::None),
            _ => false,
        } || matches!(self.data, ActionData::Opaque(_));
        w.require(fitting, "ActionType", self.action_type.0, "the type of the action's data")
            .map_err(|error| error.within("ActionBlock"))?;
        let wide = nesting.layout.is_wide();
        let mark = if wide { w.mark32() } else { w.mark16() };
        w.u8(self.action_type.0).u32(self.flavor).u32(self.flags);
        self.data.write(w, nesting).map_err(|error| error.within("ActionBlock"))?;
        let length = w.since(mark, if wide { 4 } else { 2 });
        let filled = if wide {
            w.fill32(mark, length, "ActionLength")
        } else {
            w.fill16(mark, length, "ActionLength")
        };
        filled.map_err(|error| error.within("ActionBlock"))
    }
}

fn read_sized(r: &mut Reader<'_>, layout: Layout, field: &'static str) -> Result<Vec<u8>> {
    let size = layout.read_count(r, field)?;
    r.bytes(usize::try_from(size).unwrap_or(usize::MAX), field).map(<[u8]>::to_vec)
}

fn write_sized(w: &mut Writer, bytes: &[u8], layout: Layout, field: &'static str) -> Result<()> {
    layout.write_count(w, bytes.len(), field)?;
    w.bytes(bytes);
    Ok(())
}

impl ActionData {
    fn read(r: &mut Reader<'_>, action_type: ActionType, nesting: Nesting) -> Result<Self> {
        let layout = nesting.layout;
        Ok(match action_type {
            ActionType::OP_MOVE | ActionType::OP_COPY => Self::MoveCopy {
                folder_in_this_store: (!layout.is_wide()).then(|| r.u8("FolderInThisStore")).transpose()?,
                store_eid: read_sized(r, layout, "StoreEID")?,
                folder_eid: read_sized(r, layout, "FolderEID")?,
            },
            ActionType::OP_REPLY | ActionType::OP_OOF_REPLY if layout.is_wide() => Self::ReplyByEntryId {
                message_eid: read_sized(r, layout, "ReplyTemplateMessageEID")?,
                template_guid: Guid::decode(r)?,
            },
            ActionType::OP_REPLY | ActionType::OP_OOF_REPLY => Self::Reply {
                folder_id: FolderId::decode(r)?,
                message_id: MessageId::decode(r)?,
                template_guid: Guid::decode(r)?,
            },
            ActionType::OP_DEFER_ACTION => Self::Defer(r.rest().to_vec()),
            ActionType::OP_BOUNCE => Self::Bounce(r.u32("BounceCode")?),
            ActionType::OP_FORWARD | ActionType::OP_DELEGATE => {
                let count = layout.read_count(r, "RecipientCount")?;
                let count = r.elements(count, 3, u32::MAX, "RecipientCount")?;
                let mut blocks = Vec::with_capacity(count.min(4));
                for _ in 0..count {
                    blocks.push(RecipientBlock::read(r, nesting)?);
                }
                Self::Recipients(blocks)
            }
            ActionType::OP_TAG => Self::Tag(TaggedValue::read_at(r, nesting)?),
            ActionType::OP_DELETE | ActionType::OP_MARK_AS_READ => Self::None,
            ActionType(other) => return Err(r.invalid("ActionType", u64::from(other), "a known action")),
        })
    }

    fn write(&self, w: &mut Writer, nesting: Nesting) -> Result<()> {
        let layout = nesting.layout;
        match self {
            Self::MoveCopy { folder_in_this_store, store_eid, folder_eid } => {
                let fits_layout = folder_in_this_store.is_some() != layout.is_wide();
                w.require(fits_layout, "FolderInThisStore", 0u8, "a value in a standard rule only")?;
                if let Some(here) = folder_in_this_store {
                    w.u8(*here);
                }
                write_sized(w, store_eid, layout, "StoreEID")?;
                write_sized(w, folder_eid, layout, "FolderEID")?;
            }
            Self::Reply { folder_id, message_id, template_guid } => {
                w.require(!layout.is_wide(), "ReplyTemplateFID", 0u8, "ids in a standard rule only")?;
                folder_id.encode(w)?;
                message_id.encode(w)?;
                template_guid.encode(w)?;
            }
            Self::ReplyByEntryId { message_eid, template_guid } => {
                let is_extended = layout.is_wide();
                w.require(
                    is_extended,
                    "ReplyTemplateMessageEID",
                    0u8,
                    "an entry id in an extended rule only",
                )?;
                write_sized(w, message_eid, layout, "ReplyTemplateMessageEID")?;
                template_guid.encode(w)?;
            }
            Self::Defer(bytes) | Self::Opaque(bytes) => drop(w.bytes(bytes)),
            Self::Bounce(code) => drop(w.u32(*code)),
            Self::Recipients(blocks) => {
                layout.write_count(w, blocks.len(), "RecipientCount")?;
                blocks.iter().try_for_each(|block| block.write(w, nesting))?;
            }
            Self::Tag(property) => property.write_at(w, nesting)?,
            Self::None => {}
        }
        Ok(())
    }
}

impl RecipientBlock {
    fn read(r: &mut Reader<'_>, nesting: Nesting) -> Result<Self> {
        let reserved = r.u8("Reserved")?;
        let count = nesting.layout.read_count(r, "NoOfProperties")?;
        let count = r.elements(count, 4, u32::MAX, "NoOfProperties")?;
        let mut properties = Vec::with_capacity(count.min(16));
        for _ in 0..count {
            properties.push(TaggedValue::read_at(r, nesting)?);
        }
        Ok(Self { reserved, properties })
    }

    fn write(&self, w: &mut Writer, nesting: Nesting) -> Result<()> {
        w.u8(self.reserved);
        nesting.layout.write_count(w, self.properties.len(), "NoOfProperties")?;
        self.properties.iter().try_for_each(|property| property.write_at(w, nesting))
    }
}

impl fmt::Display for RuleAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, block) in self.0.iter().enumerate() {
            write!(f, "{}{block}", if index > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for ActionBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.action_type)?;
        match &self.data {
            ActionData::MoveCopy { folder_in_this_store: Some(1..), folder_eid, .. } => {
                write!(f, " to {}", ServerId::parse(folder_eid))
            }
            ActionData::MoveCopy { folder_eid, .. } => write!(f, " to {}", EntryId::parse(folder_eid)),
            ActionData::Reply { message_id, folder_id, .. } => write!(f, " with {message_id} in {folder_id}"),
            ActionData::ReplyByEntryId { message_eid, .. } => {
                write!(f, " with {}", EntryId::parse(message_eid))
            }
            ActionData::Bounce(code) => write!(f, " for {code:#x}"),
            ActionData::Recipients(blocks) => recipients(f, blocks),
            ActionData::Tag(property) => write!(f, " {property}"),
            ActionData::Defer(bytes) | ActionData::Opaque(bytes) => write!(f, " ({} bytes)", bytes.len()),
            ActionData::None => Ok(()),
        }
    }
}

/// The maximum number of an action's recipients that are displayed.
const NAMED: usize = 8;

/// Formats recipients by their addresses, or by their names if they have no address.
fn recipients(f: &mut fmt::Formatter<'_>, blocks: &[RecipientBlock]) -> fmt::Result {
    let tags = [PropTag::PidTagSmtpAddress, PropTag::PidTagEmailAddress, PropTag::PidTagDisplayName];
    let mut lead = " to ";
    for block in blocks.iter().take(NAMED) {
        let of = |tag: PropTag| {
            let found = block.properties.iter().find(|property| property.tag.is_same_property(tag))?;
            found.value.to_text().filter(|text| !text.is_empty())
        };
        let text =
            tags.into_iter().find_map(of).unwrap_or_else(|| "a recipient without an address".to_owned());
        write!(f, "{lead}{text}")?;
        lead = ", ";
    }
    match blocks.len().checked_sub(NAMED) {
        None | Some(0) => Ok(()),
        Some(more) => write!(f, " and {more} more"),
    }
}

/// `PidTagExtendedRuleMessageActions`: the actions of an extended rule ([MS-OXORULE] 2.2.4.1.9).
#[derive(Debug, Clone, PartialEq)]
pub struct ExtendedRuleActions {
    /// The ids and names of named properties that the actions use.
    pub named_properties: NamedPropertyInformation,
    /// The version of the format, 1.
    pub rule_version: u32,
    /// The actions of the rule.
    pub actions: RuleAction,
}

impl<'a> Decode<'a> for ExtendedRuleActions {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Self {
            named_properties: NamedPropertyInformation::decode(r)?,
            rule_version: r.u32("RuleVersion")?,
            actions: RuleAction::read(r, Layout::Wide)?,
        })
    }
}

impl Encode for ExtendedRuleActions {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.named_properties.encode(w)?;
        w.u32(self.rule_version);
        self.actions.write(w, Layout::Wide)
    }
}

/// `PidTagExtendedRuleMessageCondition`: the condition of an extended rule ([MS-OXORULE] 2.2.4.1.10).
#[derive(Debug, Clone, PartialEq)]
pub struct ExtendedRuleCondition {
    /// The ids and names of named properties that the condition uses.
    pub named_properties: NamedPropertyInformation,
    /// The messages to which the rule applies.
    pub condition: Restriction,
}

impl<'a> Decode<'a> for ExtendedRuleCondition {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Self {
            named_properties: NamedPropertyInformation::decode(r)?,
            condition: Restriction::read(r, Layout::Wide)?,
        })
    }
}

impl Encode for ExtendedRuleCondition {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.named_properties.encode(w)?;
        self.condition.write(w, Layout::Wide)
    }
}
