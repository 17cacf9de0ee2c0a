//! Every recorded exchange decodes, and encodes to the same bytes.

use mapi::mapihttp::headers::{self, ResponseCode};
use mapi::mapihttp::{Endpoint, RequestType, ResponseBody, emsmdb, nspi};
use testkit::captures::{self, Exchange, HttpMessage};

fn target(message: &HttpMessage) -> &str {
    message.start_line.split(' ').nth(1).expect("a request has a target")
}

macro_rules! survives {
    ($endpoint:ident, $name:expr, $request_type:expr, $request:expr, $response:expr) => {{
        let (decoded, rest) = $endpoint::Request::decode($request_type, &$request).expect(&$name);
        assert!(rest.is_empty(), "{}", $name);
        assert_eq!(decoded.encode().expect(&$name), $request, "{}", $name);
        let (decoded, rest) = $endpoint::Response::decode($request_type, $response).expect(&$name);
        assert!(rest.is_empty(), "{}", $name);
        assert_eq!(decoded.encode().expect(&$name), $response, "{}", $name);
    }};
}

/// The recorded exchanges with an endpoint that succeeded.
fn successful_exchanges() -> Vec<(Exchange, Endpoint, RequestType, HttpMessage, HttpMessage)> {
    let all = captures::mapihttp().into_iter().chain(captures::mapihttp_compressed());
    let exchanges = all.filter_map(|exchange| {
        let request = exchange.http_request();
        let response = exchange.http_response()?;
        let endpoint = Endpoint::of_path(target(&request))?;
        let request_type = RequestType::parse(request.header(headers::X_REQUEST_TYPE)?)?;
        let code = response.header(headers::X_RESPONSE_CODE).and_then(ResponseCode::parse)?;
        let content_type = response.header("Content-Type")?;
        assert_eq!(code == ResponseCode::Success, headers::is_mapi_http(content_type));
        (code == ResponseCode::Success).then_some((exchange, endpoint, request_type, request, response))
    });
    exchanges.collect()
}

#[test]
fn recorded_bodies_round_trip() {
    let exchanges = successful_exchanges();
    assert_eq!(exchanges.len(), 472);
    for (exchange, endpoint, request_type, request, response) in &exchanges {
        let name = exchange.name();
        let (body, payload) = ResponseBody::split(&response.body).expect(&name);
        assert!(body.is_done(), "{name}");
        assert!(body.header(headers::X_ELAPSED_TIME).is_some(), "{name}");
        assert_eq!(body.with_payload(payload), response.body, "{name}");
        match endpoint {
            Endpoint::Emsmdb => survives!(emsmdb, name, *request_type, request.body, payload),
            Endpoint::Nspi => survives!(nspi, name, *request_type, request.body, payload),
        }
    }
}

#[test]
fn connect_responses_match_the_index() {
    let mut seen = 0;
    for (exchange, endpoint, request_type, _, response) in successful_exchanges() {
        if endpoint != Endpoint::Emsmdb || request_type != RequestType::Connect {
            continue;
        }
        let name = exchange.name();
        let (_, payload) = ResponseBody::split(&response.body).expect(&name);
        let (decoded, _) = emsmdb::Response::decode(request_type, payload).expect(&name);
        assert_eq!(u64::from(decoded.return_value().0), exchange.index["ec"], "{name}");
        let emsmdb::Response::Connect(fields) = decoded else { unreachable!("a response to Connect") };
        let fields = fields.get().expect("a success has its fields");
        assert_eq!(u64::from(fields.polls_max), exchange.index["polls_max"], "{name}");
        assert_eq!(u64::from(fields.retry_delay), exchange.index["delay"], "{name}");
        assert_eq!(fields.display_name.to_string(), exchange.index["name"], "{name}");
        assert!(fields.aux.blocks().expect(&name).is_some_and(|aux| !aux.blocks.is_empty()), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[test]
fn address_book_responses_match_the_index() {
    let mut seen = 0;
    for (exchange, endpoint, request_type, _, response) in successful_exchanges() {
        if endpoint != Endpoint::Nspi {
            continue;
        }
        let name = exchange.name();
        let (_, payload) = ResponseBody::split(&response.body).expect(&name);
        let (decoded, _) = nspi::Response::decode(request_type, payload).expect(&name);
        if let Some(code) = exchange.index["ec"].as_str() {
            assert_eq!(format!("{:#x}", decoded.return_value().0), code, "{name}");
        }
        let rows = match &decoded {
            nspi::Response::QueryRows(fields) => fields.get().and_then(|fields| fields.rows.get()),
            nspi::Response::ResolveNames(fields) => fields.get().and_then(|fields| fields.rows.get()),
            _ => None,
        };
        if let Some(rows) = rows {
            let indexed = exchange.index["rows"].as_array().expect(&name);
            assert_eq!(rows.rows.len(), indexed.len(), "{name}");
        }
        seen += 1;
    }
    assert_eq!(seen, 13);
}

#[test]
fn requests_that_the_server_refused_are_decoded() {
    let mut refused = Vec::new();
    for exchange in captures::mapihttp() {
        let request = exchange.http_request();
        let Some(endpoint) = Endpoint::of_path(target(&request)) else { continue };
        let code =
            exchange.http_response().and_then(|r| ResponseCode::parse(r.header(headers::X_RESPONSE_CODE)?));
        let Some(request_type) = request.header(headers::X_REQUEST_TYPE).and_then(RequestType::parse) else {
            continue;
        };
        if code.is_none_or(|code| code == ResponseCode::Success) {
            continue;
        }
        let (encoded, rest) = match endpoint {
            Endpoint::Emsmdb => emsmdb::Request::decode(request_type, &request.body)
                .map(|(decoded, rest)| (decoded.encode().expect("a decoded request encodes"), rest.to_vec())),
            Endpoint::Nspi => nspi::Request::decode(request_type, &request.body)
                .map(|(decoded, rest)| (decoded.encode().expect("a decoded request encodes"), rest.to_vec())),
        }
        .unwrap_or_else(|_| {
            refused.push(exchange.label.clone());
            (request.body.clone(), Vec::new())
        });
        assert_eq!([encoded, rest].concat(), request.body, "{}", exchange.name());
    }
    // Requests without a body, and one whose body ends within a field.
    let bodiless =
        ["no-requestid", "no-clientinfo", "execute-nocookie", "execute-badcookie", "connect-emptybody"];
    let malformed = bodiless.into_iter().chain(["connect-trailing"]).map(|label| format!("hdr-{label}"));
    assert_eq!(refused, malformed.collect::<Vec<_>>());
}
