//! Normalizes values for output: removes redundant wrappers, and adds the names of named properties.

use std::borrow::Cow;
use std::collections::HashMap;

use mapi::blob::{self, contains_properties};
use mapi::inspect::{Inspect as _, Node};
use mapi::property::inspect::meaning_within;
use mapi::property::restriction_display::{PropertyTerms, store_name_or_hex};
use mapi::property::{PropTag, PropertyValue, object_id_node};

/// The names of a session's named properties, by their ids.
pub(super) type Names = HashMap<u16, String>;

/// The state of a session on which the output of its values depends.
pub(super) struct Terms<'a> {
    pub(super) names: &'a Names,
    /// The code page of its 8-bit texts, if known.
    pub(super) code_page: Option<u16>,
    /// Whether the values are within one that contains other properties; another such value is not decoded, which
    /// limits the depth.
    pub(super) within_property: bool,
}

impl PropertyTerms for Terms<'_> {
    fn name(&self, tag: PropTag) -> Cow<'static, str> {
        match self.names.get(&tag.id()).filter(|_| tag.is_named()) {
            Some(name) => Cow::Owned(name.clone()),
            None => store_name_or_hex(tag),
        }
    }

    fn meaning(&self, tag: PropTag, value: &PropertyValue) -> Option<Node> {
        let node = match value.untyped() {
            text @ (PropertyValue::String8(_) | PropertyValue::MultipleString8(_)) => text.to_node(),
            other => meaning_within(first_word(&self.name(tag)), other)?,
        };
        Some(normalize(node, self))
    }
}

pub(super) fn normalize(shown: Node, terms: &Terms<'_>) -> Node {
    match shown {
        Node::Named(number, name) => Node::Named(number, Cow::Owned(named(bare(&name), terms.names))),
        Node::List(items) => Node::List(items.into_iter().map(|item| normalize(item, terms)).collect()),
        Node::Fields(fields) => {
            let fields = fields.into_iter().map(|(name, value)| {
                let name = named(&name, terms.names);
                let value = match within(&name, &value, terms) {
                    Some(known) => {
                        let within_property = terms.within_property || contains_properties(&name);
                        normalize(known, &Terms { within_property, ..*terms })
                    }
                    None => normalize(value, terms),
                };
                (Cow::Owned(name), value)
            });
            Node::Fields(fields.collect())
        }
        Node::String8 { bytes, code_page } => in_code_page(&bytes, code_page.or(terms.code_page)),
        Node::Condition(condition) => Node::Text(format!("{:#}", condition.display_with(terms))),
        other => other,
    }
}

/// The name of a property without what follows it, such as a tag or the key in a property set.
fn first_word(name: &str) -> &str {
    name.split([' ', ':']).next().unwrap_or(name)
}

/// Decodes the value of a named property whose structure is known from its name.
fn within(name: &str, value: &Node, terms: &Terms<'_>) -> Option<Node> {
    let name = first_word(name);
    if terms.within_property && contains_properties(name) {
        return None;
    }
    match value {
        Node::Bytes(bytes) => blob::meaning(name, bytes),
        Node::List(items) => {
            let known = |item: &Node| match item {
                Node::Bytes(bytes) => blob::item_meaning(name, bytes),
                _ => None,
            };
            let is_known = items.iter().any(|item| known(item).is_some());
            let item = |item: &Node| known(item).unwrap_or_else(|| item.clone());
            is_known.then(|| Node::List(items.iter().map(item).collect()))
        }
        Node::Signed(number) => object_id_node(name, *number),
        _ => None,
    }
}

/// Decodes a text in a code page. Returns the bytes if the code page is not known, or they are not valid in it.
fn in_code_page(bytes: &[u8], code_page: Option<u16>) -> Node {
    read(bytes, code_page).map_or_else(|| Node::Bytes(bytes.to_vec()), Node::Text)
}

/// Decodes a text in a code page. `None` if the code page is not known, or `bytes` are not valid in it.
fn read(bytes: &[u8], code_page: Option<u16>) -> Option<String> {
    match code_page.map(codepage::to_encoding) {
        Some(Some(encoding)) => {
            encoding.decode_without_bom_handling_and_without_replacement(bytes).map(Cow::into_owned)
        }
        // With another code page, only bytes that are very likely a text are decoded.
        Some(None) | None => std::str::from_utf8(bytes).ok().map(str::to_owned),
    }
}

/// The code page in a request, if it has one ([MS-OXCRPC] 3.1.4.1 `ulCpid`, [MS-OXCMAPIHTTP] 2.2.4.1.1
/// `DefaultCodePage`, [MS-OXNSPI] 2.2.8 `CodePage`).
pub(super) fn code_page(request: &Node) -> Option<u16> {
    let Node::Fields(fields) = request else { return None };
    fields.iter().find_map(|(name, value)| match (name.as_ref(), value) {
        ("ulCpid" | "DefaultCodePage" | "CodePage" | "dwCodePage", Node::Number(number)) => {
            u16::try_from(*number).ok().filter(|number| !matches!(*number, 0 | UTF_16))
        }
        ("pStat" | "State", nested) => code_page(nested),
        _ => None,
    })
}

/// The code page of clients that use no 8-bit texts.
const UTF_16: u16 = 1200;

/// `Flags(A | B)` as `A | B`.
fn bare(name: &str) -> &str {
    let inside = name.strip_suffix(')').and_then(|rest| rest.split_once('('));
    inside.map(|(_, inside)| inside).filter(|inside| !inside.contains('(')).unwrap_or(name)
}

/// Adds the name to a tag such as `0x8001001f`, if it is that of a named property whose name is known.
fn named(tag: &str, names: &Names) -> String {
    let number = tag.strip_prefix("0x").filter(|digits| digits.len() == 8);
    let number = number.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let name = number.and_then(|number| u16::try_from(number >> 16).ok()).and_then(|id| names.get(&id));
    name.map_or_else(|| tag.to_owned(), |name| format!("{name} ({tag})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_ids_in_a_named_property_are_decoded() {
        // A `OneOffEntryId` of A, SMTP, a@b ([MS-OXCDATA] 2.2.5.1).
        let uid =
            [0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54, 0x02];
        let texts = wire::utf16le_bytes("A\0SMTP\0a@b\0");
        let one_off = [&[0; 4][..], &uid, &[0, 0, 0x01, 0x90], &texts].concat();
        let terms = Terms { names: &Names::new(), code_page: None, within_property: false };
        let of = |name: &'static str, items: Vec<Node>| Node::Fields(vec![(name.into(), Node::List(items))]);
        let items = vec![Node::Bytes(one_off), Node::Bytes(vec![1])];
        let members = normalize(of("PidLidDistributionListMembers", items.clone()), &terms);
        let expected = vec![Node::Text("A <SMTP:a@b>".to_owned()), Node::Bytes(vec![1])];
        assert_eq!(members, of("PidLidDistributionListMembers", expected));
        assert_eq!(normalize(of("PidLidOther", items.clone()), &terms), of("PidLidOther", items));
    }
}
