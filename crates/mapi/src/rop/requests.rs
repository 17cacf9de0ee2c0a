//! Decodes the requests of a batch, with the logons of the session.

use std::ops::Range;

use wire::{Encode, Error, Reader, Result, Writer};

use super::body::RequestBody;
use super::logon::LogonFlags;
use super::request::{Logons, RopRequest};

/// Decodes the requests of a batch, one after the other. Logons in the batch itself are taken into account.
pub struct RequestReader<'a> {
    r: Reader<'a>,
    logons: BatchLogons<'a>,
}

impl<'a> RequestReader<'a> {
    /// Creates a reader of the ROPs in `r`, in a session with the logons `logons`.
    pub const fn new(r: Reader<'a>, logons: &'a dyn Logons) -> Self {
        Self { r, logons: BatchLogons { known: logons, in_batch: Vec::new() } }
    }

    /// Returns the next request and the range of its bytes; `None` at the end.
    ///
    /// # Errors
    /// Fails if the next request cannot be decoded. It begins at [`Self::offset`]; the requests after it cannot be
    /// decoded either.
    pub fn next_request(&mut self) -> Result<Option<(RopRequest, Range<usize>)>> {
        if self.r.is_empty() {
            return Ok(None);
        }
        let mut ahead = self.r.clone();
        let request = RopRequest::decode(&mut ahead, &self.logons)?;
        if let RequestBody::RopLogon(logon) = &request.body {
            self.logons.in_batch.push((request.logon_id, logon.logon_flags.contains(LogonFlags::PRIVATE)));
        }
        let bytes = self.r.offset()..ahead.offset();
        self.r = ahead;
        Ok(Some((request, bytes)))
    }

    /// The offset of the next request, in bytes.
    pub const fn offset(&self) -> usize {
        self.r.offset()
    }
}

impl std::fmt::Debug for RequestReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestReader").field("offset", &self.offset()).finish_non_exhaustive()
    }
}

/// The logons of a session, and those in a batch.
struct BatchLogons<'a> {
    known: &'a dyn Logons,
    in_batch: Vec<(u8, bool)>,
}

impl Logons for BatchLogons<'_> {
    fn is_private(&self, logon_id: u8) -> Option<bool> {
        let in_batch = self.in_batch.iter().rev().find(|(in_batch, _)| *in_batch == logon_id);
        in_batch.map_or_else(|| self.known.is_private(logon_id), |(_, private)| Some(*private))
    }
}

/// The requests of a batch, as far as they can be decoded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RopRequests {
    /// The requests, in order.
    pub rops: Vec<RopRequest>,
    /// The bytes after them: empty, or a request that cannot be decoded and all after it.
    pub rest: Vec<u8>,
    /// The reason why the rest cannot be decoded.
    pub error: Option<Error>,
}

impl RopRequests {
    /// Decodes `bytes`, in a session with the logons `logons`. Logons in `bytes` themselves are taken into account.
    pub fn decode(bytes: &[u8], logons: &dyn Logons) -> Self {
        let mut reader = RequestReader::new(Reader::new(bytes), logons);
        let mut rops = Vec::new();
        let error = loop {
            match reader.next_request() {
                Ok(Some((rop, _))) => rops.push(rop),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let rest = bytes.get(reader.offset()..).unwrap_or_default().to_vec();
        Self { rops, rest, error }
    }
}

impl Encode for RopRequests {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.rops.iter().try_for_each(|rop| rop.encode(w))?;
        w.bytes(&self.rest);
        Ok(())
    }
}
