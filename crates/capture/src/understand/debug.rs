//! Structures that have no way of their own to be shown: what `Debug` says of them, read back as a tree.

use std::borrow::Cow;
use std::fmt::Debug;

use mapi::show::Shown;

/// How deep a structure is read; what is deeper stays text.
const MAX_DEPTH: usize = 64;

/// A list of this many small numbers, or of more, is taken for bytes.
const FEWEST_BYTES: usize = 4;

/// `value` as it is shown.
pub(crate) fn shown(value: &impl Debug) -> Shown {
    let text = format!("{value:?}");
    let mut reader = Reader { rest: &text };
    match reader.value(0) {
        Some(shown) if reader.rest.is_empty() => shown,
        _ => Shown::Text(text),
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip();
        let Some(rest) = self.rest.strip_prefix(token) else { return false };
        self.rest = rest;
        true
    }

    fn value(&mut self, depth: usize) -> Option<Shown> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip();
        match self.rest.chars().next()? {
            '"' => self.text().map(Shown::Text),
            '[' => {
                self.eat("[");
                self.list("]", depth).map(bytes_or_list)
            }
            '(' => {
                self.eat("(");
                self.list(")", depth).map(Shown::List)
            }
            _ => self.named(depth),
        }
    }

    /// A text in quotation marks, with its escapes undone.
    fn text(&mut self) -> Option<String> {
        let mut out = String::new();
        let mut chars = self.rest.strip_prefix('"')?.char_indices();
        let inner = self.rest.get(1..)?;
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = inner.get(at.checked_add(1)?..)?;
                    return Some(out);
                }
                '\\' => match chars.next()?.1 {
                    'n' => out.push('\n'),
                    'r' => out.push('\r'),
                    't' => out.push('\t'),
                    '0' => out.push('\0'),
                    'u' => {
                        let digits: String =
                            chars.by_ref().map(|(_, c)| c).take_while(|c| *c != '}').collect();
                        let number = u32::from_str_radix(digits.trim_start_matches('{'), 16).ok()?;
                        out.push(char::from_u32(number)?);
                    }
                    other => out.push(other),
                },
                other => out.push(other),
            }
        }
        None
    }

    fn list(&mut self, end: &str, depth: usize) -> Option<Vec<Shown>> {
        let mut items = Vec::new();
        loop {
            if self.eat(end) {
                return Some(items);
            }
            items.push(self.value(depth.checked_add(1)?)?);
            self.eat(",");
        }
    }

    /// A number, a name, or a name with fields.
    fn named(&mut self, depth: usize) -> Option<Shown> {
        let end = self.rest.find([',', '(', ')', '[', ']', '{', '}']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end)?;
        let word = word.trim_end();
        if word.is_empty() {
            return None;
        }
        let before = self.rest;
        self.rest = rest;
        if rest.starts_with('(') {
            self.eat("(");
            // Flags are names with bars between them, and numbers without a name are their own text.
            if let Some(flags) = self.flags() {
                return Some(Shown::Named(0, Cow::Owned(flags)));
            }
            let mut items = self.list(")", depth)?;
            // What may be missing stands behind a byte that says that it is there.
            if word == "Present" && items.len() > 1 {
                return items.pop();
            }
            return match (items.len(), items.pop()) {
                (1, item) => item,
                (_, Some(last)) => {
                    items.push(last);
                    Some(Shown::List(items))
                }
                (_, None) => Some(Shown::Named(0, Cow::Owned(word.to_owned()))),
            };
        }
        if rest.starts_with('{') && before.get(..end).is_some_and(|word| word.ends_with(' ')) {
            self.eat("{");
            return self.fields(depth);
        }
        Some(scalar(word))
    }

    /// The inside of flags, up to their parenthesis.
    fn flags(&mut self) -> Option<String> {
        let (inside, rest) = self.rest.split_once(')')?;
        let is_flag = |flag: &str| {
            !flag.is_empty() && flag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let looks = inside.split(" | ").all(is_flag) && (inside.contains(" | ") || inside.starts_with("0x"));
        let constant = is_flag(inside) && inside.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        if !looks && !constant {
            return None;
        }
        self.rest = rest;
        Some(inside.to_owned())
    }

    fn fields(&mut self, depth: usize) -> Option<Shown> {
        let mut fields = Vec::new();
        loop {
            if self.eat("}") {
                return Some(Shown::Fields(fields));
            }
            self.skip();
            let (name, rest) = self.rest.split_once(':')?;
            self.rest = rest;
            fields.push((Cow::Owned(name.to_owned()), self.value(depth.checked_add(1)?)?));
            self.eat(",");
        }
    }
}

fn scalar(word: &str) -> Shown {
    match word {
        "None" | "Absent" => return Shown::Nothing,
        "true" => return Shown::Boolean(true),
        "false" => return Shown::Boolean(false),
        _ => {}
    }
    if let Ok(number) = word.parse::<u64>() {
        return Shown::Number(number);
    }
    if let Ok(number) = word.parse::<i64>() {
        return Shown::Signed(number);
    }
    match word.parse::<f64>() {
        Ok(number) if word.contains('.') => Shown::Float(number),
        _ => Shown::Named(0, Cow::Owned(word.to_owned())),
    }
}

fn bytes_or_list(items: Vec<Shown>) -> Shown {
    let byte = |item: &Shown| match item {
        Shown::Number(number) => u8::try_from(*number).ok(),
        _ => None,
    };
    match items.iter().map(byte).collect::<Option<Vec<u8>>>() {
        Some(bytes) if bytes.len() >= FEWEST_BYTES => Shown::Bytes(bytes),
        _ => Shown::List(items),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    #[allow(dead_code, reason = "only shown")]
    struct Outer {
        text: String,
        inner: Option<Inner>,
        bytes: Vec<u8>,
        pair: (i32, bool),
        none: Option<u8>,
    }

    #[derive(Debug)]
    #[allow(dead_code, reason = "only shown")]
    struct Inner(Vec<u32>);

    wire::wire_flags! {
        /// Flags.
        struct Bits(u8) {
            /// One.
            ONE = 1,
            /// Two.
            TWO = 2,
        }
    }

    #[test]
    fn structures_become_trees() {
        let value = Outer {
            text: "a \"b\", {c}\n\u{1}".to_owned(),
            inner: Some(Inner(vec![1, 2])),
            bytes: vec![1, 2, 3, 4],
            pair: (-5, true),
            none: None,
        };
        let field = |name: &'static str, shown| (name.into(), shown);
        assert_eq!(
            shown(&value),
            Shown::Fields(vec![
                field("text", Shown::Text("a \"b\", {c}\n\u{1}".to_owned())),
                field("inner", Shown::List(vec![Shown::Number(1), Shown::Number(2)])),
                field("bytes", Shown::Bytes(vec![1, 2, 3, 4])),
                field("pair", Shown::List(vec![Shown::Signed(-5), Shown::Boolean(true)])),
                field("none", Shown::Nothing),
            ])
        );
        assert_eq!(shown(&Bits(0x83)), Shown::Named(0, "ONE | TWO | 0x80".into()));
        assert_eq!(shown(&Bits(0)), Shown::Named(0, "0x0".into()));
        assert_eq!(shown(&Bits::ONE), Shown::Named(0, "ONE".into()));
    }
}
