//! `mapiproxy client`: calls a server from the command line.

use std::io::{self, Write as _, stdout};

use clap::Subcommand;
use client::{Client, ClientConfig, Person, Resolution};

use crate::commands::sign_in::SignIn;
use crate::config::{Binding, RpcScheme};
use crate::failure::Outcome;

/// Which server, and as whom.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The server: a host, asked through its endpoint mapper (on port 135, or `host:port`), or one fixed
    /// endpoint as `ncacn_ip_tcp:host[6001]`.
    #[arg(long, value_parser = |text: &str| Binding::try_from(text.to_owned()))]
    server: Binding,
    #[command(flatten)]
    sign_in: SignIn,
    /// The authentication scheme.
    #[arg(long, value_enum, default_value = "ntlm")]
    by: RpcScheme,
    #[command(subcommand)]
    command: Command,
}

/// What to do there.
#[derive(Debug, Subcommand)]
enum Command {
    /// Lists entries of the global address list.
    Gal {
        /// Only those whose name begins so.
        #[arg(long)]
        search: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Resolves names.
    Resolve {
        /// The names.
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Opens the mailbox of the user with this name.
    Logon {
        /// The name; the account's where it is left out.
        name: Option<String>,
    },
}

/// Does what was asked.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = Client::new(config(arguments)?);
    runtime.block_on(async {
        match &arguments.command {
            Command::Gal { search, limit } => gal(&client, search.as_deref(), *limit).await,
            Command::Resolve { names } => resolve(&client, names).await,
            Command::Logon { name } => {
                let name = name.as_ref().or(arguments.sign_in.user.as_ref());
                logon(&client, name.ok_or("whose mailbox? name somebody, or sign in with --user")?).await
            }
        }
    })
}

fn config(arguments: &Arguments) -> Result<ClientConfig, Box<dyn std::error::Error>> {
    Ok(ClientConfig {
        location: arguments.server.clone().into(),
        account: arguments.sign_in.account(arguments.by.into())?,
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
            Resolution::Ambiguous => writeln!(stdout(), "{name}: more than one")?,
            Resolution::Unresolved => writeln!(stdout(), "{name}: no such user")?,
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
        return Err(format!("{name} does not name one person in the address book").into());
    };
    let mut mailbox = client.mailbox(&person.legacy_dn).await?;
    writeln!(
        stdout(),
        "connected as {} to a server of version {}",
        mailbox.display_name,
        mailbox.server_version
    )?;
    let logon = mailbox.logon().await?;
    writeln!(stdout(), "the mailbox is {}, its replica {}", logon.mailbox_guid, logon.replica_guid)?;
    mailbox.disconnect().await?;
    Ok(())
}

fn print(person: &Person) -> io::Result<()> {
    let Person { display_name, smtp, department, phone, .. } = person;
    writeln!(stdout(), "{display_name:<32} {smtp:<28} {department:<18} {phone}")
}
