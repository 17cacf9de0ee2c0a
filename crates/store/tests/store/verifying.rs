//! What the verification of a store finds.

use rusqlite::Connection;

use crate::common::Fixture;

/// The rules that are violated after `damage`.
fn found(damage: &str) -> Vec<&'static str> {
    let fixture = Fixture::new();
    fixture.verify();
    let connection = Connection::open(fixture.store.path()).unwrap();
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    connection.execute_batch(damage).unwrap();
    fixture.store.verify().unwrap().into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn damage_is_found_by_the_rule_that_it_violates() {
    for (damage, rule) in [
        ("UPDATE folder SET parent = id WHERE parent IS NOT NULL", "a folder is not below itself"),
        (
            "INSERT INTO content VALUES (7, x'', x'')",
            "each content belongs to exactly one message or attachment",
        ),
        (
            "INSERT INTO receive_folder SELECT id, 'IPM', 77, 0 FROM mailbox",
            "a receive folder is a folder of its mailbox that is not deleted",
        ),
        (
            "UPDATE folder SET change = (SELECT max(change) FROM folder)",
            "two objects of a mailbox have no change number in common",
        ),
    ] {
        let found = found(damage);
        assert!(found.contains(&rule), "{damage}: {found:?}");
    }
}
