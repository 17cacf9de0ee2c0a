//! The changes of the messages in a folder ([MS-OXCFXICS] 3.2.5.3, 3.2.5.9.1.1).

use std::cmp::Reverse;

use mapi::fast_transfer::{Marker, ProgressInformation, Value};
use mapi::idset::{GlobRange, Globset, ReplId, ReplIdSet};
use mapi::property::{PropTag, PropType, PropertyValue, Restriction};
use mapi::rop::sync::{SynchronizationExtraFlags, SynchronizationFlags};
use store::{Message, MessageVersion, OWN_REPLICA, ObjectId, View};
use wire::{Encode as _, FileTime};

use super::content::{unnamed, unnamed_bytes};
use super::element::{binary, marker, plain};
use super::state::{SyncState, contains, insert};
use super::step::{ContentStep, Step};
use crate::codepage::CodePage;
use crate::session::logon::Logon;
use crate::values::message::of_message;
use crate::values::restriction::matches;

/// Which changes of which messages are downloaded.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) folder: ObjectId,
    pub(crate) flags: SynchronizationFlags,
    pub(crate) extra: SynchronizationExtraFlags,
    pub(crate) restriction: Option<Restriction>,
    /// The code page of 8-bit texts in the restriction.
    pub(crate) code_page: CodePage,
}

/// What is to be sent, and the state of the client afterwards.
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) state: SyncState,
    /// How many changes are sent.
    pub(crate) total: usize,
}

/// What a pass over the messages of a folder found.
#[derive(Default)]
struct Found {
    /// The messages to be sent, with the time by which they are ordered.
    changed: Vec<(FileTime, ObjectId)>,
    progress: ProgressInformation,
    inside: Vec<GlobRange>,
    /// Messages in the folder that are not to be synchronized.
    outside: Vec<GlobRange>,
    now_read: Globset,
    now_unread: Globset,
    last: Option<ObjectId>,
    last_associated: Option<ObjectId>,
    last_read: Option<ObjectId>,
}

impl Contents {
    /// Determines what a client with `state` does not have.
    pub(crate) fn plan(&self, view: &View<'_>, logon: &Logon, state: &SyncState) -> store::Result<Plan> {
        let mut found = Found::default();
        view.for_each_version(logon.mailbox.id, self.folder, |version| {
            self.visit(view, logon, state, &mut found, version)
        })?;
        if self.extra.contains(SynchronizationExtraFlags::ORDER_BY_DELIVERY_TIME) {
            found.changed.sort_by_key(|(time, _)| Reverse(*time));
        }
        let total = found.changed.len();
        let mut steps = Vec::with_capacity(total.saturating_add(4));
        if self.flags.contains(SynchronizationFlags::PROGRESS) {
            steps.push(Step::Bytes(
                [marker(Marker::IncrSyncProgressMode), unnamed_bytes(found.progress.to_bytes()?)?].concat(),
            ));
        }
        steps.extend(found.changed.iter().map(|(_, id)| Step::MessageChange(*id)));
        let (inside, outside) =
            (found.inside.iter().copied().collect(), found.outside.iter().copied().collect());
        let after = self.after(state, &found, &inside, &outside);
        steps.extend(self.deletions(state, &inside, &outside)?);
        steps.extend(read_states(&found)?);
        steps.push(Step::Bytes(after.element(logon.mailbox.replica, true)?));
        steps.push(Step::Bytes(marker(Marker::IncrSyncEnd)));
        Ok(Plan { steps, state: after, total })
    }

    fn visit(
        &self,
        view: &View<'_>,
        logon: &Logon,
        state: &SyncState,
        found: &mut Found,
        version: MessageVersion,
    ) -> store::Result<()> {
        let range = GlobRange::single(version.id.counter());
        if !self.is_inside(view, logon, &version)? {
            found.outside.push(range);
            return Ok(());
        }
        found.inside.push(range);
        let (last, seen) = if version.associated {
            (&mut found.last_associated, &state.seen_fai)
        } else {
            (&mut found.last, &state.seen)
        };
        *last = (*last).max(Some(version.change));
        // A read state that changes later has a later number than all versions.
        found.last_read = found.last_read.max(version.read_change).max(Some(version.change));
        if !contains(&state.given, version.id) || !contains(seen, version.change) {
            return self.changed(view, logon, found, &version);
        }
        // Associated messages have no read state ([MS-OXCFXICS] 3.2.5.6).
        if let Some(change) = version.read_change
            && !version.associated
            && self.flags.contains(SynchronizationFlags::READ_STATE)
            && !contains(&state.read, change)
        {
            let set = if version.read { &mut found.now_read } else { &mut found.now_unread };
            insert(set, version.id);
        }
        Ok(())
    }

    /// Whether a message is synchronized.
    fn is_inside(&self, view: &View<'_>, logon: &Logon, version: &MessageVersion) -> store::Result<bool> {
        let kind = if version.associated { SynchronizationFlags::FAI } else { SynchronizationFlags::NORMAL };
        if !self.flags.contains(kind) {
            return Ok(false);
        }
        let Some(restriction) = &self.restriction else { return Ok(true) };
        let message = view.message(logon.mailbox.id, version.id)?;
        let properties = view.small_properties(version.content)?;
        let values = |tag| of_message(&logon.mailbox, &message, &properties, tag);
        Ok(matches(restriction, &values, self.code_page))
    }

    /// Notes a message that is to be sent. The order by delivery is that of the last change for messages that were not
    /// delivered ([MS-OXCFXICS] 2.2.3.2.1.1.1).
    fn changed(
        &self,
        view: &View<'_>,
        logon: &Logon,
        found: &mut Found,
        version: &MessageVersion,
    ) -> store::Result<()> {
        let progress = &mut found.progress;
        let (count, size) = if version.associated {
            (&mut progress.fai_message_count, &mut progress.fai_message_total_size)
        } else {
            (&mut progress.normal_message_count, &mut progress.normal_message_total_size)
        };
        *count = count.saturating_add(1);
        *size = size.saturating_add(version.size);
        let mut time = FileTime(0);
        if self.extra.contains(SynchronizationExtraFlags::ORDER_BY_DELIVERY_TIME) {
            let properties = view.small_properties(version.content)?;
            time = match properties.get(PropTag::PidTagMessageDeliveryTime) {
                Some(PropertyValue::Time(delivered)) => *delivered,
                _ => view.message(logon.mailbox.id, version.id)?.modified,
            };
        }
        found.changed.push((time, version.id));
        Ok(())
    }

    /// The state of the client once it has everything.
    ///
    /// It has all versions up to the last one of a message that is synchronized: a message has a new change number
    /// when it is changed, or moved into the folder.
    fn after(&self, state: &SyncState, found: &Found, inside: &Globset, outside: &Globset) -> SyncState {
        let mut after = state.clone();
        let kept = if self.flags.contains(SynchronizationFlags::NO_DELETIONS) {
            state.given.clone()
        } else if self.flags.contains(SynchronizationFlags::IGNORE_NO_LONGER_IN_SCOPE) {
            state.given.intersection(outside)
        } else {
            Globset::default()
        };
        after.given = inside.clone();
        after.given.union(&kept);
        let up_to = |set: &mut Globset, last: Option<ObjectId>| {
            if let Some(last) = last
                && let Some(range) = GlobRange::new(ObjectId::own(1).counter(), last.counter())
            {
                set.insert(range);
            }
        };
        up_to(&mut after.seen, found.last);
        up_to(&mut after.seen_fai, found.last_associated);
        if self.flags.contains(SynchronizationFlags::READ_STATE) {
            up_to(&mut after.read, found.last_read);
        }
        after
    }

    /// The messages that the client has to delete ([MS-OXCFXICS] 2.2.4.3.3).
    fn deletions(
        &self,
        state: &SyncState,
        inside: &Globset,
        outside: &Globset,
    ) -> store::Result<Option<Step>> {
        if self.flags.contains(SynchronizationFlags::NO_DELETIONS) {
            return Ok(None);
        }
        let deleted = state.given.difference(inside).difference(outside);
        let mut sets = vec![(PropTag::MetaTagIdsetDeleted, deleted)];
        if !self.flags.contains(SynchronizationFlags::IGNORE_NO_LONGER_IN_SCOPE) {
            sets.push((PropTag::MetaTagIdsetNoLongerInScope, state.given.intersection(outside)));
        }
        sets_element(Marker::IncrSyncDel, &sets)
    }

    /// The change of a message ([MS-OXCFXICS] 2.2.4.3.11, 2.2.4.3.14).
    pub(crate) fn change(&self, logon: &Logon, message: &Message) -> store::Result<Vec<Step>> {
        let value = |tag| of_message(&logon.mailbox, message, &store::Properties::new(), tag);
        let key = |tag: PropTag| match value(tag) {
            Some(PropertyValue::Binary(bytes)) => binary(tag, bytes),
            _ => binary(tag, Vec::new()),
        };
        let mut header = Vec::new();
        if self.flags.contains(SynchronizationFlags::PROGRESS) {
            header.extend(marker(Marker::IncrSyncProgressPerMsg));
            header.extend(unnamed(PropType::PtypInteger32, Value::Integer32(size(message)))?);
            header.extend(unnamed(PropType::PtypBoolean, Value::Boolean(u16::from(message.associated)))?);
        }
        header.extend(marker(Marker::IncrSyncChg));
        header.extend(key(PropTag::PidTagSourceKey)?);
        header.extend(plain(PropTag::PidTagLastModificationTime, Value::Time(message.modified))?);
        header.extend(key(PropTag::PidTagChangeKey)?);
        header.extend(key(PropTag::PidTagPredecessorChangeList)?);
        header.extend(plain(PropTag::PidTagAssociated, Value::Boolean(u16::from(message.associated)))?);
        if self.extra.contains(SynchronizationExtraFlags::EID) {
            let id = message.id.message_id().0.cast_signed();
            header.extend(plain(PropTag::PidTagMid, Value::Integer64(id))?);
        }
        if self.extra.contains(SynchronizationExtraFlags::MESSAGE_SIZE) {
            header.extend(plain(PropTag::PidTagMessageSize, Value::Integer32(size(message)))?);
        }
        if self.extra.contains(SynchronizationExtraFlags::CN) {
            let change = message.change.change_number().0.cast_signed();
            header.extend(plain(PropTag::PidTagChangeNumber, Value::Integer64(change))?);
        }
        header.extend(marker(Marker::IncrSyncMessage));
        let is_filtered =
            !message.associated || !self.flags.contains(SynchronizationFlags::IGNORE_SPECIFIED_ON_FAI);
        let content = ContentStep {
            content: message.content,
            read: message.read,
            associated: message.associated,
            created: Some(message.created),
            is_filtered,
        };
        let (id, change, associated) = (message.id, message.change, message.associated);
        Ok(vec![Step::Bytes(header), Step::Content(content), Step::Sent { id, change, associated }])
    }
}

fn size(message: &Message) -> i32 {
    i32::try_from(message.size).unwrap_or(i32::MAX)
}

/// The messages whose read state has changed, and that are not sent otherwise ([MS-OXCFXICS] 2.2.4.3.22).
fn read_states(found: &Found) -> store::Result<Option<Step>> {
    let sets = [
        (PropTag::MetaTagIdsetRead, found.now_read.clone()),
        (PropTag::MetaTagIdsetUnread, found.now_unread.clone()),
    ];
    sets_element(Marker::IncrSyncRead, &sets)
}

/// The sets that are not empty, after `begin`; `None` if all are empty.
pub(crate) fn sets_element(begin: Marker, sets: &[(PropTag, Globset)]) -> store::Result<Option<Step>> {
    let mut bytes = marker(begin);
    let mut is_empty = true;
    for (tag, set) in sets.iter().filter(|(_, set)| !set.is_empty()) {
        let ids = ReplIdSet { replicas: vec![(ReplId(OWN_REPLICA), set.clone())] };
        bytes.extend(binary(*tag, ids.to_bytes()?)?);
        is_empty = false;
    }
    Ok((!is_empty).then_some(Step::Bytes(bytes)))
}
