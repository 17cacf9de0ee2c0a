//! What is different about two answers.

use std::borrow::Cow;

use mapi::inspect::Node;

use super::ids::{Ids, id, same_but_for_ids};
use crate::analyze::{Operation, Rop};
use crate::time::Timestamp;

/// Something that an answer has otherwise than the one that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where in the answer.
    pub place: String,
    /// What was recorded.
    pub recorded: String,
    /// What came now.
    pub came: String,
}

/// A comparison under way, which learns what stands for what.
pub(super) struct Comparison<'a> {
    ids: &'a mut Ids,
    pub(super) differences: Vec<Difference>,
}

impl<'a> Comparison<'a> {
    pub(super) const fn new(ids: &'a mut Ids) -> Self {
        Self { ids, differences: Vec::new() }
    }

    fn say(&mut self, place: impl Into<String>, recorded: String, came: String) {
        if recorded != came {
            self.differences.push(Difference { place: place.into(), recorded, came });
        }
    }

    pub(super) fn operations(&mut self, recorded: &Operation, came: &Operation) {
        self.say("status", text_or_none(recorded.status), text_or_none(came.status));
        self.say("X-ResponseCode", text_or_none(recorded.response_code), text_or_none(came.response_code));
        self.say("fault", text_or_none(recorded.fault.as_ref()), text_or_none(came.fault.as_ref()));
        self.say("return value", text_or_none(recorded.return_value), text_or_none(came.return_value));
        let names = |operation: &Operation| {
            let names: Vec<&str> = asked(operation).map(|rop| rop.name.as_str()).collect();
            names.join(", ")
        };
        self.say("ROPs", names(recorded), names(came));
        self.values("response", &recorded.response, &came.response);
        for (then, now) in asked(recorded).zip(asked(came)) {
            self.rops(then, now);
        }
    }

    fn rops(&mut self, recorded: &Rop, came: &Rop) {
        let place = format!("{}: return value", recorded.name);
        self.say(place, text_or_none(recorded.return_value), text_or_none(came.return_value));
        if let (Some(then), Some(now)) = (&recorded.response, &came.response) {
            self.values(&recorded.name, then, now);
        }
    }

    /// Compares two values, and learns the ids in them.
    fn values(&mut self, place: &str, recorded: &Node, came: &Node) {
        match (recorded, came) {
            (Node::Fields(then), Node::Fields(now)) if same_names(then, now) => {
                for ((name, then), (_, now)) in then.iter().zip(now) {
                    if is_minimal(name) && same_minimal(then, now) {
                        continue;
                    }
                    if is_made_up(name) && !is_minimal(name) && is_as_long(name, then, now) {
                        self.ids.learn(then, now);
                    } else {
                        self.values(&format!("{place}.{name}"), then, now);
                    }
                }
            }
            (Node::List(then), Node::List(now)) if then.len() == now.len() => {
                for (index, (then, now)) in then.iter().zip(now).enumerate() {
                    self.values(&format!("{place}[{index}]"), then, now);
                }
            }
            (then, now) if then == now => {}
            (then, now) if is_time(then) && is_time(now) => {}
            (then, now) if is_sid(then) && is_sid(now) => {}
            (then, now) if id(then).is_some() && id(now).is_some() => self.ids.learn(then, now),
            (Node::Text(then), Node::Text(now)) if is_sentence(place) && same_but_for_ids(then, now) => {}
            (then, now) => self.differences.push(Difference {
                place: place.to_owned(),
                recorded: crate::show::short(then),
                came: crate::show::short(now),
            }),
        }
    }
}

/// The ROPs that the client sent; those that the server sent of its own come when they come.
pub(super) fn asked(operation: &Operation) -> impl Iterator<Item = &Rop> {
    operation.rops.iter().filter(|rop| rop.request.is_some())
}

fn text_or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

fn same_names<T>(then: &[(Cow<'static, str>, T)], now: &[(Cow<'static, str>, T)]) -> bool {
    then.len() == now.len() && then.iter().zip(now).all(|((then, _), (now, _))| then == now)
}

/// Whether a field is one that a server makes up anew each time, or a time.
fn is_made_up(name: &str) -> bool {
    let name = name.split(' ').next().unwrap_or(name);
    let name = name.strip_suffix("_W").or_else(|| name.strip_suffix("_A")).unwrap_or(name);
    // What is called an id or a time and is neither: numbers that specifications and clients give.
    let real = ["LocaleId", "CodePageId", "RowId", "TemplateId", "TimeZone"];
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
    // Sets of change numbers, what a server reserves ([MS-OXCFXICS] 2.2.1.1, [MS-OXCROPS] 2.2.13.13), when
    // and where a conversation began, and when something was deleted.
    let others = ["Cnset", "GlobalCount", "ConversationIndex", "DeletedOn"];
    // Entry ids within other structures, by the names that MAPIProxy gives them.
    let named = ["store", "folder", "message", "search_folder", "folders", "entry_id"];
    let mut parts = parts.iter().chain(&others);
    !real.iter().any(|real| name.contains(real))
        && (ends.iter().any(|end| name.ends_with(end))
            || parts.any(|part| name.contains(part))
            || named.contains(&name))
}

/// Whether there are as many of the ids of the field `name` now as there were. Of change numbers there may be
/// more or fewer.
fn is_as_long(name: &str, then: &Node, now: &Node) -> bool {
    match (then, now) {
        (Node::List(then), Node::List(now)) => then.len() == now.len() || name.contains("ChangeList"),
        _ => true,
    }
}

/// Whether a value is a security identifier, as it is shown: servers have their own domains.
fn is_sid(shown: &Node) -> bool {
    let Node::Text(text) = shown else { return false };
    text.strip_prefix("S-1-")
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
}

/// Whether MAPIProxy generates the text of the field at the end of `place`: MAPIProxy's names of fields begin
/// with a small letter, those of specifications with a capital one.
fn is_sentence(place: &str) -> bool {
    place.rsplit('.').next().is_some_and(|name| name.starts_with(|first: char| first.is_ascii_lowercase()))
}

/// Whether a value is a time, as it is shown.
fn is_time(shown: &Node) -> bool {
    matches!(shown, Node::Text(text) if text.ends_with('Z') && Timestamp::parse(text).is_some())
}

/// Whether a field holds Minimal Entry IDs of the address book.
fn is_minimal(name: &str) -> bool {
    ["MIds", "MinimalIds", "MinimalEntryIds", "CurrentRec", "ContainerID"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// Whether these are as many Minimal Entry IDs, and those the same that say something by themselves
/// ([MS-OXNSPI] 2.2.1.8): a server gives out the others as it likes.
fn same_minimal(then: &Node, now: &Node) -> bool {
    match (then, now) {
        (Node::List(then), Node::List(now)) => {
            then.len() == now.len() && then.iter().zip(now).all(|(then, now)| same_minimal(then, now))
        }
        (Node::Named(then, _), Node::Named(now, _)) => then == now || (*then > 0xf && *now > 0xf),
        (then, now) => then == now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn different(name: &'static str, recorded: Node, came: Node) -> usize {
        let mut ids = Ids::default();
        let mut comparison = Comparison::new(&mut ids);
        let of = |value| Node::Fields(vec![(name.into(), value)]);
        comparison.values("RopX", &of(recorded), &of(came));
        comparison.differences.len()
    }

    #[test]
    fn values_that_a_server_generates_do_not_count_as_differences_and_others_do() {
        let text = |text: &str| Node::Text(text.to_owned());
        let fields = |text: &str| Node::Fields(vec![("began".into(), Node::Text(text.to_owned()))]);
        for (name, then, now) in [
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
            assert_eq!(different(name, then, now), 0, "{name}");
        }
        for (name, then, now) in [
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
            assert_eq!(different(name, then, now), 1, "{name}");
        }
    }
}
