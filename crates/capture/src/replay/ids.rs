//! Maps the ids of a recording to those that the server assigns in their place.

use std::collections::HashMap;
use std::hash::Hash;

use mapi::inspect::Node;
use wire::Guid;

/// The maximum number of mapped ids.
pub(super) const MAX_IDS: usize = 65_536;

/// The current ids by recorded ids, in their binary form.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// By a replica id (REPLID) and a counter ([MS-OXCDATA] 2.2.1.1).
    short: HashMap<[u8; 8], [u8; 8]>,
    /// By the GUID of a replica and a counter ([MS-OXCDATA] 2.2.1.3.1).
    long: HashMap<[u8; 22], [u8; 22]>,
    /// By a GUID.
    guids: HashMap<[u8; 16], [u8; 16]>,
}

impl Ids {
    /// Maps the ids in a recorded value to those in the current one.
    pub(super) fn map(&mut self, recorded: &Node, replayed: &Node) {
        match (recorded, replayed) {
            (Node::List(recorded), Node::List(replayed)) => {
                recorded.iter().zip(replayed).for_each(|(recorded, replayed)| self.map(recorded, replayed));
            }
            (Node::Fields(recorded), Node::Fields(replayed)) => {
                recorded
                    .iter()
                    .zip(replayed)
                    .for_each(|((_, recorded), (_, replayed))| self.map(recorded, replayed));
            }
            (recorded, replayed) => {
                if let (Some(recorded), Some(replayed)) = (short_id_of(recorded), short_id_of(replayed)) {
                    insert(&mut self.short, recorded, replayed);
                }
                if let (Node::Text(recorded), Node::Text(replayed)) = (recorded, replayed) {
                    self.map_words(recorded, replayed);
                }
            }
        }
    }

    fn map_words(&mut self, recorded: &str, replayed: &str) {
        for (recorded, replayed) in recorded.split_whitespace().zip(replayed.split_whitespace()) {
            let (Some(recorded), Some(replayed)) = (GuidWord::parse(recorded), GuidWord::parse(replayed))
            else {
                continue;
            };
            insert(&mut self.guids, recorded.guid, replayed.guid);
            if let (Some(recorded), Some(replayed)) = (recorded.long(), replayed.long()) {
                insert(&mut self.long, recorded, replayed);
            }
        }
    }

    /// Replaces recorded ids by the current ones. Returns whether there were any.
    pub(super) fn replace_in(&self, bytes: &mut [u8]) -> bool {
        let (mut at, mut changed) = (0_usize, false);
        while let Some(rest) = bytes.get_mut(at..).filter(|rest| !rest.is_empty()) {
            let put = replaced(&self.long, rest)
                .or_else(|| replaced(&self.guids, rest))
                .or_else(|| replaced(&self.short, rest));
            changed |= put.is_some();
            at = at.saturating_add(put.unwrap_or(1));
        }
        changed
    }
}

fn insert<K: Eq + Hash>(known: &mut HashMap<K, K>, recorded: K, replayed: K) {
    if recorded != replayed && known.len() < MAX_IDS {
        known.insert(recorded, replayed);
    }
}

/// Replaces the id at the start of `bytes`, if it is mapped. Returns its size.
fn replaced<const N: usize>(known: &HashMap<[u8; N], [u8; N]>, bytes: &mut [u8]) -> Option<usize> {
    let place = bytes.first_chunk_mut::<N>()?;
    *place = *known.get(&*place)?;
    Some(N)
}

/// The text of a GUID, with or without a counter after it.
struct GuidWord {
    guid: [u8; 16],
    counter: Option<[u8; 6]>,
}

impl GuidWord {
    /// The length of the text of a GUID.
    const LENGTH: usize = 36;

    fn parse(word: &str) -> Option<Self> {
        let (guid, rest) = word.split_at_checked(Self::LENGTH)?;
        let guid: Guid = guid.parse().ok().filter(|guid| *guid != Guid::NIL)?;
        let counter = match rest {
            "" => None,
            rest => Some(counter(rest.strip_prefix('-')?)?),
        };
        Some(Self { guid: guid.to_le(), counter })
    }

    fn long(&self) -> Option<[u8; 22]> {
        let mut long = [0; 22];
        let (guid, counter) = long.split_at_mut(16);
        guid.copy_from_slice(&self.guid);
        counter.copy_from_slice(&self.counter?);
        Some(long)
    }
}

/// Parses the twelve digits of a counter.
fn counter(digits: &str) -> Option<[u8; 6]> {
    let number = u64::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 12)?;
    let [_, _, counter @ ..] = number.to_be_bytes();
    Some(counter)
}

/// The id of eight bytes in `node`, in its binary form: a replica id (REPLID), and a counter.
pub(super) fn short_id_of(node: &Node) -> Option<[u8; 8]> {
    match node {
        Node::Text(text) => short_id(text),
        // A number below 2^32 is taken for a count, not for an id.
        Node::Number(number) if *number > 0xffff_ffff => Some(number.to_le_bytes()),
        Node::Signed(number) if number.unsigned_abs() > 0xffff_ffff => Some(number.to_le_bytes()),
        _ => None,
    }
}

fn short_id(text: &str) -> Option<[u8; 8]> {
    let (replica, digits) = text.split_once('-').filter(|(replica, _)| replica.len() == 4)?;
    let [low, high] = u16::from_str_radix(replica, 16).ok()?.to_le_bytes();
    let [a, b, c, d, e, f] = counter(digits)?;
    Some([low, high, a, b, c, d, e, f])
}

/// Whether two sentences that MAPIProxy generates differ in ids only.
pub(super) fn same_but_for_ids(recorded: &str, replayed: &str) -> bool {
    let is_id = |word: &str| short_id(word).is_some() || GuidWord::parse(word).is_some();
    let same = |recorded: &str, replayed: &str| recorded == replayed || (is_id(recorded) && is_id(replayed));
    let (mut recorded, mut replayed) = (recorded.split(' '), replayed.split(' '));
    loop {
        match (recorded.next(), replayed.next()) {
            (None, None) => return true,
            (Some(recorded), Some(replayed)) if same(recorded, replayed) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &str = "00000002-18a5-6f7b-bcdc-ea1ed03c5657-0000001d0001";
    const REPLAYED: &str = "0000a002-18a5-6f7b-bcdc-ea1ed03c5657-0000002d0001";

    fn text(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    fn long(text: &str) -> Vec<u8> {
        GuidWord::parse(text).unwrap().long().unwrap().to_vec()
    }

    #[test]
    fn recorded_ids_of_each_form_are_replaced_by_current_ones() {
        let mut ids = Ids::default();
        ids.map(&text(&format!("folder {RECORDED}")), &text(&format!("folder {REPLAYED}")));
        ids.map(&Node::List(vec![text("0001-0000001d0001")]), &Node::List(vec![text("0001-0000002d0001")]));
        let mut bytes =
            [&[7][..], &long(RECORDED), &long(RECORDED)[..16], &[1, 0, 0, 0, 0, 0x1d, 0, 1, 9]].concat();
        assert!(ids.replace_in(&mut bytes));
        let expected =
            [&[7][..], &long(REPLAYED), &long(REPLAYED)[..16], &[1, 0, 0, 0, 0, 0x2d, 0, 1, 9]].concat();
        assert_eq!(bytes, expected);
        assert!(!ids.replace_in(&mut [0; 64]));
    }

    #[test]
    fn two_sentences_are_equal_if_only_ids_differ() {
        let moved = |to: &str| format!("OP_MOVE to folder {to}");
        assert!(same_but_for_ids(&moved(RECORDED), &moved(REPLAYED)));
        assert!(same_but_for_ids("with 0001-0000001d0001 in", "with 0001-0000002d0001 in"));
        assert!(!same_but_for_ids(&moved(RECORDED), &moved(REPLAYED).replace("MOVE", "COPY")));
        assert!(!same_but_for_ids(&moved(RECORDED), "OP_MOVE to folder"));
        assert!(!same_but_for_ids("to a@lab", "to b@lab"));
    }
}
