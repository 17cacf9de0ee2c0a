//! Seeds for fuzzing MAPI over HTTP and Autodiscover.

use std::collections::BTreeMap;

use mapi::mapihttp::headers::X_REQUEST_TYPE;
use mapi::mapihttp::{Endpoint, RequestType, ResponseBody};

use crate::captures::{self, Exchange};
use crate::input::chosen;

/// The maximum number of bodies of each kind, and their maximum length.
const EACH: usize = 4;
const LONGEST: usize = 4000;

fn target(exchange: &Exchange) -> String {
    exchange.http_request().start_line.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// Recorded bodies, and the shortest ones of types that were not recorded.
pub(super) fn mapi_http() -> Vec<Vec<u8>> {
    let mut taken: BTreeMap<(u8, u8), usize> = BTreeMap::new();
    let mut seeds = Vec::new();
    let mut take = |kind: u8, choice: u8, bytes: &[u8]| {
        let count = taken.entry((kind, choice)).or_default();
        if *count < EACH && bytes.len() <= LONGEST {
            *count += 1;
            seeds.push(chosen(&[kind, choice], bytes));
        }
    };
    for exchange in captures::mapihttp() {
        let (request, Some(response)) = (exchange.http_request(), exchange.http_response()) else { continue };
        let Some(endpoint) = Endpoint::of_path(&target(&exchange)) else { continue };
        let request_type = request.header(X_REQUEST_TYPE).and_then(RequestType::parse);
        let place = RequestType::ALL.iter().position(|known| Some(*known) == request_type);
        let Some(choice) = place.and_then(|place| u8::try_from(place).ok()) else { continue };
        let kind = if endpoint == Endpoint::Emsmdb { 0 } else { 2 };
        take(kind, choice, &request.body);
        if let Ok((_, payload)) = ResponseBody::split(&response.body) {
            take(kind + 1, choice, payload);
            take(4, 7, &response.body);
        }
    }
    for choice in (0..).take(RequestType::ALL.len()) {
        take(2, choice, &[[0xFF; 40], [0; 40]].concat());
        for kind in 0..4 {
            take(kind, choice, &[0; 80]);
            take(kind, choice, &[5, 0, 0, 0, 0, 0, 0, 0]);
        }
    }
    let texts = [
        "PROCESSING\r\nPENDINGPENDING\r\nPROCESSING\r\nDONE\r\nX-ElapsedTime: 12\r\nX-ResponseCode: 1\r\n\r\n<html>",
        "DONE\n\n",
    ];
    seeds.extend(texts.map(|text| chosen(&[4, 3], text.as_bytes())));
    let headers = [
        "{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:123",
        "Outlook/16.0.17328.20162",
        "sid=a1; sequence=\"x=y\";;bare; Max-Age=0",
        "QueryColumns",
        "15",
    ];
    seeds.extend(headers.map(|text| chosen(&[5, 0], text.as_bytes())));
    seeds
}

/// Recorded documents, and some that servers send but were not recorded.
pub(super) fn autodiscover() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for exchange in captures::mapihttp().into_iter().take(21) {
        let json = target(&exchange).contains(".json");
        if let Some(response) = exchange.http_response() {
            seeds.push(chosen(&[if json { 2 } else { 0 }], &response.body));
        }
        seeds.push(chosen(&[3], &exchange.http_request().body));
    }
    let others = [
        (
            1,
            "<s:Envelope><s:Body><UserSetting><Name>InternalMailboxServer</Name><Value>e.x</Value></UserSetting>\
             <RedirectTarget>https://a/</RedirectTarget><DomainSetting><Value>https://b/c</Value>\
             <Name>ExternalEwsUrl</Name></DomainSetting></s:Body></s:Envelope>",
        ),
        (
            0,
            "<A><Protocol Type='EXPR'><CertPrincipalName>msstd:a</CertPrincipalName><Url><![CDATA[http://a]]></Url>\
             <Server>a:1</Server><MdbDN>/cn=Servers/cn=E&amp;F/cn=x</MdbDN><!-- c --><AD>&#x61;</AD></Protocol></A>",
        ),
        (0, "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"),
        (2, "[{\"Url\":\"https:\\/\\/a\\u002fb\"},1,null]"),
        (
            3,
            "<Envelope><Body><GetUserSettingsRequestMessage><Mailbox>a@b</Mailbox></GetUserSettingsRequestMessage>\
             </Body></Envelope>",
        ),
        (3, "?Email=a%40b&Protocol=Ews&RedirectCount=1"),
        (3, "/v1.0/a@b?Protocol=ActiveSync"),
    ];
    seeds.extend(others.map(|(kind, text)| chosen(&[kind], text.as_bytes())));
    seeds
}
