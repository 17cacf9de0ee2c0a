//! Every key of the configuration, each declared once: its type, its default or an example, the range of its values,
//! and what it means. From this come the structs that a configuration is read into, the reference that
//! `mapiproxy check --keys` prints, the JSON schema, and what is said of wrong and unknown keys.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use net::Network;

use super::declare::tables;
use super::servers::{Binding, Url};
use super::texts::{address, name, networks};
use super::types::{
    Bindings, CapturedSide, Credentials, Directories, ProtectionLevel, Scheme, SignIn, Tls, Way,
};

const fn at_least_one(number: usize) -> NonZeroUsize {
    match NonZeroUsize::new(number) {
        Some(number) => number,
        None => NonZeroUsize::MIN,
    }
}

tables! {
/// A whole configuration.
#[serde(deny_unknown_fields)]
table Config at "" {
    /// The host name by which clients reach the proxy, as they resolve it: one that is in the certificate of
    /// listen.certificate, and never an address. Answers of the server have its own name replaced by this one.
    /// For Kerberos with credentials.mode relayed, HTTP/NAME has to be a service principal name of the server's
    /// account. NTLM gives out the first label as the computer's name and the second as its domain's.
    #[serde(deserialize_with = "name")]
    name: String, given "proxy.lab.test";
    /// What the URLs that we give to clients begin with (in Autodiscover, answers of the address book,
    /// redirects): https://host, https://host:port, or http://. Needed where something in front of us ends TLS,
    /// or has another name or port. Left out, it is made of name and the port of listen.https, or else of
    /// listen.http.
    public_url: Option<Url>, example "https://mail.lab.test";
    also {
        /// Where the proxy listens.
        listen: Listen,
        /// Which clients are served, and how.
        clients: Clients,
        /// The server.
        upstream: Upstream,
        /// What becomes of the server's other directories.
        #[serde(default)]
        virtual_directories: Directories,
        /// The modules.
        modules: Modules,
        /// What is recorded.
        capture: Capture,
        /// Where work that modules defer is done.
        deferred: Deferred,
    }
}
/// Where the proxy listens.
#[serde(deny_unknown_fields)]
table Listen at "listen" {
    /// Where clients ask for our services' ports. Outlook expects port 135. Left out, there is no endpoint
    /// mapper.
    #[serde(default, deserialize_with = "address")]
    endpoint_mapper: Option<SocketAddr>, example "127.0.0.23:135";
    /// Where RFR, NSPI and EMSMDB are served as remote calls. Left out, they are not; then there is http or
    /// https.
    #[serde(default, deserialize_with = "address")]
    rpc: Option<SocketAddr>, given "127.0.0.23:6001";
    /// Where the same is served to a proxy of RPC over HTTP, version 1, that stands before us and speaks HTTP
    /// with the clients (ncacn_http). Left out, there is no such endpoint, and the endpoint mapper names none.
    #[serde(default, deserialize_with = "address")]
    rpc_http: Option<SocketAddr>, example "127.0.0.23:6004";
    /// Where MAPI over HTTP, Autodiscover and the virtual directories are served without TLS. Left out, they
    /// are not; so it is with https.
    #[serde(default, deserialize_with = "address")]
    http: Option<SocketAddr>, example "127.0.0.23:80";
    /// Where they are served within TLS.
    #[serde(default, deserialize_with = "address")]
    https: Option<SocketAddr>, example "127.0.0.23:443";
    /// The certificate that is shown there, with its chain, PEM. Needed with https. It and its key are read
    /// again at SIGHUP, for those who connect from then on.
    certificate: Option<PathBuf>, example "proxy.crt";
    /// The certificate's key, PEM.
    key: Option<PathBuf>, example "proxy.key";
    /// The oldest version of TLS that is spoken with clients: 1.2 or 1.3.
    tls: Tls, default Tls::Tls12;
}
/// Which clients are served, and how.
#[serde(deny_unknown_fields)]
table Clients at "clients" {
    /// The weakest protection that a client's calls may have: none, connect, packet, integrity or privacy. With
    /// none, clients that do not sign in are anonymous.
    minimum_level: ProtectionLevel, default ProtectionLevel::Privacy;
    /// The accounts that clients sign in with, made by `mapiproxy account add`. By every scheme an account is
    /// known by its whole name, as DOMAIN\user, as user@domain, and as user where only one domain has it; its
    /// domain's DNS name is its `dns_domain` in the file or, for accounts of the domain that `name` is in, the
    /// one in `name` (proxy.lab.test: LAB and lab.test). A file in which a name means two accounts is refused.
    /// Readable by its owner alone. Read again at SIGHUP: clients of accounts that were removed, disabled or
    /// given another password are refused from then on; all else but the certificate and our password takes a
    /// restart. Not needed where clients sign in at the server.
    accounts: Option<PathBuf>, given "accounts.toml";
    /// Takes NTLM version 1, which is broken: only for clients that can do no better.
    ntlm_v1: bool, default false;
    /// Refuses NTLM sign-ins without a message integrity code, which older clients leave out.
    require_mic: bool, default false;
    /// How clients may sign in over HTTP: basic, ntlm, negotiate (with NTLM inside). Where they sign in at the
    /// server, it is the server that says how.
    http_auth: Vec<Scheme>, default vec![Scheme::Basic, Scheme::Ntlm, Scheme::Negotiate];
    /// Takes Basic (and Bearer, where it is relayed) also where others can read it on its way: only behind
    /// something that ends TLS for us.
    basic_without_tls: bool, default false;
    /// What is done about NTLM's binding to TLS: allow checks it where a client sends one, require refuses
    /// clients that send none, ignore is for where something in front of us ends TLS.
    channel_bindings: Bindings, default Bindings::Allow;
    /// Further hosts, names or addresses, by which clients know us, such as a load balancer's. NTLM clients say
    /// for which host they sign in; a sign-in for another one is refused, since somebody may have passed it on.
    /// Ours are `name`, its first label, the host of `public_url`, and the addresses in [listen]; ["*"] takes
    /// any. Clients that say no host are taken.
    target_names: Vec<String>, default Vec::new();
    /// Addresses or networks (as 10.0.0.0/8) of load balancers that begin each connection, by HTTP or for
    /// remote calls (the endpoint mapper included), with a PROXY header, version 1 or 2. From these,
    /// connections without one are closed. The address in it counts for limits, the back-off of failed
    /// sign-ins, and the log. From other addresses such a header is a protocol error.
    #[serde(deserialize_with = "networks")]
    proxy_protocol_from: Vec<Network>, default Vec::new();
    /// Addresses or networks (as 2001:db8::/32) of proxies in front of us whose X-Forwarded-For is believed.
    /// Their connections carry requests of several clients, so that only Basic (and Bearer, where it is
    /// relayed) is offered and taken on them: NTLM and Negotiate authenticate a whole connection. Where clients
    /// sign in at the server (`upstream.credentials.mode` is relayed), all that send requests of several
    /// clients on one connection have to be here.
    #[serde(deserialize_with = "networks")]
    forwarded_for_from: Vec<Network>, default Vec::new();
    /// How many client connections there may be in all, from 1 on. More are closed at once. Each takes one or
    /// two file descriptors: where `ulimit -Hn` is too low for that, there may be fewer, and a warning says how
    /// many.
    connections: usize, default 4096, from 1, or "must let at least one client in";
    /// How many of them one address (IPv6: one /64 network) may have. Servers in proxy_protocol_from and
    /// forwarded_for_from may have more; with the PROXY protocol it is the client's address that counts. Any
    /// other load balancer counts as one address for all of its clients: give as many as connections then.
    connections_per_address: usize, default 256, from 1, or "must let at least one client in";
    /// How many percent of the connections may be such on which no client has signed in, so that the rest is
    /// for those who have. One more closes the oldest of the address that has the most.
    unauthenticated_percent: usize, default 50, from 1 to 100;
    /// How many seconds a client may take to sign in, from when it connects, and how many for each fragment,
    /// head and body that it has begun to send, from 1 to 604800. NTLM refuses clients whose clock differs from
    /// this machine's by more than 36 hours. Only a connection on which a client has signed in may be idle for
    /// longer.
    handshake_seconds: u64, default 30, from 1 to 604_800;
    /// How much of a request's body a signed-in client has to send in a second, on average: a long body may
    /// take longer than handshake_seconds, by a second for each so many bytes that came.
    minimum_bytes_per_second: u64, default 256, from 1 to 1_000_000;
    /// How many failed sign-ins of one address (IPv6: one /64 network) for one account go without a wait. After
    /// them the account's password is not checked from there for a second, then two, four and so on; meanwhile
    /// HTTP answers 429 with Retry-After, and a remote call's sign-in is refused. 20 times as many from all
    /// addresses together, and failed sign-ins of one address for 20 accounts, have the same effect, but not
    /// where the account signed in from before, nor on an address's first attempt.
    failed_sign_ins: u32, default 5, from 1 to 10_000;
    /// The longest that no password is checked after failed sign-ins, in seconds.
    failed_sign_in_seconds: u64, default 60, from 1 to 604_800;
    /// After how many seconds without a call a connection is closed on which a client has signed in, or whose
    /// server is in forwarded_for_from, from 1 to 604800. Outlook keeps connections open for hours; what stands
    /// between needs at least this time, or closes them first.
    idle_seconds: u64, default 7200, from 1 to 604_800;
    /// How many sessions one user may have: of MAPI over HTTP at each endpoint, where a further one ends the
    /// one that was idle for longest; and context handles of remote calls, where a further one is refused as
    /// too busy. Either is logged with the user.
    sessions_per_user: usize, default 1024, from 1, or "must let at least one client in";
    /// How many sessions of MAPI over HTTP there may be in all. A further one is refused, unless its user has
    /// one that is idle, which then ends.
    sessions: usize, default 100_000, from 1, or "must let at least one client in";
    /// How many megabytes (of 1,000,000 bytes) of one user's requests are held in memory, while they arrive and
    /// until they are answered, with the answers to operations of MAPI over HTTP and Autodiscover, and those to
    /// remote calls that the client does not read at once, until it has read them, from 2 to 1000000. What a
    /// connection holds up to 64 KiB is not counted. A request that would be more, or whose answer would, is
    /// refused as too busy: with 503 and Retry-After over HTTP, else with the fault nca_s_server_too_busy. A
    /// connection whose answers to remote calls would be is closed. Either is logged with the user. All
    /// unauthenticated calls count as one user's.
    request_megabytes_per_user: usize, default 256, from 2 to 1_000_000;
    /// The same for the requests of all users together.
    request_megabytes: usize, default 1000, from 2 to 1_000_000;
    /// After how many seconds without a request a session of MAPI over HTTP ends. Exchange ends its own after
    /// 15 minutes.
    session_idle_seconds: u64, default 3600, from 1 to 604_800;
    /// How many seconds after signing in a client has to sign in anew, as with a Kerberos ticket; from 1 to
    /// 604800. Until it does, its calls are refused: with a fault, or over HTTP with 401, which clients answer
    /// by themselves. An account that was removed, disabled or given another password is refused at once when
    /// the accounts are read again, and its sessions end within seconds.
    context_seconds: u64, default 36_000, from 1 to 604_800;
}
/// The server.
#[serde(deny_unknown_fields)]
table Upstream at "upstream" {
    /// The server: a host, asked through its endpoint mapper (on port 135, or host:port), or one fixed endpoint
    /// as ncacn_ip_tcp:host[6001]. Needed with listen.rpc and listen.rpc_http.
    rpc: Option<Binding>, given "exch.lab.test";
    /// The protection of our calls to the server: none, connect, packet, integrity or privacy.
    level: ProtectionLevel, default ProtectionLevel::Privacy;
    /// How we sign in there: ntlm, or spnego (negotiated, with NTLM inside).
    authentication: SignIn, default SignIn::Ntlm;
    /// The same server by HTTP: https://host, https://host:port, or http:// where the line to it is safe.
    /// Needed with listen.http and listen.https.
    http: Option<Url>, example "https://exch.lab.test";
    /// How we sign in there: basic, ntlm, or negotiate (with NTLM inside).
    http_authentication: Scheme, default Scheme::Ntlm;
    /// The authorities that the server's certificate may come from, PEM. Left out, those that this machine
    /// trusts.
    ca_file: Option<PathBuf>, example "ca.crt";
    /// The oldest version of TLS that is spoken with the server: 1.2 or 1.3.
    tls: Tls, default Tls::Tls12;
    /// Tells the server by X-Forwarded-For, -Proto, -Host and Forwarded (RFC 7239) where each request over HTTP
    /// comes from: behind what an address in clients.forwarded_for_from says, and in place of what any other
    /// client says. With false it gets none of them, from whomever they came.
    forwarding_headers: bool, default true;
    /// How many seconds connecting and signing in may take, from 1 to 604800.
    connect_seconds: u64, default 10, from 1 to 604_800;
    /// How many seconds an answer may take, from 1 to 604800. A wait for notifications takes up to five minutes
    /// by itself: give more than 300, and let load balancers and firewalls on the way wait as long.
    call_seconds: u64, default 600, from 1 to 604_800;
    also {
        /// As whom the proxy acts there.
        credentials: Credentials,
    }
}
keys Credentials at "upstream.credentials" {
    /// As whom we act there: specified, one account for all clients; or relayed, each client as itself: its own
    /// Basic, Bearer, NTLM or Negotiate goes to the server, on a connection that is its own. Relayed is for
    /// HTTP alone, and takes none of the keys below.
    "mode": Credentials, given "specified";
    /// The account's name. Needed with specified, as are the next two.
    "user": String, given "svcproxy";
    /// The account's domain.
    "domain": String, given "LAB";
    /// A file whose first line is the account's password, in UTF-8. Further lines are ignored. Readable by its
    /// owner alone. Read again at SIGHUP, for connections that we open from then on. While the server refuses
    /// the account, the proxy signs in only every 30 seconds, later every 15 minutes, so that the account is
    /// not locked out; another password is tried at once. What is refused in one user's requests alone stops
    /// that user's alone.
    "password_file": PathBuf, given "svcproxy.password";
}
keys Directories at "virtual_directories" {
    /// What becomes of requests to the server's virtual directories beside MAPI and Autodiscover: relayed, for
    /// every user that signed in; refused (403); or absent (404). Others than these are absent. Where
    /// credentials.mode is specified, the server takes what is relayed there for the service account's own, and
    /// each user can do there all that the account may do. This one has the offline address books.
    "oab": Way, builtin Way::Relayed;
    /// Exchange Web Services: free/busy, out of office and all of a mailbox. With a service account that has
    /// access to other mailboxes, or may impersonate their owners, each user can read and change all of them:
    /// set it to refused then. Where credentials.mode is specified, check warns unless this key is written.
    "ews": Way, builtin Way::Relayed;
    /// Outlook on the web.
    "owa": Way, builtin Way::Refused;
    /// The administration pages.
    "ecp": Way, builtin Way::Refused;
    /// ActiveSync.
    "microsoft-server-activesync": Way, builtin Way::Refused;
    /// RPC over HTTP.
    "rpc": Way, builtin Way::Refused;
}
/// The modules.
table Modules at "modules" {
    /// The modules, the first nearest to the clients. Each may have options in a table of its own,
    /// [modules.NAME]; see `mapiproxy modules`. Without names, clients are given the server's own names and
    /// addresses, and may connect to it without the proxy.
    stack: Vec<String>, default vec!["names".to_owned()];
    also {
        /// The options of each, by its name.
        #[serde(flatten)]
        options: BTreeMap<String, toml::Value>,
    }
}
/// What is recorded of the operations that pass.
#[serde(deny_unknown_fields)]
table Capture at "capture" {
    /// A file to which operations are recorded as packets, not sealed, for Wireshark and `mapiproxy decode`. It
    /// holds what people write and read: it is readable by its owner alone. What stands there is set aside if
    /// it is an earlier recording of this program and this user; anything else is left, a link is not followed,
    /// and nothing is recorded until it is moved away.
    packets: Option<PathBuf>, example "capture.pcapng";
    /// A file to which those that came by HTTP are recorded as HAR.
    har: Option<PathBuf>, example "capture.har";
    /// What is recorded: client, what clients ask and get; upstream, what the server is asked and answers.
    sides: Vec<CapturedSide>, default vec![CapturedSide::Client];
    /// Records passwords, tokens and cookies too, which are left out otherwise.
    secrets: bool, default false;
    /// How many megabytes (of 1,000,000 bytes) a file may have before another is begun.
    max_megabytes: u64, default 100, from 1 to 1_000_000;
    /// How many hours old a file may be before another is begun.
    max_hours: u64, default 24, from 1 to 1_000_000;
    /// How many full files are kept. They have the time in their names.
    keep: usize, default 10, from 1 to 100_000;
}
/// Where work that modules defer is done.
#[serde(deny_unknown_fields)]
table Deferred at "deferred" {
    /// How many threads do what modules defer since it takes time.
    threads: NonZeroUsize, default at_least_one(4), from 1 to 1024;
    /// How many pieces of such work may wait for a thread, no more than half of them of one caller. An
    /// operation for which there is no room is refused.
    queue: NonZeroUsize, default at_least_one(256), from 1 to 1_000_000;
    /// How many seconds one piece of such work may take, from 1 to 604800, waiting included. An operation whose
    /// work takes longer is refused.
    seconds: u64, default 60, from 1 to 604_800;
}
}
