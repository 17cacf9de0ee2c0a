//! RTF bodies: the HTML or text from which they were made ([MS-OXRTFEX]), or the text of others.
//!
//! Clients store HTML bodies as RTF that contains the HTML: the tags in groups that RTF readers skip, and between them
//! the text with its formatting in RTF, of which what is not in the HTML is marked. [`deencapsulate`] takes the HTML
//! out. `mapi::rtf::decompress` decompresses `PidTagRtfCompressed` first.

mod body;
mod fonts;
mod group;
mod output;
mod reader;
mod tokens;

#[cfg(test)]
mod tests;

pub use self::body::{RtfBody, RtfContent, RtfError, RtfLimits};
pub use self::reader::deencapsulate;
