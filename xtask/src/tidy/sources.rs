//! The files of the repository that `tidy` looks at.

use std::path::Path;

use super::finding;
use crate::run::Outcome;

/// Where sources are.
const FOLDERS: [&str; 5] = ["crates", "docs", "fuzz", "tests", "xtask"];

/// A file, with its path from the repository's root.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    pub(super) fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|kind| kind == "rs")
    }
}

/// All Rust sources and all documentation, in the order of their paths. What cargo builds is left out.
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
    let kind = path.extension().unwrap_or_default();
    if kind == "rs" || kind == "md" || relative == "docs/mapiproxy.toml" {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{relative}: {e}"))?;
        sources.push(Source { path: relative, text });
    }
    Ok(())
}
