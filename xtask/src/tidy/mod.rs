//! Rules about the sources that neither the compiler nor clippy checks.

mod circles;
mod finding;
mod headers;
mod sources;

use std::path::{Path, PathBuf};

use cargo_metadata::MetadataCommand;

use crate::run::{self, Outcome};

/// Checks every rule, and names every place that breaks one.
///
/// With `--update`, writes the lists of what is tolerated anew. They never grow by that.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let update = match arguments {
        [] => false,
        [only] if only == "--update" => true,
        _ => return Err("takes `--update` or nothing".into()),
    };
    let root = run::root();
    let sources = sources::read(&root)?;
    let circles = circles::find(&root, &crates(&root)?)?;
    if update {
        circles::update(&root, &circles)?;
    }
    let mut findings = headers::check(&sources);
    findings.extend(circles::compare(&circles, &finding::read(&root, circles::LIST)?));
    for finding in &findings {
        eprintln!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: {} files keep to the rules", sources.len());
        return Ok(());
    }
    Err(format!("{} places break a rule", findings.len()).into())
}

/// The root files of everything that cargo builds from the workspace.
fn crates(root: &Path) -> Outcome<Vec<PathBuf>> {
    let metadata = MetadataCommand::new().current_dir(root).no_deps().exec()?;
    let targets = metadata.packages.iter().flat_map(|package| &package.targets);
    Ok(targets.map(|target| target.src_path.clone().into_std_path_buf()).collect())
}
