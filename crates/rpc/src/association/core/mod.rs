//! What both ends of an association share.

pub(super) mod fragment;
