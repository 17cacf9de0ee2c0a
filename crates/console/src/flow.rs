//! A snapshot of a finished operation, for display.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use engine::rops::{OperationRops, RopId};
use engine::{
    Envelope, ErrorCode, Finished, Note, OperationKey, RefusedOperation, Reply, fault_status, response_code,
};

/// A snapshot of a finished operation.
#[derive(Debug, Clone)]
pub struct Flow {
    /// The operation's number; zero for a call that did not become one.
    pub id: u64,
    /// The user, as domain and name.
    pub user: String,
    /// The client's address.
    pub peer: SocketAddr,
    /// The protocol that carried it.
    pub envelope: &'static str,
    /// Interface and operation, such as `nspi.QueryRows`.
    pub operation: &'static str,
    /// Bytes of the request's stub.
    pub request_size: usize,
    /// The ROPs; a ROP that failed is followed by `=` and its error. A last `+` represents further ROPs that cannot be
    /// decoded.
    pub rops: Vec<String>,
    /// Why a part of the ROPs or of their responses is forwarded undecoded.
    pub opaque: Vec<String>,
    /// The result.
    pub end: FlowEnd,
    /// From the request's last byte to the response's first.
    pub elapsed: Duration,
    /// Notes of modules on what they did.
    pub notes: Vec<Note>,
}

/// The result of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowEnd {
    /// A response.
    Response {
        /// Bytes of the response's stub.
        size: usize,
        /// Its return value, if it has one.
        return_value: Option<ErrorCode>,
    },
    /// A refusal, by the proxy or by the upstream.
    Refused {
        /// Its form for the client: a fault, an `X-ResponseCode`, or the HTTP status of a server that sent no code.
        code: String,
        /// The reason.
        why: String,
    },
}

impl Flow {
    /// A snapshot of a finished operation.
    pub fn new(finished: &Finished, elapsed: Duration) -> Self {
        let operation = &finished.flight().operation;
        let reply = finished.reply();
        let end = match reply {
            Reply::Refused(_) | Reply::RefusedByUpstream(_) => FlowEnd::Refused {
                code: match operation.key() {
                    OperationKey::Call(..) => {
                        reply.fault().map(|status| format!("fault {status}")).unwrap_or_default()
                    }
                    OperationKey::Http(..) => http_result(reply),
                },
                why: reply.why().unwrap_or_default().into_owned(),
            },
            Reply::Response(stub) => {
                let response = operation.response.as_ref();
                let decoded = response.and_then(|response| response.viewed());
                FlowEnd::Response {
                    size: stub.len(),
                    return_value: decoded
                        .and_then(engine::Response::return_value)
                        .or_else(|| undecoded_return_value(operation.key(), stub)),
                }
            }
        };
        Self {
            id: operation.id(),
            user: operation.context().principal().to_string(),
            peer: operation.peer(),
            envelope: operation.envelope().name(),
            operation: operation.name(),
            request_size: operation.request.original().len(),
            rops: operation.rops().map(rops).unwrap_or_default(),
            opaque: operation.undecoded().map(|(side, error)| format!("{side}: {error}")).collect(),
            end,
            elapsed,
            notes: operation.notes().to_vec(),
        }
    }
}

impl Flow {
    /// A snapshot of a call that did not become an operation.
    pub fn rejected(call: &RefusedOperation<'_>) -> Self {
        Self {
            id: 0,
            user: call.context.principal().to_string(),
            peer: call.peer,
            envelope: call.envelope.name(),
            operation: call.operation,
            request_size: call.request_size,
            rops: Vec::new(),
            opaque: Vec::new(),
            end: FlowEnd::Refused {
                code: match call.envelope {
                    Envelope::MAPI_HTTP => format!("X-ResponseCode {}", response_code(call.refusal.kind)),
                    _ => format!("fault {}", fault_status(call.refusal.kind)),
                },
                why: call.refusal.why.to_string(),
            },
            elapsed: Duration::ZERO,
            notes: Vec::new(),
        }
    }
}

/// What a client of MAPI over HTTP receives instead of a response to its operation.
fn http_result(reply: &Reply) -> String {
    let status = match reply {
        Reply::RefusedByUpstream(refusal) => refusal.http_status(),
        Reply::Refused(_) | Reply::Response(_) => None,
    };
    status.map_or_else(
        || format!("X-ResponseCode {}", reply.response_code()),
        |status| format!("HTTP status {status}"),
    )
}

/// The ROPs by name, with their errors.
fn rops(exchange: &OperationRops) -> Vec<String> {
    let client = exchange.batch().entries().iter().filter(|entry| !entry.is_added());
    let name = |id: RopId| id.to_string().trim_start_matches("Rop").to_owned();
    let mut rops: Vec<String> = client
        .map(|entry| match &entry.reply {
            Some(reply) if !reply.return_value.is_success() => {
                format!("{}={}", name(entry.request.id()), reply.return_value)
            }
            _ => name(entry.request.id()),
        })
        .collect();
    if exchange.batch().error().is_some() {
        rops.push("+".to_owned());
    }
    rops
}

/// The return value in a `body` that was not decoded. A response by RPC ends with it; over HTTP a body begins with
/// `StatusCode` and, if that is zero, `ErrorCode` ([MS-OXCMAPIHTTP] 2.2.4, 2.2.5).
fn undecoded_return_value(key: OperationKey, body: &[u8]) -> Option<ErrorCode> {
    let code = |bytes: &[u8; 4]| ErrorCode(u32::from_le_bytes(*bytes));
    match key {
        OperationKey::Call(..) => body.last_chunk::<4>().map(code),
        OperationKey::Http(..) => {
            let (status, rest) = body.split_first_chunk::<4>()?;
            Some(code(status))
                .filter(|status| *status != ErrorCode::SUCCESS)
                .or_else(|| rest.first_chunk::<4>().map(code))
        }
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<18} {:<28} {:>7} B", self.user, self.operation, self.request_size)?;
        match &self.end {
            FlowEnd::Response { size, return_value } => {
                write!(f, " > {size:>7} B {:>9.3} ms", self.elapsed.as_secs_f64() * 1000.0)?;
                match return_value {
                    Some(code) if code.is_error_of(self.operation) => write!(f, "  {code}")?,
                    _ => f.write_str("  ok")?,
                }
            }
            FlowEnd::Refused { code, why } => {
                write!(f, " > {:>9} {:>9.3} ms  {code}", "", self.elapsed.as_secs_f64() * 1000.0)?;
                write!(f, " ({why})")?;
            }
        }
        if !self.rops.is_empty() {
            write!(f, "  {}", self.rops.join(" "))?;
        }
        for why in &self.opaque {
            write!(f, "  [undecoded {why}]")?;
        }
        for note in &self.notes {
            write!(f, "  [{}: {}]", note.module, note.text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use engine::{InvalidResponse, UpstreamRefusal};
    use mapi::Interface;
    use mapi::mapihttp::{Endpoint, RequestType};

    use super::*;

    fn displayed(operation: &'static str, return_value: u32) -> String {
        let flow = Flow {
            id: 1,
            user: "LAB\\alice".to_owned(),
            peer: SocketAddr::from(([127, 0, 0, 1], 1)),
            envelope: "rpc",
            operation,
            request_size: 8,
            rops: Vec::new(),
            opaque: Vec::new(),
            end: FlowEnd::Response { size: 24, return_value: Some(ErrorCode(return_value)) },
            elapsed: Duration::ZERO,
            notes: Vec::new(),
        };
        flow.to_string()
    }

    #[test]
    fn a_response_code_is_displayed_only_if_there_is_one_or_the_proxy_makes_it() {
        let displayed = |refusal| http_result(&Reply::RefusedByUpstream(refusal));
        assert_eq!(displayed(UpstreamRefusal::HttpStatus(503)), "HTTP status 503");
        assert_eq!(displayed(UpstreamRefusal::Invalid(InvalidResponse::Body)), "HTTP status 200");
        let code = mapi::mapihttp::ResponseCode::ContextNotFound;
        assert_eq!(displayed(UpstreamRefusal::ResponseCode(code)), format!("X-ResponseCode {code}"));
        let refused = engine::Refusal::new(engine::RefusalKind::NoSession, "no session");
        assert_eq!(http_result(&Reply::Refused(refused)), format!("X-ResponseCode {code}"));
    }

    #[test]
    fn an_operation_that_succeeded_or_returned_a_warning_is_displayed_as_ok() {
        for (operation, value) in [("nspi.Bind", 0), ("nspi.Unbind", 1), ("nspi.GetProps", 0x0004_0380)] {
            assert!(displayed(operation, value).ends_with(" ok"), "{operation}");
        }
        for (operation, value) in [("nspi.Unbind", 2), ("nspi.Bind", 1), ("emsmdb.Execute", 0x4B9)] {
            assert!(displayed(operation, value).ends_with(&format!("  {}", ErrorCode(value))), "{operation}");
        }
    }

    #[test]
    fn the_return_value_of_an_undecoded_body_is_read_where_the_envelope_has_it() {
        let body = |fields: &[u32]| fields.iter().flat_map(|field| field.to_le_bytes()).collect::<Vec<_>>();
        let returned = |key, fields: &[u32]| undecoded_return_value(key, &body(fields)).map(|code| code.0);
        let http = OperationKey::Http(Endpoint::Emsmdb, RequestType::Disconnect);
        assert_eq!(returned(OperationKey::Call(Interface::Nspi, 1), &[0, 0, 0, 0, 0, 1]), Some(1));
        assert_eq!(returned(http, &[0, 5, 7]), Some(5));
        assert_eq!(returned(http, &[6, 5, 7]), Some(6));
        assert_eq!(returned(OperationKey::Http(Endpoint::Emsmdb, RequestType::PING), &[]), None);
    }
}
