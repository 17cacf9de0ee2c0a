//! Checks that the functions in the list of hot functions still exist.
//!
//! Release builds place the functions of the list next to each other (`crates/mapiproxy/build.rs`), and ignore names
//! that no function has: the proxy becomes slower, and nothing fails. Which names functions have is known only after a
//! release build. To be fast, the check looks in the sources of the workspace for the modules, types and functions that
//! occur in each name. It does not find those that a macro of another file generates; the limit permits some.

use std::path::{Path, PathBuf};

use crate::run::{self, Outcome};

const LIST: &str = "crates/mapiproxy/hot_functions.txt";

/// How many of the names may be missing, in percent.
const MISSING_MAX: usize = 5;

/// Fails if too many functions of the list are missing in the sources.
pub(crate) fn check() -> Outcome {
    let (root, list) = (run::root(), std::fs::read_to_string(run::root().join(LIST))?);
    let Found { missing, checked } = find(&root, &list);
    println!("hot functions: {} of {checked} names are not found in the sources", missing.len());
    if is_stale(missing.len(), checked) {
        let missing = missing.join("\n  ");
        return Err(format!(
            "the list {LIST} is stale: run `cargo xtask bench hot`, which writes it anew\n  {missing}"
        )
        .into());
    }
    Ok(())
}

/// Whether too many names are missing. If none could be checked, the compiler forms names in another way.
const fn is_stale(missing: usize, checked: usize) -> bool {
    checked == 0 || missing * 100 > checked * MISSING_MAX
}

/// The names of functions of the workspace.
#[derive(Debug, PartialEq, Eq)]
struct Found<'a> {
    missing: Vec<&'a str>,
    checked: usize,
}

/// Looks for the names in `list` in the sources of the repository at `root`.
fn find<'a>(root: &Path, list: &'a str) -> Found<'a> {
    let mut found = Found { missing: Vec::new(), checked: 0 };
    for name in list.lines().filter(|line| line.starts_with("_ZN")) {
        let mut paths = paths(name);
        paths.retain(|path| path.first().is_some_and(|first| sources_of(root, first).is_dir()));
        found.checked += usize::from(!paths.is_empty());
        if !paths.iter().all(|path| exists(root, path)) {
            found.missing.push(name);
        }
    }
    found
}

/// The paths in a mangled name: that of the function, and those in its type parameters and in the types of its `impl`.
fn paths(name: &str) -> Vec<Vec<&str>> {
    let segments = segments(name);
    let identifiers = segments.iter().filter_map(|segment| segment.split('$').next());
    let own = identifiers.filter(|identifier| !identifier.is_empty() && *identifier != "_").collect();
    // Punctuation is a code between `$`, except for `::`, which is `..`.
    let within = segments.iter().flat_map(|segment| segment.split('$').step_by(2));
    let within = within.filter(|part| part.contains("..")).map(|part| part.split(".."));
    let within = within.map(|path| path.filter(|identifier| !identifier.is_empty()).collect());
    std::iter::once(own).chain(within).collect()
}

/// The parts of a mangled name, each of which follows its length.
fn segments(name: &str) -> Vec<&str> {
    let mut rest = name.strip_prefix("_ZN").unwrap_or_default();
    let mut segments = Vec::new();
    while let Some((length, after)) =
        rest.find(|c: char| !c.is_ascii_digit()).and_then(|at| rest.split_at_checked(at))
    {
        let Some((segment, after)) = length.parse().ok().and_then(|length| after.split_at_checked(length))
        else {
            break;
        };
        segments.push(segment);
        rest = after;
    }
    segments
}

fn sources_of(root: &Path, name: &str) -> PathBuf {
    root.join("crates").join(name).join("src")
}

/// Whether the modules of a path have files, and the last of the files has the other identifiers of the path.
fn exists(root: &Path, path: &[&str]) -> bool {
    let [name, identifiers @ ..] = path else { return false };
    let mut folder = sources_of(root, name);
    let mut file =
        ["lib.rs", "main.rs"].map(|file| folder.join(file)).into_iter().find(|file| file.is_file());
    let mut identifiers = identifiers.iter();
    let mut rest = identifiers.clone();
    while let Some(module) = identifiers.next() {
        let files = [folder.join(format!("{module}.rs")), folder.join(module).join("mod.rs")];
        let Some(next) = files.into_iter().find(|file| file.is_file()) else { break };
        (file, rest) = (Some(next), identifiers.clone());
        folder.push(module);
    }
    let text = file.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    rest.into_iter().all(|identifier| text.split(|c| !is_part(c)).any(|word| word == *identifier))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECK: &str = "_ZN3net4http5paths11check_query";
    const CLOSURE: &str = "_ZN3net4http5paths14Split$LT$T$GT$4next28_$u7b$$u7b$closure$u7d$$u7d$";
    const IMPL: &str = "_ZN60_$LT$net..http..paths..Split$u20$as$u20$core..fmt..Debug$GT$3fmt";
    const FOREIGN: &str = "_ZN5tokio7runtime4park";

    #[test]
    fn the_paths_in_a_name_are_found() {
        assert_eq!(paths(CHECK), [["net", "http", "paths", "check_query"]]);
        assert_eq!(paths(CLOSURE), [["net", "http", "paths", "Split", "next"]]);
        let own = vec!["fmt"];
        assert_eq!(paths(IMPL), [own, vec!["net", "http", "paths", "Split"], vec!["core", "fmt", "Debug"]]);
    }

    #[test]
    fn a_function_that_was_renamed_or_moved_is_missing() {
        let root = std::env::temp_dir().join(format!("xtask-hot-functions-{}", std::process::id()));
        let folder = root.join("crates/net/src/http");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("mod.rs"), "mod paths;\nfn check_query() {}\n").unwrap();
        let list = format!("# Hot functions.\n{CHECK}\n{CLOSURE}\n{IMPL}\n{FOREIGN}\nmemcpy\n");
        let find = |text: &str| {
            std::fs::write(folder.join("paths.rs"), text).unwrap();
            let Found { missing, checked } = find(&root, &list);
            assert_eq!(checked, 3);
            missing
        };
        let all = find("struct Split<T>(T);\nimpl Split { fn next() {} }\nfn check_query() {}\n");
        let renamed = find("struct Split<T>(T);\nimpl Split { fn next() {} }\nfn check_query_of() {}\n");
        let moved = find("fn check_query() {}\n");
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!(all, [""; 0]);
        assert_eq!(renamed, [CHECK]);
        assert_eq!(moved, [CLOSURE, IMPL]);
    }

    #[test]
    fn a_list_is_stale_if_more_than_five_percent_of_its_names_are_missing() {
        assert!(!is_stale(5, 100));
        assert!(is_stale(6, 100));
        assert!(is_stale(0, 0), "no name can be checked");
    }
}
