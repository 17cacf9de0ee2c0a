//! Compares the response to a replayed call with the recorded one.

use std::borrow::Cow;

use mapi::inspect::Node;

use super::ids::{Ids, same_but_for_ids, short_id_of};
use crate::analyze::{Operation, Rop};
use crate::time::Timestamp;

/// A difference between a response and the recorded one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The position in the response, as a path of field names.
    pub place: String,
    /// The recorded value.
    pub recorded: String,
    /// The value in the response to the replayed call.
    pub replayed: String,
}

/// The state of a comparison, which maps recorded ids to current ones.
pub(super) struct Comparison<'a> {
    ids: &'a mut Ids,
    pub(super) differences: Vec<Difference>,
}

impl<'a> Comparison<'a> {
    pub(super) const fn new(ids: &'a mut Ids) -> Self {
        Self { ids, differences: Vec::new() }
    }

    /// Adds a difference at `place` if the values are not equal.
    fn compare(&mut self, place: impl Into<String>, recorded: String, replayed: String) {
        if recorded != replayed {
            self.differences.push(Difference { place: place.into(), recorded, replayed });
        }
    }

    pub(super) fn operations(&mut self, recorded: &Operation, replayed: &Operation) {
        self.compare("status", text_or_none(recorded.status), text_or_none(replayed.status));
        self.compare(
            "X-ResponseCode",
            text_or_none(recorded.response_code),
            text_or_none(replayed.response_code),
        );
        self.compare("fault", text_or_none(recorded.fault.as_ref()), text_or_none(replayed.fault.as_ref()));
        self.compare(
            "return value",
            text_or_none(recorded.return_value),
            text_or_none(replayed.return_value),
        );
        let names = |operation: &Operation| {
            let names: Vec<&str> = requested(operation).map(|rop| rop.name.as_str()).collect();
            names.join(", ")
        };
        self.compare("ROPs", names(recorded), names(replayed));
        self.values("response", &recorded.response, &replayed.response);
        for (recorded, replayed) in requested(recorded).zip(requested(replayed)) {
            self.rops(recorded, replayed);
        }
    }

    fn rops(&mut self, recorded: &Rop, replayed: &Rop) {
        let place = format!("{}: return value", recorded.name);
        self.compare(place, text_or_none(recorded.return_value), text_or_none(replayed.return_value));
        if let (Some(first), Some(second)) = (&recorded.response, &replayed.response) {
            self.values(&recorded.name, first, second);
        }
    }

    /// Compares two values, and maps the ids in them.
    fn values(&mut self, place: &str, recorded: &Node, replayed: &Node) {
        match (recorded, replayed) {
            (Node::Fields(recorded), Node::Fields(replayed)) if same_names(recorded, replayed) => {
                for ((name, recorded), (_, replayed)) in recorded.iter().zip(replayed) {
                    if is_minimal(name) && same_minimal(recorded, replayed) {
                        continue;
                    }
                    if is_generated(name) && !is_minimal(name) && is_as_long(name, recorded, replayed) {
                        self.ids.map(recorded, replayed);
                    } else {
                        self.values(&format!("{place}.{name}"), recorded, replayed);
                    }
                }
            }
            (Node::List(recorded), Node::List(replayed)) if recorded.len() == replayed.len() => {
                for (index, (recorded, replayed)) in recorded.iter().zip(replayed).enumerate() {
                    self.values(&format!("{place}[{index}]"), recorded, replayed);
                }
            }
            (recorded, replayed) if recorded == replayed => {}
            (recorded, replayed) if is_time(recorded) && is_time(replayed) => {}
            (recorded, replayed) if is_sid(recorded) && is_sid(replayed) => {}
            (recorded, replayed) if short_id_of(recorded).is_some() && short_id_of(replayed).is_some() => {
                self.ids.map(recorded, replayed);
            }
            (Node::Text(recorded), Node::Text(replayed))
                if is_generated_text(place) && same_but_for_ids(recorded, replayed) => {}
            (recorded, replayed) => self.differences.push(Difference {
                place: place.to_owned(),
                recorded: crate::show::short(recorded),
                replayed: crate::show::short(replayed),
            }),
        }
    }
}

/// The ROPs that the client sent, without responses that belong to no request, whose order may vary.
pub(super) fn requested(operation: &Operation) -> impl Iterator<Item = &Rop> {
    operation.rops.iter().filter(|rop| rop.request.is_some())
}

fn text_or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

fn same_names<T>(recorded: &[(Cow<'static, str>, T)], replayed: &[(Cow<'static, str>, T)]) -> bool {
    recorded.len() == replayed.len()
        && recorded.iter().zip(replayed).all(|((recorded, _), (replayed, _))| recorded == replayed)
}

/// Whether a field is generated by the server anew each time, or is a time.
fn is_generated(name: &str) -> bool {
    let name = name.split(' ').next().unwrap_or(name);
    let name = name.strip_suffix("_W").or_else(|| name.strip_suffix("_A")).unwrap_or(name);
    // Fields with the name of an id or a time that are neither: numbers assigned by specifications and clients.
    let assigned = ["LocaleId", "CodePageId", "RowId", "TemplateId", "TimeZone"];
    let ends = [
        "Id",
        "Ids",
        "ID",
        "Mid",
        "Sid",
        "Key",
        "_key",
        "ChangeList",
        "ChangeNumber",
        "Version",
        "cxh",
        "cxr",
    ];
    let parts =
        ["Guid", "GUID", "Time", "Cookie", "Handle", "Aux", "SearchFlags", "EntryId", "ENTRYID", "Idset"];
    // Sets of change numbers, reserved ids ([MS-OXCFXICS] 2.2.1.1, [MS-OXCROPS] 2.2.13.13), the beginning of a
    // conversation, and times of deletion.
    let others = ["Cnset", "GlobalCount", "ConversationIndex", "DeletedOn"];
    // Entry ids within other structures, by MAPIProxy's names for them.
    let named = ["store", "folder", "message", "search_folder", "folders", "entry_id"];
    let mut parts = parts.iter().chain(&others);
    !assigned.iter().any(|part| name.contains(part))
        && (ends.iter().any(|end| name.ends_with(end))
            || parts.any(|part| name.contains(part))
            || named.contains(&name))
}

/// Whether the field `name` has as many ids as the recorded one. The number of change numbers may differ.
fn is_as_long(name: &str, recorded: &Node, replayed: &Node) -> bool {
    match (recorded, replayed) {
        (Node::List(recorded), Node::List(replayed)) => {
            recorded.len() == replayed.len() || name.contains("ChangeList")
        }
        _ => true,
    }
}

/// Whether a value is the text of a security identifier, which differs between the servers' domains.
fn is_sid(shown: &Node) -> bool {
    let Node::Text(text) = shown else { return false };
    text.strip_prefix("S-1-")
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
}

/// Whether MAPIProxy generates the text of the field at the end of `place`: MAPIProxy's names of fields begin
/// with a small letter, those of specifications with a capital one.
fn is_generated_text(place: &str) -> bool {
    place.rsplit('.').next().is_some_and(|name| name.starts_with(|first: char| first.is_ascii_lowercase()))
}

/// Whether a value is the text of a time.
fn is_time(shown: &Node) -> bool {
    matches!(shown, Node::Text(text) if text.ends_with('Z') && Timestamp::parse(text).is_some())
}

/// Whether a field contains Minimal Entry IDs of the address book.
fn is_minimal(name: &str) -> bool {
    ["MIds", "MinimalIds", "MinimalEntryIds", "CurrentRec", "ContainerID"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// Whether there are as many Minimal Entry IDs, and the reserved ones are equal ([MS-OXNSPI] 2.2.1.8). A server
/// assigns the others arbitrarily.
fn same_minimal(recorded: &Node, replayed: &Node) -> bool {
    match (recorded, replayed) {
        (Node::List(recorded), Node::List(replayed)) => {
            recorded.len() == replayed.len()
                && recorded.iter().zip(replayed).all(|(recorded, replayed)| same_minimal(recorded, replayed))
        }
        (Node::Named(recorded, _), Node::Named(replayed, _)) => {
            recorded == replayed || (*recorded > 0xf && *replayed > 0xf)
        }
        (recorded, replayed) => recorded == replayed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn different(name: &'static str, recorded: Node, replayed: Node) -> usize {
        let mut ids = Ids::default();
        let mut comparison = Comparison::new(&mut ids);
        let of = |value| Node::Fields(vec![(name.into(), value)]);
        comparison.values("RopX", &of(recorded), &of(replayed));
        comparison.differences.len()
    }

    #[test]
    fn values_that_a_server_generates_do_not_count_as_differences_and_others_do() {
        let text = |text: &str| Node::Text(text.to_owned());
        let fields = |text: &str| Node::Fields(vec![("began".into(), Node::Text(text.to_owned()))]);
        for (name, recorded, replayed) in [
            ("GlobalCount", Node::Bytes(vec![1]), Node::Bytes(vec![2])),
            ("PidTagConversationIndex", Node::Bytes(vec![1]), Node::Bytes(vec![2])),
            ("PidTagConversationIndex", fields("a"), fields("b")),
            ("MetaTagIdsetGiven:PtypInteger32", text("{a: 1-5}"), text("{b: 1-7}")),
            ("MetaTagCnsetSeenFAI", text("a"), text("b")),
            ("PidTagLocalCommitTimeMax", text("2026-11-01T00:00:00Z"), text("2026-11-02T00:00:00Z")),
            ("PidLidTaskDueDate", text("2026-11-01T00:00:00Z"), text("2026-11-02T00:00:00Z")),
            ("PidTagAdditionalRenEntryIdsEx", text("a"), text("b")),
            ("FolderIds", text("0001-000000000001"), text("0001-000000000002")),
            ("PidTagCreatorSid", Node::Bytes(vec![1]), Node::Bytes(vec![2])),
            ("owner", text("S-1-5-21-1-2-3-500"), text("S-1-5-21-4-5-6-500")),
            ("PidTagPredecessorChangeList", Node::List(vec![]), Node::List(vec![text("a")])),
            ("message_search_key", Node::Bytes(vec![1]), Node::Bytes(vec![2])),
            ("RSF_ELID_ENTRYID", Node::Bytes(vec![1]), Node::Bytes(vec![2])),
            ("folder", Node::Bytes(vec![1]), Node::Bytes(vec![2])),
            ("action", text("OP_MOVE to 0001-000000000001"), text("OP_MOVE to 0001-000000000002")),
        ] {
            assert_eq!(different(name, recorded, replayed), 0, "{name}");
        }
        for (name, recorded, replayed) in [
            ("PidTagSubject_W", text("old"), text("new")),
            ("RowCount", Node::Number(1), Node::Number(2)),
            ("PidTagBody_W", text("2026-11-01T00:00:00Z"), text("tomorrow")),
            ("Status", Node::Number(0), Node::Number(1)),
            ("PidTagLocaleId", Node::Signed(1033), Node::Signed(1031)),
            ("CodePageId", Node::Number(1252), Node::Number(1251)),
            ("RowId", Node::Number(0), Node::Number(1)),
            ("PidTagSearchFolderTemplateId", Node::Signed(1), Node::Signed(2)),
            ("PidTagSearchFolderDefinition", Node::Bytes(vec![1]), Node::Bytes(vec![2])),
            ("PidTagInstanceNum", Node::Signed(0), Node::Signed(1)),
            ("PidLidTimeZoneDescription", text("Berlin"), text("Paris")),
            ("FolderIds", Node::List(vec![text("0001-000000000001")]), Node::List(vec![])),
            ("PidTagSubject_W", text("0001-000000000001 a"), text("0001-000000000002 a")),
            ("action", text("OP_MOVE to 0001-000000000001"), text("OP_COPY to 0001-000000000002")),
            ("RowData", Node::List(vec![text("a"), text("b")]), Node::List(vec![text("a")])),
            ("PidTagDisplayName_W", text("S-1-5-x"), text("S-1-5-y")),
        ] {
            assert_eq!(different(name, recorded, replayed), 1, "{name}");
        }
    }
}
