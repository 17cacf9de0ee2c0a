//! Limits of Autodiscover documents, and parse errors.

use std::fmt;

/// The maximum size of a document, in bytes.
pub const MAX_SIZE: usize = 0x10_0000;

/// The maximum nesting depth: of elements in XML, of objects and arrays in JSON.
pub const MAX_DEPTH: usize = 64;

/// The maximum number of elements in an XML document.
pub const MAX_ELEMENTS: usize = 50_000;

/// The reason why a document was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The document is larger than [`MAX_SIZE`]; holds its size in bytes.
    TooLarge(usize),
    /// The document is nested more deeply than [`MAX_DEPTH`].
    TooDeep,
    /// The document has more than [`MAX_ELEMENTS`] elements.
    TooMany,
    /// The document has a document type declaration, which could define entities.
    DocumentType,
    /// The document is not well-formed, or not of the expected form.
    Malformed {
        /// The offset of the error from the start of the document, in bytes.
        offset: usize,
        /// A description of the error.
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
            Self::DocumentType => f.write_str("a document type declaration is not accepted"),
            Self::Malformed { offset, what } => write!(f, "malformed at offset {offset}: {what}"),
        }
    }
}

impl std::error::Error for Error {}
