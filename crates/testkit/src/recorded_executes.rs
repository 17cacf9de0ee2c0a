//! The ROPs of the recordings, and the state that is needed to decode them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use mapi::compress::{ExtendedBuffer, Limits};
use mapi::emsmdb::RopBuffer;
use mapi::mapihttp::emsmdb::{Request, Response};
use mapi::mapihttp::{self, OperationResponse, RequestType};
use mapi::property::PropTag;
use mapi::rop::logon::LogonFlags;
use mapi::rop::{ChangedColumns, Columns, Logons, RequestBody, RopRequest};
use wire::Decode as _;

use crate::captures::Exchange;

/// The state of a session that is needed to decode its ROPs.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// The columns of tables, and of messages' recipients, by their handles.
    pub columns: HashMap<u32, Arc<[PropTag]>>,
    /// Whether logons are to private mailboxes.
    pub private: BTreeMap<u8, bool>,
}

impl Columns for Session {
    fn columns(&self, handle: u32) -> Option<&Arc<[PropTag]>> {
        self.columns.get(&handle)
    }
}

impl Logons for Session {
    fn is_private(&self, logon_id: u8) -> Option<bool> {
        self.private.get(&logon_id).copied()
    }
}

impl Session {
    /// Applies the effects of a batch: `changed` are the columns that [`mapi::rop::ResponseMatcher::finish`] returns.
    pub fn remember(&mut self, requests: &[RopRequest], changed: ChangedColumns) {
        for (handle, columns) in changed {
            match columns {
                Some(columns) => drop(self.columns.insert(handle, columns)),
                None => drop(self.columns.remove(&handle)),
            }
        }
        for request in requests {
            if let RequestBody::RopLogon(logon) = &request.body {
                self.private.insert(request.logon_id, logon.logon_flags.contains(LogonFlags::PRIVATE));
            }
        }
    }
}

/// An `Execute` with a response.
#[derive(Debug, Clone, PartialEq)]
pub struct Execute {
    /// The name of its exchange.
    pub name: String,
    /// The number of its session in the recording.
    pub session: String,
    /// The requests, and the table of handles that was sent with them; no recording has several such buffers.
    pub asked: RopBuffer,
    /// The responses with their tables; several if the server packed several buffers.
    pub told: Vec<RopBuffer>,
}

/// The ROPs of `exchange` if it is an `Execute` with a response.
///
/// # Errors
/// If its request can't be unpacked.
pub fn executes(exchange: &Exchange) -> Option<wire::Result<Execute>> {
    let (message, response) = (exchange.http_request(), exchange.http_response()?);
    message.header("X-RequestType").filter(|name| name.eq_ignore_ascii_case("Execute"))?;
    let Ok((Request::Execute(asked), [])) = Request::decode(RequestType::Execute, &message.body) else {
        return None;
    };
    let (_, payload) = mapihttp::ResponseBody::split(&response.body).ok()?;
    let Ok((Response::Execute(OperationResponse::Complete(told)), [])) =
        Response::decode(RequestType::Execute, payload)
    else {
        return None;
    };
    let cookies = message.header("Cookie").unwrap_or_default();
    let session = mapihttp::cookies::cookie(cookies, "sid").unwrap_or_default().to_owned();
    let unpacked = asked.rop_buffers(Limits::default()).and_then(|asked| {
        let read = |chain: Vec<ExtendedBuffer>| {
            chain
                .iter()
                .map(|buffer| RopBuffer::from_bytes(&buffer.payload))
                .collect::<wire::Result<Vec<_>>>()
        };
        let (mut asked, told) = (read(asked)?, read(told.rop_buffers(Limits::default())?)?);
        let asked = asked.pop().unwrap_or_default();
        Ok(Execute { name: exchange.name(), session, asked, told })
    });
    Some(unpacked)
}
