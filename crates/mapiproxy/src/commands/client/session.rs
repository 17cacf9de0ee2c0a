//! The server, the account and the mailbox of a command.

use client::{Client, ClientConfig, HttpServer, Mailbox, Resolution, Server, http_account};
use identity::Scope;
use net::ServiceCredentials;

use super::arguments::Arguments;
use crate::commands::target::{self, Target};
use crate::config::Url;
use crate::failure::Failure;

/// A client with the arguments of the command line.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    user: Option<String>,
    mailbox: Option<String>,
}

impl Session {
    pub(super) async fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let config = match &arguments.discover {
            Some(email) => discovered(arguments, email).await?,
            None => config(arguments)?,
        };
        let user = arguments.account.user.clone();
        Ok(Self { client: Client::new(config), user, mailbox: arguments.mailbox.clone() })
    }

    /// The mailbox of `name`, or else of `--mailbox`, or else of the user.
    pub(super) async fn mailbox(&self, name: Option<&str>) -> Result<Mailbox, Failure> {
        let name = name.or(self.mailbox.as_deref()).or(self.user.as_deref());
        let name = name.ok_or("no mailbox given: pass --mailbox or --user")?;
        let owner = self.dn(name).await?;
        let user = match &self.user {
            Some(user) if user != name => self.dn(user).await?,
            _ => owner.clone(),
        };
        Ok(self.client.mailbox_of(&user, &owner).await?)
    }

    /// The distinguished name of the user or list that the address book resolves `name` to.
    pub(super) async fn dn(&self, name: &str) -> Result<String, Failure> {
        let mut book = self.client.address_book().await?;
        let found = book.resolve_names(&[name]).await?.into_iter().next();
        book.unbind().await?;
        match found {
            Some(Resolution::Resolved(person)) => Ok(person.legacy_dn),
            Some(Resolution::Ambiguous) => {
                Err(format!("{name} is ambiguous in the address book: pass the whole name").into())
            }
            _ => Err(format!("{name} is not in the address book").into()),
        }
    }
}

fn config(arguments: &Arguments) -> Result<ClientConfig, Failure> {
    let Arguments { account, auth, server, .. } = arguments;
    match server.as_ref().ok_or("pass --server or --discover")? {
        Target::Rpc(binding) => {
            if auth.rpc_auth_type().is_none() {
                return Err(format!("--auth {auth} is for https:// only").into());
            }
            let config = ClientConfig::new(Server::Rpc(binding.clone().into()));
            Ok(ClientConfig { account: account.account(*auth)?, ..config })
        }
        Target::Http(url) => {
            Ok(ClientConfig::http(http_server(arguments, url)?).with_account(credentials(arguments)?))
        }
    }
}

/// The server of `arguments` with this URL.
fn http_server(arguments: &Arguments, url: &Url) -> Result<HttpServer, Failure> {
    if arguments.auth.scope() == Scope::Request && !url.tls {
        return Err("--auth basic sends the password unencrypted: use --server https://host".into());
    }
    Ok(target::http_server(url, arguments.ca_file.as_deref())?)
}

/// The account for HTTP.
fn credentials(arguments: &Arguments) -> Result<ServiceCredentials, Failure> {
    let Arguments { account, auth, .. } = arguments;
    let user = account.user.as_deref().ok_or("MAPI over HTTP requires --user")?;
    Ok(http_account(user, &account.domain, &account.password_of(user)?, *auth)?)
}

/// The server that Autodiscover names for `email`.
async fn discovered(arguments: &Arguments, email: &str) -> Result<ClientConfig, Failure> {
    let server = match &arguments.server {
        None => None,
        Some(Target::Http(url)) => Some(http_server(arguments, url)?),
        Some(Target::Rpc(_)) => return Err("with --discover, --server is https://host".into()),
    };
    let account = credentials(arguments)?;
    let found = client::discover(email, account, server.as_ref(), arguments.ca_file.as_deref()).await?;
    Ok(found.config)
}
