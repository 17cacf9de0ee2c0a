//! What the program knows of a key: its type, default or example, range and documentation.

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
    /// The same as it is typed.
    pub(crate) text: String,
    /// Which of them it is.
    pub(crate) presence: Presence,
    /// What it does.
    pub(crate) doc: &'static str,
    /// What kind of value it takes.
    pub(crate) shape: Shape,
    /// Which numbers it takes.
    pub(crate) bounds: Option<Bounds>,
}

/// What `value` is of a key, and so how the reference prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// A value of a complete configuration: the reference has the key as it is.
    Given,
    /// The default, which is put in where the key is left out.
    Default,
    /// What holds where the key is left out, without a value being put in: it matters whether it was written.
    Builtin,
    /// An example. Left out, the key has no value.
    Example,
}

/// The numbers that a key takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The smallest.
    pub(crate) min: i64,
    /// The largest, where there is one.
    pub(crate) max: Option<i64>,
    /// What is said of another, where there is something better to say than the bounds.
    pub(crate) otherwise: Option<&'static str>,
}

impl Bounds {
    /// Why `number` is not taken for a key called `name`; none where it is.
    pub(crate) fn why_not(&self, name: &str, number: i64) -> Option<String> {
        let Self { min, max, otherwise } = *self;
        if number >= min && max.is_none_or(|max| number <= max) {
            return None;
        }
        let unit = if name.ends_with("seconds") { " seconds" } else { "" };
        Some(match (otherwise, max) {
            (Some(why), _) => why.to_owned(),
            (None, Some(max)) => format!("is {number}; give from {min} to {max}{unit}"),
            (None, None) => format!("is {number}; give {min} or more"),
        })
    }
}

/// What kind of value a key takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A text in quotes.
    Text,
    /// A text that this regular expression matches, as far as one can say it.
    Pattern(&'static str),
    /// A whole number that is not negative.
    Number,
    /// `true` or `false`.
    Bool,
    /// One of these texts.
    OneOf(Vec<&'static str>),
    /// A list without repetitions.
    List(Box<Shape>),
}

/// A type that a key can have.
pub(crate) trait Setting {
    /// What is typed for it.
    fn shape() -> Shape;
}

/// A type of which there can be a default.
pub(crate) trait Written: Setting {
    /// The value as it is typed.
    fn written(&self) -> Value;
}

/// One of several modes, whose keys stand in the table of the key that selects it.
#[derive(Debug, Clone)]
pub(crate) struct ModeSpec {
    /// The value that selects it.
    pub(crate) name: &'static str,
    /// What it is, for errors.
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

    /// The keys that must be given.
    pub(crate) fn needed(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(|key| key.presence == Presence::Given)
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

/// Types whose values are texts of a form: `^`, what is between, `$`.
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
                // One that does not fit is larger than any default.
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
