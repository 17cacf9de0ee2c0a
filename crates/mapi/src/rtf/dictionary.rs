//! The initial dictionary, and the limits of references into it ([MS-OXRTFCP] 2.1.2).

/// The initial content of the dictionary ([MS-OXRTFCP] 2.1.2.1).
pub(super) const DICTIONARY: &[u8; 207] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \
\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\
\\f0\\fs20\\b\\i\\u\\tab\\tx";

/// The size of the dictionary, a circular buffer, in bytes.
pub(super) const WINDOW: usize = 4096;

/// The minimum length of a reference, in bytes.
pub(super) const MIN_MATCH: usize = 2;

/// The maximum length of a reference, in bytes.
pub(super) const MAX_MATCH: usize = 17;
