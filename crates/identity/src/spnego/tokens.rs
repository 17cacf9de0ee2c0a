//! SPNEGO's tokens and their DER encoding (RFC4178 4.2).

use std::borrow::Cow;
use std::fmt;

use wire::{Decode, Encode, Error, ErrorKind, Reader, Result, Writer, wire_enum};

use crate::der::{self, context};

/// The largest accepted token, in bytes.
pub(super) const MAX_TOKEN: usize = 16_384;

/// An object identifier, as the contents of its DER form.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Oid(Cow<'static, [u8]>);

impl Oid {
    /// SPNEGO itself: 1.3.6.1.5.5.2.
    pub const SPNEGO: Self = Self(Cow::Borrowed(&[0x2b, 6, 1, 5, 5, 2]));
    /// NTLM: 1.3.6.1.4.1.311.2.2.10.
    pub const NTLM: Self = Self(Cow::Borrowed(&[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 10]));
    /// Extended negotiation: 1.3.6.1.4.1.311.2.2.30.
    pub const NEGOEX: Self = Self(Cow::Borrowed(&[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 30]));
    /// Kerberos: 1.2.840.113554.1.2.2.
    pub const KERBEROS: Self = Self(Cow::Borrowed(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2]));
    /// Kerberos with the identifier of early Windows versions: 1.2.840.48018.1.2.2.
    pub const MS_KERBEROS: Self = Self(Cow::Borrowed(&[0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 1, 2, 2]));

    /// The contents of its DER form.
    pub fn as_der(&self) -> &[u8] {
        &self.0
    }

    fn decode(contents: &[u8], field: &'static str) -> Result<Self> {
        let mut start = true;
        for byte in contents {
            // An arc's first byte is never a padding byte, and the last arc ends with the contents.
            if start && *byte == 0x80 {
                return Err(Error::invalid(field, 0, 0x80, "the shortest form of an arc"));
            }
            start = byte & 0x80 == 0;
        }
        if contents.is_empty() || !start {
            return Err(Error::new(ErrorKind::Text { expected: "an object identifier" }, field, 0));
        }
        Ok(Self(Cow::Owned(contents.to_vec())))
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut arc, mut first) = (0u128, true);
        for byte in &*self.0 {
            arc = (arc << 7) | u128::from(byte & 0x7f);
            if byte & 0x80 != 0 {
                continue;
            }
            if std::mem::take(&mut first) {
                let root = (arc / 40).min(2);
                write!(f, "{root}.{}", arc.saturating_sub(root.saturating_mul(40)))?;
            } else {
                write!(f, ".{arc}")?;
            }
            arc = 0;
        }
        Ok(())
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({self})")
    }
}

wire_enum! {
    /// `NegState` (RFC 4178 4.2.2).
    pub struct NegState(u8) {
        /// The context is established.
        accept_completed = 0,
        /// More tokens are needed.
        accept_incomplete = 1,
        /// No mechanism is left.
        reject = 2,
        /// More tokens are needed, and the list of mechanisms is to be protected.
        request_mic = 3,
    }
}

/// `NegHints` ([MS-SPNG] 2.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NegHints {
    /// `hintName`.
    pub hint_name: Option<Vec<u8>>,
    /// `hintAddress`.
    pub hint_address: Option<Vec<u8>>,
}

/// `NegTokenInit` (RFC 4178 4.2.1) or `NegTokenInit2` ([MS-SPNG] 2.2.1), in the GSS-API frame that the first
/// token has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NegTokenInit {
    /// The sender's mechanisms, the preferred one first.
    pub mech_types: Vec<Oid>,
    /// `reqFlags`, the contents of its bit string.
    pub req_flags: Option<Vec<u8>>,
    /// The first token of the first mechanism.
    pub mech_token: Option<Vec<u8>>,
    /// `negHints`, which distinguishes a `NegTokenInit2`.
    pub neg_hints: Option<NegHints>,
    /// The integrity code of `mech_types`.
    pub mech_list_mic: Option<Vec<u8>>,
}

/// The longest accepted list of mechanisms.
const MAX_MECHANISMS: usize = 32;

/// `MechTypeList`, which `mechListMIC` protects.
pub(crate) fn mech_type_list(mech_types: &[Oid]) -> Result<Vec<u8>> {
    let mut list = Vec::new();
    for oid in mech_types {
        list.extend(der::wrap(der::OID, oid.as_der())?);
    }
    der::wrap(der::SEQUENCE, &list)
}

/// Appends an element within one with a context tag, if there is a value.
fn put(out: &mut Vec<u8>, number: u8, tag: u8, value: Option<&[u8]>) -> Result<()> {
    if let Some(value) = value {
        out.extend(der::wrap(context(number), &der::wrap(tag, value)?)?);
    }
    Ok(())
}

impl Encode for NegTokenInit {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        let mut body = Vec::new();
        if !self.mech_types.is_empty() {
            body.extend(der::wrap(context(0), &mech_type_list(&self.mech_types)?)?);
        }
        put(&mut body, 1, der::BIT_STRING, self.req_flags.as_deref())?;
        put(&mut body, 2, der::OCTET_STRING, self.mech_token.as_deref())?;
        let mic = self.mech_list_mic.as_deref();
        if let Some(hints) = &self.neg_hints {
            let mut inner = Vec::new();
            put(&mut inner, 0, der::GENERAL_STRING, hints.hint_name.as_deref())?;
            put(&mut inner, 1, der::OCTET_STRING, hints.hint_address.as_deref())?;
            put(&mut body, 3, der::SEQUENCE, Some(&inner))?;
            put(&mut body, 4, der::OCTET_STRING, mic)?;
        } else {
            put(&mut body, 3, der::OCTET_STRING, mic)?;
        }
        let mut token = der::wrap(der::OID, Oid::SPNEGO.as_der())?;
        put(&mut token, 0, der::SEQUENCE, Some(&body))?;
        w.bytes(&der::wrap(der::APPLICATION_0, &token)?);
        Ok(())
    }
}

impl<'a> Decode<'a> for NegTokenInit {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let mut frame = der::element(r, der::APPLICATION_0, "InitialContextToken")?;
        let this_mech = der::element(&mut frame, der::OID, "thisMech")?;
        if this_mech.peek() != Oid::SPNEGO.as_der() {
            return Err(this_mech.error(ErrorKind::Text { expected: "the identifier of SPNEGO" }, "thisMech"));
        }
        let mut choice = der::element(&mut frame, context(0), "negTokenInit")?;
        frame.finish()?;
        let mut body = der::element(&mut choice, der::SEQUENCE, "NegTokenInit")?;
        choice.finish()?;

        let mut out = Self::default();
        if let Some(mut outer) = der::optional(&mut body, context(0), "mechTypes")? {
            let mut list = der::element(&mut outer, der::SEQUENCE, "mechTypes")?;
            outer.finish()?;
            while !list.is_empty() {
                if out.mech_types.len() >= MAX_MECHANISMS {
                    return Err(list.invalid("mechTypes", 33, "at most 32 mechanisms"));
                }
                let oid = der::element(&mut list, der::OID, "MechType")?;
                out.mech_types.push(Oid::decode(oid.peek(), "MechType")?);
            }
            if out.mech_types.is_empty() {
                return Err(list.invalid("mechTypes", 0, "at least one mechanism"));
            }
        }
        out.req_flags = der::tagged(&mut body, 1, der::BIT_STRING, "reqFlags")?.map(Vec::from);
        out.mech_token = der::tagged(&mut body, 2, der::OCTET_STRING, "mechToken")?.map(Vec::from);
        if let Some(mut third) = der::optional(&mut body, context(3), "mechListMIC")? {
            if der::peek(&third) == Some(der::SEQUENCE) {
                let mut hints = der::element(&mut third, der::SEQUENCE, "negHints")?;
                out.neg_hints = Some(NegHints {
                    hint_name: der::tagged(&mut hints, 0, der::GENERAL_STRING, "hintName")?.map(Vec::from),
                    hint_address: der::tagged(&mut hints, 1, der::OCTET_STRING, "hintAddress")?
                        .map(Vec::from),
                });
                hints.finish()?;
                out.mech_list_mic =
                    der::tagged(&mut body, 4, der::OCTET_STRING, "mechListMIC")?.map(Vec::from);
            } else {
                let mic = der::element(&mut third, der::OCTET_STRING, "mechListMIC")?;
                out.mech_list_mic = Some(mic.peek().to_vec());
            }
            third.finish()?;
        }
        body.finish()?;
        Ok(out)
    }
}

/// `NegTokenResp` (RFC 4178 4.2.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NegTokenResp {
    /// The sender's state.
    pub neg_state: Option<NegState>,
    /// The mechanism that was chosen.
    pub supported_mech: Option<Oid>,
    /// The mechanism's next token.
    pub response_token: Option<Vec<u8>>,
    /// The integrity code of the initiator's list of mechanisms.
    pub mech_list_mic: Option<Vec<u8>>,
}

impl Encode for NegTokenResp {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        let mut body = Vec::new();
        let state = self.neg_state.map(|state| [state.0]);
        put(&mut body, 0, der::ENUMERATED, state.as_ref().map(<[u8; 1]>::as_slice))?;
        put(&mut body, 1, der::OID, self.supported_mech.as_ref().map(Oid::as_der))?;
        put(&mut body, 2, der::OCTET_STRING, self.response_token.as_deref())?;
        put(&mut body, 3, der::OCTET_STRING, self.mech_list_mic.as_deref())?;
        let mut token = Vec::new();
        put(&mut token, 1, der::SEQUENCE, Some(&body))?;
        w.bytes(&token);
        Ok(())
    }
}

impl<'a> Decode<'a> for NegTokenResp {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let mut choice = der::element(r, context(1), "negTokenResp")?;
        let mut body = der::element(&mut choice, der::SEQUENCE, "NegTokenResp")?;
        choice.finish()?;
        let neg_state = match der::tagged(&mut body, 0, der::ENUMERATED, "negState")? {
            None => None,
            Some(&[state @ 0..=3]) => Some(NegState(state)),
            Some(other) => {
                let found = other.first().copied().unwrap_or_default();
                return Err(body.invalid("negState", found.into(), "0 to 3"));
            }
        };
        let supported_mech = der::tagged(&mut body, 1, der::OID, "supportedMech")?
            .map(|contents| Oid::decode(contents, "supportedMech"))
            .transpose()?;
        let response_token = der::tagged(&mut body, 2, der::OCTET_STRING, "responseToken")?.map(Vec::from);
        let mech_list_mic = der::tagged(&mut body, 3, der::OCTET_STRING, "mechListMIC")?.map(Vec::from);
        body.finish()?;
        Ok(Self { neg_state, supported_mech, response_token, mech_list_mic })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn oid() -> impl Strategy<Value = Oid> {
        prop_oneof![
            Just(Oid::NTLM),
            Just(Oid::KERBEROS),
            Just(Oid::MS_KERBEROS),
            Just(Oid::NEGOEX),
            proptest::collection::vec(0u8..0x80, 1..5).prop_map(|bytes| Oid(Cow::Owned(bytes))),
        ]
    }

    fn blob() -> impl Strategy<Value = Option<Vec<u8>>> {
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..300))
    }

    proptest! {
        #[test]
        fn first_tokens_round_trip(
            mech_types in proptest::collection::vec(oid(), 0..6),
            req_flags in blob(),
            mech_token in blob(),
            hints in proptest::option::of((blob(), blob())),
            mech_list_mic in blob(),
        ) {
            let neg_hints = hints.map(|(hint_name, hint_address)| NegHints { hint_name, hint_address });
            let token = NegTokenInit { mech_types, req_flags, mech_token, neg_hints, mech_list_mic };
            let bytes = token.to_bytes().unwrap();
            prop_assert_eq!(NegTokenInit::from_bytes(&bytes).unwrap(), token);
        }

        #[test]
        fn later_tokens_round_trip(
            state in proptest::option::of(0u8..4),
            supported_mech in proptest::option::of(oid()),
            response_token in blob(),
            mech_list_mic in blob(),
        ) {
            let neg_state = state.map(NegState);
            let token = NegTokenResp { neg_state, supported_mech, response_token, mech_list_mic };
            let bytes = token.to_bytes().unwrap();
            prop_assert_eq!(NegTokenResp::from_bytes(&bytes).unwrap(), token);
        }

        #[test]
        fn decoded_tokens_are_encoded_alike(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..60),
            which in 0..3,
        ) {
            // Random bytes seldom are a token; one with a byte changed often is.
            let token = NegTokenResp { neg_state: Some(NegState::request_mic), ..NegTokenResp::default() };
            if which == 1 {
                let mut changed = token.to_bytes().unwrap();
                for (index, byte) in bytes.iter().take(2).enumerate() {
                    let at = usize::from(*byte) % changed.len();
                    changed[at] ^= 1 << index;
                }
                bytes = changed;
            }
            if let Ok(token) = NegTokenResp::from_bytes(&bytes) {
                prop_assert_eq!(token.to_bytes().unwrap(), bytes.clone());
            }
            if let Ok(token) = NegTokenInit::from_bytes(&bytes) {
                prop_assert_eq!(token.to_bytes().unwrap(), bytes);
            }
        }
    }

    #[test]
    fn identifiers_are_printed_in_dotted_form() {
        assert_eq!(Oid::NTLM.to_string(), "1.3.6.1.4.1.311.2.2.10");
        assert_eq!(Oid::KERBEROS.to_string(), "1.2.840.113554.1.2.2");
        assert_eq!(Oid::MS_KERBEROS.to_string(), "1.2.840.48018.1.2.2");
        assert_eq!(Oid::SPNEGO.to_string(), "1.3.6.1.5.5.2");
    }

    #[test]
    fn lengths_have_one_form() {
        // negTokenResp with an empty NegTokenResp, then with its lengths in longer forms.
        assert!(NegTokenResp::from_bytes(&[0xa1, 2, 0x30, 0]).is_ok());
        for bad in [
            &[0xa1, 0x81, 2, 0x30, 0][..],
            &[0xa1, 0x82, 0, 2, 0x30, 0],
            &[0xa1, 0x80, 0x30, 0, 0, 0],
            &[0xa1, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30, 0],
            &[0xa1, 0x85, 0, 0, 0, 0, 2, 0x30, 0],
            &[0xa1, 2, 0x30, 0, 0],
            &[0xa1, 3, 0x30, 0, 0],
        ] {
            assert!(NegTokenResp::from_bytes(bad).is_err(), "{bad:02x?}");
        }
    }
}
