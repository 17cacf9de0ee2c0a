//! Tokens of RTF: groups, control words, control symbols and text (RTF 1.9.1, "RTF Syntax").

/// A token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `{`
    Open,
    /// `}`
    Close,
    /// A control word and its parameter.
    Word(&'a [u8], Option<i32>),
    /// A control symbol other than `\'`.
    Symbol(u8),
    /// A byte of text as `\'hh`.
    Hex(u8),
    /// Bytes of text, without line ends.
    Text(&'a [u8]),
    /// The bytes of `\bin`.
    Binary,
}

/// Divides RTF into tokens; never fails, as RTF readers ignore what they do not know.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    pub(super) const fn new(rtf: &'a [u8]) -> Self {
        Self { rest: rtf }
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    /// The bytes at the beginning that `is` accepts, at most `most`.
    fn take_while(&mut self, most: usize, is: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().take(most).position(|byte| !is(*byte));
        self.take(length.unwrap_or(most))
    }

    /// What follows a backslash.
    fn control(&mut self) -> Option<Token<'a>> {
        let first = *self.rest.first()?;
        if first.is_ascii_alphabetic() {
            return Some(self.word());
        }
        self.take(1);
        if first != b'\'' {
            return Some(Token::Symbol(first));
        }
        let digits = self.take_while(2, |byte| byte.is_ascii_hexdigit());
        let value = std::str::from_utf8(digits).ok().and_then(|text| u8::from_str_radix(text, 16).ok());
        Some(value.map_or(Token::Text(&[]), Token::Hex))
    }

    fn word(&mut self) -> Token<'a> {
        // A control word has at most 32 letters; longer ones are unknown, whatever their parameter.
        let word = self.take_while(usize::MAX, |byte| byte.is_ascii_alphabetic());
        let negative = self.rest.first() == Some(&b'-') && self.rest.get(1).is_some_and(u8::is_ascii_digit);
        if negative {
            self.take(1);
        }
        let digits = self.take_while(10, |byte| byte.is_ascii_digit());
        let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<i64>().ok());
        let parameter = number.map(|number| if negative { -number } else { number });
        let parameter = parameter.map(|number| i32::try_from(number).unwrap_or(i32::MAX));
        if self.rest.first() == Some(&b' ') {
            self.take(1);
        }
        if word == b"bin" {
            let length = parameter.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
            self.take(length);
            return Token::Binary;
        }
        Token::Word(word, parameter)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            match *self.rest.first()? {
                b'{' => {
                    self.take(1);
                    return Some(Token::Open);
                }
                b'}' => {
                    self.take(1);
                    return Some(Token::Close);
                }
                b'\\' => {
                    self.take(1);
                    return self.control();
                }
                b'\r' | b'\n' | 0 => {
                    self.take(1);
                }
                _ => {
                    let is_text = |byte| !matches!(byte, b'{' | b'}' | b'\\' | b'\r' | b'\n' | 0);
                    return Some(Token::Text(self.take_while(usize::MAX, is_text)));
                }
            }
        }
    }
}
