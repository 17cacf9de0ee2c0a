//! The dependencies between crates that are allowed, compared with those that cargo resolves.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

use crate::run::{self, Outcome};

/// For each crate of the workspace, the crates of the workspace that it may use.
///
/// Other dependencies are forbidden, and a crate without a line is an error, since a new crate needs a decision about
/// its users. Only normal and build dependencies count; a crate's tests may use any crate.
const ALLOWED: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("options", &[]),
    ("rpc", &["wire"]),
    ("http1", &[]),
    ("mapi", &["wire", "rpc"]),
    ("message", &["mapi", "wire"]),
    ("identity", &["wire", "options"]),
    ("engine", &["wire", "options", "rpc", "mapi", "identity"]),
    ("modules", &["engine", "mapi", "identity", "wire"]),
    ("store", &["mapi", "wire"]),
    ("net", &["engine", "http1", "mapi", "rpc", "identity", "wire"]),
    ("lab", &["mapi", "rpc", "identity", "store", "net", "wire"]),
    ("client", &["mapi", "message", "rpc", "identity", "net", "wire"]),
    ("console", &["engine"]),
    ("capture", &["wire", "rpc", "http1", "mapi", "identity", "engine"]),
    (
        "mapiproxy",
        &[
            "wire", "options", "rpc", "http1", "mapi", "message", "identity", "engine", "modules", "store",
            "net", "lab", "client", "console", "capture", "testkit",
        ],
    ),
    (
        "testkit",
        &[
            "wire", "options", "rpc", "http1", "mapi", "message", "identity", "engine", "modules", "store",
            "net", "lab", "client", "console", "capture",
        ],
    ),
    (
        "e2e",
        &[
            "wire", "options", "rpc", "http1", "mapi", "message", "identity", "engine", "modules", "store",
            "net", "lab", "client", "console", "capture", "testkit",
        ],
    ),
    ("bench", &["wire", "rpc", "mapi", "identity", "engine", "modules", "net", "lab", "client", "testkit"]),
    ("xtask", &[]),
];

/// Crates without I/O. None of [`RUNTIMES`] may be under them, however deep.
const PURE: &[&str] = &[
    "wire", "options", "rpc", "http1", "mapi", "message", "identity", "engine", "modules", "store", "capture",
];

/// Crates that do I/O or wait for it.
const RUNTIMES: &[&str] = &["tokio", "async-std", "smol", "async-io", "mio", "socket2", "hyper", "polling"];

/// A package. A package of a registry may have the name of a member, and is another crate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Package {
    /// A member of the workspace, by its name.
    Member(String),
    /// Another package, by its name and its id.
    Other(String, String),
}

impl Package {
    fn name(&self) -> &str {
        match self {
            Self::Member(name) | Self::Other(name, _) => name,
        }
    }

    fn of(metadata: &Metadata, id: &PackageId) -> Self {
        let package = metadata.packages.iter().find(|package| package.id == *id);
        let name = package.map_or_else(|| id.to_string(), |package| package.name.to_string());
        if metadata.workspace_members.contains(id) {
            Self::Member(name)
        } else {
            Self::Other(name, id.to_string())
        }
    }
}

/// For each package, those that it depends on.
type Graph = BTreeMap<Package, BTreeSet<Package>>;

/// Compares cargo's dependency graph with the table.
pub(crate) fn check() -> Outcome {
    let graph = graph_of(&MetadataCommand::new().current_dir(run::root()).exec()?)?;
    let mut faults = faults(&graph);
    faults.extend(document_faults(&std::fs::read_to_string(run::root().join(DOCUMENT))?, ALLOWED));
    if faults.is_empty() {
        println!("dependencies: {} crates keep to the table", members(&graph).count());
        return Ok(());
    }
    Err(format!("the dependency table in xtask/src/dependencies.rs is broken:\n  {}", faults.join("\n  "))
        .into())
}

/// The resolved graph, without dependencies of tests.
fn graph_of(metadata: &Metadata) -> Outcome<Graph> {
    let resolved = metadata.resolve.as_ref().ok_or("cargo did not resolve the dependencies")?;
    let mut graph = Graph::new();
    for node in &resolved.nodes {
        let used = graph.entry(Package::of(metadata, &node.id)).or_default();
        let not_only_tests = node.deps.iter().filter(|dependency| {
            dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
        });
        used.extend(not_only_tests.map(|dependency| Package::of(metadata, &dependency.pkg)));
    }
    Ok(graph)
}

/// The workspace's members, each with what it depends on.
fn members(graph: &Graph) -> impl Iterator<Item = (&str, &BTreeSet<Package>)> {
    graph.iter().filter_map(|(package, used)| match package {
        Package::Member(name) => Some((name.as_str(), used)),
        Package::Other(..) => None,
    })
}

/// The violations, one sentence each.
fn faults(graph: &Graph) -> Vec<String> {
    let mut faults = Vec::new();
    for (member, used) in members(graph) {
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == member) else {
            faults.push(format!("`{member}` has no line: add it, with what it may use"));
            continue;
        };
        for used in used {
            if matches!(used, Package::Member(name) if !allowed.contains(&name.as_str())) {
                faults.push(format!("`{member}` may not use `{}`", used.name()));
            }
        }
    }
    for pure in PURE {
        let below = reachable(graph, pure);
        for runtime in RUNTIMES.iter().filter(|runtime| below.iter().any(|below| below.name() == **runtime)) {
            faults.push(format!("`{pure}` does no I/O, yet `{runtime}` is under it"));
        }
    }
    faults
}

/// The document that shows the table.
const DOCUMENT: &str = "ARCHITECTURE.md";

/// Where the table of [`DOCUMENT`] differs from `allowed`: rows of crates in backticks, whose last cell has the
/// crates that may be used, or `all but` those that may not.
fn document_faults(text: &str, allowed: &[(&str, &[&str])]) -> Vec<String> {
    let rows = text.lines().skip_while(|line| !line.ends_with("| may use |")).skip(2);
    let mut shown = BTreeMap::new();
    for row in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let names =
            |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>();
        if let [crates, _, used] = cells[..] {
            for name in names(crates) {
                shown.insert(name, (used.starts_with("all but"), names(used)));
            }
        }
    }
    let mut faults = Vec::new();
    for (name, allowed_here) in allowed {
        let is = allowed_here.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let others = || allowed.iter().map(|(other, _)| *other).filter(|other| other != name);
        let documented = shown.remove(*name).map(|(all_but, used)| {
            if all_but {
                others().filter(|other| !used.contains(*other)).map(str::to_owned).collect()
            } else {
                used
            }
        });
        if documented.as_ref() != Some(&is) {
            faults.push(format!(
                "{DOCUMENT}: the row of `{name}` says other crates than {}",
                allowed_here.join(", ")
            ));
        }
    }
    faults.extend(shown.into_keys().map(|name| format!("{DOCUMENT}: `{name}` is no crate of the table")));
    faults
}

/// All that the member `from` depends on, directly or not.
fn reachable(graph: &Graph, from: &str) -> BTreeSet<Package> {
    let mut seen = BTreeSet::new();
    let mut left = vec![Package::Member(from.to_owned())];
    while let Some(package) = left.pop() {
        for next in graph.get(&package).into_iter().flatten() {
            if seen.insert(next.clone()) {
                left.push(next.clone());
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What is wrong with a workspace that has `dependencies` and uses `others`.
    fn found(dependencies: &[(&str, &[&str])], others: &[(&str, &[&str])]) -> Vec<String> {
        let package = |name: &str| {
            if dependencies.iter().any(|(member, _)| *member == name) {
                Package::Member(name.to_owned())
            } else {
                Package::Other(name.to_owned(), name.to_owned())
            }
        };
        let all = dependencies.iter().chain(others);
        faults(
            &all.map(|(from, to)| (package(from), to.iter().map(|name| package(name)).collect())).collect(),
        )
    }

    #[test]
    fn a_graph_within_the_table_passes() {
        assert_eq!(found(&[("wire", &[]), ("rpc", &["wire", "bytes"])], &[("bytes", &[])]), [""; 0]);
    }

    #[test]
    fn a_forbidden_dependency_is_reported() {
        assert_eq!(found(&[("wire", &["rpc"]), ("rpc", &["wire"])], &[]), ["`wire` may not use `rpc`"]);
    }

    #[test]
    fn a_row_of_the_document_that_differs_is_named() {
        let allowed: &[(&str, &[&str])] = &[("wire", &[]), ("rpc", &["wire"]), ("net", &["wire", "rpc"])];
        let document = |rpc: &str, net: &str| {
            let rows = format!("| `wire` | a | – |\n| `rpc` | b | {rpc} |\n| `net` | c | {net} |\n");
            document_faults(
                &format!("| crate | purpose | may use |\n|---|---|---|\n{rows}\n| `x` | | `y` |\n"),
                allowed,
            )
        };
        assert_eq!(document("`wire`", "`rpc`, `wire` (names)"), [""; 0]);
        assert_eq!(document("`wire`", "all but `x`"), [""; 0]);
        assert_eq!(
            document("–", "`rpc`, `wire`"),
            ["ARCHITECTURE.md: the row of `rpc` says other crates than wire"]
        );
        assert_eq!(document("`wire`", "all but `rpc`").len(), 1);
        assert_eq!(document("`wire`", "`rpc`, `wire` |\n| `y` | d | –").len(), 1);
    }

    #[test]
    fn a_crate_without_a_line_is_named() {
        assert_eq!(found(&[("common", &[])], &[]), ["`common` has no line: add it, with what it may use"]);
    }

    #[test]
    fn a_runtime_is_found_as_a_dependency_of_another_crate() {
        let others: &[(&str, &[&str])] = &[("helper", &["tokio"]), ("tokio", &[])];
        assert_eq!(found(&[("mapi", &["helper"])], others), ["`mapi` does no I/O, yet `tokio` is under it"]);
    }

    fn package(id: &str, name: &str) -> Value {
        json!({
            "id": id, "name": name, "version": "0.1.0", "dependencies": [], "targets": [], "features": {},
            "manifest_path": "/Cargo.toml",
        })
    }

    fn dependency(id: &str, kind: &Value) -> Value {
        json!({"name": id, "pkg": id, "dep_kinds": [{"kind": kind, "target": null}]})
    }

    fn graph(packages: &[Value], members: &[&str], nodes: &Value) -> Graph {
        let metadata = json!({
            "version": 1, "workspace_root": "/", "target_directory": "/target", "packages": packages,
            "workspace_members": members, "resolve": {"root": null, "nodes": nodes},
        });
        graph_of(&MetadataCommand::parse(metadata.to_string()).unwrap()).unwrap()
    }

    #[test]
    fn dependencies_of_tests_only_do_not_count() {
        let graph = graph(
            &[package("1", "wire"), package("2", "rpc"), package("3", "lab")],
            &["1", "2"],
            &json!([
                {"id": "1", "dependencies": ["2"], "deps": [dependency("2", &json!("dev"))]},
                {"id": "2", "dependencies": ["1", "3"],
                 "deps": [dependency("1", &Value::Null), dependency("3", &json!("build"))]},
            ]),
        );
        let members: Vec<_> = members(&graph).collect();
        let [("rpc", rpc), ("wire", wire)] = members.as_slice() else { panic!("{members:?}") };
        assert!(wire.is_empty());
        assert_eq!(rpc.iter().map(Package::name).collect::<Vec<_>>(), ["wire", "lab"]);
    }

    #[test]
    fn a_registry_s_crate_of_a_member_s_name_is_another() {
        let graph = graph(
            &[package("1", "console"), package("2", "client"), package("3", "console"), package("4", "lab")],
            &["1", "2", "4"],
            &json!([
                {"id": "1", "dependencies": [], "deps": []},
                {"id": "2", "dependencies": ["3"], "deps": [dependency("3", &Value::Null)]},
                {"id": "3", "dependencies": ["4"], "deps": [dependency("4", &Value::Null)]},
                {"id": "4", "dependencies": ["1"], "deps": [dependency("1", &Value::Null)]},
            ]),
        );
        assert_eq!(faults(&graph), ["`lab` may not use `console`"]);
    }
}
