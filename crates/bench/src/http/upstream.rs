//! A server of MAPI over HTTP that responds as fast as possible, with constant responses.

use std::collections::HashMap;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::bodies::{self, Kind};
use super::head;

/// Numbers the sessions, each of which has its own cookies.
static SESSIONS: AtomicU64 = AtomicU64::new(1);

/// The responses, by the path of the request.
type Answers = HashMap<Kind, Vec<u8>>;

/// Starts the server on its own thread. Returns its address.
pub(crate) fn start() -> Result<SocketAddr, Box<dyn Error>> {
    let answers: Answers =
        Kind::ALL.into_iter().map(|kind| Ok((kind, kind.response()?))).collect::<Result<_, wire::Error>>()?;
    let listener = std::net::TcpListener::bind((Ipv4Addr::new(127, 0, 0, 24), 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("upstream".to_owned()).spawn(move || {
        let served: Result<(), std::io::Error> = runtime.block_on(async {
            let listener = TcpListener::from_std(listener)?;
            let answers = Arc::new(answers);
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                #[expect(clippy::disallowed_methods, reason = "no identity is involved")]
                tokio::spawn(serve(stream, Arc::clone(&answers)));
            }
        });
        if let Err(error) = served {
            eprintln!("upstream: {error}");
        }
    })?;
    Ok(address)
}

async fn serve(mut stream: TcpStream, answers: Arc<Answers>) {
    let mut buffer = Vec::with_capacity(0x2000);
    loop {
        let Some((kind, length)) = asked(&buffer) else {
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => continue,
            }
        };
        while buffer.len() < length {
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        buffer.drain(..length);
        let sent = if kind == Kind::Connect {
            let session = format!("{:032x}", SESSIONS.fetch_add(1, Ordering::Relaxed));
            stream.write_all(&own(&answers[&kind], session.as_bytes())).await
        } else {
            stream.write_all(&answers[&kind]).await
        };
        if sent.is_err() {
            return;
        }
    }
}

/// The kind of a request, and its length with its body. `None` until its head is complete.
fn asked(buffer: &[u8]) -> Option<(Kind, usize)> {
    let end = head::end(buffer)?;
    let head = &buffer[..end];
    let length: usize = head::value(head, "content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    let request_type = head::value(head, "x-requesttype").unwrap_or_default();
    let path = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let is = |kind: &Kind| {
        kind.request_type() == request_type
            && (request_type != "Execute" || memchr::memmem::find(path, kind.name().as_bytes()).is_some())
    };
    Some((Kind::ALL.into_iter().find(is).unwrap_or(Kind::Small), end + length))
}

/// The response with `session` in place of the placeholder, which has the same length.
fn own(answer: &[u8], session: &[u8]) -> Vec<u8> {
    let mut own = answer.to_vec();
    for place in 0..own.len().saturating_sub(session.len()) {
        if own[place..].starts_with(bodies::SESSION.as_bytes()) {
            own[place..place + session.len()].copy_from_slice(session);
        }
    }
    own
}
