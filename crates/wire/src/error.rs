//! Errors of decoding and encoding, with field and offset.

use std::fmt;

/// The result of decoding or encoding.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of decoding or encoding: its kind, the field and the offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The kind of error.
    pub kind: ErrorKind,
    /// The structure, by its name in the specification; empty if unknown.
    pub structure: &'static str,
    /// The field, by its name in the specification.
    pub field: &'static str,
    /// Where the error was found, in bytes from the start of the buffer: at the end of the field if its value was read
    /// and is invalid or too large, otherwise at its start. Zero if the field was being encoded.
    pub offset: usize,
}

/// The kind of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The buffer ends within the field.
    Truncated {
        /// The size of the field, in bytes.
        needed: usize,
        /// The number of remaining bytes.
        available: usize,
    },
    /// A length or count exceeds its limit.
    TooLong {
        /// The length or count.
        length: u64,
        /// The maximum.
        limit: u64,
    },
    /// The field has an invalid value.
    Invalid {
        /// The value.
        found: u64,
        /// The valid values.
        expected: &'static str,
    },
    /// Bytes follow the end of the structure.
    Trailing {
        /// The number of bytes.
        count: usize,
    },
    /// Structures are nested too deeply.
    TooDeep {
        /// The maximum.
        limit: u32,
    },
    /// More elements than are decoded of one message ([`Budget`](crate::Budget)).
    TooMany {
        /// The maximum, in units of the budget.
        limit: u32,
    },
    /// A text violates the rules of its encoding.
    Text {
        /// The violated rule.
        expected: &'static str,
    },
}

impl Error {
    /// Creates an error for `field` at `offset`.
    pub const fn new(kind: ErrorKind, field: &'static str, offset: usize) -> Self {
        Self { kind, structure: "", field, offset }
    }

    /// Creates an error for an invalid value of `field`.
    pub const fn invalid(field: &'static str, offset: usize, found: u64, expected: &'static str) -> Self {
        Self::new(ErrorKind::Invalid { found, expected }, field, offset)
    }

    /// Sets the name of the structure, unless an inner structure was set before.
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
            ErrorKind::TooMany { limit } => write!(f, "more elements than the limit of {limit}"),
            ErrorKind::Text { expected } => write!(f, "not valid text: {expected}"),
        }
    }
}

impl std::error::Error for Error {}
