//! Tests of folder, message and external ids.

use proptest::collection::vec;
use proptest::prelude::*;
use wire::{Decode, Encode, Guid};

use super::arbitrary::guid;
use super::*;

/// The folder of the example in [MS-OXCFOLD] 4.5.1.
#[test]
fn ids_are_displayed_as_in_the_specification() {
    let id = FolderId::from_bytes(&hex("01 00 00 00 0E 8E DF 36")).unwrap();
    assert_eq!(id.to_string(), "0001-00000e8edf36");
    assert_eq!((id.repl_id(), id.global_counter().value()), (1, 0x0E8E_DF36));
    assert_eq!(FolderId::new(1, GlobalCounter::new(0x0E8E_DF36).unwrap()), id);
    assert_eq!(format!("{id:?}"), "FolderId(0001-00000e8edf36)");
    assert_eq!(MessageId(0x2301_0000_0000_0001).to_string(), "0001-000000000123");
    assert!(MessageId(0).is_zero() && !id.is_zero());
}

#[test]
fn counters_have_48_bits() {
    assert_eq!(GlobalCounter::new(GlobalCounter::MAX), Some(GlobalCounter([0xFF; 6])));
    assert_eq!(GlobalCounter::new(GlobalCounter::MAX + 1), None);
    assert!(GlobalCounter([0, 0, 0, 0, 1, 0]) > GlobalCounter([0, 0, 0, 0, 0, 0xFF]));
}

#[test]
fn an_xid_of_six_bytes_is_a_gid() {
    let gid = Gid { replica: Guid::from_le([7; 16]), global_counter: GlobalCounter([0, 0, 0, 0, 1, 2]) };
    let xid = Xid::from(gid);
    assert_eq!(xid.gid(), Some(gid));
    assert_eq!(xid.to_bytes().unwrap(), gid.to_bytes().unwrap());
    let other = Xid { local_id: vec![1, 2, 3, 4], ..xid };
    assert_eq!(other.gid(), None);
}

#[test]
fn inconsistent_sizes_of_xids_are_refused() {
    assert!(PredecessorChangeList::from_bytes(&[15; 16]).is_err());
    assert!(PredecessorChangeList::from_bytes(&[17; 17]).is_err());
    assert_eq!(PredecessorChangeList::from_bytes(&[]).unwrap().0, []);
    let long = SizedXid(Xid { namespace: Guid::NIL, local_id: vec![0; 240] });
    assert!(long.to_bytes().is_err());
}

proptest! {
    #[test]
    fn ids_round_trip(id: u64, repl_id: u16, counter: [u8; 6], bytes: [u8; 24]) {
        prop_assert_eq!(MessageId::from_bytes(&id.to_le_bytes()).unwrap(), MessageId(id));
        prop_assert_eq!(MessageId(id).to_bytes().unwrap(), id.to_le_bytes());
        prop_assert_eq!(MessageId::new(MessageId(id).repl_id(), MessageId(id).global_counter()), MessageId(id));
        let made = ChangeNumber::new(repl_id, GlobalCounter(counter));
        prop_assert_eq!((made.repl_id(), made.global_counter()), (repl_id, GlobalCounter(counter)));
        prop_assert_eq!(LongTermId::from_bytes(&bytes).unwrap().to_bytes().unwrap(), bytes);
    }

    #[test]
    fn change_lists_round_trip(items in vec((guid(), vec(any::<u8>(), 0..12)), 0..5)) {
        let items = items.into_iter().map(|(namespace, local_id)| SizedXid(Xid { namespace, local_id }));
        let list = PredecessorChangeList(items.collect());
        let bytes = list.to_bytes().unwrap();
        prop_assert_eq!(PredecessorChangeList::from_bytes(&bytes).unwrap(), list);
    }
}
