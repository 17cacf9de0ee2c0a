//! Ownership of sessions: handles of other users, clients that disconnect, and the hooks of modules.

use crate::harness::{
    ALICE, BOB, Client, Connection, NSPI, Outcome, RawUpstream, ScriptedClient, Setup, Upstream,
    bind_in_group, request_for, with_handle,
};

const CONTEXT_MISMATCH: &str = "context_mismatch";

#[test]
fn a_handle_is_refused_for_another_user_on_another_connection() {
    let upstream = Upstream::start();
    let proxy = Setup::before(&upstream.mapper().to_string()).stack(&["names"]).start();
    let mut alice = ScriptedClient::bound(&proxy, ALICE, 0);
    let mut bob = ScriptedClient::bound(&proxy, BOB, 0);
    assert_ne!(alice.group, bob.group);
    let (of_alice, of_bob) = (alice.open(), bob.open());
    assert_ne!(of_alice, of_bob);
    alice.expect_use(&of_alice);
    bob.expect_use(&of_bob);

    assert!(bob.fault_of(&of_alice).contains(CONTEXT_MISMATCH));
    assert!(alice.fault_of(&of_bob).contains(CONTEXT_MISMATCH));
    assert!(bob.command(&format!("close {of_alice}"))["fault"].as_str().unwrap().contains(CONTEXT_MISMATCH));
    // No call reached the server, and both sessions continue.
    alice.expect_use(&of_alice);
    bob.expect_use(&of_bob);
    assert_eq!(upstream.calls().iter().filter(|call| *call == "NspiCompareMIds").count(), 4);
    assert!(upstream.log().iter().all(|line| line.get("refused").is_none()));
    assert!(!upstream.calls().contains(&"NspiUnbind".to_owned()));
}

#[test]
fn joining_the_association_group_of_another_user_gives_no_access_to_its_handles() {
    let upstream = Upstream::start();
    let proxy = Setup::before(&upstream.mapper().to_string()).start();
    let mut alice = ScriptedClient::bound(&proxy, ALICE, 0);
    let handle = alice.open();
    let mut bob = ScriptedClient::bound(&proxy, BOB, alice.group);
    assert_eq!(bob.group, alice.group, "the group can't be joined, and this shows nothing");
    assert!(bob.fault_of(&handle).contains(CONTEXT_MISMATCH));
    alice.expect_use(&handle);
    // The handles of a group belong to both connections of a user. At scapy's server they do not, so that the
    // refusal is the server's.
    let mut again = ScriptedClient::bound(&proxy, ALICE, alice.group);
    assert!(again.fault_of(&handle).contains(CONTEXT_MISMATCH));
    assert_eq!(upstream.log().iter().filter(|line| line.get("refused").is_some()).count(), 1);
}

#[test]
fn an_association_group_ends_with_its_identity_also_if_another_identity_names_it() {
    let upstream = Upstream::start();
    let proxy = Setup::before(&upstream.mapper().to_string()).stack(&["names", "dummy"]).start();
    let mut alice = ScriptedClient::bound(&proxy, ALICE, 0);
    let handle = alice.open();
    alice.expect_use(&handle);
    // Another user, and a client that did not sign in: the number of the group is sent in clear.
    let mut bob = ScriptedClient::bound(&proxy, BOB, alice.group);
    let of_bob = bob.open();
    let mut unknown = Connection::open(proxy.rpc());
    unknown.send(&bind_in_group(NSPI, u32::try_from(alice.group).unwrap()));
    assert_eq!(unknown.response(), Outcome::Other(12), "the bind is acknowledged");
    alice.kill();
    proxy.process.wait_err("unbind", |line| line.contains("unbind") && line.contains("operations=2"));
    bob.expect_use(&of_bob);
    assert!(bob.fault_of(&handle).contains(CONTEXT_MISMATCH));
}

#[test]
fn the_object_of_a_call_is_forwarded_to_the_server() {
    let upstream = RawUpstream::echo();
    let proxy = Setup::before(&upstream.binding()).unprotected().start();
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let handle = client.nspi_bind();
    let object = *b"an object's UUID";
    client.send(&request_for(9, object, 10, &with_handle(handle, &[7; 48])));
    assert_eq!(client.response().stub()[..48], [7; 48]);
    assert!(matches!(client.call(10, &with_handle(handle, &[7; 48])), Outcome::Response(_)));
    let objects: Vec<_> = upstream.calls().iter().map(|call| call.object).collect();
    assert_eq!(objects, [None, Some(object), None]);
}

#[test]
fn the_servers_own_handle_is_refused() {
    let upstream = RawUpstream::echo();
    let proxy = Setup::before(&upstream.binding()).unprotected().start();
    let mut one = Connection::bound(proxy.rpc(), NSPI);
    let mut other = Connection::bound(proxy.rpc(), NSPI);
    let handles = [one.nspi_bind(), other.nspi_bind()];
    // One handle at the server has two at the proxy.
    assert_ne!(handles[0], handles[1]);
    assert!(!handles.contains(&crate::harness::HANDLE));
    let fault = crate::harness::Outcome::Fault(0x1C00_001A);
    assert_eq!(one.call(10, &with_handle(crate::harness::HANDLE, &[0; 48])), fault);
    assert_eq!(one.call(10, &with_handle(handles[1], &[0; 48])), fault);
    assert_eq!(one.call(10, &with_handle([0; 16], &[0; 48])), fault);
    assert_eq!(upstream.calls().len(), 2);
}

#[test]
fn the_servers_handles_of_a_disconnected_client_are_closed() {
    let upstream = Upstream::start();
    let proxy = Setup::before(&upstream.mapper().to_string()).stack(&["names", "dummy"]).start();
    let mut stays = ScriptedClient::bound(&proxy, BOB, 0);
    let of_bob = stays.open();
    let mut vanishes = ScriptedClient::bound(&proxy, ALICE, 0);
    let handle = vanishes.open();
    vanishes.expect_use(&handle);
    vanishes.kill();
    upstream.wait_closed(1);
    proxy.process.wait_err("unbind", |line| line.contains("unbind") && line.contains("operations=2"));
    // The handle is closed with its owner, and others keep theirs.
    let mut alice = ScriptedClient::bound(&proxy, ALICE, 0);
    assert!(alice.fault_of(&handle).contains(CONTEXT_MISMATCH));
    stays.expect_use(&of_bob);
    stays.disconnect();
    upstream.wait_closed(2);
}

/// The hooks of one operation in `dummy`'s lines, in order.
const HOOKS: [&str; 6] = ["request_bytes", "request", "dispatch", "response_bytes", "response", "deliver"];

/// The hook in a line of `dummy`.
fn hook(line: &str) -> Option<&str> {
    line.split_once("dummy: ")?.1.split_whitespace().next()
}

#[test]
fn a_module_is_called_at_every_hook_and_in_order() {
    let upstream = Upstream::start();
    let setup = Setup::before(&upstream.mapper().to_string()).stack(&["names", "dummy"]);
    let mut proxy = setup.log("warn,dummy=info").start();
    let mut alice = ScriptedClient::bound(&proxy, ALICE, 0);
    let handle = alice.open();
    alice.expect_use(&handle);
    assert_eq!(alice.command(&format!("close {handle}"))["closed"], *handle);
    alice.disconnect();
    let ended = proxy.stop();
    assert!(ended.status.success(), "{}", ended.err);

    let said: Vec<_> = ended.err.lines().filter_map(hook).collect();
    let mut expected = vec!["init"];
    expected.extend(HOOKS.iter().cycle().take(3 * HOOKS.len()));
    expected.extend(["unbind", "shutdown"]);
    assert_eq!(said, expected, "{}", ended.err);
    let of_operations = |line: &&str| line.contains("operation=");
    assert!(ended.err.lines().filter(of_operations).all(|line| line.contains("user=LAB\\alice")));
    assert!(ended.out.contains("0 open security contexts"), "{}", ended.out);
}

#[test]
fn every_security_context_is_closed_at_the_end() {
    let upstream = Upstream::start();
    let mut proxy = Setup::before(&upstream.mapper().to_string()).stack(&["names"]).start();
    for account in [ALICE, BOB] {
        Client::scapy(proxy.mapper()).user(account, "privacy").run().expect_success();
    }
    let mut open = ScriptedClient::bound(&proxy, ALICE, 0);
    open.open();
    let ended = proxy.stop();
    assert!(ended.status.success(), "{}", ended.err);
    assert!(
        ended.out.contains("13 operations, 0 faults, 5 authentications, 0 refused clients"),
        "{}",
        ended.out
    );
    assert!(ended.out.contains("0 open security contexts"), "{}", ended.out);
}
