//! One request with its answer, between a client's connection and that to the server.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use http1::{Event, Fate, Framing, RequestHead, ResponseHead, Version};
use tokio::time::Instant;

use crate::gate::{Lost, Road};
use crate::http::downstream::connection::Client;
use crate::http::downstream::context::{ConnectionError, KeepAlive, RequestContext};
use crate::http::passthrough::session::Relayed;
use crate::http::transport::TransportError;
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::headers::{is_of_connection, named_by_connection};
use crate::http::upstream::redirect;
use crate::http::upstream::request::{Body, Onward};
use crate::tcp::accept::LOOK;
use crate::upstream_error::UpstreamError;

impl Client {
    /// Has a connection to the server ready that carries the request's head.
    pub(crate) async fn send_head(
        &mut self,
        request: &RequestContext,
        head: &mut RequestHead,
        body: Body,
    ) -> Result<(), UpstreamError> {
        self.check_caller()?;
        let config = Arc::clone(&self.config);
        let stands = match &mut self.link {
            Some(link) => {
                link.serves(&request.context).await
                    && link.signs_in_again(&config.upstream, &request.context, head.target()).await?
            }
            None => false,
        };
        if !stands {
            self.link = None;
            if let Some(relayed) = &mut self.relayed
                && relayed.is_pinned(&request.context)
            {
                // Only the client can shake hands on another one.
                relayed.deny(None);
                let why = "the server closed the connection that the client had signed in on";
                return Err(UpstreamError::SignInAgain(why.to_owned()));
            }
            self.link = Some(
                Box::pin(UpstreamConnection::open(&config.upstream, &request.context, head.target())).await?,
            );
        }
        if let Some(link) = &mut self.link {
            let forwarding = Some(&self.forwarding);
            link.adapt(head, &Onward { body, cookies: request.cookies, forwarding });
            link.ask(head, request.is_head);
        }
        Ok(())
    }

    /// Succeeds while the security context of the request was not revoked. Otherwise the client has to sign in
    /// anew.
    pub(crate) fn check_caller(&mut self) -> Result<(), UpstreamError> {
        match &self.caller {
            Some(caller) if caller.is_revoked() => {
                self.denied = true;
                Err(UpstreamError::SignInAgain(format!(
                    "the account of {} was revoked while its request was under way",
                    caller.principal()
                )))
            }
            _ => Ok(()),
        }
    }

    /// The next event of the answer. While it takes its time, what the client has to get is sent, its end is
    /// noticed, and so is that its account was revoked.
    pub(crate) async fn answered(
        &mut self,
        link: &mut UpstreamConnection,
        until: Instant,
    ) -> Result<Result<Event<ResponseHead>, UpstreamError>, ConnectionError> {
        loop {
            if let Err(why) = self.check_caller() {
                return Ok(Err(why));
            }
            if let Some(event) = link.early.take() {
                return Ok(Ok(event));
            }
            match link.transport.ready() {
                Ok(Some(event)) => return Ok(Ok(event)),
                // An answer that the connection's end ends has its end by now.
                Ok(None) if link.transport.has_ended() => {
                    return Ok(Err(closed("the server closed the connection")));
                }
                Ok(None) => {}
                Err(error @ http1::Error::CutOff) => return Ok(Err(closed(&error.to_string()))),
                Err(error) => {
                    let why = format!("what the server sends is no answer: {error}");
                    return Ok(Err(UpstreamError::Protocol(why)));
                }
            }
            self.flush().await?;
            let at = until.min(Instant::now() + LOOK);
            match poll_fn(|task| self.poll_answer(task, link, at)).await? {
                Came::Something => {}
                Came::Nothing if at < until => {}
                Came::Nothing => return Ok(Err(UpstreamError::Late)),
                Came::Broken(why) => return Ok(Err(closed(&why))),
            }
        }
    }

    /// Ready where something came, from the server or from the client, or nothing will by then.
    fn poll_answer(
        &mut self,
        task: &mut Context<'_>,
        link: &mut UpstreamConnection,
        until: Instant,
    ) -> Poll<Result<Came, ConnectionError>> {
        match link.transport.poll_fill(task) {
            // That nothing more comes may be the answer's end.
            Poll::Ready(Ok(_)) => return Poll::Ready(Ok(Came::Something)),
            Poll::Ready(Err(error)) => return Poll::Ready(Ok(Came::Broken(error.to_string()))),
            Poll::Pending => {}
        }
        if self.transport.decoder.waiting() < self.config.sizes.ahead
            && let Poll::Ready(filled) = self.transport.poll_fill(task)
        {
            return Poll::Ready(match filled {
                Ok(0) => Err(TransportError::Closed.into()),
                filled => filled.map(|_| Came::Something).map_err(ConnectionError::from),
            });
        }
        if self.stop.poll_end(task).is_ready() {
            return Poll::Ready(Err(ConnectionError::Stopped));
        }
        self.alarm.poll(task, until).map(|()| Ok(Came::Nothing))
    }

    /// The head of the answer that counts.
    pub(crate) async fn answer_head(
        &mut self,
        link: &mut UpstreamConnection,
        until: Instant,
    ) -> Result<Result<(ResponseHead, Framing), UpstreamError>, ConnectionError> {
        loop {
            match self.answered(link, until).await? {
                Ok(Event::Head { head, .. }) if head.status() == 401 => {
                    return Ok(Err(self.refused_there(link, &head)));
                }
                Ok(Event::Head { mut head, framing }) if head.status() >= 200 => {
                    link.answered_with(head.status());
                    redirect::ours(&mut head.fields, &self.config.upstream, &self.config.origin);
                    return Ok(Ok((head, framing)));
                }
                Ok(_) => {}
                Err(why) => return Ok(Err(why)),
            }
        }
    }

    /// The server answers 401: to us, where we sign in, else to the client.
    fn refused_there(&mut self, link: &mut UpstreamConnection, head: &ResponseHead) -> UpstreamError {
        match &mut self.relayed {
            Some(relayed) => {
                relayed.deny(Some(&head.fields));
                UpstreamError::SignInAgain("the server wants the client to sign in anew".to_owned())
            }
            None if link.is_nobodys() => {
                self.denied = true;
                UpstreamError::SignInAgain("the server refuses anonymous requests".to_owned())
            }
            None => {
                let why = UpstreamError::from(link.refused(&head.fields));
                link.not_signed_in(&why);
                why
            }
        }
    }

    /// The server can't be reached, or does not answer: an answer that says so, without its name.
    pub(crate) fn unreachable(
        &mut self,
        why: &UpstreamError,
        head: &RequestHead,
        lost: &Lost<'_>,
    ) -> KeepAlive {
        self.link = None;
        let denied = self.relayed.as_mut().is_some_and(Relayed::take_denied);
        if std::mem::take(&mut self.denied) || denied {
            self.config.log.denied_there(self.peer, lost.user, why);
            self.deny(head);
            return if head.keeps_alive() { KeepAlive::Yes } else { KeepAlive::No };
        }
        self.upstream_failed(why, lost);
        let (status, text) = shown(why);
        self.answer(status, text, head)
    }

    /// The same for the request `asked` with the head `original`, which is no operation.
    pub(crate) fn not_served(
        &mut self,
        why: &UpstreamError,
        request: &RequestContext,
        original: &RequestHead,
    ) -> KeepAlive {
        self.unreachable(why, original, &request.lost(original))
    }

    /// Logs that the request `lost` failed because of `why`.
    pub(crate) fn upstream_failed(&self, why: &UpstreamError, lost: &Lost<'_>) {
        match why {
            UpstreamError::Closed(why) => self.config.upstream.gate.lost(Road::Http, lost, why),
            UpstreamError::Full(full) if let Some(user) = lost.user => {
                self.config.log.memory_full(self.peer, user, lost.operation, &full.to_string());
            }
            why => self.config.log.upstream_failed(lost, why),
        }
    }

    /// Logs that the answer to the request `lost` broke off because of `why`: the client's connection ends with it.
    pub(crate) fn cut_short(&self, why: &UpstreamError, lost: &Lost<'_>) -> ConnectionError {
        match why {
            UpstreamError::Closed(why) => self.config.upstream.gate.lost(Road::Http, lost, why),
            why => self.config.log.cut_short(lost, &why.to_string()),
        }
        ConnectionError::CutShort(why.to_string())
    }
}

/// With what status and text a client is answered whose request came to nothing because of `why`.
pub(crate) const fn shown(why: &UpstreamError) -> (u16, &'static str) {
    match why {
        UpstreamError::Connect(_) | UpstreamError::Loop => {
            (502, "the server behind this proxy can't be reached\n")
        }
        UpstreamError::Tls(_) => (
            502,
            "this proxy can't establish TLS with the server behind it: inform the proxy's administrator\n",
        ),
        UpstreamError::CredentialsRefused(_) | UpstreamError::NotOffered(_) => (
            503,
            "the server behind this proxy refuses the proxy's own account, not yours: inform the proxy's \
             administrator\n",
        ),
        UpstreamError::Full(_) => (503, "too busy\n"),
        UpstreamError::Late | UpstreamError::Timeout(_) | UpstreamError::SignInTimeout(_) => {
            (504, "the server behind this proxy does not answer in time\n")
        }
        UpstreamError::Closed(_) | UpstreamError::Protocol(_) | UpstreamError::SignInAgain(_) => {
            (502, "the server behind this proxy gave no usable answer\n")
        }
    }
}

fn closed(why: &str) -> UpstreamError {
    UpstreamError::Closed(why.to_owned())
}

/// What an answer was waited for in vain or not.
enum Came {
    Something,
    /// Nothing, up to the time that was given.
    Nothing,
    /// Nothing any more; why.
    Broken(String),
}

/// How an answer's body goes to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// As it came.
    AsItCame,
    /// In chunks of ours.
    Chunked,
    /// Up to the connection's end.
    UntilClose,
}

/// Makes the server's `head` one that goes to the client as ours: what concerns the connection to the server
/// and our sign-in there stays here.
pub(crate) fn adapt_answer(head: &mut ResponseHead, framing: Framing, request: &RequestContext) -> Coding {
    const OURS: [&str; 3] = ["www-authenticate", "persistent-auth", "proxy-support"];
    let named = named_by_connection(&head.fields);
    // Each hop says its own version (RFC 9112 2.3): what frames the body below is not in HTTP/1.0.
    head.set_version(Version::Http11);
    head.fields.rewrite(|name, value| {
        let ours = OURS.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
        if ours || is_of_connection(name, &named) {
            Fate::Goes
        } else if name.eq_ignore_ascii_case(b"set-cookie") {
            request.cookies.answered(value)
        } else {
            Fate::Stays
        }
    });
    if let Some(token) = &request.token {
        head.fields.push("WWW-Authenticate", token.clone());
    }
    match (framing, request.version) {
        (Framing::Chunked, Version::Http10) => {
            head.fields.remove("transfer-encoding");
            Coding::UntilClose
        }
        (Framing::UntilClose, Version::Http10) => Coding::UntilClose,
        (Framing::UntilClose, Version::Http11) => {
            head.fields.push("Transfer-Encoding", "chunked");
            Coding::Chunked
        }
        _ => {
            if request.version == Version::Http10 && request.keep {
                head.fields.push("Connection", "keep-alive");
            }
            Coding::AsItCame
        }
    }
}
