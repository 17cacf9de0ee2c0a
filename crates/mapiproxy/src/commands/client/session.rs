//! The server, the account and the mailbox of a command.

use client::{Client, ClientConfig, HttpServer, Mailbox, Resolution, Server, http_account};
use identity::Scope;
use net::http::{TlsTrust, TlsVersion};

use super::arguments::Arguments;
use crate::commands::target::Target;
use crate::failure::Failure;

/// A client with the arguments of the command line.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    user: Option<String>,
    mailbox: Option<String>,
}

impl Session {
    pub(super) fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let user = arguments.account.user.clone();
        Ok(Self { client: Client::new(config(arguments)?), user, mailbox: arguments.mailbox.clone() })
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
    let Arguments { account, auth, server, ca_file, .. } = arguments;
    match server {
        Target::Rpc(binding) => {
            if auth.rpc_auth_type().is_none() {
                return Err(format!("--auth {auth} is for https:// only").into());
            }
            let config = ClientConfig::new(Server::Rpc(binding.clone().into()));
            Ok(ClientConfig { account: account.account(*auth)?, ..config })
        }
        Target::Http(url) => {
            let user = account.user.as_deref().ok_or("MAPI over HTTP requires --user")?;
            if auth.scope() == Scope::Request && !url.tls {
                return Err("--auth basic sends the password unencrypted: use --server https://host".into());
            }
            let trust = || TlsTrust::new(&url.host, ca_file.as_deref(), TlsVersion::default());
            let tls = url.tls.then(trust).transpose()?;
            let server = HttpServer { tls, ..HttpServer::without_tls(&url.host, url.port) };
            let password = account.password_of(user)?;
            let account = http_account(user, &account.domain, &password, *auth)?;
            Ok(ClientConfig::http(server).with_account(account))
        }
    }
}
