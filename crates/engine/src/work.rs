//! Limits on the decoding of one operation, and what decoding costs.
//!
//! A request of few bytes may decode to many elements: compressed ROPs expand, and a nested restriction takes one byte.
//! Decoding is counted in units ([`Budget`]): one for an element of a list, two for the target of a pointer (NDR), four
//! for a restriction, and [`ROP`] for a ROP. A unit takes about 70 nanoseconds, with the modules' part of it.

use wire::Budget;

use crate::refusal::{Refusal, RefusalKind};

/// The limit on a request, in units: 4,096 ROPs, which is 16 for each of the 255 objects that a batch can name
/// ([MS-OXCROPS] 2.2.1), or 16,384 restrictions, or 65,536 names or tags. Clients send fewer than 256 ROPs, and lists
/// of a few hundred elements at most.
pub(crate) const REQUEST_LIMIT: u32 = 65_536;

/// The limit on a response, in units: a value for each four bytes of the longest response by MAPI over HTTP, 16 MiB.
///
/// - A response of the address book has 100,000 rows at most ([MS-OXNSPI] 2.2.4). Over HTTP these may have 40 columns
///   each. Over RPC a value takes 16 bytes at least, and a string or binary value, which is three units, 28.
/// - The responses to ROPs in one buffer have 32 KiB at most ([MS-OXCRPC] 3.1.4.2.1.2.2), so that 96 buffers have
///   3,145,728 bytes. Rows whose length is found without decoding them take no units; others take one, and one for each
///   value. The shortest response to a ROP has six bytes, so that those in the first buffer are 87,376 units at most.
///
/// Decoding that much takes about 0.3 seconds, of a thread of the pool ([`LONG_MESSAGE`]).
pub(crate) const RESPONSE_LIMIT: u32 = 4_194_304;

/// The longest response that is decoded on the thread of its connection, in bytes; ROPs count by their size after
/// decompression. A longer one is decoded by a thread of the pool ([`crate::step`]).
///
/// With a value for each four bytes, decoding a response of this length takes 2.3 milliseconds; a request of
/// [`REQUEST_LIMIT`] units takes 4.6, and a response of 128 KiB that has restrictions only, which no server sends, 6.2.
/// Few responses are longer: 50 rows of the address book have less than 64 KiB, and
/// the responses to ROPs in one buffer at most 32 KiB.
pub(crate) const LONG_MESSAGE: usize = 128 * 1024;

/// How many bytes of memory the long messages that are decoded at a time may take together: as many as the longest
/// response, of 16 MiB, takes at most ([`most_decoded_bytes`]).
pub(crate) const DECODED_TOGETHER: usize = 256 * 1024 * 1024;

/// The units of a ROP, or of the response to one.
pub(crate) const ROP: usize = 16;

/// How many bytes of memory an element takes for each unit, at most: a restriction takes as many as a value with its
/// tag.
const UNIT_BYTES: usize = 64;

/// How many bytes of memory a message of `bytes` takes at most when it is decoded: those of a unit for each four bytes,
/// and of no more units than are decoded of a response.
pub(crate) fn most_decoded_bytes(bytes: usize) -> usize {
    let units = u32::try_from(bytes / 4).unwrap_or(u32::MAX).min(RESPONSE_LIMIT);
    Work { units, is_over_limit: false }.bytes()
}

/// What was decoded of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Work {
    /// The units that were spent.
    pub(crate) units: u32,
    /// Whether more was to be decoded than the limit permits. Then a part was not decoded.
    pub(crate) is_over_limit: bool,
}

impl Work {
    /// Nothing was decoded.
    pub(crate) const NONE: Self = Self { units: 0, is_over_limit: false };

    /// What `budget` was spent on.
    pub(crate) const fn of(budget: &Budget) -> Self {
        Self { units: budget.spent(), is_over_limit: budget.is_exceeded() }
    }

    /// The memory of the elements, without the bytes of strings and binary values.
    pub(crate) fn bytes(self) -> usize {
        usize::try_from(self.units).unwrap_or(usize::MAX).saturating_mul(UNIT_BYTES)
    }

    /// As [`Work::bytes`], without the units of `rops` ROPs.
    pub(crate) fn bytes_beside(self, rops: usize) -> usize {
        let rops = u32::try_from(rops.saturating_mul(ROP)).unwrap_or(u32::MAX);
        Self { units: self.units.saturating_sub(rops), ..self }.bytes()
    }

    /// Adds what was decoded of another part of the operation, or again.
    pub(crate) const fn add(&mut self, other: Self) {
        self.units = self.units.saturating_add(other.units);
        self.is_over_limit |= other.is_over_limit;
    }

    /// Checks that all of a request was decoded that was to be.
    ///
    /// # Errors
    /// If not: modules have not seen a part of the request.
    pub(crate) fn check_request(self) -> Result<(), Refusal> {
        self.check(RefusalKind::TooLarge, "the request", REQUEST_LIMIT)
    }

    /// Checks that all of a response was decoded that was to be.
    ///
    /// # Errors
    /// If not: modules have not seen a part of the response.
    pub(crate) fn check_response(self) -> Result<(), Refusal> {
        self.check(RefusalKind::Failed, "the upstream's response", RESPONSE_LIMIT)
    }

    fn check(self, kind: RefusalKind, what: &str, limit: u32) -> Result<(), Refusal> {
        if !self.is_over_limit {
            return Ok(());
        }
        let why = format!("{what} has too many ROPs, restrictions or values (fixed limit of {limit} units)");
        Err(Refusal::new(kind, why))
    }
}
