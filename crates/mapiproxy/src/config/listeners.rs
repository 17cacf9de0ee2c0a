//! The listeners of the proxy, each declared once: its key, its service, and the other keys that it requires.
//! The check of a configuration, the JSON schema and the program's start read this table.

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
    /// Its key with the table.
    pub(crate) path: &'static str,
    /// Its address, if there is such a listener.
    pub(crate) address: fn(&Listen) -> Option<SocketAddr>,
    /// Its service.
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
    hint: "set it to the server for RPC calls, for example exch.lab.test",
};
const UPSTREAM_HTTP: Need = Need {
    table: "upstream",
    key: "http",
    is_given: |config| config.upstream.http.is_some(),
    hint: "set it to the server for HTTP requests, for example https://exch.lab.test",
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
            envelope: Envelope::RPC_TCP,
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
            envelope: Envelope::RPC_HTTP,
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
    /// The addresses with their keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.listeners().map(|(listener, address)| format!("{} {address}", listener.key));
        f.write_str(&named.collect::<Vec<_>>().join(", "))
    }
}

/// Reports keys that the listeners of `config` require, and listeners that cannot be served.
pub(super) fn check(config: &Config, found: &mut Found<'_>) {
    let has = |wanted: fn(&Service) -> bool| config.listen.listeners().any(|(of, _)| wanted(&of.service));
    if LISTENERS
        .iter()
        .any(|listener| !listener.service.is_endpoint_mapper() && found.is_wrong(listener.path))
    {
        // It is not known whether there is a service.
    } else if !has(|service| !service.is_endpoint_mapper()) {
        found.missing(
            "listen",
            "has no address: set rpc, rpc_http, http or https, for example https = \"0.0.0.0:443\"",
        );
    } else if config.listen.endpoint_mapper.is_some() && !has(|service| service.rpc().is_some()) {
        found.wrong("listen.endpoint_mapper", "has no endpoint to list; set listen.rpc");
    }
    for (listener, address) in config.listen.listeners() {
        if listener.service.rpc().is_some() && address.port() == 0 {
            found.wrong(
                listener.path,
                "port 0 is not allowed, since the endpoint mapper lists the port; set a fixed one",
            );
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
        (missing, []) => found.missing(listener.path, format!("requires {}", names(missing))),
        (missing, given) => {
            found.missing(
                listener.path,
                format!("requires {} in addition to {}", names(missing), names(given)),
            );
        }
    }
}
