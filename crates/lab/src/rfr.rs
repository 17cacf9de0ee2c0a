//! The lab's referral service ([MS-OXABREF]).

use mapi::ErrorCode;
use mapi::rfr::{GetFQDNFromServerDNResponse, GetNewDSAResponse, Request, Response};
use net::Call;
use rpc::FaultStatus;
use rpc::ndr::{CharString, Ptr};

use crate::directory::Kind;
use crate::service::{CallResult, Lab, bad_stub, encoded};

/// The bounds of `cbMailboxServerDN`, which are the interface's ([MS-OXABREF] 3.1.4.2).
const SERVER_DN_BOUNDS: std::ops::RangeInclusive<u64> = 10..=1024;

impl Lab {
    /// Executes a call to the referral service ([MS-OXABREF] 3.1.4).
    pub(crate) fn rfr(&self, call: &Call) -> CallResult {
        let (request, _) =
            Request::decode(call.opnum, &call.stub, call.endian).map_err(|error| bad_stub(&error))?;
        let response = match request {
            // Each server has the complete address book: the first one is returned, or that of a mailbox that is
            // elsewhere.
            Request::GetNewDSA(request) => {
                let user = self.directory.by_dn(&request.user_dn.to_string_lossy());
                let server = user.and_then(|user| self.config.elsewhere.get(&user.alias));
                let server = server.or_else(|| self.config.servers.first());
                let host = server.map(|server| CharString::new(&server.host));
                let return_value =
                    if host.is_some() { ErrorCode::SUCCESS } else { ErrorCode::MAPI_E_CALL_FAILED };
                let server = Ptr::new(Ptr::from(host));
                Response::GetNewDSA(GetNewDSAResponse { unused: Ptr::NULL, server, return_value })
            }
            Request::GetFQDNFromServerDN(request) => {
                if !SERVER_DN_BOUNDS.contains(&request.mailbox_server_dn.max_count()) {
                    return Err(FaultStatus::RPC_X_BAD_STUB_DATA);
                }
                let host = self.host_of(&request.mailbox_server_dn.to_string_lossy());
                let return_value =
                    if host.is_some() { ErrorCode::SUCCESS } else { ErrorCode::MAPI_E_NOT_FOUND };
                let server_fqdn = Ptr::from(host.map(CharString::new));
                Response::GetFQDNFromServerDN(GetFQDNFromServerDNResponse { server_fqdn, return_value })
            }
        };
        encoded(response.encode())
    }

    /// The DNS name of the server with this distinguished name.
    fn host_of(&self, dn: &str) -> Option<&str> {
        let entry = self.directory.by_dn(dn)?;
        let is_server = matches!(entry.kind, Kind::Server { .. });
        let mut servers = self.config.all_servers().filter(|_| is_server);
        servers.find(|server| server.name == entry.alias).map(|server| server.host.as_str())
    }
}
