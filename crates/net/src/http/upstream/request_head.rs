//! Rewrites the head of a client's request for the server.

use bytes::Bytes;
use http1::{FieldAction, RequestHead, Version};

use crate::http::server_only::{AllowedSender, Cookies, allowed_sender, is_usual};
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::forwarding::Forwarding;
use crate::http::upstream::hop_by_hop::{is_of_connection, named_by_connection};
use crate::upstream_identity::UpstreamCredentials;

/// What the proxy decides about a request that it sends to the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rewrite<'a> {
    /// How its body is framed.
    pub(crate) body: BodyFraming,
    /// Which of its cookies are forwarded.
    pub(crate) cookies: Cookies,
    /// The forwarding headers; none if the proxy itself makes the request.
    pub(crate) forwarding: Option<&'a Forwarding>,
}

/// How the body of a request that goes to the server is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFraming {
    /// As the client framed it.
    Unchanged,
    /// By this length.
    Length(u64),
}

/// The `Authorization` header of a request to the server.
enum Authorization {
    /// The client's.
    Unchanged,
    /// This value, or no header.
    Replaced(Option<Bytes>),
}

impl UpstreamConnection {
    /// Rewrites a client's `head` for the server: removes what concerns the client's connection and its authentication,
    /// and what only servers and trusted proxies may send; sets `Host`, `Authorization`, the framing and `Via`.
    pub(crate) fn rewrite_request(&mut self, head: &mut RequestHead, rewrite: &Rewrite<'_>) {
        let named = named_by_connection(&head.fields);
        let mut host = Some(self.host.clone());
        let mut authorization = self.authorization();
        // Anonymous clients have no session at the server.
        let cookies = if self.is_anonymous() { Cookies::None } else { rewrite.cookies };
        let keeps_forwarding = rewrite.forwarding.is_some_and(Forwarding::keeps);
        let is_reframed = matches!(rewrite.body, BodyFraming::Length(_));
        head.set_version(Version::Http11);
        head.fields.rewrite(|name, value| {
            if is_usual(name) && named.is_empty() {
                return FieldAction::Keep;
            }
            let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
            if is("host") {
                host.take().map_or(FieldAction::Remove, FieldAction::Replace)
            } else if is("authorization") {
                match &mut authorization {
                    Authorization::Unchanged => FieldAction::Keep,
                    Authorization::Replaced(value) => {
                        value.take().map_or(FieldAction::Remove, FieldAction::Replace)
                    }
                }
            } else if is("cookie") {
                cookies.in_request(value)
            } else if is("expect")
                || is("te")
                || (is("transfer-encoding") && is_reframed)
                || is_of_connection(name, &named)
            {
                FieldAction::Remove
            } else {
                match allowed_sender(name) {
                    AllowedSender::Client => FieldAction::Keep,
                    AllowedSender::Proxy if keeps_forwarding => FieldAction::Keep,
                    AllowedSender::Proxy | AllowedSender::Server => FieldAction::Remove,
                }
            }
        });
        if let Some(host) = host {
            head.fields.push("Host", host);
        }
        if let Authorization::Replaced(Some(value)) = authorization {
            head.fields.push("Authorization", value);
        }
        if let Some(forwarding) = rewrite.forwarding {
            forwarding.add_to(&mut head.fields);
        }
        self.via.add_to(&mut head.fields);
        if let BodyFraming::Length(length) = rewrite.body {
            head.fields.set_number("Content-Length", length);
        }
    }

    /// The `Authorization` header of the next request.
    fn authorization(&mut self) -> Authorization {
        if let Some(attempt) = &mut self.attempt {
            attempt.sent();
        }
        match &self.credentials {
            UpstreamCredentials::Account { account, .. } => match account.authorization() {
                Some(authorization) => Authorization::Replaced(Some(authorization.clone())),
                None => Authorization::Replaced(self.last_token.take().map(Bytes::from)),
            },
            // Credentials that each request has are the client's own, and the server accepted them.
            UpstreamCredentials::PassThrough if !self.pinned => Authorization::Unchanged,
            UpstreamCredentials::Unauthenticated | UpstreamCredentials::PassThrough => {
                Authorization::Replaced(None)
            }
        }
    }
}
