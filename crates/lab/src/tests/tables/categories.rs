//! Tests of categories of rows.

use mapi::ErrorCode;
use mapi::data::{FolderId, Order};
use mapi::property::{PropTag, PropertyValue, TaggedValue};
use mapi::rop::table::{
    CollapseStateFields, RopCollapseRowRequest, RopExpandRowRequest, RopGetCollapseStateRequest,
};
use mapi::rop::{Bytes16, RequestBody, ResponseBody};

use super::{SUBJECT, next, seek, sort};
use crate::tests::mail::{Mail, text};
use crate::tests::messages::{KEEP, alice, mark_read, message, save};

const SENDER: PropTag = PropTag::PidTagSenderName;
const SIZE: PropTag = PropTag::PidTagImportance;
const COLUMNS: [PropTag; 7] = [
    SUBJECT,
    SENDER,
    PropTag::PidTagRowType,
    PropTag::PidTagDepth,
    PropTag::PidTagContentCount,
    PropTag::PidTagContentUnreadCount,
    PropTag::PidTagInstID,
];
const UP: Order = Order::Ascending;

/// alice, with messages of ann and bob in her inbox, and its table at 3.
fn mailbox() -> Mail {
    let mut mail = alice();
    for (subject, sender, importance) in [("1", "bob", 0), ("2", "ann", 1), ("3", "Bob", 2), ("4", "bob", 1)]
    {
        let id = message(&mut mail, subject, 2);
        let importance = TaggedValue::new(SIZE, PropertyValue::Integer32(importance));
        mail.set(2, vec![text(SENDER, sender), importance]).unwrap();
        save(&mut mail, 2, KEEP).unwrap();
        if subject == "4" {
            mark_read(&mut mail, &[id]);
        }
    }
    mail.open_table(1, true, 3).unwrap();
    mail.set_columns(3, &COLUMNS).unwrap();
    mail
}

/// All rows: headers with their sender, type, depth and counts, other rows with their subject and depth.
fn rows(mail: &mut Mail) -> Vec<String> {
    let request = mapi::rop::table::RopSeekRowRequest {
        origin: mapi::rop::table::Bookmark::BOOKMARK_BEGINNING,
        row_count: 0,
        want_row_moved_count: mapi::rop::Bool::FALSE,
    };
    mail.rop(3, RequestBody::RopSeekRow(request)).unwrap();
    mail.rows(3, &COLUMNS, 100).unwrap().iter().map(described).collect()
}

fn described(row: &mapi::property::PropertyRow) -> String {
    let number = |column| row.value(column).and_then(PropertyValue::to_integer);
    let text = |column| row.value(column).and_then(PropertyValue::to_text).unwrap_or_default();
    match (number(2).unwrap(), number(3).unwrap()) {
        (1, depth) => format!("{}@{depth}", text(0)),
        (kind, depth) => {
            let (count, unread) = (number(4).unwrap(), number(5).unwrap());
            format!("{}[{}]@{depth} {count}/{unread}", if kind == 3 { "-" } else { "+" }, text(1))
        }
    }
}

/// The id of the header in the row `place`.
fn header(mail: &mut Mail, place: usize) -> FolderId {
    rows(mail);
    let request = mapi::rop::table::RopSeekRowRequest {
        origin: mapi::rop::table::Bookmark::BOOKMARK_BEGINNING,
        row_count: i32::try_from(place).unwrap(),
        want_row_moved_count: mapi::rop::Bool::FALSE,
    };
    mail.rop(3, RequestBody::RopSeekRow(request)).unwrap();
    let row = mail.rows(3, &COLUMNS, 1).unwrap();
    FolderId(row[0].value(6).unwrap().to_integer().unwrap().cast_unsigned())
}

/// Expands a category: the number of its rows, and the first `most` of them.
fn expand(mail: &mut Mail, category_id: FolderId, most: u16) -> Result<(u32, Vec<String>), ErrorCode> {
    let request = RopExpandRowRequest { max_row_count: most, category_id };
    match mail.rop_with(3, RequestBody::RopExpandRow(request), Some(&COLUMNS))? {
        ResponseBody::RopExpandRow(expanded) => {
            Ok((expanded.expanded_row_count, expanded.rows.iter().map(described).collect()))
        }
        other => panic!("{other:?}"),
    }
}

fn collapse(mail: &mut Mail, category_id: FolderId) -> Result<u32, ErrorCode> {
    match mail.rop(3, RequestBody::RopCollapseRow(RopCollapseRowRequest { category_id }))? {
        ResponseBody::RopCollapseRow(collapsed) => Ok(collapsed.collapsed_row_count),
        other => panic!("{other:?}"),
    }
}

#[test]
fn rows_are_grouped_below_headers() {
    let mut mail = mailbox();
    sort(&mut mail, &[(SENDER, UP), (SUBJECT, Order::Descending)], 1, 1).unwrap();
    assert_eq!(rows(&mut mail), ["-[ann]@0 1/1", "2@1", "-[bob]@0 3/2", "4@1", "3@1", "1@1"]);
    sort(&mut mail, &[(SENDER, UP), (SUBJECT, UP)], 1, 0).unwrap();
    assert_eq!(rows(&mut mail), ["+[ann]@0 1/1", "+[bob]@0 3/2"]);
    sort(&mut mail, &[(SENDER, UP), (SIZE, UP)], 2, 1).unwrap();
    assert_eq!(
        rows(&mut mail),
        ["-[ann]@0 1/1", "+[ann]@1 1/1", "-[bob]@0 3/2", "+[bob]@1 1/1", "+[bob]@1 1/0", "+[Bob]@1 1/1"]
    );
    // By the largest importance in each category: bob's is 2, ann's is 1.
    let by_maximum = |order| [(SENDER, order), (SIZE, Order::MaximumCategory), (SUBJECT, UP)];
    sort(&mut mail, &by_maximum(Order::Descending), 1, 1).unwrap();
    assert_eq!(rows(&mut mail), ["-[bob]@0 3/2", "1@1", "3@1", "4@1", "-[ann]@0 1/1", "2@1"]);
    // By the newest message in each category, which is not the order of the names.
    let by_newest =
        [(SENDER, Order::Descending), (PropTag::PidTagMid, Order::MaximumCategory), (SUBJECT, UP)];
    message(&mut mail, "5", 2);
    mail.set(2, vec![text(SENDER, "ann")]).unwrap();
    save(&mut mail, 2, KEEP).unwrap();
    sort(&mut mail, &by_newest, 1, 0).unwrap();
    assert_eq!(rows(&mut mail), ["+[ann]@0 2/2", "+[bob]@0 3/2"], "ann's last message is the newest");
    for (orders, levels, expanded) in [
        (&[(SENDER, UP)][..], 2, 0),
        (&[(SENDER, UP)], 1, 2),
        (&[(SENDER, Order::MaximumCategory)], 1, 1),
        (&[(SENDER, Order(9))], 0, 0),
    ] {
        let refused = sort(&mut mail, orders, levels, expanded);
        assert_eq!(refused, Err(ErrorCode::MAPI_E_INVALID_PARAMETER), "{orders:?}");
    }
    assert_eq!(sort(&mut mail, &[(SENDER, UP); 5], 5, 5), Err(ErrorCode::MAPI_E_TOO_COMPLEX));
    assert_eq!(rows(&mut mail), ["1@0", "2@0", "3@0", "4@0", "5@0"], "the table is not sorted then");
}

#[test]
fn categories_are_expanded_and_collapsed() {
    let mut mail = mailbox();
    sort(&mut mail, &[(SENDER, UP), (SUBJECT, UP)], 1, 0).unwrap();
    let bob = header(&mut mail, 1);
    assert_eq!(collapse(&mut mail, bob), Err(ErrorCode(0x4f7)), "it is collapsed");
    assert_eq!(expand(&mut mail, bob, 2), Ok((3, vec!["1@1".to_owned(), "3@1".to_owned()])));
    assert_eq!(rows(&mut mail), ["+[ann]@0 1/1", "-[bob]@0 3/2", "1@1", "3@1", "4@1"]);
    assert_eq!(expand(&mut mail, bob, 0), Err(ErrorCode(0x4f8)), "it is expanded");
    message(&mut mail, "5", 2);
    mail.set(2, vec![text(SENDER, "BOB")]).unwrap();
    save(&mut mail, 2, KEEP).unwrap();
    assert_eq!(rows(&mut mail)[1..], ["-[bob]@0 4/3", "1@1", "3@1", "4@1", "5@1"]);
    assert_eq!(collapse(&mut mail, bob), Ok(4));
    assert_eq!(rows(&mut mail), ["+[ann]@0 1/1", "+[bob]@0 4/3"]);
    assert_eq!(collapse(&mut mail, FolderId(0x7_0000)), Err(ErrorCode::MAPI_E_NOT_FOUND));
    assert_eq!(expand(&mut mail, FolderId(0x7_0000), 0), Err(ErrorCode::MAPI_E_NOT_FOUND));
    mail.open_table(1, false, 3).unwrap();
    assert_eq!(collapse(&mut mail, bob), Err(ErrorCode::MAPI_E_NO_SUPPORT), "a table of folders");
}

#[test]
fn the_state_of_categories_is_read_and_set() {
    let mut mail = mailbox();
    sort(&mut mail, &[(SENDER, UP), (SUBJECT, UP)], 1, 0).unwrap();
    let bob = header(&mut mail, 1);
    expand(&mut mail, bob, 0).unwrap();
    let third = header(&mut mail, 3);
    let request = RopGetCollapseStateRequest { row_id: third, row_instance_number: 0 };
    let state = match mail.rop(3, RequestBody::RopGetCollapseState(request)).unwrap() {
        ResponseBody::RopGetCollapseState(state) => state.collapse_state,
        other => panic!("{other:?}"),
    };
    mail.open_table(1, true, 3).unwrap();
    let set = |mail: &mut Mail, collapse_state: Bytes16| {
        let request = CollapseStateFields { collapse_state };
        match mail.rop(3, RequestBody::RopSetCollapseState(request))? {
            ResponseBody::RopSetCollapseState(set) => Ok(set.bookmark),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(set(&mut mail, state.clone()), Err(ErrorCode::EC_NULL_OBJECT), "there are no columns");
    mail.set_columns(3, &COLUMNS).unwrap();
    sort(&mut mail, &[(SENDER, UP), (SUBJECT, UP)], 1, 0).unwrap();
    let bookmark = set(&mut mail, state).unwrap();
    assert_eq!(rows(&mut mail), ["+[ann]@0 1/1", "-[bob]@0 3/2", "1@1", "3@1", "4@1"]);
    assert_eq!(seek(&mut mail, &bookmark, 0), Ok((false, 0)));
    mail.set_columns(3, &[SUBJECT]).unwrap();
    assert_eq!(next(&mut mail), Some("3".to_owned()));
    let malformed = Bytes16(vec![1, 2, 3].into());
    assert_eq!(set(&mut mail, malformed), Err(ErrorCode::MAPI_E_INVALID_PARAMETER));
    let many = Bytes16(vec![0; 12 + 8 * 4000].into());
    assert_eq!(set(&mut mail, many).err(), None, "a category that does not exist, many times");
}

#[test]
fn a_client_reads_a_table_with_categories_again_when_it_changes() {
    let mut mail = mailbox();
    sort(&mut mail, &[(SENDER, UP), (SUBJECT, UP)], 1, 1).unwrap();
    rows(&mut mail);
    mail.poll();
    message(&mut mail, "6", 2);
    let events = mail.poll();
    let text = format!("{events:?}");
    assert!(text.contains("TableChanged") && !text.contains("TableRowAdded"), "{text}");
}
