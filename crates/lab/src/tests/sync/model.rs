//! A model of synchronization: two clients with copies of two folders, and the server, change messages at random. After
//! each synchronization a client's copy is equal to the folders.

use std::collections::BTreeMap;

use mapi::ErrorCode;
use mapi::data::{FolderId, Gid, GlobalCounter, MessageId};
use mapi::fast_transfer::{Group, Marker, Property, Value};
use mapi::idset::ReplIdSet;
use mapi::property::{PropTag, PropertyValue};
use mapi::rop::folder::{DeleteMessagesRequest, RopMoveCopyMessagesRequest};
use mapi::rop::message::{MessageOpenModeFlags, ReadFlags, RopOpenMessageRequest, RopSetReadFlagsRequest};
use mapi::rop::sync::{ImportDeleteFlags, ImportFlag};
use mapi::rop::{Bool, DestHandleIndex, List16, OutputHandleIndex, RequestBody};
use wire::Decode as _;

use super::client::{State, Sync, bytes, download, transfer_state, upload_state};
use super::uploader::{
    Version, import_deletes, import_message, import_move, import_read, local_ids, open_collector,
};
use crate::tests::Caller;
use crate::tests::folders::create;
use crate::tests::mail::{LOGON, Mail, text};
use crate::tests::messages::{INBOX, KEEP, create as create_message, save};

const SUBJECT: PropTag = PropTag::PidTagSubject;
const DELETED: ErrorCode = ErrorCode(0x8004_0800);
const IGNORED: ErrorCode = ErrorCode(0x8004_0801);
/// The number of synchronizations, and the variable of the environment with another one.
const ROUNDS: u64 = 1000;
const VARIABLE: &str = "MAPIPROXY_SYNC_ROUNDS";
/// How many messages are in a folder, about.
const MESSAGES: usize = 12;

/// Numbers that are the same in each run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        if from.is_empty() { None } else { Some(from[self.below(from.len())]) }
    }
}

/// A message in a client's copy.
#[derive(Debug, Clone)]
struct Item {
    subject: String,
    read: bool,
    version: Version,
    is_changed: bool,
    is_marked: bool,
}

/// A folder in a client's copy, and what the client has not uploaded.
#[derive(Debug, Default)]
struct LocalCopy {
    state: State,
    items: BTreeMap<u64, Item>,
    deleted: Vec<u64>,
    /// The folder, the old id and the version of messages that were moved here, by their new ids.
    moved: Vec<(u64, u64, u64, Version)>,
}

struct Client {
    mail: Mail,
    replica: u8,
    changes: u64,
    ids: Vec<u64>,
    copies: [LocalCopy; 2],
}

/// The handles of the two folders in each session.
const FOLDERS: [u8; 2] = [1, 2];
const COLLECTOR: u8 = 3;

impl Client {
    fn new(caller: &Caller, replica: u8, folders: [FolderId; 2]) -> Self {
        let mut mail = Mail::open(caller, "alice", "alice").unwrap();
        for (id, handle) in folders.into_iter().zip(FOLDERS) {
            mail.open_folder(id, handle).unwrap();
        }
        Self { mail, replica, changes: 0, ids: Vec::new(), copies: Default::default() }
    }

    fn id(&mut self) -> u64 {
        if self.ids.is_empty() {
            let first = local_ids(&mut self.mail, 50).unwrap();
            self.ids = (first..first + 50).rev().collect();
        }
        self.ids.pop().unwrap()
    }

    fn version(&mut self, before: &[u8], now: u64) -> Version {
        self.changes += 1;
        Version::new(self.replica, self.changes, before, now)
    }

    /// Changes the copy at random.
    fn change(&mut self, random: &mut Random, folders: [u64; 2], now: u64) {
        let at = random.below(2);
        let ids: Vec<u64> = self.copies[at].items.keys().copied().collect();
        let subject = format!("client {} at {now}", self.replica);
        match (random.below(6), random.pick(&ids)) {
            (0 | 1, _) if ids.len() < MESSAGES => {
                let (id, version) = (self.id(), self.version(&[], now));
                let item = Item { subject, read: false, version, is_changed: true, is_marked: false };
                self.copies[at].items.insert(id, item);
            }
            (2, Some(id)) => {
                let before = self.copies[at].items[&id].version.clone();
                // One version is uploaded, whatever how often the message was changed.
                let version = self.version(&before.predecessors, now);
                let item = self.copies[at].items.get_mut(&id).unwrap();
                (item.subject, item.version, item.is_changed) = (subject, version, true);
            }
            (3, Some(id)) => {
                let item = self.copies[at].items.get_mut(&id).unwrap();
                (item.read, item.is_marked) = (!item.read, true);
            }
            (4, Some(id)) => {
                let item = self.copies[at].items.remove(&id).unwrap();
                let (pending, new) = (self.copies[at].moved.iter().any(|known| known.2 == id), self.id());
                // What the server does not have yet is not moved there.
                if pending || !self.has(at, id) {
                    self.copies[at].items.insert(id, item);
                    return;
                }
                let version = item.version.clone();
                self.copies[1 - at].items.insert(new, item);
                self.copies[1 - at].moved.push((folders[at], id, new, version));
            }
            (_, Some(id)) => {
                self.copies[at].items.remove(&id);
                match self.copies[at].moved.iter().position(|known| known.2 == id) {
                    Some(moved) => {
                        let (_, from, ..) = self.copies[at].moved.remove(moved);
                        self.copies[1 - at].deleted.push(from);
                    }
                    None => self.copies[at].deleted.push(id),
                }
            }
            _ => {}
        }
    }

    /// Whether the server had the message when the client last synchronized the folder.
    fn has(&self, at: usize, id: u64) -> bool {
        let gid =
            Gid { replica: self.mail.logon.replica_guid, global_counter: GlobalCounter::new(id).unwrap() };
        self.copies[at].state.set(PropTag::MetaTagIdsetGiven).contains_id(&gid)
    }

    fn synchronize(&mut self) {
        // Moves are first, so that they find the message in its old folder.
        for at in [0, 1] {
            self.with_collector(at, Self::upload_moves);
        }
        for at in [0, 1] {
            self.with_collector(at, Self::upload_rest);
        }
        for at in [0, 1] {
            let state = self.copies[at].state.clone();
            let found = download(&mut self.mail, FOLDERS[at], &Sync::contents(), &state).unwrap();
            let copy = &mut self.copies[at];
            for change in found.changes() {
                let (id, item) = item(change);
                copy.items.insert(id, item);
            }
            let (deleted, read) = (PropTag::MetaTagIdsetDeleted, PropTag::MetaTagIdsetRead);
            let deleted = found.ids(deleted);
            copy.items.retain(|id, _| !contains(&deleted, *id));
            let (read, unread) = (found.ids(read), found.ids(PropTag::MetaTagIdsetUnread));
            for (id, item) in &mut copy.items {
                item.read = (item.read || contains(&read, *id)) && !contains(&unread, *id);
            }
            copy.state = found.state;
        }
    }

    fn with_collector(&mut self, at: usize, upload: impl FnOnce(&mut Self, usize)) {
        open_collector(&mut self.mail, FOLDERS[at], true, COLLECTOR).unwrap();
        upload_state(&mut self.mail, COLLECTOR, &self.copies[at].state);
        upload(self, at);
        self.copies[at].state = transfer_state(&mut self.mail, COLLECTOR);
        self.mail.release(COLLECTOR);
    }

    fn upload_moves(&mut self, at: usize) {
        for (source, from, to, version) in std::mem::take(&mut self.copies[at].moved) {
            let code = import_move(&mut self.mail, COLLECTOR, (source, from, to), &version);
            if code == DELETED {
                self.copies[at].items.remove(&to);
            } else {
                assert!(code.is_success(), "{code}");
            }
        }
    }

    fn upload_rest(&mut self, at: usize) {
        let copy = &mut self.copies[at];
        let mut marked = Vec::new();
        let changed: Vec<(u64, Item)> = copy
            .items
            .iter_mut()
            .filter(|(_, item)| item.is_changed || item.is_marked)
            .map(|(id, item)| {
                let before = item.clone();
                (item.is_changed, item.is_marked) = (false, false);
                (*id, before)
            })
            .collect();
        let deleted = std::mem::take(&mut copy.deleted);
        for (id, item) in changed {
            if item.is_marked {
                marked.push((id, item.read));
            }
            if !item.is_changed {
                continue;
            }
            let imported =
                import_message(&mut self.mail, COLLECTOR, id, &item.version, (ImportFlag::NONE, 4));
            match imported {
                Ok(()) => {
                    self.mail.set(4, vec![text(SUBJECT, &item.subject)]).unwrap();
                    save(&mut self.mail, 4, KEEP).unwrap();
                    self.mail.release(4);
                }
                Err(IGNORED) => {}
                Err(DELETED) => drop(self.copies[at].items.remove(&id)),
                Err(other) => panic!("{other}"),
            }
        }
        import_read(&mut self.mail, COLLECTOR, &marked).unwrap();
        import_deletes(&mut self.mail, COLLECTOR, &deleted, ImportDeleteFlags::NONE).unwrap();
    }
}

fn contains(set: &ReplIdSet, id: u64) -> bool {
    set.contains_message(MessageId::new(1, GlobalCounter::new(id).unwrap()))
}

/// A message that was downloaded.
fn item(change: &Group) -> (u64, Item) {
    let bytes = |tag| bytes(change.get(tag).unwrap());
    let id = Gid::from_bytes(&bytes(PropTag::PidTagSourceKey)).unwrap().global_counter.value();
    let message = change.groups_with(Marker::IncrSyncMessage).next().unwrap();
    let flags = match message.get(PropTag::PidTagMessageFlags).unwrap().value {
        Value::Integer32(flags) => flags,
        ref other => panic!("{other:?}"),
    };
    let version = Version {
        key: bytes(PropTag::PidTagChangeKey),
        predecessors: bytes(PropTag::PidTagPredecessorChangeList),
        modified: 0,
    };
    let subject = message.get(SUBJECT).and_then(Property::text).unwrap_or_default();
    (id, Item { subject, read: flags & 1 != 0, version, is_changed: false, is_marked: false })
}

/// The messages in the folder at `folder`, with their subjects and read states.
fn messages(mail: &mut Mail, folder: u8) -> BTreeMap<u64, (String, bool)> {
    let columns = [PropTag::PidTagMid, SUBJECT, PropTag::PidTagRead];
    mail.open_table(folder, true, 6).unwrap();
    mail.set_columns(6, &columns).unwrap();
    let rows = mail.rows(6, &columns, 1000).unwrap();
    mail.release(6);
    let row = |row: &mapi::property::PropertyRow| match row.value(0).unwrap() {
        PropertyValue::Integer64(id) => {
            let id = MessageId(id.cast_unsigned()).global_counter().value();
            (
                id,
                (
                    row.value(1).unwrap().to_text().unwrap(),
                    row.value(2) == Some(&PropertyValue::Boolean(true)),
                ),
            )
        }
        other => panic!("{other:?}"),
    };
    rows.iter().map(row).collect()
}

/// Changes a folder on the server at random.
fn change_on_server(mail: &mut Mail, random: &mut Random, folders: [FolderId; 2], now: u64) {
    let at = random.below(2);
    let ids: Vec<u64> = messages(mail, FOLDERS[at]).into_keys().collect();
    let picked = random.pick(&ids).map(|id| MessageId::new(1, GlobalCounter::new(id).unwrap()));
    let subject = || vec![text(SUBJECT, &format!("server at {now}"))];
    match (random.below(6), picked) {
        (0 | 1, _) if ids.len() < MESSAGES => {
            create_message(mail, folders[at], 4).unwrap();
            mail.set(4, subject()).unwrap();
            save(mail, 4, KEEP).unwrap();
            mail.release(4);
        }
        (2, Some(id)) => {
            let request = RopOpenMessageRequest {
                output_handle_index: OutputHandleIndex(4),
                code_page_id: 0x0fff,
                folder_id: folders[at],
                open_mode_flags: MessageOpenModeFlags::READ_WRITE,
                message_id: id,
            };
            mail.rop(LOGON, RequestBody::RopOpenMessage(request)).unwrap();
            mail.set(4, subject()).unwrap();
            save(mail, 4, KEEP).unwrap();
            mail.release(4);
        }
        (3, Some(id)) => {
            let read_flags =
                if random.below(2) == 0 { ReadFlags::NONE } else { ReadFlags::RF_CLEAR_READ_FLAG };
            let (want_asynchronous, message_ids) = (Bool::FALSE, List16(vec![id]));
            let request = RopSetReadFlagsRequest { want_asynchronous, read_flags, message_ids };
            mail.rop(FOLDERS[at], RequestBody::RopSetReadFlags(request)).unwrap();
        }
        (4, Some(id)) => {
            let request = RopMoveCopyMessagesRequest {
                dest_handle_index: DestHandleIndex(FOLDERS[1 - at]),
                message_ids: List16(vec![id]),
                want_asynchronous: Bool::FALSE,
                want_copy: Bool::FALSE,
            };
            mail.rop(FOLDERS[at], RequestBody::RopMoveCopyMessages(request)).unwrap();
        }
        (_, Some(id)) => {
            let (notify_non_read, message_ids) = (Bool::FALSE, List16(vec![id]));
            let request =
                DeleteMessagesRequest { want_asynchronous: Bool::FALSE, notify_non_read, message_ids };
            mail.rop(FOLDERS[at], RequestBody::RopDeleteMessages(request)).unwrap();
        }
        _ => {}
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may be run longer; no caller's identity depends on it")]
fn copies_are_equal_to_the_folders_after_each_synchronization() {
    let rounds = std::env::var(VARIABLE).map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let caller = Caller::new();
    let mut server = Mail::open(&caller, "alice", "alice").unwrap();
    let inbox = server.special(INBOX);
    server.open_folder(inbox, FOLDERS[0]).unwrap();
    let folders = [inbox, create(&mut server, FOLDERS[0], "Other", FOLDERS[1]).unwrap()];
    let counters = folders.map(|id| id.global_counter().value());
    let mut clients = [0xC1, 0xC2].map(|replica| Client::new(&caller, replica, folders));
    let mut random = Random(0x5EED);
    for round in 0..rounds {
        for step in 0..random.below(6) {
            // Times of the clients are before and after those of the server.
            let now = if random.below(2) == 0 { round * 8 } else { (1 << 60) + round * 8 }
                + u64::try_from(step).unwrap();
            match random.below(3) {
                0 => change_on_server(&mut server, &mut random, folders, now),
                client => clients[client - 1].change(&mut random, counters, now),
            }
        }
        let client = &mut clients[random.below(2)];
        client.synchronize();
        for (copy, folder) in client.copies.iter().zip(FOLDERS) {
            let has = |item: &Item| (item.subject.clone(), item.read);
            let own: BTreeMap<_, _> = copy.items.iter().map(|(id, item)| (*id, has(item))).collect();
            assert_eq!(own, messages(&mut server, folder), "round {round}, folder {folder}");
        }
    }
}
