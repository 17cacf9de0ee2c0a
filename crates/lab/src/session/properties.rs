//! The properties of an open message or attachment: what the store has, and what the client has changed but not saved.

use std::collections::BTreeMap;

use mapi::ErrorCode;
use mapi::property::{PropTag, PropertyValue};
use store::{ContentId, Properties, ValueSource, View};

/// The most bytes of a response ([MS-OXCRPC] 3.1.4.2.1.2.2).
const RESPONSE_MAX: u64 = 0x8000;

/// The properties of an open object, with the changes that are not saved.
#[derive(Debug, Default)]
pub(crate) struct OpenProperties {
    /// The properties without the large ones that the store has.
    pub(crate) values: Properties,
    /// The large properties that the store has, and their sizes.
    pub(crate) large: BTreeMap<PropTag, u64>,
}

impl OpenProperties {
    /// The properties that the object has.
    pub(crate) fn tags(&self) -> impl Iterator<Item = PropTag> {
        self.values.iter().map(|(tag, _)| tag).chain(self.large.keys().copied())
    }

    /// Sets a property, and records that in `set`, the properties that an edit sets.
    pub(super) fn set(&mut self, set: &mut Properties, tag: PropTag, value: PropertyValue) {
        self.forget(tag);
        self.values.set(tag, value.clone());
        set.set(tag, value);
    }

    /// Removes a property, and records that in `set` and `removed` of an edit.
    pub(super) fn remove(&mut self, set: &mut Properties, removed: &mut Vec<PropTag>, tag: PropTag) {
        self.forget(tag);
        set.remove(tag);
        if !removed.iter().any(|removed| removed.is_same_property(tag)) {
            removed.push(tag);
        }
    }

    /// Applies the properties that an edit sets and removes.
    pub(super) fn apply(&mut self, set: &Properties, removed: &[PropTag]) {
        for tag in removed {
            self.forget(*tag);
        }
        for (tag, value) in set.iter() {
            self.forget(tag);
            self.values.set(tag, value.clone());
        }
    }

    fn forget(&mut self, tag: PropTag) {
        self.values.remove(tag);
        self.large.retain(|known, _| !known.is_same_property(tag));
    }

    /// The value of a property, which may be a large one in the store, where it is part of `stored`.
    pub(crate) fn value(
        &self,
        view: &View<'_>,
        stored: Option<(ContentId, ValueSource)>,
        tag: PropTag,
    ) -> store::Result<Option<PropertyValue>> {
        if let Some(value) = self.values.get(tag) {
            return Ok(Some(value.clone()));
        }
        match stored {
            Some((content, source)) if self.large.keys().any(|known| known.is_same_property(tag)) => {
                view.value(content, source, tag)
            }
            _ => Ok(None),
        }
    }

    /// The value of a property as [`Self::value`] returns it, or an error in place of one that is too large for a
    /// response: it is not read from the store.
    pub(crate) fn value_for_response(
        &self,
        view: &View<'_>,
        stored: Option<(ContentId, ValueSource)>,
        tag: PropTag,
    ) -> store::Result<Option<PropertyValue>> {
        let mut large = self.large.iter();
        if large.any(|(known, size)| known.is_same_property(tag) && *size > RESPONSE_MAX) {
            return Ok(Some(PropertyValue::Error(ErrorCode::MAPI_E_NOT_ENOUGH_MEMORY)));
        }
        self.value(view, stored, tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LabConfig;
    use crate::backend::Backend;

    #[test]
    fn a_value_that_does_not_fit_into_a_response_is_not_read() {
        let backend = Backend::new(LabConfig::default()).unwrap();
        let read = |size| {
            let large = BTreeMap::from([(PropTag::PidTagBody, size)]);
            let open = OpenProperties { values: Properties::new(), large };
            backend.read(|view| open.value_for_response(view, None, PropTag::PidTagBody)).unwrap()
        };
        let error = PropertyValue::Error(ErrorCode::MAPI_E_NOT_ENOUGH_MEMORY);
        assert_eq!(read(RESPONSE_MAX + 1), Some(error));
        assert_eq!(read(RESPONSE_MAX), None, "which is read from the store, where it is missing");
    }
}
