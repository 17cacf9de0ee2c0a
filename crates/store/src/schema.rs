//! The tables of the database.

/// The version of the format, kept in SQLite's `user_version`.
pub(crate) const VERSION: i64 = 6;

/// Creates the tables of an empty database.
///
/// Ids of folders, messages and changes are integers (see `ObjectId`); times are `FILETIME`s; `properties` holds
/// encoded property lists (see `properties`). A message's properties, recipients and attachments hang on a row of
/// `content`, since an embedded message has these without being in a folder.
pub(crate) const TABLES: &str = "
CREATE TABLE mailbox (
    id           INTEGER PRIMARY KEY,
    guid         BLOB NOT NULL UNIQUE,
    replica      BLOB NOT NULL UNIQUE,
    kind         INTEGER NOT NULL,
    owner        TEXT NOT NULL UNIQUE,
    next_counter INTEGER NOT NULL,
    properties   BLOB NOT NULL
) STRICT;

CREATE TABLE replica (
    mailbox INTEGER NOT NULL REFERENCES mailbox ON DELETE CASCADE,
    number  INTEGER NOT NULL,
    guid    BLOB NOT NULL,
    PRIMARY KEY (mailbox, number),
    UNIQUE (mailbox, guid)
) STRICT, WITHOUT ROWID;

CREATE TABLE local_id (
    mailbox INTEGER NOT NULL REFERENCES mailbox ON DELETE CASCADE,
    first   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    user    TEXT NOT NULL,
    PRIMARY KEY (mailbox, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE named_property (
    mailbox INTEGER NOT NULL REFERENCES mailbox ON DELETE CASCADE,
    id      INTEGER NOT NULL,
    name    BLOB NOT NULL,
    PRIMARY KEY (mailbox, id),
    UNIQUE (mailbox, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE folder (
    mailbox         INTEGER NOT NULL REFERENCES mailbox ON DELETE CASCADE,
    id              INTEGER NOT NULL,
    parent          INTEGER,
    kind            INTEGER NOT NULL,
    name            TEXT NOT NULL,
    deleted         INTEGER NOT NULL DEFAULT 0,
    change          INTEGER NOT NULL,
    change_key      BLOB NOT NULL,
    predecessors    BLOB NOT NULL,
    created         INTEGER NOT NULL,
    modified        INTEGER NOT NULL,
    hierarchy_changed INTEGER NOT NULL,
    contents_changed INTEGER NOT NULL,
    hierarchy_changes INTEGER NOT NULL DEFAULT 0,
    deleted_count   INTEGER NOT NULL DEFAULT 0,
    properties      BLOB NOT NULL,
    PRIMARY KEY (mailbox, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX folder_parent ON folder (mailbox, parent, deleted);

CREATE TABLE content (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    properties BLOB NOT NULL,
    recipients BLOB NOT NULL
) STRICT;

CREATE TABLE attachment (
    content    INTEGER NOT NULL REFERENCES content ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    properties BLOB NOT NULL,
    embedded   INTEGER REFERENCES content,
    PRIMARY KEY (content, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachment_embedded ON attachment (embedded) WHERE embedded IS NOT NULL;

CREATE TABLE large_value (
    content    INTEGER NOT NULL REFERENCES content ON DELETE CASCADE,
    attachment INTEGER NOT NULL,
    tag        INTEGER NOT NULL,
    value      BLOB NOT NULL,
    PRIMARY KEY (content, attachment, tag)
) STRICT;

CREATE TABLE message (
    mailbox      INTEGER NOT NULL REFERENCES mailbox ON DELETE CASCADE,
    id           INTEGER NOT NULL,
    folder       INTEGER NOT NULL,
    content      INTEGER NOT NULL UNIQUE REFERENCES content,
    associated   INTEGER NOT NULL,
    deleted      INTEGER NOT NULL DEFAULT 0,
    read         INTEGER NOT NULL,
    change       INTEGER NOT NULL,
    read_change  INTEGER,
    change_key   BLOB NOT NULL,
    predecessors BLOB NOT NULL,
    size         INTEGER NOT NULL,
    created      INTEGER NOT NULL,
    modified     INTEGER NOT NULL,
    PRIMARY KEY (mailbox, id),
    FOREIGN KEY (mailbox, folder) REFERENCES folder (mailbox, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_folder ON message (mailbox, folder, associated, deleted, read, id);
CREATE INDEX message_change ON message (mailbox, folder, change);

CREATE TABLE permission (
    mailbox INTEGER NOT NULL,
    folder  INTEGER NOT NULL,
    member  INTEGER NOT NULL,
    user    TEXT,
    rights  INTEGER NOT NULL,
    PRIMARY KEY (mailbox, folder, member),
    UNIQUE (mailbox, folder, user),
    FOREIGN KEY (mailbox, folder) REFERENCES folder (mailbox, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE search (
    mailbox     INTEGER NOT NULL,
    folder      INTEGER NOT NULL,
    restriction BLOB NOT NULL,
    code_page   INTEGER NOT NULL,
    folders     BLOB NOT NULL,
    recursive   INTEGER NOT NULL,
    stopped     INTEGER NOT NULL,
    hits        BLOB,
    PRIMARY KEY (mailbox, folder),
    FOREIGN KEY (mailbox, folder) REFERENCES folder (mailbox, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE rule (
    mailbox    INTEGER NOT NULL,
    folder     INTEGER NOT NULL,
    id         INTEGER NOT NULL,
    code_page  INTEGER NOT NULL,
    properties BLOB NOT NULL,
    PRIMARY KEY (mailbox, folder, id),
    FOREIGN KEY (mailbox, folder) REFERENCES folder (mailbox, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE replied (
    mailbox INTEGER NOT NULL,
    folder  INTEGER NOT NULL,
    rule    INTEGER NOT NULL,
    sender  TEXT NOT NULL,
    PRIMARY KEY (mailbox, folder, rule, sender),
    FOREIGN KEY (mailbox, folder) REFERENCES folder (mailbox, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE receive_folder (
    mailbox       INTEGER NOT NULL REFERENCES mailbox ON DELETE CASCADE,
    message_class TEXT NOT NULL COLLATE NOCASE,
    folder        INTEGER NOT NULL,
    modified      INTEGER NOT NULL,
    PRIMARY KEY (mailbox, message_class)
) STRICT, WITHOUT ROWID;
";
