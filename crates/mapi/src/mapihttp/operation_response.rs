//! Response bodies: status, failure and success ([MS-OXCMAPIHTTP] 2.2.4, 2.2.5).

use wire::{Error, Reader, Result, Writer};

use super::auxiliary::AuxiliaryBuffer;
use super::format::MapiHttp;
use crate::ErrorCode;
use crate::field::Field;

/// What a server answers whose `StatusCode` is not zero: the request was not carried out
/// ([MS-OXCMAPIHTTP] 2.2.4.1.3 and the like).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why; not zero.
    pub status_code: ErrorCode,
    /// What more the server says; bytes that are no auxiliary buffer are here, too.
    pub aux: AuxiliaryBuffer,
}

/// An answer that ends with its `ErrorCode`, since nothing else has a meaning then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bare {
    /// Why the operation failed; not zero.
    pub error_code: ErrorCode,
    /// What more the server says.
    pub aux: AuxiliaryBuffer,
}

/// The answer to a request, whose fields are `T` where the operation was tried.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer<T> {
    /// The operation was tried: `StatusCode` is zero. Whether it succeeded says the `ErrorCode`.
    Complete(T),
    /// The operation was tried and failed, and the server left out what has no meaning then. No specification
    /// knows of this.
    Bare(Bare),
    /// The operation was not tried.
    Failure(Failure),
}

/// The fields of an answer behind `StatusCode`.
pub(crate) trait AnswerBody: Field<MapiHttp> {
    /// What the operation returned.
    fn error_code(&self) -> ErrorCode;
}

impl<T> Answer<T> {
    /// The fields, where the operation was tried and the server sent them.
    pub const fn get(&self) -> Option<&T> {
        match self {
            Self::Complete(body) => Some(body),
            Self::Bare(_) | Self::Failure(_) => None,
        }
    }

    /// The fields, to be changed.
    pub const fn get_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Complete(body) => Some(body),
            Self::Bare(_) | Self::Failure(_) => None,
        }
    }

    /// An answer that the operation was not tried.
    pub const fn failure(status_code: ErrorCode) -> Self {
        Self::Failure(Failure { status_code, aux: AuxiliaryBuffer::NONE })
    }
}

#[expect(private_bounds, reason = "what the fields of an answer are is not for others to say")]
impl<T: AnswerBody> Answer<T> {
    /// The `StatusCode` if it is not zero, and otherwise the `ErrorCode`.
    pub fn return_value(&self) -> ErrorCode {
        match self {
            Self::Complete(body) => body.error_code(),
            Self::Bare(bare) => bare.error_code,
            Self::Failure(failure) => failure.status_code,
        }
    }
}

impl<T: AnswerBody> Field<MapiHttp> for Answer<T> {
    const MIN_SIZE: usize = 4;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        let status_code = ErrorCode(r.u32("StatusCode")?);
        if status_code != ErrorCode::SUCCESS {
            let aux = AuxiliaryBuffer::of_failure(r);
            return Ok(Self::Failure(Failure { status_code, aux }));
        }
        let start = r.clone();
        T::read(r, field).map(Self::Complete).or_else(|error| {
            *r = start;
            bare(r).map(Self::Bare).ok_or(error)
        })
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        match self {
            Self::Complete(body) => {
                w.u32(0);
                body.write(w, field)
            }
            Self::Bare(Bare { error_code, aux }) => {
                w.u32(0).u32(not_zero(*error_code, "ErrorCode")?);
                aux.write(w, "AuxiliaryBuffer")
            }
            Self::Failure(Failure { status_code, aux }) => {
                w.u32(not_zero(*status_code, "StatusCode")?);
                aux.write(w, "AuxiliaryBuffer")
            }
        }
    }
}

/// An error and nothing but an auxiliary buffer up to the end.
fn bare(r: &mut Reader<'_>) -> Option<Bare> {
    let error_code = ErrorCode(r.u32("ErrorCode").ok()?);
    let aux = AuxiliaryBuffer::read(r, "AuxiliaryBuffer").ok()?;
    (error_code != ErrorCode::SUCCESS && r.is_empty()).then_some(Bare { error_code, aux })
}

fn not_zero(code: ErrorCode, field: &'static str) -> Result<u32> {
    if code == ErrorCode::SUCCESS {
        return Err(Error::invalid(field, 0, 0, "an error"));
    }
    Ok(code.0)
}

/// Declares the fields of an answer behind its `StatusCode`, as [`structure`](crate::field::structure!) does: they
/// begin with `error_code`.
macro_rules! http_answer {
    ($(#[$outer:meta])* pub struct $name:ident as $structure:literal { $($fields:tt)* }) => {
        $crate::field::structure! {
            $(#[$outer])*
            pub struct $name: $crate::mapihttp::format::MapiHttp as $structure {
                /// Zero, or why the operation failed.
                pub error_code: $crate::ErrorCode = "ErrorCode",
                $($fields)*
            }
        }

        impl $crate::mapihttp::answer::AnswerBody for $name {
            fn error_code(&self) -> $crate::ErrorCode {
                self.error_code
            }
        }
    };
}

pub(crate) use http_answer;
