//! What `mapiproxy replay` takes on the command line.

use std::path::PathBuf;

use crate::commands::decode;
use crate::commands::key_files::KeyFiles;
use crate::commands::sign_in::SignIn;
use crate::config::{Binding, NoServer, Scheme, Url};

/// What to send, and where to.
#[derive(Debug, clap::Args)]
#[command(mut_arg("user", |user| user.long("as")))]
pub(crate) struct Arguments {
    /// Recordings, as `mapiproxy decode` takes them. Of recordings made by this program, the clients' side is sent.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// The server. For remote calls a host, asked through its endpoint mapper (on port 135, or `host:port`),
    /// or one fixed endpoint as `ncacn_ip_tcp:host[6001]`. For MAPI over HTTP `https://host`, with `:port`
    /// where it is another.
    #[arg(long, value_parser = Target::parse)]
    pub(super) target: Target,
    #[command(flatten)]
    pub(super) sign_in: SignIn,
    /// The authentication scheme.
    #[arg(long, value_enum, default_value = "ntlm")]
    pub(super) auth: Scheme,
    /// A file with the certificates of the authorities that may say who the server is, in PEM. Those that this
    /// machine trusts where it is left out.
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// The name that the server's certificate must have, where it is not that of the target.
    #[arg(long, value_name = "NAME")]
    pub(super) server_name: Option<String>,
    /// Only what this user asked, by whole name or without the domain.
    #[arg(long)]
    pub(super) user_asked: Option<String>,
    /// Reads what is sealed in the recording, as in `mapiproxy decode`.
    #[arg(long, value_name = "USER=FILE", value_parser = decode::assignment)]
    pub(super) password: Vec<(String, PathBuf)>,
    /// Reads what is sealed in the recording, as in `mapiproxy decode`.
    #[arg(long, value_name = "KIND=FILE", value_parser = decode::assignment)]
    pub(super) key: Vec<(String, PathBuf)>,
    #[command(flatten)]
    pub(super) key_files: KeyFiles,
}

/// Where calls are sent.
#[derive(Debug, Clone)]
pub(super) enum Target {
    Rpc(Binding),
    Http(Url),
}

impl Target {
    fn parse(text: &str) -> Result<Self, NoServer> {
        if text.contains("://") {
            return Url::try_from(text.to_owned()).map(Self::Http);
        }
        Binding::try_from(text.to_owned()).map(Self::Rpc)
    }
}
