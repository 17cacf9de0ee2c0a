//! Recorded exchanges, sent again through the proxy to a server that responds as the recorded one did.

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use engine::{Module, Operation, Refusal, Session};
use testkit::captures::{Exchange, mapihttp, mapihttp_compressed};

use crate::support::{Client, ReceivedRequest, SERVICE, Setup, Upstream, basic};

/// Decodes all operations.
struct Reader(Arc<Mutex<Vec<String>>>);

impl Module for Reader {
    fn name(&self) -> &'static str {
        "reader"
    }

    fn description(&self) -> &'static str {
        "decodes"
    }

    fn request(&self, operation: &mut Operation, _session: &mut Session) -> Result<(), Refusal> {
        if let Err(error) = operation.request.view() {
            self.0.lock().unwrap().push(format!("request {}: {error}", operation.name()));
        }
        Ok(())
    }

    fn response(&self, operation: &mut Operation, _session: &mut Session) -> Result<(), Refusal> {
        if let Some(Err(error)) = operation.response.as_mut().map(|response| response.view().map(|_| ())) {
            self.0.lock().unwrap().push(format!("response {}: {error}", operation.name()));
        }
        Ok(())
    }
}

/// The head of a response without the fields that concern the connection.
fn without_connection(head: &str) -> String {
    let about = |line: &&str| {
        let line = line.to_ascii_lowercase();
        !line.starts_with("connection:") && !line.starts_with("keep-alive:")
    };
    head.split_inclusive("\r\n").filter(about).collect()
}

fn head_and_rest(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    (String::from_utf8(bytes[..end].to_vec()).unwrap(), &bytes[end..])
}

/// The user of a recorded request, by its credentials; `None` if they are not valid.
fn user(exchange: &Exchange) -> Option<&'static str> {
    let (head, _) = head_and_rest(&exchange.request);
    ["alice@lab.test", "bob@lab.test", "carol@lab.test"].into_iter().find(|user| {
        let name = user.split('@').next().unwrap();
        let text = format!("{user}:{name}pw1");
        head.contains(&base64::engine::general_purpose::STANDARD.encode(text))
    })
}

fn replay(exchanges: Vec<Exchange>) -> Replayed {
    let expected: Arc<Mutex<Vec<u8>>> = Arc::default();
    let answers = Arc::clone(&expected);
    let upstream = Upstream::new(move |got: &ReceivedRequest, stream| {
        assert_eq!(got.head.fields.text("authorization"), Some(SERVICE));
        stream.write_all(&answers.lock().unwrap()).is_ok()
    });
    let unread: Arc<Mutex<Vec<String>>> = Arc::default();
    let modules: Vec<Box<dyn Module>> = vec![Box::new(Reader(Arc::clone(&unread)))];
    let proxy = Setup { modules, ..Setup::default() }.before(&upstream);
    let mut client = Client::new(&proxy);
    let (mut forwarded, mut refused, mut others) = (0, 0, Vec::new());
    for exchange in exchanges {
        let request = String::from_utf8_lossy(&exchange.request).into_owned();
        let path = request.split(' ').nth(1).unwrap_or_default().to_ascii_lowercase();
        if !path.starts_with("/mapi/") || exchange.response.is_empty() || user(&exchange).is_none() {
            continue;
        }
        let (head, body) = head_and_rest(&exchange.request);
        expected.lock().unwrap().clone_from(&exchange.response);
        let name = user(&exchange).unwrap().split('@').next().unwrap();
        let old = head.split("\r\n").find(|line| line.starts_with("Authorization:")).unwrap();
        let head = head.replace(old, &format!("Authorization: {}", basic(name)));
        if exchange.label.contains("timeout") {
            continue;
        }
        let answer = client.exchange([head.as_bytes(), body].concat());
        let (recorded, recorded_body) = head_and_rest(&exchange.response);
        let mut bytes = Vec::new();
        http1::Head::write(&answer.head, &mut bytes);
        let got = upstream.others();
        if let [got] = &got[..] {
            forwarded += 1;
            assert_eq!(
                String::from_utf8(bytes).unwrap(),
                without_connection(&recorded),
                "{}",
                exchange.label
            );
            assert_eq!(answer.wire, recorded_body, "{}", exchange.label);
            // A short chunked body is forwarded with its length.
            let chunked = head.contains("Transfer-Encoding: chunked");
            assert_eq!(got.body, if chunked { b"" } else { body }, "{}", exchange.label);
            let sent = |text: &str| {
                let mut lines: Vec<String> = text.split("\r\n").map(str::to_owned).collect();
                lines.retain(|line| {
                    let line = line.to_ascii_lowercase();
                    ![
                        "host:",
                        "authorization:",
                        "content-length:",
                        "expect:",
                        "connection:",
                        "transfer-encoding:",
                        "via:",
                        "forwarded:",
                        "x-forwarded-",
                    ]
                    .iter()
                    .any(|name| line.starts_with(name))
                });
                lines
            };
            if !head.contains("X-RequestType: Connect") && !head.contains("X-RequestType: Bind") {
                assert_eq!(sent(&got.text()), sent(&head), "{}", exchange.label);
            }
        } else {
            refused += 1;
            let theirs =
                recorded.split("\r\n").find(|line| line.to_ascii_lowercase().starts_with("x-responsecode:"));
            let theirs = theirs.map(|line| line[15..].trim().to_owned());
            if answer.code() != theirs {
                others.push(format!("{}: proxy {:?}, server {theirs:?}", exchange.label, answer.code()));
            }
        }
    }
    let unread = std::mem::take(&mut *unread.lock().unwrap());
    Replayed { forwarded, refused, others, unread }
}

/// The results of a recording.
#[derive(Debug, PartialEq)]
struct Replayed {
    forwarded: usize,
    refused: usize,
    /// Requests that were refused with another code than the server's.
    others: Vec<String>,
    /// Operations that were not decoded.
    unread: Vec<String>,
}

#[test]
fn recorded_exchanges_pass_unchanged_byte_for_byte() {
    let replayed = replay(mapihttp());
    assert_eq!((replayed.forwarded, replayed.refused), (399, 6), "{replayed:#?}");
    // The proxy has the codes of [MS-OXCMAPIHTTP] 2.2.3.3.3, as Exchange has. The recorded server has others for some
    // errors, as the texts of its responses show, and no code for methods other than POST.
    let otherwise = [
        "hdr-no-requesttype: proxy Some(\"7\"), server Some(\"1\")",
        "hdr-bogus-requesttype: proxy Some(\"5\"), server Some(\"2\")",
        "hdr-execute-badcookie: proxy Some(\"10\"), server Some(\"2\")",
        "mapi-get: proxy Some(\"2\"), server None",
        "mapi-options: proxy Some(\"2\"), server None",
    ];
    assert_eq!(replayed.others, otherwise);
    // Requests whose bodies were cut off or left out on purpose.
    assert!(replayed.unread.iter().all(|line| line.starts_with("request ")), "{replayed:#?}");
    assert_eq!(replayed.unread.len(), 9, "{replayed:#?}");
}

#[test]
fn compressed_exchanges_pass_unchanged_byte_for_byte() {
    let replayed = replay(mapihttp_compressed());
    assert!(replayed.forwarded > 70, "{replayed:#?}");
    assert_eq!((replayed.refused, replayed.unread.len()), (0, 0), "{replayed:#?}");
}
