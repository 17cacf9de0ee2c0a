//! Words that comments, messages, documentation and names of tests do not use.

use std::path::Path;

use super::finding::Finding;
use super::names;
use super::prose::Line;
use super::sources::Source;
use crate::run::Outcome;

/// The words, each with what to write in its place.
pub(super) const WORDS: &str = "xtask/src/tidy/words.txt";

/// One or several words, in lower case, and what to write in their place.
pub(super) struct Banned {
    words: Vec<String>,
    instead: String,
}

/// Reads the list of words of the repository at `root`.
pub(super) fn read(root: &Path) -> Outcome<Vec<Banned>> {
    parse(&std::fs::read_to_string(root.join(WORDS)).map_err(|error| format!("{WORDS}: {error}"))?)
}

/// Parses a list of words: on each line the words, `|`, and what to write. Lines that begin with `#` are comments.
fn parse(text: &str) -> Outcome<Vec<Banned>> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let entry = |(number, line): (usize, &str)| {
        let (words, instead) =
            line.split_once('|').ok_or_else(|| format!("{WORDS}:{number}: no `|` before what to write"))?;
        let words = words.split_whitespace().map(str::to_lowercase).collect();
        Ok(Banned { words, instead: instead.trim().to_owned() })
    };
    lines.map(entry).collect()
}

/// The uses of banned words.
pub(super) fn check(sources: &[Source], banned: &[Banned]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        findings.extend(uses(&source.path, &words_of(&source.prose()), banned));
        for (line, name) in names::of_tests(source) {
            let words: Vec<(usize, String)> =
                name.split('_').map(|word| (line, word.to_lowercase())).collect();
            findings.extend(uses(&source.path, &words, banned));
        }
    }
    findings
}

/// The words of consecutive lines, each with its line. A phrase may continue in the next line, but not in the next
/// sentence.
fn words_of(lines: &[Line<'_>]) -> Vec<(usize, String)> {
    let of_line = |line: &Line<'_>| {
        split(&without_code(line.text)).into_iter().map(|word| (line.number, word)).collect::<Vec<_>>()
    };
    lines.iter().flat_map(of_line).collect()
}

/// The uses among consecutive `words` of the file `path`.
fn uses(path: &str, words: &[(usize, String)], banned: &[Banned]) -> Vec<Finding> {
    let mut uses = Vec::new();
    for (at, (line, _)) in words.iter().enumerate() {
        for phrase in banned {
            let here = words.get(at..at + phrase.words.len());
            if here.is_some_and(|here| here.iter().map(|(_, word)| word).eq(&phrase.words)) {
                uses.push(Finding {
                    place: format!("{path}:{line}"),
                    what: format!("`{}`", phrase.words.join(" ")),
                    fix: format!("write {}", phrase.instead),
                });
            }
        }
    }
    uses
}

/// The line without text between backticks, which is code.
fn without_code(line: &str) -> String {
    if line.trim_start().starts_with("```") {
        return String::new();
    }
    let parts: Vec<&str> = line.split('`').collect();
    // A backtick without its pair encloses no code.
    let is_code = |index: usize| index % 2 == 1 && index + 1 < parts.len();
    let kept = parts.iter().enumerate().map(|(index, part)| if is_code(index) { "" } else { *part });
    kept.collect::<Vec<_>>().join(" ` ")
}

/// The words in lower case. Punctuation marks are separate words, so that no phrase includes them.
fn split(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            // The letter of an escape, as in `\n`, belongs to no word.
            chars.next();
            open = false;
        } else if c.is_alphanumeric() || matches!(c, '_' | '\'') {
            if !open {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
            open = true;
        } else {
            if !c.is_whitespace() {
                words.push(c.to_string());
            }
            open = false;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "# head\nwombat | animal\nin the wombat | inside\n";

    fn found(path: &str, text: &str) -> Vec<String> {
        let sources = [Source { path: path.to_owned(), text: text.to_owned() }];
        let findings = check(&sources, &parse(LISTED).unwrap());
        findings.into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn a_banned_word_is_named_with_its_line() {
        assert_eq!(found("a.md", "A.\nThe Wombat.\n"), ["a.md:2"]);
        assert_eq!(found("a.rs", "/// The\n/// wombat's.\nfn a() {}\n"), [""; 0]);
        assert_eq!(found("a.rs", "fn a() { log(\"\\nwombat!\") }"), ["a.rs:1"]);
        let sources = [Source { path: "a.md".to_owned(), text: "wombat".to_owned() }];
        let findings = check(&sources, &parse(LISTED).unwrap());
        assert_eq!((&*findings[0].what, &*findings[0].fix), ("`wombat`", "write animal"));
    }

    #[test]
    fn comments_and_literals_of_scripts_and_settings_are_checked() {
        assert_eq!(
            found("a.py", "wombat = 1  # A wombat.\n\"\"\"The\nwombat.\"\"\"\n"),
            ["a.py:1", "a.py:3"]
        );
        assert_eq!(found("x", "# A wombat.\necho 'wombat'\nwombat"), ["x:1", "x:2"]);
        assert_eq!(found("a.toml", "wombat = \"in the\" # one wombat"), ["a.toml:1"]);
    }

    #[test]
    fn a_phrase_may_cross_lines_and_no_marks() {
        assert_eq!(found("a.rs", "// in the\n// wombat\n"), ["a.rs:1", "a.rs:2"]);
        assert_eq!(found("a.md", "in the. wombat"), ["a.md:1"]);
    }

    #[test]
    fn names_are_not_words() {
        assert_eq!(found("a.rs", "fn wombat() {} // `wombat`, wombat_count"), [""; 0]);
    }

    #[test]
    fn names_of_tests_are_sentences() {
        assert_eq!(found("a.rs", "#[test]\nfn it_is_in_the_wombat() {}\n"), ["a.rs:2", "a.rs:2"]);
        assert_eq!(found("a.rs", "fn in_the_wombat() {}\n"), [""; 0]);
    }

    #[test]
    fn an_entry_without_a_replacement_is_an_error() {
        assert!(parse("wombat\n").is_err());
    }
}
