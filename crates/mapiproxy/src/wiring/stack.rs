//! The module stack that a configuration describes.

use std::collections::BTreeMap;

use engine::{Module, ProxyInfo, Stack};
use options::{OptionError, Options};

use super::http;
use crate::config::{Config, Found, option_value};

/// The modules that `config` names, initialised. Adds all errors in `[modules]` to `found`; if there is one, the stack
/// must not be used.
pub(crate) fn stack(config: &Config, found: &mut Found<'_>) -> Stack {
    let info = ProxyInfo {
        name: config.name.clone(),
        upstream: config.upstream_host().to_owned(),
        origin: http::origin(config),
        auth_schemes: http::sign_in(config),
    };
    let names = &config.modules.stack;
    let mut known = modules::all();
    check_names(config, &known, found);
    known.sort_by_key(|module| names.iter().position(|name| name == module.name()).unwrap_or(usize::MAX));
    let mut stack = Vec::new();
    for mut module in known {
        let table = format!("modules.{}", module.name());
        let given = config.modules.options.get(module.name());
        let options = given.map(|given| checked_options(module.as_ref(), &table, given, found));
        if names.iter().any(|name| name == module.name()) {
            if let Err(error) = module.init(&options.unwrap_or_default(), &info) {
                report(&table, error, found);
            }
            stack.push(module);
        } else if given.is_some() && !found.is_wrong("modules.stack") {
            let name = module.name();
            let why =
                format!("has options, but {name} is not in modules.stack: add it there, or remove them");
            found.wrong(&table, why);
        }
    }
    Stack::new(stack)
}

/// Reports names in the stack and tables of options that are not the name of a module.
fn check_names(config: &Config, known: &[Box<dyn Module>], found: &mut Found<'_>) {
    let is_unknown = |name: &&String| known.iter().all(|module| module.name() != *name);
    let names = || known.iter().map(|module| module.name()).collect::<Vec<_>>().join(", ");
    let unknown: Vec<&str> = config.modules.stack.iter().filter(is_unknown).map(String::as_str).collect();
    if !unknown.is_empty() {
        let why = format!("there is no module {}; the modules are {}", unknown.join(" or "), names());
        found.also_wrong("modules.stack", why);
    }
    for name in config.modules.options.keys().filter(is_unknown) {
        let why = format!("there is no module {name}; the modules are {}", names());
        found.wrong(&format!("modules.{name}"), why);
    }
}

/// The valid options in `given`, the table `table` of `module`. Reports the others.
fn checked_options(module: &dyn Module, table: &str, given: &toml::Value, found: &mut Found<'_>) -> Options {
    let Some(given) = given.as_table() else {
        found.wrong(table, "is not a table: write the module's options in a table of this name");
        return Options::default();
    };
    let mut values = BTreeMap::new();
    for (name, value) in given {
        match option_value(value) {
            Ok(value) => {
                values.insert(name.clone(), value);
            }
            Err(why) => found.wrong(&format!("{table}.{name}"), why),
        }
    }
    let (options, errors) = Options::checked(module.name(), module.options(), values);
    for error in errors {
        report(table, error, found);
    }
    options
}

/// Reports the error of an option as an error of its key in `table`.
fn report(table: &str, error: OptionError, found: &mut Found<'_>) {
    let (name, why) = match error {
        OptionError::Unknown { name, known, .. } if known.is_empty() => {
            (name, "is unknown; the module has no options".to_owned())
        }
        OptionError::Unknown { name, known, .. } => {
            (name, format!("is unknown; the options are {}", known.join(", ")))
        }
        OptionError::Kind { name, expected, .. } => (name.to_owned(), format!("expected {expected}")),
        OptionError::Refused { name, why, .. } => (name.to_owned(), why),
    };
    found.wrong(&format!("{table}.{name}"), why);
}
