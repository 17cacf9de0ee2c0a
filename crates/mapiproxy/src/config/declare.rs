//! How keys are declared: the macros of the table, and what the program knows of each key by them.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use net::Network;
use toml::Value;

use super::servers::{Binding, Url};

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

/// Declares the keys of all tables. `table` makes a struct with a field for each key; `keys` declares those of a type
/// that is read in another way. Each key stands as `name: type, presence value, from MIN to MAX or "why";`, below what
/// it means. `also` has fields of the struct that are tables.
macro_rules! tables {
    ($($(#[$meta:meta])* $kind:ident $name:ident at $path:literal { $($body:tt)* })+) => {
        $(super::declare::one_table! { $(#[$meta])* $kind $name at $path { $($body)* } })+

        /// All keys, in the order in which a file has them.
        pub(crate) static KEYS: std::sync::LazyLock<Vec<super::declare::Key>> = std::sync::LazyLock::new(|| {
            let tables = [$(<$name as super::declare::Table>::keys()),+];
            tables.into_iter().flatten().collect()
        });
    };
}

macro_rules! one_table {
    ($(#[$meta:meta])* table $name:ident at $path:literal {
        $(
            $(#[doc = $doc:literal])+
            $(#[serde($($serde:tt)*)])?
            $field:ident: $type:ty, $presence:ident $value:expr
                $(, from $min:literal $(to $max:literal)? $(, or $why:literal)?)?;
        )*
        $(also { $($(#[$also_meta:meta])* $also:ident: $also_type:ty,)* })?
    }) => {
        #[derive(Debug, Clone, serde::Deserialize)]
        $(#[$meta])*
        pub(crate) struct $name {
            $($(#[serde($($serde)*)])? pub(crate) $field: $type,)*
            $($($(#[$also_meta])* pub(crate) $also: $also_type,)*)?
        }

        impl super::declare::Table for $name {
            fn keys() -> Vec<super::declare::Key> {
                vec![$(super::declare::one_key! {
                    $path, stringify!($field), concat!($($doc),+), $type, $presence $value
                        $(, $min $(to $max)? $(or $why)?)?
                }),*]
            }
        }
    };
    (keys $name:ident at $path:literal {
        $(
            $(#[doc = $doc:literal])+
            $key:literal: $type:ty, $presence:ident $value:expr;
        )*
    }) => {
        impl super::declare::Table for $name {
            fn keys() -> Vec<super::declare::Key> {
                vec![$(super::declare::one_key! { $path, $key, concat!($($doc),+), $type, $presence $value }),*]
            }
        }
    };
}

macro_rules! one_key {
    ($path:expr, $name:expr, $doc:expr, $type:ty, $presence:ident $value:expr
        $(, $min:literal $(to $max:literal)? $(or $why:literal)?)?) => {{
        use super::declare::{Bounds, Key, Presence, Setting, one_value};
        let (presence, value): (Presence, toml::Value) = one_value!($presence $type, $value);
        let bounds: &[Bounds] = &[$(Bounds {
            min: $min,
            max: [$($max)?].first().copied(),
            otherwise: [$($why)?].first().copied(),
        })?];
        Key {
            table: $path,
            name: $name,
            text: value.to_string(),
            value,
            presence,
            doc: $doc,
            shape: <$type as Setting>::shape(),
            bounds: bounds.first().copied(),
        }
    }};
}

macro_rules! one_value {
    (given $type:ty, $value:expr) => {
        (Presence::Given, toml::Value::from($value))
    };
    (example $type:ty, $value:expr) => {
        (Presence::Example, toml::Value::from($value))
    };
    (default $type:ty, $value:expr) => {{
        let default: $type = $value;
        (Presence::Default, super::declare::Written::written(&default))
    }};
    (builtin $type:ty, $value:expr) => {{
        let default: $type = $value;
        (Presence::Builtin, super::declare::Written::written(&default))
    }};
}

/// Declares an enum, each of whose values has a name in the configuration.
macro_rules! keywords {
    ($(#[$meta:meta])* $name:ident { $($(#[$value_meta:meta])* $value:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
        pub(crate) enum $name {
            $($(#[$value_meta])* #[serde(rename = $text)] #[value(name = $text)] $value,)+
        }

        impl super::declare::Setting for $name {
            fn shape() -> super::declare::Shape {
                super::declare::Shape::OneOf(vec![$($text),+])
            }
        }

        impl super::declare::Written for $name {
            fn written(&self) -> toml::Value {
                let text = match self {
                    $(Self::$value => $text,)+
                };
                toml::Value::from(text)
            }
        }
    };
}

/// Words for mechanisms of authentication, each with its mechanism.
macro_rules! mechanisms {
    ($(#[$meta:meta])* $name:ident {
        $($(#[$value_meta:meta])* $value:ident = $text:literal => $mechanism:ident,)+
    }) => {
        super::declare::keywords! {
            $(#[$meta])*
            $name { $($(#[$value_meta])* $value = $text,)+ }
        }

        impl From<$name> for identity::Mechanism {
            fn from(word: $name) -> Self {
                match word {
                    $($name::$value => Self::$mechanism,)+
                }
            }
        }
    };
}

pub(crate) use {keywords, mechanisms, one_key, one_table, one_value, tables};
