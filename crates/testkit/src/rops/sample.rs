//! Makes structures from the bytes of a fuzzer's input ([`Input`]): traits, and macros that implement them field by
//! field.

use mapi::ErrorCode;
use mapi::field::FieldBy;
use mapi::property::PropTag;
use mapi::rop::{Bool, Empty, Rop, RopRequest};

use crate::input::Input;

/// A type that can be made from the bytes of an input. If no bytes are left, every value read from it is zero.
pub(crate) trait Sample: Sized {
    fn sample(input: &mut Input<'_>) -> Self;
}

/// A type that can be made from the bytes of an input and a value that was made before.
pub(crate) trait SampleBy<C>: Sized {
    fn sample_by(input: &mut Input<'_>, by: &C) -> Self;
}

/// The request for which a response is made.
pub(super) struct SampleContext<'a> {
    pub(super) request: &'a RopRequest,
    /// The columns of the table or the message that the ROP acts on.
    pub(super) columns: &'a [PropTag],
    pub(super) return_value: ErrorCode,
}

impl SampleContext<'_> {
    /// Whether the object that the ROP writes to is missing.
    pub(super) fn lacks_destination(&self) -> bool {
        self.return_value == ErrorCode::EC_DST_NULL_OBJECT
    }
}

/// A type that can be made from the bytes of an input as the fields of a response. Most depend on these bytes only.
pub(super) trait SampleResponse: Sized {
    fn sample_response(input: &mut Input<'_>, context: &SampleContext<'_>) -> Self;
}

impl<T: Sample> SampleResponse for T {
    fn sample_response(input: &mut Input<'_>, _context: &SampleContext<'_>) -> Self {
        T::sample(input)
    }
}

/// Implements [`Sample`] field by field; a field whose form depends on an earlier one names it.
macro_rules! sample {
    (@field $input:ident) => { $crate::rops::sample::Sample::sample($input) };
    (@field $input:ident, $by:ident) => { $crate::rops::sample::SampleBy::sample_by($input, &$by) };
    ($($name:ident { $($field:ident $(by $by:ident)?),* $(,)? })*) => {
        $(impl $crate::rops::sample::Sample for $name {
            fn sample(input: &mut $crate::input::Input<'_>) -> Self {
                $(let $field = $crate::rops::sample::sample!(@field input $(, $by)?);)*
                Self { $($field),* }
            }
        })*
    };
}

/// Implements [`Sample`] for newtypes.
macro_rules! sample_newtypes {
    ($($name:ty),* $(,)?) => {
        $(impl $crate::rops::sample::Sample for $name {
            fn sample(input: &mut $crate::input::Input<'_>) -> Self {
                Self($crate::rops::sample::Sample::sample(input))
            }
        })*
    };
}

pub(super) use {sample, sample_newtypes};

impl Sample for Empty {
    fn sample(_input: &mut Input<'_>) -> Self {
        Self
    }
}

impl<T: Sample> SampleBy<Bool> for Option<T>
where
    Self: FieldBy<Rop, Bool>,
{
    fn sample_by(input: &mut Input<'_>, by: &Bool) -> Self {
        by.is_true().then(|| T::sample(input))
    }
}
