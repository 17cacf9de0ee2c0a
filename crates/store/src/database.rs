//! The database file, and transactions on it.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use wire::FileTime;

use crate::error::{Error, Result};
use crate::event::Events;
use crate::schema;

/// How long a transaction waits for one of another process before it fails.
const BUSY: Duration = Duration::from_secs(10);
/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 256;
/// How many connections for reading are kept open while they are not used.
const IDLE_READERS: usize = 16;

/// A store of mailboxes in one file.
///
/// All methods block the thread while they access the disk. Readers run in parallel to one another and to a writer;
/// changes wait for one another.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl Store {
    /// Opens the store at `path`, and creates it if the file does not exist. Beside it, SQLite keeps its write-ahead
    /// log in `path-wal` and an index of it in `path-shm`.
    ///
    /// # Errors
    /// If the file cannot be opened or created, is no store, or is one of another version.
    pub fn open(path: &Path) -> Result<Self> {
        let mut writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        writer.pragma_update(None, "journal_mode", "WAL")?;
        writer.pragma_update(None, "synchronous", "FULL")?;
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found == 0 {
            transaction.execute_batch(schema::TABLES)?;
            transaction.pragma_update(None, "user_version", schema::VERSION)?;
        } else if found != schema::VERSION {
            return Err(Error::Version { path: path.to_owned(), found, expected: schema::VERSION });
        }
        transaction.commit()?;
        Ok(Self { path: path.to_owned(), writer: Mutex::new(writer), readers: Mutex::default() })
    }

    /// The store's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Calls `read` with a view of one state of the store, which changes of others do not alter meanwhile.
    ///
    /// # Errors
    /// Those of `read`, and those of the database.
    pub fn read<T, E: From<Error>>(&self, read: impl FnOnce(&View<'_>) -> Result<T, E>) -> Result<T, E> {
        let idle = lock(&self.readers).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        let transaction = connection.transaction().map_err(Error::from)?;
        let result = read(&View { transaction: &transaction });
        transaction.finish().map_err(Error::from)?;
        let mut readers = lock(&self.readers);
        if readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        result
    }

    /// Calls `change` with the right to change the store. `now` is the time of the change. If `change` succeeds, what
    /// it did is on disk when this returns; if not, nothing of it happened.
    ///
    /// # Errors
    /// Those of `change`, and those of the database.
    pub fn write<T, E: From<Error>>(
        &self,
        now: FileTime,
        change: impl FnOnce(&Change<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.write_then(now, change, |result| result)
    }

    /// Calls `change` as [`Store::write`] does, and then `committed` with its result, before any other change begins.
    ///
    /// # Errors
    /// Those of `change`, and those of the database; then `committed` is not called.
    pub fn write_then<T, U, E: From<Error>>(
        &self,
        now: FileTime,
        change: impl FnOnce(&Change<'_>) -> Result<T, E>,
        committed: impl FnOnce(T) -> U,
    ) -> Result<U, E> {
        let mut connection = lock(&self.writer);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(Error::from)?;
        let view = View { transaction: &transaction };
        let result = change(&Change { view, now, events: Events::default() })?;
        transaction.commit().map_err(Error::from)?;
        Ok(committed(result))
    }
}

/// A poisoned lock is used on: its connection rolled the transaction back when the panic dropped it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// A consistent state of the store.
#[derive(Debug)]
pub struct View<'a> {
    pub(crate) transaction: &'a Transaction<'a>,
}

/// A transaction that can change the store. It reads what it has changed already.
#[derive(Debug)]
pub struct Change<'a> {
    view: View<'a>,
    now: FileTime,
    pub(crate) events: Events,
}

impl<'a> Deref for Change<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &Self::Target {
        &self.view
    }
}

impl Change<'_> {
    /// The time of this change.
    pub const fn now(&self) -> FileTime {
        self.now
    }
}
