//! Seeds of the oracles of messages.

use crate::input::put_block;

/// RTF after the control word that states its content.
pub(super) fn rtf_bodies() -> Vec<Vec<u8>> {
    let bodies: [&[u8]; 3] = [
        br"\ansicpg1252\deff0{\fonttbl{\f0 Arial;}{\f1\fcharset204 Arial;}{\f2\fcharset128 X;}}{\*\htmltag64}\uc1\pard
{\*\htmltag <p>}\htmlrtf\b\htmlrtf0 a\lquote\tab {\f1\'cf}{\f2\'93\'fa}\u8364?\u-10179?\u-8704?{\*\htmltag148 &lt;}\htmlrtf <\htmlrtf0
{\*\mhtmltag x}{\*\htmltag </p>\par}}",
        br"{\info{\title t}}{\stylesheet{\s1 Heading;}}\uc2 a\par b\~\_\emdash\{\}\\{\bin3 }}}{\pict 00}\u26085\'93\'fa}",
        br"\mac\plain\f9 {\*\unknown {a}}\cell\row\'4}",
    ];
    (0..4).flat_map(|kind| bodies.map(|body| [&[kind], body].concat())).collect()
}

/// Messages in RFC 5322.
pub(super) fn messages_read() -> Vec<Vec<u8>> {
    let messages: [&[u8]; 3] = [
        b"Received: from a by b; Mon, 1 Jan 2024 13:00:01 +0100\r\nFrom: =?utf-8?Q?=C3=84?= <a@b>\r\nTo: Group: \"C, D\" <c@d>, <e@f>;\r\n\
Subject: Re: x\r\nDate: Mon, 1 Jan 2024 07:00:00 -0500\r\nMessage-ID: <1@x>\r\nReferences: <0@x>\r\n <2@x>\r\nX-Test: =?iso-8859-1?B?5A==?=\r\n\
Thread-Index: AQIDBA==\r\nKeywords: a, b\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: multipart/related; boundary=r\r\n\r\n\
--r\r\nContent-Type: text/html; charset=windows-1251\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>=CF</p>=\r\n\r\n--r\r\n\
Content-Type: image/png; name=\"a.png\"\r\nContent-ID: <i@x>\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--r--\r\n--m\r\n\
Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename*0*=utf-8''%C3%A4; filename*1=b\r\n\r\nSubject: in\r\n\r\nx\r\n--m--\r\n",
        b"Subject: s\nContent-Type: multipart/signed; boundary=b\n\n--b\n\na\n--b\nContent-Type: application/pkcs7-signature\n\nMII\n--b--\n",
        b"To: IMCEAEX-_o=x+20y@invalid\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\nContent-Transfer-Encoding: base64\n\nMIIA\n",
    ];
    messages.map(<[u8]>::to_vec).to_vec()
}

/// Choices of properties.
pub(super) fn messages_written() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 4] =
        [b"text", "ä\r\nInjected: 1".as_bytes(), b"a@b>, <c@d", b"IPM.Note.SMIME.MultipartSigned"];
    let mut seeds = Vec::new();
    for text in texts {
        let mut seed = Vec::new();
        for index in 0..36 {
            for kind in [3, 4, 6] {
                seed.extend([5, index, kind]);
                put_block(&mut seed, text);
            }
        }
        for begin in [[0].as_slice(), &[1, 4, 1, 0, b'x']] {
            seed.extend_from_slice(begin);
            seed.push(7);
            for index in 24..31 {
                seed.extend([index, 6]);
                put_block(&mut seed, text);
            }
        }
        seeds.push(seed);
    }
    seeds
}
