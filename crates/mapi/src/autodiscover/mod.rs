//! Autodiscover: how clients find their servers and the protocols to use.
//!
//! There are three dialects: plain XML or POX ([MS-OXDSCLI]), which Outlook and mobile clients use, SOAP
//! ([MS-OXWSADISC]), and JSON. [`Request`] parses requests of all three. In responses, [`rewrite_pox`],
//! [`rewrite_soap`] and [`rewrite_json`] replace the server names, as a [`Naming`] decides, and keep all other bytes.
//! For clients, [`PoxResponse`] has the settings of a response.
//!
//! XML parsing is restricted: a document type declaration is an error, so that only the five predefined entities are
//! expanded, and documents are limited in size ([`MAX_SIZE`]), depth ([`MAX_DEPTH`]) and elements ([`MAX_ELEMENTS`]).

mod error;
mod json;
mod naming;
mod pox;
mod pox_response;
mod request;
mod rewrite;
mod soap;
mod target;
mod xml;

pub use self::error::{Error, MAX_DEPTH, MAX_ELEMENTS, MAX_SIZE};
pub use self::json::rewrite_json;
pub use self::naming::{NameUse, Naming, ProxyName, UrlParts, rewrite_url};
pub use self::pox::{PoxRequest, ResponseSchema, rewrite_pox};
pub use self::pox_response::PoxResponse;
pub use self::request::{Dialect, JsonRequest, Request};
pub use self::rewrite::{Replaced, Rewritten};
pub use self::soap::{SoapOperation, SoapRequest, rewrite_soap};
pub use self::target::{TargetError, check_target};
