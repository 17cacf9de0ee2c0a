//! Requests to the endpoints of MAPI over HTTP that are not operations.

use crate::support::{Client, Setup, Upstream, basic};

#[test]
fn the_response_to_a_head_request_at_an_endpoint_has_no_body() {
    let upstream = Upstream::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    let proxy = Setup::default().before(&upstream);
    let fields = format!("Host: a\r\nAuthorization: {}\r\nContent-Length: 0\r\n", basic("alice"));
    for lines in [
        "Content-Type: application/mapi-http\r\nX-RequestType: Execute\r\nX-RequestId: {1}:1\r\nCookie: sid=x\r\n",
        "Content-Type: application/mapi-http\r\nX-RequestType: None\r\n",
        "X-RequestType: Connect\r\n",
        "",
    ] {
        let mut client = Client::new(&proxy);
        let ask = |client: &mut Client, method| {
            client.send(format!("{method} /mapi/emsmdb/ HTTP/1.1\r\n{fields}{lines}\r\n"));
            client.answer(method == "HEAD")
        };
        let answer = ask(&mut client, "HEAD");
        let length = answer.header("content-length").map(str::to_owned);
        assert!(answer.body.is_empty());
        if answer.header("connection") == Some("close") {
            assert_eq!(client.rest(), b"", "{lines}");
        } else {
            // What follows is the response to the next request.
            let next = ask(&mut client, "HEAD");
            assert_eq!((next.status(), next.code()), (answer.status(), answer.code()), "{lines}");
            assert_eq!(next.header("content-length").map(str::to_owned), length, "{lines}");
        }
    }
}
