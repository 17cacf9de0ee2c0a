//! The entries of a HAR file (HAR 1.2), as far as they are used.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    #[serde(default)]
    pub(super) started_date_time: String,
    /// Milliseconds.
    #[serde(default)]
    pub(super) time: f64,
    pub(super) request: Request,
    #[serde(default)]
    pub(super) response: Response,
    #[serde(default)]
    pub(super) connection: Option<String>,
    /// The additions of MAPIProxy's recordings.
    #[serde(rename = "_user", default)]
    pub(super) user: Option<String>,
    #[serde(rename = "_side", default)]
    pub(super) side: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) url: String,
    #[serde(default)]
    pub(super) headers: Vec<Header>,
    #[serde(default)]
    pub(super) post_data: Option<Content>,
    /// The size of the body in bytes; negative if unknown.
    #[serde(default)]
    pub(super) body_size: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Response {
    pub(super) status: f64,
    pub(super) status_text: String,
    pub(super) headers: Vec<Header>,
    pub(super) content: Content,
    pub(super) body_size: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Content {
    pub(super) text: Option<String>,
    pub(super) encoding: Option<String>,
    /// The size of a response's body without content coding, in bytes; negative if unknown.
    pub(super) size: Option<f64>,
}
