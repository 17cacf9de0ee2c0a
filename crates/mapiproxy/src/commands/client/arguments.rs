//! Arguments of `mapiproxy client`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum as _};
use identity::Mechanism;

use crate::commands::sign_in::AccountArguments;
use crate::commands::target::Target;
use crate::config::{RpcScheme, Scheme};

/// Arguments of `client`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The server. For MAPI over HTTP `https://host` or `https://host:port`; `--user` is then required, and `--level`
    /// is not used. For RPC a host, whose endpoint mapper is queried (on port 135, or `host:port`), or a fixed
    /// endpoint such as `ncacn_ip_tcp:host[6001]`.
    #[arg(long, value_parser = Target::parse, required_unless_present = "discover")]
    pub(super) server: Option<Target>,
    /// Finds the server by Autodiscover for this email address: at `--server`, or else at `https://DOMAIN` and
    /// `https://autodiscover.DOMAIN`.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) discover: Option<String>,
    #[command(flatten)]
    pub(super) account: AccountArguments,
    /// The authentication scheme: `ntlm`, `negotiate` (in RPC also called `spnego`), or `basic`, which is for
    /// `https://` only.
    #[arg(long, value_parser = mechanism, default_value = "ntlm")]
    pub(super) auth: Mechanism,
    /// CA certificates for the server's certificate, in PEM [default: those that this machine trusts].
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// The user whose mailbox is opened, by a name that the address book resolves [default: --user].
    #[arg(long, value_name = "NAME")]
    pub(super) mailbox: Option<String>,
    /// Prints a JSON object for each result, one a line.
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

fn mechanism(word: &str) -> Result<Mechanism, &'static str> {
    let http = Scheme::from_str(word, true).map(Mechanism::from);
    let rpc = || RpcScheme::from_str(word, true).map(Mechanism::from);
    http.or_else(|_| rpc()).map_err(|_| "expected ntlm, negotiate, spnego or basic")
}

/// An operation of the client.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
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
        /// The user's name [default: --mailbox, or else --user].
        name: Option<String>,
    },
    /// Lists the folders with the numbers of their messages.
    Folders,
    /// Lists the messages of a folder, the newest first.
    List {
        /// The folder, by its path such as `Inbox/Projects`; `inbox`, `outbox`, `sent` and `deleted` are those of the
        /// mailbox, whatever their names.
        #[arg(default_value = "inbox")]
        folder: String,
        /// The maximum number of messages.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Prints a message with its recipients and attachments.
    Read(Read),
    /// Writes messages to files in the format of RFC 5322, one each.
    Export(Export),
    /// Sends a message.
    Send(Mail),
    /// Lists the rules of the inbox, or deletes one.
    Rules(RuleChange),
    /// Lists or changes the permissions on a folder.
    Permissions(PermissionChange),
    /// Prints notifications about a folder or the whole mailbox, until it is interrupted.
    Watch {
        /// The folder [default: the whole mailbox].
        folder: Option<String>,
        /// Ends after this number of notifications.
        #[arg(long)]
        count: Option<u64>,
    },
}

/// Arguments of `read`.
#[derive(Debug, clap::Args)]
pub(super) struct Read {
    /// The folder of the message, as for `list`.
    pub(super) folder: String,
    /// The id of the message, as `list` prints it.
    #[arg(value_parser = message_id)]
    pub(super) id: u64,
    /// Saves the attachments in this directory. No file is replaced.
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) save: Option<PathBuf>,
    /// Prints the message in the format of RFC 5322, as files with the extension `eml` have it.
    #[arg(long, conflicts_with = "save")]
    pub(super) eml: bool,
}

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// The folder, as for `list`, which is exported with the folders below it [default: the whole mailbox].
    pub(super) folder: Option<String>,
    /// The directory, in which each folder has a directory. Existing files are kept, so that an export that was
    /// interrupted can be repeated.
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) to: PathBuf,
}

/// Arguments of `send`.
#[derive(Debug, clap::Args)]
pub(super) struct Mail {
    /// A recipient's internet mail address; can be given several times, as can --cc and --bcc.
    #[arg(long, required = true, value_name = "ADDRESS")]
    pub(super) to: Vec<String>,
    /// The address of a recipient of a copy.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) cc: Vec<String>,
    /// The address of a recipient of a copy whom others do not see.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) bcc: Vec<String>,
    /// The subject.
    #[arg(long, default_value = "")]
    pub(super) subject: String,
    /// The text [default: standard input].
    #[arg(long)]
    pub(super) body: Option<String>,
    /// A file to attach; can be given several times.
    #[arg(long, value_name = "FILE")]
    pub(super) attach: Vec<PathBuf>,
}

/// Arguments of `rules`.
#[derive(Debug, clap::Args)]
pub(super) struct RuleChange {
    /// Deletes the rule with this id.
    #[arg(long, value_name = "ID")]
    pub(super) delete: Option<i64>,
}

/// Arguments of `permissions`.
#[derive(Debug, clap::Args)]
pub(super) struct PermissionChange {
    /// The folder, as for `list`.
    #[arg(default_value = "inbox")]
    pub(super) folder: String,
    /// Adds a permission of this user, by a name that the address book resolves, with --rights.
    #[arg(long, value_name = "NAME", requires = "rights")]
    pub(super) add: Option<String>,
    /// The rights, as a number ([MS-OXCPERM] 2.2.7), for example 0x401 for `ReadAny` and `FolderVisible`.
    #[arg(long, value_parser = rights)]
    pub(super) rights: Option<u32>,
    /// Removes the permission of the member with this id.
    #[arg(long, value_name = "ID", allow_hyphen_values = true, conflicts_with = "add")]
    pub(super) remove: Option<i64>,
}

fn message_id(text: &str) -> Result<u64, &'static str> {
    number(text).ok_or("expected an id as `mapiproxy client list` prints it, for example 0x5500000000000001")
}

fn rights(text: &str) -> Result<u32, &'static str> {
    let rights = number(text).and_then(|rights| u32::try_from(rights).ok());
    rights.ok_or("expected a number, for example 0x401")
}

/// A number in decimal or, after `0x`, in hexadecimal digits.
fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
