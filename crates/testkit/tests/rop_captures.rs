//! Every `Execute` of the recordings: its ROPs are decoded, and encoded to the same bytes.

use std::collections::BTreeMap;

use mapi::rop::{ResponseMatcher, RopId, RopRequests, RopResponse, RopResponses};
use serde_json::Value;
use testkit::captures::{self, Exchange};
use testkit::recorded_executes::{Execute, Session, executes};
use wire::Encode as _;

/// Decodes and encodes the ROPs of one exchange, and returns those with a response, with it.
fn walk(session: &mut Session, execute: &Execute, problems: &mut Vec<String>) -> Vec<(RopId, u32)> {
    let (name, asked) = (&execute.name, &execute.asked);
    let mut answered = Vec::new();
    let requests = RopRequests::decode(&asked.rops, session);
    if let Some(error) = &requests.error {
        problems.push(format!("{name}: request: {error}: {:02x?}", requests.rest));
    }
    assert_eq!(requests.to_bytes().unwrap(), asked.rops, "{name}");
    let known = session.clone();
    let mut answers = ResponseMatcher::new(&requests.rops, &asked.handles, &known);
    for told in &execute.told {
        let responses = RopResponses::decode(&told.rops, &mut answers);
        if let Some(error) = &responses.error {
            problems.push(format!("{name}: response: {error}: {:02x?}", responses.rest));
        }
        assert_eq!(responses.to_bytes().unwrap(), told.rops, "{name}");
        answered.extend(
            responses
                .rops
                .iter()
                .filter_map(RopResponse::reply)
                .map(|reply| (reply.body.id(), reply.return_value.0)),
        );
        answers.begin_packed();
    }
    let last = execute.told.last().map(|told| told.handles.clone()).unwrap_or_default();
    let changed = answers.finish(&last);
    session.remember(&requests.rops, changed);
    answered
}

fn indexed(exchange: &Exchange) -> Option<Vec<(String, u32)>> {
    let rops = exchange.index["rops"].as_array()?;
    let number = |value: &Value| match value {
        Value::String(text) => u32::from_str_radix(text.trim_start_matches("0x"), 16).unwrap(),
        value => u32::try_from(value.as_u64().unwrap()).unwrap(),
    };
    Some(rops.iter().map(|rop| (format!("Rop{}", rop[0].as_str().unwrap()), number(&rop[1]))).collect())
}

/// The exchanges that intentionally contain undecodable ROPs.
const MALFORMED: [&str; 2] = ["ems-unknown-rop-65", "ems-malformed-short-ropbuffer"];

/// Checks a recording. `count` is the number of its exchanges that are an `Execute` with a response.
fn check(exchanges: &[Exchange], count: usize) {
    let mut sessions: BTreeMap<String, Session> = BTreeMap::new();
    let (mut problems, mut walked) = (Vec::new(), 0);
    for exchange in exchanges {
        let execute = match executes(exchange) {
            Some(Ok(execute)) => execute,
            Some(Err(error)) => {
                problems.push(format!("{}: request: {error}", exchange.name()));
                continue;
            }
            None => continue,
        };
        let session = sessions.entry(execute.session.clone()).or_default();
        let answered = walk(session, &execute, &mut problems);
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
    assert_eq!(walked, count);
}

#[test]
fn every_recorded_http_rop_is_decoded_and_encoded_unchanged() {
    check(&captures::mapihttp(), 369);
}

#[test]
fn every_recorded_rop_of_a_compressing_server_is_decoded_and_encoded_unchanged() {
    check(&captures::mapihttp_compressed(), 84);
}
