//! The names module and single ROPs: names in redirections to other servers are replaced.

use mapi::ErrorCode;
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use mapi::rop::logon::{LogonFlags, LogonRedirect, OpenFlags, RopLogonRequest, RopLogonResponse};
use mapi::rop::{
    Bytes8, Bytes16, RequestBody, ResponseBody, ResponseContext, RopReply, RopRequest, RopResponse,
};
use testkit::Mailbox;
use wire::{Encode as _, Reader};

use crate::setup::engine;

const ELSEWHERE: &[u8] = b"/o=O/ou=G/cn=Configuration/cn=Servers/cn=EXCH2\0";

fn logon(essdn: &[u8]) -> RopBuffer {
    let body = RequestBody::RopLogon(RopLogonRequest {
        logon_flags: LogonFlags::PRIVATE,
        open_flags: OpenFlags::default(),
        store_state: 0,
        essdn: Bytes16(essdn.to_vec().into()),
    });
    let rop = RopRequest { logon_id: 0, handle_index: 0, body };
    RopBuffer::new(rop.to_bytes().unwrap(), vec![NO_OBJECT])
}

fn redirect(server: &[u8]) -> RopBuffer {
    let elsewhere =
        LogonRedirect { logon_flags: LogonFlags::PRIVATE, server_name: Bytes8(server.to_vec().into()) };
    let reply = RopReply {
        handle_index: 0,
        return_value: ErrorCode(0x478),
        body: ResponseBody::RopLogon(RopLogonResponse::Redirect(elsewhere)),
    };
    RopBuffer::new(RopResponse::Reply(reply).to_bytes().unwrap(), vec![NO_OBJECT])
}

#[test]
fn the_server_in_a_redirect_is_replaced_and_restored_in_the_next_logon() {
    let engine = engine("exch1.lab.test", None);
    let mut mailbox = Mailbox::open(&engine, "a");

    let (mut flight, relayed) = mailbox.relayed(&logon(b"/o=O/ou=G/cn=Recipients/cn=alice\0"));
    assert_eq!(relayed, logon(b"/o=O/ou=G/cn=Recipients/cn=alice\0"));
    let told = mailbox.delivered(&mut flight, &[redirect(ELSEWHERE)]);
    let told = RopResponse::decode(&mut Reader::new(&told.rops), ResponseContext::default()).unwrap();
    let Some(ResponseBody::RopLogon(RopLogonResponse::Redirect(told))) =
        told.reply().map(|reply| &reply.body)
    else {
        panic!("{told:?}")
    };
    assert_eq!(told.server_name.0, b"/o=O/ou=G/cn=Configuration/cn=Servers/cn=PROXY-IVMEGSBS\0"[..]);

    // Every server's name in a distinguished name is restored.
    let (_, relayed) = mailbox.relayed(&logon(&told.server_name.0));
    assert_eq!(relayed, logon(ELSEWHERE));
}
