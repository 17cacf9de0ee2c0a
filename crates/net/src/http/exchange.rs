//! One request with its answer, between a client's connection and that to the server.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Event, Fate, Framing, RequestHead, ResponseHead, Version};
use tokio::time::Instant;

use super::connection::{Asked, Client, Gone, Then};
use super::io::Broken;
use super::location;
use super::relayed::Relayed;
use super::upstream::{Body, Link, Onward, is_of_connection, named_by_connection};
use crate::front::LOOK;

impl Client {
    /// Has a connection to the server ready that carries the request's head.
    pub(super) async fn send_head(
        &mut self,
        asked: &Asked,
        head: &mut RequestHead,
        body: Body,
    ) -> Result<(), String> {
        self.check_caller()?;
        let front = Arc::clone(&self.front);
        let stands = match &mut self.link {
            Some(link) => link.serves(&asked.context).await,
            None => false,
        };
        if !stands {
            self.link = None;
            if let Some(relayed) = &mut self.relayed
                && relayed.is_pinned(&asked.context)
            {
                // Only the client can shake hands on another one.
                relayed.deny(None);
                return Err("the server closed the connection that the client had signed in on".to_owned());
            }
            let opened = Box::pin(Link::open(&front.upstream, &asked.context, head.target())).await;
            self.link = Some(opened.map_err(|error| error.to_string())?);
        }
        if let Some(link) = &mut self.link {
            let forwarding = Some(&self.forwarding);
            link.adapt(head, &Onward { body, cookies: asked.cookies, forwarding });
            link.ask(head, asked.is_head);
        }
        Ok(())
    }

    /// Succeeds while the security context of the request was not revoked. Otherwise the client has to sign in
    /// anew.
    fn check_caller(&mut self) -> Result<(), String> {
        match &self.caller {
            Some(caller) if caller.is_revoked() => {
                self.denied = true;
                Err(format!(
                    "the account of {} was revoked while its request was under way",
                    caller.principal()
                ))
            }
            _ => Ok(()),
        }
    }

    /// The next event of the answer. While it takes its time, what the client has to get is sent, its end is
    /// noticed, and so is that its account was revoked.
    pub(super) async fn answered(
        &mut self,
        link: &mut Link,
        until: Instant,
    ) -> Result<Result<Event<ResponseHead>, String>, Gone> {
        loop {
            if let Err(why) = self.check_caller() {
                return Ok(Err(why));
            }
            match link.wire.ready() {
                Ok(Some(event)) => return Ok(Ok(event)),
                // An answer that the connection's end ends has its end by now.
                Ok(None) if link.wire.has_ended() => {
                    return Ok(Err("the server closed the connection".to_owned()));
                }
                Ok(None) => {}
                Err(error) => return Ok(Err(format!("what the server sends is no answer: {error}"))),
            }
            self.flush().await?;
            let at = until.min(Instant::now() + LOOK);
            match poll_fn(|task| self.poll_answer(task, link, at)).await? {
                Came::Something => {}
                Came::Nothing if at < until => {}
                Came::Nothing => return Ok(Err(LATE.to_owned())),
                Came::Broken(why) => return Ok(Err(why)),
            }
        }
    }

    /// Ready where something came, from the server or from the client, or nothing will by then.
    fn poll_answer(
        &mut self,
        task: &mut Context<'_>,
        link: &mut Link,
        until: Instant,
    ) -> Poll<Result<Came, Gone>> {
        match link.wire.poll_fill(task) {
            // That nothing more comes may be the answer's end.
            Poll::Ready(Ok(_)) => return Poll::Ready(Ok(Came::Something)),
            Poll::Ready(Err(error)) => return Poll::Ready(Ok(Came::Broken(error.to_string()))),
            Poll::Pending => {}
        }
        if self.wire.decoder.waiting() < self.front.sizes.ahead
            && let Poll::Ready(filled) = self.wire.poll_fill(task)
        {
            return Poll::Ready(match filled {
                Ok(0) => Err(Broken::Closed.into()),
                filled => filled.map(|_| Came::Something).map_err(Gone::from),
            });
        }
        if self.stop.poll_end(task).is_ready() {
            return Poll::Ready(Err(Gone::Stopped));
        }
        self.alarm.poll(task, until).map(|()| Ok(Came::Nothing))
    }

    /// The head of the answer that counts.
    pub(super) async fn answer_head(
        &mut self,
        link: &mut Link,
        until: Instant,
    ) -> Result<Result<(ResponseHead, Framing), String>, Gone> {
        loop {
            match self.answered(link, until).await? {
                Ok(Event::Head { head, .. }) if head.status() == 401 => {
                    return Ok(Err(self.refused_there(link, &head)));
                }
                Ok(Event::Head { mut head, framing }) if head.status() >= 200 => {
                    location::ours(&mut head.fields, &self.front.upstream, &self.front.origin);
                    return Ok(Ok((head, framing)));
                }
                Ok(_) => {}
                Err(why) => return Ok(Err(why)),
            }
        }
    }

    /// The server answers 401: to us, where we sign in, else to the client.
    fn refused_there(&mut self, link: &Link, head: &ResponseHead) -> String {
        match &mut self.relayed {
            Some(relayed) => {
                relayed.deny(Some(&head.fields));
                "the server wants the client to sign in anew".to_owned()
            }
            None if link.is_nobodys() => {
                self.denied = true;
                "the server refuses anonymous requests".to_owned()
            }
            None => link.refused(&head.fields).to_string(),
        }
    }

    /// The server can't be reached, or does not answer: an answer that says so, without its name.
    pub(super) fn unreachable(&mut self, why: &str, head: &RequestHead) -> Then {
        self.link = None;
        let denied = self.relayed.as_mut().is_some_and(Relayed::take_denied);
        if std::mem::take(&mut self.denied) || denied {
            tracing::info!(peer = %self.peer, "upstream: {why}");
            self.deny(head);
            return if head.keeps_alive() { Then::Next } else { Then::Close };
        }
        tracing::warn!(peer = %self.peer, "upstream: {why}");
        let status = if why.starts_with(LATE) { 504 } else { 502 };
        self.answer(status, "the server behind this proxy can't be reached\n", head)
    }
}

/// What an answer was waited for in vain or not.
enum Came {
    Something,
    /// Nothing, up to the time that was given.
    Nothing,
    /// Nothing any more; why.
    Broken(String),
}

/// The server takes longer than it may.
pub(super) const LATE: &str = "no answer in time";

/// How an answer's body goes to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// As it came.
    AsItCame,
    /// In chunks of ours.
    Chunked,
    /// Up to the connection's end.
    UntilClose,
}

/// Makes the server's `head` one that goes to the client as ours: what concerns the connection to the server
/// and our sign-in there stays here.
pub(super) fn adapt_answer(head: &mut ResponseHead, framing: Framing, asked: &Asked) -> Coding {
    const OURS: [&str; 3] = ["www-authenticate", "persistent-auth", "proxy-support"];
    let named = named_by_connection(&head.fields);
    // Each hop says its own version (RFC 9112 2.3): what frames the body below is not in HTTP/1.0.
    head.set_version(Version::Http11);
    head.fields.rewrite(|name, value| {
        let ours = OURS.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
        if ours || is_of_connection(name, &named) {
            Fate::Goes
        } else if name.eq_ignore_ascii_case(b"set-cookie") {
            asked.cookies.answered(value)
        } else {
            Fate::Stays
        }
    });
    if let Some(token) = &asked.token {
        head.fields.push("WWW-Authenticate", token.clone());
    }
    match (framing, asked.version) {
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
            if asked.version == Version::Http10 && asked.keep {
                head.fields.push("Connection", "keep-alive");
            }
            Coding::AsItCame
        }
    }
}
