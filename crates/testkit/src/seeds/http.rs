//! Seeds for fuzzing HTTP framing.

use crate::input::chosen;

const REQUESTS: [&str; 6] = [
    "POST /mapi/emsmdb/?MailboxId=1@lab.test HTTP/1.1\r\nHost: mail.lab.test\r\n\
     Content-Type: application/mapi-http\r\nX-RequestType: Connect\r\nContent-Length: 5\r\n\r\nhello",
    "\r\nGET /autodiscover/autodiscover.json?Protocol=MapiHttp HTTP/1.1\r\nHost: a\r\n\
     Connection: close\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n\
     5;x=y\r\nhello\r\n0a\r\n0123456789\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\nthe beginning of something long",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n9c400\r\nthe beginning of a chunk",
];

const ANSWERS: [&str; 5] = [
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-ResponseCode: 0\r\nTransfer-Encoding: chunked\r\n\
     Set-Cookie: sid=a\r\n\r\n12\r\nPROCESSING\r\nDONE\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 204 x\r\n\r\n",
    "HTTP/1.0 200 OK\r\n\r\nuntil the end",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nHTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9000;a=b\r\nthe beginning of a chunk",
];

pub(super) fn framing() -> Vec<Vec<u8>> {
    let with = |kind: &'static [u8], texts: &'static [&'static str]| {
        texts.iter().map(move |text| chosen(kind, text.as_bytes()))
    };
    let text: String = (0..20_000).map(|place| if place % 100 == 0 { '\n' } else { 'x' }).collect();
    let long = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{text}", text.len());
    let chunk = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{text}\r\n0\r\n\r\n",
        text.len()
    );
    with(&[0, 0], &REQUESTS)
        .chain(with(&[0, 23], &REQUESTS))
        .chain(with(&[1, 21], &ANSWERS))
        .chain(with(&[3, 0], &ANSWERS))
        .chain([long, chunk].iter().map(|text| chosen(&[0, 23], text.as_bytes())))
        .collect()
}
