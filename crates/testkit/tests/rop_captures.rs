//! Every `Execute` of the recordings: its ROPs are decoded, requests and responses, and written as they came.

use std::collections::{BTreeMap, HashMap};

use mapi::compress::Limits;
use mapi::emsmdb::RopBuffer;
use mapi::http;
use mapi::http::emsmdb::{ExecuteRequest, ExecuteResponse};
use mapi::property::PropTag;
use mapi::rop::logon::LogonFlags;
use mapi::rop::{Answers, Columns, Logons, RequestBody, RopId, RopRequests, RopResponse, RopResponses};
use serde_json::Value;
use testkit::captures::{self, Exchange};
use wire::{Decode as _, Encode as _};

/// What has to be remembered of a session to read its ROPs.
#[derive(Default)]
struct Session {
    columns: HashMap<u32, Vec<PropTag>>,
    private: HashMap<u8, bool>,
}

impl Columns for Session {
    fn columns(&self, handle: u32) -> Option<&[PropTag]> {
        self.columns.get(&handle).map(Vec::as_slice)
    }
}

impl Logons for Session {
    fn is_private(&self, logon_id: u8) -> Option<bool> {
        self.private.get(&logon_id).copied()
    }
}

/// Reads and writes the ROPs of one exchange, and returns which were answered, with what. None where it is no
/// `Execute`, or not one that was answered.
fn walk(session: &mut Session, exchange: &Exchange, problems: &mut Vec<String>) -> Option<Vec<(RopId, u32)>> {
    let mut answered = Vec::new();
    let name = exchange.name();
    let (asked, told) = (request(exchange)?, response(exchange)?);
    let asked = match asked.rop_buffers(Limits::default()) {
        Ok(asked) => asked,
        Err(error) => {
            problems.push(format!("{name}: request: {error}"));
            return None;
        }
    };
    let told = told.rop_buffers(Limits::default()).unwrap();
    assert_eq!(asked.len(), 1, "{name}");
    let asked = RopBuffer::from_bytes(&asked[0].payload).unwrap();
    let requests = RopRequests::decode(&asked.rops, session);
    if let Some(error) = &requests.error {
        problems.push(format!(
            "{name}: request: {error}: {:02x?}",
            &requests.rest[..requests.rest.len().min(40)]
        ));
    }
    assert_eq!(requests.to_bytes().unwrap(), asked.rops, "{name}");
    let known = Session { columns: session.columns.clone(), private: HashMap::new() };
    let mut answers = Answers::new(&requests.rops, &asked.handles, &known);
    let mut handles = Vec::new();
    for (place, buffer) in told.iter().enumerate() {
        let buffer = RopBuffer::from_bytes(&buffer.payload).unwrap();
        if place > 0 {
            answers.begin_packed();
        }
        let responses = RopResponses::decode(&buffer.rops, &mut answers);
        if let Some(error) = &responses.error {
            let rest = &responses.rest[..responses.rest.len().min(40)];
            problems.push(format!("{name}: response: {error}: {rest:02x?}"));
        }
        assert_eq!(responses.to_bytes().unwrap(), buffer.rops, "{name}");
        for response in &responses.rops {
            if let RopResponse::Reply(reply) = response {
                answered.push((reply.body.id(), reply.return_value.0));
            }
        }
        handles.clone_from(&buffer.handles);
    }
    for (handle, columns) in answers.finish(&handles) {
        match columns {
            Some(columns) => drop(session.columns.insert(handle, columns)),
            None => drop(session.columns.remove(&handle)),
        }
    }
    for request in &requests.rops {
        if let RequestBody::RopLogon(logon) = &request.body {
            session.private.insert(request.logon_id, logon.logon_flags.contains(LogonFlags::PRIVATE));
        }
    }
    Some(answered)
}

fn request(exchange: &Exchange) -> Option<ExecuteRequest> {
    let message = exchange.http_request();
    let execute = message.header("X-RequestType").is_some_and(|name| name.eq_ignore_ascii_case("Execute"));
    execute.then(|| ExecuteRequest::from_bytes(&message.body).ok())?
}

fn response(exchange: &Exchange) -> Option<ExecuteResponse> {
    let message = exchange.http_response()?;
    let (_, payload) = http::ResponseBody::split(&message.body).ok()?;
    http::Answer::<ExecuteResponse>::from_bytes(payload).ok()?.get().cloned()
}

/// The session that a request belongs to, by its cookie.
fn session(exchange: &Exchange) -> String {
    let message = exchange.http_request();
    let cookies = message.header("Cookie").unwrap_or_default();
    http::cookies::cookie(cookies, "sid").unwrap_or_default().to_owned()
}

fn indexed(exchange: &Exchange) -> Option<Vec<(String, u32)>> {
    let rops = exchange.index["rops"].as_array()?;
    let number = |value: &Value| match value {
        Value::String(text) => u32::from_str_radix(text.trim_start_matches("0x"), 16).unwrap(),
        value => u32::try_from(value.as_u64().unwrap()).unwrap(),
    };
    Some(rops.iter().map(|rop| (format!("Rop{}", rop[0].as_str().unwrap()), number(&rop[1]))).collect())
}

/// The exchanges that hold on purpose what can't be decoded.
const MALFORMED: [&str; 2] = ["ems-unknown-rop-65", "ems-malformed-short-ropbuffer"];

/// Goes through a recording. `executes` is how many of its exchanges are an `Execute` that was answered.
fn check(exchanges: &[Exchange], executes: usize) {
    let mut sessions: BTreeMap<String, Session> = BTreeMap::new();
    let (mut problems, mut walked) = (Vec::new(), 0);
    for exchange in exchanges {
        let session = sessions.entry(session(exchange)).or_default();
        let Some(answered) = walk(session, exchange, &mut problems) else { continue };
        walked += 1;
        let answered: Vec<_> =
            answered.iter().map(|(id, code)| (id.name().unwrap_or("?").to_owned(), *code)).collect();
        match indexed(exchange) {
            // The recording client could not unpack this one.
            Some(indexed) if indexed.first().is_some_and(|(name, _)| name == "RopLZX-COMPRESSED") => {
                assert!(!answered.is_empty());
            }
            Some(indexed) if answered != indexed => {
                problems.push(format!("{}: {answered:?}, indexed as {indexed:?}", exchange.name()));
            }
            Some(_) => {}
            None if answered.is_empty() => {}
            None => problems.push(format!("{}: not in the index: {answered:?}", exchange.name())),
        }
    }
    let (malformed, problems): (Vec<_>, Vec<_>) =
        problems.into_iter().partition(|problem| MALFORMED.iter().any(|label| problem.contains(label)));
    assert_eq!(malformed.len(), MALFORMED.len());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert_eq!(walked, executes);
}

#[test]
fn every_rop_of_mapi_over_http_is_decoded_and_written_as_it_came() {
    check(&captures::mapihttp(), 369);
}

#[test]
fn every_rop_of_a_server_that_compresses_is_decoded_and_written_as_it_came() {
    check(&captures::mapihttp_compressed(), 84);
}
