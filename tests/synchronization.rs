//! Synchronization with the lab through the proxy: over RPC, and over MAPI over HTTP.

use serde_json::{Value, json};

use crate::harness::{ALICE, BOB, Client, Dialogue, Lab};

/// `ReadAny` and `FolderVisible` ([MS-OXCPERM] 2.2.7).
const RIGHTS: &str = "401";
const INBOX: &str = "0100000000000005";
/// How many messages are in the folder: their stream has several buffers.
const MESSAGES: usize = 60;

#[test]
fn a_folder_is_downloaded_over_rpc_and_over_http_as_the_same_stream() {
    let lab = Lab::by_http();
    let (proxy, url) = lab.proxied_by_http();

    let alice = Client::synchronizing("alice").user(ALICE, "privacy").with("--url", &url);
    let certificate = proxy.file("own.crt");
    let alice = alice.with("--ca", certificate.to_str().unwrap()).with("--mail", "alice@lab.test");
    let mut alice = Dialogue::begun(alice);
    let shared = alice.command(&format!("share Shared bob {RIGHTS}"))["folder"].as_str().unwrap().to_owned();
    let subjects: Vec<String> = (0..MESSAGES).map(|number| format!("message-{number}")).collect();
    for subject in &subjects {
        assert_eq!(alice.command(&format!("message {shared} {subject}")), json!({ "saved": true }));
    }
    let over_http = alice.command(&format!("download {shared}"));
    assert_eq!(over_http["subjects"], json!(subjects));
    assert!(over_http["size"].as_u64() > Some(0x4000), "{}", over_http["size"]);

    let bob = Client::synchronizing("alice").user(BOB, "privacy");
    let mut bob = Dialogue::begun(bob.with("--epm", &proxy.mapper().to_string()));
    assert_eq!(bob.command(&format!("download {shared}")), over_http);
    // Of the inbox, bob may see the shared folder only.
    let refused = bob.command(&format!("download {INBOX}"));
    assert_eq!((&refused["code"], &refused["size"]), (&Value::from(0x8004_010f_u32), &Value::from(0)));
    for client in [alice, bob] {
        let ended = client.end();
        assert!(ended.status.success(), "{}", ended.err);
    }
}
