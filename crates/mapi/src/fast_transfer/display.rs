//! Text form of FastTransfer trees.

use std::fmt::{self, Display, Write};

use wire::Decode;

use super::property::{PropInfo, PropName, PropNameKey, Property, Value};
use super::tree::{Group, LargeValue, Node, Tree};
use crate::idset::{ReplGuidSet, ReplIdSet};
use crate::property::names::set;
use crate::property::{PropTag, PropType};

/// The maximum number of characters of a text, and of bytes of a value, that are displayed.
const SHOWN: usize = 64;

/// The maximum size of a set of identifiers whose ranges are displayed, in bytes.
const MAX_IDS: usize = 1024;

/// Sets that identify replicas by GUIDs ([MS-OXCFXICS] 2.2.1.1).
const REPL_GUID_SETS: [PropTag; 4] = [
    PropTag::MetaTagIdsetGiven,
    PropTag::MetaTagCnsetSeen,
    PropTag::MetaTagCnsetSeenFAI,
    PropTag::MetaTagCnsetRead,
];

/// Sets that identify replicas by numbers of the logon ([MS-OXCFXICS] 2.2.1.3).
const REPL_ID_SETS: [PropTag; 5] = [
    PropTag::MetaTagIdsetDeleted,
    PropTag::MetaTagIdsetNoLongerInScope,
    PropTag::MetaTagIdsetExpired,
    PropTag::MetaTagIdsetRead,
    PropTag::MetaTagIdsetUnread,
];

impl Display for PropName<'_> {
    /// Formats the name as the specification spells it or, if it is unknown, as property set and number or text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(known) = self.known() {
            return f.write_str(known.name);
        }
        match set::name(&self.set) {
            Some(name) => f.write_str(name)?,
            None => write!(f, "{{{}}}", self.set)?,
        }
        match &self.key {
            PropNameKey::Lid(lid) => write!(f, ":{lid:#06x}"),
            PropNameKey::Text(text) => write!(f, ":{}", wire::utf16le_to_string_lossy(text)),
        }
    }
}

impl Display for PropInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => name.fmt(f),
            None => self.tag.in_store().fmt(f),
        }
    }
}

impl Display for Value<'_> {
    /// Formats the value for a line: of a long value, only the first bytes and the size.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer16(x) => x.fmt(f),
            Self::Integer32(x) => x.fmt(f),
            Self::Floating32(x) => x.fmt(f),
            Self::Floating64(x) => x.fmt(f),
            Self::Integer64(x) => x.fmt(f),
            Self::Error(x) => x.fmt(f),
            Self::Boolean(x) => (*x != 0).fmt(f),
            Self::Time(x) => write!(f, "{}", x.0),
            Self::Guid(x) => x.fmt(f),
            Self::Bytes(bytes) => write_bytes(bytes, bytes.len(), f),
            Self::Multiple(multiple) => write!(f, "{} values", multiple.count),
        }
    }
}

fn write_bytes(bytes: &[u8], length: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().take(SHOWN).try_for_each(|byte| write!(f, "{byte:02x}"))?;
    if length > SHOWN { write!(f, "… ({length} bytes)") } else { Ok(()) }
}

fn write_text(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    text.chars().take(SHOWN).flat_map(char::escape_debug).try_for_each(|c| f.write_char(c))?;
    if text.chars().nth(SHOWN).is_some() {
        write!(f, "…\" ({} characters)", text.chars().count())
    } else {
        f.write_char('"')
    }
}

impl Display for Property<'_> {
    /// Formats the property as `name = value`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = ", self.info)?;
        if let Some(ids) = self.ids() {
            return f.write_str(&ids);
        }
        match (&self.value, self.text()) {
            (_, Some(text)) => write_text(&text, f),
            (Value::Multiple(_), None) => self.write_values(f),
            (value, None) => value.fmt(f),
        }
    }
}

impl Property<'_> {
    /// The ranges of a set of identifiers or change numbers, if the value is a set and not too long to be displayed.
    pub fn ids(&self) -> Option<String> {
        let Value::Bytes(bytes) = &self.value else { return None };
        if bytes.len() > MAX_IDS {
            return None;
        }
        let tag = self.info.tag;
        if REPL_GUID_SETS.iter().any(|known| known.is_same_property(tag)) {
            return ReplGuidSet::from_bytes(bytes).ok().map(|set| set.to_string());
        }
        let is_set = REPL_ID_SETS.iter().any(|known| known.is_same_property(tag));
        is_set.then(|| ReplIdSet::from_bytes(bytes).ok().map(|set| set.to_string()))?
    }

    fn write_values(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tag = self.info.tag;
        let single = tag.with_type(PropType(tag.prop_type().0 & !PropType::MULTIVALUE));
        f.write_char('[')?;
        for (at, value) in self.values().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            if at >= SHOWN {
                f.write_char('…')?;
                break;
            }
            match (Property { info: PropInfo::new(single), value }).text_or_value() {
                (Some(text), _) => write_text(&text, f)?,
                (None, value) => value.fmt(f)?,
            }
        }
        f.write_char(']')
    }
}

impl<'a> Property<'a> {
    fn text_or_value(self) -> (Option<String>, Value<'a>) {
        (self.text(), self.value)
    }
}

impl Display for LargeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = ", self.info)?;
        match self.text() {
            Some(text) => write_text(&text, f),
            None => write_bytes(&self.kept, usize::try_from(self.length).unwrap_or(usize::MAX), f),
        }
    }
}

impl Display for Tree {
    /// Formats each property and group as a line, indented by its depth.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_node_lines(&self.nodes, 0, f)?;
        if !self.cut.is_empty() {
            writeln!(f, "cut off after {} bytes of an element", self.cut.len())?;
        }
        Ok(())
    }
}

fn write_node_lines(nodes: &[Node], depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for node in nodes {
        write!(f, "{:1$}", "", depth.saturating_mul(2))?;
        match node {
            Node::Property(property) => writeln!(f, "{property}")?,
            Node::Large(large) => writeln!(f, "{large}")?,
            Node::Group(group) => {
                writeln!(f, "{}{}", group.marker, if group.is_open() { " (not ended)" } else { "" })?;
                write_node_lines(&group.nodes, depth.saturating_add(1), f)?;
            }
        }
    }
    Ok(())
}

impl Group {
    /// Whether the group has to be ended by a marker that was not received.
    pub const fn is_open(&self) -> bool {
        self.marker.end().is_some() && !self.is_ended
    }
}
