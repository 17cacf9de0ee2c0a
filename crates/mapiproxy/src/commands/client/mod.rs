//! `mapiproxy client`: a MAPI client for the command line.

mod address_book;
mod addresses;
mod arguments;
mod eml;
mod errors;
mod folders;
mod messages;
mod printer;
mod send;
mod session;

pub(crate) use self::arguments::Arguments;

use self::arguments::Command;
use self::printer::Printer;
use self::session::Session;
use crate::failure::Outcome;

/// Executes the operation.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let printer = Printer { is_json: arguments.json };
    let done = runtime.block_on(async {
        let session = Session::new(arguments).await?;
        match &arguments.command {
            Command::Gal { search, limit } => {
                address_book::gal(&session, printer, search.as_deref(), *limit).await
            }
            Command::Resolve { names } => address_book::resolve(&session, printer, names).await,
            Command::Logon { name } => folders::logon(&session, printer, name.as_deref()).await,
            Command::Folders => folders::list(&session, printer).await,
            Command::Permissions(change) => folders::permissions(&session, printer, change).await,
            Command::Rules(change) => folders::rules(&session, printer, change).await,
            Command::List { folder, limit } => messages::list(&session, printer, folder, *limit).await,
            Command::Read(read) if read.eml => eml::print(&session, printer, &read.folder, read.id).await,
            Command::Export(export) => eml::export(&session, printer, export).await,
            Command::Read(read) => messages::read(&session, printer, read).await,
            Command::Watch { folder, count } => {
                messages::watch(&session, printer, folder.as_deref(), *count).await
            }
            Command::Send(mail) => send::send(&session, printer, mail).await,
        }
    });
    done.map_err(errors::with_status)
}
