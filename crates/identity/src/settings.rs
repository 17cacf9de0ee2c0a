//! Settings of single mechanisms, each a type of its mechanism.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// The settings of mechanisms. Each mechanism has its own settings type, by which it looks its settings up; no other
/// code needs to know the type. Clones share them.
#[derive(Clone, Default)]
pub struct Settings(Vec<Arc<dyn Any + Send + Sync>>);

impl Settings {
    /// The settings of one mechanism; all others have their defaults.
    pub fn of<T: Any + Send + Sync>(settings: T) -> Self {
        Self::default().with(settings)
    }

    /// The same with `settings` in place of those of this type, if there were any.
    #[must_use]
    pub fn with<T: Any + Send + Sync>(mut self, settings: T) -> Self {
        self.0.retain(|other| !other.is::<T>());
        self.0.push(Arc::new(settings));
        self
    }

    /// The settings of this type, or the defaults.
    pub fn get<T: Any + Default + Send + Sync>(&self) -> Arc<T> {
        let found = self.0.iter().find_map(|settings| Arc::clone(settings).downcast().ok());
        found.unwrap_or_default()
    }
}

impl fmt::Debug for Settings {
    /// How many there are: they may contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Settings({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_found_by_their_type_and_replace_those_of_the_same_type() {
        let settings = Settings::of(1_u8).with("text".to_owned()).with(2_u8);
        assert_eq!((*settings.get::<u8>(), settings.get::<String>().as_str()), (2, "text"));
        assert_eq!((*settings.get::<u16>(), format!("{settings:?}")), (0, "Settings(2)".to_owned()));
    }
}
