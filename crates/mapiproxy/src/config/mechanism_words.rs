//! The words by which a configuration names authentication mechanisms, from the list of mechanisms in `identity`.

use std::fmt;
use std::sync::LazyLock;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use identity::Mechanism;
use serde::de::{Deserialize, Deserializer, Error as _};

use super::key::{Setting, Shape, Written};

/// Mechanisms, each with its word at the same index.
struct Words<T> {
    values: Vec<T>,
    texts: Vec<&'static str>,
}

impl<T> Words<T> {
    /// The mechanisms whose two ends are implemented, and that have a word.
    fn new(value: fn(Mechanism) -> T, word: fn(Mechanism) -> Option<String>) -> Self {
        let of_both_ends = Mechanism::ALL.into_iter().rev().filter(|mechanism| mechanism.has_ends());
        let named = of_both_ends.filter_map(|mechanism| Some((value(mechanism), &*word(mechanism)?.leak())));
        let (values, texts) = named.unzip();
        Self { values, texts }
    }
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $word:expr) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(crate) struct $name(Mechanism);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }

        impl $name {
            fn words() -> &'static Words<Self> {
                static WORDS: LazyLock<Words<$name>> = LazyLock::new(|| Words::new($name, $word));
                &WORDS
            }

            fn word(self) -> &'static str {
                let Words { values, texts } = Self::words();
                let at = values.iter().position(|value| *value == self);
                at.and_then(|at| texts.get(at)).copied().unwrap_or_default()
            }
        }

        impl From<$name> for Mechanism {
            fn from(word: $name) -> Self {
                word.0
            }
        }

        impl ValueEnum for $name {
            fn value_variants<'a>() -> &'a [Self] {
                &Self::words().values
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                Some(PossibleValue::new(self.word()))
            }
        }

        impl Setting for $name {
            fn shape() -> Shape {
                Shape::OneOf(Self::words().texts.clone())
            }
        }

        impl Written for $name {
            fn written(&self) -> toml::Value {
                toml::Value::from(self.word())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let Words { values, texts } = Self::words();
                let at = texts.iter().position(|word| *word == text);
                let value = at.and_then(|at| values.get(at)).copied();
                value.ok_or_else(|| D::Error::unknown_variant(&text, texts))
            }
        }
    };
}

words! {
    /// How the proxy or a client authenticates by HTTP: the scheme in lower case.
    Scheme, |mechanism| mechanism.http_scheme().map(str::to_ascii_lowercase)
}

words! {
    /// How the proxy or a client authenticates by RPC: the name of the mechanism.
    RpcScheme, |mechanism| mechanism.rpc_auth_type().map(|_| mechanism.name().to_owned())
}

impl Scheme {
    /// Basic: user name and password in each request.
    pub(crate) const BASIC: Self = Self(Mechanism::BASIC);
    /// NTLM, once for each connection.
    pub(crate) const NTLM: Self = Self(Mechanism::NTLM);
    /// SPNEGO (Negotiate) with NTLM, once for each connection.
    pub(crate) const NEGOTIATE: Self = Self(Mechanism::SPNEGO);
}

impl RpcScheme {
    /// NTLM.
    pub(crate) const NTLM: Self = Self(Mechanism::NTLM);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mechanism_whose_ends_are_implemented_has_a_word() {
        let (http, rpc) = (&Scheme::words().texts, &RpcScheme::words().texts);
        assert!(["basic", "ntlm", "negotiate"].iter().all(|word| http.contains(word)), "{http:?}");
        assert!(["ntlm", "spnego"].iter().all(|word| rpc.contains(word)), "{rpc:?}");
        assert!(!http.contains(&"bearer") && !rpc.contains(&"basic"), "{http:?} {rpc:?}");
        for scheme in Scheme::value_variants() {
            assert_eq!(Scheme::deserialize(scheme.written()).unwrap(), *scheme);
        }
        let error = Scheme::deserialize(toml::Value::from("bearer")).unwrap_err().to_string();
        assert!(error.contains("expected one of ") && error.contains("`negotiate`"), "{error}");
    }
}
