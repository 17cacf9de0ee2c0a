//! The configuration file: its keys, and the check of a file.

mod addresses;
mod check;
mod declare;
mod document;
mod excerpt;
mod hosts;
mod key;
mod keys;
mod kinds;
mod listeners;
mod mechanism_options;
mod mechanism_settings;
mod mechanism_words;
mod modes;
mod option_values;
mod places;
mod problems;
mod schema;
mod servers;
mod service;
mod syntax;
mod table;
#[cfg(test)]
mod tests;
mod texts;
mod types;
mod unknown;
mod unsafe_settings;
mod warnings;

pub(crate) use check::{Examined, examine, load};
pub(crate) use keys::reference;
pub(crate) use mechanism_settings::{mechanism_settings, own_domain};
pub(crate) use mechanism_words::{RpcScheme, Scheme};
pub(crate) use option_values::option_value;
pub(crate) use places::Places;
pub(crate) use problems::{ConfigError, Found, Problems};
pub(crate) use schema::schema;
pub(crate) use servers::{Binding, NoServer, Url};
pub(crate) use service::{RpcService, Service};
pub(crate) use table::{Capture, Clients, Config, Credentials, Deferred, Listen, Specified};
pub(crate) use types::{Bindings, CapturedSide, DirectoryAccess, ProtectionLevel};
pub(crate) use warnings::warnings;
