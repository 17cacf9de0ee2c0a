//! Decoding and encoding of all recordings (`tests/captures`), on one core.

use std::collections::HashMap;
use std::error::Error;
use std::hint::black_box;

use mapi::fast_transfer;
use mapi::mapihttp::{self, Endpoint, RequestType, ResponseBody};
use mapi::rop::fast_transfer::TransferContent;
use mapi::rop::{
    ChangedColumns, ResponseBody as RopBody, ResponseMatcher, RopRequests, RopResponse, RopResponses,
};
use rpc::framer::Framer;
use rpc::pdu::Pdu;
use testkit::captures::{self, Exchange};
use testkit::recorded_executes::{Execute, Session, executes};
use wire::{Bytes, Encode as _, Reader, Result, Writer};

use crate::decode::report;

/// Measures all kinds of data.
pub(crate) fn run() -> std::result::Result<(), Box<dyn Error>> {
    println!("All recordings, MB/s on one core");
    let exchanges = [captures::mapihttp(), captures::mapihttp_compressed()].concat();
    bodies(&exchanges)?;
    rops(&exchanges)?;
    remote_calls()
}

/// A body of MAPI over HTTP.
struct Recorded {
    endpoint: Endpoint,
    request_type: RequestType,
    is_request: bool,
    bytes: Bytes,
}

/// What a body means.
enum Body {
    Emsmdb(mapihttp::emsmdb::Request),
    EmsmdbAnswer(mapihttp::emsmdb::Response),
    Nspi(mapihttp::nspi::Request),
    NspiAnswer(mapihttp::nspi::Response),
}

impl Recorded {
    fn decode(&self) -> Result<Body> {
        let (r, kind) = (Reader::sharing(&self.bytes), self.request_type);
        Ok(match (self.endpoint, self.is_request) {
            (Endpoint::Emsmdb, true) => Body::Emsmdb(mapihttp::emsmdb::Request::read(kind, r)?.0),
            (Endpoint::Emsmdb, false) => Body::EmsmdbAnswer(mapihttp::emsmdb::Response::read(kind, r)?.0),
            (Endpoint::Nspi, true) => Body::Nspi(mapihttp::nspi::Request::read(kind, r)?.0),
            (Endpoint::Nspi, false) => Body::NspiAnswer(mapihttp::nspi::Response::read(kind, r)?.0),
        })
    }
}

impl Body {
    fn encode(&self) -> Result<Vec<u8>> {
        match self {
            Self::Emsmdb(body) => body.encode(),
            Self::EmsmdbAnswer(body) => body.encode(),
            Self::Nspi(body) => body.encode(),
            Self::NspiAnswer(body) => body.encode(),
        }
    }
}

/// Both bodies of an exchange, where they are some.
fn recorded(exchange: &Exchange) -> Vec<Recorded> {
    let request = exchange.http_request();
    let path = request.start_line.split(' ').nth(1).unwrap_or_default();
    let kind = request.header("X-RequestType").and_then(RequestType::parse);
    let (Some(endpoint), Some(request_type)) = (Endpoint::of_path(path), kind) else { return Vec::new() };
    let answer = exchange.http_response().filter(|answer| answer.header("X-ResponseCode") == Some("0"));
    let payload = answer.as_ref().and_then(|answer| ResponseBody::split(&answer.body).ok());
    let payload = payload.map(|(_, payload)| (false, payload));
    let bodies = std::iter::once((true, request.body.as_slice())).chain(payload);
    bodies
        .map(|(is_request, body)| Recorded {
            endpoint,
            request_type,
            is_request,
            bytes: Bytes::copy_from_slice(body),
        })
        .filter(|recorded| recorded.decode().is_ok())
        .collect()
}

fn bodies(exchanges: &[Exchange]) -> Result<()> {
    let all: Vec<Recorded> = exchanges.iter().flat_map(recorded).collect();
    let size = all.iter().map(|recorded| recorded.bytes.len()).sum();
    report("HTTP bodies, decode", size, || {
        all.iter().try_for_each(|recorded| recorded.decode().map(|body| drop(black_box(body))))
    })?;
    let decoded = all.iter().map(Recorded::decode).collect::<Result<Vec<_>>>()?;
    report("HTTP bodies, encode", size, || {
        decoded.iter().try_for_each(|body| body.encode().map(|bytes| drop(black_box(bytes))))
    })?;
    Ok(())
}

/// An Execute with what has to be known to read it.
struct Batch {
    execute: Execute,
    known: Session,
}

impl Batch {
    fn size(&self) -> usize {
        let told: usize = self.execute.told.iter().map(|buffer| buffer.rops.len()).sum();
        self.execute.asked.rops.len() + told
    }

    fn decode(&self) -> (RopRequests, Vec<RopResponses>) {
        let (requests, responses, _) = self.read();
        (requests, responses)
    }

    /// The ROPs, and what they did to the columns of objects.
    fn read(&self) -> (RopRequests, Vec<RopResponses>, ChangedColumns) {
        let Execute { asked, told, .. } = &self.execute;
        let requests = RopRequests::decode(&asked.rops, &self.known);
        let mut answers = ResponseMatcher::new(&requests.rops, &asked.handles, &self.known);
        let mut responses = Vec::new();
        for buffer in told {
            if !responses.is_empty() {
                answers.begin_packed();
            }
            responses.push(RopResponses::decode(&buffer.rops, &mut answers));
        }
        let changed = answers.finish(told.first().map_or(&[][..], |buffer| &buffer.handles));
        (requests, responses, changed)
    }
}

fn batches(exchanges: &[Exchange]) -> Vec<Batch> {
    let mut sessions: HashMap<String, Session> = HashMap::new();
    let mut batches = Vec::new();
    for execute in exchanges.iter().filter_map(executes).flatten() {
        let known = sessions.entry(execute.session.clone()).or_default();
        let batch = Batch { known: known.clone(), execute };
        let (requests, _, changed) = batch.read();
        known.remember(&requests.rops, changed);
        batches.push(batch);
    }
    batches
}

fn rops(exchanges: &[Exchange]) -> Result<()> {
    let batches = batches(exchanges);
    let size = batches.iter().map(Batch::size).sum();
    report("ROPs with their values, decode", size, || {
        for batch in &batches {
            black_box(batch.decode());
        }
        Ok::<_, wire::Error>(())
    })?;
    let decoded: Vec<_> = batches.iter().map(Batch::decode).collect();
    report("ROPs with their values, encode", size, || {
        decoded.iter().try_for_each(|(requests, responses)| {
            black_box(requests.to_bytes()?);
            responses
                .iter()
                .try_for_each(|responses| responses.to_bytes().map(|bytes| drop(black_box(bytes))))
        })
    })?;
    transfers(&decoded)
}

/// The streams of FastTransfer downloads, in the parts in which they were received.
fn transfers(decoded: &[(RopRequests, Vec<RopResponses>)]) -> Result<()> {
    let parts = decoded.iter().flat_map(|(_, responses)| responses).flat_map(|responses| &responses.rops);
    let parts = parts.filter_map(|response| match response {
        RopResponse::Reply(reply) => match &reply.body {
            RopBody::RopFastTransferSourceGetBuffer(part) => match &part.content {
                TransferContent::Buffer(bytes) => Some(bytes.as_slice()),
                TransferContent::Backoff { .. } => None,
            },
            _ => None,
        },
        _ => None,
    });
    // A part that is no beginning of a stream is left out.
    let whole = |part: &&[u8]| fast_transfer::Tokenizer::default().feed(part, |_| Ok(())).is_ok();
    let parts: Vec<&[u8]> = parts.filter(whole).collect();
    let size = parts.iter().map(|part| part.len()).sum();
    report("FastTransfer, decode", size, || {
        parts.iter().try_for_each(|part| {
            fast_transfer::Tokenizer::default().feed(part, |token| {
                black_box(token);
                Ok(())
            })
        })
    })?;
    report("FastTransfer, decode and encode", size, || {
        parts.iter().try_for_each(|part| {
            let mut w = Writer::with_capacity(part.len());
            fast_transfer::Tokenizer::default().feed(part, |token| token.write(&mut w))?;
            black_box(w);
            Ok(())
        })
    })?;
    Ok(())
}

/// PDUs in the channels of RPC over HTTP, after the heads of their messages.
fn remote_calls() -> std::result::Result<(), Box<dyn Error>> {
    let mut units = Vec::new();
    for connection in captures::rpc_over_http().connections {
        for side in [&connection.to_server, &connection.to_client] {
            let head = side.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |at| at + 4);
            let mut framer = Framer::new(u16::MAX, u16::MAX);
            framer.push(side.get(head..).unwrap_or_default());
            while let Ok(Some((_, unit))) = framer.next_pdu() {
                // Commands of RTS, which are no PDUs of a call, are left out.
                if <Pdu as wire::Decode>::from_bytes(&unit).is_ok() {
                    units.push(unit);
                }
            }
        }
    }
    let size = units.iter().map(bytes::BytesMut::len).sum();
    let decode =
        || units.iter().map(|unit| <Pdu as wire::Decode>::from_bytes(unit)).collect::<Result<Vec<_>>>();
    report("RPC over HTTP PDUs, decode", size, decode)?;
    let decoded = decode()?;
    report("RPC over HTTP PDUs, encode", size, || {
        decoded.iter().try_for_each(|pdu| pdu.to_bytes().map(|bytes| drop(black_box(bytes))))
    })?;
    Ok(())
}
