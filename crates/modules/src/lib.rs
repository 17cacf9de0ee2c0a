//! The built-in modules, one file each.
//!
//! Architectural invariant: a module uses only the public interface of the engine, [`engine::Module`]. It keeps the
//! state of a session in the session's slot.

mod downgrade;
mod dummy;
mod names;

use engine::Module;

pub use crate::downgrade::Downgrade;
pub use crate::dummy::Dummy;
pub use crate::names::Names;

/// Creates one of each module, in the order of their names.
pub fn all() -> Vec<Box<dyn Module>> {
    vec![Box::<Downgrade>::default(), Box::<Dummy>::default(), Box::<Names>::default()]
}

/// Creates the module with this name, if there is one.
pub fn by_name(name: &str) -> Option<Box<dyn Module>> {
    all().into_iter().find(|module| module.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_documented() {
        let modules = all();
        let names: std::collections::BTreeSet<_> = modules.iter().map(|module| module.name()).collect();
        assert_eq!(names.len(), modules.len());
        for module in &modules {
            assert!(module.description().ends_with('.'), "{}", module.name());
            assert!(module.options().iter().all(|option| option.doc.ends_with('.')), "{}", module.name());
        }
    }
}
