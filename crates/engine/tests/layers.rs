//! The layers of the engine's files: a file imports only files of its own layer and of those below.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The layers from the bottom to the top, each as modules of the crate. A module belongs to the longest path that it
/// begins with.
const LAYERS: [(&str, &[&str]); 6] = [
    (
        "operations and sessions",
        &[
            "refusal",
            "message",
            "body",
            "kind",
            "views",
            "ahead",
            "context_handle",
            "objects",
            "operation",
            "session",
            "user_memory",
            "work",
            "module_state",
            "rops",
        ],
    ),
    ("the interface of modules", &["deferred", "module"]),
    ("calls of modules", &["rops::reply_pass", "rops::reading", "rops::run", "stack"]),
    ("the engine and its sessions", &["engine", "sessions"]),
    ("operations in flight", &["flight", "step", "next", "advance", "observer"]),
    ("entry points", &["sessions::rpc", "sessions::mapihttp"]),
];

/// The layer of the module `path`, such as `rops::run`, by its number and name.
fn layer(path: &str) -> (usize, &'static str) {
    let is_in = |prefix: &str| {
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let found = LAYERS.iter().enumerate().flat_map(|(number, (name, prefixes))| {
        prefixes.iter().filter(|prefix| is_in(prefix)).map(move |prefix| (prefix.len(), number, *name))
    });
    let (_, number, name) = found.max().unwrap_or_else(|| panic!("{path} is in no layer; add it to LAYERS"));
    (number, name)
}

/// The modules in `folder`, each with its source before its unit tests.
fn modules(folder: &Path, path: &str, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let file: PathBuf = entry.unwrap().path();
        let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let module = if path.is_empty() { stem.clone() } else { format!("{path}::{stem}") };
        if file.is_dir() {
            modules(&file, &module, found);
        } else if !["lib", "mod"].contains(&stem.as_str()) {
            let source = std::fs::read_to_string(&file).unwrap();
            let code = source.split("#[cfg(test)]").next().unwrap_or_default();
            let lines: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            found.insert(module, lines.join("\n"));
        }
    }
}

/// The paths after `crate::` in `source`; a group in braces is a path for each of its names.
fn imports(source: &str) -> impl Iterator<Item = String> {
    source.split("crate::").skip(1).flat_map(|rest| {
        let end = rest.find([';', '(', ')', '<', '>', '&', ',', ' ', '{', '\n']).unwrap_or(rest.len());
        let (path, group) = rest.split_at(end);
        let names = group.strip_prefix('{').and_then(|group| group.split('}').next());
        let names = names.map_or_else(|| vec![""], |names| names.split(',').collect());
        let path = path.to_owned();
        names.into_iter().map(move |name| format!("{path}{}", name.trim()))
    })
}

#[test]
fn no_file_imports_one_of_a_higher_layer() {
    let mut all = BTreeMap::new();
    modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut all);
    let mut checked = 0;
    for (module, source) in &all {
        for import in imports(source) {
            let is_import = |other: &&String| import == **other || import.starts_with(&format!("{other}::"));
            let Some(imported) = all.keys().filter(is_import).max_by_key(|other| other.len()) else {
                continue;
            };
            let (own, other) = (layer(module), layer(imported));
            assert!(other.0 <= own.0, "{module} ({}) imports {imported} ({})", own.1, other.1);
            checked += 1;
        }
    }
    assert!(checked > 150, "only {checked} imports were found");
}
