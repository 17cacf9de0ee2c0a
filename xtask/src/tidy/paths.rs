//! The lists of files in ARCHITECTURE.md: which files a request passes, and which files an addition needs.
//!
//! A section whose heading begins with "The path of" is lists of `` - `path`: what the file does ``, one list for each
//! direction. Such a section has at most 20 files of `net` and of `engine`, or as many as it says "at most". A
//! section whose heading begins with "Where to add", and each section below it, is such a list too, and says how many
//! files it has "at most". A path with a part such as `<name>` is a file that the addition makes.

use std::collections::BTreeSet;
use std::path::Path;

use super::finding::Finding;
use crate::run::Outcome;

/// Where the lists are.
const DOCUMENT: &str = "ARCHITECTURE.md";

/// How many files of each of the crates in [`COUNTED`] a path has at most, unless its section states another number.
const MOST: usize = 20;

/// The crates whose files are counted, each for itself.
const COUNTED: [&str; 2] = ["net", "engine"];

/// What is checked of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Which files a request passes.
    Path,
    /// Which files an addition needs; below a heading of this level all sections are of this kind.
    Addition { level: usize },
}

/// A section that has lists of files.
struct Section<'a> {
    kind: Kind,
    line: usize,
    title: &'a str,
    /// The text without the items of lists.
    text: String,
    lists: Vec<Vec<Item<'a>>>,
}

/// An item of a list: its line, and the path that it begins with, where it is as it should be.
struct Item<'a> {
    line: usize,
    path: Option<&'a str>,
}

/// What is wrong with the lists of the repository at `root`.
pub(super) fn check(root: &Path) -> Outcome<Vec<Finding>> {
    let text =
        std::fs::read_to_string(root.join(DOCUMENT)).map_err(|error| format!("{DOCUMENT}: {error}"))?;
    Ok(findings(&text, &|path| root.join(path).exists()))
}

/// What is wrong with the lists in `text`; `exists` says whether there is such a file or folder.
fn findings(text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    sections(text).iter().flat_map(|section| section.findings(exists)).collect()
}

/// The sections of `text` that have lists of files.
fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let mut kind = None;
    let (mut in_list, mut in_code) = (false, false);
    for (number, line) in (1..).zip(text.lines()) {
        in_code ^= line.starts_with("```");
        let level = if in_code { 0 } else { line.chars().take_while(|c| *c == '#').count() };
        if level > 0 {
            let title = line[level..].trim();
            kind = kind_of(title, level, kind);
            let section =
                |kind| Section { kind, line: number, title, text: String::new(), lists: Vec::new() };
            sections.extend(kind.map(section));
            in_list = false;
        } else if let (Some(_), Some(section)) = (kind, sections.last_mut()) {
            section.line(number, line, &mut in_list);
        }
    }
    sections
}

/// What a section is, given what the one before it is.
fn kind_of(title: &str, level: usize, before: Option<Kind>) -> Option<Kind> {
    if title.starts_with("The path of") {
        return Some(Kind::Path);
    }
    match before {
        _ if title.starts_with("Where to add") => Some(Kind::Addition { level }),
        Some(Kind::Addition { level: above }) if level > above => before,
        _ => None,
    }
}

impl<'a> Section<'a> {
    /// Takes a line of the section; `in_list` says whether the one before it belongs to a list.
    fn line(&mut self, number: usize, line: &'a str, in_list: &mut bool) {
        if let Some(item) = line.strip_prefix("- ") {
            if !*in_list {
                self.lists.push(Vec::new());
            }
            *in_list = true;
            if let Some(list) = self.lists.last_mut() {
                list.push(Item { line: number, path: path(item) });
            }
        } else if !line.is_empty() && !line.starts_with(' ') {
            *in_list = false;
            self.text.push_str(line);
            self.text.push(' ');
        }
    }

    fn findings(&self, exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        for list in &self.lists {
            let mut seen = BTreeSet::new();
            for Item { line, path } in list {
                findings.extend(self.judge(*path, exists, &mut seen).map(|(what, fix)| Finding {
                    place: format!("{DOCUMENT}:{line}"),
                    what,
                    fix: fix.to_owned(),
                }));
            }
        }
        findings.extend(self.count().map(|(what, fix)| Finding {
            place: format!("{DOCUMENT}:{}", self.line),
            what: format!("\"{}\" {what}", self.title),
            fix: fix.to_owned(),
        }));
        findings
    }

    /// What is wrong with an item and what to do; `seen` are the files of its list so far.
    fn judge(
        &self,
        path: Option<&'a str>,
        exists: &dyn Fn(&str) -> bool,
        seen: &mut BTreeSet<&'a str>,
    ) -> Option<(String, &'static str)> {
        let Some(path) = path else {
            return Some(("the item names no file".to_owned(), "write - `path`: what the file does"));
        };
        // What an addition makes is not there yet, but its folder is.
        let there = match path.split_once('<') {
            Some((before, _)) if self.kind != Kind::Path => {
                before.rsplit_once('/').map_or(".", |(folder, _)| folder)
            }
            _ => path,
        };
        if !exists(there) {
            return Some((format!("there is no {there}"), "name the file as it is called now"));
        }
        (!seen.insert(path)).then(|| {
            (format!("{path} is listed twice"), "say all of it in one item, or have the request pass once")
        })
    }

    /// What is wrong with the number of files.
    fn count(&self) -> Option<(String, &'static str)> {
        let files: BTreeSet<&str> = self.lists.iter().flatten().filter_map(|item| item.path).collect();
        match self.kind {
            Kind::Path if files.is_empty() => {
                Some(("has no list of files".to_owned(), "write it, or call the section otherwise"))
            }
            Kind::Path => COUNTED.into_iter().find_map(|name| {
                let folder = format!("crates/{name}/");
                let count = files.iter().filter(|path| path.starts_with(&folder)).count();
                let most = most(&self.text).unwrap_or(MOST);
                (count > most)
                    .then(|| (format!("has {count} files of {name}, more than {most}"), "shorten the path"))
            }),
            // A section that only has sections has no files.
            Kind::Addition { .. } if files.is_empty() => None,
            Kind::Addition { .. } => match most(&self.text) {
                None => Some(("does not say how many files".to_owned(), "write \"at most N files\"")),
                Some(most) if files.len() > most => {
                    let what = format!("has {} files, more than the {most} that it states", files.len());
                    Some((what, "make the addition local, or correct the number"))
                }
                Some(_) => None,
            },
        }
    }
}

/// The path that an item begins with, where a colon and words are behind it.
fn path(item: &str) -> Option<&str> {
    let (path, rest) = item.strip_prefix('`')?.split_once('`')?;
    let words = rest.strip_prefix(':')?;
    (!words.trim().is_empty()).then_some(path)
}

/// The number behind "at most".
fn most(text: &str) -> Option<usize> {
    let lower = text.to_lowercase();
    let (_, behind) = lower.split_once("at most ")?;
    behind.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The findings for a document, each as its line and what is wrong, where all files but `gone.rs` exist.
    fn found(text: &str) -> Vec<String> {
        let findings = findings(text, &|path| !path.ends_with("gone.rs") && !path.ends_with("gone"));
        findings.iter().map(|Finding { place, what, .. }| format!("{place}: {what}")).collect()
    }

    #[test]
    fn each_file_of_a_path_exists() {
        let text =
            "## The path of a call\n\n- `crates/net/src/a.rs`: reads\n  it.\n- `crates/net/gone.rs`: asks.\n";
        assert_eq!(found(text), ["ARCHITECTURE.md:5: there is no crates/net/gone.rs"]);
        assert_eq!(found(&text.replace("gone", "come")), [""; 0]);
        assert_eq!(found(&text.replace("The path of", "About")), [""; 0]);
    }

    #[test]
    fn an_item_describes_its_file() {
        let names_none = ["ARCHITECTURE.md:2: the item names no file"];
        assert_eq!(found("# The path of a call\n- a.rs: reads.\n- `b.rs`: asks.\n"), names_none);
        assert_eq!(found("# The path of a call\n- `a.rs`:\n- `b.rs`: asks.\n"), names_none);
    }

    #[test]
    fn a_path_has_a_list() {
        assert_eq!(
            found("# The path of a call\nIt is long.\n"),
            ["ARCHITECTURE.md:1: \"The path of a call\" has no list of files"]
        );
    }

    #[test]
    fn a_file_is_listed_once_in_a_direction() {
        let text =
            "# The path of a call\nThere:\n- `a.rs`: reads.\n- `b.rs`: asks.\n\nBack:\n- `a.rs`: writes.\n";
        assert_eq!(found(text), [""; 0]);
        assert_eq!(found(&text.replace("Back:\n", "")), ["ARCHITECTURE.md:6: a.rs is listed twice"]);
    }

    #[test]
    fn a_path_has_at_most_twenty_files_of_net_and_twenty_of_engine() {
        let list = |folder: &str, count: usize| {
            let items: Vec<String> =
                (0..count).map(|n| format!("- `crates/{folder}/{n}.rs`: x.\n")).collect();
            items.concat()
        };
        let path = |net: usize, engine: usize| {
            let (net, rpc, engine) = (list("net", net), list("rpc", 21), list("engine", engine));
            format!("# The path of a call\n{net}{rpc}{engine}")
        };
        assert_eq!(found(&path(20, 20)), [""; 0]);
        let stated = path(21, 20).replacen('\n', "\nAt most 21 files:\n", 1);
        assert_eq!(found(&stated), [""; 0]);
        for (text, name) in [(path(21, 20), "net"), (path(20, 21), "engine")] {
            assert_eq!(
                found(&text),
                [format!("ARCHITECTURE.md:1: \"The path of a call\" has 21 files of {name}, more than 20")]
            );
        }
    }

    #[test]
    fn an_addition_needs_no_more_files_than_it_states() {
        let text =
            "# Where to add\n## A ROP\nAt most 2 files:\n- `a.rs`: x.\n- `b.rs`: x.\n# Other\n- no list\n";
        assert_eq!(found(text), [""; 0]);
        assert_eq!(
            found(&text.replace('2', "1")),
            ["ARCHITECTURE.md:2: \"A ROP\" has 2 files, more than the 1 that it states"]
        );
        assert_eq!(
            found("# Where to add a ROP\n- `a.rs`: x.\n"),
            ["ARCHITECTURE.md:1: \"Where to add a ROP\" does not say how many files"]
        );
    }

    #[test]
    fn a_file_that_an_addition_makes_needs_only_its_folder() {
        let text = "# Where to add a module\nAt most 1 file.\n- `crates/gone.rs`: x.\n";
        assert_eq!(found(text), ["ARCHITECTURE.md:3: there is no crates/gone.rs"]);
        assert_eq!(found(&text.replace("gone", "<module>")), [""; 0]);
        assert_eq!(
            found(&text.replace("gone", "gone/<module>")),
            ["ARCHITECTURE.md:3: there is no crates/gone"]
        );
    }
}
