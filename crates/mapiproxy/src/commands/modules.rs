//! `mapiproxy modules`: lists the modules and their options.

use std::io::Write;

use engine::Module;
use engine::options::OptionSpec;

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
    for OptionSpec { name, kind, default, example, doc } in module.options() {
        let value = match (default, example) {
            (Some(default), _) => format!("{default} by default"),
            (None, Some(example)) => format!("{example}, for example; not set by default"),
            (None, None) => "not set by default".to_owned(),
        };
        text =
            format!("{text}    [modules.{}] {name}: {value}\n        {doc} Takes {kind}.\n", module.name());
    }
    text
}
