//! Tests of the generated directory.

use mapi::ErrorCode;
use mapi::property::{
    BitmapOperator, FuzzyLevel, PropTag, PropType, PropertyValue, RelationalOperator, Restriction,
    TaggedValue,
};

use super::properties::View;
use super::*;
use crate::codepage::CodePage;

fn directory() -> Directory {
    Directory::new(&LabConfig::two_servers())
}

fn gal(directory: &Directory) -> &[MId] {
    &directory.container(GAL).unwrap().rows
}

fn names(directory: &Directory, mids: &[MId]) -> Vec<String> {
    mids.iter().map(|mid| directory.entry(*mid).unwrap().display_name.clone()).collect()
}

fn western() -> View {
    View { code_page: CodePage::new(1252).unwrap(), ephemeral: false }
}

fn found(directory: &Directory, restriction: &Restriction) -> Vec<MId> {
    let code_page = CodePage::new(1252).unwrap();
    directory.select(gal(directory), 10_000, |entry| directory.holds(entry, restriction, code_page)).unwrap()
}

fn content(tag: PropTag, fuzzy_level: FuzzyLevel, text: &str) -> Restriction {
    Restriction::Content { fuzzy_level, tag, value: TaggedValue::new(tag, text.into()) }
}

fn property(relop: RelationalOperator, tag: PropTag, value: PropertyValue) -> Restriction {
    Restriction::Property { relop, tag, value: TaggedValue::new(tag, value) }
}

#[test]
fn equal_seeds_make_equal_directories() {
    let (a, b) = (directory(), directory());
    assert_eq!(names(&a, gal(&a)), names(&b, gal(&b)));
    let other = Directory::new(&LabConfig { seed: 2, ..LabConfig::two_servers() });
    assert_ne!(names(&a, gal(&a)), names(&other, gal(&other)));
    assert_eq!(gal(&a).len(), 308, "300 people and 8 lists; servers are in no list");
}

#[test]
fn distinguished_names_and_numbers_are_unique() {
    let directory = directory();
    assert_eq!(directory.by_dn.len(), directory.entries.len());
    assert_eq!(directory.by_mid.len(), directory.entries.len());
    assert!(directory.entries.iter().all(|entry| entry.mid.0 >= 0x10), "lower ones are reserved");
}

#[test]
fn the_accounts_have_mailboxes_spread_over_the_servers() {
    let (directory, config) = (directory(), LabConfig::two_servers());
    let database = |alias: &str| {
        let entry = directory.by_dn(&config.user_dn(alias).to_uppercase()).unwrap();
        entry.person().unwrap().database.clone()
    };
    assert_eq!(database("alice"), config.database_dn("EXCH1"));
    assert_eq!(database("bob"), config.database_dn("EXCH2"));
}

#[test]
fn rows_are_in_the_order_of_names_without_accents() {
    let directory = directory();
    let names = names(&directory, gal(&directory));
    let folded: Vec<String> = names.iter().map(|name| fold(name)).collect();
    assert!(folded.is_sorted());
    assert!(names.iter().any(|name| name.starts_with('Ł')));
    let last = names.iter().rposition(|name| name.starts_with('Ł')).unwrap();
    assert!(names[last + 1..].iter().any(|name| name.starts_with('M')), "Ł is sorted with L, not after Z");
}

#[test]
fn names_resolve_to_one_to_several_or_to_none() {
    let (directory, config) = (directory(), LabConfig::two_servers());
    let rows = gal(&directory);
    let alice = directory.by_dn(&config.user_dn("alice")).unwrap();
    for name in
        ["alice", "ALICE", "=alice", "alice@lab.test", "smtp:alice@lab.test", &alice.dn, &alice.display_name]
    {
        assert_eq!(directory.resolve(rows, name), alice.mid, "{name}");
    }
    assert_eq!(directory.resolve(rows, "All"), MId::MID_AMBIGUOUS);
    assert_eq!(directory.resolve(rows, "Ada Lindqvist"), MId::MID_AMBIGUOUS, "two have this very name");
    assert_eq!(
        directory.resolve(rows, "ada.lindqvist2"),
        directory.by_dn(&config.user_dn("ada.lindqvist2")).unwrap().mid
    );
    for name in ["zzzz", "", "  ", "=ali", "=", "EXCH1"] {
        assert_eq!(directory.resolve(rows, name), MId::MID_UNRESOLVED, "{name}");
    }
}

#[test]
fn names_are_resolved_ignoring_accents() {
    let directory = directory();
    let muller = directory.resolve(gal(&directory), "ada muller");
    assert_eq!(directory.entry(muller).unwrap().display_name, "Ada Müller");
    assert_eq!(directory.resolve(gal(&directory), "Müller, Ada"), muller);
}

#[test]
fn restrictions_select_matching_objects() {
    let directory = directory();
    let prefix = content(PropTag::PidTagDisplayName, FuzzyLevel::FL_PREFIX, "ada ");
    let ada = found(&directory, &prefix);
    assert!(!ada.is_empty() && names(&directory, &ada).iter().all(|name| name.starts_with("Ada ")));
    let part = content(PropTag::PidTagDisplayName, FuzzyLevel::FL_SUBSTRING, "da");
    assert!(found(&directory, &part).len() > ada.len());
    let whole = content(PropTag::PidTagAccount, FuzzyLevel(0), "alice");
    assert_eq!(found(&directory, &whole).len(), 1);
    assert!(found(&directory, &content(PropTag::PidTagAccount, FuzzyLevel(0), "alic")).is_empty());

    let lists =
        property(RelationalOperator::RELOP_EQ, PropTag::PidTagObjectType, PropertyValue::Integer32(8));
    assert_eq!(found(&directory, &lists).len(), 8);
    let people = Restriction::Not(Box::new(lists.clone()));
    assert_eq!(found(&directory, &people).len(), 300);
    assert_eq!(found(&directory, &Restriction::Or(vec![lists.clone(), people.clone()])).len(), 308);
    assert!(found(&directory, &Restriction::And(vec![lists, people])).is_empty());
    assert_eq!(found(&directory, &Restriction::And(Vec::new())).len(), 308);
    assert!(found(&directory, &Restriction::Or(Vec::new())).is_empty());

    let titled = found(&directory, &Restriction::Exist { tag: PropTag::PidTagTitle });
    assert_eq!(titled.len(), 300);
    let bits = |operator| Restriction::BitMask { operator, tag: PropTag::PidTagObjectType, mask: 8 };
    assert_eq!(found(&directory, &bits(BitmapOperator::BMR_NEZ)).len(), 8);
    assert_eq!(found(&directory, &bits(BitmapOperator::BMR_EQZ)).len(), 300);
    let address = content(PropTag::PidTagAddressBookProxyAddresses, FuzzyLevel::FL_PREFIX, "smtp:bob@");
    assert_eq!(found(&directory, &address).len(), 1, "any of several values");
}

#[test]
fn restrictions_compare_in_the_code_page() {
    let directory = directory();
    let value = PropertyValue::String8(b"ada m\xfcller".to_vec());
    let tag = PropTag::PidTagDisplayName;
    let equal = found(&directory, &property(RelationalOperator::RELOP_EQ, tag, value.clone()));
    assert_eq!(names(&directory, &equal), ["Ada Müller"]);
    let less = found(&directory, &property(RelationalOperator::RELOP_LT, tag, value.clone()));
    let rest = found(&directory, &property(RelationalOperator::RELOP_GE, tag, value));
    assert_eq!(less.len() + rest.len(), 308);
    assert_eq!([less, rest].concat(), gal(&directory));
    let anr = property(RelationalOperator::RELOP_EQ, PropTag::PidTagAnr, "alice".into());
    assert_eq!(found(&directory, &anr).len(), 1);
    let same = |tag2| Restriction::CompareProperties {
        relop: RelationalOperator::RELOP_EQ,
        tag1: PropTag::PidTagDisplayName,
        tag2,
    };
    assert_eq!(found(&directory, &same(PropTag::PidTagTransmittableDisplayName)).len(), 308);
    assert!(found(&directory, &same(PropTag::PidTagAccount)).is_empty());
}

#[test]
fn restrictions_that_can_t_be_evaluated_are_refused() {
    let exist = || Restriction::Exist { tag: PropTag::PidTagTitle };
    let deep = (0..40).fold(exist(), |inner, _| Restriction::Not(Box::new(inner)));
    assert_eq!(Directory::check(&deep, 0), Err(ErrorCode::MAPI_E_TOO_COMPLEX));
    let sub = Restriction::SubObject { object: PropTag::PidTagTitle, restriction: Box::new(exist()) };
    assert_eq!(Directory::check(&Restriction::And(vec![sub]), 0), Err(ErrorCode::MAPI_E_TOO_COMPLEX));
    let member = property(RelationalOperator::RELOP_RE, PropTag::PidTagTitle, "x".into());
    assert_eq!(Directory::check(&member, 0), Err(ErrorCode::MAPI_E_TOO_COMPLEX));
    assert_eq!(Directory::check(&exist(), 0), Ok(()));
}

#[test]
fn values_have_the_requested_type() {
    let (directory, config) = (directory(), LabConfig::two_servers());
    let mid = directory.resolve(gal(&directory), "ada muller");
    let entry = directory.entry(mid).unwrap();
    let get = |tag: PropTag| directory.property(entry, tag, western());
    let name = PropTag::PidTagDisplayName;
    assert_eq!(get(name).value, "Ada Müller".into());
    let eight = name.with_type(PropType::PtypString8);
    assert_eq!(get(eight).value, PropertyValue::String8(b"Ada M\xfcller".to_vec()));
    assert_eq!(get(name.with_type(PropType::PtypUnspecified)).tag, eight);
    let wrong = get(name.with_type(PropType::PtypInteger32));
    assert_eq!(wrong.tag, name.with_type(PropType::PtypErrorCode));
    assert_eq!(wrong.value, PropertyValue::Error(ErrorCode::MAPI_E_NOT_FOUND));
    let database = PropTag::PidTagAddressBookHomeMessageDatabase.with_type(PropType::PtypString);
    let home = get(database).value.to_text().unwrap();
    assert!(home.starts_with(&config.server_dn("EXCH")), "{home}");
    let network = get(PropTag::PidTagAddressBookNetworkAddress.with_type(PropType::PtypMultipleString8));
    let PropertyValue::MultipleString8(bindings) = network.value else { panic!("{network:?}") };
    assert!(bindings.iter().any(|binding| binding.starts_with(b"ncacn_ip_tcp:exch")));
}

#[test]
fn entry_ids_are_permanent_or_ephemeral() {
    use mapi::nspi::EntryId;
    use wire::Decode as _;
    let (directory, config) = (directory(), LabConfig::two_servers());
    let entry = directory.by_dn(&config.user_dn("alice")).unwrap();
    for ephemeral in [false, true] {
        let view = View { ephemeral, ..western() };
        let PropertyValue::Binary(id) = directory.property(entry, PropTag::PidTagEntryId, view).value else {
            panic!("no bytes")
        };
        match EntryId::from_bytes(&id).unwrap() {
            EntryId::Ephemeral(id) => {
                assert!(ephemeral && id.mid == entry.mid && id.provider_uid == directory.guid);
            }
            EntryId::Permanent(id) => assert!(!ephemeral && id.distinguished_name == entry.dn.as_bytes()),
        }
    }
}

#[test]
fn each_known_property_is_set_for_some_user() {
    let directory = directory();
    for tag in properties::KNOWN {
        let has = |entry: &Entry| directory.value(entry, *tag, western()).is_some();
        assert!(directory.entries.iter().any(has), "{tag}");
    }
}
