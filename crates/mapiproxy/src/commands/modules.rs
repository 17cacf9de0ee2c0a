//! `mapiproxy modules`: lists the modules and their options.

use std::io::Write;

use engine::Module;
use options::OptionSpec;

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
    let mut text = format!(
        "{}\n    {}\n    interfaces: {}\n",
        module.name(),
        module.description(),
        interfaces.join(", ")
    );
    for OptionSpec { name, kind, default, example, doc } in module.options() {
        let value = match (default, example) {
            (Some(default), _) => format!("default: {default}"),
            (None, Some(example)) => format!("no default; example: {example}"),
            (None, None) => "no default".to_owned(),
        };
        let module = module.name();
        text = format!("{text}    modules.{module}.{name} ({kind}; {value})\n        {doc}\n");
    }
    text
}
