//! Words that are not used in comments, messages, documentation and names of tests; and errors of libraries that are texts,
//! which are counted with the words.

use std::collections::BTreeMap;

use super::counts::{self, Counts};
use super::finding::{self, Finding};
use super::names;
use super::prose::{self, Line};
use super::results;
use super::sources::Source;
use crate::run::Outcome;

/// The words, each with what to write in its place.
pub(super) const WORDS: &str = "xtask/src/tidy/words.txt";

/// How often they are still used in each file. The numbers may only become smaller.
pub(super) const LIST: &str = "xtask/src/tidy/words_left.txt";

/// A word or a few, in lower case, and what to write in its place.
pub(super) struct Banned {
    words: Vec<String>,
    instead: String,
}

/// A place where a banned word is used.
pub(super) struct Use {
    line: usize,
    word: usize,
}

/// Reads the list of words: on each line the words, `|`, and what to write. The last entry is that of [`results`], which is
/// no word of a text.
pub(super) fn parse(text: &str) -> Outcome<Vec<Banned>> {
    let entry = |(number, line): (usize, &str)| {
        let (words, instead) =
            line.split_once('|').ok_or_else(|| format!("{WORDS}:{number}: no `|` before what to write"))?;
        let words = words.split_whitespace().map(str::to_lowercase).collect();
        Ok(Banned { words, instead: instead.trim().to_owned() })
    };
    let last = Banned { words: vec![results::WHAT.to_owned()], instead: results::INSTEAD.to_owned() };
    finding::entries(text).map(entry).chain([Ok(last)]).collect()
}

/// Where the sources use them.
pub(super) fn find(sources: &[Source], banned: &[Banned]) -> BTreeMap<String, Vec<Use>> {
    let uses = sources.iter().map(|source| {
        let lines =
            if source.is_rust() { prose::of_rust(&source.text) } else { prose::of_document(&source.text) };
        let mut found = uses(&words_of(&lines), banned);
        if source.is_rust() {
            for (line, name) in names::of_tests(&source.text) {
                let words: Vec<(usize, String)> =
                    name.split('_').map(|word| (line, word.to_lowercase())).collect();
                found.extend(uses(&words, banned));
            }
            let word = banned.len().saturating_sub(1);
            found.extend(results::lines(source).into_iter().map(|line| Use { line, word }));
        }
        (source.path.clone(), found)
    });
    uses.filter(|(_, uses)| !uses.is_empty()).collect()
}

/// The number of uses in each file.
pub(super) fn count(uses: &BTreeMap<String, Vec<Use>>) -> Counts {
    uses.iter().map(|(path, uses)| (path.clone(), uses.len())).collect()
}

/// Files with more uses than the list has, each use of such a file; and numbers of the list that are too great.
pub(super) fn compare(
    uses: &BTreeMap<String, Vec<Use>>,
    banned: &[Banned],
    list: &str,
) -> Outcome<Vec<Finding>> {
    let listed = counts::parse(LIST, list)?;
    let mut findings = counts::stale(LIST, &listed, &count(uses));
    for (path, uses) in uses {
        let (most, number) = listed.get(path).copied().unwrap_or_default();
        if uses.len() < most {
            findings.push(Finding {
                place: format!("{LIST}:{number}"),
                what: format!("{path} has {} of these words, no longer {most}", uses.len()),
                fix: "lower the number, or run `cargo xtask tidy --update`".to_owned(),
            });
        }
        if uses.len() > most {
            findings.extend(uses.iter().map(|Use { line, word }| Finding {
                place: format!("{path}:{line}"),
                what: format!(
                    "`{}` ({} in the file, {most} tolerated)",
                    banned[*word].words.join(" "),
                    uses.len()
                ),
                fix: format!("write {}", banned[*word].instead),
            }));
        }
    }
    Ok(findings)
}

/// The words of consecutive lines, each with its line. A phrase may go on in the next line, but not beyond a sentence's end.
fn words_of(lines: &[Line<'_>]) -> Vec<(usize, String)> {
    let of_line = |line: &Line<'_>| {
        split(&without_code(line.text)).into_iter().map(|word| (line.number, word)).collect::<Vec<_>>()
    };
    lines.iter().flat_map(of_line).collect()
}

/// The uses among consecutive `words`.
fn uses(words: &[(usize, String)], banned: &[Banned]) -> Vec<Use> {
    let mut uses = Vec::new();
    for (at, (line, _)) in words.iter().enumerate() {
        for (word, phrase) in banned.iter().enumerate() {
            let here = words.get(at..at + phrase.words.len());
            if here.is_some_and(|here| here.iter().map(|(_, word)| word).eq(&phrase.words)) {
                uses.push(Use { line: *line, word });
            }
        }
    }
    uses
}

/// The line without what stands between backticks: names of the code.
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

/// The words in lower case. Marks between words are words of their own, so that no phrase reaches across them.
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

    fn found(path: &str, text: &str, list: &str) -> Vec<String> {
        let banned = parse(LISTED).unwrap();
        let sources = [Source { path: path.to_owned(), text: text.to_owned() }];
        let findings = compare(&find(&sources, &banned), &banned, list).unwrap();
        findings.into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn a_banned_word_is_named_with_its_line() {
        assert_eq!(found("a.md", "A.\nThe Wombat.\n", ""), ["a.md:2"]);
        assert_eq!(found("a.rs", "/// The\n/// wombat's.\nfn a() {}\n", ""), [""; 0]);
        assert_eq!(found("a.rs", "fn a() { log(\"\\nwombat!\") }", ""), ["a.rs:1"]);
        let banned = parse(LISTED).unwrap();
        let sources = [Source { path: "a.md".to_owned(), text: "wombat".to_owned() }];
        let findings = compare(&find(&sources, &banned), &banned, "").unwrap();
        assert_eq!(findings[0].to_string(), "a.md:1: `wombat` (1 in the file, 0 tolerated); write animal");
    }

    #[test]
    fn a_phrase_may_cross_lines_and_no_marks() {
        assert_eq!(found("a.rs", "// in the\n// wombat\n", ""), ["a.rs:1", "a.rs:2"]);
        assert_eq!(found("a.md", "in the. wombat", ""), ["a.md:1"]);
    }

    #[test]
    fn names_are_not_words() {
        assert_eq!(found("a.rs", "fn wombat() {} // `wombat`, wombat_count", ""), [""; 0]);
    }

    #[test]
    fn names_of_tests_are_sentences() {
        assert_eq!(found("a.rs", "#[test]\nfn it_is_in_the_wombat() {}\n", ""), ["a.rs:2", "a.rs:2"]);
        assert_eq!(found("a.rs", "fn in_the_wombat() {}\n", ""), [""; 0]);
    }

    #[test]
    fn errors_that_are_texts_are_counted_with_the_words() {
        let path = "crates/a/src/a.rs";
        assert_eq!(found(path, "fn a() -> Result<(), String> {}\n", ""), [format!("{path}:1")]);
        assert_eq!(found(path, "fn a() -> Result<(), String> {}\n", &format!("1 {path}")), [""; 0]);
    }

    #[test]
    fn the_number_of_a_file_may_become_smaller_only() {
        assert_eq!(found("a.md", "wombat wombat", "2 a.md"), [""; 0]);
        assert_eq!(found("a.md", "wombat\nwombat\nwombat", "2 a.md"), ["a.md:1", "a.md:2", "a.md:3"]);
        assert_eq!(found("a.md", "wombat", "2 a.md"), [format!("{LIST}:1")]);
        assert_eq!(found("a.md", "", "2 a.md"), [format!("{LIST}:1")]);
    }

    #[test]
    fn a_word_has_what_to_write_in_its_place() {
        assert!(parse("wombat\n").is_err());
    }
}
