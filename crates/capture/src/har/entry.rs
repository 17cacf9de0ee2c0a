//! The entries of a HAR file (HAR 1.2), as far as they are used.
//!
//! A member of another type than that of HAR is converted, or treated as absent: programs write numbers as texts, and
//! null for what they do not know.

use serde_json::Value;

use super::surrogates::readable;

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) started_date_time: String,
    /// Milliseconds.
    pub(super) time: f64,
    pub(super) request: Request,
    pub(super) response: Response,
    pub(super) connection: Option<String>,
    /// The additions of MAPIProxy's recordings.
    pub(super) user: Option<String>,
    pub(super) side: Option<String>,
}

#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<Header>,
    pub(super) post_data: Content,
    /// The size of the body in bytes; negative if unknown.
    pub(super) body_size: Option<f64>,
}

#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: f64,
    pub(super) status_text: String,
    pub(super) headers: Vec<Header>,
    pub(super) content: Content,
    pub(super) body_size: Option<f64>,
}

#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Debug)]
pub(super) struct Content {
    /// The text, in which [`super::surrogates::BYTE_MARK`]s precede bytes.
    pub(super) text: Option<String>,
    pub(super) encoding: Option<String>,
    /// The size of a response's body without content coding, in bytes; negative if unknown.
    pub(super) size: Option<f64>,
}

/// An entry without a member that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("missing field `{0}`")]
pub(super) struct MissingField(&'static str);

impl Entry {
    pub(super) fn new(mut value: Value) -> Result<Self, MissingField> {
        let mut request = member(&mut value, "request");
        let mut response = member(&mut value, "response");
        if !request.is_object() {
            return Err(MissingField("request"));
        }
        Ok(Self {
            started_date_time: text(&value, "startedDateTime").unwrap_or_default(),
            time: number(&value, "time").unwrap_or_default(),
            request: Request {
                method: text(&request, "method").ok_or(MissingField("method"))?,
                url: text(&request, "url").ok_or(MissingField("url"))?,
                headers: headers(&request),
                post_data: Content::new(member(&mut request, "postData")),
                body_size: number(&request, "bodySize"),
            },
            response: Response {
                status: number(&response, "status").unwrap_or_default(),
                status_text: text(&response, "statusText").unwrap_or_default(),
                headers: headers(&response),
                content: Content::new(member(&mut response, "content")),
                body_size: number(&response, "bodySize"),
            },
            connection: text(&value, "connection"),
            user: text(&value, "_user"),
            side: text(&value, "_side"),
        })
    }
}

impl Content {
    fn new(mut value: Value) -> Self {
        let text = match member(&mut value, "text") {
            Value::String(text) => Some(text),
            _ => None,
        };
        Self { text, encoding: self::text(&value, "encoding"), size: number(&value, "size") }
    }
}

/// The fields of a message; those without a name or a value are omitted.
fn headers(message: &Value) -> Vec<Header> {
    let list = message.get("headers").and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|one| Some(Header { name: text(one, "name")?, value: text(one, "value")? })).collect()
}

/// Removes a member; null if it is absent.
fn member(object: &mut Value, name: &str) -> Value {
    object.get_mut(name).map(Value::take).unwrap_or_default()
}

fn text(object: &Value, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::String(text) => Some(readable(text)),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn number(object: &Value, name: &str) -> Option<f64> {
    match object.get(name)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}
