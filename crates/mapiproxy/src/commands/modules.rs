//! `mapiproxy modules`: lists the modules and their options.

use std::io::Write;

use engine::Module;

use crate::failure::Outcome;

/// Prints every module with its options.
pub(crate) fn run() -> Outcome {
    let mut out = std::io::stdout();
    for module in modules::all() {
        out.write_all(describe(module.as_ref()).as_bytes())?;
    }
    Ok(out.flush()?)
}

fn describe(module: &dyn Module) -> String {
    let interfaces: Vec<&str> =
        module.interests().interfaces.iter().map(|interface| interface.name()).collect();
    let mut text =
        format!("{}\n    {}\n    sees: {}\n", module.name(), module.description(), interfaces.join(", "));
    for option in module.options() {
        let table = format!("    [modules.{}] {} = {}", module.name(), option.name, option.default);
        text = format!("{text}{table}\n        {} Takes {}.\n", option.doc, option.kind);
    }
    text
}
