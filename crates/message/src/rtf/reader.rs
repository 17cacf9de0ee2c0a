//! The de-encapsulating RTF reader ([MS-OXRTFEX] 2.2.3).

use super::body::{RtfBody, RtfContent, RtfError, RtfLimits};
use super::fonts::Fonts;
use super::group::{Destination, Group, is_other_destination};
use super::output::Output;
use super::tokens::{Token, Tokens};
use crate::codepage;

/// The number of tokens within which the control word that states the content must be ([MS-OXRTFEX] 2.2.3.1).
const HEADER_TOKENS: usize = 10;

/// Extracts the HTML or text that was encapsulated in `rtf`; of other RTF the text.
///
/// # Errors
/// Fails if `rtf` is not RTF or exceeds a limit.
pub fn deencapsulate(rtf: &[u8], limits: &RtfLimits) -> Result<RtfBody, RtfError> {
    let mut start = Tokens::new(rtf);
    if start.next() != Some(Token::Open) || !matches!(start.next(), Some(Token::Word(b"rtf", _))) {
        return Err(RtfError::NotRtf);
    }
    let content = content(start);
    let mut reader = Reader::new(content, limits);
    for token in Tokens::new(rtf) {
        if reader.token(token)? == Document::Ended {
            break;
        }
    }
    let (text, replaced) = reader.output.finish();
    Ok(RtfBody { content, text, replaced })
}

/// The kind of the content, by the control words that follow `\rtf`.
fn content(header: Tokens<'_>) -> RtfContent {
    for token in header.take(HEADER_TOKENS) {
        match token {
            Token::Word(b"fromhtml", Some(1)) => return RtfContent::Html,
            Token::Word(b"fromtext", _) => return RtfContent::Text,
            Token::Word(..) => {}
            _ => break,
        }
    }
    RtfContent::Native
}

#[derive(Debug, PartialEq, Eq)]
enum Document {
    Continues,
    Ended,
}

struct Reader<'a> {
    html: bool,
    limits: &'a RtfLimits,
    /// The code page of the document (`\ansicpg`).
    page: u32,
    default_font: i32,
    fonts: Fonts,
    outer: Vec<Group>,
    group: Group,
    /// Whether the next token is the first of its group.
    first: bool,
    /// The number of characters to skip, since a `\u` precedes them.
    skip: u16,
    output: Output,
}

impl<'a> Reader<'a> {
    fn new(content: RtfContent, limits: &'a RtfLimits) -> Self {
        Self {
            html: content == RtfContent::Html,
            limits,
            page: codepage::WESTERN,
            default_font: 0,
            fonts: Fonts::default(),
            outer: Vec::new(),
            group: Group::first(),
            first: false,
            skip: 0,
            output: Output::default(),
        }
    }

    fn token(&mut self, token: Token<'_>) -> Result<Document, RtfError> {
        let first = std::mem::replace(&mut self.first, false);
        match token {
            Token::Open => {
                if self.outer.len() >= self.limits.depth {
                    return Err(RtfError::Depth(self.limits.depth));
                }
                self.outer.push(self.group);
                (self.first, self.skip, self.group.optional) = (true, 0, false);
            }
            Token::Close => {
                let Some(group) = self.outer.pop() else { return Ok(Document::Ended) };
                (self.group, self.skip) = (group, 0);
                if self.outer.is_empty() {
                    return Ok(Document::Ended);
                }
            }
            Token::Symbol(b'*') if first => (self.first, self.group.optional) = (true, true),
            Token::Symbol(symbol) => self.symbol(symbol)?,
            Token::Word(word, parameter) => self.word(word, parameter, first)?,
            Token::Hex(byte) => self.bytes(&[byte])?,
            Token::Text(text) => self.bytes(text)?,
            Token::Binary => self.skip = self.skip.saturating_sub(1),
        }
        Ok(Document::Continues)
    }

    /// The code page of text here: that of the document within tags, of the font elsewhere ([MS-OXRTFEX] 2.2.3.2).
    fn text_page(&self) -> u32 {
        match self.group.destination {
            Destination::HtmlTag => self.page,
            _ => self.group.page.unwrap_or(self.page),
        }
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), RtfError> {
        let skipped = usize::from(self.skip).min(bytes.len());
        self.skip = self.skip.saturating_sub(u16::try_from(skipped).unwrap_or(u16::MAX));
        let bytes = bytes.get(skipped..).unwrap_or_default();
        if bytes.is_empty() || !self.group.is_output(self.html) {
            return Ok(());
        }
        self.output.bytes(bytes, self.text_page(), self.limits)
    }

    /// Adds text that a control word represents. It counts as one character after a `\u`.
    fn character(&mut self, text: &str) -> Result<(), RtfError> {
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        if !self.group.is_output(self.html) {
            return Ok(());
        }
        self.output.text(text, self.limits)
    }

    fn symbol(&mut self, symbol: u8) -> Result<(), RtfError> {
        match symbol {
            b'{' | b'}' | b'\\' => self.bytes(&[symbol]),
            b'~' => self.character("\u{a0}"),
            b'_' => self.character("\u{ad}"),
            b'\r' | b'\n' => self.character("\r\n"),
            b'\t' => self.character("\t"),
            _ => Ok(()),
        }
    }

    fn word(&mut self, word: &[u8], parameter: Option<i32>, first: bool) -> Result<(), RtfError> {
        if first && self.begins_destination(word) {
            return Ok(());
        }
        match self.group.destination {
            Destination::Fonts => self.fonts.word(word, parameter, self.limits),
            Destination::Ignored => Ok(()),
            Destination::Body | Destination::HtmlTag => {
                self.state(word, parameter);
                self.text_word(word, parameter)
            }
        }
    }

    /// Whether `word`, the first of the group, selects what the group contains.
    fn begins_destination(&mut self, word: &[u8]) -> bool {
        let inherited = self.group.destination;
        self.group.destination = match word {
            _ if inherited == Destination::Ignored => return true,
            b"fonttbl" => Destination::Fonts,
            b"htmltag" if self.group.optional => Destination::HtmlTag,
            // A font of the table may have a group, whose first word is its number.
            _ if inherited == Destination::Fonts && !self.group.optional => return false,
            _ if self.group.optional || is_other_destination(word) => Destination::Ignored,
            _ => return false,
        };
        true
    }

    /// Control words that change the state of the group. Within tags, only `\uc` and `\htmlrtf` do.
    fn state(&mut self, word: &[u8], parameter: Option<i32>) {
        let number = parameter.unwrap_or(0);
        match word {
            b"uc" => self.group.alternatives = u16::try_from(number).unwrap_or(1),
            b"htmlrtf" => self.group.suppressed = parameter != Some(0),
            _ if self.group.destination == Destination::HtmlTag => {}
            b"ansicpg" => {
                self.page = u32::try_from(number).ok().filter(|page| *page > 0).unwrap_or(self.page);
            }
            b"mac" => self.page = 10000,
            b"deff" => self.default_font = number,
            b"f" => self.group.page = self.fonts.page(number),
            b"plain" => self.group.page = self.fonts.page(self.default_font),
            _ => {}
        }
    }

    /// Control words that represent characters ([MS-OXRTFEX] 2.1.3.1.4.2). In HTML they become characters too, not
    /// references to them, which have the same meaning.
    fn text_word(&mut self, word: &[u8], parameter: Option<i32>) -> Result<(), RtfError> {
        match word {
            b"par" | b"line" | b"sect" | b"page" | b"row" => self.character("\r\n"),
            b"tab" | b"cell" => self.character("\t"),
            b"lquote" => self.character("\u{2018}"),
            b"rquote" => self.character("\u{2019}"),
            b"ldblquote" => self.character("\u{201c}"),
            b"rdblquote" => self.character("\u{201d}"),
            b"bullet" => self.character("\u{2022}"),
            b"endash" => self.character("\u{2013}"),
            b"emdash" => self.character("\u{2014}"),
            b"emspace" => self.character("\u{2003}"),
            b"enspace" => self.character("\u{2002}"),
            b"u" => {
                let [low, high, ..] = parameter.unwrap_or(0).to_le_bytes();
                self.skip = self.group.alternatives;
                if self.group.is_output(self.html) {
                    self.output.unit(u16::from_le_bytes([low, high]), self.limits)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
