//! Which crate may use which, checked against what cargo resolves.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

use crate::run::{self, Outcome};

/// For each crate of the workspace, the crates of the workspace that it may use.
///
/// What is not listed is forbidden, and a crate that has no line here is an error: a new crate is a decision
/// about who may use it. Only normal and build dependencies count; a crate's tests may use what they like.
const ALLOWED: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("rpc", &["wire"]),
    ("http1", &[]),
    ("mapi", &["wire", "rpc"]),
    ("identity", &["wire"]),
    ("engine", &["wire", "rpc", "mapi", "identity"]),
    ("modules", &["engine", "mapi", "identity", "wire"]),
    ("net", &["engine", "http1", "mapi", "rpc", "identity", "wire"]),
    ("lab", &["mapi", "rpc", "identity", "net", "wire"]),
    ("client", &["mapi", "rpc", "identity", "net", "wire"]),
    ("console", &["engine"]),
    ("capture", &["wire", "rpc", "http1", "mapi", "identity", "engine"]),
    (
        "mapiproxy",
        &[
            "wire", "rpc", "http1", "mapi", "identity", "engine", "modules", "net", "lab", "client",
            "console", "capture", "testkit",
        ],
    ),
    (
        "testkit",
        &[
            "wire", "rpc", "http1", "mapi", "identity", "engine", "modules", "net", "lab", "client",
            "console", "capture",
        ],
    ),
    (
        "e2e",
        &[
            "wire", "rpc", "http1", "mapi", "identity", "engine", "modules", "net", "lab", "client",
            "console", "capture", "testkit",
        ],
    ),
    ("bench", &["wire", "rpc", "mapi", "identity", "engine", "modules", "net", "lab", "client", "testkit"]),
    ("xtask", &[]),
];

/// Crates without I/O. None of [`RUNTIMES`] may be under them, however deep.
const PURE: &[&str] = &["wire", "rpc", "http1", "mapi", "identity", "engine", "modules", "capture"];

/// What does I/O or waits for it.
const RUNTIMES: &[&str] = &["tokio", "async-std", "smol", "async-io", "mio", "socket2", "hyper", "polling"];

/// Crate name to the names that it depends on.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// Asks cargo for the dependency graph and holds it against the table.
pub(crate) fn check() -> Outcome {
    let (members, graph) = graph_of(&MetadataCommand::new().current_dir(run::root()).exec()?)?;
    let faults = faults(&members, &graph);
    if faults.is_empty() {
        println!("edges: {} crates keep to the table", members.len());
        return Ok(());
    }
    Err(format!("the dependency table in xtask/src/edges.rs is broken:\n  {}", faults.join("\n  ")).into())
}

/// The workspace's members and the resolved graph, without what only tests use.
fn graph_of(metadata: &Metadata) -> Outcome<(BTreeSet<String>, Graph)> {
    let names: BTreeMap<&PackageId, &str> =
        metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    let name = |id: &PackageId| names.get(id).map_or_else(|| id.to_string(), |name| (*name).to_owned());
    let members = metadata.workspace_members.iter().map(name).collect();

    let resolved = metadata.resolve.as_ref().ok_or("cargo did not resolve the dependencies")?;
    let mut graph = Graph::new();
    for node in &resolved.nodes {
        let used = graph.entry(name(&node.id)).or_default();
        let not_only_tests = node.deps.iter().filter(|dependency| {
            dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
        });
        used.extend(not_only_tests.map(|dependency| name(&dependency.pkg)));
    }
    Ok((members, graph))
}

/// What is wrong, one sentence each.
fn faults(members: &BTreeSet<String>, graph: &Graph) -> Vec<String> {
    let mut faults = Vec::new();
    for member in members {
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| name == member) else {
            faults.push(format!("`{member}` has no line: add it, with what it may use"));
            continue;
        };
        let used = graph.get(member).into_iter().flatten().filter(|name| members.contains(*name));
        for used in used.filter(|used| !allowed.contains(&used.as_str())) {
            faults.push(format!("`{member}` may not use `{used}`"));
        }
    }
    for pure in PURE {
        let below = reachable(graph, pure);
        for runtime in RUNTIMES.iter().filter(|runtime| below.contains(**runtime)) {
            faults.push(format!("`{pure}` does no I/O, yet `{runtime}` is under it"));
        }
    }
    faults
}

/// All that `from` depends on, directly or not.
fn reachable(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut left = vec![from.to_owned()];
    while let Some(name) = left.pop() {
        for next in graph.get(&name).into_iter().flatten() {
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

    fn found(edges: &[(&str, &[&str])], others: &[(&str, &[&str])]) -> Vec<String> {
        let graph = edges
            .iter()
            .chain(others)
            .map(|(from, to)| ((*from).to_owned(), to.iter().map(|name| (*name).to_owned()).collect()))
            .collect();
        faults(&edges.iter().map(|(name, _)| (*name).to_owned()).collect(), &graph)
    }

    #[test]
    fn a_graph_that_keeps_to_the_table_passes() {
        assert_eq!(found(&[("wire", &[]), ("rpc", &["wire", "bytes"])], &[("bytes", &[])]), [""; 0]);
    }

    #[test]
    fn an_edge_against_the_grain_is_named() {
        assert_eq!(found(&[("wire", &["rpc"]), ("rpc", &["wire"])], &[]), ["`wire` may not use `rpc`"]);
    }

    #[test]
    fn a_crate_without_a_line_is_named() {
        assert_eq!(found(&[("common", &[])], &[]), ["`common` has no line: add it, with what it may use"]);
    }

    #[test]
    fn a_runtime_is_found_below_somebody_else() {
        let others: &[(&str, &[&str])] = &[("helper", &["tokio"]), ("tokio", &[])];
        assert_eq!(found(&[("mapi", &["helper"])], others), ["`mapi` does no I/O, yet `tokio` is under it"]);
    }

    #[test]
    fn what_only_tests_use_does_not_count() {
        let package = |id: &str, name: &str| {
            json!({
                "id": id, "name": name, "version": "0.1.0", "dependencies": [], "targets": [], "features": {},
                "manifest_path": "/Cargo.toml",
            })
        };
        let dependency = |id: &str, kind: Value| json!({"name": id, "pkg": id, "dep_kinds": [{"kind": kind, "target": null}]});
        let metadata = json!({
            "version": 1, "workspace_root": "/", "target_directory": "/target",
            "packages": [package("1", "wire"), package("2", "rpc"), package("3", "lab")],
            "workspace_members": ["1", "2"],
            "resolve": {"root": null, "nodes": [
                {"id": "1", "dependencies": ["2"], "deps": [dependency("2", json!("dev"))]},
                {"id": "2", "dependencies": ["1", "3"],
                 "deps": [dependency("1", Value::Null), dependency("3", json!("build"))]},
            ]},
        });
        let (members, graph) = graph_of(&MetadataCommand::parse(metadata.to_string()).unwrap()).unwrap();
        assert_eq!(members.into_iter().collect::<Vec<_>>(), ["rpc", "wire"]);
        assert!(graph["wire"].is_empty());
        assert_eq!(graph["rpc"].iter().collect::<Vec<_>>(), ["lab", "wire"]);
    }
}
