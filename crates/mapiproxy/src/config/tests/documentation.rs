//! Tests that the documentation and the program agree: keys of the configuration, and log lines.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::check::parse;
use super::super::key::Key;
use super::super::places::{dotted, is_within};
use super::super::table::KEYS;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The text of the file or of the files in the folder `path`, with names that end in `extension`.
fn texts(path: &Path, extension: &str) -> Vec<(PathBuf, String)> {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap();
        return entries.flat_map(|entry| texts(&entry.unwrap().path(), extension)).collect();
    }
    let is_wanted = path.extension().is_some_and(|found| found == extension);
    is_wanted.then(|| (path.to_owned(), fs::read_to_string(path).unwrap())).into_iter().collect()
}

/// Whether `name`, with its table, is a key, a table, or a module's table or option.
fn exists(name: &str) -> bool {
    let is_option = || {
        modules::all().iter().any(|module| {
            let table = format!("modules.{}", module.name());
            name == table || module.options().iter().any(|option| dotted(&table, option.name) == name)
        })
    };
    let is_key = |key: &Key| dotted(key.table, key.name) == name || is_within(key.table, name);
    KEYS.iter().any(is_key) || is_option()
}

#[test]
fn keys_that_the_documentation_names_exist() {
    let pages = ["docs", "README.md", "CHANGELOG.md", "ARCHITECTURE.md"];
    let mut count = 0;
    for (path, text) in pages.iter().flat_map(|page| texts(&root().join(page), "md")) {
        for code in text.split('`').skip(1).step_by(2) {
            let name = code.split([' ', '=', '[']).next().unwrap_or_default();
            let Some((table, _)) = name.split_once('.') else { continue };
            let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || b"._-".contains(&byte));
            if is_name && !table.is_empty() && KEYS.iter().any(|key| is_within(key.table, table)) {
                assert!(exists(name), "{}: there is no key {name}", path.display());
                count += 1;
            }
        }
    }
    assert!(count > 40, "{count} keys were found");
}

/// The string literals of `source`, without those of its unit tests.
fn literals(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n").replace("\\\"", "").replace("'\"'", "");
    code.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn keys_that_messages_of_the_program_name_exist() {
    let is_test = |path: &Path| path.components().any(|part| part.as_os_str() == "tests");
    let sources = texts(&root().join("crates"), "rs");
    let mut count = 0;
    for (path, source) in sources.iter().filter(|(path, _)| !is_test(path) && !path.ends_with("tests.rs")) {
        for literal in literals(source) {
            let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
            for name in literal.split(|c| !is_part(c)).map(|name| name.trim_matches(['.', '-'])) {
                let Some((table, _)) = name.split_once('.') else { continue };
                let is_file = name.ends_with(".pcapng");
                if !table.is_empty() && !is_file && KEYS.iter().any(|key| is_within(key.table, table)) {
                    assert!(exists(name), "{}: there is no key {name}", path.display());
                    count += 1;
                }
            }
        }
    }
    assert!(count > 100, "{count} keys were found");
}

#[test]
fn complete_configurations_in_the_documentation_are_valid() {
    let pages = ["README.md", "docs"].map(|page| texts(&root().join(page), "md"));
    let mut complete = 0;
    for (path, text) in pages.into_iter().flatten() {
        for block in text.split("```toml\n").skip(1) {
            let block = block.split("```").next().unwrap_or_default();
            if block.starts_with("name = ") {
                complete += 1;
                parse(&path, block).unwrap();
            }
        }
    }
    assert!(complete >= 2, "{complete} configurations were found");
}

/// The fixed parts of the messages that `source` logs.
fn fixed_parts(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut parts = Vec::new();
    for call in code.split("tracing::").skip(1) {
        if !["error!(", "warn!(", "info!("].iter().any(|level| call.starts_with(level)) {
            continue;
        }
        // A message has spaces; a field's value has none.
        let message = call.split('"').skip(1).step_by(2).find(|text| text.contains(' ')).expect("a message");
        let message = message.replace("\\\n", "").split_whitespace().collect::<Vec<_>>().join(" ");
        let after_variables = message.split('{').map(|part| part.rsplit('}').next().unwrap_or_default());
        let fixed: Vec<String> =
            after_variables.map(|part| part.trim().to_owned()).filter(|part| part.len() > 8).collect();
        assert!(!fixed.is_empty(), "{message:?} has only variable parts");
        parts.extend(fixed);
    }
    parts
}

#[test]
fn log_lines_of_the_program_are_documented() {
    let page = fs::read_to_string(root().join("docs/log-lines.md")).unwrap();
    let sources = texts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "rs");
    let parts: Vec<String> = sources.iter().flat_map(|(_, source)| fixed_parts(source)).collect();
    assert!(parts.len() > 10, "{parts:#?}");
    for part in parts {
        assert!(page.contains(&part), "docs/log-lines.md lacks {part:?}");
    }
}
