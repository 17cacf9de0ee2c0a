//! The `downgrade` module: keeps clients on the RPC calls of Exchange 2000.

use engine::options::{OptionError, OptionSpec, Options};
use engine::{
    Decision, Envelope, Interests, Interface, Module, Operation, OperationKind, ProxyInfo, Refusal,
    RefusalKind, Session,
};
use mapi::emsmdb;

/// Keeps clients on the protocol of Exchange 2000: `EcDoConnect` and `EcDoRpc`, whose buffers are only obfuscated.
///
/// The module refuses `EcDoConnectEx` like a server without this operation. A client that then connects with
/// `EcDoConnect` would try `EcDoConnectEx` again if the server's version were that of a newer Exchange, so the module
/// replaces the version by an old one.
#[derive(Debug, Default)]
pub struct Downgrade {
    options: DowngradeOptions,
}

engine::module_options! {
    /// The options of `downgrade`.
    struct DowngradeOptions {
        /// Refuses `Connect` of MAPI over HTTP too, so that clients which support both connect by RPC.
        mapi_http: bool = false;
    }
}

const NAME: &str = "downgrade";

/// The version of Exchange 2000 with Service Pack 3, 6.0.6249.0, in the form that servers of that time send.
const EXCHANGE_2000: emsmdb::Version = emsmdb::Version([6, 6249, 0]);

/// The first version with `EcDoConnectEx`: Exchange 2003, which is 6.5.
const FIRST_WITH_CONNECT_EX: [u16; 4] = [6, 5, 0, 0];

/// Whether clients expect a server of this `version` to have `EcDoConnectEx`. Servers with that call send versions in
/// the form with a major and a minor product number; some servers exchange these two.
fn has_connect_ex(version: emsmdb::Version) -> bool {
    let emsmdb::Version([_, build, _]) = version;
    build & 0x8000 != 0 || version.normalized() >= FIRST_WITH_CONNECT_EX
}

impl Module for Downgrade {
    fn name(&self) -> &'static str {
        NAME
    }

    fn description(&self) -> &'static str {
        "Keeps clients on EcDoConnect and EcDoRpc, by responding as Exchange 2000 does."
    }

    fn interests(&self) -> Interests {
        Interests { interfaces: &[Interface::Emsmdb], ..Interests::default() }
    }

    fn options(&self) -> &'static [OptionSpec] {
        DowngradeOptions::specs()
    }

    fn init(&mut self, options: &Options, _proxy: &ProxyInfo) -> Result<(), OptionError> {
        self.options = DowngradeOptions::read(options);
        Ok(())
    }

    fn dispatch(&self, operation: &mut Operation, _session: &mut Session) -> Decision {
        let applies = self.options.mapi_http || operation.envelope() != Envelope::MAPI_HTTP;
        match operation.kind() {
            OperationKind::Connect if applies => Decision::Refuse(Refusal::new(
                RefusalKind::UnknownOperation,
                "the module downgrade refuses operations that Exchange 2000 does not have",
            )),
            _ => Decision::Forward,
        }
    }

    fn response(&self, operation: &mut Operation, _session: &mut Session) -> Result<(), Refusal> {
        if operation.kind() != OperationKind::EcDoConnect {
            return Ok(());
        }
        let Some(response) = &mut operation.response else { return Ok(()) };
        let changed = response.edit(|response| match response.server_version_mut() {
            Some(version) if has_connect_ex(*version) => {
                *version = EXCHANGE_2000;
                true
            }
            _ => false,
        });
        match changed {
            Ok(true) => operation.note(NAME, "server version 6.0.6249"),
            Ok(false) => {}
            Err(error) => {
                let why = format!("the module downgrade cannot decode the upstream's response: {error}");
                return Err(Refusal::new(RefusalKind::Failed, why));
            }
        }
        Ok(())
    }
}
