//! Which properties and nested objects a client copies ([MS-OXCPRPT] 2.2.10, 2.2.11).

use mapi::property::PropTag;

/// What is copied.
pub(super) enum Selection<'a> {
    /// These properties.
    Only(&'a [PropTag]),
    /// All except these, and nested objects if the second field is true.
    AllExcept(&'a [PropTag], bool),
}

impl Selection<'_> {
    /// Whether the property `tag` is copied.
    pub(super) fn has(&self, tag: PropTag) -> bool {
        let is_among = |tags: &[PropTag]| tags.iter().any(|other| other.is_same_property(tag));
        match self {
            Self::Only(tags) => is_among(tags),
            Self::AllExcept(tags, _) => !is_among(tags),
        }
    }

    /// Whether the nested objects that `tag` stands for are copied.
    pub(super) fn has_nested(&self, tag: PropTag) -> bool {
        matches!(self, Self::Only(_) | Self::AllExcept(_, true)) && self.has(tag)
    }
}
