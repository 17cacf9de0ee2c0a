//! A key of the configuration: its type, default or example, range and documentation.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use net::Network;
use toml::Value;

use super::servers::{Binding, Url};
use super::service::Service;

/// A key of the configuration.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// Its table, dotted; empty for the top.
    pub(crate) table: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
    /// Its default or an example.
    pub(crate) value: Value,
    /// `value` in TOML.
    pub(crate) text: String,
    /// What `value` is.
    pub(crate) presence: Presence,
    /// What it does. `{values}` is replaced by its valid values.
    pub(crate) doc: &'static str,
    /// The type of its value.
    pub(crate) shape: Shape,
    /// The range of a number.
    pub(crate) bounds: Option<Bounds>,
}

impl Key {
    /// What it does, with its valid values.
    pub(crate) fn documentation(&self) -> String {
        self.doc.replace("{values}", &self.shape.values().join(", "))
    }
}

/// What [`Key::value`] is, which also determines how the reference prints the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// A value of a complete configuration. The key has no default.
    Sample,
    /// The value of the key if it is not set.
    Default,
    /// What applies if the key is not set. The program distinguishes this from a key that is set.
    Builtin,
    /// An example. The key is optional and has no default.
    Example,
}

/// The range of a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The smallest.
    pub(crate) min: i64,
    /// The largest, if there is a limit.
    pub(crate) max: Option<i64>,
}

impl Bounds {
    /// Why `number` is outside of the bounds, or `None` if it is within them.
    pub(crate) fn violation(self, number: i64) -> Option<String> {
        let is_within = number >= self.min && self.max.is_none_or(|max| number <= max);
        (!is_within).then(|| format!("{number} is out of range; expected {self}"))
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.max {
            Some(max) => write!(f, "{} to {max}", self.min),
            None => write!(f, "{} or more", self.min),
        }
    }
}

/// The type of a key's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A string.
    Text,
    /// A string that matches this regular expression, which is not a complete check.
    Pattern(&'static str),
    /// An integer that is not negative.
    Number,
    /// A boolean.
    Bool,
    /// One of these strings.
    OneOf(Vec<&'static str>),
    /// A list without repetitions.
    List(Box<Shape>),
}

impl Shape {
    /// Whether `value` has the type, whatever else is required of it.
    pub(super) fn has_type(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text | Self::Pattern(_) | Self::OneOf(_), Value::String(_))
            | (Self::Number, Value::Integer(_))
            | (Self::Bool, Value::Boolean(_)) => true,
            (Self::List(item), Value::Array(values)) => values.iter().all(|value| item.has_type(value)),
            _ => false,
        }
    }

    /// The valid strings, if they are a fixed set.
    fn values(&self) -> &[&'static str] {
        match self {
            Self::OneOf(values) => values,
            Self::List(item) => item.values(),
            Self::Text | Self::Pattern(_) | Self::Number | Self::Bool => &[],
        }
    }
}

/// A type that a key can have.
pub(crate) trait Setting {
    /// The form of its values.
    fn shape() -> Shape;
}

/// A type that can have a default.
pub(crate) trait Written: Setting {
    /// The value in TOML.
    fn written(&self) -> Value;
}

/// One of several modes, with its keys, which are in the same table as the key that selects the mode.
#[derive(Debug, Clone)]
pub(crate) struct ModeSpec {
    /// The value that selects it.
    pub(crate) name: &'static str,
    /// Its description, for errors.
    pub(crate) meaning: &'static str,
    /// Its keys. Other modes do not have them.
    pub(crate) keys: Vec<Key>,
    /// Why listeners of a service cannot be served in it.
    pub(crate) forbids: fn(&Service) -> Option<&'static str>,
}

impl ModeSpec {
    /// Whether the mode has the key `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.name == name)
    }

    /// The keys that must be set.
    pub(crate) fn needed(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(|key| key.presence == Presence::Sample)
    }
}

/// A table of the configuration.
pub(crate) trait Table {
    /// Its keys, in the order in which a file has them.
    fn keys() -> Vec<Key>;
}

macro_rules! texts {
    ($($type:ty),+) => {$(
        impl Setting for $type {
            fn shape() -> Shape {
                Shape::Text
            }
        }
    )+};
}

texts!(String, PathBuf);

/// Implements [`Setting`] for types whose values match a regular expression, without its anchors.
macro_rules! patterns {
    ($($type:ty: $pattern:expr),+ $(,)?) => {$(
        impl Setting for $type {
            fn shape() -> Shape {
                Shape::Pattern(concat!("^", $pattern, "$"))
            }
        }
    )+};
}

/// A host name, an IPv4 address, or an IPv6 address in brackets.
macro_rules! host {
    () => {
        r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"
    };
}

patterns! {
    SocketAddr: r"([0-9.]+|\[[0-9A-Fa-f:.]+(%[0-9]+)?\]):[0-9]+",
    Network: "[0-9A-Fa-f:.]+(/[0-9]{1,3})?",
    Url: concat!("[Hh][Tt][Tt][Pp][Ss]?://", host!(), "(:[0-9]+)?/?"),
    Binding: concat!("([Nn][Cc][Aa][Cc][Nn]_[Ii][Pp]_[Tt][Cc][Pp]:", host!(), r"\[[0-9]+\]|", host!(), "(:[0-9]+)?)"),
}

macro_rules! numbers {
    ($($type:ty),+) => {$(
        impl Setting for $type {
            fn shape() -> Shape {
                Shape::Number
            }
        }

        impl Written for $type {
            fn written(&self) -> Value {
                // No default exceeds the range.
                self.to_string().parse().map_or(Value::Integer(i64::MAX), Value::Integer)
            }
        }
    )+};
}

numbers!(u32, u64, usize, NonZeroUsize);

impl Setting for bool {
    fn shape() -> Shape {
        Shape::Bool
    }
}

impl Written for bool {
    fn written(&self) -> Value {
        Value::Boolean(*self)
    }
}

impl Written for String {
    fn written(&self) -> Value {
        Value::String(self.clone())
    }
}

impl Written for Network {
    fn written(&self) -> Value {
        Value::String(self.to_string())
    }
}

impl<T: Setting> Setting for Option<T> {
    fn shape() -> Shape {
        T::shape()
    }
}

impl<T: Setting> Setting for Vec<T> {
    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }
}

impl<T: Written> Written for Vec<T> {
    fn written(&self) -> Value {
        Value::Array(self.iter().map(Written::written).collect())
    }
}
