//! The files of the repository that documentation names: each exists.
//!
//! Checked are links to files, from the folder of the document, and names between backticks that end like a source's,
//! from the repository's root.

use std::path::Path;

use super::finding::Finding;
use super::sources::{Kind, Source};

/// How the names of files end that are the repository's.
const ENDINGS: [&str; 4] = [".rs", ".py", ".md", ".txt"];

/// The names of files in the documents of the repository at `root` that do not exist.
pub(super) fn check(root: &Path, sources: &[Source]) -> Vec<Finding> {
    findings(sources, &|path| root.join(path).exists())
}

fn findings(sources: &[Source], exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for document in sources.iter().filter(|source| source.kind() == Kind::Document) {
        let mut in_code = false;
        for (number, line) in (1..).zip(document.text.lines()) {
            in_code ^= line.trim_start().starts_with("```");
            if in_code {
                continue;
            }
            let folder = document.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let linked = links(line).map(|link| joined(folder, link));
            let missing = linked.chain(names(line).map(str::to_owned)).filter(|path| !exists(path));
            findings.extend(missing.map(|path| Finding {
                place: format!("{}:{number}", document.path),
                what: format!("there is no {path}"),
                fix: "name the file as it is called now, from the repository's root".to_owned(),
            }));
        }
    }
    findings
}

/// The files that `line` links to.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|behind| behind.split(')').next());
    let files = targets.map(|target| target.split('#').next().unwrap_or_default());
    files.filter(|file| !file.is_empty() && !file.contains(':'))
}

/// The names of files between backticks in `line`. A name with a placeholder or a pattern is not one, nor is a path
/// from the machine's root.
fn names(line: &str) -> impl Iterator<Item = &str> {
    let names = line.split('`').skip(1).step_by(2);
    names.filter(|name| {
        let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '.'));
        let is_path = name.contains('/') && !name.starts_with(['/', '.']);
        is_plain && is_path && ENDINGS.iter().any(|ending| name.ends_with(ending))
    })
}

/// The path of `link` from the repository's root, where the document is in `folder`.
fn joined(folder: &str, link: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "" | "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let sources = [Source { path: path.to_owned(), text: text.to_owned() }];
        let findings = findings(&sources, &|path| path == "docs/a.md" || path == "crates/a/src/lib.rs");
        findings.into_iter().map(|finding| format!("{}: {}", finding.place, finding.what)).collect()
    }

    #[test]
    fn names_of_files_are_from_the_root() {
        assert_eq!(found("docs/b.md", "`crates/a/src/lib.rs` and `docs/a.md`"), [""; 0]);
        assert_eq!(found("docs/b.md", "\n`a/src/lib.rs`"), ["docs/b.md:2: there is no a/src/lib.rs"]);
        for text in ["`lib.rs`", "`/etc/a.txt`", "`a/<b>.rs`", "`a/*.rs`", "a/b.rs", "```\n`a/b.rs`\n```"] {
            assert_eq!(found("docs/b.md", text), [""; 0], "{text}");
        }
        assert_eq!(found("b.rs", "// `a/b.rs`"), [""; 0]);
    }

    #[test]
    fn links_are_from_the_folder_of_the_document() {
        let text = "[a](a.md#part), [lib](../crates/a/src/lib.rs), [b](#b), [c](https://example.org/c.md)";
        assert_eq!(found("docs/b.md", text), [""; 0]);
        assert_eq!(found("b.md", "[a](docs/a.md) [c](a.md)"), ["b.md:1: there is no a.md"]);
    }
}
