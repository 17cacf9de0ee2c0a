//! Association groups, each of which belongs to one identity.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::{Engine, HandleBudget, HandleTable, Interface, SessionLimits};
use identity::{Identity, OsRandom, Random as _, UserKey};
use rpc::server::AssociationGroups;
use tokio::sync::watch;

use crate::rpc::kept_association::KeptAssociation;
use crate::rpc::upstream_groups::{UpstreamGroups, UpstreamMember};
use crate::upstream_permit::PermittedStream;

/// The association group of one identity: the connections of one client process on which the identity authenticated.
/// They share context handles (C706 9.3.4).
///
/// A client names its group in the bind, unencrypted and before it authenticates. Knowing the id alone therefore
/// gives access to nothing: two identities that name the same id have separate groups with separate lifetimes.
/// Clients that do not authenticate have one identity, so that each of their connections has a group of its own.
#[derive(Debug, Default)]
pub struct Group {
    handles: Arc<HandleTable>,
    upstream: Mutex<UpstreamGroups>,
    /// Whether its last connection has closed.
    is_over: watch::Sender<bool>,
}

impl Group {
    fn new(budget: Arc<HandleBudget>) -> Self {
        let (upstream, is_over) = (Mutex::default(), watch::Sender::new(false));
        Self { handles: Arc::new(HandleTable::new(budget)), upstream, is_over }
    }

    /// The handles that its connections share.
    pub const fn handles(&self) -> &Arc<HandleTable> {
        &self.handles
    }

    /// The last connection of the group has closed. The server ends all its handles, once all associations are closed.
    pub(super) fn close(&self) {
        self.is_over.send_replace(true);
    }

    /// Whether the last connection of the group has closed.
    pub(super) fn is_over(&self) -> bool {
        *self.is_over.borrow()
    }

    /// Returns when the last connection of the group has closed.
    pub(super) async fn over(&self) {
        let _ = self.is_over.subscribe().wait_for(|is_over| *is_over).await;
    }

    /// The upstream's association groups that its connections use.
    pub(super) fn upstream(&self) -> MutexGuard<'_, UpstreamGroups> {
        self.upstream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The association of `member` has ended: its client connection closed, and `stream` is the connection to the
    /// upstream; or it failed (`None`). If it was the last one on which the upstream responded, and the group has
    /// handles, the stream is kept open until another one responds, since the upstream would close the handles with it.
    /// If it is not kept and the upstream's group has no other association, the sessions of that group end.
    pub(super) fn leave_upstream(
        self: &Arc<Self>,
        member: UpstreamMember,
        stream: Option<PermittedStream>,
        engine: &Engine,
    ) {
        let number = member.number;
        let has_handles = self.handles.has_upstream_group(number);
        let keep = || {
            let (group, engine) = (Arc::downgrade(self), engine.clone());
            let on_closed = move || {
                if let Some(group) = group.upgrade() {
                    group.kept_closed(number, &engine);
                }
            };
            stream.map(|stream| KeptAssociation::new(stream, on_closed))
        };
        let is_lost = self.upstream().leave(member, has_handles, keep);
        if is_lost {
            engine.end_lost(&self.handles, number);
        }
    }

    /// The upstream has closed the connection that was kept for its group `number`.
    fn kept_closed(&self, number: u64, engine: &Engine) {
        let has_handles = self.handles.has_upstream_group(number);
        let is_lost = self.upstream().kept_closed(number, has_handles);
        if is_lost {
            engine.end_lost(&self.handles, number);
        }
    }

    /// The upstream has rejected a bind for `interface` that named its group `id`. Ends the sessions of that group.
    pub(super) fn reject_upstream(&self, interface: Interface, id: u32, engine: &Engine) {
        let lost = self.upstream().reject(interface, id);
        if let Some(number) = lost {
            engine.end_lost(&self.handles, number);
        }
    }

    /// Closes the associations that are kept, if no handle is open any more.
    pub(super) fn release_upstream(&self) {
        if self.handles.is_empty() {
            self.upstream().release();
        }
    }
}

/// The association groups of a listener.
#[derive(Debug)]
pub struct Groups {
    handles_per_user: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The ids in use, with their connections, authenticated or not.
    ids: HashMap<u32, usize>,
    /// The groups of identities by id, with the connections in each.
    groups: HashMap<GroupKey, (Arc<Group>, usize)>,
    /// How many connections entered a group anonymously.
    anonymous: u64,
    /// The budget of context handles of each user, with the groups of its identities.
    budgets: HashMap<UserKey, (Arc<HandleBudget>, usize)>,
}

/// What distinguishes a group from others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct GroupKey {
    /// Its id, which clients name (`assoc_group_id`).
    id: u32,
    identity: Identity,
    /// The number of the only connection of an anonymous group; zero for other groups.
    anonymous: u64,
}

/// The membership of a connection in a group of one identity.
#[derive(Debug)]
pub(crate) struct Member {
    groups: Arc<Groups>,
    key: GroupKey,
    group: Arc<Group>,
}

impl Groups {
    /// No groups. One user may have `handles_per_user` context handles in all of its groups together.
    pub fn new(handles_per_user: usize) -> Self {
        Self { handles_per_user, state: Mutex::default() }
    }

    /// Adds a connection with the group id `id`, on which `identity` authenticated, to that identity's group. A
    /// connection of an anonymous client gets a group of its own.
    pub(crate) fn enter(self: &Arc<Self>, id: u32, identity: &Identity) -> Member {
        let mut state = self.lock();
        let State { groups, budgets, anonymous, .. } = &mut *state;
        if identity.is_anonymous() {
            *anonymous += 1;
        }
        let anonymous = if identity.is_anonymous() { *anonymous } else { 0 };
        let key = GroupKey { id, identity: identity.clone(), anonymous };
        let (group, count) = groups.entry(key.clone()).or_insert_with(|| {
            let budget = || Arc::new(HandleBudget::new(self.handles_per_user));
            let (budget, groups) = budgets.entry(identity.user().clone()).or_insert_with(|| (budget(), 0));
            *groups += 1;
            (Arc::new(Group::new(Arc::clone(budget))), 0)
        });
        *count += 1;
        Member { groups: Arc::clone(self), key, group: Arc::clone(group) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Groups {
    fn default() -> Self {
        Self::new(SessionLimits::default().per_user)
    }
}

impl Member {
    /// The identity whose group it is.
    pub(crate) const fn identity(&self) -> &Identity {
        &self.key.identity
    }

    /// The group.
    pub(crate) const fn group(&self) -> &Arc<Group> {
        &self.group
    }

    /// Leaves the group. Returns the group if this was its last connection: then the group ends.
    pub(crate) fn leave(self) -> Option<Arc<Group>> {
        let mut state = self.groups.lock();
        let State { groups, budgets, .. } = &mut *state;
        let (_, count) = groups.get_mut(&self.key)?;
        *count -= 1;
        if *count > 0 {
            return None;
        }
        groups.remove(&self.key);
        if let Some((_, groups)) = budgets.get_mut(self.key.identity.user()) {
            *groups -= 1;
            if *groups == 0 {
                budgets.remove(self.key.identity.user());
            }
        }
        Some(Arc::clone(&self.group))
    }
}

/// Allocates the ids of groups. An unauthenticated client has only the id of a group.
impl AssociationGroups for Groups {
    fn create(&self) -> Option<u32> {
        let mut state = self.lock();
        // Ids are random, so that clients cannot guess those of others.
        let id = loop {
            let mut bytes = [0; 4];
            OsRandom.fill(&mut bytes).ok()?;
            let id = u32::from_le_bytes(bytes);
            if id != 0 && !state.ids.contains_key(&id) {
                break id;
            }
        };
        state.ids.insert(id, 1);
        Some(id)
    }

    fn join(&self, id: u32) -> bool {
        self.lock().ids.get_mut(&id).map(|count| *count += 1).is_some()
    }

    fn leave(&self, id: u32) {
        let mut state = self.lock();
        let Some(count) = state.ids.get_mut(&id) else { return };
        *count -= 1;
        if *count == 0 {
            state.ids.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(name: &str) -> Identity {
        let [context, _] = testkit::http_auth::contexts_at_both_levels(name);
        context.identity().clone()
    }

    #[test]
    fn connections_of_anonymous_clients_share_no_group() {
        let authority = identity::Authority::new("accounts");
        let contexts = identity::ContextCounters::new();
        let anonymous = identity::SecurityContext::anonymous(&contexts, &authority).identity().clone();
        let groups = Arc::new(Groups::default());
        let id = groups.create().unwrap();
        let [first, second] = [(); 2].map(|()| groups.enter(id, &anonymous));
        assert!(!Arc::ptr_eq(first.group(), second.group()));
        // They still are one user, with one budget of handles.
        assert_eq!(groups.lock().budgets.values().map(|(_, groups)| *groups).collect::<Vec<_>>(), [2]);
        for member in [first, second] {
            let group = Arc::clone(member.group());
            assert!(member.leave().is_some_and(|over| Arc::ptr_eq(&over, &group)));
        }
        let state = groups.lock();
        assert!(state.groups.is_empty() && state.budgets.is_empty());
    }

    #[test]
    fn an_id_is_in_use_as_long_as_a_connection_has_it() {
        let groups = Groups::default();
        let id = groups.create().unwrap();
        assert!(groups.join(id));
        assert_ne!(groups.create(), Some(id));
        assert!(!groups.join(77));
        groups.leave(id);
        assert!(groups.join(id));
        groups.leave(id);
        groups.leave(id);
        assert!(!groups.join(id));
    }

    #[test]
    fn one_user_at_two_levels_has_two_groups_and_one_budget_of_handles() {
        let groups = Arc::new(Groups::default());
        let members = testkit::http_auth::contexts_at_both_levels("alice")
            .map(|context| groups.enter(1, context.identity()));
        assert!(!Arc::ptr_eq(members[0].group(), members[1].group()));
        assert_eq!(groups.lock().budgets.values().map(|(_, groups)| *groups).collect::<Vec<_>>(), [2]);
        for member in members {
            assert!(member.leave().is_some());
        }
        assert!(groups.lock().budgets.is_empty());
    }

    #[test]
    fn a_group_ends_with_the_last_connection_of_its_identity() {
        let groups = Arc::new(Groups::default());
        let (alice, bob) = (caller("a"), caller("b"));
        let id = groups.create().unwrap();
        let [first, second] = [(); 2].map(|()| groups.enter(id, &alice));
        let bobs = groups.enter(id, &bob);
        assert!(Arc::ptr_eq(first.group(), second.group()));
        assert!(!Arc::ptr_eq(first.group(), bobs.group()), "the id alone shares nothing");
        let group = Arc::clone(first.group());
        assert!(first.leave().is_none());
        assert!(second.leave().is_some_and(|over| Arc::ptr_eq(&over, &group)), "another identity has its id");
        assert!(!Arc::ptr_eq(groups.enter(id, &alice).group(), &group));
        assert!(bobs.leave().is_some());
        let state = groups.lock();
        assert_eq!((state.groups.len(), state.budgets.len()), (1, 1));
    }
}
