//! The files of a crate have no import cycles. Those that are left are in a list that may only shrink.

mod graph;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use self::graph::Graph;
use self::tree::Tree;
use super::finding::{self, Finding};
use crate::run::Outcome;

/// The list of the cycles that are left, one a line: its files, in alphabetical order.
pub(super) const LIST: &str = "xtask/src/tidy/import_cycles.txt";

/// Files that use one another, in alphabetical order, and the imports between them.
pub(super) struct ImportCycle {
    pub(super) files: Vec<String>,
    /// `file:line -> file: names`, one for each pair.
    imports: Vec<String>,
}

/// All cycles of the crates with these roots.
pub(super) fn find(root: &Path, crates: &[PathBuf]) -> Outcome<Vec<ImportCycle>> {
    let mut cycles: Vec<ImportCycle> = Vec::new();
    for path in crates {
        let tree = Tree::read(path)?;
        let names: Vec<String> = tree.files.iter().map(|file| finding::relative(root, file)).collect();
        let graph = graph::graph(&tree);
        for cycle in graph::cycles(&graph) {
            let mut files: Vec<String> = cycle.iter().map(|file| names[*file].clone()).collect();
            files.sort();
            files.dedup();
            // Tests of one package may share a module.
            if files.len() > 1 && cycles.iter().all(|other| other.files != files) {
                cycles.push(ImportCycle { files, imports: imports(&graph, &cycle, &names) });
            }
        }
    }
    cycles.sort_by(|a, b| a.files.cmp(&b.files));
    Ok(cycles)
}

fn imports(graph: &Graph, cycle: &[usize], names: &[String]) -> Vec<String> {
    let mut imports = Vec::new();
    for from in cycle {
        for (to, taken) in graph[*from].iter().filter(|(to, _)| cycle.contains(to)) {
            let taken_names = taken.names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            imports.push(format!("{}:{} -> {}: {taken_names}", names[*from], taken.line, names[*to]));
        }
    }
    imports.sort();
    imports
}

/// Cycles that are not in the list, and entries of the list that no longer apply.
pub(super) fn compare(cycles: &[ImportCycle], list: &str) -> Vec<Finding> {
    let listed: Vec<(usize, Vec<&str>)> =
        finding::entries(list).map(|(number, line)| (number, line.split_whitespace().collect())).collect();
    let found: BTreeSet<Vec<&str>> =
        cycles.iter().map(|cycle| cycle.files.iter().map(String::as_str).collect()).collect();
    let mut findings = Vec::new();
    for cycle in cycles {
        if !listed.iter().any(|(_, files)| *files == cycle.files) {
            findings.push(Finding {
                place: cycle.files[0].clone(),
                what: format!(
                    "{} files import one another in a cycle:\n    {}\n  ",
                    cycle.files.len(),
                    cycle.imports.join("\n    ")
                ),
                fix: format!(
                    "break it; where files of a listed cycle were only renamed, its line in {LIST} is now `{}`",
                    cycle.files.join(" ")
                ),
            });
        }
    }
    for (line, files) in listed.iter().filter(|(_, files)| !found.contains(files)) {
        findings.push(Finding {
            place: format!("{LIST}:{line}"),
            what: format!("these files are no cycle any more: {}", files.join(" ")),
            fix: "remove the line, or run `cargo xtask tidy --update`".to_owned(),
        });
    }
    findings
}

/// Rewrites the list, unless it would have more files than before. Cycles that are parts of a listed one are shorter.
pub(super) fn update(root: &Path, cycles: &[ImportCycle]) -> Outcome {
    let before = finding::read(root, LIST)?;
    let listed: usize = finding::entries(&before).map(|(_, line)| line.split_whitespace().count()).sum();
    let found: usize = cycles.iter().map(|cycle| cycle.files.len()).sum();
    if found > listed {
        return Err(format!("{LIST} would grow from {listed} files to {found}: break the new cycle").into());
    }
    finding::replace(root, LIST, cycles.iter().map(|cycle| cycle.files.join(" ")))
}
