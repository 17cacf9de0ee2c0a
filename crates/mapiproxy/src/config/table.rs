//! Every key of the configuration, each declared once: type, default or example, range, and documentation.
//! The structs that a configuration is read into, the reference that `mapiproxy check --keys` prints, the
//! JSON schema and the errors for wrong and unknown keys are made from these declarations.
//!
//! `table NAME at "PATH"` declares a struct for the table PATH, with a field for each key. `modes` declares
//! an enum of tables, one of which a key selects. `keys` declares the keys of a type that is defined
//! elsewhere. A key is declared as `name: type, KIND value, from MIN to MAX;` below its documentation. KIND
//! is one of these:
//!
//! - `sample`: the key has no default; the value is the one of the reference, which is a complete
//!   configuration;
//! - `default`: the value that a key has if it is not set;
//! - `builtin`: also what applies if the key is not set, but the program distinguishes it from a key that is
//!   set;
//! - `example`: the key is optional and has no default; the reference shows the value as a comment.
//!
//! `also` lists the fields of a struct that are tables themselves, and `declared` is a function that returns further
//! keys of the table, which others declare.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use net::Network;

use super::declare::tables;
use super::mechanism_options;
use super::mechanism_words::{RpcScheme, Scheme};
use super::servers::{Binding, Url, public_url};
use super::service::Service;
use super::texts::{address, name, networks};
use super::types::{Bindings, CapturedSide, Directories, DirectoryAccess, ProtectionLevel, Tls};

const fn at_least_one(number: usize) -> NonZeroUsize {
    match NonZeroUsize::new(number) {
        Some(number) => number,
        None => NonZeroUsize::MIN,
    }
}

tables! {
/// The configuration.
#[serde(deny_unknown_fields)]
table Config at "" {
    /// The host name by which clients reach the proxy, as it resolves in their network. It must be in the
    /// certificate of listen.certificate and must not be an address. The server's own name is replaced by
    /// this one in responses. For Kerberos with credentials.mode relayed, HTTP/NAME must be a service
    /// principal name of the server's account. NTLM presents the first label as the computer's name and the
    /// second as the domain's.
    #[serde(deserialize_with = "name")]
    name: String, sample "proxy.lab.test";
    /// The beginning of the URLs that clients receive in Autodiscover, responses of the address book and
    /// redirects: https://host, https://host:port, or http://. Needed if a server in front of the proxy
    /// terminates TLS or has another name or port. If not set, it is built from name and the port of
    /// listen.https, or else of listen.http.
    #[serde(default, deserialize_with = "public_url")]
    public_url: Option<Url>, example "https://mail.lab.test";
    also {
        /// Where the proxy listens.
        listen: Listen,
        /// Which clients are accepted, with which authentication and limits.
        clients: Clients,
        /// The server to which the proxy connects.
        upstream: Upstream,
        /// Which other directories of the server are forwarded.
        #[serde(default)]
        virtual_directories: Directories,
        /// The modules that operations pass.
        modules: Modules,
        /// What is recorded.
        capture: Capture,
        /// The thread pool for work that modules defer. Responses of more than 128 KiB are decoded by other threads,
        /// half as many as there are processors, two at least.
        deferred: Deferred,
    }
}
/// Where the proxy listens. At least one service is needed: an RPC or an HTTP address.
#[serde(deny_unknown_fields)]
table Listen at "listen" {
    /// The address of the endpoint mapper, from which clients learn the ports of the services. Outlook
    /// expects port 135. If not set, there is no endpoint mapper.
    #[serde(default, deserialize_with = "address")]
    endpoint_mapper: Option<SocketAddr>, example "127.0.0.23:135";
    /// The address for ExchangeRPC over TCP (RFR, NSPI and EMSMDB). If not set, it is not served over TCP, and
    /// rpc_http, http or https is needed.
    #[serde(default, deserialize_with = "address")]
    rpc: Option<SocketAddr>, sample "127.0.0.23:6001";
    /// The address for ExchangeRPC from an HTTP gateway that is placed in front of MAPIProxy and accepts the
    /// clients' connections by version 1 of RPC over HTTP (ncacn_http). If not set, there is no such endpoint, and the
    /// endpoint mapper lists none.
    #[serde(default, deserialize_with = "address")]
    rpc_http: Option<SocketAddr>, example "127.0.0.23:6004";
    /// The address for MAPI over HTTP, Autodiscover and the virtual directories without TLS.
    #[serde(default, deserialize_with = "address")]
    http: Option<SocketAddr>, example "127.0.0.23:80";
    /// The address for MAPI over HTTP, Autodiscover and the virtual directories with TLS.
    #[serde(default, deserialize_with = "address")]
    https: Option<SocketAddr>, example "127.0.0.23:443";
    /// The certificate for https with its chain, in PEM. Needed with https. SIGHUP reloads it with its key,
    /// for new connections.
    certificate: Option<PathBuf>, example "proxy.crt";
    /// The private key of the certificate, in PEM.
    key: Option<PathBuf>, example "proxy.key";
    /// The minimum TLS version for clients: 1.2 or 1.3.
    tls: Tls, default Tls::Tls12;
}
/// Which clients are accepted, with which authentication and limits.
table Clients at "clients" {
    /// The minimum protection level of ExchangeRPC calls from clients: none, connect, packet, integrity or
    /// privacy. With none, clients that do not authenticate are anonymous.
    minimum_level: ProtectionLevel, default ProtectionLevel::Privacy;
    /// The file of accounts with which clients sign in, written by `mapiproxy account add`. With every scheme
    /// an account may be named DOMAIN\user, user@domain, or user if only one domain has it. The DNS name of
    /// its domain is `dns_domain` in the file or, for accounts of the domain to which `name` belongs, the one
    /// in `name` (proxy.lab.test: LAB and lab.test). A file in which a name denotes two accounts is refused.
    /// Only the owner may have read permission. SIGHUP reloads the file: clients of accounts that were
    /// removed, disabled or given another password are then refused. Must not be set if clients sign in at the
    /// server.
    accounts: Option<PathBuf>, sample "accounts.toml";
    /// The authentication schemes for HTTP: {values}. If clients sign in at the server, the server's schemes
    /// apply instead. NTLM, for HTTP and RPC, refuses clients whose clock differs from the proxy's by more than
    /// 36 hours.
    http_auth: Vec<Scheme>, default vec![Scheme::BASIC, Scheme::NTLM, Scheme::NEGOTIATE];
    /// Accepts Basic (and Bearer, if it is relayed) on connections without TLS, where the password can be
    /// read on the network. Only if TLS is terminated in front of the proxy.
    basic_without_tls: bool, default false;
    /// NTLM channel bindings over HTTPS, as the levels of extended protection in Windows: require refuses
    /// clients that send no binding; allow accepts them unless they state that they signed in without TLS, as
    /// Windows clients do, and verifies every binding; ignore is for TLS that is terminated in front of the
    /// proxy. Not used if clients sign in at the server.
    channel_bindings: Bindings, default Bindings::Allow;
    /// Additional host names or addresses by which clients reach the proxy, such as a load balancer's. NTLM
    /// clients state the service and the host to which they sign in; a sign-in for another host, or for a
    /// service of another protocol, is refused, since an attacker may have obtained and forwarded it. Always
    /// accepted are `name`, its first label, the host of `public_url`, and the addresses in [listen]; ["*"]
    /// accepts all hosts. Over HTTP the service must be HTTP. Clients that state neither are accepted. Not used
    /// if clients sign in at the server.
    target_names: Vec<String>, default Vec::new();
    /// Addresses or networks (such as 10.0.0.0/8) of load balancers that begin each connection with a PROXY
    /// protocol header, version 1 or 2, on every listener. Connections from these addresses without a header
    /// are closed. Limits, the back-off after failed sign-ins, and the log use the address in the header.
    /// From other addresses such a header is a protocol error.
    #[serde(deserialize_with = "networks")]
    proxy_protocol_from: Vec<Network>, default Vec::new();
    /// Addresses or networks (such as 2001:db8::/32) of reverse proxies in front of this one whose
    /// X-Forwarded-For is trusted. Their connections carry requests of several clients, so only Basic (and
    /// Bearer, if it is relayed) is offered and accepted on them: NTLM and Negotiate authenticate a whole
    /// connection. A server that is in proxy_protocol_from too may also send the PROXY header: for a request
    /// without X-Forwarded-For it names the client. If clients sign in at the server
    /// (`upstream.credentials.mode` is relayed), every server
    /// that sends requests of several clients on one connection must be listed.
    #[serde(deserialize_with = "networks")]
    forwarded_for_from: Vec<Network>, default Vec::new();
    /// The maximum number of client connections. A sixteenth of them (at least one) is for clients that have not
    /// signed in. For a further one the oldest unauthenticated connection is closed (see unauthenticated_percent);
    /// if all clients have signed in, the further one is closed at once. Users share the connections: a user who
    /// has as many as are still free gets no further one, so that one alone can have half of them. A further one
    /// is refused as too busy, and logged with the user. If users have all, the first connection of another user
    /// is served nevertheless: the newest connection of the user with the most is closed for it, or, if no user
    /// has several, of the network (IPv4 /24, IPv6 /48) and address with the most. So a client that signs in with
    /// many names does not shut out the users of other addresses. Servers in forwarded_for_from are exempt. For
    /// another front server that signs in as one user, set at least twice its number of connections. A connection
    /// takes one file descriptor, and one for each connection to the server that it needs: one over HTTP, one for
    /// each interface that is used over RPC (usually RFR, NSPI and EMSMDB). The proxy needs two descriptors per
    /// client in total: if `ulimit -Hn` is too low for that, the maximum is reduced and a warning states the new
    /// value. The descriptors that are left are for connections to the server. Users share them: a user who has as
    /// many of these connections as are still free gets no further one. A request that needs one is refused as too
    /// busy, and logged with the user. With four descriptors for each client over RPC none is refused.
    connections: usize, default 4096, from 1;
    /// The maximum number of connections from one address (IPv6: one /64 network). Servers in
    /// proxy_protocol_from and forwarded_for_from are exempt; with the PROXY protocol the client's address is
    /// counted. Any other load balancer counts as one address for all of its clients: set the same value as
    /// for connections then.
    connections_per_address: usize, default 256, from 1;
    /// The maximum share of connections without a signed-in client, in percent, so that the rest is available
    /// to signed-in clients. When it is exceeded, the oldest such connection of the network (IPv4 /24, IPv6
    /// /48), and within it of the address, that has the most of them is closed.
    unauthenticated_percent: usize, default 50, from 1 to 100;
    /// Seconds within which a client must sign in after it connected, and for each fragment, head and body
    /// that it has begun to send. Only a connection on which a client has signed in may be idle for longer.
    handshake_seconds: u64, default 30, from 1 to 604_800;
    /// The minimum average rate at which a signed-in client must send a request's body, in bytes per second:
    /// each time this many bytes arrive, the limit handshake_seconds is extended by a second.
    minimum_bytes_per_second: u64, default 256, from 1 to 1_000_000;
    /// The number of failed sign-ins of one address (IPv6: one /64 network) for one account that cause no delay.
    /// After each further one the account's password is not checked from that address for one second, then two,
    /// four and so on, up to failed_sign_in_seconds: HTTP responds with 429 and Retry-After, and RPC sign-ins are
    /// refused. Other limits are multiples of this number: docs/sign-in-limits.md lists all of them.
    failed_sign_ins: u32, default 5, from 1 to 10_000;
    /// The maximum delay after failed sign-ins, in seconds.
    failed_sign_in_seconds: u64, default 60, from 1 to 604_800;
    /// The idle timeout, in seconds, of connections on which a client has signed in, and of connections from
    /// servers in forwarded_for_from. Outlook keeps connections open for hours; load balancers and firewalls
    /// in between need the same limit or a higher one.
    idle_seconds: u64, default 7200, from 1 to 604_800;
    /// The maximum number of sessions of one user: of MAPI over HTTP at each endpoint, where a new one ends
    /// the one that was idle longest; and of RPC context handles, where a new one is refused as too busy.
    /// Both are logged with the user. A user is an account; in the mode "relayed" it is a name with its domain
    /// as the client sends it, since only the server knows which domains mean one account (docs/relayed.md). All
    /// clients that do not sign in are one user. In the mode "specified" the sessions of all users are sessions of the
    /// service account at the server, which must permit that many (docs/service-account.md).
    sessions_per_user: usize, default 64, from 1;
    /// The maximum number of MAPI over HTTP sessions in total. A new one is refused unless its user has an
    /// idle one, which then ends.
    sessions: usize, default 100_000, from 1;
    /// The maximum memory for one user's requests, in megabytes (1,000,000 bytes). It covers requests until
    /// their response, and responses of MAPI over HTTP, Autodiscover and RPC until the client has read
    /// them. The first 64 KiB of each connection are not counted. A request that exceeds it, or whose
    /// response does, is refused as too busy: with 503 and Retry-After over HTTP, and over RPC with the fault
    /// nca_s_server_too_busy, or for a response RPC_S_SERVER_TOO_BUSY. If a complete RPC response that the
    /// client does not read exceeds it, the connection is closed. Each is logged with the user. All
    /// unauthenticated calls count as one user. What is decoded of a request counts as well, until its response,
    /// beyond the first 4 KiB: a compressed request may take more than a hundred times its length. An operation
    /// that exceeds the maximum by that is refused with X-ResponseCode 1 or RPC_S_SERVER_TOO_BUSY. The state of the
    /// user's sessions may take half of the maximum. Open objects and columns of tables that exceed that are not
    /// tracked for modules; a session whose cookies or whose modules' state exceed it ends.
    request_megabytes_per_user: usize, default 256, from 2 to 1_000_000;
    /// The maximum memory for the requests of all users together, in megabytes (1,000,000 bytes). A user may have at
    /// most as much of it as is then free: the first up to half, a second one then up to a quarter.
    request_megabytes: usize, default 1000, from 2 to 1_000_000;
    /// Seconds without a request after which a MAPI over HTTP session ends. Exchange ends its own after 15
    /// minutes.
    session_idle_seconds: u64, default 3600, from 1 to 604_800;
    /// Seconds after which a client must sign in again, as with a Kerberos ticket. Until it does, its calls
    /// are refused with a fault, or over HTTP with 401, to which clients respond automatically. An account
    /// that was removed, disabled or given another password is refused as soon as the accounts are reloaded,
    /// and its sessions end within seconds.
    context_seconds: u64, default 36_000, from 1 to 604_800;
    also {
        /// The options of mechanisms, as these declare them.
        #[serde(flatten)]
        mechanisms: BTreeMap<String, toml::Value>,
    }
    declared mechanism_options::keys;
}
/// The server to which the proxy connects.
#[serde(deny_unknown_fields)]
table Upstream at "upstream" {
    /// The server for ExchangeRPC: a host, whose endpoint mapper is queried (on port 135, or host:port), or a
    /// fixed endpoint such as ncacn_ip_tcp:host[6001]. Needed with listen.rpc and listen.rpc_http.
    rpc: Option<Binding>, sample "exch.lab.test";
    /// For ExchangeRPC only: the protection level of calls to the server: none, connect, packet, integrity or privacy.
    level: ProtectionLevel, default ProtectionLevel::Privacy;
    /// For ExchangeRPC only: the authentication at the server: {values}. The value spnego is the
    /// scheme that http_authentication calls negotiate.
    authentication: RpcScheme, default RpcScheme::NTLM;
    /// The same server for HTTP: https://host, https://host:port, or http:// if the network to it is trusted.
    /// Needed with listen.http and listen.https.
    http: Option<Url>, example "https://exch.lab.test";
    /// The authentication scheme for HTTP at the server: {values}.
    http_authentication: Scheme, default Scheme::NTLM;
    /// The certificate authorities for the server's certificate, in PEM. If not set, those that the machine
    /// trusts.
    ca_file: Option<PathBuf>, example "ca.crt";
    /// The minimum TLS version for the server: 1.2 or 1.3.
    tls: Tls, default Tls::Tls12;
    /// Sends the server X-Forwarded-For, -Proto, -Host and Forwarded (RFC 7239) with the origin of each HTTP
    /// request: appended to what an address in clients.forwarded_for_from sent, and in place of what any
    /// other client sent. If false, all of them are removed.
    forwarding_headers: bool, default true;
    /// Seconds within which connecting and signing in must succeed.
    connect_seconds: u64, default 10, from 1 to 604_800;
    /// The maximum time in seconds from a request to the end of its response. A wait for notifications takes up to
    /// five minutes: set more than 300, here and at load balancers and firewalls in between.
    call_seconds: u64, default 600, from 1 to 604_800;
    also {
        /// The credentials for the server.
        credentials: Credentials,
    }
}
/// Whose credentials are used at the server.
modes Credentials at "upstream.credentials" {
    /// specified: one service account for all clients. relayed (pass-through authentication): each client's
    /// own Basic, Bearer, NTLM or Negotiate credentials are forwarded, on an upstream connection of its own.
    /// This is for HTTP only, and the keys below must not be set.
    "mode": sample "specified";
    /// The service account.
    Specified = "specified", "one service account for all clients", forbids |_| None;
    /// Pass-through authentication.
    Relayed = "relayed", "each client's own credentials", forbids |service| match service {
        Service::Http { .. } => None,
        Service::Rpc(_) | Service::EndpointMapper => Some(
            "cannot be served if upstream.credentials.mode is relayed: RPC calls are sealed with a key that is derived \
             from the client's password, so that the proxy could neither read nor change them; remove this key and \
             serve MAPI over HTTP only, or set mode to specified",
        ),
    };
}
/// The service account.
#[serde(deny_unknown_fields)]
table Specified at "upstream.credentials" {
    /// The service account's user name. Needed with specified, as are domain and password_file.
    user: String, sample "svcproxy";
    /// The service account's domain.
    domain: String, sample "LAB";
    /// A file whose first line is the service account's password, in UTF-8. Further lines are ignored. Only
    /// the owner may have read permission. SIGHUP reloads it, for new connections to the server. A changed
    /// password is tried at once; the same password is tried once more if the server did not accept it, and the
    /// last attempt was at least 30 seconds ago.
    password_file: PathBuf, sample "svcproxy.password";
    /// How often in a row the server may refuse the service account until the proxy pauses for
    /// lockout_seconds. Set it at least two below the lockout threshold of the account's domain: a password
    /// that you set during the pause is tried at once, which is one more attempt. Refusals that concern one user
    /// only do not count: the proxy determines this by a test request (docs/service-account.md).
    lockout_attempts: u32, default 3, from 2 to 1000;
    /// How long the proxy then makes no attempt, and requests fail. Not shorter than the time after which the
    /// domain resets its count of failures.
    lockout_seconds: u64, default 1800, from 1 to 604_800;
}
/// Pass-through authentication, which has no keys.
#[serde(deny_unknown_fields)]
table Relayed at "upstream.credentials" {
}
/// The other virtual directories of the server, each "forwarded" for every signed-in user, "refused" (403), or
/// "absent" (404). All other directories are absent, and no key can be added for them: they may have a sign-in
/// form, in which no limit counts passwords. If credentials.mode is specified, the server receives forwarded
/// requests as the service account's, and each user can do whatever that account may do.
keys Directories at "virtual_directories" {
    /// The offline address books.
    "oab": DirectoryAccess, builtin DirectoryAccess::Forwarded;
    /// Exchange Web Services: free/busy, out of office and complete mailbox access. If the service account
    /// has access to other mailboxes or may impersonate their owners, each user can read and change all of
    /// them: set refused then. If credentials.mode is specified, check warns until this key is set.
    "ews": DirectoryAccess, builtin DirectoryAccess::Forwarded;
    /// Outlook on the web, except for its pages that take passwords: they are always refused
    /// (docs/sign-in-limits.md).
    "owa": DirectoryAccess, builtin DirectoryAccess::Refused;
    /// The administration pages, with the same exception.
    "ecp": DirectoryAccess, builtin DirectoryAccess::Refused;
    /// ActiveSync.
    "microsoft-server-activesync": DirectoryAccess, builtin DirectoryAccess::Refused;
    /// RPC over HTTP. Its bodies are not read: modules see no operations, and names are not replaced.
    "rpc": DirectoryAccess, builtin DirectoryAccess::Refused;
}
/// The modules, which inspect, change, delay or refuse operations, or respond to them in place of the server.
table Modules at "modules" {
    /// The modules' names, in the order in which requests pass them. Each module may have options in a table
    /// [modules.NAME]; see `mapiproxy modules`. Without names, clients receive the server's own names and
    /// addresses and may bypass the proxy.
    stack: Vec<String>, default vec!["names".to_owned()];
    also {
        /// The options of each module, by its name.
        #[serde(flatten)]
        options: BTreeMap<String, toml::Value>,
    }
}
/// Recording of operations to files.
#[serde(deny_unknown_fields)]
table Capture at "capture" {
    /// A pcapng file to which operations are recorded as decrypted packets, for Wireshark and `mapiproxy
    /// decode`. It contains users' mail; only the owner can read it. An existing file is renamed if it is an
    /// earlier recording of this program and this user. Any other existing file is left unchanged, links are
    /// not followed, and nothing is recorded until it is moved away.
    packets: Option<PathBuf>, example "capture.pcapng";
    /// A HAR file to which MAPI over HTTP and Autodiscover are recorded.
    har: Option<PathBuf>, example "capture.har";
    /// What is recorded: client, the requests and responses between clients and the proxy; upstream, those
    /// between the proxy and the server.
    sides: Vec<CapturedSide>, default vec![CapturedSide::Client];
    /// Records passwords, tokens and cookies, which are omitted otherwise.
    secrets: bool, default false;
    /// The size of a file after which a new one is begun, in megabytes (1,000,000 bytes).
    max_megabytes: u64, default 100, from 1 to 1_000_000;
    /// The age of a file after which a new one is begun, in hours.
    max_hours: u64, default 24, from 1 to 1_000_000;
    /// The number of completed files to keep. They have the time in their names.
    keep: usize, default 10, from 1 to 100_000;
}
/// The thread pool for work that modules defer. Responses of more than 128 KiB are decoded by other threads, half as
/// many as there are processors, two at least.
#[serde(deny_unknown_fields)]
table Deferred at "deferred" {
    /// The number of threads for the work of modules. The jobs of one user occupy at most all threads but one (with one
    /// thread: that one); users take turns.
    threads: NonZeroUsize, default at_least_one(4), from 1 to 1024;
    /// The maximum number of queued jobs of modules, of which one user may have at most half. Operations beyond it are
    /// refused. If the queue is full, a job of a user with few jobs in it displaces the newest job of the user with
    /// the most, whose operation is refused. Responses that wait to be decoded are not limited by number, but by
    /// clients.request_megabytes and clients.request_megabytes_per_user; what is decoded of them at a time takes at
    /// most 256 MiB of memory.
    queue: NonZeroUsize, default at_least_one(256), from 1 to 1_000_000;
    /// The maximum duration of a job, or of the decoding of a response, in seconds, including its time in the
    /// queue. Operations whose job takes longer are refused.
    seconds: u64, default 60, from 1 to 604_800;
}
}
