//! Replay of a recording to a server with other identifiers and times, or with other content.

use crate::harness::{ALICE, Change, Ended};
use crate::recordings::{playback, replayed_to, unpacked, utf16};

/// The difference at a recorded request without a session, which the proxy refuses with another code.
const MALFORMED: &str = "[32] emsmdb.Execute: different\n  X-ResponseCode: expected 2, received 10\n";

fn bytes(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

/// The identifiers and times of another server with the same mailbox.
fn renewed() -> Vec<Change> {
    let ids = [
        // The GUID of the replica in long-term ids, source and change keys, and sets of ids.
        ("02000000A5187B6FBCDCEA1ED03C5657", "02A00000A5187B6FBCDCEA1ED03C56A7"),
        // Counters of long-term ids after it, and those that RopGetLocalReplicaIds reserves.
        ("BCDCEA1ED03C56A7 0000001D", "BCDCEA1ED03C56A7 0000002D"),
        ("BCDCEA1ED03C56A7 0000001E", "BCDCEA1ED03C56A7 0000002E"),
        ("BCDCEA1ED03C56A7 00000021", "BCDCEA1ED03C56A7 00000031"),
        // The same counters in ids of folders and messages.
        ("0100 0000001D", "0100 0000002D"),
        ("0100 0000001E", "0100 0000002E"),
        // ReplGuid and MailboxGuid of RopLogon, and the address book's ServerGuid.
        ("AA4A2BAD893A544086E31F9F816ED9E8", "BB4A2BAD893A544086E31F9F816ED9E8"),
        ("ACA810F166E1334A8B6899F1C3B9D4E1", "BDA810F166E1334A8B6899F1C3B9D4E1"),
        ("C3C948BC27BDBB4E9794D95EDDC29576", "D4C948BC27BDBB4E9794D95EDDC29576"),
        // Ids of conversations, which PidTagConversationIndex holds, too.
        ("FD15066AE5D4584BA43E58A9C51053DC", "EE15066AE5D4584BA43E58A9C51053DC"),
        ("B32DAD6ACF33FA4CA468E7CF39EB34D8", "C42DAD6ACF33FA4CA468E7CF39EB34D8"),
    ];
    // The time of the logon, and the day of every other time of the recording, some of which the client set.
    let times = [("1300 1706150BEA07", "2200 11021E0BEA07"), ("0C7ADD01", "0D8BDD01")];
    let ids = ids.map(|(old, new)| Change::Regenerated(bytes(old), bytes(new)));
    ids.into_iter().chain(times.map(|(old, new)| Change::Altered(bytes(old), bytes(new)))).collect()
}

/// The output of `mapiproxy replay` with a changed server.
fn replayed(changes: &[Change]) -> Ended {
    let pack = "mapihttp";
    let (_folder, recording) = unpacked(pack);
    let (upstream, proxy, certificates) = playback(pack, changes);
    let replayed = replayed_to(&proxy, &certificates, &recording, ALICE);
    // The server accepted the identifiers in all requests.
    assert_eq!(upstream.refusals(), Vec::<serde_json::Value>::new());
    replayed
}

#[test]
fn identifiers_and_times_of_another_server_are_no_difference() {
    let Ended { out, err, .. } = replayed(&renewed());
    assert!(out.contains(MALFORMED), "{out}\n{err}");
    assert!(out.ends_with("399 responses equal, 1 different, 40 calls not sent"), "{out}\n{err}");
}

#[test]
fn other_content_is_a_difference_in_spite_of_other_identifiers() {
    // The second container of the address book's hierarchy, which is requested twice.
    let container = [
        &bytes("06000000 0201FF0F FF 47000000 00000000 DCA740C8C042101AB4B908002B2FE182 01000000 00010000")[..],
        b"/guid=40000011-0000-0000-0000-000000000000\0",
        &bytes("03000036 0B000000 03000530 00000000 0300FDFF 11000040 1F000130 FF"),
        &utf16("lab.test\0"),
        &bytes("0B00FBFF 00"),
    ];
    let mut changes = renewed();
    changes.extend([
        Change::Altered(utf16("Bulk 010 even"), utf16("Bulk 010 evil")),
        // The response of RopGetOwningServers.
        Change::Altered(bytes("4200 02010480"), bytes("4200 05000780")),
        Change::Altered(container.concat(), Vec::new()),
        Change::Altered(bytes("FF 02000000 06000000 0201FF0F"), bytes("FF 01000000 06000000 0201FF0F")),
    ]);
    let Ended { out, err, .. } = replayed(&changes);
    assert!(out.ends_with("395 responses equal, 5 different, 40 calls not sent"), "{out}\n{err}");
    let differences: Vec<&str> = out.lines().filter(|line| line.starts_with("  ")).collect();
    let count = |part: &str| differences.iter().filter(|line| line.contains(part)).count();
    assert_eq!(differences.len(), 5, "{out}");
    assert_eq!(count("PidTagSubject_W: expected \"Bulk 010 even\", received \"Bulk 010 evil\""), 1, "{out}");
    assert_eq!(count("RopGetOwningServers: return value: "), 1, "{out}");
    assert_eq!(count("response.Rows: "), 2, "{out}");
}
