use std::path::{Path, PathBuf};

use super::keys::{KEYS, nearest};
use super::parts::{Config, Listen};

/// What is wrong with a configuration, and where.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file can't be read.
    #[error("can't read the configuration {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is no TOML, or a value is of the wrong kind.
    #[error("{path}: {message}", path = path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What and where, with the line.
        message: String,
    },
    /// A key that nobody knows.
    #[error("{path}, line {line}: unknown key {key}{hint}", path = path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The line, from one.
        line: usize,
        /// The key, with its table.
        key: String,
        /// The nearest known key, or the keys there are.
        hint: String,
    },
    /// A value that can't work.
    #[error("{path}: {key}: {why}", path = path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The key, with its table.
        key: &'static str,
        /// What is wrong, and what to do.
        why: String,
    },
}

/// Reads and checks the configuration in the file `path`. Relative paths in it start at its own folder.
///
/// # Errors
/// When the file can't be read, or something in it is wrong.
pub(crate) fn load(path: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let mut config = parse(path, &text)?;
    let base = path.parent().unwrap_or(Path::new("")).to_owned();
    if let super::Credentials::Specified { password_file, .. } = &mut config.upstream.credentials {
        *password_file = base.join(&*password_file);
    }
    let accounts = &mut config.clients.accounts;
    let Listen { certificate, key, .. } = &mut config.listen;
    let super::Capture { packets, har, .. } = &mut config.capture;
    for path in [accounts, certificate, key, &mut config.upstream.ca_file, packets, har].into_iter().flatten()
    {
        *path = base.join(&*path);
    }
    Ok(config)
}

/// Checks the configuration `text`, which came from `path`.
///
/// # Errors
/// When something in it is wrong.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
    let syntax = |message: String| ConfigError::Syntax {
        path: path.to_owned(),
        message: message.trim_end().to_owned(),
    };
    let table: toml::Table = toml::from_str(text).map_err(|error| syntax(error.to_string()))?;
    unknown_keys(path, text, "", &table)?;
    let config: Config = toml::from_str(text).map_err(|error| syntax(error.to_string()))?;
    values(path, &config)?;
    Ok(config)
}

fn unknown_keys(path: &Path, text: &str, prefix: &str, table: &toml::Table) -> Result<(), ConfigError> {
    for (name, value) in table {
        let dotted = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let is_key = KEYS.iter().any(|key| key.table == prefix && key.name == name);
        let is_table = KEYS.iter().any(|key| key.table == dotted);
        let is_options = prefix == "modules" && value.is_table();
        match value {
            toml::Value::Table(inner) if is_table => unknown_keys(path, text, &dotted, inner)?,
            _ if is_key || is_options => {}
            _ => return Err(unknown(path, text, prefix, name)),
        }
    }
    Ok(())
}

fn unknown(path: &Path, text: &str, prefix: &str, name: &str) -> ConfigError {
    let mut known: Vec<&str> = KEYS.iter().filter(|key| key.table == prefix).map(|key| key.name).collect();
    let depth = if prefix.is_empty() { 0 } else { prefix.len() + 1 };
    let inner = KEYS.iter().filter(|key| !key.table.is_empty() && key.table.starts_with(prefix));
    known.extend(inner.filter_map(|key| key.table.get(depth..)?.split('.').next()).filter(|t| !t.is_empty()));
    known.dedup();
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("; did you mean {near}?"),
        None => format!("; there are {}", known.join(", ")),
    };
    let header = format!("[{prefix}");
    let from = text.find(&header).filter(|_| !prefix.is_empty()).unwrap_or(0);
    let before = |(_, line): &(usize, &str)| {
        let line = line.trim_start().trim_start_matches('[');
        line.strip_prefix(prefix).unwrap_or(line).trim_start_matches('.').starts_with(name)
    };
    let skipped = text.get(..from).unwrap_or("").lines().count();
    let lines = text.lines().enumerate().skip(skipped.saturating_sub(usize::from(from > 0)));
    let line = lines.clone().find(before).map_or(1, |(number, _)| number + 1);
    let key = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
    ConfigError::Unknown { path: path.to_owned(), line, key, hint }
}

fn values(path: &Path, config: &Config) -> Result<(), ConfigError> {
    let wrong = |key, why: String| Err(ConfigError::Value { path: path.to_owned(), key, why });
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let is_label =
        |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    let labels = config.name.split('.').all(is_label);
    if !config.name.chars().all(plain) || !labels || config.name.len() > 253 {
        return wrong("name", format!("{:?} is no host name", config.name));
    }
    if config.name.split('.').all(|label| label.parse::<u8>().is_ok()) {
        return wrong("name", "must be a name that clients can resolve, not an address".to_owned());
    }
    rpc_values(path, config)?;
    relayed_values(path, config)?;
    for (key, most) in [
        ("clients.connections", config.clients.connections),
        ("clients.connections_per_address", config.clients.connections_per_address),
        ("clients.sessions_per_user", config.clients.sessions_per_user),
        ("clients.sessions", config.clients.sessions),
    ] {
        if most == 0 {
            return wrong(key, "must let at least one client in".to_owned());
        }
    }
    if !(1..=10_000).contains(&config.clients.failed_sign_ins) {
        let given = config.clients.failed_sign_ins;
        return wrong("clients.failed_sign_ins", format!("is {given}; give from 1 to 10000"));
    }
    capture_values(path, config)?;
    for (key, number, most) in [
        ("deferred.threads", config.deferred.threads.get(), 1024),
        ("deferred.queue", config.deferred.queue.get(), 1_000_000),
    ] {
        if number > most {
            return wrong(key, format!("is {number}; give from 1 to {most}"));
        }
    }
    http_values(path, config)?;
    let seconds = [
        ("clients.handshake_seconds", config.clients.handshake_seconds),
        ("clients.failed_sign_in_seconds", config.clients.failed_sign_in_seconds),
        ("clients.idle_seconds", config.clients.idle_seconds),
        ("clients.session_idle_seconds", config.clients.session_idle_seconds),
        ("upstream.connect_seconds", config.upstream.connect_seconds),
        ("upstream.call_seconds", config.upstream.call_seconds),
        ("deferred.seconds", config.deferred.seconds),
    ];
    for (key, value) in seconds {
        if value == 0 || value > 7 * 86_400 {
            return wrong(key, format!("is {value}; give from 1 to 604800 seconds"));
        }
    }
    Ok(())
}

fn capture_values(path: &Path, config: &Config) -> Result<(), ConfigError> {
    let wrong = |key, why: String| Err(ConfigError::Value { path: path.to_owned(), key, why });
    let capture = &config.capture;
    for (key, value) in
        [("capture.max_megabytes", capture.max_megabytes), ("capture.max_hours", capture.max_hours)]
    {
        if value == 0 || value > 1_000_000 {
            return wrong(key, format!("is {value}; give from 1 to 1000000"));
        }
    }
    if capture.keep == 0 || capture.keep > 100_000 {
        return wrong("capture.keep", format!("is {}; give from 1 to 100000", capture.keep));
    }
    if capture.sides.is_empty() {
        return wrong(
            "capture.sides",
            "names neither client nor upstream: nothing would be recorded".to_owned(),
        );
    }
    // What stands in a file of ours would be set aside for a recording, and be lost.
    let base = path.parent().unwrap_or(Path::new(""));
    let whole = |file: &Path| std::path::absolute(base.join(file)).unwrap_or_else(|_| file.to_owned());
    let Listen { certificate, key, .. } = &config.listen;
    let mut taken: Vec<PathBuf> = [&config.clients.accounts, certificate, key, &config.upstream.ca_file]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    taken.extend(path.file_name().map(PathBuf::from));
    if let super::Credentials::Specified { password_file, .. } = &config.upstream.credentials {
        taken.push(password_file.clone());
    }
    for (key, file) in [("capture.packets", &capture.packets), ("capture.har", &capture.har)] {
        let Some(file) = file else { continue };
        if taken.iter().any(|other| whole(other) == whole(file)) {
            return wrong(
                key,
                format!("{} is named for something else too; give it a file of its own", file.display()),
            );
        }
        if whole(file).is_dir() {
            return wrong(key, format!("{} is a folder; name a file in it", file.display()));
        }
        taken.push(file.clone());
    }
    Ok(())
}

fn rpc_values(path: &Path, config: &Config) -> Result<(), ConfigError> {
    let wrong = |key, why: &str| Err(ConfigError::Value { path: path.to_owned(), key, why: why.to_owned() });
    let Listen { endpoint_mapper, rpc, rpc_http, http, https, .. } = config.listen;
    if rpc.or(rpc_http).or(http).or(https).is_none() {
        return wrong("listen", "names no service: give rpc, rpc_http, http or https an address");
    }
    if endpoint_mapper.is_some() && rpc.or(rpc_http).is_none() {
        return wrong("listen.endpoint_mapper", "has nothing to name: give listen.rpc an address");
    }
    if rpc.or(rpc_http).is_some() && config.upstream.rpc.is_none() {
        return wrong("upstream.rpc", "is missing: name the server that calls are relayed to");
    }
    for (key, address) in [("listen.rpc", rpc), ("listen.rpc_http", rpc_http)] {
        let Some(address) = address else { continue };
        if address.port() == 0 {
            return wrong(key, "needs a fixed port, which the endpoint mapper can name");
        }
        if Some(address) == endpoint_mapper {
            return wrong(key, "is the endpoint mapper's address; give it a port of its own");
        }
    }
    if rpc.is_some() && rpc == rpc_http {
        return wrong("listen.rpc_http", "is the address of another service; give it a port of its own");
    }
    Ok(())
}

fn relayed_values(path: &Path, config: &Config) -> Result<(), ConfigError> {
    let wrong = |key, why: &str| Err(ConfigError::Value { path: path.to_owned(), key, why: why.to_owned() });
    let Listen { endpoint_mapper, rpc, rpc_http, .. } = config.listen;
    if !config.upstream.credentials.are_relayed() {
        return match config.clients.accounts {
            Some(_) => Ok(()),
            None => {
                wrong("clients.accounts", "is missing: name the file of accounts that clients sign in with")
            }
        };
    }
    let names =
        [("listen.rpc", rpc), ("listen.rpc_http", rpc_http), ("listen.endpoint_mapper", endpoint_mapper)];
    match names.into_iter().find_map(|(key, address)| address.map(|_| key)) {
        Some(key) => wrong(
            key,
            "can't be served where upstream.credentials.mode is relayed: a remote call is sealed with a key that \
             comes from the client's password, which only the client and the server know, so that we could neither \
             read it nor change it; leave this out and serve MAPI over HTTP alone, or have mode specified",
        ),
        None => Ok(()),
    }
}

/// What works, but perhaps not as one would think.
pub(crate) fn notes(config: &Config) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if !config.modules.stack.iter().any(|name| name == "names") {
        notes.push(
            "modules.stack does not have names: clients are given the server's own names and addresses, and may \
             connect to it without the proxy; add names to modules.stack, unless something else replaces them",
        );
    }
    let relayed = config.upstream.credentials.are_relayed();
    let within_tls = config.upstream.http.as_ref().is_some_and(|server| server.tls);
    if relayed && (config.listen.https.is_some() || within_tls) {
        notes.push(
            "upstream.credentials.mode is relayed: a server that requires channel bindings (Extended Protection for \
             Authentication) refuses the NTLM and Kerberos of our clients, who bind them to our certificate and \
             not to its own; have it not require them, or let clients sign in by Basic or Bearer",
        );
    }
    if relayed && config.listen.https.is_none() && !config.clients.basic_without_tls {
        notes.push(
            "upstream.credentials.mode is relayed without listen.https: Basic and Bearer are not passed on, since \
             others could read them; give listen.https an address, or set clients.basic_without_tls",
        );
    }
    if relayed && !config.clients.forwarded_for_from.is_empty() {
        notes.push(
            "upstream.credentials.mode is relayed: on connections from clients.forwarded_for_from only Basic and \
             Bearer are passed on, since NTLM and Negotiate would sign in everybody on them",
        );
    }
    if !relayed && !config.clients.forwarded_for_from.is_empty() {
        notes.push(if config.clients.http_auth.contains(&super::Scheme::Basic) {
            "on connections from clients.forwarded_for_from clients sign in by Basic alone: NTLM and Negotiate \
             authenticate a connection, and these carry requests of several clients"
        } else {
            "on connections from clients.forwarded_for_from nobody can sign in: NTLM and Negotiate authenticate a \
             connection, and these carry requests of several clients; add basic to clients.http_auth"
        });
    }
    notes
}

fn http_values(path: &Path, config: &Config) -> Result<(), ConfigError> {
    let wrong = |key, why: &str| Err(ConfigError::Value { path: path.to_owned(), key, why: why.to_owned() });
    let Listen { endpoint_mapper, rpc, rpc_http, http, https, certificate, key, .. } = &config.listen;
    if https.is_some() && (certificate.is_none() || key.is_none()) {
        return wrong("listen.https", "needs listen.certificate and listen.key");
    }
    if http.is_some() && http == https {
        return wrong("listen.https", "is the address of listen.http; give it another port");
    }
    for (key, address) in [("listen.http", http), ("listen.https", https)] {
        let is_another = |other: &Option<_>| address.is_some() && other == address;
        if [endpoint_mapper, rpc, rpc_http].into_iter().any(is_another) {
            return wrong(key, "is the address of another service; give it a port of its own");
        }
    }
    if (http.is_some() || https.is_some()) && config.upstream.http.is_none() {
        return wrong("upstream.http", "is missing: name the server that HTTP is relayed to");
    }
    if config.clients.http_auth.is_empty() {
        return wrong("clients.http_auth", "must name at least one way to sign in");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
name = "proxy.lab.test"
[listen]
endpoint_mapper = "127.0.0.23:135"
rpc = "127.0.0.23:6001"
[clients]
minimum_level = "privacy"
accounts = "accounts.toml"
[upstream]
rpc = "exch.lab.test"
[upstream.credentials]
mode = "specified"
user = "svcproxy"
domain = "LAB"
password_file = "svcproxy.password"
[modules]
stack = ["names", "downgrade"]
[modules.names]
anything = 1
"#;

    fn error(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from));
        parse(Path::new("p.toml"), &GOOD.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn takes_the_documented_example_and_its_own_reference() {
        let config = parse(Path::new("p.toml"), GOOD).unwrap();
        assert_eq!(config.modules.stack, ["names", "downgrade"]);
        let full = super::super::reference().replace("# default: ", "").replace("# example: ", "");
        parse(Path::new("p.toml"), &full).unwrap();
    }

    #[test]
    fn what_is_documented_as_a_default_holds_where_the_key_is_left_out() {
        let reference = super::super::reference();
        let read = |text: &str| parse(Path::new("p.toml"), text).unwrap();
        let mut written = read(&reference.replace("# default: ", ""));
        let routes = format!("{:?}", net::http::Routes::default());
        for (directory, way) in std::mem::take(&mut written.virtual_directories) {
            assert!(routes.contains(&format!("({directory:?}, {way:?})")), "{directory}: {routes}");
        }
        assert_eq!(format!("{written:#?}"), format!("{:#?}", read(&reference)));
        assert!(!reference.contains("# default: packets"), "an example is no default");
    }

    #[test]
    fn names_are_replaced_unless_the_configuration_says_otherwise() {
        let read = |text: &str| parse(Path::new("p.toml"), text).unwrap();
        let modules = "[modules]\nstack = [\"names\", \"downgrade\"]\n[modules.names]\nanything = 1\n";
        assert!(GOOD.ends_with(modules));
        for safe in ["", "[modules]\n", "[modules.names]\nserver = \"X\"\n"] {
            let config = read(&GOOD.replace(modules, safe));
            assert_eq!(config.modules.stack, ["names"], "{safe}");
            assert!(notes(&config).is_empty());
        }
        let config = read(&GOOD.replace("[\"names\", \"downgrade\"]", "[\"downgrade\"]"));
        assert!(notes(&config)[0].starts_with("modules.stack does not have names"));
    }

    #[test]
    fn names_the_nearest_key_and_the_line() {
        let text = error("minimum_level", "minimun_level");
        assert_eq!(text, "p.toml, line 7: unknown key clients.minimun_level; did you mean minimum_level?");
        let text = error("[upstream.credentials]", "[upstream.credential]");
        assert_eq!(text, "p.toml, line 11: unknown key upstream.credential; did you mean credentials?");
        assert!(error("[listen]", "[listn]").ends_with("line 3: unknown key listn; did you mean listen?"));
    }

    #[test]
    fn says_what_is_wrong_with_values() {
        assert!(error("\"privacy\"", "\"privat\"").contains("privat"));
        assert!(error("\"exch.lab.test\"", "\"tcp:x[1]\"").contains("ncacn_ip_tcp:host[port]"));
        assert!(error("proxy.lab.test", "10.0.0.1").contains("not an address"));
        for name in ["-a", "a-", "a.-b.c", "a..b", "a_b", ""] {
            assert!(error("proxy.lab.test", name).contains("is no host name"), "{name}");
        }
        assert!(error("\"127.0.0.23:6001\"", "\"127.0.0.23:135\"").contains("port of its own"));
        let with_http = |address: &str| error("[clients]", &format!("rpc_http = \"{address}\"\n[clients]"));
        for address in ["127.0.0.23:6001", "127.0.0.23:135"] {
            let why = with_http(address);
            assert!(why.contains("listen.rpc_http: is the") && why.contains("port of its own"), "{why}");
        }
        assert!(with_http("127.0.0.23:0").contains("listen.rpc_http: needs a fixed port"));
        assert!(error("name = ", "name ").contains("line 2"));
        let no_server = error("rpc = \"exch.lab.test\"", "http = \"https://exch.lab.test\"");
        assert!(no_server.contains("upstream.rpc: is missing"), "{no_server}");
        let no_service = error("rpc = \"127.0.0.23:6001\"", "");
        assert!(no_service.contains("names no service"), "{no_service}");
    }

    #[test]
    fn each_listener_has_an_address_and_each_recording_a_file_of_its_own() {
        for address in ["127.0.0.23:6001", "127.0.0.23:135"] {
            let why = error("[clients]", &format!("http = \"{address}\"\n[clients]"));
            assert!(why.contains("listen.http: is the address of another service"), "{why}");
        }
        let why = error("[clients]", "http = \"localhost:80\"\n[clients]");
        assert!(why.contains("\"localhost:80\" is no address: expected one with a port"), "{why}");
        let capture = |keys: &str| error("[modules]", &format!("[capture]\n{keys}\n[modules]"));
        for taken in ["accounts.toml", "./svcproxy.password", "p.toml"] {
            let why = capture(&format!("packets = {taken:?}"));
            assert!(why.contains(&format!("capture.packets: {taken} is named for something else")), "{why}");
        }
        let why = capture("packets = \"both\"\nhar = \"both\"");
        assert!(why.contains("capture.har: both is named for something else"), "{why}");
        assert!(capture("har = \"..\"").contains("capture.har: .. is a folder"));
        assert!(capture("sides = []").contains("capture.sides: names neither"));
        let why = error("[clients]", "[clients]\nconnections_per_address = 0");
        assert!(why.contains("clients.connections_per_address: must let"), "{why}");
        let why = error("[clients]", "[clients]\nfailed_sign_ins = 0");
        assert!(why.contains("clients.failed_sign_ins: is 0; give from 1"), "{why}");
        let why = error("[clients]", "[clients]\nforwarded_for_from = [\"10.0.0.0/33\"]");
        assert!(why.contains("\"10.0.0.0/33\" is no address or network: expected one as"), "{why}");
    }

    #[test]
    fn clients_sign_in_at_the_server_by_http_alone() {
        let credentials = "mode = \"specified\"\nuser = \"svcproxy\"\ndomain = \"LAB\"\n\
                           password_file = \"svcproxy.password\"";
        let why = error(credentials, "mode = \"relayed\"");
        assert!(why.contains("listen.rpc: can't be served where"), "{why}");
        let text = GOOD.replacen(credentials, "mode = \"relayed\"", 1);
        let text = text.replacen("rpc = \"127.0.0.23:6001\"", "http = \"127.0.0.23:80\"", 1);
        let text = text.replacen("rpc = \"exch.lab.test\"", "http = \"https://exch.lab.test\"", 1);
        let parse = |text: &str| parse(Path::new("p.toml"), text);
        assert!(parse(&text).unwrap_err().to_string().contains("endpoint_mapper: "));
        let text = text.replacen("endpoint_mapper = \"127.0.0.23:135\"\n", "", 1);
        assert_eq!(notes(&parse(&text).unwrap()).len(), 2);
        // Nobody has an account with us then.
        let text = text.replacen("accounts = \"accounts.toml\"\n", "basic_without_tls = true\n", 1);
        assert_eq!(notes(&parse(&text).unwrap()).len(), 1);
        let why =
            parse(&text.replacen("\"relayed\"", "\"relayed\"\nuser = \"x\"", 1)).unwrap_err().to_string();
        assert!(why.contains("user"), "{why}");
        let none = error("accounts = \"accounts.toml\"\n", "");
        assert!(none.contains("clients.accounts: is missing"), "{none}");
        assert!(notes(&super::parse(Path::new("p.toml"), GOOD).unwrap()).is_empty());
    }

    #[test]
    fn takes_a_proxy_for_http_alone() {
        let listen = "endpoint_mapper = \"127.0.0.23:135\"\nrpc = \"127.0.0.23:6001\"";
        let text = GOOD.replacen(listen, "http = \"127.0.0.23:80\"", 1);
        let text = text.replacen("rpc = \"exch.lab.test\"", "http = \"https://exch.lab.test\"", 1);
        let config = parse(Path::new("p.toml"), &text).unwrap();
        assert_eq!(config.upstream_host(), "exch.lab.test");
        assert_eq!(config.listen.to_string(), "http 127.0.0.23:80");
    }
}
