//! The referral interface RFRI ([MS-OXABREF]), which returns the names of address book and mailbox servers.

use rpc::ndr::{CharString, Ndr, NdrReader, NdrWriter, Params, Ptr};
use wire::Result;

use crate::inspect::field::InspectField as _;
use crate::inspect::{Inspect, Node};
use crate::operations::rpc_operations;
use crate::{ErrorCode, Interface};

rpc_operations! { Interface::Rfr;
    /// Returns the NSPI server of a user ([MS-OXABREF] 3.1.4.1).
    0 => GetNewDSA(GetNewDSARequest, GetNewDSAResponse);
    /// Returns the DNS name of a mailbox server ([MS-OXABREF] 3.1.4.2).
    1 => GetFQDNFromServerDN(GetFQDNFromServerDNRequest, GetFQDNFromServerDNResponse);
}

crate::inspect::field::inspect_params! {
    /// `RfrGetNewDSA`: the request ([MS-OXABREF] 3.1.4.1).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetNewDSARequest as "RfrGetNewDSA" {
        /// Unused; zero.
        pub flags: u32 = "ulFlags",
        /// The distinguished name of the user; may be empty.
        pub user_dn: CharString = "pUserDN",
        /// Unused; null.
        pub unused: Ptr<Ptr<CharString>> = "ppszUnused",
        /// Not null if the client requests the name of the server.
        pub server: Ptr<Ptr<CharString>> = "ppszServer",
    }
}

crate::inspect::field::inspect_params! {
    /// `RfrGetNewDSA`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetNewDSAResponse as "RfrGetNewDSA" {
        /// Unused.
        pub unused: Ptr<Ptr<CharString>> = "ppszUnused",
        /// The DNS name of an NSPI server.
        pub server: Ptr<Ptr<CharString>> = "ppszServer",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

/// `RfrGetFQDNFromServerDN`: the request ([MS-OXABREF] 3.1.4.2).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GetFQDNFromServerDNRequest {
    /// Unused; zero.
    pub flags: u32,
    /// The distinguished name of the server, of 10 to 1,024 bytes with its terminator.
    pub mailbox_server_dn: CharString,
}

// cbMailboxServerDN is the maximum size of szMailboxServerDN, which CharString contains.
impl Params for GetFQDNFromServerDNRequest {
    fn read_params(r: &mut NdrReader<'_>) -> Result<Self> {
        const NAME: &str = "RfrGetFQDNFromServerDN";
        let flags = r.u32("ulFlags").map_err(|error| error.within(NAME))?;
        let size = r.u32("cbMailboxServerDN").map_err(|error| error.within(NAME))?;
        let mailbox_server_dn =
            CharString::read(r, "szMailboxServerDN").map_err(|error| error.within(NAME))?;
        if u64::from(size) != mailbox_server_dn.max_count() {
            let expected = "the maximum size of szMailboxServerDN";
            return Err(r.inner().invalid("cbMailboxServerDN", u64::from(size), expected).within(NAME));
        }
        Ok(Self { flags, mailbox_server_dn })
    }

    fn write_params(&self, w: &mut NdrWriter) -> Result<()> {
        w.u32(self.flags);
        let size = usize::try_from(self.mailbox_server_dn.max_count()).unwrap_or(usize::MAX);
        w.count(size, "cbMailboxServerDN")?;
        self.mailbox_server_dn.write(w, "szMailboxServerDN")
    }
}

crate::inspect::field::inspect_params! {
    /// `RfrGetFQDNFromServerDN`: the response.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetFQDNFromServerDNResponse as "RfrGetFQDNFromServerDN" {
        /// The DNS name of the server.
        pub server_fqdn: Ptr<CharString> = "ppszServerFQDN",
        /// Zero, or the error with which the operation failed.
        pub return_value: ErrorCode = "return value",
    }
}

impl Request {
    /// Calls `visit` for each distinguished name and server name, which it may change.
    pub fn visit_names_mut(&mut self, visit: &mut dyn FnMut(&mut CharString)) {
        match self {
            Self::GetNewDSA(request) => {
                visit(&mut request.user_dn);
                for name in [&mut request.unused, &mut request.server] {
                    if let Some(name) = name.get_mut().and_then(Ptr::get_mut) {
                        visit(name);
                    }
                }
            }
            Self::GetFQDNFromServerDN(request) => visit(&mut request.mailbox_server_dn),
        }
    }
}

impl Response {
    /// Calls `visit` for each server name, which it may change.
    pub fn visit_names_mut(&mut self, visit: &mut dyn FnMut(&mut CharString)) {
        match self {
            Self::GetNewDSA(response) => {
                for name in [&mut response.unused, &mut response.server] {
                    if let Some(name) = name.get_mut().and_then(Ptr::get_mut) {
                        visit(name);
                    }
                }
            }
            Self::GetFQDNFromServerDN(response) => {
                if let Some(name) = response.server_fqdn.get_mut() {
                    visit(name);
                }
            }
        }
    }
}

impl Inspect for GetFQDNFromServerDNRequest {
    fn to_node(&self) -> Node {
        Node::Fields(vec![
            ("ulFlags".into(), self.flags.to_node()),
            ("szMailboxServerDN".into(), self.mailbox_server_dn.field_node()),
        ])
    }
}
