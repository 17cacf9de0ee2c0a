//! The fonts of an RTF document, of which only their code pages matter.

use std::collections::BTreeMap;

use super::body::{RtfError, RtfLimits};
use crate::codepage;

/// The font table. The default font and font numbers without an entry have the code page of the document.
#[derive(Debug, Default)]
pub(super) struct Fonts {
    pages: BTreeMap<i32, u32>,
    /// The font whose entry is being read.
    current: i32,
}

impl Fonts {
    /// A control word within the font table.
    pub(super) fn word(
        &mut self,
        word: &[u8],
        parameter: Option<i32>,
        limits: &RtfLimits,
    ) -> Result<(), RtfError> {
        let page = match word {
            b"f" => {
                self.current = parameter.unwrap_or(0);
                None
            }
            b"fcharset" => parameter.and_then(codepage::of_font),
            // Takes precedence over the character set, before which writers place it or not at all.
            b"cpg" => parameter.and_then(|page| u32::try_from(page).ok()).filter(|page| *page > 0),
            _ => None,
        };
        if let Some(page) = page {
            self.pages.insert(self.current, page);
            if self.pages.len() > limits.fonts {
                return Err(RtfError::Fonts(limits.fonts));
            }
        }
        Ok(())
    }

    /// The code page of the font `number`.
    pub(super) fn page(&self, number: i32) -> Option<u32> {
        self.pages.get(&number).copied()
    }
}
