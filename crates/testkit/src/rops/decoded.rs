//! Samples of a ROP for which no [`Sample`] is declared: its decoder makes them of the choices.

use mapi::ErrorCode;
use mapi::field::Field;
use mapi::rop::{RequestContext, ResponseContext, ResponseFields, Rop};
use wire::Reader;

use super::sample::{Sample, SampleContext, SampleResponse};
use crate::input::Input;

/// Zeros after the input, for a decoder that reads further.
const PADDING: [u8; 512] = [0; 512];

/// Makes bodies of its variant: by the `Sample` of the variant's content, or else by its decoder.
///
/// A call on `&Sampler` finds a method of [`Declared`] before that of [`Decoded`], which takes one reference more. The
/// type has to be known at the call, as it is in the code that the registry generates.
pub(super) struct Sampler<T, B>(pub(super) fn(T) -> B);

/// Whether a response with `return_value` has the fields of `variant`.
pub(super) fn has_fields<T: ResponseFields, B>(_variant: fn(T) -> B, return_value: ErrorCode) -> bool {
    T::present(return_value)
}

/// A request with a `Sample`.
pub(super) trait Declared<B> {
    fn request(&self, input: &mut Input<'_>) -> B;
}

impl<T: Sample, B> Declared<B> for Sampler<T, B> {
    fn request(&self, input: &mut Input<'_>) -> B {
        (self.0)(T::sample(input))
    }
}

/// A request without one.
pub(super) trait Decoded<B> {
    fn request(&self, input: &mut Input<'_>) -> B;
}

impl<T: Field<Rop>, B> Decoded<B> for &Sampler<T, B> {
    fn request(&self, input: &mut Input<'_>) -> B {
        let context = RequestContext { private: Some(true) };
        (self.0)(decode(input, |r| T::read_with(r, "request", context)))
    }
}

/// A response with a `Sample` or a `SampleResponse`.
pub(super) trait DeclaredResponse<B> {
    fn response(&self, input: &mut Input<'_>, sampled: &SampleContext<'_>) -> B;
}

impl<T: SampleResponse, B> DeclaredResponse<B> for Sampler<T, B> {
    fn response(&self, input: &mut Input<'_>, sampled: &SampleContext<'_>) -> B {
        (self.0)(T::sample_response(input, sampled))
    }
}

/// A response without one.
pub(super) trait DecodedResponse<B> {
    fn response(&self, input: &mut Input<'_>, sampled: &SampleContext<'_>) -> B;
}

impl<T: ResponseFields, B> DecodedResponse<B> for &Sampler<T, B> {
    fn response(&self, input: &mut Input<'_>, sampled: &SampleContext<'_>) -> B {
        let requested = sampled.request.requested_properties();
        let columns = sampled.columns.into();
        let context = ResponseContext { requested, columns: Some(&columns), next: None };
        (self.0)(decode(input, |r| T::read(r, sampled.return_value, context)))
    }
}

/// Decodes the choices. If `read` does not accept them, decodes smaller and fewer numbers, so that counts and
/// lengths fit, and finally zeros.
///
/// # Panics
/// If `read` does not accept zeros: such a ROP needs a `Sample`.
fn decode<T>(input: &mut Input<'_>, read: impl Fn(&mut Reader<'_>) -> wire::Result<T>) -> T {
    let choices = input.rest();
    let attempt = |byte: fn(u8) -> u8| {
        let bytes: Vec<u8> = choices.iter().map(|choice| byte(*choice)).chain(PADDING).collect();
        read(&mut Reader::new(&bytes))
    };
    let small = |choice| if choice < 0xC0 { 0 } else { choice % 4 };
    let decoded = attempt(|choice| choice).or_else(|_| attempt(small)).or_else(|_| attempt(|_| 0));
    decoded.expect("a structure that zeros can be decoded to")
}

#[cfg(test)]
mod tests {
    use mapi::each_rop;
    use mapi::property::PropTag;
    use mapi::rop::{RequestBody, RopId, RopRequest};
    use proptest::prelude::*;
    use wire::Encode as _;

    use super::*;
    use crate::rops::{choices, request_ids};

    macro_rules! decoded_bodies {
        ($($(#[$doc:meta])* $id:literal $name:ident: $request:ty => $response:ty $(, $asynchronous:ident)?;)*
         response_only { $($response_only:tt)* }) => {
            fn decoded(id: RopId, input: &mut Input<'_>) -> RequestBody {
                match id {
                    $(RopId::$name => Decoded::request(&&Sampler(RequestBody::$name), input),)*
                    _ => unreachable!("{id}"),
                }
            }
        };
    }

    each_rop!(decoded_bodies);

    proptest! {
        #[test]
        fn the_decoder_makes_a_request_of_each_rop(choices in choices()) {
            for id in request_ids() {
                let body = decoded(id, &mut Input::new(&choices));
                let request = RopRequest { logon_id: 0, handle_index: 0, body };
                prop_assert_eq!(request.id(), id);
                prop_assert!(request.to_bytes().is_ok());
            }
        }
    }

    #[test]
    fn the_decoder_makes_a_request_of_the_choices() {
        let choices = [0, 1, 0, 0x1F, 0x00, 0x37, 0x00];
        let body = decoded(RopId::RopSetColumns, &mut Input::new(&choices));
        let RequestBody::RopSetColumns(request) = body else { panic!("{body:?}") };
        assert_eq!(request.property_tags.0, [PropTag(0x0037_001F)]);
    }
}
