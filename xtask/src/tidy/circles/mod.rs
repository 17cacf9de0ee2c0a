//! No circle of imports among the files of a crate. Today's stand in a list that may only shrink.

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

/// Where today's circles are listed, one a line: its files, in alphabetical order.
pub(super) const LIST: &str = "xtask/src/tidy/circles.txt";

/// Files that use one another, in alphabetical order, and what ties them.
pub(super) struct Circle {
    pub(super) files: Vec<String>,
    /// `file:line -> file: names`, one for each pair.
    ties: Vec<String>,
}

/// All circles of the crates with these roots.
pub(super) fn find(root: &Path, crates: &[PathBuf]) -> Outcome<Vec<Circle>> {
    let mut circles: Vec<Circle> = Vec::new();
    for path in crates {
        let tree = Tree::read(path)?;
        let names: Vec<String> = tree.files.iter().map(|file| finding::relative(root, file)).collect();
        let graph = graph::graph(&tree);
        for circle in graph::circles(&graph) {
            let mut files: Vec<String> = circle.iter().map(|file| names[*file].clone()).collect();
            files.sort();
            files.dedup();
            // Tests of one package may share a module.
            if files.len() > 1 && circles.iter().all(|other| other.files != files) {
                circles.push(Circle { files, ties: ties(&graph, &circle, &names) });
            }
        }
    }
    circles.sort_by(|a, b| a.files.cmp(&b.files));
    Ok(circles)
}

fn ties(graph: &Graph, circle: &[usize], names: &[String]) -> Vec<String> {
    let mut ties = Vec::new();
    for from in circle {
        for (to, taken) in graph[*from].iter().filter(|(to, _)| circle.contains(to)) {
            let taken_names = taken.names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            ties.push(format!("{}:{} -> {}: {taken_names}", names[*from], taken.line, names[*to]));
        }
    }
    ties.sort();
    ties
}

/// What is wrong: circles that the list does not have, and lines of the list that are no longer true.
pub(super) fn compare(circles: &[Circle], list: &str) -> Vec<Finding> {
    let listed: Vec<(usize, Vec<&str>)> =
        finding::entries(list).map(|(number, line)| (number, line.split_whitespace().collect())).collect();
    let found: BTreeSet<Vec<&str>> =
        circles.iter().map(|circle| circle.files.iter().map(String::as_str).collect()).collect();
    let mut findings = Vec::new();
    for circle in circles {
        if !listed.iter().any(|(_, files)| *files == circle.files) {
            findings.push(Finding {
                place: circle.files[0].clone(),
                what: format!(
                    "{} files import one another in a circle:\n    {}\n  ",
                    circle.files.len(),
                    circle.ties.join("\n    ")
                ),
                fix: format!(
                    "break it; where files of a listed circle were only renamed, its line in {LIST} is now `{}`",
                    circle.files.join(" ")
                ),
            });
        }
    }
    for (line, files) in listed.iter().filter(|(_, files)| !found.contains(files)) {
        findings.push(Finding {
            place: format!("{LIST}:{line}"),
            what: format!("these files are no circle any more: {}", files.join(" ")),
            fix: "remove the line, or run `cargo xtask tidy --update`".to_owned(),
        });
    }
    findings
}

/// Writes the list anew, unless it would have more files than before. A circle that falls into several is shorter.
pub(super) fn update(root: &Path, circles: &[Circle]) -> Outcome {
    let before = finding::read(root, LIST)?;
    let listed: usize = finding::entries(&before).map(|(_, line)| line.split_whitespace().count()).sum();
    let found: usize = circles.iter().map(|circle| circle.files.len()).sum();
    if found > listed {
        return Err(format!("{LIST} would grow from {listed} files to {found}: break the new circle").into());
    }
    finding::replace(root, LIST, circles.iter().map(|circle| circle.files.join(" ")))
}
