//! Arguments of `mapiproxy replay`.

use std::path::PathBuf;

use crate::commands::decryption::DecryptionArguments;
use crate::commands::sign_in::AccountArguments;
use crate::commands::target::Target;
use crate::config::Scheme;

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Recordings, as for `mapiproxy decode`. Of recordings made by `[capture]` only the client side is sent.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// The server. For RPC calls a host, whose endpoint mapper is queried (on port 135, or `host:port`), or a
    /// fixed endpoint such as `ncacn_ip_tcp:host[6001]`. For MAPI over HTTP `https://host` or
    /// `https://host:port`; `--user` is then required, and `--level` is not used.
    #[arg(long, value_parser = Target::parse)]
    pub(super) target: Target,
    #[command(flatten)]
    pub(super) account: AccountArguments,
    /// The authentication scheme. `basic` is for a target `https://` only. `negotiate` is the scheme with the
    /// name `spnego` in `mapiproxy client`.
    #[arg(long, value_enum, default_value = "ntlm")]
    pub(super) auth: Scheme,
    /// CA certificates for the server's certificate, in PEM [default: those that this machine trusts].
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// The name that the server's certificate must have [default: the target's host].
    #[arg(long, value_name = "NAME")]
    pub(super) server_name: Option<String>,
    /// Sends only operations of this user of the recording, named with or without the domain.
    #[arg(long, value_name = "USER")]
    pub(super) only_user: Option<String>,
    #[command(flatten)]
    pub(super) decryption: DecryptionArguments,
}
