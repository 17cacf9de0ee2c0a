//! The functions of the proxy that requests execute, written to a file for the linker, which places them next
//! to each other (`crates/mapiproxy/build.rs`): a processor that has to load fewer pages and cache lines of
//! code is faster.

use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::path::Path;
use std::process::Command;

use super::bodies::Kind;
use super::callgrind;
use super::passed::{self, REQUESTS};
use crate::{load, setup};

/// The first lines of the file.
const HEADER: &str = "\
# The functions that requests execute, as `cargo xtask bench hot` finds them: mangled names without their hashes.
# The linker places them next to each other; see build.rs. A name that no longer exists does no harm.
";

/// Counts requests of each kind, and writes the file.
pub(crate) async fn run() -> Result<(), Box<dyn Error>> {
    let mut hot = BTreeSet::new();
    for kind in Kind::EXECUTES {
        for secure in [false, true] {
            hot.extend(by_each_request(&passed::callgrind(kind, secure).await?, REQUESTS));
        }
    }
    for level in ["privacy", "none"] {
        // Five operations in turn, some of which execute what the others do not.
        hot.extend(by_each_request(&load::callgrind(level, 5 * REQUESTS).await?, REQUESTS));
    }
    let names = distinct(&hot, &sizes()?);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mapiproxy/hot_functions.txt");
    let lines = names.iter().map(|name| format!("{name}\n"));
    std::fs::write(&path, HEADER.to_owned() + &lines.collect::<String>())?;
    println!("{}: {} functions of {}", path.display(), names.len(), hot.len());
    Ok(())
}

/// The proxy's own functions with code that was executed about as often as there were `requests`, or more.
fn by_each_request(counted: &str, requests: u64) -> BTreeSet<String> {
    callgrind::executed(counted)
        .filter(|executed| executed.is_proxy && executed.times >= requests * 9 / 10)
        .map(|executed| executed.function.to_owned())
        .collect()
}

/// The functions of the program with their sizes.
fn sizes() -> Result<HashMap<String, u64>, Box<dyn Error>> {
    let output = Command::new("nm").args(["--print-size", "--defined-only"]).arg(setup::program()?).output();
    let output = output.map_err(|error| format!("cannot start nm: {error}"))?;
    let text = String::from_utf8(output.stdout)?;
    let symbol = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        let [_, size, _, name] = fields[..] else { return None };
        Some((name.to_owned(), u64::from_str_radix(size, 16).ok()?))
    };
    Ok(text.lines().filter_map(symbol).collect())
}

/// The names of hot functions without their hashes, but for those that many others have which are not hot:
/// the many instances of a generic function.
fn distinct(hot: &BTreeSet<String>, sizes: &HashMap<String, u64>) -> BTreeSet<String> {
    let mut of_name: HashMap<&str, (u64, u64)> = HashMap::new();
    for (symbol, size) in sizes {
        let (hot_size, all) = of_name.entry(without_hash(symbol)).or_default();
        *all += size;
        *hot_size += if hot.contains(symbol) { *size } else { 0 };
    }
    let distinct =
        of_name.into_iter().filter(|(_, (hot_size, all))| *hot_size > 0 && *all <= 3 * hot_size + 512);
    distinct.map(|(name, _)| name.to_owned()).collect()
}

/// A mangled name up to its hashes, which change with the compiler and with each dependency.
fn without_hash(symbol: &str) -> &str {
    let is_hash = |at: &usize| {
        let digits = symbol.as_bytes().get(at + 3..at + 19);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let hash = symbol.rfind("17h").filter(is_hash).filter(|_| symbol.starts_with("_ZN"));
    hash.or_else(|| symbol.find(".llvm.")).map_or(symbol, |at| &symbol[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_hot_if_each_request_executes_it() {
        let counted = "ob=(1) /build/mapiproxy\nfn=(1) hot\n0x10 1 9\nfn=(2) start\n0x50 1 8\n\
                       ob=(2) /lib/libc.so.6\nfn=(4) memcpy\n0x1 1 9000\n";
        assert_eq!(by_each_request(counted, 10), BTreeSet::from(["hot".to_owned()]));
    }

    #[test]
    fn a_name_is_listed_without_its_hash_unless_most_that_have_it_are_not_hot() {
        let symbol = |name: &str, hash: u64| format!("_ZN{name}17h{hash:016x}E.llvm.17");
        let sizes = [
            (symbol("3one", 1), 100),
            (symbol("4many", 1), 100),
            (symbol("4many", 2), 900),
            (symbol("4cold", 1), 100),
            ("je_malloc".to_owned(), 100),
        ];
        let hot = BTreeSet::from([symbol("3one", 1), symbol("4many", 1), "je_malloc".to_owned()]);
        let expected = ["_ZN3one", "je_malloc"].map(str::to_owned);
        assert_eq!(distinct(&hot, &HashMap::from(sizes)), BTreeSet::from(expected));
    }
}
