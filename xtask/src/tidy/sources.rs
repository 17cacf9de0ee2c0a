//! The files of the repository that `tidy` looks at.

use std::path::Path;

use super::finding;
use super::prose::{self, Line};
use crate::run::Outcome;

/// The folders that have sources.
const FOLDERS: [&str; 8] = [".cargo", ".ci", ".config", "crates", "docs", "fuzz", "tests", "xtask"];

/// Shell scripts whose names have no extension.
const SCRIPTS: [&str; 2] = [".ci/run", "x"];

/// A file, with its path from the repository's root.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    pub(super) fn kind(&self) -> Kind {
        kind_of(&self.path).unwrap_or(Kind::Document)
    }

    pub(super) fn is_rust(&self) -> bool {
        self.kind() == Kind::Rust
    }

    /// The parts that are read as text: comments and literals, or all of a document.
    pub(super) fn prose(&self) -> Vec<Line<'_>> {
        match self.kind() {
            Kind::Rust => prose::of_rust(&self.text),
            Kind::Script => prose::of_script(&self.text),
            Kind::Document => prose::of_document(&self.text),
        }
    }
}

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Rust,
    /// Python, shell and TOML, whose comments begin with `#`.
    Script,
    /// All of it is text.
    Document,
}

/// The kind of a file, from its path; `None` for files that are not checked.
fn kind_of(path: &str) -> Option<Kind> {
    match Path::new(path).extension().and_then(|extension| extension.to_str()) {
        Some("rs") => Some(Kind::Rust),
        Some("py" | "toml") => Some(Kind::Script),
        Some("md") => Some(Kind::Document),
        _ => SCRIPTS.contains(&path).then_some(Kind::Script),
    }
}

/// All sources and all documentation, in the order of their paths. Files that cargo builds are left out.
pub(super) fn read(root: &Path) -> Outcome<Vec<Source>> {
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(root)? {
        let path = entry?.path();
        if path.is_file() {
            add(root, &path, &mut sources)?;
        }
    }
    for folder in FOLDERS.map(|folder| root.join(folder)).iter().filter(|folder| folder.is_dir()) {
        walk(root, folder, &mut sources)?;
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn walk(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> Outcome {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        if entry.file_type()?.is_dir() {
            if name != "target" && !name.to_string_lossy().starts_with('.') {
                walk(root, &path, sources)?;
            }
        } else {
            add(root, &path, sources)?;
        }
    }
    Ok(())
}

fn add(root: &Path, path: &Path, sources: &mut Vec<Source>) -> Outcome {
    let relative = finding::relative(root, path);
    if kind_of(&relative).is_some() {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{relative}: {e}"))?;
        sources.push(Source { path: relative, text });
    }
    Ok(())
}
