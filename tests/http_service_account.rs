//! A service account that the HTTP server does not authenticate.

use crate::harness::{ALICE, HttpPlace as Place, SERVICE};

/// The log line after the first request of a client.
#[track_caller]
fn expect_logged(place: &Place, line: &str) {
    let page = place.curl("/EWS/Exchange.asmx").user(ALICE).run();
    assert!(page.status() >= 500, "{page:?}");
    place.proxy.process.wait_err(line, |logged| logged.contains(line));
    let log = place.proxy.process.err().join("\n");
    assert!(!log.contains(SERVICE.1) && !log.contains("Basic TEFC"), "a password is in the log: {log}");
}

#[test]
fn a_scheme_that_the_server_does_not_offer_is_logged_with_the_key_to_change() {
    for (offered, configured, name, offer) in [
        ("ntlm", "basic", "Basic", "NTLM"),
        ("basic", "ntlm", "NTLM", "Basic"),
        ("basic", "negotiate", "Negotiate", "Basic"),
        ("negotiate", "ntlm", "NTLM", "Negotiate"),
    ] {
        let key = format!("\"{configured}\"");
        let place = Place::with(offered, |setup| setup.upstream_key("http_authentication", &key));
        expect_logged(
            &place,
            &format!(
                "the server does not offer {name}, it offers {offer} (supported: {offered}); requests fail until the \
                 server is changed, or upstream.http_authentication is set to a supported scheme"
            ),
        );
    }
}

#[test]
fn an_authentication_failure_is_distinguished_from_a_scheme_that_is_not_offered() {
    for (scheme, name) in [("ntlm", "NTLM"), ("basic", "Basic"), ("negotiate", "Negotiate")] {
        let wrong = (SERVICE.0, "Cheshire Cat 4");
        let place = Place::with(scheme, |setup| setup.service_account(wrong));
        expect_logged(
            &place,
            &format!("the server offers {name} and responds with status 401 to the credentials"),
        );
    }
}
