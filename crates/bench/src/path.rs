//! The files that an operation passes, for the lists in ARCHITECTURE.md: callgrind's trace of an unoptimized build,
//! compared with what the lists name. The trace of an optimized build lacks functions that were inlined.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::error::Error;
use std::path::Path;

use crate::http::{self, REQUESTS};
use crate::load;

/// The document with the lists.
const DOCUMENT: &str = "../../ARCHITECTURE.md";

/// Files that call the first file of a list for each round of a connection's task, and not for an operation.
const TASKS: [&str; 7] = [
    "net/src/http/listener.rs",
    "net/src/rpc/listener.rs",
    "net/src/task.rs",
    "net/src/tcp/accept.rs",
    "net/src/tcp/thread_time.rs",
    "net/src/tcp/workers.rs",
    "net/src/timer.rs",
];

/// Parts of the mangled names of functions that count memory.
const MEMORY: [&str; 3] = ["user_memory", "6memory17h", "5bytes17h"];

/// Compares the lists of both envelopes, and that of the engine, with the traces of operations.
///
/// # Errors
/// If this build is optimized, or a list differs.
pub(crate) async fn run() -> Result<(), Box<dyn Error>> {
    if !cfg!(debug_assertions) {
        return Err(
            "functions were inlined: cargo build --workspace --bins, then target/debug/bench path".into()
        );
    }
    let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT))?;
    let engine = listed(&document, "an operation through the engine");
    let execute = listed(&document, "an Execute over HTTP");
    let call = listed(&document, "an EcDoRpcExt2");
    let mut differs = false;
    let by_http = http::trace().await?;
    let by_http = Trace::read(&by_http, REQUESTS);
    differs |= differs_from(&by_http, "MAPI over HTTP, an Execute", &(&execute | &engine), &engine);
    // Five operations of NSPI in turn, which have no ROPs.
    let by_rpc = load::callgrind("privacy", REQUESTS).await?;
    differs |= differs_from(&Trace::read(&by_rpc, REQUESTS / 5), "RPC, a call", &call, &engine);
    if differs { Err("ARCHITECTURE.md lists other files".into()) } else { Ok(()) }
}

/// Whether files of the trace are neither in `list` nor in `further`, or files in `list` are not in the trace, which is
/// then printed.
fn differs_from(trace: &Trace<'_>, title: &str, list: &BTreeSet<String>, further: &BTreeSet<String>) -> bool {
    let mut differs = false;
    for name in ["net", "engine"] {
        let folder = format!("{name}/src/");
        let passed = trace.files(&folder);
        let calling: BTreeSet<_> = passed.iter().filter(|(_, called)| !called.is_empty()).collect();
        println!("{title}: code in {} files of {name}, of which {} call others", passed.len(), calling.len());
        for (file, called) in calling {
            if !list.contains(file) && !further.contains(file) && !TASKS.contains(&file.as_str()) {
                differs = true;
                println!("  not listed: {file}, which calls {called:?}");
            }
        }
        for file in list.iter().filter(|file| file.starts_with(&folder)) {
            if passed.get(file).is_none_or(BTreeSet::is_empty) {
                differs = true;
                println!("  listed, but calls no other: {file}");
            }
        }
    }
    differs
}

/// The files that the section about the path of `title` lists, from the folder of the crates.
fn listed(document: &str, title: &str) -> BTreeSet<String> {
    let heading = format!("### The path of {title}\n");
    let section = document.split_once(&heading).map_or("", |(_, behind)| behind);
    let section = section.split("\n#").next().unwrap_or_default();
    let items = section.lines().filter_map(|line| line.strip_prefix("- `crates/")?.split('`').next());
    items.map(str::to_owned).collect()
}

/// Which functions called which, how often, and in which file each function is.
#[derive(Default)]
struct Trace<'a> {
    file_of: HashMap<&'a str, &'a str>,
    calls: HashMap<&'a str, HashMap<&'a str, u64>>,
    /// How often a call must have been made to be part of each operation.
    least: u64,
}

impl<'a> Trace<'a> {
    /// Reads the output of callgrind for this many `operations`, with mangled names: instances of a generic function
    /// are functions of their own.
    fn read(text: &'a str, operations: u64) -> Self {
        let mut this = Self { least: operations * 9 / 10, ..Self::default() };
        let (mut files, mut functions) = (HashMap::new(), HashMap::new());
        let (mut file, mut function, mut called, mut file_of_called) = ("", "", "", None);
        for line in text.lines() {
            let Some((kind, rest)) = line.split_once('=') else { continue };
            match kind {
                "fl" => file = named(&mut files, rest),
                "fi" | "fe" => drop(named(&mut files, rest)),
                "fn" => {
                    function = without_number(named(&mut functions, rest));
                    this.file_of.insert(function, file);
                    file_of_called = None;
                }
                "cfi" | "cfl" => file_of_called = Some(named(&mut files, rest)),
                "cfn" => {
                    called = without_number(named(&mut functions, rest));
                    this.file_of.entry(called).or_insert(file_of_called.take().unwrap_or(file));
                }
                "calls" => {
                    let count = rest.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
                    *this.calls.entry(function).or_default().entry(called).or_default() += count;
                }
                _ => {}
            }
        }
        this
    }

    /// The files in `folder` of which a function was called for each operation, each with the other files in it that it
    /// called: directly, or through functions that are not in `folder`, such as those of an iterator.
    /// Destructors, which no file calls by name, and functions that count memory are left out.
    fn files(&self, folder: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut times: HashMap<&str, u64> = HashMap::new();
        for (called, count) in self.calls.values().flatten() {
            *times.entry(called).or_default() += count;
        }
        let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for function in times.iter().filter(|(_, count)| **count >= self.least).map(|(function, _)| *function)
        {
            let Some(file) = self.file(function, folder) else { continue };
            let called = files.entry(file.to_owned()).or_default();
            let (mut seen, mut rest) = (HashSet::new(), vec![function]);
            while let Some(caller) = rest.pop() {
                let calls = self.calls.get(caller).into_iter().flatten();
                for (next, _) in calls.filter(|(_, count)| **count >= self.least) {
                    match self.file(next, folder) {
                        Some(other) if other == file => {}
                        Some(_) if MEMORY.iter().any(|part| next.contains(part)) => {}
                        Some(other) => drop(called.insert(other.to_owned())),
                        None if next.contains("drop_in_place") || !seen.insert(*next) => {}
                        None => rest.push(next),
                    }
                }
            }
        }
        files
    }

    /// The file of `function` from the folder of the crates, if it is in `folder`.
    fn file(&self, function: &str, folder: &str) -> Option<&'a str> {
        let path = *self.file_of.get(function)?;
        path.find(&format!("crates/{folder}")).and_then(|at| path.get(at + "crates/".len()..))
    }
}

/// The name in `text`, which is `(NUMBER) NAME` where it occurs first, and `(NUMBER)` later.
fn named<'a>(names: &mut HashMap<&'a str, &'a str>, text: &'a str) -> &'a str {
    let (number, name) = text.split_once(' ').unwrap_or((text, ""));
    if name.is_empty() {
        names.get(number).copied().unwrap_or_default()
    } else {
        names.entry(number).or_insert(name)
    }
}

/// A function's name without the number that callgrind adds for recursion.
fn without_number(name: &str) -> &str {
    name.split_once('\'').map_or(name, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "fl=(1) /w/crates/net/src/a.rs\nfn=(1) one\n1 5\ncfi=(2) /w/crates/net/src/b.rs\ncfn=(2) two\n\
                         calls=9 1\n1 7\ncfi=(3) /rust/option.rs\ncfn=(3) map\ncalls=10 1\n1 7\n\n\
                         fl=(3)\nfn=(3)\n2 3\ncfi=(4) /w/crates/net/src/c.rs\ncfn=(4) three'2\ncalls=10 1\n2 3\n\
                         fl=(5) /w/crates/engine/src/d.rs\nfn=(5) four\n1 1\ncfi=(1)\ncfn=(1)\ncalls=10 1\n1 1\n";

    #[test]
    fn a_file_calls_those_that_it_reaches_through_functions_of_other_crates() {
        let files = |operations| Trace::read(TRACE, operations).files("net/src/");
        let set =
            |names: &[&str]| names.iter().map(|name| format!("net/src/{name}.rs")).collect::<BTreeSet<_>>();
        let expected = |called: &[&str]| ("net/src/a.rs".to_owned(), set(called));
        let leaf = |name: &str| (format!("net/src/{name}.rs"), BTreeSet::new());
        assert_eq!(files(10), BTreeMap::from([expected(&["b", "c"]), leaf("b"), leaf("c")]));
        assert_eq!(files(12), BTreeMap::from([expected(&["c"]), leaf("c")]));
    }

    #[test]
    fn the_files_of_a_section_are_those_of_its_items() {
        let text = "### The path of x\n\n- `crates/net/src/a.rs`: a\n  b.\n\n### The path of y\n- `crates/net/src/b.rs`: b\n";
        assert_eq!(listed(text, "x"), BTreeSet::from(["net/src/a.rs".to_owned()]));
    }
}
