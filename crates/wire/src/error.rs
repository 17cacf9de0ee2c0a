//! Errors of reading and writing, with field and offset.

use std::fmt;

/// What [`Reader`](crate::Reader) and [`Writer`](crate::Writer) return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why some bytes could not be read or written, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// The structure that was being read, as its specification names it; empty when unknown.
    pub structure: &'static str,
    /// The field that was being read, as its specification names it.
    pub field: &'static str,
    /// Where the field begins, in bytes from the start of the buffer that was being read.
    pub offset: usize,
}

/// What was wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The buffer ends before the field does. Both in bytes.
    Truncated {
        /// How many bytes the field takes.
        needed: usize,
        /// How many were left.
        available: usize,
    },
    /// A length or count is over its limit.
    TooLong {
        /// The length that was claimed, or that was to be written.
        length: u64,
        /// The largest that is taken.
        limit: u64,
    },
    /// A value that the field cannot have.
    Invalid {
        /// The value found.
        found: u64,
        /// What may stand there.
        expected: &'static str,
    },
    /// Bytes follow where the structure should end.
    Trailing {
        /// How many.
        count: usize,
    },
    /// Structures nested more deeply than is taken.
    TooDeep {
        /// The deepest nesting that is taken.
        limit: u32,
    },
    /// A text that its encoding does not allow.
    Text {
        /// The rule that it breaks.
        expected: &'static str,
    },
}

impl Error {
    /// An error about `field`, which begins at `offset`.
    pub const fn new(kind: ErrorKind, field: &'static str, offset: usize) -> Self {
        Self { kind, structure: "", field, offset }
    }

    /// A value that `field` cannot have.
    pub const fn invalid(field: &'static str, offset: usize, found: u64, expected: &'static str) -> Self {
        Self::new(ErrorKind::Invalid { found, expected }, field, offset)
    }

    /// Names the structure, unless an inner one was named already.
    #[must_use]
    pub const fn within(mut self, structure: &'static str) -> Self {
        if self.structure.is_empty() {
            self.structure = structure;
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.structure.is_empty() {
            write!(f, "{}.", self.structure)?;
        }
        write!(f, "{} at offset {}: ", self.field, self.offset)?;
        match self.kind {
            ErrorKind::Truncated { needed, available } => {
                write!(f, "needs {needed} bytes, {available} left")
            }
            ErrorKind::TooLong { length, limit } => write!(f, "length {length} is over the limit of {limit}"),
            ErrorKind::Invalid { found, expected } => write!(f, "found {found:#x}, expected {expected}"),
            ErrorKind::Trailing { count } => write!(f, "{count} bytes follow the end"),
            ErrorKind::TooDeep { limit } => write!(f, "nested more than {limit} deep"),
            ErrorKind::Text { expected } => write!(f, "not valid text: {expected}"),
        }
    }
}

impl std::error::Error for Error {}
