//! The state that modules keep of a session.

use std::any::{Any, TypeId};
use std::collections::HashMap;

use crate::user_memory::{MemoryLimit, MemoryShare};

/// How much state of all modules is not counted for each session, in bytes. Small values, such as counters, cost no
/// memory of the user.
const UNCOUNTED: usize = 1024;

/// State of a session that a module keeps in it ([`Session::module_state`](crate::Session::module_state)).
///
/// The memory of the state is counted for the session's user, with that of the user's requests and other sessions. If
/// it exceeds a limit, the session ends: the engine does not know whether the module can do without a part of it. So a
/// module bounds what it keeps.
pub trait ModuleState: Default + Send + 'static {
    /// The bytes that the value owns beside its own size: the capacity of its strings, vectors and maps, and what their
    /// elements own.
    ///
    /// The engine calls this after each operation that used the value. It must return at once: a module that keeps many
    /// elements counts them when it adds and removes them.
    fn owned_bytes(&self) -> usize;
}

/// The values of all modules in a session.
#[derive(Debug, Default)]
pub(crate) struct ModuleStates {
    values: HashMap<TypeId, Box<dyn Value>>,
    /// The memory of the values in the limits of the user.
    share: MemoryShare,
    /// Whether a value was used since the values were counted.
    is_used: bool,
}

/// A value of which only the module knows the type.
trait Value: Any + Send {
    /// The size of the value with all that it owns, in bytes.
    fn bytes(&self) -> usize;
}

impl<T: ModuleState> Value for T {
    fn bytes(&self) -> usize {
        size_of::<T>().saturating_add(self.owned_bytes())
    }
}

impl std::fmt::Debug for dyn Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.bytes())
    }
}

impl ModuleStates {
    /// No values, which will be counted in `share`.
    pub(crate) fn counted_in(share: MemoryShare) -> Self {
        Self { share: share.beyond(UNCOUNTED), ..Self::default() }
    }

    /// The value of the type `T`, created at the first access.
    pub(crate) fn get<T: ModuleState>(&mut self) -> &mut T {
        self.is_used = true;
        let value = self.values.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(T::default()));
        let value: &mut dyn Any = value.as_mut();
        value.downcast_mut().unwrap_or_else(|| unreachable!("a value is keyed by its own type"))
    }

    /// Counts the memory of the values.
    ///
    /// # Errors
    /// If it exceeds a limit.
    pub(crate) fn count(&mut self) -> Result<(), MemoryLimit> {
        if !std::mem::take(&mut self.is_used) {
            return Ok(());
        }
        let bytes = self.values.values().map(|value| value.bytes()).fold(0, usize::saturating_add);
        self.share.reserve(bytes)?;
        self.share.shrink(bytes);
        Ok(())
    }

    /// Drops the values, and returns their memory.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The number of values.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
}
