//! Context handles that are being opened: an RPC call that opens or derives one was sent, and there is no response yet.
//!
//! The client may disconnect, its account may be revoked, or a limit may be exceeded before the response is received.
//! The server opens the handle nevertheless. It belongs to this session then, and not to the earlier one to which the
//! server issued it too; and without it the session could not be ended at the server. So the response is to be read,
//! and passed to [`OpeningHandle::opened`].

use std::sync::Arc;

use bytes::Bytes;
use identity::Random;
use wire::Endian;

use crate::body::OperationKey;
use crate::engine::Engine;
use crate::session::SharedSession;
use crate::sessions::handle_binding::HandleBinding;
use crate::sessions::handles::OrphanedHandle;

/// A context handle that the server may be opening although its client does not wait for the response any more. It has
/// a place in the budget of the user until it is dropped.
#[derive(Debug)]
pub struct OpeningHandle {
    engine: Engine,
    session: SharedSession,
    /// The call, and the number of its operation.
    call: (OperationKey, u64),
    binding: HandleBinding,
}

impl OpeningHandle {
    /// Takes the place in the budget from `binding`, of a call in `session`. `None` if the call opens no handle.
    pub(crate) fn take(
        binding: &mut HandleBinding,
        engine: &Engine,
        call: (OperationKey, u64),
        session: &SharedSession,
    ) -> Option<Self> {
        let place = Some(binding.place.take()?);
        let binding = HandleBinding::new(Arc::clone(&binding.group), binding.named, place);
        Some(Self { engine: engine.clone(), session: session.clone(), call, binding })
    }

    /// The server has responded with `response`, or with one that begins with it, in its association group
    /// `upstream_group` ([`AwaitsUpstream::received_in`](crate::AwaitsUpstream::received_in)). A session of the mailbox
    /// store that had the handle before loses it as if the client had received the response. Returns the handle if it
    /// is to be ended at the server: not if the server may have issued it to that session later.
    ///
    /// A derived handle cannot be ended without its session, and counts until that ends.
    pub fn opened(
        self,
        upstream_group: u64,
        response: (Bytes, Endian),
        random: &mut dyn Random,
    ) -> Option<OrphanedHandle> {
        let Self { engine, session, call, mut binding } = self;
        binding.upstream_group = upstream_group;
        let entry = binding.opened(&engine, call, &session, response).ok()??;
        if !entry.is_derived() {
            return OrphanedHandle::new(entry);
        }
        // The client does not know the handle under which it is in the table.
        let _ = binding.bind(random, entry);
        if session.is_closed() {
            binding.group.remove_derived(&session);
        }
        None
    }
}
