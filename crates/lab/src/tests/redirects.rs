//! Tests of mailboxes that are on other servers.

use std::sync::Arc;

use mapi::ErrorCode;
use mapi::emsmdb::RpcFlags;
use mapi::rfr;
use mapi::rop::logon::{LogonFlags, OpenFlags, RopLogonRequest, RopLogonResponse};
use mapi::rop::{Bytes16, RequestBody, ResponseBody, RopRequest, RopResponse};
use rpc::ndr::{CharString, Ptr};
use wire::{Encode as _, Reader};

use super::mail::{LOGON, Mail, OUT_MAX, responses};
use super::messages::{INBOX, recipient};
use super::others::refer;
use super::submission::{draft, mail, subjects, submit};
use super::{Caller, authenticated};
use crate::{Lab, LabConfig, Quota, ServerName};

/// A lab in which bob's mailbox is on the server EXCH9.
fn caller() -> Caller {
    let server = ServerName { name: "EXCH9".to_owned(), host: "exch9.lab.test".to_owned() };
    let elsewhere = [("bob".to_owned(), server)].into();
    let lab = Arc::new(Lab::new(LabConfig { elsewhere, ..LabConfig::two_servers() }).unwrap());
    Caller { lab, context: authenticated("svcproxy"), group: Arc::default() }
}

#[test]
fn a_logon_to_a_mailbox_on_another_server_is_redirected_there() {
    let caller = caller();
    assert_eq!(Mail::open(&caller, "bob", "bob").err(), Some(ErrorCode::EC_WRONG_SERVER));
    let mut alice = Mail::open(&caller, "alice", "alice").unwrap();
    let config = caller.lab.config();
    let mut body = RopLogonRequest {
        logon_flags: LogonFlags::PRIVATE | LogonFlags::SPOOLER_PROCESS,
        open_flags: OpenFlags::NONE,
        store_state: 0,
        essdn: Bytes16::default(),
    };
    body.set_dn(config.user_dn("bob").as_bytes());
    let request = RopRequest { logon_id: 1, handle_index: LOGON + 1, body: RequestBody::RopLogon(body) };
    let handles = alice.handles.clone();
    let rops = alice.send(&request.to_bytes().unwrap(), RpcFlags::NONE, OUT_MAX).unwrap();
    assert_eq!(alice.handles, handles, "no object was opened");
    match &responses(&mut Reader::new(&rops[0]))[0] {
        RopResponse::Reply(reply) => {
            assert_eq!(reply.return_value, ErrorCode::EC_WRONG_SERVER);
            let ResponseBody::RopLogon(RopLogonResponse::Redirect(redirect)) = &reply.body else {
                panic!("{reply:?}")
            };
            assert_eq!(redirect.logon_flags, LogonFlags::PRIVATE);
            let name = config.server_dn("EXCH9") + "\0";
            assert_eq!(redirect.server_name.0.to_vec(), name.into_bytes());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_user_whose_mailbox_is_elsewhere_is_referred_to_its_server() {
    let caller = caller();
    let config = caller.lab.config();
    for (user, host) in [("bob", "exch9.lab.test"), ("alice", "exch.lab.test")] {
        let user_dn = CharString::new(config.user_dn(user));
        let request = rfr::GetNewDSARequest { user_dn, ..Default::default() };
        let Ok(rfr::Response::GetNewDSA(response)) = refer(&caller, &rfr::Request::GetNewDSA(request)) else {
            panic!("no response")
        };
        assert_eq!(response.server.get().and_then(Ptr::get), Some(&CharString::new(host)), "{user}");
    }
    let mailbox_server_dn = CharString::new(config.server_dn("EXCH9"));
    let request = rfr::GetFQDNFromServerDNRequest { flags: 0, mailbox_server_dn };
    match refer(&caller, &rfr::Request::GetFQDNFromServerDN(request)).unwrap() {
        rfr::Response::GetFQDNFromServerDN(response) => {
            assert_eq!(response.server_fqdn.get(), Some(&CharString::new("exch9.lab.test")));
        }
        other @ rfr::Response::GetNewDSA(_) => panic!("{other:?}"),
    }
}

#[test]
fn a_message_to_a_mailbox_on_another_server_is_reported_as_undeliverable() {
    let caller = caller();
    let mut alice = mail(&caller, "alice");
    draft(&mut alice, "Tea", vec![recipient(0, "bob@lab.test"), recipient(1, "carol@lab.test")]);
    assert_eq!(submit(&mut alice), Ok(()));
    let inbox = alice.special(INBOX);
    assert_eq!(subjects(&mut alice, inbox), ["Undeliverable: Tea"]);
    let mut carol = mail(&caller, "carol");
    let inbox = carol.special(INBOX);
    assert_eq!(subjects(&mut carol, inbox), ["Tea"]);
}

#[test]
fn a_lab_whose_configuration_names_an_unknown_user_does_not_start() {
    let server = ServerName { name: "EXCH9".to_owned(), host: "exch9.lab.test".to_owned() };
    let quotas = |alias: &str| LabConfig {
        quotas: [(alias.to_owned(), Quota::default())].into(),
        ..LabConfig::default()
    };
    let elsewhere = |alias: &str| LabConfig {
        elsewhere: [(alias.to_owned(), server.clone())].into(),
        ..LabConfig::default()
    };
    let error = |config| Lab::new(config).err().map(|error| error.to_string());
    for config in [quotas("*"), quotas("bob"), elsewhere("bob")] {
        assert_eq!(error(config), None);
    }
    for (config, part) in [
        (quotas("mallory"), "quotas: there is no user \"mallory\""),
        (quotas("Bob"), "quotas: there is no user \"Bob\""),
        (elsewhere("mallory"), "elsewhere: there is no user \"mallory\""),
        (elsewhere("*"), "elsewhere: there is no user \"*\""),
    ] {
        let error = error(config).unwrap_or_default();
        assert!(error.starts_with(part), "{error:?}, not {part:?}");
    }
}
