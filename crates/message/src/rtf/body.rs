//! The content of an RTF body, its limits, and why it is refused.

/// Limits of [`deencapsulate`](super::deencapsulate).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtfLimits {
    /// The maximum number of groups within each other. Writers need about 20.
    pub depth: usize,
    /// The maximum length of the result, in bytes.
    pub output: usize,
    /// The maximum number of fonts.
    pub fonts: usize,
}

impl Default for RtfLimits {
    fn default() -> Self {
        Self { depth: 512, output: 32 << 20, fonts: 4096 }
    }
}

/// What an RTF body contains ([MS-OXRTFEX] 2.2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RtfContent {
    /// HTML (`\fromhtml1`).
    Html,
    /// Plain text (`\fromtext`).
    Text,
    /// Neither: the body was written as RTF. Only its text is extracted.
    Native,
}

/// The result of [`deencapsulate`](super::deencapsulate).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtfBody {
    /// Of what kind the body is.
    pub content: RtfContent,
    /// The HTML or text, with CRLF at the ends of lines.
    pub text: String,
    /// Whether characters were replaced: those of an unknown code page, and those that are invalid in theirs.
    pub replaced: bool,
}

/// Why an RTF body is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RtfError {
    /// The body does not begin with `{\rtf`.
    #[error("the body does not begin with {{\\rtf")]
    NotRtf,
    /// Groups are nested too deep.
    #[error("the RTF has more than {0} groups within each other")]
    Depth(usize),
    /// The result is too long.
    #[error("the content of the RTF is longer than {0} bytes")]
    Output(usize),
    /// The font table is too long.
    #[error("the RTF has more than {0} fonts")]
    Fonts(usize),
}
