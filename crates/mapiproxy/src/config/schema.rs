//! The JSON schema of the configuration (draft 2020-12), for editors: what `mapiproxy check --schema` prints.

use serde_json::{Map, Value, json};

use options::{OptionKind, OptionSpec, OptionValue};

use super::key::{Bounds, Key, Presence, Shape};
use super::listeners::{LISTENERS, Listener};
use super::table::{Credentials, KEYS};

/// The schema, as it is printed.
pub(crate) fn schema() -> String {
    format!("{:#}\n", document())
}

/// The schema.
pub(super) fn document() -> Value {
    let mut root = table();
    for key in KEYS.iter() {
        let mut at = &mut root;
        for name in key.table.split('.').filter(|name| !name.is_empty()) {
            at = entry(at, name);
        }
        set(at, "properties", key.name, property(key));
    }
    rules(&mut root);
    for module in modules::all() {
        let mut options = table();
        put(&mut options, "description", json!(module.description()));
        for option in module.options() {
            set(&mut options, "properties", option.name, module_option(option));
        }
        set(entry(&mut root, "modules"), "properties", module.name(), options);
    }
    put(&mut root, "$schema", json!("https://json-schema.org/draft/2020-12/schema"));
    put(&mut root, "title", json!("Configuration of MAPIProxy"));
    root
}

/// The dependencies between keys, as far as a schema can express them; `mapiproxy check` reports them as errors.
fn rules(root: &mut Value) {
    modes(entry(entry(root, "upstream"), "credentials"));
    put(entry(root, "upstream"), "required", json!(["credentials"]));
    for (table, list) in [("clients", "http_auth"), ("capture", "sides")] {
        put(&mut entry(root, table)["properties"][list], "minItems", json!(1));
    }
    let of_listeners = listeners(entry(root, "listen"));
    put(root, "allOf", Value::Array(of_listeners));
    put(root, "required", json!(["name", "listen", "upstream"]));
}

/// A rule that accepts a table with the key `name`.
fn has(name: &str) -> Value {
    json!({ "required": [name] })
}

/// A rule that accepts a table with a listener that is `wanted`.
fn has_listener(wanted: impl Fn(&Listener) -> bool) -> Value {
    let wanted = LISTENERS.iter().filter(|listener| wanted(listener));
    json!({ "anyOf": wanted.map(|listener| has(listener.key)).collect::<Vec<_>>() })
}

/// A rule that accepts a configuration whose table `name` is accepted by `rule`.
fn within(name: &str, rule: &Value) -> Value {
    json!({ "required": [name], "properties": { name: rule } })
}

/// Sets the keys that keys in the table `listen` require in it. Returns the rules for those that they require in
/// other tables.
fn listeners(listen: &mut Value) -> Vec<Value> {
    put(listen, "anyOf", json!([has_listener(|listener| !listener.service.is_endpoint_mapper())]));
    let has_rpc = has_listener(|listener| listener.service.rpc().is_some());
    put(listen, "dependentSchemas", json!({ "endpoint_mapper": has_rpc }));
    let mut rules = Vec::new();
    for listener in &LISTENERS {
        let (own, others): (Vec<_>, Vec<_>) = listener.needs.iter().partition(|need| need.table == "listen");
        if !own.is_empty() {
            let own: Vec<&str> = own.iter().map(|need| need.key).collect();
            set(listen, "dependentRequired", listener.key, json!(own));
        }
        rules.extend(others.iter().map(|need| {
            json!({
                "if": within("listen", &has(listener.key)),
                "then": within(need.table, &has(need.key)),
            })
        }));
    }
    for mode in Credentials::modes() {
        let forbids = |listener: &Listener| (mode.forbids)(&listener.service).is_some();
        if LISTENERS.iter().any(forbids) {
            let selected = json!({ "properties": { Credentials::SELECTOR: { "const": mode.name } } });
            rules.push(json!({
                "if": within("upstream", &json!({ "properties": { "credentials": selected } })),
                "then": within("listen", &json!({ "not": has_listener(forbids) })),
            }));
        }
    }
    rules
}

/// Which keys each mode of `credentials` needs, and which belong to another one.
fn modes(credentials: &mut Value) {
    put(credentials, "required", json!([Credentials::SELECTOR]));
    let modes = Credentials::modes();
    let rules = modes.iter().map(|mode| {
        let needed: Vec<&str> = mode.needed().map(|key| key.name).collect();
        let keys = modes.iter().flat_map(|other| &other.keys);
        let foreign: Map<String, Value> =
            keys.filter(|key| !mode.has(key.name)).map(|key| (key.name.to_owned(), json!(false))).collect();
        json!({
            "if": { "properties": { Credentials::SELECTOR: { "const": mode.name } } },
            "then": { "required": needed, "properties": foreign },
        })
    });
    let rules = rules.collect::<Vec<_>>();
    put(credentials, "allOf", json!(rules));
}

/// A table without keys.
fn table() -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": {} })
}

/// The table `name` in `outer`.
fn entry<'a>(outer: &'a mut Value, name: &str) -> &'a mut Value {
    let inner = &mut outer["properties"][name];
    if inner.is_null() {
        *inner = table();
    }
    inner
}

fn put(object: &mut Value, name: &str, value: Value) {
    object[name] = value;
}

fn set(object: &mut Value, outer: &str, name: &str, value: Value) {
    object[outer][name] = value;
}

/// The schema of a key's value.
fn property(key: &Key) -> Value {
    let mut property = of_shape(&key.shape, key.bounds);
    put(
        &mut property,
        "description",
        json!(key.documentation().split_whitespace().collect::<Vec<_>>().join(" ")),
    );
    let value = serde_json::to_value(&key.value).unwrap_or_default();
    match key.presence {
        Presence::Default | Presence::Builtin => put(&mut property, "default", value),
        Presence::Sample | Presence::Example => put(&mut property, "examples", json!([value])),
    }
    property
}

fn of_shape(shape: &Shape, bounds: Option<Bounds>) -> Value {
    match shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Pattern(pattern) => json!({ "type": "string", "pattern": pattern }),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Number => {
            let mut number = Map::from_iter([("type".to_owned(), json!("integer"))]);
            number.insert("minimum".to_owned(), json!(bounds.map_or(0, |bounds| bounds.min)));
            if let Some(max) = bounds.and_then(|bounds| bounds.max) {
                number.insert("maximum".to_owned(), json!(max));
            }
            Value::Object(number)
        }
        Shape::OneOf(names) => json!({ "type": "string", "enum": names }),
        Shape::List(of) => json!({ "type": "array", "uniqueItems": true, "items": of_shape(of, bounds) }),
    }
}

/// The schema of an option's value.
fn module_option(option: &OptionSpec) -> Value {
    let mut property = match option.kind {
        OptionKind::Text => json!({ "type": "string" }),
        OptionKind::Bool => json!({ "type": "boolean" }),
        OptionKind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        OptionKind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
    };
    put(&mut property, "description", json!(option.doc));
    if let Some(default) = &option.default {
        put(&mut property, "default", option_value(default));
    }
    if let Some(example) = &option.example {
        put(&mut property, "examples", json!([option_value(example)]));
    }
    property
}

fn option_value(value: &OptionValue) -> Value {
    match value {
        OptionValue::Text(text) => json!(text),
        OptionValue::Integer(number) => json!(number),
        OptionValue::Bool(yes) => json!(yes),
        OptionValue::Texts(texts) => json!(texts),
    }
}

#[cfg(test)]
mod tests {
    use regex_automata::dfa::regex::Regex;

    use super::super::keys::{full_reference, reference};
    use super::*;

    /// Whether `value` is valid by `schema` (JSON Schema 2020-12), as far as this program's schema goes.
    fn is_valid(schema: &Value, value: &Value) -> bool {
        let Some(rules) = schema.as_object() else { return schema.as_bool().unwrap() };
        let named = |rule: &str, name: &str| rules.get(rule).and_then(|of| of.get(name).cloned());
        rules.iter().all(|(rule, of)| match (rule.as_str(), value) {
            ("$schema" | "title" | "description" | "default" | "examples" | "then" | "else", _) => true,
            ("type", value) => match of.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64() || value.is_u64(),
                other => panic!("type {other}"),
            },
            ("pattern", Value::String(text)) => Regex::new(of.as_str().unwrap()).unwrap().is_match(text),
            ("allOf", value) => of.as_array().unwrap().iter().all(|of| is_valid(of, value)),
            ("anyOf", value) => of.as_array().unwrap().iter().any(|of| is_valid(of, value)),
            ("not", value) => !is_valid(of, value),
            ("minItems", Value::Array(items)) => items.len() as u64 >= of.as_u64().unwrap(),
            ("dependentRequired", Value::Object(given)) => {
                of.as_object().unwrap().iter().all(|(key, needed)| {
                    let mut needed = needed.as_array().unwrap().iter();
                    !given.contains_key(key) || needed.all(|name| given.contains_key(name.as_str().unwrap()))
                })
            }
            ("dependentSchemas", Value::Object(given)) => {
                let mut dependent = of.as_object().unwrap().iter();
                dependent.all(|(key, of)| !given.contains_key(key) || is_valid(of, value))
            }
            ("enum", value) => of.as_array().unwrap().contains(value),
            ("const", value) => of == value,
            ("minimum", Value::Number(number)) => number.as_i64() >= of.as_i64(),
            ("maximum", Value::Number(number)) => number.as_i64() <= of.as_i64(),
            ("uniqueItems", Value::Array(items)) => {
                items.iter().enumerate().all(|(index, item)| !items[..index].contains(item))
            }
            ("items", Value::Array(items)) => items.iter().all(|item| is_valid(of, item)),
            ("required", Value::Object(given)) => {
                of.as_array().unwrap().iter().all(|name| given.contains_key(name.as_str().unwrap()))
            }
            ("properties", Value::Object(given)) => given
                .iter()
                .all(|(name, value)| named("properties", name).is_none_or(|of| is_valid(&of, value))),
            ("additionalProperties", Value::Object(given)) => {
                assert_eq!(of, &json!(false));
                given.keys().all(|name| named("properties", name).is_some())
            }
            ("if", value) => {
                let branch = if is_valid(of, value) { "then" } else { "else" };
                rules.get(branch).is_none_or(|of| is_valid(of, value))
            }
            (rule, value) => panic!("{rule} for {value}: not a rule of this schema"),
        })
    }

    fn takes(text: &str) -> bool {
        let table: toml::Table = toml::from_str(text).unwrap();
        is_valid(&document(), &serde_json::to_value(table).unwrap())
    }

    #[test]
    fn the_schema_accepts_the_reference_with_all_its_keys() {
        assert!(takes(&reference()));
        assert!(takes(&full_reference()));
    }

    #[test]
    fn the_schema_rejects_configurations_that_the_check_rejects() {
        let full = full_reference();
        for (from, to) in [
            ("connections = 4096", "connections = 0"),
            ("connections = 4096", "connections = \"4096\""),
            ("idle_seconds = 7200", "idle_seconds = 604801"),
            ("idle_seconds = 7200", "idle_seconds = 1.5"),
            ("failed_sign_ins = 5", "failed_sign_ins = -1"),
            ("ntlm_v1 = false", "ntlm_v1 = \"no\""),
            ("tls = \"1.2\"", "tls = \"1.1\""),
            ("sides = [\"client\"]", "sides = [\"client\", \"client\"]"),
            ("sides = [\"client\"]", "sides = [\"server\"]"),
            ("minimum_level = ", "minimum_levl = "),
            ("name = \"proxy.lab.test\"\n", ""),
            ("mode = \"specified\"\n", ""),
            ("user = \"svcproxy\"\n", ""),
            ("mode = \"specified\"", "mode = \"relayed\""),
            ("owa = \"refused\"", "owa = \"denied\""),
            ("defer_ms = 0", "defer_ms = 600001"),
            ("server = \"EXCH01\"", "servers = \"EXCH01\""),
            ("\nrpc = \"127.0.0.23:6001\"", "\nrpc = \"127.0.0.23\""),
            ("\nrpc = \"127.0.0.23:6001\"", "\nrpc = \"localhost:6001\""),
            ("https = \"127.0.0.23:443\"", "https = \"127.0.0.23:https\""),
            ("http = \"https://exch.lab.test\"", "http = \"exch.lab.test\""),
            ("http = \"https://exch.lab.test\"", "http = \"https://exch.lab.test/mapi\""),
            ("rpc = \"exch.lab.test\"", "rpc = \"https://exch.lab.test\""),
            ("rpc = \"exch.lab.test\"", "rpc = \"ncacn_ip_tcp:exch.lab.test\""),
            ("rpc = \"exch.lab.test\"\n", ""),
            ("http = \"https://exch.lab.test\"\n", ""),
            ("certificate = ", "# certificate = "),
            ("proxy_protocol_from = []", "proxy_protocol_from = [\"10.0.0.0/eight\"]"),
            ("sides = [\"client\"]", "sides = []"),
            ("[capture]\n", "[captures]\n[capture]\n"),
        ] {
            assert!(full.contains(from), "{from}");
            assert!(!takes(&full.replacen(from, to, 1)), "{to}");
        }
    }

    #[test]
    fn the_schema_rejects_keys_that_exclude_one_another() {
        let text = |listen: &str, upstream: &str, mode: &str| {
            format!(
                "name = \"a.test\"\n[listen]\n{listen}\n[upstream]\n{upstream}\n[upstream.credentials]\nmode = {mode}\n"
            )
        };
        let (rpc, http) = ("rpc = \"127.0.0.1:1\"", "http = \"127.0.0.1:2\"");
        let (server, url) = ("rpc = \"b\"", "http = \"http://b\"");
        let account = "\"specified\"\nuser = \"u\"\ndomain = \"D\"\npassword_file = \"p\"";
        assert!(takes(&text(rpc, server, account)));
        assert!(takes(&text(http, url, account)));
        assert!(takes(&text(http, url, "\"relayed\"")));
        assert!(!takes(&text("", server, account)), "no service");
        assert!(!takes(&text(rpc, url, account)), "no server of remote calls");
        assert!(!takes(&text(http, server, account)), "no server of HTTP");
        assert!(!takes(&text("https = \"127.0.0.1:2\"", url, account)), "no certificate");
        let mapper = format!("{http}\nendpoint_mapper = \"127.0.0.1:135\"");
        assert!(!takes(&text(&mapper, url, account)), "an endpoint mapper without endpoints");
        let both = (format!("{rpc}\n{http}"), format!("{server}\n{url}"));
        assert!(takes(&text(&both.0, &both.1, account)));
        assert!(!takes(&text(&both.0, &both.1, "\"relayed\"")), "remote calls that are relayed");
    }
}
