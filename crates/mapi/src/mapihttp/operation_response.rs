//! Results of operations in response bodies: failure, error, or the fields of the operation ([MS-OXCMAPIHTTP] 2.2.4,
//! 2.2.5).

use wire::{Error, Reader, Result, Writer};

use super::auxiliary::AuxiliaryBuffer;
use super::format::MapiHttp;
use crate::ErrorCode;
use crate::field::Field;

/// The response to a request that was not processed: its `StatusCode` is not zero ([MS-OXCMAPIHTTP] 2.2.4.1.3 and
/// others).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The reason; not zero.
    pub status_code: ErrorCode,
    /// The auxiliary blocks. Bytes that are not an auxiliary buffer are kept here as well.
    pub aux: AuxiliaryBuffer,
}

/// A response that ends after its `ErrorCode`, since the other fields have no meaning in case of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorOnly {
    /// The error with which the operation failed; not zero.
    pub error_code: ErrorCode,
    /// The auxiliary blocks.
    pub aux: AuxiliaryBuffer,
}

/// The response to an operation with the fields `T`.
#[derive(Debug, Clone, PartialEq)]
pub enum OperationResponse<T> {
    /// The operation was executed: `StatusCode` is zero. Its `ErrorCode` indicates whether it succeeded.
    Complete(T),
    /// The operation was executed and failed, and the server omitted the fields of the operation. This form is not
    /// specified.
    ErrorOnly(ErrorOnly),
    /// The operation was not executed.
    Failure(Failure),
}

/// The fields of a response after its `StatusCode`.
pub(crate) trait ResponseFields: Field<MapiHttp> {
    /// The return value of the operation.
    fn error_code(&self) -> ErrorCode;
}

impl<T> OperationResponse<T> {
    /// The fields of the operation, if the server sent them.
    pub const fn get(&self) -> Option<&T> {
        match self {
            Self::Complete(body) => Some(body),
            Self::ErrorOnly(_) | Self::Failure(_) => None,
        }
    }

    /// The fields of the operation, if the server sent them, for modification.
    pub const fn get_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Complete(body) => Some(body),
            Self::ErrorOnly(_) | Self::Failure(_) => None,
        }
    }

    /// Creates the response to a request that was not processed.
    pub const fn failure(status_code: ErrorCode) -> Self {
        Self::Failure(Failure { status_code, aux: AuxiliaryBuffer::NONE })
    }
}

#[expect(private_bounds, reason = "only this crate defines the fields of responses")]
impl<T: ResponseFields> OperationResponse<T> {
    /// The `StatusCode` if it is not zero, otherwise the `ErrorCode`.
    pub fn return_value(&self) -> ErrorCode {
        match self {
            Self::Complete(body) => body.error_code(),
            Self::ErrorOnly(error_only) => error_only.error_code,
            Self::Failure(failure) => failure.status_code,
        }
    }
}

impl<T: ResponseFields> Field<MapiHttp> for OperationResponse<T> {
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
            error_only(r).map(Self::ErrorOnly).ok_or(error)
        })
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        match self {
            Self::Complete(body) => {
                w.u32(0);
                body.write(w, field)
            }
            Self::ErrorOnly(ErrorOnly { error_code, aux }) => {
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

/// Reads an error that is followed only by an auxiliary buffer.
fn error_only(r: &mut Reader<'_>) -> Option<ErrorOnly> {
    let error_code = ErrorCode(r.u32("ErrorCode").ok()?);
    let aux = AuxiliaryBuffer::read(r, "AuxiliaryBuffer").ok()?;
    (error_code != ErrorCode::SUCCESS && r.is_empty()).then_some(ErrorOnly { error_code, aux })
}

fn not_zero(code: ErrorCode, field: &'static str) -> Result<u32> {
    if code == ErrorCode::SUCCESS {
        return Err(Error::invalid(field, 0, 0, "an error code"));
    }
    Ok(code.0)
}

/// Declares the fields of a response after its `StatusCode`, as [`structure`](crate::field::structure!) does. The first
/// one is `error_code`.
macro_rules! http_response {
    ($(#[$outer:meta])* pub struct $name:ident as $structure:literal { $($fields:tt)* }) => {
        $crate::field::structure! {
            $(#[$outer])*
            pub struct $name: $crate::mapihttp::format::MapiHttp as $structure {
                /// Zero, or the error with which the operation failed.
                pub error_code: $crate::ErrorCode = "ErrorCode",
                $($fields)*
            }
        }

        impl $crate::mapihttp::operation_response::ResponseFields for $name {
            fn error_code(&self) -> $crate::ErrorCode {
                self.error_code
            }
        }
    };
}

pub(crate) use http_response;
