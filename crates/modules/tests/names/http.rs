//! Names of servers in the address book's operations over HTTP.

use engine::{CookieTable, Engine};
use mapi::ErrorCode;
use mapi::mapihttp::nspi::{self as book, ColumnsAndRows, Filter};
use mapi::mapihttp::{AuxiliaryBuffer, Endpoint, Maybe, OperationResponse, RequestType, String8};
use mapi::nspi::{DisplayType, FlatUid, PermanentEntryId, Stat};
use mapi::property::{
    FlaggedValue, FuzzyLevel, PropTag, PropType, PropertyList, PropertyRow, PropertyValue,
    RelationalOperator, Restriction, TaggedValue, TypedValue,
};
use testkit::{MapiHttpClient, Step};
use wire::{Encode as _, Utf16};

use crate::setup::{DATABASE, engine, holds};

pub(crate) const HOME: PropTag = PropTag::PidTagAddressBookHomeMessageDatabase;
const NETWORK: PropTag = PropTag::PidTagAddressBookNetworkAddress;
pub(crate) const NONE: AuxiliaryBuffer = AuxiliaryBuffer::NONE;

/// A caller of `authority` with an address book session.
pub(crate) fn open<'a>(engine: &'a Engine, table: &'a CookieTable, authority: &str) -> MapiHttpClient<'a> {
    let web = MapiHttpClient::new(engine, table, Endpoint::Nspi, authority);
    let request = book::BindRequest { flags: 0, stat: Maybe::new(Stat::default()), aux: NONE };
    let (mut flight, _) = web.relayed(RequestType::Bind, book::Request::Bind(request).encode().unwrap());
    let answer =
        book::BindResponse { error_code: ErrorCode::SUCCESS, server_guid: FlatUid::default(), aux: NONE };
    web.delivered(&mut flight, book::Response::Bind(OperationResponse::Complete(answer)).encode().unwrap());
    web
}

/// The address book request that the upstream receives.
pub(crate) fn ask(web: &MapiHttpClient<'_>, request: &book::Request) -> Vec<u8> {
    web.relayed(request.request_type(), request.encode().unwrap()).1.to_vec()
}

/// The response that the client receives.
pub(crate) fn tell(web: &MapiHttpClient<'_>, response: &book::Response) -> Vec<u8> {
    let (mut flight, _) = web.relayed(response.request_type(), request(response).encode().unwrap());
    web.delivered(&mut flight, response.encode().unwrap()).to_vec()
}

pub(crate) fn dn_to_mid(name: &str) -> book::Request {
    let names = book::Names::new(vec![String8(name.as_bytes().to_vec())]);
    book::Request::DNToMId(book::DNToMIdRequest { reserved: 0, names: Maybe::new(names), aux: NONE })
}

fn get_matches(filter: Maybe<Filter>) -> book::Request {
    book::Request::GetMatches(book::GetMatchesRequest {
        reserved: 0,
        stat: Maybe::new(Stat::default()),
        mids: Maybe::Absent,
        interface_option_flags: 0,
        filter,
        property_name: Maybe::Absent,
        row_count: 10,
        columns: Maybe::Absent,
        aux: NONE,
    })
}

fn resolve_names(names: Vec<Utf16>) -> book::Request {
    book::Request::ResolveNames(book::ResolveNamesRequest {
        reserved: 0,
        stat: Maybe::new(Stat::default()),
        prop_tags: Maybe::Absent,
        names: Maybe::new(book::Names::new(names)),
        aux: NONE,
    })
}

fn seek(target: TaggedValue) -> book::Request {
    book::Request::SeekEntries(book::SeekEntriesRequest {
        reserved: 0,
        stat: Maybe::new(Stat::default()),
        target: Maybe::new(target),
        explicit_table: Maybe::Absent,
        columns: Maybe::Absent,
        aux: NONE,
    })
}

fn template(dn: &str) -> book::Request {
    book::Request::GetTemplateInfo(book::GetTemplateInfoRequest {
        flags: 0,
        display_type: DisplayType::DT_MAILUSER,
        template_dn: Maybe::new(String8(dn.as_bytes().to_vec())),
        code_page: 1252,
        locale_id: 1033,
        aux: NONE,
    })
}

fn mailbox_url(dn: &str) -> book::Request {
    let server_dn = dn.into();
    book::Request::GetMailboxUrl(book::GetMailboxUrlRequest { flags: 0, server_dn, aux: NONE })
}

fn address_book_url(dn: &str) -> book::Request {
    let user_dn = dn.into();
    book::Request::GetAddressBookUrl(book::GetAddressBookUrlRequest { flags: 0, user_dn, aux: NONE })
}

/// A request to which `response` is a response.
fn request(response: &book::Response) -> book::Request {
    let stat = Maybe::new(Stat::default());
    match response {
        book::Response::QueryRows(_) => book::Request::QueryRows(book::QueryRowsRequest {
            flags: 0,
            stat,
            explicit_table: Vec::new(),
            row_count: 10,
            columns: Maybe::Absent,
            aux: NONE,
        }),
        book::Response::GetProps(_) => book::Request::GetProps(book::GetPropsRequest {
            flags: 0,
            stat,
            prop_tags: Maybe::Absent,
            aux: NONE,
        }),
        book::Response::GetSpecialTable(_) => {
            let version = Maybe::Absent;
            book::Request::GetSpecialTable(book::GetSpecialTableRequest {
                flags: 0,
                stat,
                version,
                aux: NONE,
            })
        }
        book::Response::SeekEntries(_) => seek(TaggedValue::new(HOME, text("x")[0].clone())),
        book::Response::GetMatches(_) => get_matches(Maybe::Absent),
        book::Response::ResolveNames(_) => resolve_names(Vec::new()),
        book::Response::GetTemplateInfo(_) => template("/o=O"),
        book::Response::GetMailboxUrl(_) => mailbox_url(""),
        book::Response::GetAddressBookUrl(_) => address_book_url(""),
        other => panic!("{other:?}"),
    }
}

/// `text` in both string types.
pub(crate) fn text(text: &str) -> [PropertyValue; 2] {
    [PropertyValue::Unicode(Utf16::from(text)), PropertyValue::String8(text.as_bytes().to_vec())]
}

/// `texts` in both string types.
fn texts(texts: &[&str]) -> [PropertyValue; 2] {
    let wide = texts.iter().map(|text| Utf16::from(*text)).collect();
    let narrow = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    [PropertyValue::MultipleUnicode(wide), PropertyValue::MultipleString8(narrow)]
}

/// Properties with the server's name in every possible one.
fn properties() -> Vec<TaggedValue> {
    let entry_id =
        PermanentEntryId { display_type: DisplayType::DT_AGENT, distinguished_name: DATABASE.into() };
    let entry_id = entry_id.to_bytes().unwrap();
    let proxies = PropTag::PidTagAddressBookProxyAddresses;
    let mut all = Vec::new();
    all.extend(text(DATABASE).map(|value| TaggedValue::new(HOME, value)));
    let address = format!("EX:{}", DATABASE.to_lowercase());
    all.extend(text(&address).map(|value| TaggedValue::new(PropTag::PidTagEmailAddress, value)));
    all.extend(texts(&[DATABASE, DATABASE]).map(|value| TaggedValue::new(proxies, value)));
    let bindings = ["ncacn_ip_tcp:EXCH1.lab.test", "netbios:EXCH1"];
    all.extend(texts(&bindings).map(|value| TaggedValue::new(NETWORK, value)));
    let [values, _] = texts(&["netbios:EXCH1", ""]);
    let partly_absent = PropertyValue::PartlyAbsent { values: Box::new(values), absent: vec![1] };
    all.push(TaggedValue::new(NETWORK, partly_absent));
    all.push(TaggedValue::new(PropTag::PidTagEntryId, PropertyValue::Binary(entry_id.clone())));
    all.push(TaggedValue::new(PropTag::PidTagEntryId, PropertyValue::MultipleBinary(vec![entry_id])));
    all
}

/// The same properties as tables: with typed columns, and with untyped columns and typed values.
fn tables() -> [ColumnsAndRows; 2] {
    let typed = |column: &TaggedValue| {
        let (prop_type, value) = (column.value.prop_type(), column.value.clone());
        PropertyValue::Typed(Box::new(TypedValue { prop_type, value }))
    };
    let all = properties();
    let plain = all.iter().map(|column| column.value.clone()).collect::<Vec<_>>();
    let flagged = plain.iter().cloned().map(FlaggedValue::Value).collect();
    let own = all.iter().map(typed).collect::<Vec<_>>();
    let flagged_own = own.iter().cloned().map(FlaggedValue::Value).collect();
    [
        ColumnsAndRows {
            columns: all.iter().map(|column| column.tag).collect(),
            rows: vec![PropertyRow::Standard(plain), PropertyRow::Flagged(flagged)],
        },
        ColumnsAndRows {
            columns: all.iter().map(|column| column.tag.with_type(PropType::PtypUnspecified)).collect(),
            rows: vec![PropertyRow::Standard(own), PropertyRow::Flagged(flagged_own)],
        },
    ]
}

/// Every response that contains properties.
fn answers() -> Vec<book::Response> {
    let error_code = ErrorCode::SUCCESS;
    let list = || PropertyList(properties());
    let mut all = vec![
        book::Response::GetProps(OperationResponse::Complete(book::GetPropsResponse {
            error_code,
            code_page: 1252,
            values: Maybe::new(list()),
            aux: NONE,
        })),
        book::Response::GetSpecialTable(OperationResponse::Complete(book::GetSpecialTableResponse {
            error_code,
            code_page: 1252,
            version: Maybe::new(1),
            rows: Maybe::new(vec![list(), list()]),
            aux: NONE,
        })),
        book::Response::GetTemplateInfo(OperationResponse::Complete(book::GetTemplateInfoResponse {
            error_code,
            code_page: 1252,
            row: Maybe::new(list()),
            aux: NONE,
        })),
    ];
    for table in tables() {
        let (stat, mids) = (Maybe::new(Stat::default()), Maybe::Absent);
        let rows = Maybe::new(table);
        all.push(query_rows(rows.clone()));
        let seek = book::SeekEntriesResponse { error_code, stat, rows: rows.clone(), aux: NONE };
        all.push(book::Response::SeekEntries(OperationResponse::Complete(seek)));
        all.push(book::Response::GetMatches(OperationResponse::Complete(book::GetMatchesResponse {
            error_code,
            stat,
            mids: mids.clone(),
            rows: rows.clone(),
            aux: NONE,
        })));
        all.push(book::Response::ResolveNames(OperationResponse::Complete(book::ResolveNamesResponse {
            error_code,
            code_page: 1252,
            mids,
            rows,
            aux: NONE,
        })));
    }
    all
}

pub(crate) fn query_rows(rows: Maybe<ColumnsAndRows>) -> book::Response {
    let stat = Maybe::new(Stat::default());
    let answer = book::QueryRowsResponse { error_code: ErrorCode::SUCCESS, stat, rows, aux: NONE };
    book::Response::QueryRows(OperationResponse::Complete(answer))
}

#[test]
fn properties_of_all_responses_are_free_of_the_servers_name() {
    let (engine, table) = (engine("exch1.lab.test", None), CookieTable::default());
    let web = open(&engine, &table, "a");
    for answer in answers() {
        assert!(holds(&answer.encode().unwrap(), "exch1"), "the test must be able to fail");
        let told = tell(&web, &answer);
        assert!(!holds(&told, "exch"), "{}", answer.name());
        assert!(holds(&told, "/cn=PROXY/"), "{}", answer.name());
        let (mut told, rest) = book::Response::decode(answer.request_type(), &told).unwrap();
        assert!(rest.is_empty());
        let mut seen = 0;
        told.visit_values_mut(&mut |tag, value| {
            if tag.is_same_property(NETWORK) {
                seen += 1;
                let alias = texts(&["ncacn_ip_tcp:proxy.lab.test"]);
                assert!(alias.contains(value.untyped()), "only the proxy's binding is left: {value:?}");
            }
        });
        assert!(seen >= 3, "{}", answer.name());
    }
}

#[test]
fn an_alias_that_the_client_sends_back_becomes_the_servers_name() {
    let (engine, table) = (engine("exch1.lab.test", None), CookieTable::default());
    let web = open(&engine, &table, "a");
    tell(&web, &answers()[0]);
    let alias = DATABASE.replace("EXCH1", "PROXY");

    let mut requests = vec![
        dn_to_mid(&alias),
        resolve_names(vec![Utf16::from(alias.as_str())]),
        template(&alias),
        mailbox_url(&alias),
        address_book_url(&alias),
    ];
    let tag = PropTag::PidTagEmailAddress;
    for value in text(&alias) {
        let value = TaggedValue::new(tag, value);
        requests.push(seek(value.clone()));
        let content = Restriction::Content {
            fuzzy_level: FuzzyLevel::FL_SUBSTRING,
            tag: value.tag,
            value: value.clone(),
        };
        let relop = RelationalOperator::RELOP_EQ;
        let property = Restriction::Property { relop, tag: value.tag, value };
        for value_flags in [false, true] {
            let both = vec![content.clone(), Restriction::Not(Box::new(property.clone()))];
            let filter = Filter { restriction: Restriction::And(both), value_flags };
            requests.push(get_matches(Maybe::new(filter)));
        }
    }
    for request in requests {
        let sent = request.encode().unwrap();
        let got = ask(&web, &request);
        assert!(holds(&sent, "PROXY") && holds(&got, "EXCH1") && !holds(&got, "PROXY"), "{request:?}");
        // Both names have the same length, and only they differ.
        assert_eq!(sent.len(), got.len());
        let (got, rest) = book::Request::decode(request.request_type(), &got).unwrap();
        assert!(rest.is_empty());
        assert_eq!(got.request_type(), request.request_type());
    }
}

#[test]
fn urls_are_replaced_by_those_of_the_proxy() {
    let (engine, table) = (engine("exch1.lab.test", None), CookieTable::default());
    let web = open(&engine, &table, "a");
    let error_code = ErrorCode::SUCCESS;
    for (url, alias) in [
        ("https://exch1.lab.test/mapi/emsmdb/?MailboxId=7@lab.test", "/mapi/emsmdb/?MailboxId=7@lab.test"),
        ("http://EXCH2:8080/mapi/nspi/", "/mapi/nspi/"),
    ] {
        let alias = Utf16::from(format!("https://proxy.lab.test:8443{alias}").as_str());
        let server_url = Utf16::from(url);
        let mailbox = book::GetMailboxUrlResponse { error_code, server_url: server_url.clone(), aux: NONE };
        let told = tell(&web, &book::Response::GetMailboxUrl(OperationResponse::Complete(mailbox)));
        let expected = book::GetMailboxUrlResponse { error_code, server_url: alias.clone(), aux: NONE };
        assert_eq!(
            told,
            book::Response::GetMailboxUrl(OperationResponse::Complete(expected)).encode().unwrap()
        );

        let book = book::GetAddressBookUrlResponse { error_code, server_url, aux: NONE };
        let told = tell(&web, &book::Response::GetAddressBookUrl(OperationResponse::Complete(book)));
        let expected = book::GetAddressBookUrlResponse { error_code, server_url: alias, aux: NONE };
        assert_eq!(
            told,
            book::Response::GetAddressBookUrl(OperationResponse::Complete(expected)).encode().unwrap()
        );
    }
}

#[test]
fn unknown_bytes_at_the_end_of_a_failed_response_are_removed() {
    let (engine, table) = (engine("exch1.lab.test", None), CookieTable::default());
    let web = open(&engine, &table, "a");
    let failed = |tail: &[u8]| [&[5, 0, 0, 0], tail].concat();
    for tail in [&b"EXCH1.lab.test"[..], b"\0\0\0\0EXCH1.lab.test", b"\xff\xff\0\0EXCH1"] {
        let request = request(&query_rows(Maybe::Absent)).encode().unwrap();
        let (mut flight, _) = web.relayed(RequestType::QueryRows, request);
        assert_eq!(web.delivered(&mut flight, failed(tail)), failed(&[0; 4]), "{tail:?}");
    }
}

#[test]
fn a_response_that_cannot_be_decoded_is_refused() {
    let (engine, table) = (engine("exch1.lab.test", None), CookieTable::default());
    let web = open(&engine, &table, "a");
    let request = request(&query_rows(Maybe::Absent)).encode().unwrap();
    let (mut flight, _) = web.relayed(RequestType::QueryRows, request);
    let next = web.respond(&mut flight, b"\0\0\0\0EXCH1".as_slice());
    assert!(matches!(next, Step::Fault { .. }), "{next:?}");
}
