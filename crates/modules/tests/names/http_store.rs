//! Names of servers in the mailbox store's operations over HTTP, and in the auxiliary buffers of all.

use engine::CookieTable;
use mapi::ErrorCode;
use mapi::aux_block::{
    AuxBlock, AuxBody, AuxBuffer, AuxType, AuxVersion, ExOrgInfo, OrgFlags, ServerSessionInfo,
};
use mapi::mapihttp::nspi::{self as book, ColumnsAndRows};
use mapi::mapihttp::{
    AuxiliaryBuffer, Endpoint, Failure, Maybe, OperationResponse, RequestType, SizedBytes, String8, emsmdb,
};
use mapi::property::PropertyRow;
use testkit::MapiHttpClient;
use wire::Utf16;

use crate::http::{HOME, NONE, ask, dn_to_mid, open, query_rows, tell, text};
use crate::setup::{DATABASE, OTHER, engine, holds};

fn connect(user_dn: &str) -> Vec<u8> {
    let request = emsmdb::ConnectRequest {
        user_dn: String8(user_dn.as_bytes().to_vec()),
        flags: 0,
        default_code_page: 1252,
        lcid_sort: 1033,
        lcid_string: 1033,
        aux: NONE,
    };
    emsmdb::Request::Connect(request).encode().unwrap()
}

fn connected(dn_prefix: &str, aux: AuxiliaryBuffer) -> Vec<u8> {
    let answer = emsmdb::ConnectResponse {
        error_code: ErrorCode::SUCCESS,
        polls_max: 60_000,
        retry_count: 6,
        retry_delay: 10_000,
        dn_prefix: String8(dn_prefix.as_bytes().to_vec()),
        display_name: Utf16::from("Alice"),
        aux,
    };
    emsmdb::Response::Connect(OperationResponse::Complete(answer)).encode().unwrap()
}

#[test]
fn names_are_replaced_in_both_directions_of_connect() {
    let (engine, table) = (engine("exch1.lab.test", None), CookieTable::default());
    let web = MapiHttpClient::new(&engine, &table, Endpoint::Emsmdb, "a");
    let alias = DATABASE.replace("EXCH1", "PROXY");
    let (mut flight, got) = web.relayed(RequestType::Connect, connect("/o=O/cn=Recipients/cn=alice"));
    assert_eq!(got, connect("/o=O/cn=Recipients/cn=alice"));
    let told = web.delivered(&mut flight, connected(DATABASE, NONE));
    assert_eq!(told, connected(&alias, NONE));
    let (_, got) = web.relayed(RequestType::Connect, connect(&alias));
    assert_eq!(got, connect(DATABASE));
}

/// A block without names, and the same with one that names the server.
fn blocks() -> [AuxiliaryBuffer; 2] {
    let kept: AuxBody = ExOrgInfo { org_flags: OrgFlags::default() }.into();
    let naming: AuxBody = ServerSessionInfo::new("Server=EXCH1.lab.test").into();
    let one = AuxVersion::AUX_VERSION_1;
    let kept = AuxBlock::new(one, AuxType::AUX_TYPE_EXORGINFO, kept);
    let naming = AuxBlock::new(one, AuxType::AUX_SERVER_SESSION_INFO, naming);
    [vec![kept.clone()], vec![kept, naming]]
        .map(|blocks| AuxiliaryBuffer::of_blocks(&AuxBuffer::new(blocks)).unwrap())
}

#[test]
fn auxiliary_blocks_that_name_the_server_are_removed_from_all_responses() {
    let engine = engine("exch1.lab.test", None);
    let [kept, naming] = blocks();
    let unreadable = AuxiliaryBuffer::new(b"EXCH1 in no form that anybody knows".to_vec());
    for (said, left) in [(naming, kept.clone()), (unreadable, NONE), (kept.clone(), kept)] {
        let table = CookieTable::default();
        let store = MapiHttpClient::new(&engine, &table, Endpoint::Emsmdb, "a");
        let (mut flight, _) = store.relayed(RequestType::Connect, connect("/o=O/cn=alice"));
        let told = store.delivered(&mut flight, connected("/o=O", said.clone()));
        assert_eq!(told, connected("/o=O", left.clone()));

        let execute = |aux| emsmdb::ExecuteResponse {
            error_code: ErrorCode::SUCCESS,
            flags: mapi::emsmdb::RpcFlags::default(),
            rop_buffer: SizedBytes::default(),
            aux,
        };
        let failed = |aux| Failure { status_code: ErrorCode(5), aux };
        for (sent, expected) in [
            (
                OperationResponse::Complete(execute(said.clone())),
                OperationResponse::Complete(execute(left.clone())),
            ),
            (
                OperationResponse::Failure(failed(said.clone())),
                OperationResponse::Failure(failed(left.clone())),
            ),
        ] {
            let request = emsmdb::Request::Execute(emsmdb::ExecuteRequest {
                flags: mapi::emsmdb::RpcFlags::default(),
                rop_buffer: SizedBytes::default(),
                max_rop_out: 0x8000,
                aux: NONE,
            });
            let (mut flight, _) = store.relayed(RequestType::Execute, request.encode().unwrap());
            let told = store.delivered(&mut flight, emsmdb::Response::Execute(sent).encode().unwrap());
            assert_eq!(told, emsmdb::Response::Execute(expected).encode().unwrap());
        }

        let book = open(&engine, &table, "b");
        let answer = |aux| {
            let mut answer = query_rows(Maybe::Absent);
            *answer.aux_mut().unwrap() = aux;
            answer
        };
        assert_eq!(tell(&book, &answer(said.clone())), answer(left.clone()).encode().unwrap());
        let answer = |aux| book::Response::QueryRows(OperationResponse::Failure(failed(aux)));
        assert_eq!(tell(&book, &answer(said)), answer(left).encode().unwrap());
    }
}

#[test]
fn an_alias_is_the_same_in_all_sessions_of_both_endpoints() {
    let (engine, table) = (engine("exch1.lab.test", None), CookieTable::default());
    let (alice, bob) = (open(&engine, &table, "a"), open(&engine, &table, "b"));
    let rows = |dn: &str| {
        let values = text(dn);
        let columns = values.iter().map(|value| HOME.with_type(value.prop_type())).collect();
        let rows = vec![PropertyRow::Standard(values.to_vec())];
        query_rows(Maybe::new(ColumnsAndRows { columns, rows }))
    };
    // EXCH2 in base 32.
    let (second, alias) = (OTHER, "PROXY-IVMEGSBS");
    for web in [&alice, &bob] {
        let told = tell(web, &rows(second));
        assert!(holds(&told, &format!("/cn={alias}/")) && !holds(&told, "EXCH2"));
        assert!(holds(&tell(web, &rows(DATABASE)), "/cn=PROXY/"));
    }
    let sent = |web: &MapiHttpClient<'_>, name| ask(web, &dn_to_mid(&DATABASE.replace("EXCH1", name)));
    for web in [&alice, &bob] {
        assert!(holds(&sent(web, "PROXY"), "EXCH1"));
        assert!(holds(&sent(web, alias), "EXCH2"));
        assert!(holds(&sent(web, "PROXY-2"), "PROXY-2"), "is the alias of no server");
    }
    let store = MapiHttpClient::new(&engine, &table, Endpoint::Emsmdb, "a");
    let (_, got) = store.relayed(RequestType::Connect, connect(&DATABASE.replace("EXCH1", alias)));
    assert!(holds(&got, "/cn=EXCH2/"));
}
