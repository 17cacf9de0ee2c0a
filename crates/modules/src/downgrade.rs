//! The `downgrade` module: keeps clients on the RPC calls of Exchange 2000.

use engine::{Decision, Interests, Module, Operation, Refusal, RefusalKind, Response, Session};
use mapi::{Interface, emsmdb};

/// Keeps clients on the protocol of Exchange 2000: EcDoConnect and EcDoRpc, whose buffers are only obfuscated.
///
/// EcDoConnectEx is answered as a server does that doesn't know it. A client that then connects the old way
/// would try the new one again if the server's version were that of a newer Exchange, so it gets an old one.
#[derive(Debug, Default)]
pub struct Downgrade;

const NAME: &str = "downgrade";

/// Exchange 2000 with Service Pack 3: 6.0.6249.0, in the form that servers of that time send.
const EXCHANGE_2000: emsmdb::Version = emsmdb::Version([6, 6249, 0]);

/// The first major version that clients connect to with EcDoConnectEx is Exchange 2003's, which is 6.5.
const FIRST_NEW: [u16; 4] = [6, 5, 0, 0];

/// Whether clients take a server of this `version` for one that knows EcDoConnectEx. The form with two product
/// numbers came with it; some servers put the major one where the minor one belongs.
fn is_new(version: emsmdb::Version) -> bool {
    let emsmdb::Version([_, build, _]) = version;
    build & 0x8000 != 0 || version.normalized() >= FIRST_NEW
}

impl Module for Downgrade {
    fn name(&self) -> &'static str {
        NAME
    }

    fn description(&self) -> &'static str {
        "Keeps clients on EcDoConnect and EcDoRpc, by answering as Exchange 2000 does."
    }

    fn interests(&self) -> Interests {
        Interests { interfaces: &[Interface::Emsmdb], ..Interests::default() }
    }

    fn dispatch(&self, operation: &mut Operation, _session: &mut Session) -> Decision {
        match operation.name() {
            "emsmdb.EcDoConnectEx" => {
                Decision::Refuse(Refusal::new(RefusalKind::UnknownOperation, "EcDoConnectEx is switched off"))
            }
            _ => Decision::Relay,
        }
    }

    fn response(&self, operation: &mut Operation, _session: &mut Session) -> Result<(), Refusal> {
        if operation.name() != "emsmdb.EcDoConnect" {
            return Ok(());
        }
        let Some(response) = &mut operation.response else { return Ok(()) };
        let changed = response.edit(|response| match response {
            Response::Emsmdb(emsmdb::Response::EcDoConnect(connect)) if is_new(connect.server_version) => {
                connect.server_version = EXCHANGE_2000;
                true
            }
            _ => false,
        });
        match changed {
            Ok(true) => operation.note(NAME, "server version 6.0.6249"),
            Ok(false) => {}
            Err(error) => {
                return Err(Refusal::new(
                    RefusalKind::Failed,
                    format!("the upstream's EcDoConnect: {error}"),
                ));
            }
        }
        Ok(())
    }
}
