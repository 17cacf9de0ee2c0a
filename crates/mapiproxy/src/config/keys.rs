//! Names of keys: suggestions for misspelt ones, and the reference of all keys.

use options::OptionSpec;

use super::key::Presence;
use super::table::{KEYS, TABLES};

/// The name among `known` that is most similar to `name`, ignoring case, if one is similar enough: it differs in one
/// letter, and in one more for each six letters.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    known
        .map(|candidate| (strsim::damerau_levenshtein(&name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().max(name.len()) / 6)
        .min()
        .map(|(_, candidate)| candidate)
}

/// A configuration with every key below its documentation, as `mapiproxy check --keys` prints it.
pub(crate) fn reference() -> String {
    let mut lines = vec![
        "# All keys of MAPIProxy's configuration. Relative paths are relative to the directory of this file. Sizes and"
            .to_owned(),
        "# times are integers without a unit. SIGHUP reloads accounts, certificate, key and password; other changes need"
            .to_owned(),
        "# a restart. `mapiproxy check --config FILE` reports errors; with --online it also queries the server.".to_owned(),
        "# To set a key that is shown as `# default: key = value` or `# example: key = value`, remove the text before the key,"
            .to_owned(),
        "# and the `# ` before the header of its table, if it has one.\n".to_owned(),
    ];
    let mut table = "";
    for key in KEYS.iter() {
        if key.table != table {
            if table == "modules" {
                lines.extend(module_options());
            }
            table = key.table;
            lines.push(String::new());
            lines.extend(comment(table_doc(table)));
            lines.push(format!("[{table}]"));
        }
        let range = key.bounds.map_or(String::new(), |bounds| format!(" Range: {bounds}."));
        lines.extend(comment(&format!("{}{range}", key.documentation())));
        let mark = match key.presence {
            Presence::Sample => "",
            Presence::Default | Presence::Builtin => "# default: ",
            Presence::Example => "# example: ",
        };
        lines.push(format!("{mark}{} = {}", key.name, key.text));
    }
    lines.join("\n") + "\n"
}

/// The options of all modules, each module's below the head of its table. They are all comments, since a
/// table of a module that is not in the stack is an error.
fn module_options() -> Vec<String> {
    let mut lines = Vec::new();
    for module in modules::all().iter().filter(|module| !module.options().is_empty()) {
        lines.push(String::new());
        lines.extend(comment(module.description()));
        lines.push(format!("# [modules.{}]", module.name()));
        for OptionSpec { name, kind, default, example, doc } in module.options() {
            lines.extend(comment(&format!("{doc} Type: {kind}.")));
            let default = default.as_ref().map(|value| ("default", value));
            if let Some((mark, value)) = default.or(example.as_ref().map(|value| ("example", value))) {
                lines.push(format!("# {mark}: {name} = {value}"));
            }
        }
    }
    lines
}

fn table_doc(path: &str) -> &'static str {
    TABLES.iter().find(|(table, _)| *table == path).map_or("", |(_, doc)| doc)
}

/// `text` as comment lines.
fn comment(text: &str) -> impl Iterator<Item = String> {
    wrap(text, 96).into_iter().map(|line| format!("# {line}"))
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().filter(|line| line.is_empty() || line.len() + 1 + word.len() <= width);
        match last {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The reference with each key and option set to its default or its example.
#[cfg(test)]
pub(super) fn full_reference() -> String {
    with_defaults().replace("# example: ", "")
}

/// The reference with each key and option that has a default set to it.
#[cfg(test)]
pub(super) fn with_defaults() -> String {
    reference().replace("# default: ", "").replace("\n# [modules.", "\n[modules.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_reference_is_the_one_that_is_printed() {
        let documented = include_str!("../../../../docs/mapiproxy.toml");
        assert_eq!(documented, reference(), "mapiproxy check --keys > docs/mapiproxy.toml");
    }

    #[test]
    fn the_most_similar_name_is_found() {
        let known = || KEYS.iter().filter(|key| key.table == "clients").map(|key| key.name);
        assert_eq!(nearest("minimal_level", known()), Some("minimum_level"));
        assert_eq!(nearest("acounts", known()), Some("accounts"));
        assert_eq!(nearest("zzz", known()), None);
        // Two of three letters differ, and one.
        assert_eq!(
            (nearest("kye", ["key"].into_iter()), nearest("web", ["ews"].into_iter())),
            (Some("key"), None)
        );
    }
}
