//! The listeners of the proxy, each declared once: its key, what it serves, and which other keys it needs. The check of a
//! configuration, the JSON schema and the program's start read this table.

use std::fmt;
use std::net::SocketAddr;

use engine::Envelope;
use net::Endpoint;

use super::problems::Found;
use super::service::{RpcService, Service};
use super::table::{Config, Listen};

/// A listener.
pub(crate) struct Listener {
    /// Its key in `[listen]`, which has its address.
    pub(crate) key: &'static str,
    /// The same with the table.
    pub(crate) path: &'static str,
    /// Its address, if there is such a listener.
    pub(crate) address: fn(&Listen) -> Option<SocketAddr>,
    /// What it serves.
    pub(crate) service: Service,
    /// The keys that it needs.
    pub(super) needs: &'static [Need],
}

/// A key that a listener needs.
pub(super) struct Need {
    /// Its table.
    pub(super) table: &'static str,
    /// Its name.
    pub(super) key: &'static str,
    is_given: fn(&Config) -> bool,
    /// What to write.
    hint: &'static str,
}

const UPSTREAM_RPC: Need = Need {
    table: "upstream",
    key: "rpc",
    is_given: |config| config.upstream.rpc.is_some(),
    hint: "name the server that RPC calls are relayed to, as exch.lab.test",
};
const UPSTREAM_HTTP: Need = Need {
    table: "upstream",
    key: "http",
    is_given: |config| config.upstream.http.is_some(),
    hint: "name the server that HTTP is relayed to, as https://exch.lab.test",
};
const CERTIFICATE: Need = Need {
    table: "listen",
    key: "certificate",
    is_given: |config| config.listen.certificate.is_some(),
    hint: "",
};
const KEY: Need =
    Need { table: "listen", key: "key", is_given: |config| config.listen.key.is_some(), hint: "" };

/// The listeners.
pub(crate) static LISTENERS: [Listener; 5] = [
    Listener {
        key: "endpoint_mapper",
        path: "listen.endpoint_mapper",
        address: |listen| listen.endpoint_mapper,
        service: Service::EndpointMapper,
        needs: &[],
    },
    Listener {
        key: "rpc",
        path: "listen.rpc",
        address: |listen| listen.rpc,
        service: Service::Rpc(RpcService {
            envelope: Envelope::RpcTcp,
            greeting: b"",
            endpoint: Endpoint::Tcp,
        }),
        needs: &[UPSTREAM_RPC],
    },
    Listener {
        key: "rpc_http",
        path: "listen.rpc_http",
        address: |listen| listen.rpc_http,
        service: Service::Rpc(RpcService {
            envelope: Envelope::RpcHttp,
            greeting: net::LEGACY_SERVER_RESPONSE,
            endpoint: Endpoint::Http,
        }),
        needs: &[UPSTREAM_RPC],
    },
    Listener {
        key: "http",
        path: "listen.http",
        address: |listen| listen.http,
        service: Service::Http { tls: false },
        needs: &[UPSTREAM_HTTP],
    },
    Listener {
        key: "https",
        path: "listen.https",
        address: |listen| listen.https,
        service: Service::Http { tls: true },
        needs: &[UPSTREAM_HTTP, CERTIFICATE, KEY],
    },
];

impl Listen {
    /// The listeners that are configured, with their addresses.
    pub(crate) fn listeners(&self) -> impl Iterator<Item = (&'static Listener, SocketAddr)> {
        LISTENERS.iter().filter_map(|listener| Some((listener, (listener.address)(self)?)))
    }

    /// The addresses, by the keys that name them.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        self.listeners().map(|(listener, address)| (listener.path, address))
    }
}

impl fmt::Display for Listen {
    /// The addresses of the services.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services = self.listeners().filter(|(listener, _)| !listener.service.is_endpoint_mapper());
        let named = services.map(|(listener, address)| match listener.key {
            "rpc" => address.to_string(),
            key => format!("{key} {address}"),
        });
        f.write_str(&named.collect::<Vec<_>>().join(", "))
    }
}

/// Reports what the listeners of `config` lack, and which of them cannot be served.
pub(super) fn check(config: &Config, found: &mut Found<'_>) {
    let has = |wanted: fn(&Service) -> bool| config.listen.listeners().any(|(of, _)| wanted(&of.service));
    if LISTENERS
        .iter()
        .any(|listener| !listener.service.is_endpoint_mapper() && found.is_wrong(listener.path))
    {
        // Whether there is a service is not known.
    } else if !has(|service| !service.is_endpoint_mapper()) {
        found.missing(
            "listen",
            "names no service: give rpc, rpc_http, http or https an address, as https = \"0.0.0.0:443\"",
        );
    } else if config.listen.endpoint_mapper.is_some() && !has(|service| service.rpc().is_some()) {
        found.wrong("listen.endpoint_mapper", "has no endpoint to name: give listen.rpc an address");
    }
    for (listener, address) in config.listen.listeners() {
        if listener.service.rpc().is_some() && address.port() == 0 {
            found.wrong(listener.path, "needs a fixed port, which the endpoint mapper can name");
        }
        if let Some(why) = config.upstream.credentials.forbids(&listener.service) {
            found.wrong(listener.path, why);
        }
        needs(listener, config, found);
    }
}

fn needs(listener: &Listener, config: &Config, found: &mut Found<'_>) {
    let path = |need: &Need| format!("{}.{}", need.table, need.key);
    let (own, others): (Vec<&Need>, Vec<&Need>) =
        listener.needs.iter().partition(|need| need.table == "listen");
    for need in others.into_iter().filter(|need| !(need.is_given)(config)) {
        found.missing(&path(need), format!("is missing: {}", need.hint));
    }
    if own.iter().any(|need| found.is_wrong(&path(need))) {
        return;
    }
    let (given, missing): (Vec<&Need>, Vec<&Need>) =
        own.into_iter().partition(|need| (need.is_given)(config));
    let names = |needs: &[&Need]| needs.iter().map(|need| path(need)).collect::<Vec<_>>().join(" and ");
    match (&missing[..], &given[..]) {
        ([], _) => {}
        (missing, []) => found.missing(listener.path, format!("needs {}", names(missing))),
        (missing, given) => {
            found.missing(listener.path, format!("needs {} beside {}", names(missing), names(given)));
        }
    }
}
