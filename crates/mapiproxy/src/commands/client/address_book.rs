//! `mapiproxy client gal` and `resolve`.

use std::io;

use client::{Person, Resolution};
use serde_json::json;

use super::printer::{Printer, shown};
use super::session::Session;
use crate::failure::Outcome;

/// Lists entries of the global address list.
pub(super) async fn gal(session: &Session, printer: Printer, search: Option<&str>, limit: u32) -> Outcome {
    let mut book = session.client.address_book().await?;
    let people = match search {
        Some(name) => book.search(name, limit).await?,
        None => book.people(0, limit).await?,
    };
    people.iter().try_for_each(|person| print(printer, person))?;
    book.unbind().await?;
    Ok(())
}

/// Resolves names.
pub(super) async fn resolve(session: &Session, printer: Printer, names: &[String]) -> Outcome {
    let mut book = session.client.address_book().await?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (name, resolution) in names.iter().zip(book.resolve_names(&names).await?) {
        match resolution {
            Resolution::Resolved(person) => print(printer, &person)?,
            Resolution::Ambiguous => {
                printer.print(
                    format_args!("{name}: ambiguous"),
                    &json!({ "name": name, "error": "ambiguous" }),
                )?;
            }
            Resolution::Unresolved => {
                printer.print(
                    format_args!("{name}: not found"),
                    &json!({ "name": name, "error": "not found" }),
                )?;
            }
        }
    }
    book.unbind().await?;
    Ok(())
}

fn print(printer: Printer, person: &Person) -> io::Result<()> {
    let Person { display_name, smtp, department, phone, .. } = person;
    let line = format!("{display_name:<32} {smtp:<28} {department:<18} {phone}");
    let json = json!({
        "name": display_name,
        "smtp": smtp,
        "account": person.account,
        "dn": person.legacy_dn,
        "title": person.title,
        "department": department,
        "office": person.office,
        "phone": phone,
        "is_list": person.is_list(),
    });
    printer.print(shown(&line), &json)
}
