//! Operations as JSON objects, for `mapiproxy decode --json`.

use mapi::inspect::Node;
use serde_json::{Map, Number, Value, json};

use crate::analyze::{Operation, Rop};

/// Converts an operation to an object, whose members `docs/recordings.md` describes.
pub fn json(operation: &Operation) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| {
        object.insert(name.to_owned(), value);
    };
    let time = Some(operation.time).filter(|time| time.0 != 0);
    put("time", json!(time.map(|time| time.to_string())));
    put("elapsed_ms", json!(operation.elapsed.map(|elapsed| elapsed.as_secs_f64() * 1000.0)));
    put("session", json!(operation.session));
    put("user", json!(operation.user.as_deref()));
    put("side", json!(operation.side.as_deref()));
    put("client", json!(operation.client.map(|address| address.to_string())));
    put("server", json!(operation.server.map(|address| address.to_string())));
    put("envelope", json!(operation.envelope.name()));
    put("endpoint", json!(operation.endpoint));
    put("operation", json!(operation.operation));
    put("request_size", json!(operation.request_size));
    put("response_size", json!(operation.response_size));
    put("status", json!(operation.status));
    put("response_code", json!(operation.response_code));
    put("fault", json!(operation.fault));
    put("return_value", json!(operation.return_value.map(|value| value.0)));
    put("return_name", json!(operation.return_value.map(|value| value.to_string())));
    put("request", value(&operation.request));
    put("response", value(&operation.response));
    put("rops", Value::Array(operation.rops.iter().map(rop).collect()));
    put("problems", json!(operation.problems));
    Value::Object(object)
}

fn rop(rop: &Rop) -> Value {
    json!({
        "name": rop.name,
        "id": rop.id,
        "logon": rop.logon,
        "handle": rop.handle,
        "object": rop.object,
        "opened_handle": rop.opened_handle,
        "return_value": rop.return_value.map(|value| value.0),
        "return_name": rop.return_value.map(|value| value.to_string()),
        "request": rop.request.as_ref().map(value),
        "response": rop.response.as_ref().map(value),
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        out.extend(
            [byte >> 4, byte & 0x0f].map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0')),
        );
    }
    out
}

/// The largest integer below which a double can represent all integers.
const MAX_EXACT: u64 = (1 << 53) - 1;

/// Converts a value. Bytes become hexadecimal digits. Fields with duplicate names become a list of objects, since the
/// names of an object's members must be unique.
pub(super) fn value(shown: &Node) -> Value {
    match shown {
        Node::Nothing => Value::Null,
        Node::Boolean(yes) => Value::Bool(*yes),
        // Readers that store numbers as doubles would change larger ones (RFC 8259 6, RFC 7493 2.2).
        Node::Number(number) if *number > MAX_EXACT => json!(number.to_string()),
        Node::Signed(number) if number.unsigned_abs() > MAX_EXACT => json!(number.to_string()),
        Node::Number(number) => json!(number),
        Node::Signed(number) => json!(number),
        // JSON has no numbers for NaN and the infinities.
        Node::Float(number) => {
            Number::from_f64(*number).map_or_else(|| json!(number.to_string()), Value::Number)
        }
        Node::Named(_, name) => json!(name),
        Node::Text(text) => json!(text),
        Node::Bytes(bytes) | Node::String8 { bytes, .. } => Value::String(hexadecimal(bytes)),
        Node::Condition(condition) => json!(format!("{condition:#}")),
        Node::List(items) => Value::Array(items.iter().map(value).collect()),
        Node::Fields(fields) => {
            let mut object = Map::new();
            for (name, field) in fields {
                object.insert(name.clone().into_owned(), value(field));
            }
            if object.len() == fields.len() {
                return Value::Object(object);
            }
            Value::Array(fields.iter().map(|(name, field)| json!({ name.as_ref(): value(field) })).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_lacks_are_texts() {
        let numbers =
            [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.5].map(|number| value(&Node::Float(number)));
        assert_eq!(numbers, [json!("NaN"), json!("inf"), json!("-inf"), json!(1.5)]);
    }
}
