//! A server that responds before it has the whole request, over sockets.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;

use crate::support::{Client, Proxy, Setup, TIME_LIMIT, basic, read_head, thread};

/// More bytes than fit into the buffers between the client and the server.
const LONG: usize = 32 << 20;

/// A proxy in front of a server that responds with `answer` to a request's head, and then executes `then`.
fn answering_early(answer: &'static str, then: impl FnOnce(TcpStream) + Send + 'static) -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_head(&mut stream);
        stream.write_all(answer.as_bytes()).unwrap();
        then(stream);
    });
    Setup::default().at(address)
}

/// A client that sends a request with a body of [`LONG`] bytes while it waits for the response.
fn sending(proxy: &Proxy) -> Client {
    let mut client = Client::new(proxy);
    let authorization = basic("alice");
    client.send(format!(
        "POST /ews/x HTTP/1.1\r\nHost: a\r\nAuthorization: {authorization}\r\nContent-Length: {LONG}\r\n\r\n"
    ));
    let mut stream = client.stream.try_clone().unwrap();
    thread(move || {
        // The proxy closes the connection of a request that was refused.
        let _ = stream.write_all(&vec![0; LONG]);
    });
    client
}

#[test]
fn an_early_refusal_reaches_the_client_if_the_server_stops_reading_the_request() {
    let (done, is_done) = channel::<()>();
    let answer = "HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 413 No\r\nContent-Length: 8\r\n\r\ntoo much";
    let proxy = answering_early(answer, move |stream| {
        let _ = is_done.recv_timeout(TIME_LIMIT);
        drop(stream);
    });
    let answer = sending(&proxy).response(false);
    assert_eq!((answer.status(), &*answer.body), (413, &b"too much"[..]));
    done.send(()).unwrap();
}
