//! What can be reloaded while the proxy runs.

use std::sync::Arc;

use net::http::TlsError;

use super::http::LiveCertificate;
use super::upstream_identity::UpstreamIdentities;
use crate::files::{FileError, LiveAccounts};

/// What can be reloaded while the proxy runs. Each method reads files, and takes as long as the disk does.
pub(crate) struct Reloadable {
    pub(super) accounts: Arc<LiveAccounts>,
    pub(super) identities: UpstreamIdentities,
    pub(super) certificate: Option<LiveCertificate>,
}

impl Reloadable {
    /// Reloads the password of the service account, for new connections to the upstream. Returns whether
    /// there is a service account.
    pub(crate) fn reload_password(&self) -> Result<bool, FileError> {
        self.identities.reload()
    }

    /// Reloads the accounts of clients. Returns their number, if there is a file of accounts.
    pub(crate) fn reload_accounts(&self) -> Result<Option<usize>, FileError> {
        self.accounts.reload()
    }

    /// Reloads the certificate and its key, for new client connections. Returns whether there is a
    /// certificate.
    pub(crate) fn reload_certificate(&self) -> Result<bool, TlsError> {
        self.certificate.as_ref().map(LiveCertificate::reload).transpose().map(|reloaded| reloaded.is_some())
    }
}
