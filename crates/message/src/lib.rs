//! Messages as properties, without a server: their conversion to RFC 5322, and RTF bodies.
//!
//! | module | content | specification |
//! |---|---|---|
//! | [`Message`] | a message with its recipients and attachments | \[MS-OXCMSG\] |
//! | [`to_rfc5322`] | a message as it is sent by SMTP or stored in a file | \[MS-OXCMAIL\] 2.1 |
//! | [`from_rfc5322`] | a message that was received by SMTP or read from a file | \[MS-OXCMAIL\] 2.2 |
//! | [`rtf`] | the HTML or text in an RTF body | \[MS-OXRTFEX\] |
//! | [`codepage`] | texts in code pages | |
//!
//! # What RFC 5322 does not keep
//!
//! The result of a conversion lists what was lost of the message at hand ([`Loss`]). Of every message, these are not
//! converted, and not listed:
//!
//! - properties that are not header fields, bodies, names or types: flags, categories other than keywords, reminders,
//!   times of creation and change, sizes, entry ids, and named properties outside `PS_INTERNET_HEADERS`. Of
//!   appointments, contacts and tasks, which consist of such properties, only body and attachments remain, which is
//!   listed ([`Loss::Item`]);
//! - fractions of seconds, code pages (texts are written in UTF-8), and the kind of line ends, which become CRLF;
//! - control characters in header fields, which become spaces, and spaces at their ends;
//! - RTF, if there is HTML or a text, or if HTML or text can be extracted;
//! - header fields by which servers of an Exchange organization trust each other (`X-MS-Exchange-Organization-` and
//!   `X-MS-Exchange-Forest-`): they are not written, and become no named properties;
//! - an absent display name, which becomes the address, and texts that look like encoded words (RFC 2047), which
//!   readers decode;
//! - of what is read: the structure of MIME. Parts in TNEF (`winmail.dat`), reports and calendars are attachments, and
//!   so are all texts after the first.
//!
//! # Architectural invariants
//!
//! - No I/O, no clock and no random numbers: equal messages are converted to equal bytes.
//! - No property and no byte of a message causes a panic. Memory and depth are bounded by limits that the caller
//!   passes; input that exceeds a limit is refused.
//! - No value of a property becomes more than the value of its header field: fields, recipients and parts of MIME
//!   cannot be injected.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

mod address;
pub mod codepage;
mod limits;
mod model;
mod read;
mod reserved;
pub mod rtf;
mod smime;
mod write;

pub use self::limits::{Error, Limits, Loss};
pub use self::model::{Attachment, Content, Message, NamedValue};
pub use self::read::{Converted, from_rfc5322};
pub use self::write::{Resolve, Rfc5322, to_rfc5322};
