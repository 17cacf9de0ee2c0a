use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::HandleTable;
use engine::Interface;
use identity::{Identity, OsRandom, Random as _};
use rpc::server::AssociationGroups;

/// An association group: the connections of one client process, which share context handles (C706 9.3.4).
#[derive(Debug, Default)]
pub struct Group {
    handles: Arc<HandleTable>,
    upstream: Mutex<HashMap<(Interface, Identity), u32>>,
}

impl Group {
    /// The handles that its connections share.
    pub const fn handles(&self) -> &Arc<HandleTable> {
        &self.handles
    }

    /// The number of the upstream's group in which calls of `identity` to `interface` run, where there is one.
    pub fn upstream(&self, interface: Interface, identity: &Identity) -> Option<u32> {
        self.lock().get(&(shared_by(interface), identity.clone())).copied()
    }

    /// Remembers the number of the upstream's group.
    pub fn set_upstream(&self, interface: Interface, identity: &Identity, id: u32) {
        self.lock().insert((shared_by(interface), identity.clone()), id);
    }

    /// Forgets the number `id` of the upstream's group, since the upstream knows it no more.
    pub fn forget_upstream(&self, interface: Interface, identity: &Identity, id: u32) {
        let mut upstream = self.lock();
        let key = (shared_by(interface), identity.clone());
        if upstream.get(&key) == Some(&id) {
            upstream.remove(&key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Interface, Identity), u32>> {
        self.upstream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// AsyncEMSMDB's handles come from EMSMDB: both need one group at the upstream.
const fn shared_by(interface: Interface) -> Interface {
    match interface {
        Interface::AsyncEmsmdb => Interface::Emsmdb,
        other => other,
    }
}

/// The association groups of a listener.
#[derive(Debug, Default)]
pub struct Groups(Mutex<Members>);

#[derive(Debug, Default)]
struct Members {
    groups: HashMap<u32, (Arc<Group>, usize)>,
}

impl Groups {
    /// The group `id`, while it has members.
    pub fn get(&self, id: u32) -> Option<Arc<Group>> {
        self.lock().groups.get(&id).map(|(group, _)| Arc::clone(group))
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AssociationGroups for Groups {
    fn create(&self) -> Option<u32> {
        let mut members = self.lock();
        // Numbers are drawn, so that nobody guesses another's and keeps its handles from being run down.
        let id = loop {
            let mut bytes = [0; 4];
            OsRandom.fill(&mut bytes).ok()?;
            let id = u32::from_le_bytes(bytes);
            if id != 0 && !members.groups.contains_key(&id) {
                break id;
            }
        };
        members.groups.insert(id, (Arc::default(), 1));
        Some(id)
    }

    fn join(&self, id: u32) -> bool {
        self.lock().groups.get_mut(&id).map(|(_, count)| *count += 1).is_some()
    }

    fn leave(&self, id: u32) {
        let mut members = self.lock();
        let Some((_, count)) = members.groups.get_mut(&id) else { return };
        *count -= 1;
        if *count == 0 {
            members.groups.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_lives_as_long_as_its_last_connection() {
        let groups = Groups::default();
        let id = groups.create().unwrap();
        assert!(groups.join(id));
        assert_ne!(groups.create(), Some(id));
        assert!(!groups.join(77));
        groups.leave(id);
        assert!(groups.get(id).is_some());
        groups.leave(id);
        assert!(groups.get(id).is_none());
        assert!(!groups.join(id));
    }

    #[test]
    fn the_upstreams_group_is_each_identitys_own_until_the_upstream_knows_it_no_more() {
        let caller = |authority: &str| {
            identity::SecurityContext::anonymous(
                &identity::Registry::new(),
                &identity::Authority::new(authority),
            )
        };
        let (alice, bob) = (caller("a"), caller("b"));
        let group = Group::default();
        group.set_upstream(Interface::Emsmdb, alice.identity(), 7);
        assert_eq!(group.upstream(Interface::AsyncEmsmdb, alice.identity()), Some(7));
        assert_eq!(group.upstream(Interface::Nspi, alice.identity()), None);
        assert_eq!(group.upstream(Interface::Emsmdb, bob.identity()), None);
        group.forget_upstream(Interface::Emsmdb, alice.identity(), 6);
        assert_eq!(group.upstream(Interface::Emsmdb, alice.identity()), Some(7));
        group.forget_upstream(Interface::AsyncEmsmdb, alice.identity(), 7);
        assert_eq!(group.upstream(Interface::Emsmdb, alice.identity()), None);
    }
}
