//! Rules about the sources that neither the compiler nor clippy checks.

mod circles;
mod counts;
mod finding;
mod headers;
mod length;
mod prose;
mod sources;
mod subjects;
mod words;

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
    let lengths = length::count(&sources);
    let banned = words::parse(&finding::read(&root, words::WORDS)?)?;
    let uses = words::find(&sources, &banned);
    if update {
        circles::update(&root, &circles)?;
        counts::update(&root, length::LIST, &lengths)?;
        counts::update(&root, words::LIST, &words::count(&uses))?;
    }
    let mut findings = headers::check(&sources);
    findings.extend(circles::compare(&circles, &finding::read(&root, circles::LIST)?));
    findings.extend(length::compare(&lengths, &finding::read(&root, length::LIST)?)?);
    findings.extend(words::compare(&uses, &banned, &finding::read(&root, words::LIST)?)?);
    findings.extend(subjects::check(&root)?);
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
