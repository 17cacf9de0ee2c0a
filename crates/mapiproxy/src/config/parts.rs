//! The configuration's types, section by section.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use net::Network;
use net::http::TlsVersion;
use rpc::pdu::AuthLevel;
use serde::Deserialize;

use super::servers::{Binding, Url};
use super::texts::{address, name, networks};

/// A whole configuration. What each key means stands in the table of keys, which `mapiproxy check --keys`
/// prints.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The host name by which clients know us, without a dot at its end.
    #[serde(deserialize_with = "name")]
    pub(crate) name: String,
    /// What the URLs that clients are given begin with, where that is not our own listener.
    pub(crate) public_url: Option<Url>,
    /// Where we listen.
    pub(crate) listen: Listen,
    /// Whom we serve, and how.
    pub(crate) clients: Clients,
    /// The server.
    pub(crate) upstream: Upstream,
    /// What becomes of the server's other directories.
    #[serde(default)]
    pub(crate) virtual_directories: BTreeMap<String, Way>,
    /// The modules.
    #[serde(default)]
    pub(crate) modules: Modules,
    /// What is recorded.
    #[serde(default)]
    pub(crate) capture: Capture,
    /// Where modules' work is done.
    #[serde(default)]
    pub(crate) deferred: Deferred,
}

/// How what takes time is done.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Deferred {
    /// By how many threads.
    pub(crate) threads: NonZeroUsize,
    /// How much may wait for one.
    pub(crate) queue: NonZeroUsize,
    /// How long it may take.
    pub(crate) seconds: u64,
}

impl Default for Deferred {
    fn default() -> Self {
        let [threads, queue] = [4, 256].map(|number| NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN));
        Self { threads, queue, seconds: 60 }
    }
}

/// What is recorded of the operations that pass.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Capture {
    /// The file of packets.
    pub(crate) packets: Option<PathBuf>,
    /// The file of HAR.
    pub(crate) har: Option<PathBuf>,
    /// Which sides of us.
    pub(crate) sides: Vec<CapturedSide>,
    /// Passwords, tokens and cookies too.
    pub(crate) secrets: bool,
    /// When a file is full, in megabytes.
    pub(crate) max_megabytes: u64,
    /// When a file is full, in hours.
    pub(crate) max_hours: u64,
    /// How many full files are kept.
    pub(crate) keep: usize,
}

impl Config {
    /// The server's host: a name rather than an address, where it has both.
    pub(crate) fn upstream_host(&self) -> &str {
        let rpc = self.upstream.rpc.as_ref().map(Binding::host);
        let http = self.upstream.http.as_ref().map(|url| url.host.as_str());
        let is_name = |host: &&str| host.parse::<IpAddr>().is_err();
        rpc.filter(is_name).or_else(|| http.filter(is_name)).or(rpc).or(http).unwrap_or_default()
    }
}

impl Default for Capture {
    fn default() -> Self {
        Self {
            packets: None,
            har: None,
            sides: vec![CapturedSide::Client],
            secrets: false,
            max_megabytes: 100,
            max_hours: 24,
            keep: 10,
        }
    }
}

/// A side of the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CapturedSide {
    /// Where clients are.
    Client,
    /// Where the server is.
    Upstream,
}

/// Where we listen.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    /// The endpoint mapper's address.
    #[serde(default, deserialize_with = "address")]
    pub(crate) endpoint_mapper: Option<SocketAddr>,
    /// The services' address.
    #[serde(default, deserialize_with = "address")]
    pub(crate) rpc: Option<SocketAddr>,
    /// The services' address for proxies of RPC over HTTP.
    #[serde(default, deserialize_with = "address")]
    pub(crate) rpc_http: Option<SocketAddr>,
    /// The address for HTTP without TLS.
    #[serde(default, deserialize_with = "address")]
    pub(crate) http: Option<SocketAddr>,
    /// The address for HTTP within TLS.
    #[serde(default, deserialize_with = "address")]
    pub(crate) https: Option<SocketAddr>,
    /// The certificate that is shown there.
    pub(crate) certificate: Option<PathBuf>,
    /// Its key.
    pub(crate) key: Option<PathBuf>,
    /// The oldest TLS that is spoken there.
    #[serde(default)]
    pub(crate) tls: Tls,
}

impl Listen {
    /// The addresses that are listened on, by the keys that name them.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let all = [
            ("listen.endpoint_mapper", self.endpoint_mapper),
            ("listen.rpc", self.rpc),
            ("listen.rpc_http", self.rpc_http),
            ("listen.http", self.http),
            ("listen.https", self.https),
        ];
        all.into_iter().filter_map(|(key, address)| Some((key, address?)))
    }
}

impl fmt::Display for Listen {
    /// The addresses of the services.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services =
            [("", self.rpc), ("rpc_http ", self.rpc_http), ("http ", self.http), ("https ", self.https)];
        let named = services.iter().filter_map(|(name, address)| Some(format!("{name}{}", (*address)?)));
        f.write_str(&named.collect::<Vec<_>>().join(", "))
    }
}

/// Whom we serve, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Clients {
    /// The weakest protection that is taken.
    #[serde(default)]
    pub(crate) minimum_level: ProtectionLevel,
    /// The file of accounts; none where clients sign in at the server.
    pub(crate) accounts: Option<PathBuf>,
    /// Whether NTLM version 1 is taken.
    #[serde(default)]
    pub ntlm_v1: bool,
    /// Whether a sign-in without MIC is refused.
    #[serde(default)]
    pub(crate) require_mic: bool,
    /// By which schemes clients sign in over HTTP.
    #[serde(default = "http_auth")]
    pub(crate) http_auth: Vec<Scheme>,
    /// Whether Basic is taken without TLS.
    #[serde(default)]
    pub(crate) basic_without_tls: bool,
    /// What is done about channel bindings.
    #[serde(default)]
    pub(crate) channel_bindings: Bindings,
    /// Whose connections begin with a PROXY header.
    #[serde(default, deserialize_with = "networks")]
    pub(crate) proxy_protocol_from: Vec<Network>,
    /// Whose `X-Forwarded-For` is believed.
    #[serde(default, deserialize_with = "networks")]
    pub(crate) forwarded_for_from: Vec<Network>,
    /// Connections in all.
    #[serde(default = "connections")]
    pub(crate) connections: usize,
    /// Connections of one address.
    #[serde(default = "connections_per_address")]
    pub(crate) connections_per_address: usize,
    /// How many percent of the connections may be unauthenticated.
    #[serde(default = "unauthenticated_percent")]
    pub(crate) unauthenticated_percent: usize,
    /// What a signed-in client has to send of a request in a second.
    #[serde(default = "minimum_bytes_per_second")]
    pub(crate) minimum_bytes_per_second: u64,
    /// Seconds for signing in, and for each fragment.
    #[serde(default = "handshake_seconds")]
    pub(crate) handshake_seconds: u64,
    /// Failed sign-ins of one address for one account that go without a wait.
    #[serde(default = "failed_sign_ins")]
    pub(crate) failed_sign_ins: u32,
    /// Seconds of the longest wait after them.
    #[serde(default = "failed_sign_in_seconds")]
    pub(crate) failed_sign_in_seconds: u64,
    /// Seconds without a call after which a connection is closed.
    #[serde(default = "idle_seconds")]
    pub(crate) idle_seconds: u64,
    /// Further hosts for which clients may sign in by NTLM.
    #[serde(default)]
    pub(crate) target_names: Vec<String>,
    /// Seconds after which a client has to sign in anew.
    #[serde(default = "context_seconds")]
    pub(crate) context_seconds: u64,
    /// Sessions of one user at a service.
    #[serde(default = "sessions_per_user")]
    pub(crate) sessions_per_user: usize,
    /// Sessions of MAPI over HTTP in all.
    #[serde(default = "sessions")]
    pub(crate) sessions: usize,
    /// Megabytes of one user's requests that are held in memory.
    #[serde(default = "request_megabytes_per_user")]
    pub(crate) request_megabytes_per_user: usize,
    /// The same for all users together.
    #[serde(default = "request_megabytes")]
    pub(crate) request_megabytes: usize,
    /// Seconds without a request after which a session of MAPI over HTTP ends.
    #[serde(default = "session_idle_seconds")]
    pub(crate) session_idle_seconds: u64,
}

const fn sessions_per_user() -> usize {
    1024
}

const fn sessions() -> usize {
    100_000
}

const fn request_megabytes_per_user() -> usize {
    256
}

const fn request_megabytes() -> usize {
    1000
}

const fn session_idle_seconds() -> u64 {
    3600
}

fn http_auth() -> Vec<Scheme> {
    vec![Scheme::Basic, Scheme::Ntlm, Scheme::Negotiate]
}

const fn connections() -> usize {
    4096
}

const fn connections_per_address() -> usize {
    256
}

const fn unauthenticated_percent() -> usize {
    50
}

const fn minimum_bytes_per_second() -> u64 {
    256
}

const fn handshake_seconds() -> u64 {
    30
}

const fn failed_sign_ins() -> u32 {
    5
}

const fn failed_sign_in_seconds() -> u64 {
    60
}

const fn idle_seconds() -> u64 {
    7200
}

const fn yes() -> bool {
    true
}

const fn context_seconds() -> u64 {
    36_000
}

const fn connect_seconds() -> u64 {
    10
}

const fn call_seconds() -> u64 {
    600
}

/// The server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upstream {
    /// Where it is.
    pub(crate) rpc: Option<Binding>,
    /// The protection of our calls.
    #[serde(default)]
    pub(crate) level: ProtectionLevel,
    /// How we sign in.
    #[serde(default)]
    pub(crate) authentication: SignIn,
    /// Where it is reached by HTTP.
    pub(crate) http: Option<Url>,
    /// How we sign in there.
    #[serde(default)]
    pub(crate) http_authentication: Scheme,
    /// The authorities that it is known by.
    pub(crate) ca_file: Option<PathBuf>,
    /// The oldest TLS that is spoken with it.
    #[serde(default)]
    pub(crate) tls: Tls,
    /// Whether requests that go there have forwarding headers.
    #[serde(default = "yes")]
    pub(crate) forwarding_headers: bool,
    /// Seconds for connecting and signing in.
    #[serde(default = "connect_seconds")]
    pub(crate) connect_seconds: u64,
    /// Seconds that an answer may take.
    #[serde(default = "call_seconds")]
    pub(crate) call_seconds: u64,
    /// As whom we act.
    pub(crate) credentials: Credentials,
}

/// As whom we act towards the server.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Credentials {
    /// One account for all.
    Specified {
        /// Its name.
        user: String,
        /// Its domain.
        domain: String,
        /// Where its password stands.
        password_file: PathBuf,
    },
    /// Each client itself, who signs in there through us.
    Relayed {},
}

impl Credentials {
    /// Whether clients sign in at the server.
    pub(crate) const fn are_relayed(&self) -> bool {
        matches!(self, Self::Relayed {})
    }
}

/// How one signs in by HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scheme {
    /// A name and a password as they are.
    Basic,
    /// NTLM on the connection.
    #[default]
    Ntlm,
    /// SPNEGO on the connection, with NTLM inside.
    Negotiate,
}

/// The oldest version of TLS that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) enum Tls {
    /// TLS 1.2.
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    Tls13,
}

impl From<Tls> for TlsVersion {
    fn from(tls: Tls) -> Self {
        match tls {
            Tls::Tls12 => Self::Tls12,
            Tls::Tls13 => Self::Tls13,
        }
    }
}

/// What is done about the bindings of NTLM to a TLS connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Bindings {
    /// Nothing.
    Ignore,
    /// They are checked where there are any.
    #[default]
    Allow,
    /// They must be there.
    Require,
}

/// What becomes of one of the server's directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Way {
    /// It is relayed.
    Relayed,
    /// It is refused.
    Refused,
    /// It is not there.
    Absent,
}

/// The modules.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Modules {
    /// The modules' names, the first nearest to the clients.
    #[serde(default = "stack")]
    pub(crate) stack: Vec<String>,
    /// Their options.
    #[serde(flatten)]
    pub(crate) options: BTreeMap<String, toml::Value>,
}

/// What keeps clients from going past the proxy: the server's names are replaced.
fn stack() -> Vec<String> {
    vec!["names".to_owned()]
}

impl Default for Modules {
    fn default() -> Self {
        Self { stack: stack(), options: BTreeMap::new() }
    }
}

/// How much of a call is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProtectionLevel {
    /// Nothing; nobody signs in.
    None,
    /// Only the sign-in.
    Connect,
    /// Each fragment's origin.
    Packet,
    /// Each fragment is signed.
    Integrity,
    /// Each fragment is signed, its stub sealed.
    #[default]
    Privacy,
}

impl From<ProtectionLevel> for AuthLevel {
    fn from(level: ProtectionLevel) -> Self {
        match level {
            ProtectionLevel::None => Self::NONE,
            ProtectionLevel::Connect => Self::CONNECT,
            ProtectionLevel::Packet => Self::PKT,
            ProtectionLevel::Integrity => Self::PKT_INTEGRITY,
            ProtectionLevel::Privacy => Self::PKT_PRIVACY,
        }
    }
}

/// How we sign in at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SignIn {
    /// NTLM as it is.
    #[default]
    Ntlm,
    /// SPNEGO with NTLM inside.
    Spnego,
}
