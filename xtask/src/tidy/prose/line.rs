//! A line of prose.

/// Words on a line, as people read them.
pub(in super::super) struct Line<'a> {
    pub(in super::super) number: usize,
    pub(in super::super) text: &'a str,
}
