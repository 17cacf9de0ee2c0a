//! The ROP requests of a batch, decoded with the logons of the session.

use std::ops::Range;

use wire::{Encode, Error, Reader, Result, Writer};

use super::body::RequestBody;
use super::logon::LogonFlags;
use super::request::{Logons, RopRequest};

/// Reads the ROPs of a batch, one after the other. Logons that the batch itself asks for are taken into account.
pub struct RequestReader<'a> {
    r: Reader<'a>,
    logons: BatchLogons<'a>,
}

impl<'a> RequestReader<'a> {
    /// Reads ROPs from where `r` stands, of a session whose logons are `logons`.
    pub const fn new(r: Reader<'a>, logons: &'a dyn Logons) -> Self {
        Self { r, logons: BatchLogons { known: logons, asked: Vec::new() } }
    }

    /// The next ROP, and where its bytes are; none at the end.
    ///
    /// # Errors
    /// When what stands there cannot be decoded. Then nothing behind it can be, and [`Self::offset`] says where it
    /// begins.
    pub fn next_request(&mut self) -> Result<Option<(RopRequest, Range<usize>)>> {
        if self.r.is_empty() {
            return Ok(None);
        }
        let mut ahead = self.r.clone();
        let request = RopRequest::decode(&mut ahead, &self.logons)?;
        if let RequestBody::RopLogon(logon) = &request.body {
            self.logons.asked.push((request.logon_id, logon.logon_flags.contains(LogonFlags::PRIVATE)));
        }
        let bytes = self.r.offset()..ahead.offset();
        self.r = ahead;
        Ok(Some((request, bytes)))
    }

    /// Where the next ROP begins, in bytes.
    pub const fn offset(&self) -> usize {
        self.r.offset()
    }
}

impl std::fmt::Debug for RequestReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestReader").field("offset", &self.offset()).finish_non_exhaustive()
    }
}

/// The logons of a session, and those that a batch of ROPs asks for itself.
struct BatchLogons<'a> {
    known: &'a dyn Logons,
    asked: Vec<(u8, bool)>,
}

impl Logons for BatchLogons<'_> {
    fn is_private(&self, logon_id: u8) -> Option<bool> {
        let asked = self.asked.iter().rev().find(|(asked, _)| *asked == logon_id);
        asked.map_or_else(|| self.known.is_private(logon_id), |(_, private)| Some(*private))
    }
}

/// The ROPs of a request, as far as they can be decoded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RopRequests {
    /// The ROPs, in order.
    pub rops: Vec<RopRequest>,
    /// What follows them: empty, or a ROP that cannot be decoded and all behind it.
    pub rest: Vec<u8>,
    /// Why the rest cannot be decoded.
    pub error: Option<Error>,
}

impl RopRequests {
    /// The ROPs that `bytes` hold, of a session whose logons are `logons`. Those that `bytes` themselves ask
    /// for are taken into account.
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
