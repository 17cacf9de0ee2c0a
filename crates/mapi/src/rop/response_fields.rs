//! The fields after the return value of a reply, and whether they are present.

use wire::{Reader, Result, Writer};

use super::context::ResponseContext;
use crate::ErrorCode;
use crate::inspect::Inspect;

/// The fields of a reply after its return value.
pub trait ResponseFields: Sized + Inspect {
    /// If some servers omit the fields in case of an error, contrary to the specification: the minimum size of the
    /// fields, in bytes.
    const OMITTED_BELOW: Option<usize> = None;

    /// Whether a reply with this return value has the fields. By default, if the ROP succeeded.
    fn present(return_value: ErrorCode) -> bool {
        return_value == ErrorCode::SUCCESS
    }

    /// Reads the fields.
    ///
    /// # Errors
    /// Fails if the bytes are not the fields, or `context` lacks information that they depend on.
    fn read(r: &mut Reader<'_>, return_value: ErrorCode, context: ResponseContext<'_>) -> Result<Self>;

    /// Whether the fields match the return value, if they have several forms.
    fn fits(&self, return_value: ErrorCode) -> bool {
        Self::present(return_value)
    }

    /// Appends the encoded fields to `w`.
    ///
    /// # Errors
    /// Fails if a length does not fit its field.
    fn write(&self, w: &mut Writer) -> Result<()>;
}

impl<T: ResponseFields> ResponseFields for Box<T> {
    const OMITTED_BELOW: Option<usize> = T::OMITTED_BELOW;

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

/// Whether a reply has fields of type `T` at the position of `r`. Whether they are present in case of a warning is not
/// specified for most ROPs, and is determined by the bytes that follow.
pub(super) fn has_fields<T: ResponseFields>(
    r: &Reader<'_>,
    return_value: ErrorCode,
    context: ResponseContext<'_>,
) -> bool {
    if T::present(return_value) {
        return !are_omitted::<T>(r, return_value, context);
    }
    let mut after = r.clone();
    return_value.is_warning()
        && T::read(&mut after, return_value, context).is_ok()
        && context.may_follow(after.peek())
        && (after.offset() == r.offset() || !context.may_follow(r.peek()))
}

/// Whether a reply with this return value may have `fields`.
pub(super) fn may_have<T: ResponseFields>(fields: &T, return_value: ErrorCode) -> bool {
    fields.fits(return_value) || (return_value.is_warning() && fields.fits(ErrorCode::SUCCESS))
}

/// Whether a reply with an error omits its fields. This is determined by the bytes that follow: the next reply begins
/// at the position of `r`.
fn are_omitted<T: ResponseFields>(
    r: &Reader<'_>,
    return_value: ErrorCode,
    context: ResponseContext<'_>,
) -> bool {
    let Some(min_size) = T::OMITTED_BELOW else { return false };
    if return_value == ErrorCode::SUCCESS {
        return false;
    }
    let rest = r.peek();
    let next_begins_after = |size: usize| rest.get(size..).is_some_and(|rest| context.may_follow(rest));
    // If the destination is missing, its handle index follows in four more bytes.
    let has_destination =
        return_value == ErrorCode::EC_DST_NULL_OBJECT && next_begins_after(min_size.saturating_add(4));
    rest.len() < min_size || (!has_destination && !next_begins_after(min_size) && context.may_follow(rest))
}

/// Implements [`ResponseFields`] for a [`Field`](crate::field::Field) that is present if the ROP succeeded; with
/// `always`, also if it failed.
macro_rules! plain_response {
    (@always $name:ty) => {};
    (@always $name:ty, always) => {
        const OMITTED_BELOW: Option<usize> = Some(<$name as $crate::field::Field<$crate::rop::format::Rop>>::MIN_SIZE);

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

/// Declares the fields of a reply as [`structure`](crate::field::structure!) does, and implements [`ResponseFields`].
macro_rules! rop_response {
    ($(#[$outer:meta])* $vis:vis struct $name:ident as $rop:literal { $($body:tt)* }) => {
        $crate::field::structure! { $(#[$outer])* $vis struct $name: $crate::rop::format::Rop as $rop { $($body)* } }
        $crate::rop::response_fields::plain_response!($name as $rop);
    };
}

pub(crate) use {plain_response, rop_response};
