//! Queries the referral service (RFR) for the address book server.

use mapi::Interface;
use mapi::rfr::{GetFQDNFromServerDNRequest, GetNewDSARequest};
use rpc::ndr::{CharString, Ptr};
use tokio::sync::{Mutex, MutexGuard};

use crate::client::Client;
use crate::connection::{Connection, ask};
use crate::error::{Error, Failure, check};

impl Client {
    /// The name of the server whose address book `user_dn` is to use ([MS-OXABREF] 3.1.4.1); the name may be
    /// empty for any user.
    ///
    /// # Errors
    /// If the call fails, or the server names none.
    pub async fn rfr_new_dsa(&self, user_dn: &str) -> Result<String, Error> {
        let request = GetNewDSARequest {
            flags: 0,
            user_dn: CharString::new(user_dn),
            unused: Ptr::NULL,
            server: Ptr::new(Ptr::NULL),
        };
        let (operation, response) = ask!(self.referral().await?, rfr, GetNewDSA, request)?;
        check(operation, response.return_value)?;
        let server = response.server.get().and_then(Ptr::get);
        let server = server.ok_or(Error::new(operation, Failure::Missing("ppszServer")))?;
        Ok(server.to_string_lossy())
    }

    /// The DNS name of the mailbox server `server_dn` ([MS-OXABREF] 3.1.4.2).
    ///
    /// # Errors
    /// If the call fails, or the server names none.
    pub async fn rfr_fqdn(&self, server_dn: &str) -> Result<String, Error> {
        let request = GetFQDNFromServerDNRequest { flags: 0, mailbox_server_dn: CharString::new(server_dn) };
        let (operation, response) = ask!(self.referral().await?, rfr, GetFQDNFromServerDN, request)?;
        check(operation, response.return_value)?;
        let fqdn = response.server_fqdn.get();
        let fqdn = fqdn.ok_or(Error::new(operation, Failure::Missing("ppszServerFQDN")))?;
        Ok(fqdn.to_string_lossy())
    }

    /// The connection to the referral service.
    async fn referral(&self) -> Result<MutexGuard<'_, Connection>, Error> {
        let open = || async { Ok::<_, Error>(Mutex::new(self.rpc("rfr")?.open(Interface::Rfr).await?)) };
        Ok(self.referral.get_or_try_init(open).await?.lock().await)
    }
}
