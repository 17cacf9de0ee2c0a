//! Property problems ([MS-OXCDATA] 2.7).

use std::fmt;

use wire::{Decode, Encode, Reader, Result, Writer};

use crate::ErrorCode;
use crate::property::PropTag;

/// An error of one of several properties that were to be set, copied or deleted ([MS-OXCDATA] 2.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PropertyProblem {
    /// The position of the property in the request.
    pub index: u16,
    /// The tag of the property.
    pub tag: PropTag,
    /// The reason for the error.
    pub error_code: ErrorCode,
}

impl fmt::Display for PropertyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.tag, self.error_code)
    }
}

impl<'a> Decode<'a> for PropertyProblem {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(Self {
            index: r.u16("Index")?,
            tag: PropTag(r.u32("PropertyTag")?),
            error_code: ErrorCode(r.u32("ErrorCode")?),
        })
    }
}

impl Encode for PropertyProblem {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u16(self.index).u32(self.tag.0).u32(self.error_code.0);
        Ok(())
    }
}

/// A 16-bit count and as many problems, as in the responses to several ROPs (`PropertyProblemCount`,
/// `PropertyProblems`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PropertyProblemArray(pub Vec<PropertyProblem>);

impl<'a> Decode<'a> for PropertyProblemArray {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let count = r.u16("PropertyProblemCount")?;
        let count = r.elements(u32::from(count), 10, u32::from(u16::MAX), "PropertyProblemCount")?;
        let mut problems = Vec::with_capacity(count);
        for _ in 0..count {
            problems.push(PropertyProblem::decode(r)?);
        }
        Ok(Self(problems))
    }
}

impl Encode for PropertyProblemArray {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.len16(self.0.len(), "PropertyProblemCount")?;
        self.0.iter().try_for_each(|problem| problem.encode(w))
    }
}
