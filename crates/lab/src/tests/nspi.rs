//! Tests of the lab's address book.

use mapi::nspi::*;
use mapi::property::{
    PropTag, PropType, PropertyValue as P, RelationalOperator, Restriction as R, TaggedValue,
};
use mapi::{ErrorCode, Interface};
use rpc::FaultStatus;
use rpc::ndr::{CharString, ContextHandle, Counted, Ptr, SizedArray, SizedPtr, WcharString};
use wire::Endian;

use super::{Caller, made_up};
use crate::LabConfig;

fn try_ask(caller: &Caller, request: &Request) -> Result<Response, FaultStatus> {
    let stub = caller.raw(Interface::Nspi, request.opnum(), &request.encode().unwrap())?;
    Ok(Response::decode(request.opnum(), &stub, Endian::Little).unwrap().0)
}

macro_rules! ask {
    ($caller:expr, $operation:ident, $request:expr) => {
        match try_ask($caller, &Request::$operation($request)) {
            Ok(Response::$operation(response)) => response,
            other => panic!("{other:?}"),
        }
    };
}

fn stat() -> Stat {
    Stat { code_page: 1252, template_locale: 1033, sort_locale: 1033, ..Stat::default() }
}

fn bound(caller: &Caller) -> ContextHandle {
    let request = BindRequest { flags: 0, stat: stat(), server_guid: Ptr::new(FlatUid::default()) };
    let response = ask!(caller, Bind, request);
    assert_eq!(response.return_value, ErrorCode::SUCCESS);
    assert!(response.server_guid.get().is_some_and(|guid| *guid != FlatUid::default()));
    response.handle
}

fn tags(tags: &[PropTag]) -> Ptr<PropertyTagArray> {
    Ptr::new(TagArray::new(tags.to_vec()))
}

fn query(handle: ContextHandle, stat: Stat, count: u32) -> QueryRowsRequest {
    let prop_tags = tags(&[PropTag::PidTagDisplayName, PropTag::PidTagInstanceKey]);
    QueryRowsRequest { handle, flags: 0, stat, table: SizedPtr::NULL, count, prop_tags }
}

fn texts(rows: &Ptr<PropertyRowSet>) -> Vec<String> {
    let rows = rows.get().map(|rows| rows.0.as_slice()).unwrap_or_default();
    rows.iter().map(|row| row.to_row().get(PropTag::PidTagDisplayName).unwrap().to_text().unwrap()).collect()
}

#[test]
fn sessions_begin_and_end() {
    let caller = Caller::new();
    let handle = bound(&caller);
    let unbind = |handle| Request::Unbind(UnbindRequest { handle, reserved: 0 });
    let mismatch = Err(FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH);
    assert_eq!(try_ask(&caller, &unbind(made_up())), mismatch);
    assert_eq!(try_ask(&caller.other_identity(), &unbind(handle)), mismatch);
    let response = ask!(&caller, Unbind, UnbindRequest { handle, reserved: 0 });
    assert_eq!((response.handle, response.return_value), (ContextHandle::NULL, ErrorCode(1)));
    assert_eq!(try_ask(&caller, &unbind(handle)), mismatch);
    for code_page in [1200, 4242] {
        let stat = Stat { code_page, ..stat() };
        let response = ask!(&caller, Bind, BindRequest { flags: 0, stat, server_guid: Ptr::NULL });
        assert_eq!(response.return_value, ErrorCode::MAPI_E_UNKNOWN_CPID);
        assert!(response.handle.is_null());
    }
}

#[test]
fn browsing_by_pages_reaches_every_row_once() {
    let caller = Caller::new();
    let handle = bound(&caller);
    let all = texts(&ask!(&caller, QueryRows, query(handle, stat(), 10_000)).rows);
    assert_eq!(all.len(), 308);
    let (mut at, mut paged) = (stat(), Vec::new());
    while at.current_rec != MId::MID_END_OF_TABLE {
        let response = ask!(&caller, QueryRows, query(handle, at, 50));
        paged.extend(texts(&response.rows));
        at = response.stat;
        assert_eq!((at.num_pos, at.total_recs), (u32::try_from(paged.len()).unwrap(), 308));
    }
    assert_eq!(paged, all);
    let behind = ask!(&caller, QueryRows, query(handle, at, 50));
    assert_eq!((behind.return_value, texts(&behind.rows).len()), (ErrorCode::SUCCESS, 0));
    let skipped = ask!(&caller, QueryRows, query(handle, Stat { delta: 100, ..stat() }, 2));
    assert_eq!(texts(&skipped.rows), all[100..102]);
}

#[test]
fn rows_at_an_invalid_position_are_refused() {
    let caller = Caller::new();
    let handle = bound(&caller);
    let returned = |request| {
        let response = ask!(&caller, QueryRows, request);
        assert!(response.rows.is_null());
        response.return_value
    };
    let with = |change: &dyn Fn(&mut Stat)| {
        let mut stat = stat();
        change(&mut stat);
        query(handle, stat, 1)
    };
    assert_eq!(returned(with(&|stat| stat.container_id = MId(0x77))), ErrorCode::MAPI_E_INVALID_BOOKMARK);
    assert_eq!(returned(with(&|stat| stat.current_rec = MId(0x77))), ErrorCode::MAPI_E_NOT_FOUND);
    assert_eq!(returned(with(&|stat| stat.code_page = 4242)), ErrorCode::MAPI_E_UNKNOWN_CPID);
    assert_eq!(returned(with(&|stat| stat.sort_type = 77)), ErrorCode::MAPI_E_CALL_FAILED);
    assert_eq!(returned(query(handle, stat(), 0)), ErrorCode::MAPI_E_INVALID_PARAMETER);
}

#[test]
fn a_response_has_a_limited_number_of_values() {
    let caller = Caller::new();
    let handle = bound(&caller);
    let returned = |rows: usize, columns: usize| {
        let (table, prop_tags) = (vec![MId(0x77); rows], vec![PropTag::PidTagDisplayName; columns]);
        let request = query(handle, stat(), 0);
        let request =
            QueryRowsRequest { table: SizedPtr::new(table), prop_tags: tags(&prop_tags), ..request };
        ask!(&caller, QueryRows, request).return_value
    };
    assert_eq!(returned(250, 200), ErrorCode::SUCCESS);
    assert_eq!(returned(251, 200), ErrorCode::MAPI_E_TABLE_TOO_BIG);
    assert_eq!(returned(100_000, 100_000), ErrorCode::MAPI_E_TABLE_TOO_BIG);
}

#[test]
fn an_explicit_table_determines_the_order_of_rows() {
    let caller = Caller::new();
    let handle = bound(&caller);
    let config = LabConfig::default();
    let mids = dn_to_mid(&caller, handle, &[&config.user_dn("bob"), "/o=none", &config.user_dn("alice")]);
    assert_eq!(mids[1], MId::MID_UNRESOLVED);
    let table = SizedPtr::new(vec![mids[0], MId(0x77), mids[2]]);
    let response = ask!(&caller, QueryRows, QueryRowsRequest { table, ..query(handle, stat(), 0) });
    assert_eq!(response.stat, stat());
    let rows = &response.rows.get().unwrap().0;
    let first = |index: usize| rows[index].to_row().0[0].value.clone();
    assert!(first(0).to_text().unwrap().starts_with("Bob "));
    assert_eq!(first(1), P::Error(ErrorCode::MAPI_E_NOT_FOUND));
    assert!(first(2).to_text().unwrap().starts_with("Alice "));
    let default = QueryRowsRequest { prop_tags: Ptr::NULL, ..query(handle, stat(), 1) };
    let response = ask!(&caller, QueryRows, default);
    assert_eq!(response.rows.get().unwrap().0[0].properties.as_slice().len(), 7);
}

fn dn_to_mid(caller: &Caller, handle: ContextHandle, names: &[&str]) -> Vec<MId> {
    let names = Counted(names.iter().map(|name| Ptr::new(CharString::new(name))).collect());
    ask!(caller, DNToMId, DNToMIdRequest { handle, reserved: 0, names }).mids.get().unwrap().values.clone()
}

#[test]
fn update_stat_moves_the_position_and_returns_the_distance() {
    let caller = Caller::new();
    let handle = bound(&caller);
    let moved = |stat| {
        let response =
            ask!(&caller, UpdateStat, UpdateStatRequest { handle, reserved: 0, stat, delta: Ptr::new(0) });
        assert_eq!(response.return_value, ErrorCode::SUCCESS);
        (response.stat, *response.delta.get().unwrap())
    };
    let (fifth, by) = moved(Stat { delta: 5, ..stat() });
    assert_eq!((fifth.num_pos, fifth.delta, by), (5, 0, 5));
    let (start, by) = moved(Stat { delta: -100, ..fifth });
    assert_eq!((start.num_pos, by), (0, -5));
    let (end, by) = moved(Stat { delta: i32::MAX, ..fifth });
    assert_eq!((end.current_rec, end.num_pos, by), (MId::MID_END_OF_TABLE, 308, 303));
    let request = UpdateStatRequest { handle, reserved: 0, stat: stat(), delta: Ptr::NULL };
    assert!(ask!(&caller, UpdateStat, request).delta.is_null());
}

/// Whether the entry id in the first of `rows` is an ephemeral one.
fn is_ephemeral(rows: &Ptr<PropertyRowSet>) -> bool {
    let row = rows.get().unwrap().0[0].to_row();
    let Some(P::Binary(id)) = row.get(PropTag::PidTagEntryId) else { panic!("{row:?}") };
    id[0] == 0x87
}

#[test]
fn sought_and_matched_rows_have_ephemeral_ids_and_resolved_ones_permanent_ids() {
    let caller = Caller::new();
    let handle = bound(&caller);
    let prop_tags = || tags(&[PropTag::PidTagEntryId]);
    let value = TaggedValue::new(PropTag::PidTagDisplayName, "alice".into());
    let target = PropertyValue::try_from(value).unwrap();
    let (table, stat) = (Ptr::NULL, Stat { delta: 7, ..stat() });
    let request = SeekEntriesRequest { handle, reserved: 0, stat, target, table, prop_tags: prop_tags() };
    let sought = ask!(&caller, SeekEntries, request);
    assert!(is_ephemeral(&sought.rows));
    assert_eq!(sought.stat.delta, 7, "is left as it was");
    let request = GetMatchesRequest {
        handle,
        reserved1: 0,
        stat,
        reserved: Ptr::NULL,
        reserved2: 0,
        filter: Ptr::new(R::Exist { tag: PropTag::PidTagTitle }.try_into().unwrap()),
        prop_name: Ptr::NULL,
        requested: 500,
        prop_tags: prop_tags(),
    };
    assert!(is_ephemeral(&ask!(&caller, GetMatches, request).rows));
    let names = Counted(vec![Ptr::new(WcharString::new("alice"))]);
    let request = ResolveNamesWRequest { handle, reserved: 0, stat, prop_tags: prop_tags(), names };
    assert!(!is_ephemeral(&ask!(&caller, ResolveNamesW, request).rows));
}

#[test]
fn seeking_finds_the_first_row_that_is_not_less_than_the_value() {
    let caller = Caller::new();
    let handle = bound(&caller);
    let seek_by = |name: &str, table: Ptr<MIdArray>, sort_type| {
        let target =
            PropertyValue::try_from(TaggedValue::new(PropTag::PidTagDisplayName, name.into())).unwrap();
        let prop_tags = tags(&[PropTag::PidTagDisplayName]);
        ask!(
            &caller,
            SeekEntries,
            SeekEntriesRequest {
                handle,
                reserved: 0,
                stat: Stat { sort_type, ..stat() },
                target,
                table,
                prop_tags
            }
        )
    };
    let seek = |name: &str, table: Ptr<MIdArray>| seek_by(name, table, 0);
    let all = texts(&ask!(&caller, QueryRows, query(handle, stat(), 10_000)).rows);
    let response = seek("müller", Ptr::NULL);
    let row = usize::try_from(response.stat.num_pos).unwrap();
    assert_eq!(texts(&response.rows), all[row..=row]);
    assert!(crate::directory::fold(&all[row]).as_str() >= "muller");
    assert!(crate::directory::fold(&all[row - 1]).as_str() < "muller");
    assert_eq!(seek("zzzz", Ptr::NULL).return_value, ErrorCode::MAPI_E_NOT_FOUND);
    let config = LabConfig::default();
    let people = dn_to_mid(
        &caller,
        handle,
        &[&config.user_dn("dave"), &config.user_dn("alice"), &config.user_dn("bob")],
    );
    let response = seek("b", Ptr::new(people.into_iter().collect()));
    assert_eq!((response.stat.num_pos, response.stat.total_recs), (1, 3));
    assert_eq!(texts(&response.rows).len(), 2, "Bob and Dave");
    for sort_type in [3, 1000, 1001, 7] {
        let response = seek_by("b", Ptr::NULL, sort_type);
        assert_eq!(response.return_value, ErrorCode::MAPI_E_CALL_FAILED, "{sort_type}");
    }
}

#[test]
fn matches_are_found_and_limited() {
    let caller = Caller::new();
    let handle = bound(&caller);
    let matches = |filter: Option<R>, stat: Stat, requested, columns: bool| {
        let filter = Ptr::from(filter.map(|filter| Restriction::try_from(filter).unwrap()));
        let prop_tags = if columns { tags(&[PropTag::PidTagDisplayName]) } else { Ptr::NULL };
        let request = GetMatchesRequest {
            handle,
            reserved1: 0,
            stat,
            reserved: Ptr::NULL,
            reserved2: 0,
            filter,
            prop_name: Ptr::NULL,
            requested,
            prop_tags,
        };
        ask!(&caller, GetMatches, request)
    };
    let anr = |name: &str| R::Property {
        relop: RelationalOperator::RELOP_EQ,
        tag: PropTag::PidTagAnr,
        value: TaggedValue::new(PropTag::PidTagAnr, name.into()),
    };
    let response = matches(Some(anr("all")), stat(), 50, true);
    let mids = &response.mids.get().unwrap().values;
    assert!(mids.len() >= 8 && texts(&response.rows).len() == mids.len());
    assert_eq!(usize::try_from(response.stat.total_recs), Ok(mids.len()));
    assert!(matches(Some(anr("all")), stat(), 50, false).rows.is_null());
    let too_many = matches(Some(anr("all")), stat(), 3, true);
    assert_eq!(too_many.return_value, ErrorCode::MAPI_E_TABLE_TOO_BIG);
    assert!(too_many.mids.is_null() && too_many.rows.is_null());
    let none = matches(Some(anr("zzzz")), stat(), 50, true);
    assert_eq!((none.return_value, none.stat.total_recs), (ErrorCode::SUCCESS, 0));

    let list = dn_to_mid(&caller, handle, &[&LabConfig::default().user_dn("all-sales")])[0];
    let member = MId(PropTag::PidTagAddressBookMember.0);
    let at = Stat { current_rec: list, container_id: member, ..stat() };
    let members = matches(None, at, 500, true);
    assert!(!texts(&members.rows).is_empty());
    let lost = matches(None, Stat { current_rec: MId(0x77), ..at }, 500, true);
    assert_eq!(lost.return_value, ErrorCode::MAPI_E_CALL_FAILED);
    let name = Stat { container_id: MId(PropTag::PidTagDisplayName.0), ..at };
    let none = matches(None, name, 500, true);
    assert_eq!(
        (none.return_value, texts(&none.rows).len()),
        (ErrorCode::SUCCESS, 0),
        "a text refers to nothing"
    );
    let mut backwards = members.mids.get().unwrap().values.clone();
    backwards.reverse();
    backwards.push(MId(0x77));
    let in_mids = TagArray::new(backwards);
    let request =
        ResortRestrictionRequest { handle, reserved: 0, stat: stat(), in_mids, out_mids: Ptr::NULL };
    assert_eq!(ask!(&caller, ResortRestriction, request).out_mids, members.mids);
}

#[test]
fn names_resolve_in_both_alphabets() {
    let caller = Caller::new();
    let handle = bound(&caller);
    let prop_tags = || tags(&[PropTag::PidTagDisplayName.with_type(PropType::PtypString8)]);
    let names = ["alice", "zzzz", "all", "ada müller"];
    let wide = Counted(names.iter().map(|name| Ptr::new(WcharString::new(name))).collect());
    let request =
        ResolveNamesWRequest { handle, reserved: 0, stat: stat(), prop_tags: prop_tags(), names: wide };
    let w = ask!(&caller, ResolveNamesW, request);
    let expected = [MId::MID_RESOLVED, MId::MID_UNRESOLVED, MId::MID_AMBIGUOUS, MId::MID_RESOLVED];
    assert_eq!(w.mids.get().unwrap().values, expected);
    let rows = &w.rows.get().unwrap().0;
    assert_eq!(rows.len(), 2, "one for each name that stands for one object");
    assert_eq!(rows[1].to_row().0[0].value, P::String8(b"Ada M\xfcller".to_vec()));
    let names: [&[u8]; 4] = [b"alice", b"zzzz", b"all", b"ada m\xfcller"];
    let narrow = Counted(names.iter().map(|name| Ptr::new(CharString::new(name))).collect());
    let request =
        ResolveNamesRequest { handle, reserved: 0, stat: stat(), prop_tags: prop_tags(), names: narrow };
    let a = ask!(&caller, ResolveNames, request);
    assert_eq!((&a.mids, &a.rows), (&w.mids, &w.rows));
}

#[test]
fn properties_of_one_object_are_returned() {
    let caller = Caller::new();
    let handle = bound(&caller);
    let alice = dn_to_mid(&caller, handle, &[&LabConfig::default().user_dn("alice")])[0];
    let props = |mid, prop_tags| {
        let stat = Stat { current_rec: mid, ..stat() };
        ask!(&caller, GetProps, GetPropsRequest { handle, flags: 0, stat, prop_tags })
    };
    let some = props(alice, tags(&[PropTag::PidTagAccount, PropTag::PidTagPagerTelephoneNumber]));
    assert_eq!(some.return_value, ErrorCode::MAPI_W_ERRORS_RETURNED);
    let row = some.row.get().unwrap().to_row();
    assert_eq!(row.0[0].value, "alice".into());
    assert_eq!(row.0[1].tag.prop_type(), PropType::PtypErrorCode);
    let all = props(alice, Ptr::NULL);
    assert_eq!(all.return_value, ErrorCode::SUCCESS);
    let list = |mid, flags, code_page| {
        ask!(&caller, GetPropList, GetPropListRequest { handle, flags, mid, code_page })
    };
    let tags_of = |response: GetPropListResponse| response.prop_tags.get().unwrap().values.clone();
    let listed = tags_of(list(alice, 0, 1252));
    let row = all.row.get().unwrap().to_row();
    assert_eq!(row.0.iter().map(|property| property.tag).collect::<Vec<_>>(), listed);
    assert!(listed.contains(&PropTag::PidTagAccount.with_type(PropType::PtypString8)));
    assert!(tags_of(list(alice, 0, 1200)).contains(&PropTag::PidTagAccount));
    let without = tags_of(list(alice, 1, 1252));
    assert!(without.len() < listed.len());
    assert!(without.iter().all(|tag| tag.prop_type() != PropType::PtypObject), "fSkipObjects");
    assert_eq!(list(MId(0x77), 0, 1252).return_value, ErrorCode::MAPI_E_INVALID_OBJECT);
    let unknown = props(MId(0x77), tags(&[PropTag::PidTagAccount]));
    assert_eq!(unknown.return_value, ErrorCode::MAPI_W_ERRORS_RETURNED);
}

#[test]
fn objects_compare_by_their_position() {
    let caller = Caller::new();
    let handle = bound(&caller);
    let config = LabConfig::default();
    let mids = dn_to_mid(&caller, handle, &[&config.user_dn("alice"), &config.user_dn("bob")]);
    let compare = |mid1, mid2| {
        let response =
            ask!(&caller, CompareMIds, CompareMIdsRequest { handle, reserved: 0, stat: stat(), mid1, mid2 });
        (response.result, response.return_value)
    };
    assert_eq!(compare(mids[0], mids[1]), (-1, ErrorCode::SUCCESS));
    assert_eq!(compare(mids[1], mids[0]), (1, ErrorCode::SUCCESS));
    assert_eq!(compare(mids[0], mids[0]), (0, ErrorCode::SUCCESS));
    assert_eq!(compare(mids[0], MId(0x77)).1, ErrorCode::MAPI_E_CALL_FAILED);
}

#[test]
fn the_hierarchy_is_returned_once() {
    let caller = Caller::new();
    let handle = bound(&caller);
    let table = |flags, version, code_page| {
        let stat = Stat { code_page, ..stat() };
        ask!(&caller, GetSpecialTable, GetSpecialTableRequest { handle, flags, stat, version })
    };
    let first = table(4, 0, 1252);
    assert_eq!(texts(&first.rows), ["", "All Groups", "All Users"]);
    assert!(table(4, first.version, 1252).rows.is_null(), "the client has this version");
    assert_eq!(table(0, 0, 1200).return_value, ErrorCode::MAPI_E_UNKNOWN_CPID);
    let templates = table(2, 0, 1252);
    assert_eq!(templates.rows.get().unwrap().0.len(), 1);
    let row = templates.rows.get().unwrap().0[0].to_row();
    assert_eq!(row.get(PropTag::PidTagAddressType), Some(&P::String8(b"SMTP".to_vec())));
}

#[test]
fn nothing_can_be_changed() {
    let caller = Caller::new();
    let handle = bound(&caller);
    let request = ModPropsRequest {
        handle,
        reserved: 0,
        stat: stat(),
        prop_tags: Ptr::NULL,
        row: PropertyRow::default(),
    };
    assert_eq!(ask!(&caller, ModProps, request).return_value, ErrorCode::MAPI_E_NO_ACCESS);
    let request = ModLinkAttRequest {
        handle,
        flags: 0,
        prop_tag: PropTag::PidTagAddressBookMember,
        mid: MId(0x1000),
        entry_ids: SizedPtr::new(Vec::new()),
    };
    assert_eq!(ask!(&caller, ModLinkAtt, request).return_value, ErrorCode::MAPI_E_NO_ACCESS);
    let request = DeleteEntriesRequest { handle, rest: Vec::new() };
    assert_eq!(ask!(&caller, DeleteEntries, request).return_value, ErrorCode::MAPI_E_NO_SUPPORT);
}

#[test]
fn columns_templates_and_names_are_returned() {
    let caller = Caller::new();
    let handle = bound(&caller);
    let columns = |flags| {
        let response = ask!(&caller, QueryColumns, QueryColumnsRequest { handle, reserved: 0, flags });
        response.columns.get().unwrap().values.clone()
    };
    assert!(columns(0x8000_0000).contains(&PropTag::PidTagDisplayName));
    assert!(columns(0).contains(&PropTag::PidTagDisplayName.with_type(PropType::PtypString8)));
    let template = |code_page| {
        let request = GetTemplateInfoRequest {
            handle,
            flags: 1,
            display_type: DisplayType::DT_MAILUSER,
            dn: Ptr::NULL,
            code_page,
            locale_id: 1033,
        };
        ask!(&caller, GetTemplateInfo, request).return_value
    };
    assert_eq!(template(1252), ErrorCode::MAPI_E_UNKNOWN_LCID);
    assert_eq!(template(1200), ErrorCode::MAPI_E_UNKNOWN_CPID);
    let names = SizedArray(vec![Ptr::new(PropertyName::default())]);
    let request = GetIDsFromNamesRequest { handle, reserved: 0, flags: 0, names };
    let response = ask!(&caller, GetIDsFromNames, request);
    assert_eq!(response.prop_tags.get().unwrap().values, [PropTag(0x0000_000a)]);
    let prop_tags = tags(&[PropTag(0x8123_001f)]);
    let request = GetNamesFromIDsRequest { handle, reserved: 0, guid: Ptr::NULL, prop_tags };
    let response = ask!(&caller, GetNamesFromIDs, request);
    assert_eq!(response.prop_tags.get().unwrap().values, [PropTag(0x8123_000a)]);
    assert_eq!(response.return_value, ErrorCode::MAPI_W_ERRORS_RETURNED);
}
