//! Every key of the configuration with its meaning: one table for the reference that is printed, for the check
//! of unknown keys, and for the suggestion of the nearest known one.

/// A key of the configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// Its table, dotted; empty for the top.
    pub(crate) table: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
    /// An example or the default, as it is typed.
    pub(crate) value: &'static str,
    /// Whether that is the default.
    pub(crate) presence: Presence,
    /// What it does.
    pub(crate) doc: &'static str,
}

/// What `value` is of a key, and so how the reference prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// A value of a complete configuration: the reference has the key as it is.
    Given,
    /// The default: what holds where the key is left out.
    Default,
    /// An example. Left out, the key has no value.
    Example,
}

/// A key with a default, or one that a complete configuration gives.
const fn key(
    table: &'static str,
    name: &'static str,
    value: &'static str,
    given: bool,
    doc: &'static str,
) -> Key {
    let presence = if given { Presence::Given } else { Presence::Default };
    Key { table, name, value, presence, doc }
}

/// A key that has no default: `value` is an example.
const fn example(table: &'static str, name: &'static str, value: &'static str, doc: &'static str) -> Key {
    Key { table, name, value, presence: Presence::Example, doc }
}

/// All keys, in the order in which a file has them.
pub(crate) const KEYS: &[Key] = &[
    key(
        "",
        "name",
        "\"proxy.lab.test\"",
        true,
        "The host name by which clients reach the proxy, as they resolve it: one that is in the certificate of listen.certificate, and never an address. Answers of the server have its own name replaced by this one. For Kerberos with credentials.mode relayed, HTTP/NAME has to be a service principal name of the server's account. NTLM gives out the first label as the computer's name and the second as its domain's.",
    ),
    example(
        "",
        "public_url",
        "\"https://mail.lab.test\"",
        "What the URLs that we give to clients begin with (in Autodiscover, answers of the address book, redirects): https://host, https://host:port, or http://. Needed where something in front of us ends TLS, or has another name or port. Left out, it is made of name and the port of listen.https, or else of listen.http.",
    ),
    example(
        "listen",
        "endpoint_mapper",
        "\"127.0.0.23:135\"",
        "Where clients ask for our services' ports. Outlook expects port 135. Left out, there is no endpoint mapper.",
    ),
    key(
        "listen",
        "rpc",
        "\"127.0.0.23:6001\"",
        true,
        "Where RFR, NSPI and EMSMDB are served as remote calls. Left out, they are not; then there is http or https.",
    ),
    example(
        "listen",
        "rpc_http",
        "\"127.0.0.23:6004\"",
        "Where the same is served to a proxy of RPC over HTTP, version 1, that stands before us and speaks HTTP with the clients (ncacn_http). Left out, there is no such endpoint, and the endpoint mapper names none.",
    ),
    example(
        "listen",
        "http",
        "\"127.0.0.23:80\"",
        "Where MAPI over HTTP, Autodiscover and the virtual directories are served without TLS. Left out, they are not; so it is with https.",
    ),
    example("listen", "https", "\"127.0.0.23:443\"", "Where they are served within TLS."),
    example(
        "listen",
        "certificate",
        "\"proxy.crt\"",
        "The certificate that is shown there, with its chain, PEM. Needed with https. It and its key are read again at SIGHUP, for those who connect from then on.",
    ),
    example("listen", "key", "\"proxy.key\"", "The certificate's key, PEM."),
    key(
        "listen",
        "tls",
        "\"1.2\"",
        false,
        "The oldest version of TLS that is spoken with clients: 1.2 or 1.3.",
    ),
    key(
        "clients",
        "minimum_level",
        "\"privacy\"",
        false,
        "The weakest protection that a client's calls may have: none, connect, packet, integrity or privacy. With none, clients that do not sign in are served as nobody.",
    ),
    key(
        "clients",
        "accounts",
        "\"accounts.toml\"",
        true,
        "The accounts that clients sign in with, made by `mapiproxy account add`. By every scheme an account is known by its whole name, as DOMAIN\\user, as user@domain, and as user where only one domain has it; its domain's DNS name is its `dns_domain` in the file or, for accounts of the domain that `name` is in, the one in `name` (proxy.lab.test: LAB and lab.test). A file in which a name means two accounts is refused. Readable by its owner alone. Read again at SIGHUP: clients of accounts that were removed, disabled or given another password are refused from then on; all else but the certificate and our password takes a restart. Not needed where clients sign in at the server.",
    ),
    key(
        "clients",
        "ntlm_v1",
        "false",
        false,
        "Takes NTLM version 1, which is broken: only for clients that can do no better.",
    ),
    key(
        "clients",
        "require_mic",
        "false",
        false,
        "Refuses NTLM sign-ins without a message integrity code, which older clients leave out.",
    ),
    key(
        "clients",
        "http_auth",
        "[\"basic\", \"ntlm\", \"negotiate\"]",
        false,
        "How clients may sign in over HTTP: basic, ntlm, negotiate (with NTLM inside). Where they sign in at the server, it is the server that says how.",
    ),
    key(
        "clients",
        "basic_without_tls",
        "false",
        false,
        "Takes Basic (and Bearer, where it is relayed) also where others can read it on its way: only behind something that ends TLS for us.",
    ),
    key(
        "clients",
        "channel_bindings",
        "\"allow\"",
        false,
        "What is done about NTLM's binding to TLS: allow checks it where a client sends one, require refuses clients that send none, ignore is for where something in front of us ends TLS.",
    ),
    key(
        "clients",
        "target_names",
        "[]",
        false,
        "Further hosts, names or addresses, by which clients know us, such as a load balancer's. NTLM clients say for which host they sign in; a sign-in for another one is refused, since somebody may have passed it on. Ours are `name`, its first label, the host of `public_url`, and the addresses in [listen]; [\"*\"] takes any. Clients that say no host are taken.",
    ),
    key(
        "clients",
        "proxy_protocol_from",
        "[]",
        false,
        "Addresses or networks (as 10.0.0.0/8) of load balancers that begin each connection, by HTTP or for remote calls (the endpoint mapper included), with a PROXY header, version 1 or 2. From these, connections without one are closed. The address in it counts for limits, the back-off of failed sign-ins, and the log. From other addresses such a header is a protocol error.",
    ),
    key(
        "clients",
        "forwarded_for_from",
        "[]",
        false,
        "Addresses or networks (as 2001:db8::/32) of proxies in front of us whose X-Forwarded-For is believed. Their connections carry requests of several clients, so that only Basic (and Bearer, where it is relayed) is offered and taken on them: NTLM and Negotiate authenticate a whole connection. Where clients sign in at the server (`upstream.credentials.mode` is relayed), all that send requests of several clients on one connection have to be here.",
    ),
    key(
        "clients",
        "connections",
        "4096",
        false,
        "How many client connections there may be in all, from 1 on. More are closed at once. Each takes one or two file descriptors: where `ulimit -Hn` is too low for that, there may be fewer, and a warning says how many.",
    ),
    key(
        "clients",
        "connections_per_address",
        "256",
        false,
        "How many of them one address (IPv6: one /64 network) may have. Servers in proxy_protocol_from and forwarded_for_from may have more; with the PROXY protocol it is the client's address that counts. Any other load balancer counts as one address for all of its clients: give as many as connections then.",
    ),
    key(
        "clients",
        "unauthenticated_percent",
        "50",
        false,
        "How many percent of the connections may be such on which no client has signed in, so that the rest is for those who have. One more closes the oldest of the address that has the most.",
    ),
    key(
        "clients",
        "handshake_seconds",
        "30",
        false,
        "How many seconds a client may take to sign in, from when it connects, and how many for each fragment, head and body that it has begun to send, from 1 to 604800. NTLM refuses clients whose clock differs from this machine's by more than 36 hours. Only a connection on which a client has signed in may be idle for longer.",
    ),
    key(
        "clients",
        "minimum_bytes_per_second",
        "256",
        false,
        "How much of a request's body a signed-in client has to send in a second, on average: a long body may take longer than handshake_seconds, by a second for each so many bytes that came.",
    ),
    key(
        "clients",
        "failed_sign_ins",
        "5",
        false,
        "How many failed sign-ins of one address (IPv6: one /64 network) for one account go without a wait. After them the account's password is not checked from there for a second, then two, four and so on; meanwhile HTTP answers 429 with Retry-After, and a remote call's sign-in is refused. 20 times as many from all addresses together, and failed sign-ins of one address for 20 accounts, have the same effect, but not where the account signed in from before, nor on an address's first attempt.",
    ),
    key(
        "clients",
        "failed_sign_in_seconds",
        "60",
        false,
        "The longest that no password is checked after failed sign-ins, in seconds.",
    ),
    key(
        "clients",
        "idle_seconds",
        "7200",
        false,
        "After how many seconds without a call a connection is closed on which a client has signed in, or whose server is in forwarded_for_from, from 1 to 604800. Outlook keeps connections open for hours; what stands between needs at least this time, or closes them first.",
    ),
    key(
        "clients",
        "sessions_per_user",
        "1024",
        false,
        "How many sessions one user may have: of MAPI over HTTP at each endpoint, where a further one ends the one that was idle for longest; and context handles of remote calls, where a further one is refused as too busy. Either is logged with the user.",
    ),
    key(
        "clients",
        "sessions",
        "100000",
        false,
        "How many sessions of MAPI over HTTP there may be in all. A further one is refused, unless its user has one that is idle, which then ends.",
    ),
    key(
        "clients",
        "request_megabytes_per_user",
        "256",
        false,
        "How many megabytes (of 1,000,000 bytes) of one user's requests are held in memory, while they arrive and until they are answered, with the answers to operations of MAPI over HTTP and Autodiscover, and those to remote calls that the client does not read at once, until it has read them, from 2 to 1000000. What a connection holds up to 64 KiB is not counted. A request that would be more, or whose answer would, is refused as too busy: with 503 and Retry-After over HTTP, else with the fault nca_s_server_too_busy. A connection whose answers to remote calls would be is closed. Either is logged with the user. All unauthenticated calls count as one user's.",
    ),
    key("clients", "request_megabytes", "1000", false, "The same for the requests of all users together."),
    key(
        "clients",
        "session_idle_seconds",
        "3600",
        false,
        "After how many seconds without a request a session of MAPI over HTTP ends. Exchange ends its own after 15 minutes.",
    ),
    key(
        "clients",
        "context_seconds",
        "36000",
        false,
        "How many seconds after signing in a client has to sign in anew, as with a Kerberos ticket; from 1 to 604800. Until it does, its calls are refused: with a fault, or over HTTP with 401, which clients answer by themselves. An account that was removed, disabled or given another password is refused at once when the accounts are read again, and its sessions end within seconds.",
    ),
    key(
        "upstream",
        "rpc",
        "\"exch.lab.test\"",
        true,
        "The server: a host, asked through its endpoint mapper (on port 135, or host:port), or one fixed endpoint as ncacn_ip_tcp:host[6001]. Needed with listen.rpc and listen.rpc_http.",
    ),
    key(
        "upstream",
        "level",
        "\"privacy\"",
        false,
        "The protection of our calls to the server: none, connect, packet, integrity or privacy.",
    ),
    key(
        "upstream",
        "authentication",
        "\"ntlm\"",
        false,
        "How we sign in there: ntlm, or spnego (negotiated, with NTLM inside).",
    ),
    example(
        "upstream",
        "http",
        "\"https://exch.lab.test\"",
        "The same server by HTTP: https://host, https://host:port, or http:// where the line to it is safe. Needed with listen.http and listen.https.",
    ),
    key(
        "upstream",
        "http_authentication",
        "\"ntlm\"",
        false,
        "How we sign in there: basic, ntlm, or negotiate (with NTLM inside).",
    ),
    example(
        "upstream",
        "ca_file",
        "\"ca.crt\"",
        "The authorities that the server's certificate may come from, PEM. Left out, those that this machine trusts.",
    ),
    key(
        "upstream",
        "tls",
        "\"1.2\"",
        false,
        "The oldest version of TLS that is spoken with the server: 1.2 or 1.3.",
    ),
    key(
        "upstream",
        "forwarding_headers",
        "true",
        false,
        "Tells the server by X-Forwarded-For, -Proto, -Host and Forwarded (RFC 7239) where each request over HTTP comes from: behind what an address in clients.forwarded_for_from says, and in place of what any other client says. With false it gets none of them, from whomever they came.",
    ),
    key(
        "upstream",
        "connect_seconds",
        "10",
        false,
        "How many seconds connecting and signing in may take, from 1 to 604800.",
    ),
    key(
        "upstream",
        "call_seconds",
        "600",
        false,
        "How many seconds an answer may take, from 1 to 604800. A wait for notifications takes up to five minutes by itself: give more than 300, and let load balancers and firewalls on the way wait as long.",
    ),
    key(
        "upstream.credentials",
        "mode",
        "\"specified\"",
        true,
        "As whom we act there: specified, one account for all clients; or relayed, each client as itself: its own Basic, Bearer, NTLM or Negotiate goes to the server, on a connection that is its own. Relayed is for HTTP alone, and takes none of the keys below.",
    ),
    key(
        "upstream.credentials",
        "user",
        "\"svcproxy\"",
        true,
        "The account's name. Needed with specified, as are the next two.",
    ),
    key("upstream.credentials", "domain", "\"LAB\"", true, "The account's domain."),
    key(
        "upstream.credentials",
        "password_file",
        "\"svcproxy.password\"",
        true,
        "A file whose first line is the account's password, in UTF-8. Further lines are ignored. Readable by its owner alone. Read again at SIGHUP, for connections that we open from then on. While the server refuses the account, the proxy signs in only every 30 seconds, later every 15 minutes, so that the account is not locked out; another password is tried at once. What is refused in one user's requests alone stops that user's alone.",
    ),
    key(
        "virtual_directories",
        "oab",
        "\"relayed\"",
        false,
        "What becomes of requests to the server's virtual directories beside MAPI and Autodiscover: relayed, for every user that signed in; refused (403); or absent (404). Others than these are absent. Where credentials.mode is specified, the server takes what is relayed there for the service account's own, and each user can do there all that the account may do. This one has the offline address books.",
    ),
    key(
        "virtual_directories",
        "ews",
        "\"relayed\"",
        false,
        "Exchange Web Services: free/busy, out of office and all of a mailbox. With a service account that has access to other mailboxes, or may impersonate their owners, each user can read and change all of them: set it to refused then. Where credentials.mode is specified, check warns unless this key is written.",
    ),
    key("virtual_directories", "owa", "\"refused\"", false, "Outlook on the web."),
    key("virtual_directories", "ecp", "\"refused\"", false, "The administration pages."),
    key("virtual_directories", "microsoft-server-activesync", "\"refused\"", false, "ActiveSync."),
    key("virtual_directories", "rpc", "\"refused\"", false, "RPC over HTTP."),
    key(
        "modules",
        "stack",
        "[\"names\"]",
        false,
        "The modules, the first nearest to the clients. Each may have options in a table of its own, [modules.NAME]; see `mapiproxy modules`. Without names, clients are given the server's own names and addresses, and may connect to it without the proxy.",
    ),
    example(
        "capture",
        "packets",
        "\"capture.pcapng\"",
        "A file to which operations are recorded as packets, not sealed, for Wireshark and `mapiproxy decode`. It holds what people write and read: it is readable by its owner alone. What stands there is set aside if it is an earlier recording of this program and this user; anything else is left, a link is not followed, and nothing is recorded until it is moved away.",
    ),
    example(
        "capture",
        "har",
        "\"capture.har\"",
        "A file to which those that came by HTTP are recorded as HAR.",
    ),
    key(
        "capture",
        "sides",
        "[\"client\"]",
        false,
        "What is recorded: client, what clients ask and get; upstream, what the server is asked and answers.",
    ),
    key(
        "capture",
        "secrets",
        "false",
        false,
        "Records passwords, tokens and cookies too, which are left out otherwise.",
    ),
    key(
        "capture",
        "max_megabytes",
        "100",
        false,
        "How many megabytes (of 1,000,000 bytes) a file may have before another is begun.",
    ),
    key("capture", "max_hours", "24", false, "How many hours old a file may be before another is begun."),
    key("capture", "keep", "10", false, "How many full files are kept. They have the time in their names."),
    key("deferred", "threads", "4", false, "How many threads do what modules defer since it takes time."),
    key(
        "deferred",
        "queue",
        "256",
        false,
        "How many pieces of such work may wait for a thread, no more than half of them of one caller. An operation for which there is no room is refused.",
    ),
    key(
        "deferred",
        "seconds",
        "60",
        false,
        "How many seconds one piece of such work may take, from 1 to 604800, waiting included. An operation whose work takes longer is refused.",
    ),
];

/// Whether the key or table `inner` is `outer` or stands in it.
pub(super) fn is_within(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The name among `known` that is nearest to `name`, whatever the case of its letters, if any is near.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    known
        .map(|candidate| (strsim::damerau_levenshtein(&name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().max(name.len()) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

/// A configuration with every key, its meaning above it: what `mapiproxy check --keys` prints.
pub(crate) fn reference() -> String {
    let mut lines = vec![
        "# Every key of MAPIProxy's configuration. Relative paths start at the folder of this file. Sizes and times are"
            .to_owned(),
        "# whole numbers without a unit. SIGHUP reads accounts, certificate, key and password again; the rest, at a"
            .to_owned(),
        "# restart. `mapiproxy check --config FILE` finds what is wrong; with --online it asks the server too.\n".to_owned(),
    ];
    let mut table = "";
    for key in KEYS {
        if key.table != table {
            table = key.table;
            lines.push(format!("\n[{table}]"));
        }
        lines.extend(wrap(key.doc, 96).iter().map(|line| format!("# {line}")));
        let mark = match key.presence {
            Presence::Given => "",
            Presence::Default => "# default: ",
            Presence::Example => "# example: ",
        };
        lines.push(format!("{mark}{} = {}", key.name, key.value));
    }
    lines.join("\n") + "\n"
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().filter(|line| line.is_empty() || line.len() + 1 + word.len() <= width);
        match last {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_reference_is_the_one_that_is_printed() {
        let documented = include_str!("../../../../docs/mapiproxy.toml");
        assert_eq!(documented, reference(), "mapiproxy check --keys > docs/mapiproxy.toml");
    }

    #[test]
    fn finds_the_nearest_name() {
        let known = || KEYS.iter().filter(|key| key.table == "clients").map(|key| key.name);
        assert_eq!(nearest("minimal_level", known()), Some("minimum_level"));
        assert_eq!(nearest("acounts", known()), Some("accounts"));
        assert_eq!(nearest("zzz", known()), None);
    }
}
