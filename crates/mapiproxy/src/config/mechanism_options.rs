//! The keys that authentication mechanisms declare as their options.

use identity::Mechanism;
use options::{OptionKind, OptionSpec};
use toml::Value;

use super::key::{Bounds, Key, Presence, Shape};
use super::option_values::to_toml;

/// The keys of all mechanisms, which are in `table`.
pub(super) fn keys(table: &'static str) -> impl Iterator<Item = Key> {
    Mechanism::options().map(move |option| key(table, option))
}

fn key(table: &'static str, option: &'static OptionSpec) -> Key {
    let (shape, bounds) = match option.kind {
        OptionKind::Text => (Shape::Text, None),
        OptionKind::Bool => (Shape::Bool, None),
        OptionKind::Integer { min, max } => (Shape::Number, Some(Bounds { min, max: Some(max) })),
        OptionKind::Texts => (Shape::List(Box::new(Shape::Text)), None),
    };
    let (presence, value) = match (&option.default, &option.example) {
        (Some(default), _) => (Presence::Default, to_toml(default)),
        (None, Some(example)) => (Presence::Example, to_toml(example)),
        (None, None) => (Presence::Example, Value::from("")),
    };
    Key { table, name: option.name, text: value.to_string(), value, presence, doc: option.doc, shape, bounds }
}

#[cfg(test)]
mod tests {
    use super::super::table::KEYS;
    use super::*;

    #[test]
    fn no_two_keys_have_the_same_name() {
        for (index, key) in KEYS.iter().enumerate() {
            let is_same = |other: &Key| (other.table, other.name) == (key.table, key.name);
            assert_eq!(KEYS.iter().position(is_same), Some(index), "{}.{}", key.table, key.name);
        }
    }

    #[test]
    fn an_option_becomes_a_key_with_its_type_bounds_default_and_documentation() {
        options::declare! {
            struct TestOptions {
                /// The time
                /// in seconds.
                skew: u64 = 300, from 1 to 3600;
                /// The names.
                names: Vec<String> = Vec::new();
                /// A file.
                keytab: Option<String> = None, such as "proxy.keytab";
            }
        }
        let keys: Vec<Key> = TestOptions::specs().iter().map(|option| key("clients", option)).collect();
        let found: Vec<_> = keys.iter().map(|key| (key.name, key.text.as_str(), key.presence)).collect();
        assert_eq!(
            found,
            [
                ("skew", "300", Presence::Default),
                ("names", "[]", Presence::Default),
                ("keytab", "\"proxy.keytab\"", Presence::Example),
            ]
        );
        assert_eq!(keys[0].bounds.map(|bounds| bounds.to_string()).as_deref(), Some("1 to 3600"));
        assert_eq!(
            (&keys[1].shape, keys[0].doc),
            (&Shape::List(Box::new(Shape::Text)), "The time in seconds.")
        );
    }
}
