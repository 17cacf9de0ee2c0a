//! A counter that modules of tests keep of a session.

use engine::ModuleState;

/// A number that is 0 at first.
#[derive(Debug, Default)]
pub struct Counter(pub usize);

impl ModuleState for Counter {
    fn owned_bytes(&self) -> usize {
        0
    }
}
