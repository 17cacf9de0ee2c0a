//! Options in the configuration that modules and authentication mechanisms declare, each once, by [`declare!`], with
//! its type, default and documentation. The struct that its owner reads, the checks, the reference and the JSON schema
//! are derived from that.
//!
//! # Architectural invariants
//!
//! - No I/O, and nothing of the format of configurations.

use std::collections::BTreeMap;
use std::fmt;

/// The type of an option's value, with its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// A string.
    Text,
    /// An integer from `min` to `max`, inclusive.
    Integer {
        /// The smallest valid value.
        min: i64,
        /// The largest valid value.
        max: i64,
    },
    /// `true` or `false`.
    Bool,
    /// A list of strings.
    Texts,
}

/// An option as it is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionSpec {
    /// The key of the option in the configuration.
    pub name: &'static str,
    /// The type of its value.
    pub kind: OptionKind,
    /// The default; `None` if the option is unset by default.
    pub default: Option<OptionValue>,
    /// An example for the reference, for an option without a default.
    pub example: Option<OptionValue>,
    /// The documentation: what the option does.
    pub doc: &'static str,
}

/// An option's value. It is displayed in the syntax of the configuration, TOML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionValue {
    /// A string.
    Text(String),
    /// An integer.
    Integer(i64),
    /// `true` or `false`.
    Bool(bool),
    /// A list of strings.
    Texts(Vec<String>),
}

/// A Rust type that an option can have.
pub trait OptionType: Sized {
    /// The type of the values in the configuration.
    const KIND: OptionKind;

    /// Converts a value of the configuration. Returns `None` if it has another type or is too large.
    fn from_value(value: &OptionValue) -> Option<Self>;

    /// Converts to a value of the configuration. Returns `None` if the option is unset.
    fn to_value(&self) -> Option<OptionValue>;
}

/// The options of a module are invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// The module has no such option.
    #[error("module {module} has no option {name}; {}", list(known))]
    Unknown {
        /// The name of the module.
        module: &'static str,
        /// The configured option.
        name: String,
        /// The options of the module.
        known: Vec<&'static str>,
    },
    /// The value has the wrong type or is out of range.
    #[error("option {name} of module {module} must be {expected}")]
    Kind {
        /// The name of the module.
        module: &'static str,
        /// The name of the option.
        name: &'static str,
        /// The expected type and range.
        expected: String,
    },
    /// The module, or the mechanism, rejects the value.
    #[error("option {name} of {module}: {why}")]
    Refused {
        /// The name of the module or mechanism.
        module: &'static str,
        /// The name of the option.
        name: &'static str,
        /// What is wrong with the value, and what to do.
        why: String,
    },
}

fn list(names: &[&str]) -> String {
    if names.is_empty() {
        "it has no options".to_owned()
    } else {
        format!("its options are {}", names.join(", "))
    }
}

impl fmt::Display for OptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a string"),
            Self::Integer { min, max } => write!(f, "an integer from {min} to {max}"),
            Self::Bool => f.write_str("true or false"),
            Self::Texts => f.write_str("a list of strings"),
        }
    }
}

impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Bool(yes) => write!(f, "{yes}"),
            Self::Texts(texts) => write!(f, "{texts:?}"),
        }
    }
}

impl OptionKind {
    /// Restricts an integer to the range from `min` to `max`, inclusive. Other types are unchanged.
    #[must_use]
    pub const fn within(self, min: i64, max: i64) -> Self {
        match self {
            Self::Integer { .. } => Self::Integer { min, max },
            other => other,
        }
    }

    const fn accepts(self, value: &OptionValue) -> bool {
        match (self, value) {
            (Self::Text, OptionValue::Text(_))
            | (Self::Bool, OptionValue::Bool(_))
            | (Self::Texts, OptionValue::Texts(_)) => true,
            (Self::Integer { min, max }, OptionValue::Integer(n)) => *n >= min && *n <= max,
            _ => false,
        }
    }
}

impl OptionType for bool {
    const KIND: OptionKind = OptionKind::Bool;

    fn from_value(value: &OptionValue) -> Option<Self> {
        if let OptionValue::Bool(yes) = value { Some(*yes) } else { None }
    }

    fn to_value(&self) -> Option<OptionValue> {
        Some(OptionValue::Bool(*self))
    }
}

impl OptionType for u64 {
    const KIND: OptionKind = OptionKind::Integer { min: 0, max: i64::MAX };

    fn from_value(value: &OptionValue) -> Option<Self> {
        if let OptionValue::Integer(number) = value { Self::try_from(*number).ok() } else { None }
    }

    fn to_value(&self) -> Option<OptionValue> {
        i64::try_from(*self).ok().map(OptionValue::Integer)
    }
}

impl OptionType for String {
    const KIND: OptionKind = OptionKind::Text;

    fn from_value(value: &OptionValue) -> Option<Self> {
        if let OptionValue::Text(text) = value { Some(text.clone()) } else { None }
    }

    fn to_value(&self) -> Option<OptionValue> {
        Some(OptionValue::Text(self.clone()))
    }
}

impl OptionType for Vec<String> {
    const KIND: OptionKind = OptionKind::Texts;

    fn from_value(value: &OptionValue) -> Option<Self> {
        if let OptionValue::Texts(texts) = value { Some(texts.clone()) } else { None }
    }

    fn to_value(&self) -> Option<OptionValue> {
        Some(OptionValue::Texts(self.clone()))
    }
}

impl<T: OptionType> OptionType for Option<T> {
    const KIND: OptionKind = T::KIND;

    fn from_value(value: &OptionValue) -> Option<Self> {
        T::from_value(value).map(Some)
    }

    fn to_value(&self) -> Option<OptionValue> {
        self.as_ref().and_then(OptionType::to_value)
    }
}

/// Configured options, checked against their declarations.
#[derive(Debug, Clone, Default)]
pub struct Options(BTreeMap<String, OptionValue>);

impl Options {
    /// Checks the configured options `given` of `module` against the declared ones, `specs`. Returns the valid options,
    /// and an error for each of the others.
    pub fn checked(
        module: &'static str,
        specs: &'static [OptionSpec],
        given: BTreeMap<String, OptionValue>,
    ) -> (Self, Vec<OptionError>) {
        let mut errors = Vec::new();
        let valid = given.into_iter().filter(|(name, value)| {
            let error = match specs.iter().find(|spec| spec.name == name) {
                None => {
                    let known = specs.iter().map(|spec| spec.name).collect();
                    OptionError::Unknown { module, name: name.clone(), known }
                }
                Some(spec) if !spec.kind.accepts(value) => {
                    OptionError::Kind { module, name: spec.name, expected: spec.kind.to_string() }
                }
                Some(_) => return true,
            };
            errors.push(error);
            false
        });
        let options = Self(valid.collect());
        (options, errors)
    }

    /// Options whose values were checked against their declarations.
    pub const fn of_checked(given: BTreeMap<String, OptionValue>) -> Self {
        Self(given)
    }

    /// The configured value of the option `name`, or `None`. Used by the code that [`declare!`] generates.
    pub fn given<T: OptionType>(&self, name: &str) -> Option<T> {
        self.0.get(name).and_then(T::from_value)
    }
}

/// Declares options, as a struct with a field for each option. Its `Default` has the defaults.
///
/// Each option is declared as `name: type = default;`, below its documentation. A number may have a range (`, from
/// MIN to MAX`); an option without a default, whose type is an `Option`, may have an example (`, such as VALUE`).
///
/// ```
/// options::declare! {
///     /// The options of `limit`.
///     pub struct LimitOptions {
///         /// How many operations a session may have.
///         operations: u64 = 1000, from 1 to 1_000_000;
///         /// The user who may have more.
///         except: Option<String> = None, such as "alice";
///     }
/// }
///
/// // `Module::options` returns the declarations, and `Module::init` reads the configured values.
/// assert_eq!(LimitOptions::specs()[0].name, "operations");
/// let options = LimitOptions::read(&options::Options::default());
/// assert_eq!(options.operations, 1000);
/// ```
#[macro_export]
macro_rules! declare {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $(
            $(#[doc = $doc:literal])+
            $field:ident: $type:ty = $default:expr
                $(, from $min:literal to $max:literal)? $(, such as $example:literal)?;
        )+
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        $vis struct $name {
            $($(#[doc = $doc])+ $vis $field: $type,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $name {
            /// The declarations of the options.
            $vis fn specs() -> &'static [$crate::OptionSpec] {
                use $crate::{OptionSpec, OptionType};
                static SPECS: std::sync::LazyLock<Vec<OptionSpec>> = std::sync::LazyLock::new(|| {
                    let default = $name::default();
                    vec![$(OptionSpec {
                        name: stringify!($field),
                        kind: <$type as OptionType>::KIND$(.within($min, $max))?,
                        default: OptionType::to_value(&default.$field),
                        example: None::<&str>$(.or(Some($example)))?.and_then(|text| text.to_owned().to_value()),
                        doc: concat!($($doc),+).trim(),
                    },)+]
                });
                &SPECS
            }

            /// The configured values, and the defaults of the other options.
            $vis fn read(options: &$crate::Options) -> Self {
                let default = Self::default();
                Self { $($field: options.given(stringify!($field)).unwrap_or(default.$field),)+ }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    declare! {
        struct Several {
            /// The maximum number.
            limit: u64 = 3, from 1 to 9;
            /// The names.
            names: Vec<String> = vec!["a".to_owned()];
            /// The user.
            user: Option<String> = None, such as "alice";
            /// Whether to be quiet.
            quiet: bool = true;
        }
    }

    fn check(name: &str, value: OptionValue) -> Options {
        let (options, errors) =
            Options::checked("m", Several::specs(), BTreeMap::from([(name.to_owned(), value)]));
        assert_eq!(errors, []);
        options
    }

    #[test]
    fn each_invalid_option_is_reported_and_the_valid_ones_are_returned() {
        assert_eq!(Several::read(&check("limit", OptionValue::Integer(9))).limit, 9);
        let given = [
            ("limit", OptionValue::Integer(10)),
            ("limits", OptionValue::Integer(1)),
            ("quiet", OptionValue::Bool(false)),
        ];
        let given = given.map(|(name, value)| (name.to_owned(), value));
        let (options, errors) = Options::checked("m", Several::specs(), BTreeMap::from(given));
        assert_eq!(Several::read(&options), Several { quiet: false, ..Several::default() });
        assert_eq!(
            errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "option limit of module m must be an integer from 1 to 9",
                "module m has no option limits; its options are limit, names, user, quiet",
            ]
        );
    }

    #[test]
    fn an_option_that_is_not_set_has_its_declared_default() {
        let defaults = Several::read(&Options::default());
        assert_eq!(defaults, Several { limit: 3, names: vec!["a".to_owned()], user: None, quiet: true });
        let written: Vec<_> =
            Several::specs().iter().map(|spec| spec.default.as_ref().map(ToString::to_string)).collect();
        assert_eq!(
            written,
            [Some("3"), Some("[\"a\"]"), None, Some("true")].map(|text| text.map(str::to_owned))
        );
        assert_eq!(Several::specs()[2].example, Some(OptionValue::Text("alice".to_owned())));
        assert_eq!(Several::specs()[0].doc, "The maximum number.");
    }

    #[test]
    fn a_value_replaces_the_default_of_its_option_only() {
        let given = check("user", OptionValue::Text("bob".to_owned()));
        assert_eq!(Several::read(&given), Several { user: Some("bob".to_owned()), ..Several::default() });
    }
}
