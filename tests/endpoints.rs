//! What anybody may ask, signed in or not: where the services are, and what a port serves.

use serde_json::json;

use crate::harness::{Client, RawUpstream, Setup};

const SERVED: [(&str, &str); 4] = [
    ("1544F5E0-613C-11D1-93DF-00C04FD7BD09", "1.0"),
    ("5261574A-4572-206E-B268-6B199213B4E4", "0.1"),
    ("A4F1DB00-CA47-1067-B31F-00DD010662DA", "0.81"),
    ("F5CC5A18-4264-101A-8C59-08002B2F8426", "56.0"),
];

#[test]
fn impacket_finds_every_service_and_what_its_port_serves() {
    let upstream = RawUpstream::echo();
    let proxy = Setup::before(&upstream.binding()).start();
    let report = Client::endpoints(proxy.mapper()).run().expect_done();
    let place = format!("ncacn_ip_tcp:{}[6001]", proxy.address);
    let entries: Vec<_> =
        SERVED.iter().map(|(name, version)| json!([format!("{name} v{version}"), place])).collect();
    assert_eq!(report.answer("ept_lookup"), &json!(entries));
    assert_eq!(report.answer("is_server_listening"), 0);

    let mgmt = ("AFA8BD80-7D8A-11C9-BEF4-08002B102989", "1.0");
    let names =
        SERVED.iter().chain([&mgmt]).map(|(name, version)| format!("{name} {version}").to_lowercase());
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert_eq!(report.answer("inq_if_ids"), &json!(names));
    assert_eq!(upstream.connections(), 0, "the server was asked about us");
}
