use engine::Module;

/// Prints every module with its options.
pub(crate) fn run() {
    for module in modules::all() {
        print!("{}", describe(module.as_ref()));
    }
}

fn describe(module: &dyn Module) -> String {
    let interfaces: Vec<&str> = module.interfaces().iter().map(|interface| interface.name()).collect();
    let mut text =
        format!("{}\n    {}\n    sees: {}\n", module.name(), module.description(), interfaces.join(", "));
    for option in module.options() {
        let table = format!("    [modules.{}] {} = {}", module.name(), option.name, option.default);
        text = format!("{text}{table}\n        {} Takes {}.\n", option.doc, option.kind);
    }
    text
}
