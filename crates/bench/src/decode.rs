//! Decoders and compression, on one core.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use mapi::compress;
use mapi::ndr::{CharString, Counted, Ptr, SizedPtr, WcharString};
use mapi::nspi::{self, PropertyRow, PropertyValue, Stat, Value};
use mapi::property::PropTag;
use rpc::framer::Framer;
use rpc::pdu::{Body, Pdu, Response};
use wire::{Decode as _, Encode as _, Endian};

/// How long each decoder is measured.
const LONG: Duration = Duration::from_secs(1);

/// Measures all decoders.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    println!("Decoders, MB/s on one core");
    let rows = row_set().encode()?;
    report("NSPI row set, decode", rows.len(), || {
        nspi::Response::decode(3, &rows, Endian::Little).map(drop)
    })?;
    let (decoded, _) = nspi::Response::decode(3, &rows, Endian::Little)?;
    report("NSPI row set, encode", rows.len(), || decoded.encode().map(drop))?;
    let pdus = pdus(&rows)?;
    report("RPC PDUs, frame and decode", pdus.len(), || frame(&pdus))?;
    let text = rows.repeat(2);
    let packed = compress::compress(&text);
    println!(
        "LZ77+DIRECT2 over {} KiB of address book rows, which become {} KiB",
        text.len() >> 10,
        packed.len() >> 10
    );
    report("LZ77 in", text.len(), || {
        black_box(compress::compress(&text));
        Ok::<_, wire::Error>(())
    })?;
    let mapiproxy = report("LZ77 out", text.len(), || compress::decompress(&packed, text.len()).map(drop))?;
    let lzxpress = report("LZ77 out, rust-lzxpress", text.len(), || {
        lzxpress::data::decompress(&packed).map(drop).map_err(|error| format!("{error:?}"))
    });
    match lzxpress {
        Ok(lzxpress) => println!("  MAPIProxy beside rust-lzxpress: {:.0}x", mapiproxy / lzxpress),
        Err(error) => println!("  rust-lzxpress can't read it: {error}"),
    }
    Ok(())
}

/// Runs `work` over `size` bytes repeatedly. Returns MB/s.
pub(crate) fn report<T, E>(
    name: &str,
    size: usize,
    mut work: impl FnMut() -> Result<T, E>,
) -> Result<f64, E> {
    let mut best = 0.0_f64;
    let begun = Instant::now();
    while begun.elapsed() < LONG {
        let since = Instant::now();
        let mut bytes = 0;
        while bytes < 1 << 20 {
            black_box(work()?);
            bytes += size;
        }
        best = best.max(bytes as f64 / since.elapsed().as_secs_f64() / 1e6);
    }
    println!("  {name:<32} {best:>9.0}");
    Ok(best)
}

fn frame(bytes: &[u8]) -> Result<(), wire::Error> {
    let mut framer = Framer::new(5840, u16::MAX);
    framer.push(bytes);
    while let Ok(Some((_, unit))) = framer.next_pdu() {
        black_box(Pdu::from_bytes(&unit)?);
    }
    Ok(())
}

/// The rows as a server sends them: a response of several fragments.
fn pdus(stub: &[u8]) -> Result<Vec<u8>, wire::Error> {
    let mut bytes = Vec::new();
    for part in stub.chunks(5800) {
        let body = Response { alloc_hint: 0, context_id: 0, cancel_count: 0, reserved: 0, stub: part };
        bytes.extend(Pdu::new(1, Body::Response(body)).to_bytes()?);
    }
    Ok(bytes)
}

/// Fifty people with eight properties each.
pub(crate) fn row_set() -> nspi::Response {
    let row = |number: usize| {
        let dn = format!(
            "/o=Lab Organisation/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=user{number}"
        );
        let wide =
            |tag, text: &str| PropertyValue::new(tag, Value::Unicode(Ptr::new(WcharString::new(text))));
        PropertyRow::new(vec![
            wide(PropTag::PidTagDisplayName, &format!("Person Number {number}")),
            wide(PropTag::PidTagSmtpAddress, &format!("user{number}@lab.test")),
            PropertyValue::new(PropTag::PidTagEmailAddress, Value::String8(Ptr::new(CharString::new(&dn)))),
            wide(PropTag::PidTagAccount, &format!("user{number}")),
            wide(PropTag::PidTagDepartmentName, "Research"),
            wide(PropTag::PidTagTitle, "Engineer"),
            PropertyValue::new(PropTag::PidTagObjectType, Value::Integer32(6)),
            PropertyValue::new(PropTag::PidTagEntryId, Value::Binary(SizedPtr::new(vec![7; 64]))),
        ])
    };
    let rows = Counted((0..50).map(row).collect());
    nspi::Response::QueryRows(nspi::QueryRowsResponse {
        stat: Stat::default(),
        rows: Ptr::new(rows),
        return_value: mapi::ErrorCode::SUCCESS,
    })
}
