//! The initial dictionary, and the limits of references into it ([MS-OXRTFCP] 2.1.2).

/// What the dictionary holds at first ([MS-OXRTFCP] 2.1.2.1).
pub(super) const DICTIONARY: &[u8; 207] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \
\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\
\\f0\\fs20\\b\\i\\u\\tab\\tx";

/// Bytes of the dictionary, which is written round and round.
pub(super) const WINDOW: usize = 4096;

/// The fewest bytes that a reference stands for.
pub(super) const MIN_MATCH: usize = 2;

/// The most bytes that a reference stands for.
pub(super) const MAX_MATCH: usize = 17;
