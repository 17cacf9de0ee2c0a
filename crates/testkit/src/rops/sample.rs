//! How structures are made out of choices: traits, and macros that implement them field by field.

use mapi::ErrorCode;
use mapi::field::FieldBy;
use mapi::property::PropTag;
use mapi::rop::{Bool, Empty, Rop, RopRequest};

use crate::input::Input;

/// What can be made out of choices. If no bytes are left, every choice is zero.
pub(crate) trait Sample: Sized {
    fn sample(input: &mut Input<'_>) -> Self;
}

/// What can be made out of choices and of something that was made before.
pub(crate) trait SampleBy<C>: Sized {
    fn sample_by(input: &mut Input<'_>, by: &C) -> Self;
}

/// What a response is made for.
pub(super) struct Answered<'a> {
    pub(super) request: &'a RopRequest,
    /// The columns of the table or the message that the ROP acts on.
    pub(super) columns: &'a [PropTag],
    pub(super) return_value: ErrorCode,
}

impl Answered<'_> {
    /// Whether the object that the ROP writes to is missing.
    pub(super) fn lacks_destination(&self) -> bool {
        self.return_value == ErrorCode::EC_DST_NULL_OBJECT
    }
}

/// What can be made out of choices as the fields of a response. Most depend on the choices only.
pub(super) trait SampleAnswer: Sized {
    fn sample_answer(input: &mut Input<'_>, answered: &Answered<'_>) -> Self;
}

impl<T: Sample> SampleAnswer for T {
    fn sample_answer(input: &mut Input<'_>, _answered: &Answered<'_>) -> Self {
        T::sample(input)
    }
}

/// Makes structures by their fields; those whose shape depends on one before them say so.
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

/// Makes newtypes.
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
