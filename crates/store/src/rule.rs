//! The rules of folders ([MS-OXORULE] 2.2.1). The store does not execute them.

use rusqlite::params;

use crate::database::{Change, View};
use crate::error::Result;
use crate::id::{MailboxId, ObjectId};
use crate::properties::Properties;

/// A rule of a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// `PidTagRuleId`, unique in the folder.
    pub id: u32,
    /// The code page of 8-bit texts in its condition.
    pub code_page: u32,
    /// Its other properties ([MS-OXORULE] 2.2.1.3.1).
    pub properties: Properties,
}

impl View<'_> {
    /// The rules of a folder, in the order of their ids.
    ///
    /// # Errors
    /// If the database fails.
    pub fn rules(&self, mailbox: MailboxId, folder: ObjectId) -> Result<Vec<Rule>> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT id, code_page, properties FROM rule WHERE mailbox = ? AND folder = ? ORDER BY id",
        )?;
        let mut rows = statement.query(params![mailbox, folder])?;
        let mut rules = Vec::new();
        while let Some(row) = rows.next()? {
            let properties: Vec<u8> = row.get(2)?;
            let properties = Properties::decode(&properties)?;
            rules.push(Rule { id: row.get(0)?, code_page: row.get(1)?, properties });
        }
        Ok(rules)
    }

    /// Whether a rule has replied to `sender`.
    ///
    /// # Errors
    /// If the database fails.
    pub fn has_replied(&self, mailbox: MailboxId, folder: ObjectId, rule: u32, sender: &str) -> Result<bool> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM replied WHERE mailbox = ? AND folder = ? AND rule = ? AND sender = ?)",
        )?;
        Ok(statement.query_row(params![mailbox, folder, rule, sender], |row| row.get(0))?)
    }

    /// Whether a folder has rules (`PidTagHasRules`).
    ///
    /// # Errors
    /// If the database fails.
    pub fn has_rules(&self, mailbox: MailboxId, folder: ObjectId) -> Result<bool> {
        let mut statement = self
            .transaction
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM rule WHERE mailbox = ? AND folder = ?)")?;
        Ok(statement.query_row(params![mailbox, folder], |row| row.get(0))?)
    }
}

impl Change<'_> {
    /// Replaces the rules of a folder.
    ///
    /// # Errors
    /// If the folder does not exist, or two rules have one id.
    pub fn set_rules(&self, mailbox: MailboxId, folder: ObjectId, rules: &[Rule]) -> Result<()> {
        self.folder(mailbox, folder)?;
        self.transaction
            .prepare_cached("DELETE FROM rule WHERE mailbox = ? AND folder = ?")?
            .execute(params![mailbox, folder])?;
        for rule in rules {
            self.transaction
                .prepare_cached(
                    "INSERT INTO rule (mailbox, folder, id, code_page, properties) VALUES (?, ?, ?, ?, ?)",
                )?
                .execute(params![mailbox, folder, rule.id, rule.code_page, rule.properties.encode()?])?;
        }
        self.transaction
            .prepare_cached(
                "DELETE FROM replied WHERE mailbox = ?1 AND folder = ?2 AND rule NOT IN
                     (SELECT id FROM rule WHERE mailbox = ?1 AND folder = ?2)",
            )?
            .execute(params![mailbox, folder])?;
        self.events.folder_modified(mailbox, folder, false);
        Ok(())
    }

    /// Notes that a rule has replied to `sender` ([MS-OXORULE] 3.2.5.1.1).
    ///
    /// # Errors
    /// If the folder does not exist.
    pub fn add_replied(&self, mailbox: MailboxId, folder: ObjectId, rule: u32, sender: &str) -> Result<()> {
        self.transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO replied (mailbox, folder, rule, sender) VALUES (?, ?, ?, ?)",
            )?
            .execute(params![mailbox, folder, rule, sender])?;
        Ok(())
    }

    /// Forgets to whom the rules of a mailbox have replied.
    ///
    /// # Errors
    /// If the database fails.
    pub fn clear_replied(&self, mailbox: MailboxId) -> Result<()> {
        self.transaction.prepare_cached("DELETE FROM replied WHERE mailbox = ?")?.execute([mailbox])?;
        Ok(())
    }
}
