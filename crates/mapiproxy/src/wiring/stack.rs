//! The module stack that a configuration describes.

use std::collections::BTreeMap;

use engine::options::{OptionError, OptionValue, Options};
use engine::{Module, ProxyInfo, Stack};

use super::http;
use crate::config::Config;

/// An error in the configuration of the modules.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {why}")]
pub(crate) struct StackError {
    /// The key in the configuration.
    pub(crate) key: String,
    /// The error, and what to do.
    pub(crate) why: String,
}

/// The modules that `config` names, initialised.
pub(crate) fn stack(config: &Config) -> Result<Stack, StackError> {
    let wrong = |key: &str, why: String| StackError { key: key.to_owned(), why };
    let facts = ProxyInfo {
        name: config.name.clone(),
        upstream: config.upstream_host().to_owned(),
        origin: http::origin(config),
        sign_in: http::sign_in(config),
    };
    let mut stack: Vec<Box<dyn Module>> = Vec::new();
    for name in &config.modules.stack {
        let known = || modules::all().iter().map(|module| module.name()).collect::<Vec<_>>().join(", ");
        let unknown = || wrong("modules.stack", format!("there is no module {name}; known are {}", known()));
        let mut module = modules::by_name(name).ok_or_else(unknown)?;
        if stack.iter().any(|other| other.name() == module.name()) {
            return Err(wrong("modules.stack", format!("duplicate entry {name}; remove one")));
        }
        let table = format!("modules.{name}");
        let given = config.modules.options.get(name).map(|options| option_values(&table, options));
        let given = given.transpose()?.unwrap_or_default();
        let options = Options::checked(module.name(), module.options(), given)
            .map_err(|error| option_error(&table, error))?;
        module.init(&options, &facts).map_err(|error| option_error(&table, error))?;
        stack.push(module);
    }
    // Checked last: a misspelt name in the stack is reported before the options of the module that is meant.
    if let Some(unused) = config.modules.options.keys().find(|name| !config.modules.stack.contains(name)) {
        let why = format!("has options, but {unused} is not in modules.stack: add it there, or remove them");
        return Err(wrong(&format!("modules.{unused}"), why));
    }
    Ok(Stack::new(stack))
}

/// The error of an option as an error of its key.
fn option_error(table: &str, error: OptionError) -> StackError {
    let (name, why) = match error {
        OptionError::Unknown { name, known, .. } if known.is_empty() => {
            (name, "is unknown; the module has no options".to_owned())
        }
        OptionError::Unknown { name, known, .. } => {
            (name, format!("is unknown; known are {}", known.join(", ")))
        }
        OptionError::Kind { name, expected, .. } => (name.to_owned(), format!("expected {expected}")),
        OptionError::Refused { name, why, .. } => (name.to_owned(), why),
    };
    StackError { key: format!("{table}.{name}"), why }
}

fn option_values(key: &str, table: &toml::Value) -> Result<BTreeMap<String, OptionValue>, StackError> {
    let wrong = |key: String, why: &str| StackError { key, why: why.to_owned() };
    let table = table.as_table().ok_or_else(|| {
        wrong(key.to_owned(), "is not a table: write the module's options in a table of this name")
    })?;
    let value = |(name, value): (&String, &toml::Value)| {
        let value = option_value(value).map_err(|why| wrong(format!("{key}.{name}"), why))?;
        Ok((name.clone(), value))
    };
    table.iter().map(value).collect()
}

/// The value of an option for a module.
pub(crate) fn option_value(value: &toml::Value) -> Result<OptionValue, &'static str> {
    Ok(match value {
        toml::Value::String(text) => OptionValue::Text(text.clone()),
        toml::Value::Integer(number) => OptionValue::Integer(*number),
        toml::Value::Boolean(yes) => OptionValue::Bool(*yes),
        toml::Value::Array(items) => {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
            OptionValue::Texts(texts.ok_or("expected a list of strings")?)
        }
        _ => return Err("expected a string, an integer, a boolean or a list of strings"),
    })
}
