//! The output of callgrind: how often each instruction of a program was executed.

use std::collections::HashMap;

/// An instruction and how often it was executed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Executed<'a> {
    /// The file of the program or library: its number, counted from 1 in the order of the text; 0 if it is
    /// not named.
    pub(super) object: u32,
    /// Whether that file is the program `mapiproxy`.
    pub(super) is_proxy: bool,
    /// The name of the function as the program has it, without the number that callgrind adds for recursion.
    pub(super) function: &'a str,
    pub(super) address: u64,
    pub(super) times: u64,
}

/// The instructions in `text`, the output of callgrind with `--dump-instr=yes`. An instruction may occur more
/// than once.
pub(super) fn executed(text: &str) -> impl Iterator<Item = Executed<'_>> {
    let mut reader = Reader::default();
    text.lines().filter_map(move |line| reader.read(line))
}

/// The state of the format, in which names and addresses refer to earlier lines.
#[derive(Default)]
struct Reader<'a> {
    objects: HashMap<&'a str, (u32, &'a str)>,
    functions: HashMap<&'a str, &'a str>,
    object: (u32, &'a str),
    function: &'a str,
    address: u64,
    /// The next line is the cost of a called function.
    is_call: bool,
}

impl<'a> Reader<'a> {
    fn read(&mut self, line: &'a str) -> Option<Executed<'a>> {
        if let Some(rest) = line.strip_prefix("ob=") {
            self.object = self.object(rest);
        } else if let Some(rest) = line.strip_prefix("cob=") {
            self.object(rest);
        } else if let Some(rest) = line.strip_prefix("fn=") {
            self.function = self.function(rest);
        } else if let Some(rest) = line.strip_prefix("cfn=") {
            self.function(rest);
        } else if line.starts_with("calls=") {
            self.is_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            return self.instruction(line);
        }
        None
    }

    fn instruction(&mut self, line: &str) -> Option<Executed<'a>> {
        let mut fields = line.split(' ');
        self.address = moved(self.address, fields.next().unwrap_or_default());
        let times = fields.nth(1).and_then(|times| times.parse().ok()).unwrap_or(0);
        let (object, file) = self.object;
        let is_proxy = file.ends_with("/mapiproxy");
        let executed = Executed { object, is_proxy, function: self.function, address: self.address, times };
        (!std::mem::take(&mut self.is_call)).then_some(executed)
    }

    /// The file in `(2) file`, whose name is given the first time only.
    fn object(&mut self, text: &'a str) -> (u32, &'a str) {
        let (id, file) = text.split_once(' ').unwrap_or((text, ""));
        let next = u32::try_from(self.objects.len()).unwrap_or(u32::MAX).saturating_add(1);
        *self.objects.entry(id).or_insert((next, file))
    }

    /// The function in `(7) name`, whose name is given the first time only.
    fn function(&mut self, text: &'a str) -> &'a str {
        let (id, name) = text.split_once(' ').unwrap_or((text, ""));
        let name = name.split('\'').next().unwrap_or(name);
        self.functions.entry(id).or_insert(name)
    }
}

/// The address at `position`, which may be relative to the previous address.
fn moved(address: u64, position: &str) -> u64 {
    let number = |text: &str| text.parse().unwrap_or(0);
    match position.split_at_checked(1) {
        Some(("+", more)) => address.saturating_add(number(more)),
        Some(("-", less)) => address.saturating_sub(number(less)),
        Some(("*", _)) => address,
        _ => position.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_refer_to_earlier_lines() {
        let text = "events: Ir\nob=(1) /build/mapiproxy\nfn=(3) f'2\n0x10 1 20\ncob=(2) /lib/libc.so.6\ncfn=(4) g\n\
                    calls=10 0x50\n* * 500\n+4 * 10\nob=(2)\nfn=(4)\n-4 1 29\n";
        let one = |object, function, address, times| Executed {
            object,
            is_proxy: object == 1,
            function,
            address,
            times,
        };
        let expected = [one(1, "f", 0x10, 20), one(1, "f", 0x14, 10), one(2, "g", 0x10, 29)];
        assert_eq!(executed(text).collect::<Vec<_>>(), expected);
    }
}
