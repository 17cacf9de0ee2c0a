//! MAPI over HTTP by hand, for invalid messages.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use super::place::{PATIENCE, address, thread};
use super::proxy::{ALICE, BOB, Proxy, Setup};

/// How many sessions servers have opened.
static SESSIONS: AtomicU32 = AtomicU32::new(0);

/// Makes the response to a request: its bytes, and whether the connection stays open.
pub(crate) type Handler = dyn Fn(&str, &[u8]) -> (Vec<u8>, bool) + Send + Sync;

/// An HTTP server whose handler responds to the requests that the test is about.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Server {
    pub(crate) fn start(handler: impl Fn(&str, &[u8]) -> (Vec<u8>, bool) + Send + Sync + 'static) -> Self {
        let address = SocketAddr::from((address(), 8480));
        let listener = TcpListener::bind(address).unwrap();
        let bodies = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let (seen, handler): (_, Arc<Handler>) = (Arc::clone(&bodies), Arc::new(handler));
        thread(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (seen, handler) = (Arc::clone(&seen), Arc::clone(&handler));
                thread(move || serve(stream, &seen, &*handler));
            }
        });
        Self { address, bodies }
    }

    /// The bodies of clients other than the bystander, which the handler served.
    pub(crate) fn bodies(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.bodies.lock().unwrap())
    }

    /// A proxy before it that allows Basic without TLS.
    pub(crate) fn proxied(&self, edit: impl FnOnce(Setup) -> Setup) -> Proxy {
        let setup = Setup::before("ncacn_ip_tcp:127.0.0.1[1]")
            .listen_key("http", "\"ADDRESS:8080\"")
            .clients_key("basic_without_tls", "true")
            .upstream_key("http", &format!("\"http://{}\"", self.address))
            .upstream_key("http_authentication", "\"basic\"")
            .stack(&["names", "dummy"]);
        edit(setup).start()
    }
}

/// Reads one message: its head, and as many bytes as its `Content-Length` states. `None` at the connection's end.
pub(crate) fn read_message(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = field(&head, "content-length").map_or(0, |value| value.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

pub(crate) fn serve(mut stream: TcpStream, seen: &Mutex<Vec<Vec<u8>>>, handler: &Handler) {
    while let Some((head, body)) = read_message(&mut stream) {
        let is_good = field(&head, "x-clientinfo") == Some("good");
        let (response, goes_on) = match field(&head, "x-requesttype") {
            Some("Connect") => {
                let session = SESSIONS.fetch_add(1, Ordering::Relaxed);
                (response(&CONNECTED, &format!("Set-Cookie: sid=s{session}\r\n")), true)
            }
            Some("Execute") if is_good => (response(&executed(&folder_opened()), ""), true),
            _ => {
                seen.lock().unwrap().push(body.clone());
                handler(&head, &body)
            }
        };
        if stream.write_all(&response).is_err() || !goes_on {
            return;
        }
    }
}

/// A valid response with this payload.
pub(crate) fn response(payload: &[u8], fields: &str) -> Vec<u8> {
    let body = [&b"PROCESSING\r\nDONE\r\nX-ElapsedTime: 1\r\n\r\n"[..], payload].concat();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/mapi-http\r\nX-ResponseCode: 0\r\n{fields}\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

/// Bytes after their count.
pub(crate) fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_le_bytes(), bytes].concat()
}

/// The body of an Execute.
pub(crate) fn execute(chain: &[u8]) -> Vec<u8> {
    [&[0; 4], &sized(chain)[..], &0x8000_u32.to_le_bytes(), &[0; 4]].concat()
}

/// The body of the response to an Execute.
pub(crate) fn executed(chain: &[u8]) -> Vec<u8> {
    [&[0; 12], &sized(chain)[..], &[0; 4]].concat()
}

/// An extended buffer ([MS-OXCRPC] 2.2.2.1).
pub(crate) fn extended(flags: u16, actual: usize, payload: &[u8]) -> Vec<u8> {
    let size = |size: usize| u16::try_from(size).unwrap().to_le_bytes();
    [&[0, 0], &flags.to_le_bytes(), &size(payload.len()), &size(actual), payload].concat()
}

/// The body of a Connect: a `UserDn` without a letter, flags, a code page and two locales, no auxiliary buffer.
pub(crate) const CONNECT: [u8; 21] = [0; 21];
/// The body of a response to it: five numbers, two texts without a letter, no auxiliary buffer.
pub(crate) const CONNECTED: [u8; 27] = [0; 27];

pub(crate) const COMPRESSED: u16 = 1;
pub(crate) const LAST: u16 = 4;

/// The only buffer of a chain: ROPs and two handles.
pub(crate) fn rops(rops: &[u8]) -> Vec<u8> {
    let size = u16::try_from(rops.len() + 2).unwrap();
    let payload = [&size.to_le_bytes(), rops, &[1, 0, 0, 0], &[0xff; 4]].concat();
    extended(LAST, payload.len(), &payload)
}

/// `RopOpenFolder` of the object at 0 into 1.
pub(crate) const OPEN_FOLDER: [u8; 13] = [0x02, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 9, 0];
/// The response to it.
pub(crate) const OPENED: [u8; 8] = [0x02, 1, 0, 0, 0, 0, 0, 0];

pub(crate) fn folder_opened() -> Vec<u8> {
    rops(&OPENED)
}

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum HttpOutcome {
    /// A response: its status, its `X-ResponseCode`, and its payload.
    Response(u16, String, Vec<u8>),
    /// The connection was closed before the end of a response, after these bytes of its head.
    Closed(Vec<u8>),
}

/// A client's connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) cookie: String,
    pub(crate) by: &'static str,
}

impl Client {
    /// Connects, and opens a session.
    pub(crate) fn new(proxy: &Proxy, by: &'static str) -> Self {
        let mut client = Self::unauthenticated(proxy, by);
        let got = client.request("Connect", &CONNECT);
        assert!(
            matches!(&got, HttpOutcome::Response(200, code, _) if code == "0"),
            "{got:?} {:?}",
            proxy.process.err()
        );
        client
    }

    /// Connects, and sends nothing yet.
    pub(crate) fn unauthenticated(proxy: &Proxy, by: &'static str) -> Self {
        let stream = TcpStream::connect((proxy.address, 8080)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, cookie: String::new(), by }
    }

    /// The head of a request of MAPI over HTTP, up to the fields that frame it.
    pub(crate) fn head(&self, request_type: &str) -> String {
        let account = if self.by == "good" { ALICE } else { BOB };
        let cookie =
            if self.cookie.is_empty() { String::new() } else { format!("Cookie: {}\r\n", self.cookie) };
        format!(
            "POST /mapi/emsmdb/ HTTP/1.1\r\nHost: proxy.lab.test\r\nContent-Type: application/mapi-http\r\n\
             X-RequestType: {request_type}\r\nX-RequestId: {{1}}:1\r\nX-ClientInfo: {}\r\n{cookie}\
             Authorization: Basic {}\r\n",
            self.by,
            base64(&format!("{}:{}", account.0, account.1)),
        )
    }

    pub(crate) fn request(&mut self, request_type: &str, body: &[u8]) -> HttpOutcome {
        let head = format!("{}Content-Length: {}\r\n\r\n", self.head(request_type), body.len());
        self.exchange(&[head.as_bytes(), body].concat())
    }

    /// Sends bytes, and reads the response.
    pub(crate) fn exchange(&mut self, bytes: &[u8]) -> HttpOutcome {
        // A closed connection is reported by the response.
        let _ = self.stream.write_all(bytes);
        self.response()
    }

    /// Reads a response, whose body has a length or comes in chunks.
    pub(crate) fn response(&mut self) -> HttpOutcome {
        let mut all = Vec::new();
        let mut byte = [0];
        while !all.ends_with(b"\r\n\r\n") {
            if self.stream.read(&mut byte).unwrap_or(0) == 0 {
                return HttpOutcome::Closed(all);
            }
            all.push(byte[0]);
        }
        let head = String::from_utf8(all).unwrap();
        if let Some(cookie) = field(&head, "set-cookie") {
            cookie.split(';').next().unwrap().clone_into(&mut self.cookie);
        }
        let body = match field(&head, "content-length") {
            Some(length) => {
                let mut body = vec![0; length.parse().unwrap()];
                match self.stream.read_exact(&mut body) {
                    Ok(()) => body,
                    Err(_) => return HttpOutcome::Closed(head.into_bytes()),
                }
            }
            None => match self.chunks() {
                Some(body) => body,
                None => return HttpOutcome::Closed(head.into_bytes()),
            },
        };
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut code = field(&head, "x-responsecode").unwrap_or("none").to_owned();
        let split = body.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |at| at + 4);
        // A refusal after the begin of the response has its fields after `DONE`.
        let before = String::from_utf8_lossy(&body[..split]).into_owned();
        if let Some(late) = field(&before, "x-responsecode") {
            late.clone_into(&mut code);
        }
        HttpOutcome::Response(status, code, body[split..].to_vec())
    }

    pub(crate) fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut line = Vec::new();
            let mut byte = [0];
            while !line.ends_with(b"\r\n") {
                self.stream.read_exact(&mut byte).ok()?;
                line.push(byte[0]);
            }
            let size = std::str::from_utf8(&line).unwrap().trim();
            let size = usize::from_str_radix(size, 16).unwrap();
            let mut chunk = vec![0; size + 2];
            self.stream.read_exact(&mut chunk).ok()?;
            if size == 0 {
                return Some(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }
}

pub(crate) fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in text.as_bytes().chunks(3) {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= group.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

/// A client with a session that must not be affected by other clients.
pub(crate) struct Bystander(pub(crate) Client);

impl Bystander {
    pub(crate) fn new(proxy: &Proxy) -> Self {
        let mut bystander = Self(Client::new(proxy, "good"));
        bystander.expect_response("at first");
        bystander
    }

    #[track_caller]
    pub(crate) fn expect_response(&mut self, after: &str) {
        let got = self.0.request("Execute", &execute(&rops(&OPEN_FOLDER)));
        assert_eq!(
            got,
            HttpOutcome::Response(200, "0".to_owned(), executed(&folder_opened())),
            "after {after}"
        );
    }
}
