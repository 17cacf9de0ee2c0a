//! Resolves the paths of a crate's code to the files in which they stop, and finds cycles of files.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Module, Tree};

/// For each file, the files that it uses; for each of those the names taken, with the first line that takes one.
pub(super) type Graph = Vec<BTreeMap<usize, Taken>>;

/// What one file takes from another.
#[derive(Default, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) names: BTreeSet<String>,
    pub(super) line: usize,
}

/// The maximum length of a chain of aliases.
const MAX_ALIASES: usize = 16;

/// Where a path stops: in a module, at a name that is no module (`None` for the module itself).
struct Stop {
    module: usize,
    name: Option<String>,
}

struct Resolver<'a> {
    tree: &'a Tree,
    /// The imports of modules through which a path was followed: (module, index of the import).
    followed: RefCell<BTreeSet<(usize, usize)>>,
}

/// Which file of the crate uses which.
///
/// A path counts for the module in which it stops. One that stops at a module which re-exports its name counts for
/// that module, whose own `use` counts for where the name is from. An import of a module counts for what is used
/// through it, and for that module itself only where nothing is.
pub(super) fn graph(tree: &Tree) -> Graph {
    let resolver = Resolver { tree, followed: RefCell::default() };
    let mut graph: Graph = tree.files.iter().map(|_| BTreeMap::new()).collect();
    let mut add = |from: &Module, to: usize, name: String, line: usize| {
        let to = tree.modules[to].file;
        if from.file != to {
            let taken = graph[from.file].entry(to).or_default();
            if taken.names.is_empty() || line < taken.line {
                taken.line = line;
            }
            taken.names.insert(name);
        }
    };
    for (index, module) in tree.modules.iter().enumerate() {
        for path in &module.paths {
            if let Some(stop) = resolver.resolve(index, &path.segments, None, 0) {
                let last = path.segments.last().cloned().unwrap_or_default();
                add(module, stop.module, stop.name.unwrap_or(last), path.line);
            }
        }
        for invoked in &module.invoked {
            let [name] = &invoked.segments[..] else { continue };
            let imported = module.uses.iter().any(|import| import.name.as_ref() == Some(name));
            let defined = tree.macros.get(name).map(Vec::as_slice).unwrap_or_default();
            // Several macros of one name cannot be distinguished; the file's own comes first.
            if let ([only], false) = (defined, imported) {
                add(module, only.module, format!("{name}!"), invoked.line);
            }
        }
    }
    for (index, module) in tree.modules.iter().enumerate() {
        for (position, import) in module.uses.iter().enumerate() {
            let Some(stop) = resolver.resolve(index, &import.path.segments, Some(position), 0) else {
                continue;
            };
            let followed = resolver.followed.borrow().contains(&(index, position));
            match (stop.name, &import.name) {
                (Some(name), _) => add(module, stop.module, name, import.path.line),
                (None, None) => add(module, stop.module, "*".to_owned(), import.path.line),
                (None, Some(_)) if followed && !import.public => {}
                (None, Some(name)) => add(module, stop.module, name.clone(), import.path.line),
            }
        }
    }
    graph
}

impl Resolver<'_> {
    /// Where `segments`, written in the module `from`, stops; `None` if it leaves the crate. `own` is the import
    /// of `from` that is resolved itself.
    fn resolve(&self, from: usize, segments: &[String], own: Option<usize>, depth: usize) -> Option<Stop> {
        if depth > MAX_ALIASES {
            return None;
        }
        let (first, rest) = segments.split_first()?;
        let here = &self.tree.modules[from];
        match first.as_str() {
            "crate" => self.walk(from, 0, rest, depth),
            "self" => self.walk(from, from, rest, depth),
            "super" => self.walk(from, here.parent?, rest, depth),
            _ => {
                if let Some(child) = here.children.get(first) {
                    return self.walk(from, *child, rest, depth);
                }
                if let Some(stop) = self.alias(from, first, own, depth) {
                    return self.onward(from, stop, rest, depth);
                }
                self.by_glob(from, first, rest, own, depth)
            }
        }
    }

    /// Goes on from the module `at` as long as the segments are modules.
    fn walk(&self, from: usize, mut at: usize, segments: &[String], depth: usize) -> Option<Stop> {
        let mut left = segments;
        while let Some((first, rest)) = left.split_first() {
            let module = &self.tree.modules[at];
            if first == "super" {
                at = module.parent?;
            } else if let Some(child) = module.children.get(first) {
                at = *child;
            } else {
                let same_file = module.file == self.tree.modules[from].file && at != from;
                if same_file && let Some(stop) = self.alias(at, first, None, depth) {
                    return self.onward(from, stop, rest, depth);
                }
                let mut macros = self.tree.macros.get(first).into_iter().flatten();
                let exported = macros.find(|defined| at == 0 && defined.exported);
                let module = exported.map_or(at, |defined| defined.module);
                return Some(Stop { module, name: Some(first.clone()) });
            }
            left = rest;
        }
        Some(Stop { module: at, name: None })
    }

    /// Goes on where an alias led to a module; stops where it led to anything else.
    fn onward(&self, from: usize, stop: Stop, rest: &[String], depth: usize) -> Option<Stop> {
        if stop.name.is_some() || rest.is_empty() {
            Some(stop)
        } else {
            self.walk(from, stop.module, rest, depth + 1)
        }
    }

    /// The path of `name` by an import of the module.
    fn alias(&self, module: usize, name: &str, own: Option<usize>, depth: usize) -> Option<Stop> {
        let uses = &self.tree.modules[module].uses;
        let (position, import) = uses
            .iter()
            .enumerate()
            .find(|(position, import)| Some(*position) != own && import.name.as_deref() == Some(name))?;
        let stop = self.resolve(module, &import.path.segments, Some(position), depth + 1)?;
        self.followed.borrow_mut().insert((module, position));
        Some(stop)
    }

    /// A module that is in scope by `use …::*`.
    fn by_glob(
        &self,
        from: usize,
        first: &String,
        rest: &[String],
        own: Option<usize>,
        depth: usize,
    ) -> Option<Stop> {
        let uses = self.tree.modules[from].uses.iter().enumerate();
        for (position, import) in
            uses.filter(|(position, import)| import.name.is_none() && Some(*position) != own)
        {
            let Some(Stop { module, name: None }) =
                self.resolve(from, &import.path.segments, Some(position), depth + 1)
            else {
                continue;
            };
            let within = &self.tree.modules[module];
            if let Some(child) = within.children.get(first) {
                return self.walk(from, *child, rest, depth);
            }
            if within.uses.iter().any(|import| import.name.as_ref() == Some(first)) {
                return Some(Stop { module, name: Some(first.clone()) });
            }
        }
        None
    }
}

/// The sets of files that use one another, directly or not, of two files or more.
pub(super) fn cycles(graph: &Graph) -> Vec<Vec<usize>> {
    let reach: Vec<BTreeSet<usize>> = (0..graph.len()).map(|file| reachable(graph, file)).collect();
    let mut seen = BTreeSet::new();
    let mut cycles = Vec::new();
    for file in 0..graph.len() {
        if !seen.contains(&file) && reach[file].contains(&file) {
            let cycle: Vec<usize> =
                reach[file].iter().copied().filter(|other| reach[*other].contains(&file)).collect();
            seen.extend(cycle.iter().copied());
            cycles.push(cycle);
        }
    }
    cycles
}

fn reachable(graph: &Graph, from: usize) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut left = vec![from];
    while let Some(file) = left.pop() {
        left.extend(graph[file].keys().copied().filter(|next| seen.insert(*next)));
    }
    seen
}
