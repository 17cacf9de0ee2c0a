//! The requests that `dummy` sends ahead, in the envelope of the client's request.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::options::{OptionValue, Options};
use engine::{CookieTable, Engine, Interface, Module, OperationKey, ProxyInfo, Stack};
use mapi::ErrorCode;
use mapi::mapihttp::nspi::{self as book, Request};
use mapi::mapihttp::{AuxiliaryBuffer, Endpoint, Maybe, OperationResponse, RequestType};
use mapi::nspi::{FlatUid, Stat};
use modules::Dummy;
use testkit::{MapiHttpClient, RpcClient, Step, caller};

const NONE: AuxiliaryBuffer = AuxiliaryBuffer::NONE;

fn asking() -> Engine {
    let mut dummy = Dummy::default();
    let given = BTreeMap::from([("ahead".to_owned(), OptionValue::Bool(true))]);
    let (options, errors) = Options::checked(dummy.name(), dummy.options(), given);
    assert_eq!(errors, []);
    let (name, upstream, origin) = ("proxy".to_owned(), "server".to_owned(), "https://proxy".to_owned());
    dummy.init(&options, &ProxyInfo { name, upstream, origin, auth_schemes: Vec::new() }).unwrap();
    Engine::new(Stack::new(vec![Box::new(dummy)]))
}

#[test]
fn columns_are_requested_over_http_before_a_request_over_http() {
    let (engine, table) = (asking(), CookieTable::default());
    let web = MapiHttpClient::new(&engine, &table, Endpoint::Nspi, "a");
    let bind = book::BindRequest { flags: 0, stat: Maybe::new(Stat::default()), aux: NONE };
    let (mut flight, _) = web.relayed(RequestType::Bind, Request::Bind(bind).encode().unwrap());
    let server_guid = FlatUid::default();
    let bound = book::BindResponse { error_code: ErrorCode::SUCCESS, server_guid, aux: NONE };
    web.delivered(&mut flight, book::Response::Bind(OperationResponse::Complete(bound)).encode().unwrap());

    let body = vec![7; 40];
    let (mut flight, ahead) = web.relayed(RequestType::GetMatches, body.clone());
    assert_eq!(flight.ahead(), Some(OperationKey::Http(Endpoint::Nspi, RequestType::QueryColumns)));
    let columns = book::QueryColumnsRequest { reserved: 0, map_flags: 0, aux: NONE };
    assert_eq!(ahead[..], Request::QueryColumns(columns).encode().unwrap());
    let Step::Relay { stub, .. } = web.respond(&mut flight, vec![0; 13]) else { panic!("not relayed") };
    assert_eq!((flight.ahead(), &stub[..]), (None, &body[..]));
    web.delivered(&mut flight, vec![0; 13]);
    // Nothing is sent ahead of a request for the columns, or of one that ends the session.
    for kind in [RequestType::QueryColumns, RequestType::Unbind] {
        let (mut flight, _) = web.relayed(kind, vec![0; 12]);
        assert_eq!(flight.ahead(), None, "{kind}");
        web.delivered(&mut flight, vec![0; 13]);
    }
}

#[test]
fn columns_are_requested_by_a_call_before_a_call() {
    let engine = asking();
    let mut talk = RpcClient::new(&engine, &Arc::default());
    let alice = caller("a");
    let ours = talk.bind(&alice, 0xee);
    let stub = [&ours[..], &[9; 12]].concat();
    let (mut flight, ahead) = talk.relayed(testkit::incoming(&alice, (Interface::Nspi, 12), stub.clone()));
    assert_eq!(ahead[..], [&[0; 4][..], &[0xee; 16], &[0; 8]].concat());
    let Step::Relay { stub: own, .. } = talk.respond(&mut flight, vec![0; 8]) else { panic!("not relayed") };
    assert_eq!(own[20..], stub[20..]);
}
