//! `mapiproxy client`: a MAPI client for the command line.

use std::io::{self, Write as _, stdout};

use clap::Subcommand;
use client::{Client, ClientConfig, Failure, Person, Resolution};
use rpc::FaultStatus;

use crate::commands::sign_in::{AccountArguments, CHECK_ACCOUNT};
use crate::config::{Binding, RpcScheme};
use crate::failure::Outcome;

/// Arguments of `client`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The server: a host, whose endpoint mapper is queried (on port 135, or `host:port`), or a fixed
    /// endpoint such as `ncacn_ip_tcp:host[6001]`.
    #[arg(long, value_parser = |text: &str| Binding::try_from(text.to_owned()))]
    server: Binding,
    #[command(flatten)]
    account: AccountArguments,
    /// The authentication scheme. `spnego` is the scheme with the name `negotiate` in HTTP.
    #[arg(long, value_enum, default_value = "ntlm")]
    auth: RpcScheme,
    #[command(subcommand)]
    command: Command,
}

/// An operation of the client.
#[derive(Debug, Subcommand)]
enum Command {
    /// Lists entries of the global address list.
    Gal {
        /// Lists entries whose name begins with SEARCH.
        #[arg(long)]
        search: Option<String>,
        /// The maximum number of entries.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Resolves names in the address book.
    Resolve {
        /// The names.
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Opens a user's mailbox.
    Logon {
        /// The user's name [default: --user].
        name: Option<String>,
    },
}

/// Executes the operation.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = Client::new(config(arguments)?);
    let done = runtime.block_on(async {
        match &arguments.command {
            Command::Gal { search, limit } => gal(&client, search.as_deref(), *limit).await,
            Command::Resolve { names } => resolve(&client, names).await,
            Command::Logon { name } => {
                let name = name.as_ref().or(arguments.account.user.as_ref());
                logon(&client, name.ok_or("no mailbox given: pass NAME or --user")?).await
            }
        }
    });
    done.map_err(|error| match error.downcast_ref::<client::Error>() {
        Some(client::Error {
            failure: Failure::Fault(FaultStatus::ACCESS_DENIED) | Failure::NotAuthenticated(_),
            ..
        }) => format!("{error}; {CHECK_ACCOUNT}").into(),
        _ => error,
    })
}

fn config(arguments: &Arguments) -> Result<ClientConfig, Box<dyn std::error::Error>> {
    Ok(ClientConfig {
        server: client::Server::Rpc(arguments.server.clone().into()),
        account: arguments.account.account(arguments.auth.into())?,
        timeout: ClientConfig::TIMEOUT,
    })
}

async fn gal(client: &Client, search: Option<&str>, limit: u32) -> Outcome {
    let mut book = client.address_book().await?;
    let people = match search {
        Some(name) => book.search(name, limit).await?,
        None => book.people(0, limit).await?,
    };
    people.iter().try_for_each(print)?;
    book.unbind().await?;
    Ok(())
}

async fn resolve(client: &Client, names: &[String]) -> Outcome {
    let mut book = client.address_book().await?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (name, resolution) in names.iter().zip(book.resolve_names(&names).await?) {
        match resolution {
            Resolution::Resolved(person) => print(&person)?,
            Resolution::Ambiguous => writeln!(stdout(), "{name}: ambiguous")?,
            Resolution::Unresolved => writeln!(stdout(), "{name}: not found")?,
        }
    }
    book.unbind().await?;
    Ok(())
}

async fn logon(client: &Client, name: &str) -> Outcome {
    let mut book = client.address_book().await?;
    let found = book.resolve_names(&[name]).await?.into_iter().next();
    book.unbind().await?;
    let Some(Resolution::Resolved(person)) = found else {
        return Err(format!("{name} is not, or not uniquely, in the address book").into());
    };
    let mailbox = client.mailbox(&person.legacy_dn).await?;
    writeln!(stdout(), "connected as {}; server version {}", mailbox.display_name, mailbox.server_version)?;
    let info = mailbox.info();
    writeln!(stdout(), "mailbox {}, replica {}", info.mailbox_guid, info.replica_guid)?;
    mailbox.disconnect().await?;
    Ok(())
}

fn print(person: &Person) -> io::Result<()> {
    let Person { display_name, smtp, department, phone, .. } = person;
    writeln!(stdout(), "{display_name:<32} {smtp:<28} {department:<18} {phone}")
}
