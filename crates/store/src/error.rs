//! What can fail in the store.

use std::path::PathBuf;

/// A result of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the store refused an access.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// SQLite failed: the disk is full, the file is damaged, or another program holds it.
    #[error("the store's database failed")]
    Database(#[from] rusqlite::Error),
    /// The file is a store of another version.
    #[error("{path} has version {found} of the store's format; this program reads version {expected}", path = path.display())]
    Version {
        /// The store's file.
        path: PathBuf,
        /// The version in the file.
        found: i64,
        /// The version that this program reads and writes.
        expected: i64,
    },
    /// A value in the database cannot be decoded. The store is damaged, or another program wrote to it.
    #[error("the store has a value that cannot be decoded")]
    Damaged(#[from] wire::Error),
    /// The object does not exist, or no longer.
    #[error("{0} does not exist")]
    NotFound(&'static str),
    /// An object of that name or id exists already.
    #[error("{0} exists already")]
    Exists(&'static str),
    /// The folder has messages or subfolders, and the caller did not request to delete them.
    #[error("the folder has {0}")]
    NotEmpty(&'static str),
    /// A folder would become a subfolder of itself.
    #[error("a folder cannot be moved or copied below itself")]
    Cycle,
    /// Messages and folders cannot be in a search folder.
    #[error("a search folder cannot contain messages or folders of its own")]
    SearchFolder,
    /// Another client saved the object since the caller read it.
    #[error("the object was changed since it was read")]
    Conflict,
    /// A limit is reached.
    #[error("{what}: at most {limit}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// The largest permitted number.
        limit: u64,
    },
}
