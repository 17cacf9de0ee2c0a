//! Finds and replaces names in the fields of ROPs.

use mapi::rop::folder::RopCreateFolderResponse;
use mapi::rop::logon::RopLogonResponse;
use mapi::rop::shared::GhostServers;
use mapi::rop::{RequestBody, ResponseBody, RopId};

use super::replace::{replace_in, shared};

/// Declares the fields of ROPs that name servers: for each ROP, a pattern of its body, and an expression that
/// replaces the names by the results of `$name` and returns whether there were any.
macro_rules! server_names {
    (|$name:ident|
     requests { $($request:ident($requested:pat) => $in_request:expr;)* }
     responses { $($response:ident($returned:pat) => $in_response:expr;)* }) => {
        /// Whether a request of this ROP can name a server.
        pub(super) const fn concerns_request(id: RopId) -> bool {
            matches!(id, $(RopId::$request)|*)
        }

        /// Whether a response to this ROP can name a server.
        pub(super) const fn concerns_response(id: RopId) -> bool {
            matches!(id, $(RopId::$response)|*)
        }

        /// Replaces the servers' names in a request by the results of `name`. Returns whether any was replaced.
        pub(super) fn request(body: &mut RequestBody, $name: &mut impl FnMut(&str) -> Option<String>) -> bool {
            match body {
                $(RequestBody::$request($requested) => $in_request,)*
                _ => false,
            }
        }

        /// Replaces the servers' names in a response by the results of `name`. Returns whether any was replaced.
        pub(super) fn response(body: &mut ResponseBody, $name: &mut impl FnMut(&str) -> Option<String>) -> bool {
            match body {
                $(ResponseBody::$response($returned) => $in_response,)*
                _ => false,
            }
        }
    };
}

server_names! { |name|
    requests {
        RopLogon(request) => shared(&mut request.essdn.0, name);
    }
    responses {
        RopLogon(RopLogonResponse::Redirect(redirect)) => shared(&mut redirect.server_name.0, name);
        RopOpenFolder(folder) => ghosts(folder.servers.as_mut(), name);
        RopCreateFolder(RopCreateFolderResponse { existing: Some(folder), .. }) => {
            ghosts(folder.servers.as_mut(), name)
        };
        RopGetOwningServers(response) => ghosts(Some(&mut response.owning_servers), name);
        RopPublicFolderIsGhosted(folder) => ghosts(folder.servers.as_mut(), name);
    }
}

fn ghosts(servers: Option<&mut GhostServers>, name: &mut impl FnMut(&str) -> Option<String>) -> bool {
    let servers = servers.map_or(&mut [][..], |ghosts| &mut ghosts.servers);
    servers.iter_mut().fold(false, |changed, server| replace_in(&mut server.0, name) | changed)
}
