//! The state that RTF saves at the beginning of a group and restores at its end.

/// What the text of a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination {
    /// The text of the document.
    Body,
    /// Content of the original HTML (`\htmltag`, [MS-OXRTFEX] 2.1.3.1.4).
    HtmlTag,
    /// The font table.
    Fonts,
    /// Anything that is not text of the body.
    Ignored,
}

/// The state of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) destination: Destination,
    /// Whether text is not in the original HTML (`\htmlrtf`, [MS-OXRTFEX] 2.1.3.1.3).
    pub(super) suppressed: bool,
    /// The code page of the current font; `None` for that of the document.
    pub(super) page: Option<u32>,
    /// The number of characters that follow a `\u` for readers without Unicode (`\uc`).
    pub(super) alternatives: u16,
    /// Whether the group begins with `\*`: it is ignored unless its first control word is known.
    pub(super) optional: bool,
}

impl Group {
    pub(super) const fn first() -> Self {
        Self {
            destination: Destination::Body,
            suppressed: false,
            page: None,
            alternatives: 1,
            optional: false,
        }
    }

    /// Whether the text of the group is part of the result; `html` if it is HTML.
    pub(super) const fn is_output(&self, html: bool) -> bool {
        match self.destination {
            Destination::Body => !(html && self.suppressed),
            Destination::HtmlTag => html && !self.suppressed,
            Destination::Fonts | Destination::Ignored => false,
        }
    }
}

/// Whether the control word begins a destination that has no text of the body.
pub(super) fn is_other_destination(word: &[u8]) -> bool {
    const OTHERS: [&[u8]; 30] = [
        b"annotation",
        b"author",
        b"buptim",
        b"colortbl",
        b"comment",
        b"creatim",
        b"doccomm",
        b"filetbl",
        b"fldinst",
        b"footer",
        b"footerf",
        b"footerl",
        b"footerr",
        b"footnote",
        b"header",
        b"headerf",
        b"headerl",
        b"headerr",
        b"info",
        b"keywords",
        b"listtable",
        b"object",
        b"operator",
        b"pict",
        b"revtbl",
        b"rxe",
        b"stylesheet",
        b"subject",
        b"title",
        b"xe",
    ];
    OTHERS.binary_search(&word).is_ok()
}
