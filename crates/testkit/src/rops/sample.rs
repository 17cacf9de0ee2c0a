//! How structures are made out of choices: two traits, and macros that implement them field by field.

use mapi::field::FieldBy;
use mapi::rop::{Bool, Empty, Rop};

use crate::input::Input;

/// What can be made out of choices. If no bytes are left, every choice is zero.
pub(crate) trait Sample: Sized {
    fn sample(input: &mut Input<'_>) -> Self;
}

/// What can be made out of choices and of something that was made before.
pub(crate) trait SampleBy<C>: Sized {
    fn sample_by(input: &mut Input<'_>, by: &C) -> Self;
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
