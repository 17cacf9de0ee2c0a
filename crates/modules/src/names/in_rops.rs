//! Finds and replaces names in what ROPs hold.

use mapi::rop::folder::RopCreateFolderResponse;
use mapi::rop::logon::RopLogonResponse;
use mapi::rop::shared::GhostServers;
use mapi::rop::{RequestBody, ResponseBody, RopId, RopReply};

use super::replace::{replace_in, shared};

/// Whether a ROP or its answer can hold a server's name.
pub(super) fn concerns(id: RopId) -> bool {
    matches!(
        id,
        RopId::RopLogon
            | RopId::RopOpenFolder
            | RopId::RopCreateFolder
            | RopId::RopGetOwningServers
            | RopId::RopPublicFolderIsGhosted
    )
}

/// Replaces the servers' names in what a client asks by what `name` makes of them; true if there were any.
pub(super) fn request(body: &mut RequestBody, mut name: impl FnMut(&str) -> Option<String>) -> bool {
    match body {
        RequestBody::RopLogon(asked) => shared(&mut asked.essdn.0, &mut name),
        _ => false,
    }
}

/// Replaces the servers' names in what a server answers; true if there were any.
pub(super) fn reply(reply: &mut RopReply, mut name: impl FnMut(&str) -> Option<String>) -> bool {
    match &mut reply.body {
        ResponseBody::RopLogon(RopLogonResponse::Redirect(elsewhere)) => {
            shared(&mut elsewhere.server_name.0, &mut name)
        }
        ResponseBody::RopOpenFolder(answer) => ghosts(answer.servers.as_mut(), &mut name),
        ResponseBody::RopCreateFolder(RopCreateFolderResponse { existing: Some(existing), .. }) => {
            ghosts(existing.servers.as_mut(), &mut name)
        }
        ResponseBody::RopGetOwningServers(answer) => ghosts(Some(&mut answer.owning_servers), &mut name),
        ResponseBody::RopPublicFolderIsGhosted(answer) => ghosts(answer.servers.as_mut(), &mut name),
        _ => false,
    }
}

fn ghosts(servers: Option<&mut GhostServers>, name: &mut impl FnMut(&str) -> Option<String>) -> bool {
    let servers = servers.map_or(&mut [][..], |ghosts| &mut ghosts.servers);
    servers.iter_mut().fold(false, |changed, server| replace_in(&mut server.0, name) | changed)
}
