//! Shared by the tests: addresses, folders, processes, the proxy, its clients and servers.
//!
//! Some clients and servers are scripts that execute one command a line of their standard input (`dialogue`); their
//! commands are described at the top of `tests/interop/scripted_client.py`, `http_scripted_client.py` and
//! `http_upstream.py`.

mod accounts;
mod bystander;
mod client;
mod dialogue;
mod forwarder;
mod http;
mod lab;
pub(crate) mod parked;
mod place;
mod process;
mod programs;
mod proxy;
mod raw;
pub(crate) mod raw_http;
mod relay;
mod scripted;
mod upstream;

pub(crate) use self::accounts::{add_account, certificate};
pub(crate) use self::bystander::Bystander;
pub(crate) use self::client::{Client, Report, expect_same};
pub(crate) use self::dialogue::Dialogue;
pub(crate) use self::forwarder::forward;
pub(crate) use self::http::{
    Certificates, Change, Credentials, Curl, HttpClient, HttpPlace, HttpUpstream, Page, RECORDED_SERVER,
    code, header, hex,
};
pub(crate) use self::lab::Lab;
pub(crate) use self::place::{Folder, PATIENCE, address, mode, thread};
pub(crate) use self::process::{Ended, Process};
pub(crate) use self::programs::{example, interop_script, program, python, root};
pub(crate) use self::proxy::{ALICE, BOB, Proxy, Setup};
pub(crate) use self::raw::{
    Connection, EMSMDB, HANDLE, NSPI, Outcome, RFR, RawUpstream, bind, bind_in_group, echo, orphaned, pdu,
    request, request_for, with_handle,
};
pub(crate) use self::relay::{FAULT, FromServer, PduInfo, REQUEST, RESPONSE, Relay};
pub(crate) use self::scripted::ScriptedClient;
pub(crate) use self::upstream::{SERVER, SERVICE, Upstream};
