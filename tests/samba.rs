//! Samba's conformance tests of connection-oriented DCE/RPC, which describe the behaviour of Windows.

use std::process::Command;

use serde_json::Value;

use crate::harness::{ALICE, Folder, Lab, Process, SERVICE, Setup, interop_script};

/// The number of tests that need neither SMB nor Kerberos; a smaller number would mean that some were not found.
const TESTS: usize = 173;

/// The tests that may fail, by the reason.
const FAILING: &[(&str, &[&str])] = &[
    (
        "a context's number has 16 bits in responses too (C706 12.6.3.1); the tests want the low eight",
        &[
            "ntlm_hdr_signing_integrity",
            "ntlm_hdr_signing_packet",
            "ntlm_signing_integrity",
            "ntlm_signing_packet",
            "orphaned_no_request",
            "spnego_hdr_signing_integrity",
            "spnego_hdr_signing_packet",
            "spnego_signing_integrity",
            "spnego_signing_packet",
        ],
    ),
    (
        "who has not signed in may send less than 4 MiB in one call",
        &[
            "fragmented_requests01",
            "fragmented_requests02",
            "fragmented_requests03",
            "fragmented_requests04",
            "fragmented_requests05",
        ],
    ),
    (
        "an orphaned call is forgotten, also where it has not come whole (C706 12.6.4.8)",
        &[
            "orphaned_request_after_first_last",
            "orphaned_request_after_first_mpx_last",
            "orphaned_request_after_first_mpx_no_last",
            "orphaned_request_after_first_no_last",
        ],
    ),
    (
        "NDR64 is not spoken here: to propose it contradicts nothing",
        &["no_auth_presentation_ctx_invalid4", "spnego_change_auth_type2", "spnego_change_transfer"],
    ),
    (
        "an alter_context may propose more than one context (C706 12.6.4.1)",
        &["no_auth_presentation_ctx_no_ndr64"],
    ),
    (
        "a handshake that negotiated too little for its level fails at once, not with the first call",
        &["spnego_integrity_bind_none", "spnego_packet_bind_none"],
    ),
    (
        "whether a fragment may come, and its verifier, are looked at before anything else of it",
        &["ntlmssp_auth_MPX_middle_all_111", "ntlmssp_multi_auth_first1_firstSame2"],
    ),
    ("NTLM signs headers whether that was agreed on or not", &["spnego_multiple_auth_hdr_signing"]),
];

#[test]
fn the_proxy_behaves_like_windows_in_sambas_tests_with_listed_exceptions() {
    let lab = Lab::unprotected();
    let upstream = lab.mapper().to_string();
    let proxy = Setup::before(&upstream).minimum_level("none").service_account(SERVICE).start();
    let folder = Folder::new();
    // Debian's modules are for the machine's own Python.
    let mut command = Command::new("/usr/bin/python3");
    command.arg(interop_script("samba_raw.py")).args([&proxy.address.to_string(), "1135", "6001"]);
    command.args([ALICE.0, "LAB", ALICE.1]).arg(folder.join(""));
    let ended = Process::start("samba_raw.py", &mut command).end();
    assert!(ended.status.success(), "{}\n{}", ended.out, ended.err);
    let report: Value = ended.out.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap();
    assert_eq!(report["ran"], TESTS);
    let failed = report["failed"].as_object().unwrap();
    let mut failing: Vec<&str> = failed.keys().map(|name| name.trim_start_matches("test_")).collect();
    let mut expected: Vec<&str> = FAILING.iter().flat_map(|(_, names)| *names).copied().collect();
    failing.sort_unstable();
    expected.sort_unstable();
    assert_eq!(failing, expected, "{:#}", report["failed"]);
}
