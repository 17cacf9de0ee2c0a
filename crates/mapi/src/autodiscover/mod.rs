//! Autodiscover: how clients learn which servers to speak to, and how.
//!
//! There are three dialects: plain XML ([MS-OXDSCLI]), which Outlook and mobile clients speak, SOAP
//! ([MS-OXWSADISC]), and JSON. A [`Request`] says what is asked, and for whom. Answers are not taken apart:
//! [`rewrite_pox`], [`rewrite_soap`] and [`rewrite_json`] replace the names of servers in them by what a
//! [`Naming`] says, and leave every other byte as it came.
//!
//! XML is read without what makes it dangerous: a document type is an error, so that no entity but the five of
//! XML itself is ever replaced, and documents are bounded in size and depth.

mod error;
mod json;
mod naming;
mod pox;
mod request;
mod rewrite;
mod soap;
mod target;
mod xml;

pub use self::error::{Error, MAX_DEPTH, MAX_ELEMENTS, MAX_SIZE};
pub use self::json::rewrite_json;
pub use self::naming::{Naming, OurName, Place, UrlParts, rewrite_url};
pub use self::pox::{PoxRequest, ResponseSchema, rewrite_pox};
pub use self::request::{Dialect, JsonRequest, Request};
pub use self::rewrite::{Replaced, Rewritten};
pub use self::soap::{SoapOperation, SoapRequest, rewrite_soap};
pub use self::target::{TargetError, check_target};
