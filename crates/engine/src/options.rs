//! Options of modules: declared once, with type and documentation; checks, reference and defaults follow.

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
#[derive(Debug, Clone, Copy)]
pub struct OptionSpec {
    /// Its key in the module's table.
    pub name: &'static str,
    /// What it takes.
    pub kind: OptionKind,
    /// What stands there where nothing is given, as it would be typed.
    pub default: &'static str,
    /// What it does, in a sentence.
    pub doc: &'static str,
}

/// An option's value.
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

impl OptionKind {
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

/// The options that were given to one module, checked against what it declares.
#[derive(Debug, Clone, Default)]
pub struct Options(BTreeMap<String, OptionValue>);

impl Options {
    /// Checks `given` against `specs`.
    ///
    /// # Errors
    /// For an option that `module` does not have, or a value that it does not take.
    pub fn checked(
        module: &'static str,
        specs: &'static [OptionSpec],
        given: BTreeMap<String, OptionValue>,
    ) -> Result<Self, OptionError> {
        for (name, value) in &given {
            let Some(spec) = specs.iter().find(|spec| spec.name == name) else {
                let known = specs.iter().map(|spec| spec.name).collect();
                return Err(OptionError::Unknown { module, name: name.clone(), known });
            };
            if !spec.kind.takes(value) {
                return Err(OptionError::Kind { module, name: spec.name, expected: spec.kind.to_string() });
            }
        }
        Ok(Self(given))
    }

    /// The text given for `name`.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(OptionValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The number given for `name`.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.0.get(name) {
            Some(OptionValue::Integer(n)) => Some(*n),
            _ => None,
        }
    }

    /// The yes or no given for `name`.
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.0.get(name) {
            Some(OptionValue::Bool(b)) => Some(*b),
            _ => None,
        }
    }

    /// The list given for `name`.
    pub fn texts(&self, name: &str) -> Option<&[String]> {
        match self.0.get(name) {
            Some(OptionValue::Texts(list)) => Some(list),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[OptionSpec] = &[OptionSpec {
        name: "limit",
        kind: OptionKind::Integer { min: 1, max: 9 },
        default: "3",
        doc: "How many.",
    }];

    fn check(name: &str, value: OptionValue) -> Result<Options, OptionError> {
        Options::checked("m", SPECS, BTreeMap::from([(name.to_owned(), value)]))
    }

    #[test]
    fn takes_what_is_declared_and_nothing_else() {
        assert_eq!(check("limit", OptionValue::Integer(9)).unwrap().integer("limit"), Some(9));
        let error = check("limit", OptionValue::Integer(10)).unwrap_err();
        assert_eq!(error.to_string(), "option limit of module m takes a whole number from 1 to 9");
        let error = check("limits", OptionValue::Integer(1)).unwrap_err();
        assert_eq!(error.to_string(), "module m has no option limits; it has limit");
    }
}
