//! `FastTransfer` streams ([MS-OXCFXICS] 2.2.4), which copy and synchronize folders and messages in both
//! directions.
//!
//! A stream is a row of markers and properties that is cut into buffers anywhere. [`Tokenizer`] reads it as it
//! comes, holding no more than one token; [`TreeBuilder`] makes of its tokens what they say together: folders,
//! messages, recipients, attachments, changes, deletions, state. Both write back the bytes that they read.

mod display;
mod info;
mod limits;
mod marker;
mod path;
mod property;
mod scan;
mod tokenizer;
mod tree;

pub use self::info::{
    FolderReplicaInfo, GroupProperty, GroupPropertyName, ProgressInformation, PropertyGroup,
    PropertyGroupInfo,
};
pub use self::limits::Limits;
pub use self::marker::Marker;
pub use self::path::Path;
pub use self::property::{Multiple, PropInfo, PropName, PropNameKey, Property, Value};
pub use self::tokenizer::{Token, Tokenizer};
pub use self::tree::{Group, LargeValue, Node, Tree, TreeBuilder, TreeLimits};

#[cfg(test)]
mod tests;
