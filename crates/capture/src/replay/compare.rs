//! What is different about two answers.

use std::borrow::Cow;
use std::collections::HashMap;

use mapi::show::Shown;

use super::MAX_IDS;
use crate::Timestamp;
use crate::understand::{Operation, Rop};

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
    ids: &'a mut HashMap<[u8; 8], [u8; 8]>,
    pub(super) differences: Vec<Difference>,
}

impl<'a> Comparison<'a> {
    pub(super) const fn new(ids: &'a mut HashMap<[u8; 8], [u8; 8]>) -> Self {
        Self { ids, differences: Vec::new() }
    }

    fn say(&mut self, place: impl Into<String>, recorded: String, came: String) {
        if recorded != came {
            self.differences.push(Difference { place: place.into(), recorded, came });
        }
    }

    pub(super) fn operations(&mut self, recorded: &Operation, came: &Operation) {
        self.say("status", told(recorded.status), told(came.status));
        self.say("X-ResponseCode", told(recorded.response_code), told(came.response_code));
        self.say("fault", told(recorded.fault.as_ref()), told(came.fault.as_ref()));
        self.say("return value", told(recorded.return_value), told(came.return_value));
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
        self.say(place, told(recorded.return_value), told(came.return_value));
        if let (Some(then), Some(now)) = (&recorded.response, &came.response) {
            self.values(&recorded.name, then, now);
        }
    }

    /// Compares two values, and learns the ids in them.
    fn values(&mut self, place: &str, recorded: &Shown, came: &Shown) {
        match (recorded, came) {
            (Shown::Fields(then), Shown::Fields(now)) if same_names(then, now) => {
                for ((name, then), (_, now)) in then.iter().zip(now) {
                    if is_minimal(name) && same_minimal(then, now) {
                        continue;
                    }
                    if is_made_up(name) && !is_minimal(name) {
                        self.learn_ids(then, now);
                    } else {
                        self.values(&format!("{place}.{name}"), then, now);
                    }
                }
            }
            (Shown::List(then), Shown::List(now)) if then.len() == now.len() => {
                for (index, (then, now)) in then.iter().zip(now).enumerate() {
                    self.values(&format!("{place}[{index}]"), then, now);
                }
            }
            (then, now) if then == now => {}
            (then, now) if is_time(then) && is_time(now) => {}
            (then, now) if id(then).is_some() && id(now).is_some() => self.learn_ids(then, now),
            (then, now) => self.differences.push(Difference {
                place: place.to_owned(),
                recorded: crate::show::short(then),
                came: crate::show::short(now),
            }),
        }
    }

    fn learn_ids(&mut self, recorded: &Shown, came: &Shown) {
        match (recorded, came) {
            (Shown::List(then), Shown::List(now)) => {
                then.iter().zip(now).for_each(|(then, now)| self.learn_ids(then, now));
            }
            (Shown::Fields(then), Shown::Fields(now)) => {
                then.iter().zip(now).for_each(|((_, then), (_, now))| self.learn_ids(then, now));
            }
            (then, now) => {
                if let (Some(then), Some(now)) = (id(then), id(now))
                    && then != now
                    && self.ids.len() < MAX_IDS
                {
                    self.ids.insert(then, now);
                }
            }
        }
    }
}

/// The ROPs that the client sent; those that the server sent of its own come when they come.
pub(super) fn asked(operation: &Operation) -> impl Iterator<Item = &Rop> {
    operation.rops.iter().filter(|rop| rop.request.is_some())
}

fn told(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

fn same_names<T>(then: &[(Cow<'static, str>, T)], now: &[(Cow<'static, str>, T)]) -> bool {
    then.len() == now.len() && then.iter().zip(now).all(|((then, _), (now, _))| then == now)
}

/// Whether a field is one that a server makes up anew each time, or a time.
fn is_made_up(name: &str) -> bool {
    let name = name.split(' ').next().unwrap_or(name);
    let name = name.strip_suffix("_W").or_else(|| name.strip_suffix("_A")).unwrap_or(name);
    let ends = ["Id", "Ids", "ID", "Mid", "Key", "ChangeList", "ChangeNumber", "Version", "cxh", "cxr"];
    let parts = ["Guid", "GUID", "Time", "Cookie", "Handle", "Aux", "Instance", "Search", "EntryId", "Idset"];
    // Sets of change numbers, what a server reserves ([MS-OXCFXICS] 2.2.1.1, [MS-OXCROPS] 2.2.13.13), when and
    // where a conversation began, and when something was deleted.
    let others = ["Cnset", "GlobalCount", "ConversationIndex", "DeletedOn"];
    let mut parts = parts.iter().chain(&others);
    ends.iter().any(|end| name.ends_with(end)) || parts.any(|part| name.contains(part))
}

/// Whether a value is a time, as it is shown.
fn is_time(shown: &Shown) -> bool {
    matches!(shown, Shown::Text(text) if text.ends_with('Z') && Timestamp::parse(text).is_some())
}

/// Whether a field holds Minimal Entry IDs of the address book.
fn is_minimal(name: &str) -> bool {
    ["MIds", "MinimalIds", "MinimalEntryIds", "CurrentRec", "ContainerID"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// Whether these are as many Minimal Entry IDs, and those the same that say something by themselves
/// ([MS-OXNSPI] 2.2.1.8): a server gives out the others as it likes.
fn same_minimal(then: &Shown, now: &Shown) -> bool {
    match (then, now) {
        (Shown::List(then), Shown::List(now)) => {
            then.len() == now.len() && then.iter().zip(now).all(|(then, now)| same_minimal(then, now))
        }
        (Shown::Named(then, _), Shown::Named(now, _)) => then == now || (*then > 0xf && *now > 0xf),
        (then, now) => then == now,
    }
}

/// An id of eight bytes, as it lies in a buffer: a number of a replica, and a counter.
fn id(shown: &Shown) -> Option<[u8; 8]> {
    match shown {
        Shown::Text(text) => {
            let (replica, counter) = text.split_once('-')?;
            if replica.len() != 4 || counter.len() != 12 {
                return None;
            }
            let [low, high] = u16::from_str_radix(replica, 16).ok()?.to_le_bytes();
            let [_, _, counter @ ..] = u64::from_str_radix(counter, 16).ok()?.to_be_bytes();
            let [a, b, c, d, e, f] = counter;
            Some([low, high, a, b, c, d, e, f])
        }
        // What is small is a count.
        Shown::Number(number) if *number > 0xffff_ffff => Some(number.to_le_bytes()),
        Shown::Signed(number) if number.unsigned_abs() > 0xffff_ffff => Some(number.to_le_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn different(name: &'static str, recorded: Shown, came: Shown) -> usize {
        let mut ids = HashMap::new();
        let mut comparison = Comparison::new(&mut ids);
        let of = |value| Shown::Fields(vec![(name.into(), value)]);
        comparison.values("RopX", &of(recorded), &of(came));
        comparison.differences.len()
    }

    #[test]
    fn what_a_server_makes_up_anew_is_no_difference_and_all_else_is() {
        let text = |text: &str| Shown::Text(text.to_owned());
        let fields = |text: &str| Shown::Fields(vec![("began".into(), Shown::Text(text.to_owned()))]);
        for (name, then, now) in [
            ("GlobalCount", Shown::Bytes(vec![1]), Shown::Bytes(vec![2])),
            ("PidTagConversationIndex", Shown::Bytes(vec![1]), Shown::Bytes(vec![2])),
            ("PidTagConversationIndex", fields("a"), fields("b")),
            ("MetaTagIdsetGiven:PtypInteger32", text("{a: 1-5}"), text("{b: 1-7}")),
            ("MetaTagCnsetSeenFAI", text("a"), text("b")),
            ("PidTagLocalCommitTimeMax", text("2026-11-01T00:00:00Z"), text("2026-11-02T00:00:00Z")),
            ("PidLidTaskDueDate", text("2026-11-01T00:00:00Z"), text("2026-11-02T00:00:00Z")),
            ("PidTagAdditionalRenEntryIdsEx", text("a"), text("b")),
            ("FolderIds", text("0001-000000000001"), text("0001-000000000002")),
        ] {
            assert_eq!(different(name, then, now), 0, "{name}");
        }
        for (name, then, now) in [
            ("PidTagSubject_W", text("old"), text("new")),
            ("RowCount", Shown::Number(1), Shown::Number(2)),
            ("PidTagBody_W", text("2026-11-01T00:00:00Z"), text("tomorrow")),
            ("Status", Shown::Number(0), Shown::Number(1)),
        ] {
            assert_eq!(different(name, then, now), 1, "{name}");
        }
    }
}
