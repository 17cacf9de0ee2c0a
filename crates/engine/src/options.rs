//! Options of modules. Each is declared once, by [`module_options!`](crate::module_options), with its type, its default
//! and what it does: the struct that a module reads, the checks, the reference and the JSON schema are made from that.

use std::collections::BTreeMap;
use std::fmt;

/// What kind of value an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// A text.
    Text,
    /// A whole number within bounds, both included.
    Integer {
        /// The smallest that is taken.
        min: i64,
        /// The largest that is taken.
        max: i64,
    },
    /// `true` or `false`.
    Bool,
    /// A list of texts.
    Texts,
}

/// An option that a module declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionSpec {
    /// Its key in the module's table.
    pub name: &'static str,
    /// What it takes.
    pub kind: OptionKind,
    /// The value that holds where none is given; none where the option then has no value.
    pub default: Option<OptionValue>,
    /// A value that it could have, where it has no default.
    pub example: Option<OptionValue>,
    /// What it does, in a sentence or a few.
    pub doc: &'static str,
}

/// An option's value. It is displayed as it is typed in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionValue {
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Yes or no.
    Bool(bool),
    /// A list of texts.
    Texts(Vec<String>),
}

/// A type that an option can have.
pub trait OptionType: Sized {
    /// What is typed for it.
    const KIND: OptionKind;

    /// What `value` is as this type; none where it is of another kind, or too large.
    fn from_value(value: &OptionValue) -> Option<Self>;

    /// The value as it is typed; none for the absence of a value.
    fn to_value(&self) -> Option<OptionValue>;
}

/// Why a module's options were not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// No such option.
    #[error("module {module} has no option {name}; {}", list(known))]
    Unknown {
        /// The module.
        module: &'static str,
        /// The option that was given.
        name: String,
        /// The options that it has.
        known: Vec<&'static str>,
    },
    /// A value of another kind.
    #[error("option {name} of module {module} takes {expected}")]
    Kind {
        /// The module.
        module: &'static str,
        /// The option.
        name: &'static str,
        /// What it takes.
        expected: String,
    },
    /// A module's own objection.
    #[error("option {name} of module {module}: {why}")]
    Refused {
        /// The module.
        module: &'static str,
        /// The option.
        name: &'static str,
        /// What is wrong with its value, and what to do.
        why: String,
    },
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) }
}

impl fmt::Display for OptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a text"),
            Self::Integer { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Bool => f.write_str("true or false"),
            Self::Texts => f.write_str("a list of texts"),
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
    /// The same, where it takes numbers from `min` to `max` alone.
    #[must_use]
    pub const fn within(self, min: i64, max: i64) -> Self {
        match self {
            Self::Integer { .. } => Self::Integer { min, max },
            other => other,
        }
    }

    const fn takes(self, value: &OptionValue) -> bool {
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

/// The options that were given to one module, checked against what it declares.
#[derive(Debug, Clone, Default)]
pub struct Options(BTreeMap<String, OptionValue>);

impl Options {
    /// Checks the options `given` to `module` against `specs`, those that it declares. Returns the valid ones, and an
    /// error for each other one.
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
                Some(spec) if !spec.kind.takes(value) => {
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

    /// The value given for the option `name`; none where none was given. Used by what
    /// [`module_options!`](crate::module_options) declares.
    pub fn given<T: OptionType>(&self, name: &str) -> Option<T> {
        self.0.get(name).and_then(T::from_value)
    }
}

/// Declares the options of a module: a struct with a field for each, whose `Default` has the defaults.
///
/// Each option stands as `name: type = default;`, below what it does. A number may have bounds (`, from MIN to MAX`);
/// an option without a default, whose type is an `Option`, may have an example (`, such as VALUE`).
///
/// ```
/// engine::module_options! {
///     /// The options of `limit`.
///     pub struct LimitOptions {
///         /// How many operations a session may have.
///         operations: u64 = 1000, from 1 to 1_000_000;
///         /// The user who may have more.
///         except: Option<String> = None, such as "alice";
///     }
/// }
///
/// // What `Module::options` returns, and what `Module::init` makes of what is configured.
/// assert_eq!(LimitOptions::specs()[0].name, "operations");
/// let options = LimitOptions::read(&engine::options::Options::default());
/// assert_eq!(options.operations, 1000);
/// ```
#[macro_export]
macro_rules! module_options {
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
            /// The options as they are declared.
            $vis fn specs() -> &'static [$crate::options::OptionSpec] {
                use $crate::options::{OptionSpec, OptionType};
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

            /// What was given, and the defaults of the rest.
            $vis fn read(options: &$crate::options::Options) -> Self {
                let default = Self::default();
                Self { $($field: options.given(stringify!($field)).unwrap_or(default.$field),)+ }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    module_options! {
        struct Several {
            /// How many
            /// there are.
            limit: u64 = 3, from 1 to 9;
            /// Which.
            names: Vec<String> = vec!["a".to_owned()];
            /// Whose.
            user: Option<String> = None, such as "alice";
            /// Whether.
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
                "option limit of module m takes a whole number from 1 to 9",
                "module m has no option limits; it has limit, names, user, quiet",
            ]
        );
    }

    #[test]
    fn a_module_gets_the_declared_default_of_an_option_that_is_not_set() {
        let defaults = Several::read(&Options::default());
        assert_eq!(defaults, Several { limit: 3, names: vec!["a".to_owned()], user: None, quiet: true });
        let written: Vec<_> =
            Several::specs().iter().map(|spec| spec.default.as_ref().map(ToString::to_string)).collect();
        assert_eq!(
            written,
            [Some("3"), Some("[\"a\"]"), None, Some("true")].map(|text| text.map(str::to_owned))
        );
        assert_eq!(Several::specs()[2].example, Some(OptionValue::Text("alice".to_owned())));
        assert_eq!(Several::specs()[0].doc, "How many there are.");
    }

    #[test]
    fn a_value_replaces_the_default_of_its_option_only() {
        let given = check("user", OptionValue::Text("bob".to_owned()));
        assert_eq!(Several::read(&given), Several { user: Some("bob".to_owned()), ..Several::default() });
    }
}
