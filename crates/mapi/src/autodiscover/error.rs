//! Limits of Autodiscover documents, and parse errors.

use std::fmt;

/// The most bytes of a document.
pub const MAX_SIZE: usize = 0x10_0000;

/// The most elements, or other nested parts, within each other.
pub const MAX_DEPTH: usize = 64;

/// The most elements in all.
pub const MAX_ELEMENTS: usize = 50_000;

/// Why a document could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// It is larger than [`MAX_SIZE`].
    TooLarge(usize),
    /// It is nested more deeply than [`MAX_DEPTH`].
    TooDeep,
    /// It has more than [`MAX_ELEMENTS`].
    TooMany,
    /// It has a document type, which may say anything.
    DocumentType,
    /// It is not what it should be, from this byte on.
    Malformed {
        /// The place.
        offset: usize,
        /// What is wrong.
        what: String,
    },
}

impl Error {
    pub(super) fn malformed(offset: usize, what: impl Into<String>) -> Self {
        Self::Malformed { offset, what: what.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(size) => write!(f, "{size} bytes are over the limit of {MAX_SIZE}"),
            Self::TooDeep => write!(f, "nested more than {MAX_DEPTH} deep"),
            Self::TooMany => write!(f, "more than {MAX_ELEMENTS} elements"),
            Self::DocumentType => f.write_str("a document type is not taken"),
            Self::Malformed { offset, what } => write!(f, "malformed at offset {offset}: {what}"),
        }
    }
}

impl std::error::Error for Error {}
