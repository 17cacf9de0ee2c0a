//! The upstream's association groups that an association group of clients uses.

use engine::Interface;
use tokio::time::Instant;

use crate::rpc::kept_association::KeptAssociation;

/// The upstream's association groups in which the connections of a client's association group have associations. There
/// is one for each interface, or several if connections bind before the first one is known.
#[derive(Debug, Default)]
pub(super) struct UpstreamGroups {
    groups: Vec<UpstreamGroup>,
    last_number: u64,
    /// When the upstream last closed a group that had context handles.
    closed: Option<Instant>,
}

/// An association group at the upstream. It ends, with its context handles, when its last association ends.
#[derive(Debug)]
struct UpstreamGroup {
    /// Distinguishes it from all others, also from one with the same id after a restart of the upstream.
    number: u64,
    interface: Interface,
    /// The upstream's id.
    id: u32,
    /// How many associations of client connections are bound in it.
    bound: usize,
    /// On how many of these the upstream has responded to a call. Only that shows that the upstream has accepted the
    /// bind as a whole: a handshake that ends with AUTH3 has no response.
    responded: usize,
    /// The association of a client connection that ended, as long as there is no other on which the upstream has
    /// responded.
    kept: Option<KeptAssociation>,
}

/// The membership of an association in a group of the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UpstreamMember {
    /// The number of the group.
    pub(super) number: u64,
    /// Whether the upstream has responded to a call.
    pub(super) has_responded: bool,
}

impl UpstreamGroups {
    /// The id of the group that a new association for `interface` is to join.
    pub(super) fn to_join(&self, interface: Interface) -> Option<u32> {
        let interface = shared_by(interface);
        self.groups.iter().rfind(|group| group.interface == interface).map(|group| group.id)
    }

    /// An association for `interface`, whose bind named the group `named`, was bound in the group `id`. Zero names no
    /// group, so that the upstream has created one.
    pub(super) fn bind(&mut self, interface: Interface, named: u32, id: u32) -> UpstreamMember {
        let interface = shared_by(interface);
        let is_joined =
            |group: &&mut UpstreamGroup| named == id && group.id == id && group.interface == interface;
        if let Some(group) = self.groups.iter_mut().rfind(is_joined) {
            group.bound += 1;
            return UpstreamMember { number: group.number, has_responded: false };
        }
        self.last_number += 1;
        let number = self.last_number;
        self.groups.push(UpstreamGroup { number, interface, id, bound: 1, responded: 0, kept: None });
        UpstreamMember { number, has_responded: false }
    }

    /// The upstream has responded to the first call on the association of `member`.
    pub(super) fn responded(&mut self, member: &mut UpstreamMember) {
        member.has_responded = true;
        if let Some(group) = self.find(member.number) {
            group.responded += 1;
            group.kept = None;
        }
    }

    /// The association of `member` has ended. `keep` keeps its connection open if that is possible; it is called if the
    /// upstream would close context handles otherwise. `has_handles` is whether there are any in the group. Returns
    /// whether the group is lost.
    #[must_use]
    pub(super) fn leave(
        &mut self,
        member: UpstreamMember,
        has_handles: bool,
        keep: impl FnOnce() -> Option<KeptAssociation>,
    ) -> bool {
        let Some(group) = self.find(member.number) else { return false };
        group.bound = group.bound.saturating_sub(1);
        if member.has_responded {
            group.responded = group.responded.saturating_sub(1);
            if group.responded == 0 && has_handles {
                group.kept = keep();
            }
        }
        if group.bound > 0 || group.kept.is_some() {
            return false;
        }
        self.close(member.number, has_handles);
        true
    }

    /// The upstream has closed the association that is kept for the group `number`. Returns whether the group is lost.
    #[must_use]
    pub(super) fn kept_closed(&mut self, number: u64, has_handles: bool) -> bool {
        let Some(group) = self.find(number) else { return false };
        group.kept = None;
        if group.bound > 0 {
            return false;
        }
        self.close(number, has_handles);
        true
    }

    /// The upstream has rejected a bind for `interface` that named the group `id`, which is lost: an upstream that was
    /// restarted does not have it any more, and its associations are closed or will be. Returns its number.
    #[must_use]
    pub(super) fn reject(&mut self, interface: Interface, id: u32) -> Option<u64> {
        let interface = shared_by(interface);
        let is_rejected = |group: &&UpstreamGroup| group.interface == interface && group.id == id;
        let number = self.groups.iter().rfind(is_rejected)?.number;
        self.remove(number);
        Some(number)
    }

    /// Whether the upstream has the group `number`, as far as is known.
    pub(super) fn contains(&self, number: u64) -> bool {
        self.groups.iter().any(|group| group.number == number)
    }

    /// Closes the associations that are kept.
    pub(super) fn release(&mut self) {
        self.groups.retain_mut(|group| {
            group.kept = None;
            group.bound > 0
        });
    }

    /// When the upstream last closed a group that had context handles.
    pub(super) const fn closed(&self) -> Option<Instant> {
        self.closed
    }

    fn close(&mut self, number: u64, has_handles: bool) {
        self.remove(number);
        if has_handles {
            self.closed = Some(Instant::now());
        }
    }

    fn remove(&mut self, number: u64) {
        self.groups.retain(|group| group.number != number);
    }

    fn find(&mut self, number: u64) -> Option<&mut UpstreamGroup> {
        self.groups.iter_mut().find(|group| group.number == number)
    }
}

/// The handles of AsyncEMSMDB are created by calls to EMSMDB, so both interfaces need the same group at the upstream.
const fn shared_by(interface: Interface) -> Interface {
    match interface {
        Interface::AsyncEmsmdb => Interface::Emsmdb,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An association for EMSMDB that is bound, and has had a response.
    fn joined(groups: &mut UpstreamGroups, named: u32, id: u32) -> UpstreamMember {
        let mut member = groups.bind(Interface::Emsmdb, named, id);
        groups.responded(&mut member);
        member
    }

    fn leave(groups: &mut UpstreamGroups, member: UpstreamMember) -> bool {
        groups.leave(member, true, || None)
    }

    #[test]
    fn a_group_is_lost_with_its_last_association_whose_stream_cannot_be_kept() {
        let mut groups = UpstreamGroups::default();
        let (first, second) = (joined(&mut groups, 0, 7), joined(&mut groups, 7, 7));
        assert_eq!(first.number, second.number);
        assert!(!leave(&mut groups, first) && groups.contains(second.number));
        assert_eq!((groups.to_join(Interface::Emsmdb), groups.closed()), (Some(7), None));
        assert!(leave(&mut groups, second) && !groups.contains(second.number));
        assert_eq!(groups.to_join(Interface::Emsmdb), None);
        assert!(groups.closed().is_some());
    }

    #[test]
    fn both_interfaces_of_the_mailbox_store_share_a_group() {
        let mut groups = UpstreamGroups::default();
        let member = groups.bind(Interface::Emsmdb, 0, 7);
        assert_eq!(groups.to_join(Interface::AsyncEmsmdb), Some(7));
        assert_eq!(groups.to_join(Interface::Nspi), None);
        assert_eq!(groups.reject(Interface::Emsmdb, 6), None);
        assert_eq!(groups.reject(Interface::AsyncEmsmdb, 7), Some(member.number));
        assert_eq!(groups.to_join(Interface::Emsmdb), None);
        assert!(!leave(&mut groups, member), "it was lost before");
    }

    #[test]
    fn a_new_group_with_the_id_of_an_earlier_one_is_another_group() {
        let mut groups = UpstreamGroups::default();
        let earlier = joined(&mut groups, 0, 7);
        let later = joined(&mut groups, 0, 7);
        assert_ne!(earlier.number, later.number);
        assert!(leave(&mut groups, earlier) && groups.contains(later.number));
    }

    #[test]
    fn connections_that_bind_at_once_have_groups_of_their_own() {
        let mut groups = UpstreamGroups::default();
        let (first, second) = (joined(&mut groups, 0, 7), joined(&mut groups, 0, 8));
        assert_eq!(groups.to_join(Interface::Emsmdb), Some(8));
        assert!(leave(&mut groups, second) && groups.contains(first.number));
        assert_eq!(groups.to_join(Interface::Emsmdb), Some(7));
    }

    #[tokio::test]
    async fn a_kept_association_keeps_its_group_until_another_has_had_a_response() {
        let mut groups = UpstreamGroups::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (_peer, _) = listener.accept().await.unwrap();
        let first = joined(&mut groups, 0, 7);
        // One without a response does not prove that the upstream has the group.
        let mut second = groups.bind(Interface::Emsmdb, 7, 7);
        assert!(!groups.leave(first, true, || Some(KeptAssociation::new((stream, None), || ()))));
        assert!(groups.groups[0].kept.is_some());
        groups.responded(&mut second);
        assert!(groups.groups[0].kept.is_none());
        assert!(!groups.kept_closed(second.number, true), "another association is in the group");
        assert!(leave(&mut groups, second));
    }
}
