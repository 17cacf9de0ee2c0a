//! Requests and responses: bodies of [MS-OXCMAPIHTTP] whose ROPs are generated for their size.

use mapi::compress::{ExtendedBuffer, ExtendedFlags, MAX_CHAIN_LENGTH, encode_chain};
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use wire::{Encode as _, Result, Writer, utf16le_bytes};

/// A request and its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Opens a session.
    Connect,
    /// 600 bytes in, 800 out: properties of a message.
    Small,
    /// 4 KB in, 64 KB out: columns and a restriction, rows of a table.
    Table,
    /// 200 KB in: an attachment's stream is written.
    Upload,
    /// A few KB in, which decompress to 3 MB of the shortest ROPs: the largest request that the proxy decodes.
    Releases,
    /// Waits for notifications, which do not come.
    Wait,
    /// Ends the session.
    Disconnect,
}

/// `PidTagSubject` and others that a client shows a message with: four of four bytes, then texts.
const COLUMNS: [u32; 8] =
    [0x0E07_0003, 0x0E08_0003, 0x1080_0003, 0x0E17_0003, 0x0037_001F, 0x0C1A_001F, 0x0E04_001F, 0x001A_001F];

/// Placeholder in cookies for the session's own part.
pub(crate) const SESSION: &str = "f1f2f3f4f5f6f7f8f9fafbfcfdfeff00";

/// Handles of server objects: some that are open, and some that the requests open.
const MESSAGE: u32 = 7;
const FOLDER: u32 = 8;
const TABLE: u32 = 9;
const STREAM: u32 = 10;

/// How much of a chain one extended buffer holds.
const BUFFER: usize = 30_000;

impl Kind {
    /// All kinds.
    pub(crate) const ALL: [Self; 7] =
        [Self::Connect, Self::Small, Self::Table, Self::Upload, Self::Releases, Self::Wait, Self::Disconnect];

    /// The kinds that carry ROPs.
    pub(crate) const EXECUTES: [Self; 3] = [Self::Small, Self::Table, Self::Upload];

    /// Its name, which is in the request's path.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Small => "small",
            Self::Table => "table",
            Self::Upload => "upload",
            Self::Releases => "releases",
            Self::Wait => "wait",
            Self::Disconnect => "disconnect",
        }
    }

    /// The value of `X-RequestType`.
    pub(crate) const fn request_type(self) -> &'static str {
        match self {
            Self::Connect => "Connect",
            Self::Wait => "NotificationWait",
            Self::Disconnect => "Disconnect",
            _ => "Execute",
        }
    }

    /// The request's body.
    pub(crate) fn request(self) -> Result<Vec<u8>> {
        let buffers = match self {
            Self::Connect => return Ok(connect_request()),
            Self::Disconnect => return Ok(vec![0; 4 /* AuxiliaryBufferSize */]),
            Self::Wait => return Ok(vec![0; 8 /* Flags, AuxiliaryBufferSize */]),
            Self::Small => vec![(small_request(), vec![MESSAGE])],
            Self::Table => vec![(table_request(), vec![FOLDER, NO_OBJECT])],
            Self::Upload => {
                (0..7).map(|number| (upload_request(number == 0), upload_handles(number == 0))).collect()
            }
            Self::Releases => return execute_request(&releases()?),
        };
        execute_request(&chain(buffers)?)
    }

    /// The complete response, with its head.
    pub(crate) fn response(self) -> Result<Vec<u8>> {
        let cookies =
            format!("Set-Cookie: MapiContext={SESSION}\r\nSet-Cookie: MapiSequence=s-{SESSION}\r\n");
        let request_type = self.request_type();
        let cookie = if self == Self::Connect { cookies.as_str() } else { "" };
        let mut streamed =
            b"PROCESSING\r\nDONE\r\nX-ElapsedTime: 1\r\nX-StartTime: Sun, 22 Nov 2026 10:00:00 GMT\r\n\r\n"
                .to_vec();
        streamed.extend_from_slice(&self.answer()?);
        if self == Self::Wait {
            // Only the first chunk: the response never ends.
            streamed = b"PROCESSING\r\n".to_vec();
        }
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\nCache-Control: private\r\nContent-Type: application/mapi-http\r\n{cookie}\
             X-RequestType: {request_type}\r\nX-ResponseCode: 0\r\nX-ExpirationInfo: 900000\r\n\
             X-ServerApplication: Exchange/15.20.0485.000\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
            streamed.len()
        )
        .into_bytes();
        answer.extend_from_slice(&streamed);
        answer.extend_from_slice(if self == Self::Wait { b"\r\n" } else { b"\r\n0\r\n\r\n" });
        Ok(answer)
    }

    /// The response's body, after its meta tags.
    pub(crate) fn answer(self) -> Result<Vec<u8>> {
        match self {
            Self::Connect => Ok(connect_response()),
            Self::Disconnect => Ok(vec![0; 12 /* StatusCode, ErrorCode, AuxiliaryBufferSize */]),
            Self::Wait => Ok(Vec::new()),
            Self::Small => execute_response(vec![(small_response(), vec![MESSAGE])]),
            Self::Table => execute_response(vec![
                (table_response(true), vec![FOLDER, TABLE]),
                (table_response(false), vec![FOLDER, TABLE]),
            ]),
            Self::Upload => execute_response(vec![(upload_response(), vec![MESSAGE, STREAM])]),
            Self::Releases => execute_response(vec![(Vec::new(), vec![NO_OBJECT])]),
        }
    }
}

fn connect_request() -> Vec<u8> {
    let mut w = Writer::new();
    w.bytes(b"/o=Lab/ou=Exchange Administrative Group/cn=Recipients/cn=alice\0");
    w.u32(0 /* Flags */).u32(1252).u32(1033).u32(1033).u32(0 /* AuxiliaryBufferSize */);
    w.into_vec()
}

fn connect_response() -> Vec<u8> {
    let mut w = Writer::new();
    w.u32(0 /* StatusCode */).u32(0 /* ErrorCode */).u32(60_000).u32(6).u32(10_000);
    w.bytes(b"\0").bytes(&utf16le_bytes("Alice\0")).u32(0 /* AuxiliaryBufferSize */);
    w.into_vec()
}

fn execute_request(chain: &[u8]) -> Result<Vec<u8>> {
    let mut w = Writer::new();
    w.u32(0x0000_0003 /* NoCompression, NoXorMagic */).len32(chain.len(), "RopBufferSize")?;
    w.bytes(chain).u32(0x0004_0000).u32(0);
    Ok(w.into_vec())
}

fn execute_response(buffers: Vec<(Vec<u8>, Vec<u32>)>) -> Result<Vec<u8>> {
    let chain = chain(buffers)?;
    let mut w = Writer::new();
    w.u32(0 /* StatusCode */).u32(0 /* ErrorCode */).u32(0 /* Flags */);
    w.len32(chain.len(), "RopBufferSize")?.bytes(&chain).u32(0 /* AuxiliaryBufferSize */);
    Ok(w.into_vec())
}

/// ROPs with their handles, in a chain of extended buffers.
fn chain(buffers: Vec<(Vec<u8>, Vec<u32>)>) -> Result<Vec<u8>> {
    let buffers = buffers
        .into_iter()
        .map(|(rops, handles)| Ok(ExtendedBuffer::plain(RopBuffer::new(rops, handles).to_bytes()?)));
    encode_chain(&buffers.collect::<Result<Vec<_>>>()?)
}

/// As many `RopRelease` ([MS-OXCROPS] 2.2.15.3.1) as the compressed buffers of one chain may have.
fn releases() -> Result<Vec<u8>> {
    let rops = [0x01, 0, 0].repeat(10_900);
    let buffer = RopBuffer::new(rops, vec![NO_OBJECT]).to_bytes()?;
    let buffer = ExtendedBuffer::with_flags(ExtendedFlags::COMPRESSED, buffer);
    encode_chain(&vec![buffer; MAX_CHAIN_LENGTH])
}

/// `RopGetPropertiesSpecific` for 140 tags ([MS-OXCROPS] 2.2.8.3.1).
fn small_request() -> Vec<u8> {
    let mut w = Writer::new();
    w.bytes(&[0x07, 0, 0]).u16(0).u16(1).u16(140);
    for tag in small_tags() {
        w.u32(tag);
    }
    w.into_vec()
}

/// 140 tags: 110 numbers of four bytes, 26 of eight, and four texts.
fn small_tags() -> impl Iterator<Item = u32> {
    (0..140).map(|number| {
        (0x3000 + number) << 16
            | if number < 110 {
                0x0003
            } else if number < 136 {
                0x0014
            } else {
                0x001F
            }
    })
}

fn small_response() -> Vec<u8> {
    let mut w = Writer::new();
    w.bytes(&[0x07, 0]).u32(0).u8(0);
    for tag in small_tags() {
        match tag & 0xffff {
            0x0003 => w.u32(tag),
            0x0014 => w.u64(0x0102_0304_0506_0708),
            _ => w.bytes(&utf16le_bytes("Re: the plan\0")),
        };
    }
    w.into_vec()
}

/// `RopGetContentsTable`, `RopSetColumns`, `RopRestrict` and `RopQueryRows` ([MS-OXCROPS] 2.2.4.14, 2.2.5.1,
/// 2.2.5.3, 2.2.5.4).
fn table_request() -> Vec<u8> {
    let mut w = Writer::new();
    w.bytes(&[0x05, 0, 0, 1, 0]);
    w.bytes(&[0x12, 0, 1, 0]).u16(8);
    for column in COLUMNS {
        w.u32(column);
    }
    let mut restriction = Writer::new();
    restriction.u8(0x01 /* OrRestriction */).u16(48);
    for number in 0..48 {
        restriction.u8(0x03 /* ContentRestriction */).u32(0x0001_0001).u32(0x0037_001F).u32(0x0037_001F);
        restriction.bytes(&utf16le_bytes(&format!("a word that is looked for {number:04}\0")));
    }
    let restriction = restriction.into_vec();
    w.bytes(&[0x14, 0, 1, 0]).u16(u16::try_from(restriction.len()).unwrap_or(0)).bytes(&restriction);
    w.bytes(&[0x15, 0, 1, 0, 1]).u16(0x1000);
    w.into_vec()
}

fn table_response(first: bool) -> Vec<u8> {
    let mut w = Writer::new();
    if first {
        w.bytes(&[0x05, 1]).u32(0).u32(4000 /* RowCount */);
        w.bytes(&[0x12, 1]).u32(0).u8(0);
        w.bytes(&[0x14, 1]).u32(0).u8(0);
    }
    let mut rows = Writer::new();
    let mut count = 0;
    while rows.len() < BUFFER + 1000 {
        rows.u8(0).u32(1).u32(40_000 + count).u32(0x105).u32(0);
        for text in
            ["Minutes of the meeting of last week", "Alice Example", "Bob Example; Carol Example", "IPM.Note"]
        {
            rows.bytes(&utf16le_bytes(text)).u16(0);
        }
        count += 1;
    }
    w.bytes(&[0x15, 1]).u32(0).u8(0x01).u16(u16::try_from(count).unwrap_or(0)).bytes(rows.as_slice());
    w.into_vec()
}

/// `RopOpenStream` of `PidTagAttachDataBinary` and `RopWriteStreamExtended` ([MS-OXCROPS] 2.2.9.1, 2.2.9.4),
/// which further buffers continue.
fn upload_request(first: bool) -> Vec<u8> {
    let mut w = Writer::new();
    if first {
        w.bytes(&[0x2B, 0, 0, 1]).u32(0x3701_0102).u8(0x01 /* ReadWrite */);
    }
    w.bytes(&[0xA3, 0, 1]).u16(u16::try_from(BUFFER).unwrap_or(0));
    w.bytes(&(0..BUFFER).map(|place| (place * 7 + place / 251).to_le_bytes()[0]).collect::<Vec<u8>>());
    w.into_vec()
}

fn upload_handles(first: bool) -> Vec<u32> {
    vec![MESSAGE, if first { NO_OBJECT } else { STREAM }]
}

fn upload_response() -> Vec<u8> {
    let mut w = Writer::new();
    w.bytes(&[0x2B, 1]).u32(0).u32(0 /* StreamSize */);
    w.bytes(&[0xA3, 1]).u32(0).u32(7 * u32::try_from(BUFFER).unwrap_or(0));
    w.into_vec()
}
