//! Tests of tables: bookmarks, rows for single values, restrictions on nested objects, and categories.

mod categories;

use mapi::ErrorCode;
use mapi::data::{Order, SortOrder, SortOrderSet};
use mapi::property::{
    FuzzyLevel, PropTag, PropType, PropertyValue, RelationalOperator, Restriction, TaggedValue,
};
use mapi::rop::shared::Sized16;
use mapi::rop::table::{
    AsynchronousFlags, Bookmark, BookmarkFields, FindRowFlags, RopFindRowRequest, RopRestrictRequest,
    RopSeekRowBookmarkRequest, RopSeekRowFractionalRequest, RopSortTableRequest,
};
use mapi::rop::{Bool, Bytes16, Empty, RequestBody, ResponseBody};
use wire::Utf16;

use super::mail::{Mail, text};
use super::messages::{KEEP, alice, delete, message, modify, recipient, save};

pub(super) const SUBJECT: PropTag = PropTag::PidTagSubject;
/// A multivalued property, and the column with one of its values in each row.
const KEYWORDS: PropTag = PropTag::new(0x6001, PropType::PtypMultipleString);
const KEYWORD: PropTag = PropTag::new(0x6001, PropType(0x301f));

/// Sorts the table at 3. The first `levels` columns are categories, of which `expanded` levels are expanded.
pub(super) fn sort(
    mail: &mut Mail,
    orders: &[(PropTag, Order)],
    levels: u16,
    expanded: u16,
) -> Result<(), ErrorCode> {
    let sort_orders = SortOrderSet {
        categorized_count: levels,
        expanded_count: expanded,
        sort_orders: orders.iter().map(|(tag, order)| SortOrder { tag: *tag, order: *order }).collect(),
    };
    let request = RopSortTableRequest { sort_table_flags: AsynchronousFlags::NONE, sort_orders };
    mail.rop(3, RequestBody::RopSortTable(request)).map(drop)
}

fn restrict(mail: &mut Mail, restriction: Restriction) -> Result<(), ErrorCode> {
    let restriction_data = Sized16::new(restriction);
    let request = RopRestrictRequest { restrict_flags: AsynchronousFlags::NONE, restriction_data };
    mail.rop(3, RequestBody::RopRestrict(request)).map(drop)
}

fn bookmark(mail: &mut Mail) -> Result<Bytes16, ErrorCode> {
    match mail.rop(3, RequestBody::RopCreateBookmark(Empty))? {
        ResponseBody::RopCreateBookmark(created) => Ok(created.bookmark),
        other => panic!("{other:?}"),
    }
}

/// Seeks from a bookmark. Returns whether its row is gone, and by how many rows the cursor moved.
pub(super) fn seek(mail: &mut Mail, bookmark: &Bytes16, row_count: i32) -> Result<(bool, i32), ErrorCode> {
    let bookmark = bookmark.clone();
    let request = RopSeekRowBookmarkRequest { bookmark, row_count, want_row_moved_count: Bool::TRUE };
    match mail.rop(3, RequestBody::RopSeekRowBookmark(request))? {
        ResponseBody::RopSeekRowBookmark(sought) => {
            Ok((sought.row_no_longer_visible.is_true(), sought.rows_sought))
        }
        other => panic!("{other:?}"),
    }
}

/// The subject of the row at the cursor, which moves to the next row.
pub(super) fn next(mail: &mut Mail) -> Option<String> {
    mail.rows(3, &[SUBJECT], 1).unwrap().first().map(|row| row.value(0).unwrap().to_text().unwrap())
}

fn keywords(words: &[&str]) -> TaggedValue {
    TaggedValue::new(
        KEYWORDS,
        PropertyValue::MultipleUnicode(words.iter().map(|word| Utf16::new(word)).collect()),
    )
}

#[test]
fn a_bookmark_stays_on_its_row() {
    let mut mail = alice();
    let ids: Vec<_> = ["a", "c", "d"].iter().map(|subject| message(&mut mail, subject, 2)).collect();
    mail.open_table(1, true, 3).unwrap();
    sort(&mut mail, &[(SUBJECT, Order::Ascending)], 0, 0).unwrap();
    let first = bookmark(&mut mail).unwrap();
    assert_eq!(seek(&mut mail, &first, 0), Err(ErrorCode::EC_NULL_OBJECT), "there are no columns");
    let free = |mail: &mut Mail, bookmark: &Bytes16| {
        let request = BookmarkFields { bookmark: bookmark.clone() };
        mail.rop(3, RequestBody::RopFreeBookmark(request)).map(drop)
    };
    assert_eq!(free(&mut mail, &first), Err(ErrorCode::EC_NULL_OBJECT));
    mail.set_columns(3, &[SUBJECT]).unwrap();
    assert_eq!(next(&mut mail), Some("a".to_owned()));
    let second = bookmark(&mut mail).unwrap();
    message(&mut mail, "b", 2);
    assert_eq!(seek(&mut mail, &second, 0), Ok((false, 0)));
    assert_eq!(next(&mut mail), Some("c".to_owned()));
    assert_eq!(seek(&mut mail, &second, -9), Ok((false, -2)));
    assert!(!delete(&mut mail, &ids[1..2]));
    assert_eq!(seek(&mut mail, &second, 0), Ok((true, 0)));
    assert_eq!(next(&mut mail), Some("d".to_owned()), "the next row");
    let find = |mail: &mut Mail, bookmark: &Bytes16| {
        let request = RopFindRowRequest {
            find_row_flags: FindRowFlags::NONE,
            restriction_data: Sized16::new(Restriction::Exist { tag: SUBJECT }),
            origin: Bookmark::BOOKMARK_CUSTOM,
            bookmark: bookmark.clone(),
        };
        match mail.rop_with(3, RequestBody::RopFindRow(request), Some(&[SUBJECT]))? {
            ResponseBody::RopFindRow(found) => Ok(found.row_no_longer_visible.is_true()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(find(&mut mail, &second), Ok(true));
    assert_eq!(next(&mut mail), Some("d".to_owned()));
    assert_eq!(find(&mut mail, &first), Ok(false));
    assert_eq!(free(&mut mail, &second), Ok(()));
    assert_eq!(free(&mut mail, &second), Err(ErrorCode::MAPI_E_INVALID_BOOKMARK));
    assert_eq!(find(&mut mail, &second), Err(ErrorCode::MAPI_E_INVALID_BOOKMARK));
    sort(&mut mail, &[(SUBJECT, Order::Descending)], 0, 0).unwrap();
    assert_eq!(seek(&mut mail, &first, 0), Err(ErrorCode::MAPI_E_INVALID_BOOKMARK), "the table was sorted");
    assert_eq!((0..200).position(|_| bookmark(&mut mail).is_err()), Some(100));
}

#[test]
fn the_cursor_moves_to_a_fraction_of_the_table() {
    let mut mail = alice();
    for subject in ["a", "b", "c", "d"] {
        message(&mut mail, subject, 2);
    }
    mail.open_table(1, true, 3).unwrap();
    let mut position = |numerator, denominator| {
        let request = RopSeekRowFractionalRequest { numerator, denominator };
        mail.rop(3, RequestBody::RopSeekRowFractional(request)).unwrap();
        match mail.rop(3, RequestBody::RopQueryPosition(Empty)).unwrap() {
            ResponseBody::RopQueryPosition(position) => position.numerator,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(position(1, 2), 2);
    assert_eq!(position(0, 0), 0);
    assert_eq!(position(7, 0), 4);
    assert_eq!(position(5, 5), 4);
    assert_eq!(position(u32::MAX - 1, u32::MAX), 3);
}

#[test]
fn all_columns_are_those_that_the_server_computes_and_those_of_the_rows() {
    let mut mail = alice();
    message(&mut mail, "a", 2);
    mail.set(2, vec![keywords(&["x"])]).unwrap();
    save(&mut mail, 2, KEEP).unwrap();
    let mut columns = |contents| {
        mail.open_table(1, contents, 3).unwrap();
        match mail.rop(3, RequestBody::RopQueryColumnsAll(Empty)).unwrap() {
            ResponseBody::RopQueryColumnsAll(all) => all.property_tags.0,
            other => panic!("{other:?}"),
        }
    };
    let all = columns(true);
    assert!([PropTag::PidTagMid, KEYWORDS].iter().all(|tag| all.contains(tag)), "{all:?}");
    assert!(columns(false).contains(&PropTag::PidTagDisplayName));
}

#[test]
fn a_row_for_each_value_has_this_value() {
    let mut mail = alice();
    for (subject, words) in [("a", &["red", "blue"][..]), ("b", &["green"]), ("c", &[])] {
        message(&mut mail, subject, 2);
        if !words.is_empty() {
            mail.set(2, vec![keywords(words)]).unwrap();
            save(&mut mail, 2, KEEP).unwrap();
        }
    }
    mail.open_table(1, true, 3).unwrap();
    let columns = [SUBJECT, KEYWORD, PropTag::PidTagInstanceNum, PropTag::PidTagInstID];
    mail.set_columns(3, &columns).unwrap();
    sort(&mut mail, &[(KEYWORD, Order::Ascending)], 0, 0).unwrap();
    let rows = mail.rows(3, &columns, 10).unwrap();
    let cells = rows.iter().map(|row| {
        let word = row.value(1).and_then(PropertyValue::to_text).unwrap_or_default();
        (row.value(0).unwrap().to_text().unwrap(), word, row.value(2).unwrap().to_integer().unwrap())
    });
    let expected = [("c", "", 0), ("a", "blue", 1), ("b", "green", 0), ("a", "red", 0)]
        .map(|(subject, word, number)| (subject.to_owned(), word.to_owned(), number));
    assert_eq!(cells.collect::<Vec<_>>(), expected);
    assert_eq!(rows[1].value(3), rows[3].value(3), "both are of one message");
    mail.set_columns(3, &[SUBJECT]).unwrap();
    sort(&mut mail, &[], 0, 0).unwrap();
    assert_eq!(mail.texts(3, SUBJECT), ["a", "b", "c"]);
    let other = PropTag::new(0x6002, PropType(0x301f));
    assert_eq!(mail.set_columns(3, &[KEYWORD, other]), Err(ErrorCode::MAPI_E_INVALID_PARAMETER));
    let single = PropTag::new(0x6002, PropType(0x201f));
    assert_eq!(mail.set_columns(3, &[single]), Err(ErrorCode::MAPI_E_INVALID_PARAMETER));
    mail.open_table(1, false, 4).unwrap();
    assert_eq!(
        mail.set_columns(4, &[KEYWORD]),
        Err(ErrorCode::MAPI_E_NO_SUPPORT),
        "folders have one row each"
    );
}

#[test]
fn messages_are_found_by_their_recipients_and_single_values() {
    let mut mail = alice();
    for (subject, address) in [("a", "bob@lab.test"), ("b", "carol@lab.test"), ("c", "bob@lab.test")] {
        message(&mut mail, subject, 2);
        mail.set(2, vec![keywords(&["red", address])]).unwrap();
        modify(&mut mail, 2, vec![recipient(0, "x@lab.test"), recipient(1, address)]).unwrap();
        save(&mut mail, 2, KEEP).unwrap();
    }
    mail.open_table(1, true, 3).unwrap();
    let named = |tag: PropTag, name: &str| Restriction::Content {
        fuzzy_level: FuzzyLevel::FL_PREFIX | FuzzyLevel::FL_IGNORECASE,
        tag,
        value: text(PropTag::PidTagEmailAddress, name),
    };
    let of = |object, restriction| Restriction::SubObject { object, restriction: Box::new(restriction) };
    let bob = || named(PropTag::PidTagEmailAddress, "BOB@");
    restrict(&mut mail, of(PropTag::PidTagMessageRecipients, bob())).unwrap();
    assert_eq!(mail.texts(3, SUBJECT), ["a", "c"]);
    restrict(&mut mail, of(PropTag::PidTagMessageAttachments, bob())).unwrap();
    assert_eq!(mail.texts(3, SUBJECT), Vec::<String>::new());
    restrict(&mut mail, named(KEYWORDS, "carol")).unwrap();
    assert_eq!(mail.texts(3, SUBJECT), ["b"]);
    let equal = Restriction::Property {
        relop: RelationalOperator::RELOP_EQ,
        tag: KEYWORDS,
        value: text(PropTag::new(0x6001, PropType::PtypString), "bob@lab.test"),
    };
    restrict(&mut mail, equal).unwrap();
    assert_eq!(mail.texts(3, SUBJECT), ["a", "c"]);
    let count = |count, restriction| Restriction::Count { count, restriction: Box::new(restriction) };
    restrict(&mut mail, count(2, Restriction::Exist { tag: SUBJECT })).unwrap();
    assert_eq!(mail.texts(3, SUBJECT), ["a", "b"]);
    restrict(&mut mail, count(0, Restriction::Exist { tag: SUBJECT })).unwrap();
    assert_eq!(mail.texts(3, SUBJECT), Vec::<String>::new());
    let too_complex = Err(ErrorCode::MAPI_E_TOO_COMPLEX);
    let inner = count(2, Restriction::Exist { tag: SUBJECT });
    assert_eq!(restrict(&mut mail, Restriction::Not(Box::new(inner))), too_complex);
    assert_eq!(restrict(&mut mail, of(SUBJECT, bob())), too_complex, "which is no object");
}

#[test]
fn values_of_different_types_have_an_order() {
    let mut mail = alice();
    let tag = PropTag::new(0x6003, PropType::PtypInteger32);
    for number in 0..60 {
        message(&mut mail, "x", 2);
        let value = match number % 3 {
            0 => PropertyValue::Integer32(-number),
            1 => PropertyValue::from(format!("{number}").as_str()),
            _ => PropertyValue::Boolean(number % 2 == 0),
        };
        mail.set(2, vec![TaggedValue::new(tag.with_type(value.prop_type()), value)]).unwrap();
        save(&mut mail, 2, KEEP).unwrap();
    }
    mail.open_table(1, true, 3).unwrap();
    sort(&mut mail, &[(tag, Order::Ascending)], 0, 0).unwrap();
    let columns = [tag.with_type(PropType::PtypUnspecified), tag];
    assert_eq!(mail.set_columns(3, &columns[1..]), Ok(()));
    let rows = mail.rows(3, &columns[1..], 60).unwrap();
    let numbers: Vec<_> = rows.iter().filter_map(|row| row.value(0)?.to_integer()).collect();
    assert_eq!(numbers, (0..20).map(|number| -57 + number * 3).collect::<Vec<i64>>());
}
