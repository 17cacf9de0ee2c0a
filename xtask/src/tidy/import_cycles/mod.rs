//! The files of a crate have no import cycles.

mod graph;
#[cfg(test)]
mod tests;
mod tree;

use std::path::{Path, PathBuf};

use self::graph::Graph;
use self::tree::Tree;
use super::finding::{self, Finding};
use crate::run::Outcome;

/// Files that use one another, in alphabetical order, and the imports between them.
struct ImportCycle {
    files: Vec<String>,
    /// `file:line -> file: names`, one for each pair.
    imports: Vec<String>,
}

/// All cycles of the crates with these roots.
fn find(root: &Path, crates: &[PathBuf]) -> Outcome<Vec<ImportCycle>> {
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

/// The cycles of the crates with these roots.
pub(super) fn check(root: &Path, crates: &[PathBuf]) -> Outcome<Vec<Finding>> {
    let finding = |cycle: ImportCycle| Finding {
        what: format!(
            "{} files import one another in a cycle:\n    {}\n  ",
            cycle.files.len(),
            cycle.imports.join("\n    ")
        ),
        fix: "break the cycle".to_owned(),
        place: cycle.files.into_iter().next().unwrap_or_default(),
    };
    Ok(find(root, crates)?.into_iter().map(finding).collect())
}
