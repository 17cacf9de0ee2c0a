//! `mapiproxy client logon`, `folders`, `permissions` and `rules`.

use client::WellKnown;
use serde_json::json;

use super::arguments::{PermissionChange, RuleChange};
use super::printer::{Printer, shown};
use super::session::Session;
use crate::failure::Outcome;

/// Opens a mailbox.
pub(super) async fn logon(session: &Session, printer: Printer, name: Option<&str>) -> Outcome {
    let mailbox = session.mailbox(name).await?;
    let info = mailbox.info();
    let (user, version) = (&mailbox.display_name, &mailbox.server_version);
    let line = format!(
        "connected as {}; server version {}\nmailbox {}, replica {}",
        shown(user),
        shown(version),
        info.mailbox_guid,
        info.replica_guid
    );
    let json = json!({
        "user": user,
        "server_version": version,
        "mailbox": info.mailbox_guid.to_string(),
        "replica": info.replica_guid.to_string(),
    });
    printer.print(line, &json)?;
    mailbox.disconnect().await?;
    Ok(())
}

/// Lists the folders.
pub(super) async fn list(session: &Session, printer: Printer) -> Outcome {
    let mailbox = session.mailbox(None).await?;
    for folder in mailbox.folders().await? {
        let indent = usize::try_from(folder.depth.saturating_sub(1).min(32))? * 2;
        let name = format!("{:indent$}{}", "", shown(&folder.name));
        let line = format!("{name:<40} {:>7} messages {:>7} unread", folder.messages, folder.unread);
        let json = json!({
            "id": format!("{:#x}", folder.id.0),
            "parent": format!("{:#x}", folder.parent.0),
            "name": folder.name,
            "class": folder.class,
            "depth": folder.depth,
            "messages": folder.messages,
            "unread": folder.unread,
        });
        printer.print(line, &json)?;
    }
    mailbox.disconnect().await?;
    Ok(())
}

/// Changes the permissions on a folder, and lists them.
pub(super) async fn permissions(session: &Session, printer: Printer, change: &PermissionChange) -> Outcome {
    let member = match &change.add {
        Some(name) => Some(session.dn(name).await?),
        None => None,
    };
    let mailbox = session.mailbox(None).await?;
    let folder = mailbox.find_folder(&change.folder).await?;
    if let (Some(member), Some(rights)) = (member, change.rights) {
        folder.add_permission(&member, rights).await?;
    }
    if let Some(member) = change.remove {
        folder.remove_permission(member).await?;
    }
    for permission in folder.permissions().await? {
        let rights = permission.right_names();
        let name = if permission.member == 0 { "(everyone else)" } else { &permission.name };
        let line = format!(
            "{:>6}  {:<32} {:#x} {}",
            permission.member,
            shown(name),
            permission.rights,
            rights.join(", ")
        );
        let json = json!({
            "member": permission.member,
            "name": permission.name,
            "rights": permission.rights,
            "right_names": rights,
        });
        printer.print(line, &json)?;
    }
    drop(folder);
    mailbox.disconnect().await?;
    Ok(())
}

/// Deletes a rule of the inbox, and lists the rules.
pub(super) async fn rules(session: &Session, printer: Printer, change: &RuleChange) -> Outcome {
    let mailbox = session.mailbox(None).await?;
    let inbox = mailbox.folder(WellKnown::Inbox).await?;
    if let Some(id) = change.delete {
        inbox.delete_rule(id).await?;
    }
    for rule in inbox.rules().await? {
        let condition = rule.condition.as_ref().map_or("all messages".to_owned(), ToString::to_string);
        let state = if rule.is_enabled() { "" } else { " (disabled)" };
        let line = format!("{:>6}  {}{state}: {condition}: {}", rule.id, rule.name, rule.actions);
        let json = json!({
            "id": rule.id,
            "name": rule.name,
            "provider": rule.provider,
            "sequence": rule.sequence,
            "is_enabled": rule.is_enabled(),
            "condition": condition,
            "actions": rule.actions.to_string(),
        });
        printer.print(shown(&line), &json)?;
    }
    drop(inbox);
    mailbox.disconnect().await?;
    Ok(())
}
