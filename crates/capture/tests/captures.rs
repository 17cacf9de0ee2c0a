//! Everything in the recordings decodes, encodes to the same bytes, and contains what the recording client read.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use capture::call::{CallBody, RpcOutcome, Stub};
use capture::stream::{Connection, Event, EventKind, Side};
use capture::{Analyzer, Call, CallReader, Operation, RecordedItem, Timestamp};
use engine::{Body, OperationKey};
use identity::NtHash;
use identity::ntlm::passive::DecryptionSecret;
use mapi::compress::{ExtendedFlags, Limits, decode_chain, encode_chain};
use mapi::emsmdb::{self, NO_OBJECT, RopBuffer};
use mapi::inspect::Node;
use mapi::mapihttp::{self, Endpoint, OperationResponse, RequestType, ResponseBody};
use mapi::property::PropTag;
use mapi::rop::logon::LogonFlags;
use mapi::rop::{
    ColumnChange, Columns, Logons, RequestBody, ResponseMatcher, RopReply, RopRequests, RopResponse,
    add_columns,
};
use serde_json::Value;
use testkit::captures::{self, Exchange};
use wire::{Decode as _, Encode as _, Endian, Reader};

/// Exchanges that were malformed on purpose, by their labels.
const MALFORMED: &[&str] = &["ems-unknown-rop-65", "ems-malformed-short-ropbuffer", "hdr-connect-trailing"];

/// The call that an exchange is.
fn call(number: u64, exchange: &Exchange) -> Call {
    let nowhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let connection = Connection { number, client: nowhere, server: nowhere, interface: None };
    let mut reader = CallReader::new(Vec::new());
    reader.data(&connection, Side::Client, Timestamp(0), &exchange.request);
    reader.data(&connection, Side::Server, Timestamp(0), &exchange.response);
    for kind in [EventKind::Ended(Side::Client), EventKind::Ended(Side::Server), EventKind::Closed] {
        reader.event(&Event { connection: &connection, time: Timestamp(0), kind });
    }
    match reader.take().as_slice() {
        [RecordedItem::Call(call)] => (**call).clone(),
        other => panic!("{}: {other:?}", exchange.name()),
    }
}

fn operations(pack: &[Exchange]) -> Vec<Operation> {
    let mut analyzer = Analyzer::default();
    (1..).zip(pack).map(|(number, exchange)| analyzer.operation(&call(number, exchange))).collect()
}

fn packs() -> [Vec<Exchange>; 2] {
    [captures::mapihttp(), captures::mapihttp_compressed()]
}

#[test]
fn every_call_is_decoded_completely_except_for_the_malformed_ones() {
    let mut faults = Vec::new();
    for pack in packs() {
        for (exchange, operation) in pack.iter().zip(operations(&pack)) {
            let on_purpose = MALFORMED.contains(&exchange.label.as_str());
            if operation.problems.is_empty() == on_purpose {
                faults.push(format!("{}: {:?}", exchange.name(), operation.problems));
            }
        }
    }
    assert_eq!(faults, [""; 0]);
}

#[test]
fn rops_and_return_values_match_those_of_the_recording_client() {
    let (mut faults, mut compared) = (Vec::new(), 0);
    for pack in packs() {
        for (exchange, operation) in pack.iter().zip(operations(&pack)) {
            let Some(index) = exchange.index.as_object() else { continue };
            if let Some(code) = index.get("rc").and_then(Value::as_str) {
                compared += 1;
                let decoded = operation.response_code.map(|code| code.to_string());
                if decoded.as_deref() != Some(code) {
                    faults.push(format!("{}: X-ResponseCode {decoded:?}, not {code}", exchange.name()));
                }
            }
            // The recording client could not uncompress.
            let wanted = index.get("rops").filter(|rops| rops[0][0] != "LZX-COMPRESSED");
            let Some(wanted) = wanted.and_then(Value::as_array) else { continue };
            let wanted: Vec<(String, u32)> = wanted.iter().map(read_by_client).collect();
            let decoded = operation.rops.iter().filter(|rop| rop.response.is_some());
            let decoded: Vec<(String, u32)> = decoded
                .map(|rop| {
                    // Its response has the name of another ROP ([MS-OXCROPS] 2.2.6.9.2).
                    let name = match rop.name.trim_start_matches("Rop") {
                        "GetMessageStatus" => "SetMessageStatus",
                        name => name,
                    };
                    (name.to_owned(), rop.return_value.map_or(0, |value| value.0))
                })
                .collect();
            compared += wanted.len();
            if wanted != decoded {
                faults.push(format!("{}: {decoded:?}, not {wanted:?}", exchange.name()));
            }
        }
    }
    assert_eq!(faults, [""; 0]);
    assert!(compared > 800, "{compared}");
}

/// A ROP of the index, with its return value: a number, or hexadecimal digits.
fn read_by_client(rop: &Value) -> (String, u32) {
    let name = rop[0].as_str().unwrap();
    let digits = rop[1].as_str().and_then(|text| text.strip_prefix("0x"));
    let value = digits.map_or_else(
        || u32::try_from(rop[1].as_u64().unwrap_or(0)).unwrap(),
        |digits| u32::from_str_radix(digits, 16).unwrap(),
    );
    (name.to_owned(), value)
}

/// What a session's ROPs depend on.
#[derive(Default)]
struct Known {
    columns: BTreeMap<u32, Arc<[PropTag]>>,
    logons: BTreeMap<u8, bool>,
}

impl Columns for Known {
    fn columns(&self, handle: u32) -> Option<&Arc<[PropTag]>> {
        self.columns.get(&handle)
    }
}

impl Logons for Known {
    fn is_private(&self, logon_id: u8) -> Option<bool> {
        self.logons.get(&logon_id).copied()
    }
}

impl Known {
    fn take_in(
        &mut self,
        asked: &RopBuffer,
        requests: &RopRequests,
        answers: &[(usize, RopReply)],
        response_handles: &[u32],
    ) {
        for (place, reply) in answers.iter().filter(|(_, reply)| reply.return_value.is_success()) {
            let request = &requests.rops[*place];
            if let RequestBody::RopLogon(logon) = &request.body {
                self.logons.insert(request.logon_id, logon.logon_flags.contains(LogonFlags::PRIVATE));
            }
            let at = |index: u8| {
                let known = asked.handle(index).filter(|handle| *handle != NO_OBJECT);
                known.or_else(|| response_handles.get(usize::from(index)).copied())
            };
            let opened = request
                .output_handle_index()
                .and_then(|index| response_handles.get(usize::from(index)).copied());
            let on = request.acted_on_index().and_then(at);
            let (handle, columns) = match request.columns_after(&reply.body) {
                ColumnChange::None => continue,
                ColumnChange::Unknown => (on, Arc::default()),
                ColumnChange::FromRequest(columns) => (on, columns.into()),
                ColumnChange::FromResponse(columns) => (opened.or(on), columns.into()),
                ColumnChange::Added(columns) => {
                    let known = on.and_then(|handle| self.columns.remove(&handle)).unwrap_or_default();
                    (on, add_columns(&known, columns).unwrap())
                }
            };
            self.columns.insert(handle.unwrap(), columns);
        }
    }
}

/// The payloads of extended buffers. Checks that the buffers encode to the same bytes, or, if they are compressed, to
/// bytes that decode to the same payloads.
fn payloads(bytes: &[u8]) -> Vec<Vec<u8>> {
    let chain = decode_chain(bytes, Limits::default()).unwrap();
    let encoded = encode_chain(&chain).unwrap();
    if chain.iter().any(|buffer| buffer.flags.contains(ExtendedFlags::COMPRESSED)) {
        assert_eq!(decode_chain(&encoded, Limits::default()).unwrap(), chain);
    } else {
        assert_eq!(encoded, bytes);
    }
    chain.into_iter().map(|buffer| buffer.payload.into()).collect()
}

fn rop_buffer(payload: &[u8]) -> RopBuffer {
    let buffer = RopBuffer::from_bytes(payload).unwrap();
    assert_eq!(buffer.to_bytes().unwrap(), payload);
    buffer
}

/// Decodes and encodes the ROPs of an exchange. Returns how many there were.
fn rops(name: &str, asked: &[u8], answered: &[u8], known: &mut Known) -> usize {
    let asked = payloads(asked).iter().map(|payload| rop_buffer(payload)).collect::<Vec<_>>();
    let answered = if answered.is_empty() { Vec::new() } else { payloads(answered) };
    let answered = answered.iter().map(|payload| rop_buffer(payload)).collect::<Vec<_>>();
    let [asked] = asked.as_slice() else { panic!("{name}: {} buffers", asked.len()) };
    let requests = RopRequests::decode(&asked.rops, known);
    assert_eq!(requests.error, None, "{name}");
    assert_eq!(requests.to_bytes().unwrap(), asked.rops, "{name}");

    let mut answers = ResponseMatcher::new(&requests.rops, &asked.handles, known);
    let mut replies = Vec::new();
    for (index, buffer) in answered.iter().enumerate() {
        if index > 0 {
            answers.begin_packed();
        }
        let mut r = Reader::new(&buffer.rops);
        while !r.is_empty() {
            let before = r.peek();
            let answer = answers.next(&mut r).unwrap_or_else(|error| panic!("{name}: {error}"));
            let read = &before[..before.len() - r.remaining()];
            assert_eq!(answer.response.to_bytes().unwrap(), read, "{name}: {:?}", answer.response);
            if let (Some(place), RopResponse::Reply(reply)) = (answer.request, answer.response) {
                replies.push((place, reply));
            }
        }
    }
    let count = requests.rops.len() + replies.len();
    let response_handles = answered.first().map_or(&[][..], |buffer| &buffer.handles);
    known.take_in(asked, &requests, &replies, response_handles);
    count
}

/// Decodes and encodes both bodies of an exchange. Returns how many ROPs it had.
fn exchange_survives(name: &str, exchange: &Exchange, sessions: &mut BTreeMap<String, Known>) -> usize {
    let request = exchange.http_request();
    let path = request.start_line.split(' ').nth(1).unwrap();
    let kind = request.header("X-RequestType").and_then(RequestType::parse);
    let (Some(endpoint), Some(kind)) = (Endpoint::of_path(path), kind) else { return 0 };
    let Some(response) = exchange.http_response().filter(|_| !request.body.is_empty()) else { return 0 };
    let tried = response.header("X-ResponseCode") == Some("0");
    let payload = tried.then(|| {
        let (body, payload) = ResponseBody::split(&response.body).unwrap();
        assert_eq!(body.with_payload(payload), response.body, "{name}");
        payload
    });
    macro_rules! both {
        ($bodies:ident) => {{
            let (asked, rest) = mapihttp::$bodies::Request::decode(kind, &request.body).unwrap();
            assert_eq!([&asked.encode().unwrap(), rest].concat(), request.body, "{name}");
            let answered = payload.map(|payload| {
                let (answered, rest) = mapihttp::$bodies::Response::decode(kind, payload).unwrap();
                assert_eq!([&answered.encode().unwrap(), rest].concat(), payload, "{name}");
                answered
            });
            (asked, answered)
        }};
    }
    if endpoint == Endpoint::Nspi {
        both!(nspi);
        return 0;
    }
    let (asked, answered) = both!(emsmdb);
    let mapihttp::emsmdb::Request::Execute(asked) = asked else { return 0 };
    let answered = match &answered {
        Some(mapihttp::emsmdb::Response::Execute(OperationResponse::Complete(answered))) => {
            &answered.rop_buffer.0[..]
        }
        _ => &[],
    };
    let session = request.header("Cookie").unwrap_or_default().split(';').next().unwrap_or_default();
    rops(name, &asked.rop_buffer.0, answered, sessions.entry(session.to_owned()).or_default())
}

#[test]
fn every_body_and_every_rop_encodes_back_byte_for_byte() {
    let mut count = 0;
    for pack in packs() {
        let mut sessions = BTreeMap::new();
        for exchange in pack.iter().filter(|exchange| !MALFORMED.contains(&exchange.label.as_str())) {
            count += exchange_survives(&exchange.name(), exchange, &mut sessions);
        }
    }
    assert!(count > 900, "{count}");
}

/// The calls of the recorded RPC over HTTP, in the order in which they are found, unsealed.
fn rpc_calls() -> Vec<Call> {
    let mut reader =
        CallReader::new(vec![DecryptionSecret::account("alice@lab.test", NtHash::from_password("alicepw1"))]);
    let nowhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
    for (number, recorded) in (1..).zip(captures::rpc_over_http().connections) {
        let connection = Connection { number, client: nowhere, server: nowhere, interface: None };
        reader.data(&connection, Side::Client, Timestamp(0), &recorded.to_server);
        reader.data(&connection, Side::Server, Timestamp(0), &recorded.to_client);
    }
    reader.finish();
    let calls = reader.take().into_iter().map(|found| match found {
        RecordedItem::Call(call) => *call,
        RecordedItem::Problem(problem) => panic!("{problem}"),
    });
    calls.collect()
}

/// Decodes `stub`, and checks that the body encodes to the same bytes.
fn stub_survives<B: Body<Key = OperationKey>>(key: OperationKey, stub: &Stub) -> B {
    let Stub::Plain(bytes, Endian::Little) = stub else { panic!("{key:?}: {stub:?}") };
    let (body, rest) = B::decode(key, bytes, Endian::Little).unwrap();
    let encoded = [&body.encode().unwrap()[..], rest].concat();
    assert_eq!(encoded.len(), bytes.len(), "{key:?}");
    // Alignment gaps have no meaning: zeros here, 0xbf where impacket sent the request.
    let same = |(encoded, recorded): (&u8, &u8)| encoded == recorded || (*encoded, *recorded) == (0, 0xbf);
    assert!(encoded.iter().zip(bytes.iter()).all(same), "{key:?}: {encoded:x?}, not {bytes:x?}");
    body
}

#[test]
fn every_remote_call_and_every_rop_in_it_encodes_back_byte_for_byte_and_leaves_nothing_opaque() {
    let (mut analyzer, mut sessions) = (Analyzer::default(), BTreeMap::<u64, Known>::new());
    let (mut names, mut count, mut problems) = (BTreeMap::<String, usize>::new(), 0, Vec::new());
    for call in rpc_calls() {
        let operation = analyzer.operation(&call);
        problems
            .extend(operation.problems.iter().map(|problem| format!("{}: {problem}", operation.operation)));
        let CallBody::Rpc(rpc) = &call.body else { panic!("{call:?}") };
        let interface = mapi::Interface::by_uuid(rpc.interface.unwrap().uuid).unwrap();
        let key = OperationKey::from((interface, rpc.opnum));
        let RpcOutcome::Response(answer) = &rpc.outcome else { panic!("{:?}", rpc.outcome) };
        let asked = stub_survives::<engine::Request>(key, &rpc.request);
        let answered = stub_survives::<engine::Response>(key, answer);
        if let (
            engine::Request::Emsmdb(emsmdb::Request::EcDoRpcExt2(asked)),
            engine::Response::Emsmdb(emsmdb::Response::EcDoRpcExt2(answered)),
        ) = (asked, answered)
        {
            let known = sessions.entry(call.connection).or_default();
            let decoded = rops(&operation.operation, &asked.rgb_in.0, answered.rgb_out.as_slice(), known);
            let shown = operation.rops.iter().map(|rop| 1 + usize::from(rop.response.is_some()));
            assert_eq!(shown.sum::<usize>(), decoded, "{:?}", operation.rops);
            count += decoded;
        }
        *names.entry(operation.operation).or_default() += 1;
    }
    // impacket sends more than the operation has.
    assert_eq!(problems, ["nspi.GetSpecialTable: request: 4 bytes after the last parameter"; 2]);
    let expected = [
        ("emsmdb.EcDoConnectEx", 1),
        ("emsmdb.EcDoDisconnect", 1),
        ("emsmdb.EcDoRpcExt2", 3),
        ("nspi.Bind", 2),
        ("nspi.GetSpecialTable", 2),
        ("nspi.QueryRows", 1),
        ("nspi.Unbind", 2),
        ("nspi.UpdateStat", 4),
        ("rfr.GetFQDNFromServerDN", 1),
        ("rfr.GetNewDSA", 1),
    ];
    assert_eq!(names, expected.map(|(name, count)| (name.to_owned(), count)).into());
    assert_eq!(count, 10);
}

/// The value of a field within fields, as `request.Filter`.
fn at<'a>(shown: &'a Node, path: &str) -> &'a Node {
    path.split('.').fold(shown, |shown, name| match shown {
        Node::Fields(fields) => {
            let found = fields.iter().find(|(known, _)| known == name);
            &found.unwrap_or_else(|| panic!("no {name} in {fields:?}")).1
        }
        Node::List(items) => &items[name.parse::<usize>().unwrap()],
        other => panic!("no {name} in {other:?}"),
    })
}

#[test]
fn address_book_calls_are_shown_with_names_in_both_envelopes() {
    let text = |text: &str| Node::Text(text.to_owned());
    let by_http = operations(&captures::mapihttp());
    let named = |name: &'static str| by_http.iter().filter(move |operation| operation.operation == name);
    let asked = named("nspi.GetMatches").map(|operation| at(&operation.request, "Filter"));
    assert!(asked.clone().any(|filter| *filter == text("PidTagAnr = \"a\"")), "{asked:?}");
    let rows = &named("nspi.QueryRows").next().unwrap().response;
    assert_eq!(at(rows, "ColumnsAndRows.1.PidTagDisplayName_W"), &text("Alice Example"));
    let connect = named("emsmdb.Connect").find(|operation| operation.return_value.is_some()).unwrap();
    assert_eq!(at(&connect.response, "DisplayName"), &text("Alice Example"));

    let mut analyzer = Analyzer::default();
    let calls: Vec<Operation> = rpc_calls().iter().map(|call| analyzer.operation(call)).collect();
    let rows = &calls.iter().find(|operation| operation.operation == "nspi.QueryRows").unwrap().response;
    assert_eq!(at(rows, "ppRows.1.PidTagSmtpAddress_W"), &text("alice@lab.test"));
    let connect = calls.iter().find(|operation| operation.operation == "emsmdb.EcDoConnectEx").unwrap();
    assert_eq!(at(&connect.response, "szDisplayName"), &text("Alice Example"));
}
