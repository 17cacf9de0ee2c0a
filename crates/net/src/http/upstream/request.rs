//! Rewrites the head of a client's request for the server.

use bytes::Bytes;
use http1::{Fate, RequestHead, Version};

use crate::http::server_only::{Cookies, Speaker, speaker};
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::forwarding::Forwarding;
use crate::http::upstream::headers::{is_of_connection, named_by_connection};
use crate::upstream_identity::UpstreamCredentials;

/// What is ours to say of a request that goes to the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Onward<'a> {
    /// How its body is framed.
    pub(crate) body: Body,
    /// Which of its cookies go on.
    pub(crate) cookies: Cookies,
    /// What is said of the way that it took; none where it is our own.
    pub(crate) forwarding: Option<&'a Forwarding>,
}

/// How the body of a request that goes to the server is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// As the client framed it.
    AsItCame,
    /// By this length.
    Length(u64),
}

/// What a request's `Authorization` says.
enum Proof {
    /// What the client says.
    AsItCame,
    /// This, or nothing.
    Ours(Option<Bytes>),
}

impl UpstreamConnection {
    /// Makes a client's `head` one that goes to the server as ours: what concerns the client's connection and
    /// its sign-in stays here, as does what only servers and trusted proxies may say.
    pub(crate) fn adapt(&mut self, head: &mut RequestHead, onward: &Onward<'_>) {
        let named = named_by_connection(&head.fields);
        let mut host = Some(self.host.clone());
        let mut authorization = self.proof();
        // Anonymous clients have no session at the server either.
        let cookies = if self.is_anonymous() { Cookies::None } else { onward.cookies };
        let keeps_forwarding = onward.forwarding.is_some_and(Forwarding::keeps);
        let framed_anew = matches!(onward.body, Body::Length(_));
        head.set_version(Version::Http11);
        head.fields.rewrite(|name, value| {
            let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
            if is("host") {
                host.take().map_or(Fate::Goes, Fate::Becomes)
            } else if is("authorization") {
                match &mut authorization {
                    Proof::AsItCame => Fate::Stays,
                    Proof::Ours(value) => value.take().map_or(Fate::Goes, Fate::Becomes),
                }
            } else if is("cookie") {
                cookies.asked(value)
            } else if is("expect")
                || is("te")
                || (is("transfer-encoding") && framed_anew)
                || is_of_connection(name, &named)
            {
                Fate::Goes
            } else {
                match speaker(name) {
                    Speaker::Client => Fate::Stays,
                    Speaker::Proxy if keeps_forwarding => Fate::Stays,
                    Speaker::Proxy | Speaker::Server => Fate::Goes,
                }
            }
        });
        if let Some(host) = host {
            head.fields.push("Host", host);
        }
        if let Proof::Ours(Some(value)) = authorization {
            head.fields.push("Authorization", value);
        }
        if let Some(forwarding) = onward.forwarding {
            forwarding.add_to(&mut head.fields);
        }
        self.via.add_to(&mut head.fields);
        if let Body::Length(length) = onward.body {
            head.fields.set_number("Content-Length", length);
        }
    }

    /// What the next request has to prove who sends it.
    fn proof(&mut self) -> Proof {
        match &self.credentials {
            UpstreamCredentials::Account { account, .. } => match account.authorization() {
                Some(authorization) => Proof::Ours(Some(authorization.clone())),
                None => Proof::Ours(self.last_token.take().map(Bytes::from)),
            },
            // Credentials that each request has are the client's own, and the server accepted them.
            UpstreamCredentials::PassThrough if !self.pinned => Proof::AsItCame,
            UpstreamCredentials::Unauthenticated | UpstreamCredentials::PassThrough => Proof::Ours(None),
        }
    }
}
