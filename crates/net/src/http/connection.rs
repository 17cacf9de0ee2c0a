//! One client connection: requests in, one after the other; answers out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Event, Framing, Head, RequestDecoder, RequestHead, ResponseHead, Version};
use identity::SecurityContext;
use mapi::autodiscover::Dialect;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::answers;
use super::front::HttpFront;
use super::io::{Broken, Stream, Wire};
use super::peers::proxy_header;
use super::routes::{Route, Way};
use super::sign_in::{Connection as SignIn, SignedIn};
use super::tls::{TlsIdentity, failed};
use super::upstream::{Link, strip_connection};

/// One client connection.
pub(super) struct Client {
    pub(super) front: Arc<HttpFront>,
    pub(super) wire: Wire<RequestHead>,
    /// Where the connection comes from: from a front server, or from the client itself.
    peer: SocketAddr,
    sign_in: SignIn,
    /// Its own connection to the server.
    pub(super) link: Option<Link>,
    pub(super) stop: watch::Receiver<bool>,
    /// Whether the rest of the request's body is still to come.
    unread: bool,
    /// Whether the client waits to be told to go on before it sends the body.
    waits: bool,
}

/// Whether a connection goes on after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Next,
    Close,
}

/// Why a connection ends at once.
#[derive(Debug, thiserror::Error)]
pub(super) enum Gone {
    #[error(transparent)]
    Client(#[from] Broken),
    #[error("it did not send or read within its time")]
    Late,
    #[error("the proxy stops")]
    Stopped,
    #[error("the answer broke off: {0}")]
    CutShort(String),
}

impl From<std::io::Error> for Gone {
    fn from(error: std::io::Error) -> Self {
        Self::Client(error.into())
    }
}

/// A request at work: who sends it, and what of it decides how it is answered.
pub(super) struct Asked {
    pub(super) context: SecurityContext,
    /// The client, as far as we know where it is.
    pub(super) peer: SocketAddr,
    /// The version that the client speaks.
    pub(super) version: Version,
    pub(super) is_head: bool,
    /// Whether the connection stays open after it, if it is for the client to say.
    pub(super) keep: bool,
    /// The last token of the client's sign-in.
    pub(super) token: Option<String>,
}

/// Serves `stream` until its end.
pub(super) async fn serve(
    front: Arc<HttpFront>,
    tls: Option<TlsIdentity>,
    mut stream: TcpStream,
    peer: SocketAddr,
    stop: watch::Receiver<bool>,
) {
    let limit = front.limits.handshake;
    let begun = timeout(limit, async {
        let named = front.peers.speaks_proxy(peer.ip());
        let claimed =
            if named { proxy_header(&mut stream).await.map_err(|error| error.to_string())? } else { None };
        let bindings = tls.as_ref().map(|tls| tls.bindings);
        let stream = match tls {
            None => Stream::Plain(stream),
            Some(tls) => {
                let accepted = tls.acceptor.accept(stream).await;
                Stream::Tls(Box::new(accepted.map_err(|error| failed(&error))?.into()))
            }
        };
        Ok::<_, String>((claimed.unwrap_or(peer), bindings, stream))
    });
    let (peer, bindings, stream) = match begun.await {
        Ok(Ok(begun)) => begun,
        Ok(Err(why)) => return front.strangers.misbehaved(peer, &why),
        Err(_) => return front.strangers.misbehaved(peer, "no TLS or PROXY header in time"),
    };
    let protected = matches!(stream, Stream::Tls(_));
    let decoder = RequestDecoder::new(front.sizes.framing);
    let mut client = Client {
        sign_in: SignIn::new(&front.sign_in, protected, bindings),
        wire: Wire::new(stream, decoder),
        peer,
        link: None,
        stop,
        unread: false,
        waits: false,
        front,
    };
    match client.run().await {
        Ok(()) => {
            client.wire.linger(LINGER.min(client.front.limits.handshake)).await;
            tracing::debug!(%peer, "connection closed");
        }
        Err(gone) => tracing::debug!(%peer, "client: {gone}"),
    }
}

/// How long a client may take to read its last answer.
const LINGER: Duration = Duration::from_secs(2);

impl Client {
    async fn run(&mut self) -> Result<(), Gone> {
        let mut patience = self.front.limits.handshake;
        loop {
            if !self.wait_for_request(patience).await? {
                return Ok(());
            }
            let (head, framing) = match timeout(self.front.limits.handshake, self.wire.event()).await {
                Ok(Ok(Event::Head { head, framing })) => (head, framing),
                Ok(Ok(Event::Body(_) | Event::End)) => return Err(Gone::CutShort("no head".to_owned())),
                Ok(Err(Broken::Message(error))) => return self.bad_request(error).await,
                Ok(Err(broken)) => return Err(broken.into()),
                Err(_) => return Err(Gone::Late),
            };
            self.unread = true;
            self.waits = head.expects_continue() && framing.has_body();
            let then = match self.request(head, framing).await {
                Err(Gone::Client(Broken::Message(error))) => return self.bad_request(error).await,
                other => other?,
            };
            let then = match then {
                // Whether a client that was not told to go on sends its body or its next request, nobody knows.
                Then::Next if self.unread && self.waits => Then::Close,
                Then::Next if self.unread => self.skip_body().await?,
                then => then,
            };
            self.flush().await?;
            if then == Then::Close || *self.stop.borrow() {
                return Ok(());
            }
            self.wire.decoder.release();
            patience = self.front.limits.idle;
        }
    }

    /// Waits for the first byte of a request; false where none comes any more. Meanwhile the server may close its
    /// end, so that the next request finds out before it is sent.
    async fn wait_for_request(&mut self, patience: Duration) -> Result<bool, Gone> {
        let until = Instant::now() + patience;
        while self.wire.decoder.waiting() == 0 {
            let Self { wire, link, stop, .. } = self;
            let closes = async {
                match link {
                    Some(link) => link.closes().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                filled = wire.fill() => if filled? == 0 { return Ok(false) },
                () = closes => self.link = None,
                changed = stop.changed() => if changed.is_err() || *stop.borrow() { return Ok(false) },
                () = tokio::time::sleep_until(until) => return Ok(false),
            }
        }
        Ok(true)
    }

    pub(super) async fn flush(&mut self) -> Result<(), Gone> {
        self.wire.flush(self.front.limits.handshake).await.map_err(Gone::from)
    }

    /// Answers what is no request, and closes.
    async fn bad_request(&mut self, error: http::Error) -> Result<(), Gone> {
        self.front.strangers.misbehaved(self.peer, &format!("bad request: {error}"));
        let text = format!("{error}\n");
        answers::plain(&mut self.wire.out, error.status(), &text, |head| {
            head.fields.push("Connection", "close");
        });
        self.flush().await
    }

    async fn request(&mut self, head: RequestHead, framing: Framing) -> Result<Then, Gone> {
        if head.fields.has("expect") && !head.expects_continue() {
            return Ok(self.answer(417, "only 100-continue can be expected\n", &head));
        }
        let route = match head.method() {
            "CONNECT" | "TRACE" => return Ok(self.answer(405, "this method is not served\n", &head)),
            _ => self.front.routes.find(head.path()),
        };
        match route {
            Route::Ambiguous => return Ok(self.answer(400, "an ambiguous path\n", &head)),
            Route::Other(Way::Refused) => return Ok(self.answer(403, "not served here\n", &head)),
            Route::Other(Way::Absent) => return Ok(self.answer(404, "not found\n", &head)),
            Route::Mapi | Route::Autodiscover | Route::Other(Way::Relayed) => {}
        }
        let Some(asked) = self.who(&head) else {
            // In the middle of a handshake the connection has to stay, and so the body has to come.
            self.invite().await?;
            return Ok(if head.keeps_alive() { Then::Next } else { Then::Close });
        };
        if route == Route::Mapi {
            return self.operation(asked, head, framing).await;
        }
        self.relay(asked, head, framing).await
    }

    /// Who sends the request; none where that has been answered with what is to be proven.
    fn who(&mut self, head: &RequestHead) -> Option<Asked> {
        let peer = self.front.peers.client(self.peer, &head.fields);
        let signed_in = self.sign_in.step(&head.fields, peer);
        let text = "sign in\n";
        let (context, fresh, token) = match signed_in {
            SignedIn::As { context, fresh, token } => (context, fresh, token),
            SignedIn::GoOn(token) => {
                self.deny(head, text, |answer, _| {
                    answer.fields.push("WWW-Authenticate", token);
                });
                return None;
            }
            SignedIn::Nobody => {
                self.deny(head, text, |answer, sign_in| sign_in.offer(answer));
                return None;
            }
            SignedIn::Refused(why) => {
                self.front.strangers.refused(peer, &why);
                self.front.observer.refused(peer, &why);
                self.deny(head, text, |answer, sign_in| sign_in.offer(answer));
                return None;
            }
        };
        if fresh {
            tracing::debug!(%peer, user = %context.principal(), "signed in");
            self.front.observer.signed_in(&context, peer);
        }
        Some(Asked {
            context,
            peer,
            version: head.version(),
            is_head: head.method() == "HEAD",
            keep: head.keeps_alive(),
            token,
        })
    }

    fn deny(&mut self, head: &RequestHead, text: &str, add: impl FnOnce(&mut ResponseHead, &SignIn)) {
        let Self { wire, sign_in, .. } = self;
        answers::to(&mut wire.out, head, 401, text, |answer| add(answer, sign_in));
    }

    /// Answers a request in our own words. Says whether the connection goes on.
    pub(super) fn answer(&mut self, status: u16, text: &str, head: &RequestHead) -> Then {
        answers::to(&mut self.wire.out, head, status, text, |_| ());
        if head.keeps_alive() { Then::Next } else { Then::Close }
    }

    /// The next part of the request's body; none at its end. Each part has its time.
    async fn part(&mut self) -> Result<Option<Bytes>, Gone> {
        match timeout(self.front.limits.handshake, self.wire.event()).await {
            Ok(Ok(Event::Body(piece))) => Ok(Some(piece.into_data())),
            Ok(Ok(Event::End | Event::Head { .. })) => {
                self.unread = false;
                Ok(None)
            }
            Ok(Err(broken)) => Err(broken.into()),
            Err(_) => Err(Gone::Late),
        }
    }

    /// Tells a client to go on that waits for that before it sends its body.
    pub(super) async fn invite(&mut self) -> Result<(), Gone> {
        if std::mem::take(&mut self.waits) && self.wire.decoder.waiting() == 0 {
            self.wire.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            self.flush().await?;
        }
        Ok(())
    }

    /// The whole body; none where it is over the limit.
    pub(super) async fn body(&mut self, framing: Framing) -> Result<Option<Bytes>, Gone> {
        let limit = self.front.sizes.body;
        if let Framing::Length(length) = framing
            && usize::try_from(length).map_or(true, |length| length > limit)
        {
            return Ok(None);
        }
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        while let Some(part) = self.part().await? {
            if first.len() + all.len() + part.len() > limit {
                return Ok(None);
            }
            // Most bodies come in one part, which is then not copied.
            if first.is_empty() && all.is_empty() {
                first = part;
            } else {
                if all.is_empty() {
                    all.extend_from_slice(&std::mem::take(&mut first));
                }
                all.extend_from_slice(&part);
            }
        }
        Ok(Some(if all.is_empty() { first } else { all.freeze() }))
    }

    /// Reads what is left of a request that was answered without its body, if it is not too much.
    async fn skip_body(&mut self) -> Result<Then, Gone> {
        self.flush().await?;
        let mut left = self.front.sizes.body;
        while let Some(part) = self.part().await? {
            match left.checked_sub(part.len()) {
                Some(rest) => left = rest,
                None => return Ok(Then::Close),
            }
        }
        Ok(Then::Next)
    }

    /// Brings a request to the server and the answer back, as they are.
    async fn relay(&mut self, asked: Asked, mut head: RequestHead, framing: Framing) -> Result<Then, Gone> {
        let original = head.clone();
        tracing::debug!(peer = %asked.peer, user = %asked.context.principal(), path = head.path(), "relayed");
        if Dialect::of_target(head.target()).is_some() {
            head.fields.remove("accept-encoding");
        }
        let whole = framing == Framing::Chunked;
        self.invite().await?;
        let body = if whole { self.body(framing).await? } else { Some(Bytes::new()) };
        let Some(body) = body else {
            self.answer(413, "the body is too large\n", &original);
            return Ok(Then::Close);
        };
        let length = match framing {
            Framing::Length(length) => Some(length),
            Framing::Chunked => u64::try_from(body.len()).ok(),
            Framing::None | Framing::UntilClose => None,
        };
        if let Err(why) = self.send_head(&asked, &mut head, length).await {
            return Ok(self.unreachable(&why, &original));
        }
        let Some(mut link) = self.link.take() else { return Ok(self.unreachable("lost", &original)) };
        link.wire.out.extend_from_slice(&body);
        if let Err(why) = self.send_body(&mut link, whole).await? {
            return Ok(self.unreachable(&why, &original));
        }
        let then = self.bring_back(&mut link, &asked, &original).await?;
        if let Some(keep) = then {
            self.link = keep.then_some(link);
            return Ok(if asked.keep { Then::Next } else { Then::Close });
        }
        Ok(Then::Close)
    }

    /// Has a connection to the server ready that carries the request's head.
    pub(super) async fn send_head(
        &mut self,
        asked: &Asked,
        head: &mut RequestHead,
        length: Option<u64>,
    ) -> Result<(), String> {
        let front = Arc::clone(&self.front);
        let stands = match &mut self.link {
            Some(link) => link.serves(&asked.context).await,
            None => false,
        };
        if !stands {
            self.link = None;
            self.link = Some(Link::open(&front.upstream, &asked.context, head.target()).await?);
        }
        if let Some(link) = &mut self.link {
            link.adapt(&front.upstream, head, length);
            link.ask(head, asked.is_head);
        }
        Ok(())
    }

    /// Sends the rest of a request, as it comes.
    async fn send_body(&mut self, link: &mut Link, whole: bool) -> Result<Result<(), String>, Gone> {
        let limit = self.front.limits.handshake;
        while self.unread && !whole {
            match self.wire.ready().map_err(Broken::from)? {
                Some(Event::Body(piece)) => link.wire.out.extend_from_slice(piece.data()),
                Some(Event::End | Event::Head { .. }) => self.unread = false,
                None => {
                    if let Err(error) = link.wire.flush(limit).await {
                        return Ok(Err(error.to_string()));
                    }
                    match timeout(limit, self.wire.fill()).await {
                        Ok(Ok(0)) => return Err(Broken::Closed.into()),
                        Ok(Ok(_)) => {}
                        Ok(Err(error)) => return Err(error.into()),
                        Err(_) => return Err(Gone::Late),
                    }
                }
            }
        }
        Ok(link.wire.flush(limit).await.map_err(|error| error.to_string()))
    }

    /// The next event of the answer. While it takes its time, what the client has to get is sent, and its end is
    /// noticed.
    pub(super) async fn answered(
        &mut self,
        link: &mut Link,
        until: Instant,
    ) -> Result<Result<Event<ResponseHead>, String>, Gone> {
        loop {
            match link.wire.ready() {
                Ok(Some(event)) => return Ok(Ok(event)),
                Ok(None) => {}
                Err(error) => return Ok(Err(format!("what the server sends is no answer: {error}"))),
            }
            self.flush().await?;
            let room = self.wire.decoder.waiting() < self.front.sizes.ahead;
            let Self { wire, stop, .. } = self;
            let cut_off = async { while stop.changed().await.is_ok() {} };
            let wait = async {
                tokio::select! {
                    biased;
                    filled = link.wire.fill() => Ok(filled),
                    filled = wire.fill(), if room => match filled {
                        Ok(0) => Err(Gone::Client(Broken::Closed)),
                        Ok(_) => Ok(Ok(1)),
                        Err(error) => Err(error.into()),
                    },
                    () = cut_off => Err(Gone::Stopped),
                }
            };
            match timeout_at(until, wait).await {
                Ok(Ok(Ok(0))) => return Ok(Err("the server closed the connection".to_owned())),
                Ok(Ok(Ok(_))) => {}
                Ok(Ok(Err(error))) => return Ok(Err(error.to_string())),
                Ok(Err(gone)) => return Err(gone),
                Err(_) => return Ok(Err("no answer in time".to_owned())),
            }
        }
    }

    /// Brings an answer of Autodiscover back, as the modules make it.
    async fn discovered(
        &mut self,
        link: &mut Link,
        asked: &Asked,
        original: &RequestHead,
        (mut head, framing): (ResponseHead, Framing),
        dialect: Dialect,
    ) -> Result<Option<bool>, Gone> {
        let until = Instant::now() + self.front.upstream.call_limit;
        let came = head.clone();
        let mut body = Vec::new();
        loop {
            match self.answered(link, until).await? {
                Ok(Event::Body(piece)) => body.extend_from_slice(piece.data()),
                Ok(Event::End) => break,
                Ok(Event::Head { .. }) => {}
                Err(why) => return Ok((self.unreachable(&why, original) == Then::Next).then_some(false)),
            }
            if body.len() > self.front.sizes.body {
                let why = "an answer of Autodiscover that is too large";
                return Ok((self.unreachable(why, original) == Then::Next).then_some(false));
            }
        }
        let keep = link.done(&came, framing);
        let coded = came.fields.text("content-encoding").is_some_and(|coding| coding != "identity");
        let changed = match self.front.engine.autodiscover(dialect, &body, &asked.context) {
            _ if coded => Err("an answer of Autodiscover that is packed".into()),
            Ok(changed) => Ok(changed),
            Err(refusal) => Err(refusal.why),
        };
        let body = match changed {
            Ok(changed) => changed.unwrap_or(body),
            Err(why) => return Ok((self.unreachable(&why, original) == Then::Next).then_some(keep)),
        };
        adapt_answer(&mut head, framing, asked);
        head.fields.remove("transfer-encoding");
        head.fields.set("Content-Length", body.len().to_string());
        if !asked.keep {
            head.fields.set("Connection", "close");
        }
        head.write(&mut self.wire.out);
        if !asked.is_head {
            self.wire.out.extend_from_slice(&body);
        }
        Ok(asked.keep.then_some(keep))
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
                    return Ok(Err("the server refuses the account that we sign in with".to_owned()));
                }
                Ok(Event::Head { head, framing }) if head.status() >= 200 => return Ok(Ok((head, framing))),
                Ok(_) => {}
                Err(why) => return Ok(Err(why)),
            }
        }
    }

    /// Brings an answer back as it comes. Says whether the connection to the server may be used again; none where
    /// the client's has to be closed.
    async fn bring_back(
        &mut self,
        link: &mut Link,
        asked: &Asked,
        original: &RequestHead,
    ) -> Result<Option<bool>, Gone> {
        let patience = self.front.upstream.call_limit;
        let (mut head, framing) = match self.answer_head(link, Instant::now() + patience).await? {
            Ok(answer) => answer,
            Err(why) => {
                return Ok((self.unreachable(&why, original) == Then::Next).then_some(false));
            }
        };
        if let Some(dialect) = Dialect::of_target(original.target())
            && head.status() == 200
            && !asked.is_head
        {
            return self.discovered(link, asked, original, (head, framing), dialect).await;
        }
        let came = head.clone();
        let coding = adapt_answer(&mut head, framing, asked);
        let close = coding == Coding::UntilClose || !asked.keep;
        if close {
            head.fields.push("Connection", "close");
        }
        head.write(&mut self.wire.out);
        loop {
            match self.answered(link, Instant::now() + patience).await? {
                Ok(Event::Body(piece)) => match coding {
                    Coding::AsItCame => self.wire.out.extend_from_slice(piece.wire()),
                    Coding::Chunked => http::chunk(&mut self.wire.out, piece.data()),
                    Coding::UntilClose => self.wire.out.extend_from_slice(piece.data()),
                },
                Ok(Event::End) => break,
                Ok(Event::Head { .. }) => {}
                Err(why) => return Err(Gone::CutShort(why)),
            }
            if self.wire.out.len() > AT_ONCE {
                self.flush().await?;
            }
        }
        if coding == Coding::Chunked {
            self.wire.out.extend_from_slice(http::LAST_CHUNK);
        }
        let keep = link.done(&came, framing);
        Ok((!close).then_some(keep))
    }

    /// The server can't be reached, or does not answer: an answer that says so, without its name.
    pub(super) fn unreachable(&mut self, why: &str, head: &RequestHead) -> Then {
        tracing::warn!(peer = %self.peer, "upstream: {why}");
        self.link = None;
        let status = if why.starts_with("no answer in time") { 504 } else { 502 };
        self.answer(status, "the server behind this proxy can't be reached\n", head)
    }
}

/// So much of an answer is collected before it is sent.
const AT_ONCE: usize = 64 * 1024;

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

/// Makes the server's `head` one that goes to the client as ours: what concerns the connection to the server and
/// our sign-in there stays here.
pub(super) fn adapt_answer(head: &mut ResponseHead, framing: Framing, asked: &Asked) -> Coding {
    const OURS: [&str; 3] = ["www-authenticate", "persistent-auth", "proxy-support"];
    strip_connection(&mut head.fields);
    head.fields.retain(|field| !OURS.iter().any(|name| field.name.eq_ignore_ascii_case(name)));
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
