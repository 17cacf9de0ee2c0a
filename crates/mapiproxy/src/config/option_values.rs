//! Values of options that modules and mechanisms declare, from and to TOML.

use options::OptionValue;
use toml::Value;

/// The value of an option that a module or a mechanism declares.
///
/// # Errors
/// If no option has a value of this type.
pub(crate) fn option_value(value: &Value) -> Result<OptionValue, &'static str> {
    Ok(match value {
        Value::String(text) => OptionValue::Text(text.clone()),
        Value::Integer(number) => OptionValue::Integer(*number),
        Value::Boolean(yes) => OptionValue::Bool(*yes),
        Value::Array(items) => {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
            OptionValue::Texts(texts.ok_or("expected a list of strings")?)
        }
        _ => return Err("expected a string, an integer, a boolean or a list of strings"),
    })
}

/// The same value in TOML.
pub(super) fn to_toml(value: &OptionValue) -> Value {
    match value {
        OptionValue::Text(text) => Value::from(text.as_str()),
        OptionValue::Integer(number) => Value::from(*number),
        OptionValue::Bool(yes) => Value::from(*yes),
        OptionValue::Texts(texts) => Value::from(texts.clone()),
    }
}
