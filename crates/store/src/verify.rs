//! Verifies a store: what must hold in the database beyond what SQLite itself ensures.

use rusqlite::params;

use crate::database::{Store, View};
use crate::error::Result;

/// A violation that [`Store::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is violated.
    pub rule: &'static str,
    /// Where: keys of rows, or what SQLite reports.
    pub details: String,
}

/// Rules as queries: each returns a text for each violation.
const RULES: &[(&str, &str)] = &[
    (
        "each content belongs to exactly one message or attachment",
        "SELECT 'content ' || id FROM content
         WHERE (SELECT count(*) FROM message WHERE content = content.id)
             + (SELECT count(*) FROM attachment WHERE embedded = content.id) <> 1",
    ),
    (
        "each folder but the root of a mailbox has a parent in it",
        "SELECT 'folder ' || id || ' of mailbox ' || mailbox FROM folder AS child
         WHERE (parent IS NULL AND kind <> 0)
             OR (parent IS NOT NULL AND NOT EXISTS (
                 SELECT 1 FROM folder WHERE mailbox = child.mailbox AND id = child.parent))",
    ),
    (
        "a mailbox has assigned all ids of its own replica that are in use",
        "SELECT 'mailbox ' || mailbox.id || ', id ' || used.id FROM mailbox, (
             SELECT mailbox, id FROM folder UNION ALL SELECT mailbox, change FROM folder
             UNION ALL SELECT mailbox, id FROM message UNION ALL SELECT mailbox, change FROM message
             UNION ALL SELECT mailbox, read_change FROM message WHERE read_change IS NOT NULL) AS used
         WHERE used.mailbox = mailbox.id AND used.id >> 48 = 1
             AND used.id & 0xffffffffffff >= mailbox.next_counter",
    ),
    (
        "an id that a client may still assign denotes no object",
        "SELECT 'mailbox ' || used.mailbox || ', id ' || used.id FROM local_id, (
             SELECT mailbox, id FROM folder UNION ALL SELECT mailbox, id FROM message) AS used
         WHERE used.mailbox = local_id.mailbox AND used.id BETWEEN local_id.first AND local_id.last",
    ),
    (
        "two objects of a mailbox have no change number in common",
        "SELECT 'mailbox ' || mailbox || ', change ' || change FROM (
             SELECT mailbox, change FROM folder UNION ALL SELECT mailbox, change FROM message)
         GROUP BY mailbox, change HAVING count(*) > 1",
    ),
    (
        "a folder is not below itself",
        "WITH RECURSIVE above (mailbox, folder, ancestor) AS (
             SELECT mailbox, id, parent FROM folder WHERE parent IS NOT NULL
             UNION SELECT above.mailbox, above.folder, next.parent FROM above
                 JOIN folder AS next ON next.mailbox = above.mailbox AND next.id = above.ancestor
             WHERE next.parent IS NOT NULL)
         SELECT 'folder ' || folder || ' of mailbox ' || mailbox FROM above WHERE folder = ancestor",
    ),
    (
        "a receive folder is a folder of its mailbox that is not deleted",
        "SELECT 'mailbox ' || mailbox || ', class ' || message_class FROM receive_folder AS receive
         WHERE NOT EXISTS (
             SELECT 1 FROM folder WHERE mailbox = receive.mailbox AND id = receive.folder AND NOT deleted)",
    ),
    (
        "a large value belongs to a message or to an attachment that exists",
        "SELECT 'content ' || content || ', attachment ' || attachment FROM large_value AS value
         WHERE attachment <> -1 AND NOT EXISTS (
             SELECT 1 FROM attachment WHERE content = value.content AND number = value.attachment)",
    ),
];

impl Store {
    /// Reads the whole store, and returns what is wrong in it. An intact store has no findings.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn verify(&self) -> Result<Vec<Finding>> {
        self.read(findings)
    }
}

fn findings(view: &View<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (rule, sql) in [("SQLite finds the file intact", "PRAGMA integrity_check")].iter().chain(RULES) {
        let mut statement = view.transaction.prepare(sql)?;
        let rows = statement.query_map(params![], |row| row.get::<_, String>(0))?;
        for details in rows {
            let details = details?;
            if details != "ok" {
                findings.push(Finding { rule, details });
            }
        }
    }
    let mut statement = view.transaction.prepare("PRAGMA foreign_key_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        let details = format!("a row of {table} names a row of {parent}");
        findings.push(Finding { rule: "each row that is named exists", details });
    }
    undecodable(view, &mut findings)?;
    Ok(findings)
}

/// Decodes everything that messages contain.
fn undecodable(view: &View<'_>, findings: &mut Vec<Finding>) -> Result<()> {
    let mut statement = view.transaction.prepare("SELECT id FROM content")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = crate::content::ContentId(row.get(0)?);
        if let Err(error) = view.content(id) {
            let details = format!("content {}: {error}", row.get::<_, i64>(0)?);
            findings.push(Finding { rule: "each value can be decoded", details });
        }
    }
    Ok(())
}
