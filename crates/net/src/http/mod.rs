//! MAPI over HTTP, Autodiscover and what else clients ask a server by HTTP.

mod airborne;
mod answers;
mod body;
mod certificate;
mod client;
mod coming;
mod connection;
mod exchange;
mod forwarding;
mod front;
mod io;
mod location;
mod offers;
mod operation;
mod paths;
mod peers;
mod probes;
mod relay;
mod relayed;
mod routes;
mod server_only;
mod sign_in;
mod tls;
mod told;
mod upstream;
mod waits;

pub use self::certificate::{CertificateFault, certificate_faults};
pub use self::client::{HttpAnswer, HttpClient, HttpFailure};
pub use self::forwarding::Via;
pub use self::front::{HttpFront, HttpLimits, run_http};
pub use self::peers::Peers;
pub use self::routes::{Routes, Way};
pub use self::sign_in::{HttpSignIn, Schemes};
pub use self::tls::{TlsError, TlsIdentity, TlsTrust, TlsVersion};
pub use self::told::Pending;
pub use self::upstream::{HttpCredentials, HttpUpstream};
