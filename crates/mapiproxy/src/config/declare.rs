//! The macros by which `table.rs` declares the keys; its documentation describes their syntax.

/// Declares the keys of all tables.
macro_rules! tables {
    ($(
        $(#[doc = $doc:literal])+
        $(#[serde($($serde:tt)*)])?
        $kind:ident $name:ident at $path:literal { $($body:tt)* }
    )+) => {
        $(super::declare::one_table! {
            $(#[doc = $doc])+ $(#[serde($($serde)*)])? $kind $name at $path { $($body)* }
        })+

        /// The documentation of each table, by its path.
        pub(crate) static TABLES: &[(&str, &str)] = &[$(($path, concat!($($doc),+))),+];

        /// All keys, in the order in which a file has them.
        pub(crate) static KEYS: std::sync::LazyLock<Vec<super::key::Key>> = std::sync::LazyLock::new(|| {
            let tables = [$(<$name as super::key::Table>::keys()),+];
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
                $(, from $min:literal $(to $max:literal)?)?;
        )*
        $(also { $($(#[$also_meta:meta])* $also:ident: $also_type:ty,)* })?
        $(declared $declared:path;)?
    }) => {
        #[derive(Debug, Clone, serde::Deserialize)]
        $(#[$meta])*
        pub(crate) struct $name {
            $($(#[serde($($serde)*)])? pub(crate) $field: $type,)*
            $($($(#[$also_meta])* pub(crate) $also: $also_type,)*)?
        }

        impl super::key::Table for $name {
            fn keys() -> Vec<super::key::Key> {
                let own = vec![$(super::declare::one_key! {
                    $path, stringify!($field), concat!($($doc),+), $type, $presence $value
                        $(, $min $(to $max)?)?
                }),*];
                own.into_iter()$(.chain($declared($path)))?.collect()
            }
        }
    };
    ($(#[$meta:meta])* modes $name:ident at $path:literal {
        $(#[doc = $doc:literal])+
        $selector:literal: $presence:ident $value:expr;
        $($(#[$mode_meta:meta])* $mode:ident = $text:literal, $meaning:literal, forbids $forbids:expr;)+
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, serde::Deserialize)]
        #[serde(tag = $selector)]
        pub(crate) enum $name {
            $($(#[$mode_meta])* #[serde(rename = $text)] $mode($mode),)+
        }

        impl $name {
            /// The table of the modes.
            pub(crate) const TABLE: &'static str = $path;

            /// The key that selects the mode.
            pub(crate) const SELECTOR: &'static str = $selector;

            /// The number of modes.
            const MODES: usize = [$($text),+].len();

            /// The modes.
            pub(crate) fn modes() -> [super::key::ModeSpec; Self::MODES] {
                [$(super::key::ModeSpec {
                    name: $text,
                    meaning: $meaning,
                    keys: <$mode as super::key::Table>::keys(),
                    forbids: $forbids,
                }),+]
            }

            /// Why listeners of `service` cannot be served in the mode that is selected.
            pub(crate) fn forbids(&self, service: &super::service::Service) -> Option<&'static str> {
                let forbids: fn(&super::service::Service) -> Option<&'static str> = match self {
                    $(Self::$mode(_) => $forbids,)+
                };
                forbids(service)
            }
        }

        impl super::key::Setting for $name {
            fn shape() -> super::key::Shape {
                super::key::Shape::OneOf(vec![$($text),+])
            }
        }

        impl super::key::Table for $name {
            fn keys() -> Vec<super::key::Key> {
                vec![super::declare::one_key! { $path, $selector, concat!($($doc),+), $name, $presence $value }]
            }
        }
    };
    ($(#[$meta:meta])* keys $name:ident at $path:literal {
        $(
            $(#[doc = $doc:literal])+
            $key:literal: $type:ty, $presence:ident $value:expr;
        )*
    }) => {
        impl super::key::Table for $name {
            fn keys() -> Vec<super::key::Key> {
                vec![$(super::declare::one_key! { $path, $key, concat!($($doc),+), $type, $presence $value }),*]
            }
        }
    };
}

macro_rules! one_key {
    ($path:expr, $name:expr, $doc:expr, $type:ty, $presence:ident $value:expr
        $(, $min:literal $(to $max:literal)?)?) => {{
        use super::declare::one_value;
        use super::key::{Bounds, Key, Presence, Setting};
        let (presence, value): (Presence, toml::Value) = one_value!($presence $type, $value);
        let bounds: &[Bounds] = &[$(Bounds { min: $min, max: [$($max)?].first().copied() })?];
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
    (sample $type:ty, $value:expr) => {
        (Presence::Sample, toml::Value::from($value))
    };
    (example $type:ty, $value:expr) => {
        (Presence::Example, toml::Value::from($value))
    };
    (default $type:ty, $value:expr) => {{
        let default: $type = $value;
        (Presence::Default, super::key::Written::written(&default))
    }};
    (builtin $type:ty, $value:expr) => {{
        let default: $type = $value;
        (Presence::Builtin, super::key::Written::written(&default))
    }};
}

/// Declares an enum whose values have names in the configuration.
macro_rules! keywords {
    ($(#[$meta:meta])* $name:ident { $($(#[$value_meta:meta])* $value:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
        pub(crate) enum $name {
            $($(#[$value_meta])* #[serde(rename = $text)] #[value(name = $text)] $value,)+
        }

        impl super::key::Setting for $name {
            fn shape() -> super::key::Shape {
                super::key::Shape::OneOf(vec![$($text),+])
            }
        }

        impl super::key::Written for $name {
            fn written(&self) -> toml::Value {
                let text = match self {
                    $(Self::$value => $text,)+
                };
                toml::Value::from(text)
            }
        }
    };
}

pub(crate) use {keywords, one_key, one_table, one_value, tables};
