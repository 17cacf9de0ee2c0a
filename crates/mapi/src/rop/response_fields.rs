//! What follows the return value of a response, and whether it is there.

use wire::{Reader, Result, Writer};

use super::context::ResponseContext;
use crate::ErrorCode;
use crate::inspect::Inspect;

/// What a response has behind its return value.
pub trait ResponseFields: Sized + Inspect {
    /// Where a response that failed has them too, but some servers leave them out then: the fewest bytes that
    /// they take in it.
    const LEFT_OUT_BELOW: Option<usize> = None;

    /// Whether a response with this return value has them. As a rule, one that succeeded.
    fn present(return_value: ErrorCode) -> bool {
        return_value == ErrorCode::SUCCESS
    }

    /// Reads them from where `r` stands.
    ///
    /// # Errors
    /// When the bytes are no such fields, and when `context` lacks what they depend on.
    fn read(r: &mut Reader<'_>, return_value: ErrorCode, context: ResponseContext<'_>) -> Result<Self>;

    /// Whether they are what a response with this return value has, where there are several shapes.
    fn fits(&self, return_value: ErrorCode) -> bool {
        Self::present(return_value)
    }

    /// Appends them to `w`.
    ///
    /// # Errors
    /// When a length does not fit.
    fn write(&self, w: &mut Writer) -> Result<()>;
}

impl<T: ResponseFields> ResponseFields for Box<T> {
    const LEFT_OUT_BELOW: Option<usize> = T::LEFT_OUT_BELOW;

    fn present(return_value: ErrorCode) -> bool {
        T::present(return_value)
    }

    fn read(r: &mut Reader<'_>, return_value: ErrorCode, context: ResponseContext<'_>) -> Result<Self> {
        T::read(r, return_value, context).map(Self::new)
    }

    fn fits(&self, return_value: ErrorCode) -> bool {
        T::fits(self, return_value)
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        T::write(self, w)
    }
}

/// Whether a response has fields of type `T` where `r` stands. Where it succeeded but says something about
/// it, that is not specified for most ROPs; what comes next tells.
pub(super) fn has_fields<T: ResponseFields>(
    r: &Reader<'_>,
    return_value: ErrorCode,
    context: ResponseContext<'_>,
) -> bool {
    if T::present(return_value) {
        return !left_out::<T>(r, return_value, context);
    }
    let mut behind = r.clone();
    return_value.is_warning()
        && T::read(&mut behind, return_value, context).is_ok()
        && context.may_follow(behind.peek())
        && (behind.offset() == r.offset() || !context.may_follow(r.peek()))
}

/// Whether `fields` are what a response with this return value may have.
pub(super) fn may_have<T: ResponseFields>(fields: &T, return_value: ErrorCode) -> bool {
    fields.fits(return_value) || (return_value.is_warning() && fields.fits(ErrorCode::SUCCESS))
}

/// Whether the fields of a response that failed are missing where `r` stands. Nothing in the response says
/// so, but what comes next tells where it begins.
fn left_out<T: ResponseFields>(
    r: &Reader<'_>,
    return_value: ErrorCode,
    context: ResponseContext<'_>,
) -> bool {
    let Some(least) = T::LEFT_OUT_BELOW else { return false };
    if return_value == ErrorCode::SUCCESS {
        return false;
    }
    let rest = r.peek();
    let begins_behind = |size: usize| rest.get(size..).is_some_and(|rest| context.may_follow(rest));
    // Who says that a destination is missing says in four more bytes which.
    let named = return_value == ErrorCode::EC_DST_NULL_OBJECT && begins_behind(least.saturating_add(4));
    rest.len() < least || (!named && !begins_behind(least) && context.may_follow(rest))
}

/// Makes a [`Field`](crate::field::Field) what follows the return value of a response that succeeded; with
/// `always`, of one that failed as well.
macro_rules! plain_response {
    (@always $name:ty) => {};
    (@always $name:ty, always) => {
        const LEFT_OUT_BELOW: Option<usize> = Some(<$name as $crate::field::Field<$crate::rop::format::Rop>>::MIN_SIZE);

        fn present(_return_value: $crate::ErrorCode) -> bool {
            true
        }
    };
    ($name:ty as $rop:literal $(, $always:ident)?) => {
        impl $crate::rop::response_fields::ResponseFields for $name {
            $crate::rop::response_fields::plain_response!(@always $name $(, $always)?);

            fn read(
                r: &mut ::wire::Reader<'_>,
                _return_value: $crate::ErrorCode,
                _context: $crate::rop::context::ResponseContext<'_>,
            ) -> ::wire::Result<Self> {
                <Self as $crate::field::Field<$crate::rop::format::Rop>>::read(r, $rop)
            }

            fn write(&self, w: &mut ::wire::Writer) -> ::wire::Result<()> {
                $crate::field::Field::<$crate::rop::format::Rop>::write(self, w, $rop)
            }
        }
    };
}

/// Declares what follows the return value of a response that succeeded, as [`structure`](crate::field::structure!)
/// does, where nothing but its bytes is needed to read it.
macro_rules! rop_response {
    ($(#[$outer:meta])* $vis:vis struct $name:ident as $rop:literal { $($body:tt)* }) => {
        $crate::field::structure! { $(#[$outer])* $vis struct $name: $crate::rop::format::Rop as $rop { $($body)* } }
        $crate::rop::response_fields::plain_response!($name as $rop);
    };
}

pub(crate) use {plain_response, rop_response};
