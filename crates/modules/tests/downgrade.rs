//! The downgrade module in conversations: its refusals in each envelope, and the version that clients receive.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::options::{OptionValue, Options};
use engine::{CookieTable, Engine, FaultStatus, Interface, Module as _, ProxyInfo, Stack};
use mapi::ErrorCode;
use mapi::emsmdb::{self, EcDoConnectResponse, Version};
use mapi::mapihttp::{Endpoint, RequestType, ResponseCode};
use mapi::ndr::{ContextHandle, Ptr};
use modules::Downgrade;
use testkit::{MapiHttpClient, RpcClient, Step, caller, incoming};
use wire::{Endian, Guid};

fn engine(mapi_http: bool) -> Engine {
    let mut module = Downgrade::default();
    let given = BTreeMap::from([("mapi_http".to_owned(), OptionValue::Bool(mapi_http))]);
    let (options, errors) = Options::checked(module.name(), module.options(), given);
    assert_eq!(errors, []);
    let [name, upstream, origin] = ["proxy", "server", "https://proxy"].map(str::to_owned);
    module.init(&options, &ProxyInfo { name, upstream, origin, auth_schemes: Vec::new() }).unwrap();
    Engine::new(Stack::new(vec![Box::new(module)]))
}

#[test]
fn ec_do_connect_ex_is_an_unknown_operation() {
    let engine = engine(false);
    let mut client = RpcClient::new(&engine, &Arc::default());
    let (_, step) = client.send(incoming(&caller("a"), (Interface::Emsmdb, 10), vec![0; 64])).unwrap();
    let Step::Fault { status, why, .. } = step else { panic!("not refused: {step:?}") };
    assert_eq!(status, FaultStatus::NCA_S_OP_RNG_ERROR);
    assert!(why.contains("the module downgrade"), "{why}");
}

#[test]
fn connect_over_http_is_refused_only_with_the_option_mapi_http() {
    for refused in [false, true] {
        let (engine, table) = (engine(refused), CookieTable::default());
        let client = MapiHttpClient::new(&engine, &table, Endpoint::Emsmdb, "a");
        let (_, step) = client.send(RequestType::Connect, vec![0; 64]).unwrap();
        match step {
            Step::Fault { code, .. } => assert_eq!((code, refused), (ResponseCode::InvalidRequestType, true)),
            step => assert!(matches!(step, Step::Relay { .. }) && !refused, "{step:?}"),
        }
    }
}

#[test]
fn the_version_of_a_new_server_is_replaced_by_an_old_one() {
    let engine = engine(false);
    let (mut client, alice) = (RpcClient::new(&engine, &Arc::default()), caller("a"));
    for (version, seen) in
        [(Version([8, 0x8000, 0]), Version([6, 6249, 0])), (Version([5, 2653, 0]), Version([5, 2653, 0]))]
    {
        let (mut flight, _) = client.relayed(incoming(&alice, (Interface::Emsmdb, 0), vec![0; 96]));
        let response = emsmdb::Response::EcDoConnect(EcDoConnectResponse {
            handle: ContextHandle::new(Guid::from_le([7; 16])),
            polls_max: 0,
            retry: 0,
            retry_delay: 0,
            icxr: 0,
            dn_prefix: Ptr::NULL,
            display_name: Ptr::NULL,
            server_version: version,
            best_version: version,
            time_stamp: 0,
            return_value: ErrorCode::SUCCESS,
        });
        let stub = client.delivered(&mut flight, response.encode().unwrap());
        let (emsmdb::Response::EcDoConnect(response), _) =
            emsmdb::Response::decode(0, &stub, Endian::Little).unwrap()
        else {
            panic!("another operation")
        };
        assert_eq!((response.server_version, response.best_version), (seen, version));
    }
}
