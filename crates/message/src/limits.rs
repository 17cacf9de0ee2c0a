//! The limits of conversions, what exceeds them, and what conversions do not keep.

use crate::rtf::{RtfError, RtfLimits};

/// Limits of [`to_rfc5322`](crate::to_rfc5322) and [`from_rfc5322`](crate::from_rfc5322).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The maximum length of the message in RFC 5322, in bytes.
    pub bytes: usize,
    /// The maximum length of the header of a message or part that is read, in bytes.
    pub header: usize,
    /// The maximum number of messages within each other, the outermost included.
    pub depth: usize,
    /// The maximum number of multipart entities within each other in what is read, those of the messages around them
    /// included.
    pub multiparts: usize,
    /// The maximum number of attachments and other parts, those of embedded messages included.
    pub parts: usize,
    /// The maximum number of recipients, those of embedded messages included.
    pub recipients: usize,
    /// Limits of RTF bodies.
    pub rtf: RtfLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            header: 1 << 20,
            depth: 16,
            multiparts: 32,
            parts: 1000,
            recipients: 10_000,
            rtf: RtfLimits::default(),
        }
    }
}

/// Why a message is not converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The message is too long.
    #[error("the message has more than {0} bytes in RFC 5322")]
    Bytes(usize),
    /// Messages are nested too deep.
    #[error("the message has more than {0} messages within each other")]
    Depth(usize),
    /// The header of the message or of a part is too long.
    #[error("a header of the message has more than {0} bytes")]
    Header(usize),
    /// Multipart entities are nested too deep.
    #[error("the message has more than {0} multipart entities within each other")]
    Multiparts(usize),
    /// The message has too many parts.
    #[error("the message has more than {0} parts")]
    Parts(usize),
    /// The message has too many recipients.
    #[error("the message has more than {0} recipients")]
    Recipients(usize),
}

/// Something that a conversion did not keep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Loss {
    /// The item has a message class whose properties RFC 5322 does not have.
    #[error("of an item of class {0:?} only the body and attachments are kept")]
    Item(String),
    /// The address has no form in SMTP. It was written in IMCEA form under the domain `invalid`.
    #[error("the address {0:?} was not resolved")]
    Address(String),
    /// A property was not written as the header field, since it has no form in it.
    #[error("the header field {0} was left out, since its value is not allowed")]
    Header(String),
    /// Lines of `PidTagTransportMessageHeaders` are not header fields.
    #[error("lines of the transport headers are not header fields, and were left out")]
    TransportHeaders,
    /// Characters of a text were replaced: its code page is unknown, or does not have them.
    #[error("characters of {0} were replaced, since its code page is unknown or does not have them")]
    Characters(&'static str),
    /// The charset of a text is unknown. It was read as UTF-8, or 1252 if it is not UTF-8.
    #[error("the charset {0:?} of a text is unknown")]
    Charset(String),
    /// A body does not have the transfer encoding that its header states, or it is unknown. It was kept as it is.
    #[error("a body is not in the transfer encoding {0:?} that its header states")]
    Encoding(String),
    /// The formatting of an RTF body.
    #[error("the RTF body was reduced to its text")]
    Formatting,
    /// The RTF body cannot be read.
    #[error("the RTF body was left out: {0}")]
    Rtf(RtfError),
    /// `PidTagRtfCompressed` cannot be decompressed.
    #[error("the RTF body was left out: {0}")]
    CompressedRtf(wire::Error),
    /// The attachment is a link, of which only the name is known.
    #[error("the attachment {0:?} was left out: it is a link")]
    Link(String),
    /// The attachment has no content.
    #[error("the attachment {0:?} was left out: it has no content")]
    NoContent(String),
    /// The OLE object was written as a file.
    #[error("the OLE object {0:?} was written as a file")]
    Ole(String),
    /// The media type was replaced by `application/octet-stream`.
    #[error("the media type {0:?} of an attachment was replaced")]
    MediaType(String),
    /// A message of an S/MIME class does not have the attachment that is its content.
    #[error(
        "the message is written as a message without S/MIME: its content is not one attachment with S/MIME"
    )]
    Smime,
    /// More was lost.
    #[error("more was lost")]
    More,
}

/// The maximum number of losses that a result lists.
const MAX_LOSSES: usize = 1000;

/// Adds `loss` to `losses`; at the maximum number, the last one states that there are more.
pub(crate) fn lose(losses: &mut Vec<Loss>, loss: Loss) {
    if losses.len() < MAX_LOSSES {
        losses.push(loss);
    } else if let Some(last) = losses.last_mut() {
        *last = Loss::More;
    }
}
