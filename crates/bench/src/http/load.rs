//! Clients that send the same request repeatedly, each on its own connection.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::bodies::Kind;
use super::head;
use crate::configuration::NAME;
use crate::load::Figures;
use crate::setup::USER;

pub(super) type Failure = Box<dyn Error + Send + Sync>;

/// A connection, plain or TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// One client.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
    request: Arc<Vec<u8>>,
    /// Ends its session.
    goodbye: Vec<u8>,
    buffer: Vec<u8>,
}

/// What clients connect to and send.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) kind: Kind,
    /// The value of `Authorization`.
    pub(crate) authorization: String,
}

/// The configuration of a TLS client that trusts `authority` only.
pub(crate) fn trust(authority: Vec<u8>) -> Result<Arc<ClientConfig>, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority))?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// Connects `count` clients, each with a session.
pub(crate) async fn open(target: &Target, count: usize) -> Result<Vec<Client>, Failure> {
    let mut clients = Vec::with_capacity(count);
    while clients.len() < count {
        let mut opening = JoinSet::new();
        for _ in 0..32.min(count - clients.len()) {
            opening.spawn(open_session(target.clone()));
        }
        while let Some(opened) = opening.join_next().await {
            clients.push(opened??);
        }
    }
    Ok(clients)
}

/// Ends the sessions of all clients.
pub(crate) async fn close(clients: Vec<Client>) -> Result<(), Failure> {
    for mut client in clients {
        client.request = Arc::new(std::mem::take(&mut client.goodbye));
        client.ask().await?;
    }
    Ok(())
}

async fn open_session(target: Target) -> Result<Client, Failure> {
    let plain = TcpStream::connect(target.address).await?;
    plain.set_nodelay(true)?;
    let stream: Box<dyn Stream> = match target.tls {
        None => Box::new(plain),
        Some(config) => {
            let name = ServerName::try_from(NAME)?;
            Box::new(TlsConnector::from(config).connect(name, plain).await?)
        }
    };
    let connect = request(Kind::Connect, &target.authorization, "")?;
    let buffer = Vec::with_capacity(0x4000);
    let mut client = Client { stream, request: Arc::new(connect), goodbye: Vec::new(), buffer };
    let end = client.ask().await?;
    let cookies: Vec<&str> = head::fields(&client.buffer[..end])
        .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
        .filter_map(|(_, value)| value.split(';').next())
        .collect();
    let cookies = cookies.join("; ");
    client.request = Arc::new(request(target.kind, &target.authorization, &cookies)?);
    client.goodbye = request(Kind::Disconnect, &target.authorization, &cookies)?;
    Ok(client)
}

fn request(kind: Kind, authorization: &str, cookies: &str) -> Result<Vec<u8>, Failure> {
    let body = kind.request()?;
    let request_type = kind.request_type();
    let cookie = if cookies.is_empty() { String::new() } else { format!("Cookie: {cookies}\r\n") };
    let mut request = format!(
        "POST /mapi/emsmdb/?MailboxId={}@{NAME} HTTP/1.1\r\nHost: {NAME}\r\n\
         Content-Type: application/mapi-http\r\nAuthorization: {authorization}\r\n\
         X-RequestType: {request_type}\r\nX-RequestId: {{e2ea6c1c-e61b-49e9-9cfb-38184f907552}}:7\r\n\
         X-ClientInfo: {{2ef33c39-49c8-421c-b876-cdf7f2ac3aa0}}:1\r\n\
         X-ClientApplication: Outlook/16.0.17328.20124\r\n{cookie}Content-Length: {}\r\n\r\n",
        kind.name(),
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(&body);
    Ok(request)
}

impl Client {
    /// Sends the request and reads the response. Returns the length of the response's head.
    async fn ask(&mut self) -> Result<usize, Failure> {
        self.stream.write_all(&self.request).await?;
        self.stream.flush().await?;
        self.buffer.clear();
        let end = loop {
            if let Some(end) = head::end(&self.buffer) {
                break end;
            }
            self.more().await?;
        };
        let head = &self.buffer[..end];
        let accepted = head.starts_with(b"HTTP/1.1 200") && head::value(head, "x-responsecode") == Some("0");
        if !accepted {
            return Err(format!("refused: {}", String::from_utf8_lossy(head)).into());
        }
        match head::value(head, "content-length") {
            Some(length) => {
                let whole = end + length.parse::<usize>()?;
                while self.buffer.len() < whole {
                    self.more().await?;
                }
            }
            // The last chunk ends the response; nothing before it looks like one.
            None => {
                while !self.buffer.ends_with(b"\r\n0\r\n\r\n") {
                    self.more().await?;
                }
            }
        }
        Ok(end)
    }

    /// Sends the request `times` times.
    pub(crate) async fn repeat(&mut self, times: u64) -> Result<(), Failure> {
        for _ in 0..times {
            self.ask().await?;
        }
        Ok(())
    }

    /// Sends a request that waits, and reads the first chunk of its response.
    pub(crate) async fn park(&mut self) -> Result<(), Failure> {
        self.stream.write_all(&self.request).await?;
        self.buffer.clear();
        while !self.buffer.ends_with(b"PROCESSING\r\n\r\n") {
            self.more().await?;
        }
        self.buffer = Vec::new();
        Ok(())
    }

    async fn more(&mut self) -> Result<(), Failure> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err("the connection ended within a response".into()),
            _ => Ok(()),
        }
    }
}

/// Lets all clients send requests without pause for `round`.
pub(crate) async fn drive(
    clients: Vec<Client>,
    round: Duration,
) -> Result<(Vec<Client>, Figures), Box<dyn Error>> {
    let mut tasks = JoinSet::new();
    let begun = Instant::now();
    for mut client in clients {
        let until = begun + round;
        tasks.spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < until {
                let since = Instant::now();
                client.ask().await?;
                times.push(since.elapsed());
            }
            Ok::<_, Failure>((client, times))
        });
    }
    let mut clients = Vec::new();
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let (client, own) = done?.map_err(|error| error.to_string())?;
        clients.push(client);
        times.extend(own);
    }
    let elapsed = begun.elapsed();
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    let rate = times.len() as f64 / elapsed.as_secs_f64();
    Ok((clients, Figures { rate, p50: at(50), p99: at(99) }))
}

/// The value of `Authorization`: `Basic` with the account of the benchmark.
pub(crate) fn authorization(password: &str) -> String {
    authorization_of(USER, password)
}

/// The same for another user.
pub(crate) fn authorization_of(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let both = format!("{user}:{password}");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(both))
}
