//! FastTransfer streams ([MS-OXCFXICS] 2.2.4), which copy and synchronize folders and messages in both
//! directions.
//!
//! A stream is a sequence of markers and properties, which is split into buffers at arbitrary positions. [`Tokenizer`]
//! decodes it incrementally and holds at most one token. [`TreeBuilder`] builds a tree of the tokens: folders,
//! messages, recipients, attachments, changes, deletions, state. The encoded result of both is equal to the decoded
//! bytes.

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
