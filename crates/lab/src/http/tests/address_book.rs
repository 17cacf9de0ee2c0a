//! The address book over HTTP, compared with that by RPC.

use std::num::NonZeroU8;

use mapi::ErrorCode;
use mapi::mapihttp::nspi::*;
use mapi::mapihttp::{Endpoint, Maybe, OperationResponse, RequestType, String8};
use mapi::nspi::{DisplayType, FlatUid, MId, Stat};
use mapi::property::{PropTag, PropType, PropertyValue, RelationalOperator, Restriction, TaggedValue};
use wire::Utf16;

use super::client::{TestServer, User};
use super::sessions::{AUX, bind, send, stat};
use crate::{LabConfig, ServerName};

/// Sends a request, and returns the fields of the response.
macro_rules! ask {
    ($user:expr, $operation:ident, $request:expr) => {{
        let request = Request::$operation($request);
        let received = send($user, &request).await;
        assert_eq!(received.code(), 0, "{received:?}");
        match Response::decode(request.request_type(), &received.payload()).unwrap() {
            (Response::$operation(OperationResponse::Complete(response)), []) => response,
            other => panic!("{other:?}"),
        }
    }};
}

async fn bound(server: &TestServer) -> User {
    let mut alice = server.alice().await;
    let received = bind(&mut alice).await;
    let (response, _) = Response::decode(RequestType::Bind, &received.payload()).unwrap();
    let Response::Bind(OperationResponse::Complete(response)) = response else { panic!("{response:?}") };
    assert_eq!(response.error_code, ErrorCode::SUCCESS);
    assert_ne!(response.server_guid, FlatUid::default());
    alice
}

const COLUMNS: [PropTag; 3] =
    [PropTag::PidTagDisplayName, PropTag::PidTagPagerTelephoneNumber, PropTag::PidTagAccount];

fn query(count: u32) -> QueryRowsRequest {
    QueryRowsRequest {
        flags: 0,
        stat: Maybe::new(stat()),
        explicit_table: Vec::new(),
        row_count: count,
        columns: Maybe::new(COLUMNS.to_vec()),
        aux: AUX,
    }
}

fn texts(rows: &Maybe<ColumnsAndRows>) -> Vec<String> {
    let rows = rows.get().unwrap();
    let name =
        |row: &mapi::property::PropertyRow| row.get(&rows.columns, PropTag::PidTagDisplayName)?.to_text();
    rows.rows.iter().map(|row| name(row).unwrap()).collect()
}

async fn mid(alice: &mut User, dn: &str) -> MId {
    let names = Maybe::new(Names::new(vec![String8::from(dn), String8::from("/o=none")]));
    let response = ask!(alice, DNToMId, DNToMIdRequest { reserved: 0, names, aux: AUX });
    let mids = response.mids.get().unwrap();
    assert_eq!((mids.len(), mids[1]), (2, MId::MID_UNRESOLVED));
    let none = DNToMIdRequest { reserved: 0, names: Maybe::Absent, aux: AUX };
    assert_eq!(ask!(alice, DNToMId, none).mids, Maybe::new(vec![]), "a list without names");
    mids[0]
}

#[tokio::test]
async fn rows_are_those_of_the_directory() {
    let server = TestServer::start().await;
    let mut alice = bound(&server).await;
    let response = ask!(&mut alice, QueryRows, query(10_000));
    let (after, names) = (*response.stat.get().unwrap(), texts(&response.rows));
    assert_eq!((names.len(), after.current_rec, after.total_recs), (308, MId::MID_END_OF_TABLE, 308));
    let container = server.lab.directory.container(MId(0)).unwrap();
    let known = container.rows.iter().map(|mid| &server.lab.directory.entry(*mid).unwrap().display_name);
    assert!(names.iter().eq(known));
    // A value that is missing is marked in its row.
    let rows = response.rows.get().unwrap();
    assert_eq!(rows.rows[0].error(1), Some(ErrorCode::MAPI_E_NOT_FOUND));
    let page = ask!(&mut alice, QueryRows, query(20));
    assert_eq!(texts(&page.rows), names[..20]);
    let next = QueryRowsRequest { stat: page.stat, ..query(20) };
    assert_eq!(texts(&ask!(&mut alice, QueryRows, next).rows), names[20..40]);

    // An error is marked also in a column of errors.
    let tag = PropTag::PidTagDisplayName.with_type(PropType::PtypErrorCode);
    let errors = QueryRowsRequest { columns: Maybe::new(vec![tag]), ..query(1) };
    let errors = ask!(&mut alice, QueryRows, errors);
    let row = &errors.rows.get().unwrap().rows[0];
    assert!(matches!(row, mapi::property::PropertyRow::Flagged(_)), "{row:?}");
    assert_eq!(row.error(0), Some(ErrorCode::MAPI_E_NOT_FOUND));

    let one = mid(&mut alice, &server.lab.config().user_dn("bob")).await;
    let explicit = QueryRowsRequest { explicit_table: vec![one], ..query(0) };
    let explicit = ask!(&mut alice, QueryRows, explicit);
    assert!(texts(&explicit.rows)[0].starts_with("Bob "));
    let refused = ask!(&mut alice, QueryRows, query(0));
    assert_eq!((refused.error_code, refused.rows), (ErrorCode::MAPI_E_INVALID_PARAMETER, Maybe::Absent));
    let without = QueryRowsRequest { stat: Maybe::Absent, ..query(1) };
    assert_eq!(ask!(&mut alice, QueryRows, without).error_code, ErrorCode::MAPI_E_INVALID_PARAMETER);
}

#[tokio::test]
async fn objects_are_found_by_restriction_name_and_value() {
    let server = TestServer::start().await;
    let mut alice = bound(&server).await;
    let restriction = Restriction::Property {
        relop: RelationalOperator::RELOP_EQ,
        tag: PropTag::PidTagAnr,
        value: TaggedValue::new(PropTag::PidTagAnr, "bob".into()),
    };
    let matches = GetMatchesRequest {
        reserved: 0,
        stat: Maybe::new(stat()),
        mids: Maybe::Absent,
        interface_option_flags: 0,
        filter: Maybe::new(Filter { restriction, value_flags: true }),
        property_name: Maybe::Absent,
        row_count: 50,
        columns: Maybe::new(COLUMNS.to_vec()),
        aux: AUX,
    };
    let found = ask!(&mut alice, GetMatches, matches);
    let mids = found.mids.get().unwrap();
    assert!(!mids.is_empty() && texts(&found.rows).len() == mids.len());

    let names = ["alice", "zzzz", "all"].map(Utf16::from).to_vec();
    let resolve = ResolveNamesRequest {
        reserved: 0,
        stat: Maybe::new(stat()),
        prop_tags: Maybe::Absent,
        names: Maybe::new(Names::new(names)),
        aux: AUX,
    };
    let resolved = ask!(&mut alice, ResolveNames, resolve);
    assert_eq!(resolved.code_page, 1252);
    assert_eq!(
        resolved.mids.get().unwrap().as_slice(),
        [MId::MID_RESOLVED, MId::MID_UNRESOLVED, MId::MID_AMBIGUOUS]
    );
    assert_eq!(resolved.rows.get().unwrap().rows.len(), 1);

    let seek = SeekEntriesRequest {
        reserved: 0,
        stat: Maybe::new(stat()),
        target: Maybe::new(TaggedValue::new(PropTag::PidTagDisplayName, "müller".into())),
        explicit_table: Maybe::Absent,
        columns: Maybe::new(COLUMNS.to_vec()),
        aux: AUX,
    };
    let sought = ask!(&mut alice, SeekEntries, seek.clone());
    assert!(crate::directory::fold(&texts(&sought.rows)[0]).as_str() >= "muller");
    let none = SeekEntriesRequest { target: Maybe::Absent, ..seek };
    assert_eq!(ask!(&mut alice, SeekEntries, none).error_code, ErrorCode::MAPI_E_INVALID_PARAMETER);

    let resort = ResortRestrictionRequest {
        reserved: 0,
        stat: Maybe::new(stat()),
        mids: Maybe::new(mids.iter().rev().copied().collect()),
        aux: AUX,
    };
    assert_eq!(ask!(&mut alice, ResortRestriction, resort).mids.get(), Some(mids));
}

#[tokio::test]
async fn positions_compare_and_move() {
    let server = TestServer::start().await;
    let mut alice = bound(&server).await;
    let config = server.lab.config();
    let first = mid(&mut alice, &config.user_dn("alice")).await;
    let second = mid(&mut alice, &config.user_dn("bob")).await;
    let compare =
        |mid1, mid2| CompareMIdsRequest { reserved: 0, stat: Maybe::new(stat()), mid1, mid2, aux: AUX };
    let result = ask!(&mut alice, CompareMIds, compare(first, second));
    assert_eq!((result.error_code, result.result), (ErrorCode::SUCCESS, -1));
    let failed = ask!(&mut alice, CompareMIds, compare(first, MId(0x77)));
    assert_eq!(failed.error_code, ErrorCode::MAPI_E_CALL_FAILED);
    for (requested, delta) in [(1, Maybe::new(5)), (0, Maybe::Absent)] {
        let request = UpdateStatRequest {
            reserved: 0,
            stat: Maybe::new(Stat { delta: 5, ..stat() }),
            delta_requested: requested,
            aux: AUX,
        };
        let moved = ask!(&mut alice, UpdateStat, request);
        assert_eq!((moved.stat.get().unwrap().num_pos, moved.delta), (5, delta));
    }
}

#[tokio::test]
async fn properties_tables_and_templates_are_returned() {
    let server = TestServer::start().await;
    let mut alice = bound(&server).await;
    let mid = mid(&mut alice, &server.lab.config().user_dn("alice")).await;
    let props = GetPropsRequest {
        flags: 0,
        stat: Maybe::new(Stat { current_rec: mid, ..stat() }),
        prop_tags: Maybe::new(COLUMNS.to_vec()),
        aux: AUX,
    };
    let some = ask!(&mut alice, GetProps, props.clone());
    assert_eq!(some.error_code, ErrorCode::MAPI_W_ERRORS_RETURNED);
    let values = some.values.get().unwrap();
    assert_eq!(values.0[1].value, PropertyValue::Error(ErrorCode::MAPI_E_NOT_FOUND));
    assert_eq!(values.0[1].tag.prop_type(), PropType::PtypErrorCode);
    assert_eq!(values.0[2].value, "alice".into());
    let all = ask!(&mut alice, GetProps, GetPropsRequest { prop_tags: Maybe::Absent, ..props });
    let list = GetPropListRequest { flags: 0, mid, code_page: 1252, aux: AUX };
    let listed = ask!(&mut alice, GetPropList, list);
    let tags: Vec<PropTag> = all.values.get().unwrap().0.iter().map(|property| property.tag).collect();
    assert_eq!(Some(&tags), listed.prop_tags.get());

    let special = |version| GetSpecialTableRequest { flags: 4, stat: Maybe::new(stat()), version, aux: AUX };
    let hierarchy = ask!(&mut alice, GetSpecialTable, special(Maybe::Absent));
    assert_eq!(hierarchy.rows.get().unwrap().len(), 3);
    let known = ask!(&mut alice, GetSpecialTable, special(hierarchy.version));
    assert_eq!(known.rows, Maybe::Absent, "the client has this version");

    let columns = QueryColumnsRequest { reserved: 0, map_flags: 0x8000_0000, aux: AUX };
    let columns = ask!(&mut alice, QueryColumns, columns);
    assert!(columns.columns.get().unwrap().contains(&PropTag::PidTagDisplayName));
    let template = GetTemplateInfoRequest {
        flags: 1,
        display_type: DisplayType::DT_MAILUSER,
        template_dn: Maybe::Absent,
        code_page: 1252,
        locale_id: 1033,
        aux: AUX,
    };
    assert_eq!(ask!(&mut alice, GetTemplateInfo, template).error_code, ErrorCode::MAPI_E_UNKNOWN_LCID);
}

#[tokio::test]
async fn nothing_can_be_changed() {
    let server = TestServer::start().await;
    let mut alice = bound(&server).await;
    let stat = Maybe::new(stat());
    let props =
        ModPropsRequest { reserved: 0, stat, prop_tags: Maybe::Absent, values: Maybe::Absent, aux: AUX };
    assert_eq!(ask!(&mut alice, ModProps, props).error_code, ErrorCode::MAPI_E_NO_ACCESS);
    let links = ModLinkAttRequest {
        flags: 0,
        prop_tag: PropTag::PidTagAddressBookMember,
        mid: MId(0x1000),
        entry_ids: Maybe::Absent,
        aux: AUX,
    };
    assert_eq!(ask!(&mut alice, ModLinkAtt, links).error_code, ErrorCode::MAPI_E_NO_ACCESS);
}

#[tokio::test]
async fn urls_are_those_of_the_endpoints() {
    let server = TestServer::start().await;
    let mut alice = bound(&server).await;
    let (user, exchange) = (server.lab.config().user_dn("bob"), server.lab.config().server_dn("EXCH2"));
    for (dn, expected) in [
        (exchange.as_str(), Some(format!("http://{}/mapi/emsmdb/", server.address))),
        (&user, None),
        ("/o=none", None),
    ] {
        let request = GetMailboxUrlRequest { flags: 0, server_dn: dn.into(), aux: AUX };
        let response = ask!(&mut alice, GetMailboxUrl, request);
        assert_eq!(response.error_code == ErrorCode::SUCCESS, expected.is_some(), "{dn}");
        assert_eq!(response.server_url.to_string_lossy(), expected.unwrap_or_default());
    }
    for (dn, expected) in [(user.as_str(), Endpoint::Nspi.path()), (&exchange, "")] {
        let request = GetAddressBookUrlRequest { flags: 0, user_dn: dn.into(), aux: AUX };
        let response = ask!(&mut alice, GetAddressBookUrl, request);
        assert!(response.server_url.to_string_lossy().contains(expected), "{dn}");
        assert_eq!(response.error_code == ErrorCode::SUCCESS, !expected.is_empty(), "{dn}");
    }
}

#[tokio::test]
async fn the_urls_for_a_mailbox_that_is_elsewhere_are_those_of_its_server() {
    let other = ServerName { name: "EXCH9".to_owned(), host: "exch9.lab.test".to_owned() };
    let elsewhere = [("bob".to_owned(), other)].into();
    let server = TestServer::with_lab(LabConfig { elsewhere, ..LabConfig::two_servers() }).await;
    let mut alice = bound(&server).await;
    let config = server.lab.config();
    let (dn, local) = (config.server_dn("EXCH9"), config.server_dn("EXCH2"));
    for (dn, is_elsewhere) in [(&dn, true), (&local, false)] {
        let request = GetMailboxUrlRequest { flags: 0, server_dn: dn.as_str().into(), aux: AUX };
        let url = ask!(&mut alice, GetMailboxUrl, request).server_url.to_string_lossy();
        assert_eq!(url == "https://exch9.lab.test/mapi/emsmdb/", is_elsewhere, "{url}");
    }
    for (user, is_elsewhere) in [("bob", true), ("alice", false)] {
        let user_dn = config.user_dn(user).as_str().into();
        let request = GetAddressBookUrlRequest { flags: 0, user_dn, aux: AUX };
        let url = ask!(&mut alice, GetAddressBookUrl, request).server_url.to_string_lossy();
        assert_eq!(url == "https://exch9.lab.test/mapi/nspi/", is_elsewhere, "{url}");
    }
}

#[tokio::test]
async fn a_bind_in_an_unknown_code_page_opens_no_session() {
    let server = TestServer::start().await;
    let mut alice = server.alice().await;
    for code_page in [1200, 4242] {
        let stat = Maybe::Present(NonZeroU8::MIN, Stat { code_page, ..stat() });
        let response = ask!(&mut alice, Bind, BindRequest { flags: 0, stat, aux: AUX });
        assert_eq!(response.error_code, ErrorCode::MAPI_E_UNKNOWN_CPID);
    }
    assert!(alice.cookies.is_empty());
}
