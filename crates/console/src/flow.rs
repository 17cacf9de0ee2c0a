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
    /// What it travelled in.
    pub envelope: &'static str,
    /// Interface and operation, such as `nspi.QueryRows`.
    pub operation: &'static str,
    /// Bytes of the request's stub.
    pub request_size: usize,
    /// The ROPs, each with its return value after the response; `+` stands for further ROPs that cannot be decoded.
    pub rops: Vec<String>,
    /// Why a part of the ROPs or of their responses is forwarded undecoded.
    pub opaque: Vec<String>,
    /// Its result.
    pub end: FlowEnd,
    /// From the request's last byte to the response's first.
    pub elapsed: Duration,
    /// What the modules did.
    pub notes: Vec<Note>,
}

/// The result of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowEnd {
    /// A response.
    Response {
        /// Bytes of the response's stub.
        size: usize,
        /// Its return value, if it was decoded: zero for success.
        return_value: Option<ErrorCode>,
    },
    /// A refusal, by the proxy or by the upstream.
    Refused {
        /// Its form for the client: a fault, or an `X-ResponseCode`.
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
                    OperationKey::Http(..) => format!("X-ResponseCode {}", reply.response_code()),
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
                        .or_else(|| last_dword(stub)),
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
            opaque: operation.opaque().map(|(side, error)| format!("{side}: {error}")).collect(),
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
                    Envelope::MapiHttp => format!("X-ResponseCode {}", response_code(call.refusal.kind)),
                    _ => format!("fault {}", fault_status(call.refusal.kind)),
                },
                why: call.refusal.why.to_string(),
            },
            elapsed: Duration::ZERO,
            notes: Vec::new(),
        }
    }
}

/// The ROPs by name, with their errors.
fn rops(exchange: &OperationRops) -> Vec<String> {
    let client = exchange.batch().entries().iter().filter(|entry| !entry.is_added());
    let name = |id: RopId| id.to_string().trim_start_matches("Rop").to_owned();
    let mut rops: Vec<String> = client
        .map(|entry| match entry.answer() {
            Some(reply) if reply.return_value != ErrorCode::SUCCESS => {
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

/// Each operation of these interfaces returns its code last.
fn last_dword(stub: &[u8]) -> Option<ErrorCode> {
    stub.last_chunk::<4>().map(|bytes| ErrorCode(u32::from_le_bytes(*bytes)))
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<18} {:<28} {:>7} B", self.user, self.operation, self.request_size)?;
        match &self.end {
            FlowEnd::Response { size, return_value } => {
                write!(f, " > {size:>7} B {:>9.3} ms", self.elapsed.as_secs_f64() * 1000.0)?;
                match return_value {
                    Some(ErrorCode::SUCCESS) | None => f.write_str("  ok")?,
                    Some(code) => write!(f, "  {code}")?,
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
