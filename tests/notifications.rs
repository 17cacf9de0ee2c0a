//! Notifications of the lab through the proxy: one user over RPC, and one over MAPI over HTTP.

use serde_json::{Value, json};

use crate::harness::{ALICE, BOB, Client, Dialogue, Lab};

/// `ReadAny`, `Create`, `CreateSubFolder` and `FolderVisible` ([MS-OXCPERM] 2.2.7).
const RIGHTS: &str = "483";

fn id(response: &Value) -> String {
    response["folder"].as_str().unwrap_or_else(|| panic!("{response}")).to_owned()
}

#[test]
fn users_of_a_shared_mailbox_are_notified_over_rpc_and_over_http_of_what_each_may_see() {
    let lab = Lab::by_http();
    let (proxy, url) = lab.proxied_by_http();

    let alice = Client::notified("alice").user(ALICE, "privacy").with("--url", &url);
    let certificate = proxy.file("own.crt");
    let alice = alice.with("--ca", certificate.to_str().unwrap()).with("--mail", "alice@lab.test");
    let mut alice = Dialogue::begun(alice);
    let shared = id(&alice.command(&format!("share Shared bob {RIGHTS}")));
    let bob = Client::notified("alice").user(BOB, "privacy");
    let mut bob = Dialogue::begun(bob.with("--epm", &proxy.mapper().to_string()));

    for client in [&mut alice, &mut bob] {
        assert_eq!(client.command("subscribe"), json!({ "subscribed": true }));
        assert_eq!(client.command("begin"), json!({ "begun": true }));
    }
    // Of the inbox, bob may see the shared folder only.
    let private = id(&alice.command("create 0100000000000005 Private"));
    assert_eq!(alice.command("end"), json!({ "pending": true }));
    assert_eq!(alice.command("fetch"), json!({ "folders": [private] }));
    assert_eq!(alice.command("begin"), json!({ "begun": true }));
    assert_eq!(bob.command("fetch"), json!({ "folders": [] }));

    let from_bob = id(&bob.command(&format!("create {shared} FromBob")));
    let from_alice = id(&alice.command(&format!("create {shared} FromAlice")));
    for client in [&mut alice, &mut bob] {
        assert_eq!(client.command("end"), json!({ "pending": true }));
        assert_eq!(client.command("fetch"), json!({ "folders": [from_bob, from_alice] }));
    }
    for client in [alice, bob] {
        let ended = client.end();
        assert!(ended.status.success(), "{}", ended.err);
    }
}
