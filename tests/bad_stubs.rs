//! Calls with wrong counts, pointers and handles: each is a fault, and takes no memory.

use crate::bad_clients::{BAD_STUB, CONTEXT_MISMATCH, hasty, while_another_goes_on};
use crate::harness::{Bystander, Connection, NSPI, RawUpstream, with_handle};

/// Requests with names, which a module decodes, with arrays that claim `count` members.
fn with_counts(handle: [u8; 16], count: u32) -> [(u16, Vec<u8>); 3] {
    let claimed = count.to_le_bytes();
    let (reserved, stat, referent) = ([0; 4], [0; 36], [0, 0, 2, 0]);
    // PropertyTagArray_r: its maximum, cValues, the offset, the actual count; and two of its members.
    let tags = [&claimed, &claimed, &[0; 4], &claimed, &[1; 4][..], &[1; 4]].concat();
    // StringsArray_r: its maximum, Count, and two of its pointers.
    let strings = [&claimed, &claimed, &referent[..], &referent].concat();
    let get_matches = [&reserved, &stat[..], &[0; 12], &[0; 4], &[9, 0, 0, 0], &referent, &tags].concat();
    let dn_to_mid = [&reserved[..], &strings].concat();
    let resolve_names = [&reserved, &stat[..], &[0; 4], &strings].concat();
    [(5, get_matches), (7, dn_to_mid), (19, resolve_names)]
        .map(|(opnum, rest)| (opnum, with_handle(handle, &rest)))
}

/// Two strings of a character each.
fn two_strings() -> Vec<u8> {
    let string = [&[2, 0, 0, 0][..], &[0; 4], &[2, 0, 0, 0], b"a\0", &[0; 2]].concat();
    [&string[..], &string].concat()
}

#[test]
fn counts_of_four_billion_are_refused_before_memory_is_allocated() {
    let upstream = RawUpstream::echo();
    // The proxy decodes the request because a module reads it.
    let proxy = hasty(&upstream).stack(&["names"]).start();
    let bystander = Bystander::at(proxy.rpc());
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let handle = client.nspi_bind();
    let before = proxy.peak_memory();
    for count in [u32::MAX, u32::MAX / 4, 0x8000_0000, 100_001] {
        for (opnum, stub) in with_counts(handle, count) {
            assert_eq!(client.call(opnum, &stub), BAD_STUB, "{opnum}, {count}");
        }
    }
    let read = upstream.calls().into_iter().find(|call| ![0, 10].contains(&call.opnum));
    assert!(read.is_none(), "a call that can't be read was relayed: {read:?}");
    // With correct counts the request is served.
    for (opnum, stub) in with_counts(handle, 2) {
        let stub = if opnum == 5 { stub } else { [&stub[..], &two_strings()].concat() };
        assert_ne!(client.call(opnum, &stub), BAD_STUB, "{opnum}");
    }
    let after = proxy.peak_memory();
    println!("counts of four billion: peak memory {before} KiB before, {after} KiB after");
    assert!(after - before < 4_000, "{before} KiB before, {after} KiB after");
    assert_eq!(client.call(10, &with_handle(handle, &[0; 48])).stub().len(), 52);
    bystander.expect_undisturbed();
}

/// An 8-bit NDR string with correct counts.
fn ndr_string(maximum: u32, offset: u32, actual: u32, text: &[u8]) -> Vec<u8> {
    [&maximum.to_le_bytes(), &offset.to_le_bytes(), &actual.to_le_bytes(), text].concat()
}

/// Requests with pointers without a referent, or with a wrong one.
fn with_pointers_to_nowhere(handle: [u8; 16]) -> Vec<(&'static str, u16, Vec<u8>)> {
    const NULL: [u8; 4] = [0; 4];
    const POINTER: [u8; 4] = [0xEF, 0xBE, 0xAD, 0xDE];
    let number = |value: u32| value.to_le_bytes();
    let stat = [0; 36];
    let names = |pointers: &[[u8; 4]], rest: &[u8]| {
        let count = number(u32::try_from(pointers.len()).unwrap());
        [&NULL[..], &count, &count, &pointers.concat(), rest].concat()
    };
    let whole = [&ndr_string(2, 0, 2, b"a\0")[..], &[0; 2]].concat();
    let matches = |reserved: [u8; 4], filter: &[u8]| {
        [&NULL[..], &stat, &reserved, &NULL, filter, &NULL, &number(9), &NULL].concat()
    };
    // Nested NOT restrictions.
    let not = [number(2), number(2), POINTER].concat();
    let stubs = vec![
        ("a name is missing", 7, names(&[POINTER], &[])),
        ("the second of two names is missing", 7, names(&[POINTER, POINTER], &whole)),
        ("a name breaks off in its counts", 7, names(&[POINTER], &whole[..7])),
        ("a name breaks off in its text", 7, names(&[POINTER], &whole[..12])),
        ("a name is longer than its maximum", 7, names(&[POINTER], &ndr_string(2, 0, 9, b"abcdefgh\0"))),
        ("a name begins after its begin", 7, names(&[POINTER], &ndr_string(9, 7, 2, b"a\0"))),
        ("a name is without end", 7, names(&[POINTER], &ndr_string(u32::MAX, 0, u32::MAX, b"a\0"))),
        ("there is no second array", 5, matches(POINTER, &NULL)),
        ("there is no restriction", 5, [&matches(NULL, &POINTER)[..48], &POINTER].concat()),
        ("a restriction never ends", 5, [&matches(NULL, &[])[..48], &POINTER, &not.repeat(1000)].concat()),
        (
            "a property without its value",
            4,
            [&NULL[..], &stat, &number(0x3001_001F), &NULL, &number(0x1F), &POINTER].concat(),
        ),
        ("property tags are missing", 19, [&NULL[..], &stat, &POINTER].concat()),
    ];
    stubs.into_iter().map(|(what, opnum, rest)| (what, opnum, with_handle(handle, &rest))).collect()
}

/// An `NspiGetMatches` whose restriction is EXIST within `depth` NOT restrictions.
fn nested(handle: [u8; 16], depth: usize) -> Vec<u8> {
    let (null, pointer, number) = ([0; 4], [0, 0, 2, 0], |value: u32| value.to_le_bytes());
    let not = [number(2), number(2), pointer].concat().repeat(depth);
    let exists = [number(8), number(8), null, number(0x3001_001F), null].concat();
    let start = [&null[..], &[0; 36], &null, &null, &pointer].concat();
    with_handle(handle, &[&start[..], &not, &exists, &null, &number(9), &null].concat())
}

#[test]
fn dangling_pointers_are_refused() {
    let upstream = RawUpstream::echo();
    let proxy = hasty(&upstream).stack(&["names"]).start();
    let bystander = Bystander::at(proxy.rpc());
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let handle = client.nspi_bind();
    for (what, opnum, stub) in with_pointers_to_nowhere(handle) {
        assert_eq!(client.call(opnum, &stub), BAD_STUB, "{what}");
    }
    assert_eq!(client.call(5, &nested(handle, 1000)), BAD_STUB);
    let read = upstream.calls().into_iter().find(|call| ![0, 10].contains(&call.opnum));
    assert!(read.is_none(), "a call that can't be read was relayed: {read:?}");
    assert_ne!(client.call(5, &nested(handle, 20)), BAD_STUB);
    // A referent id may be any number if its referent follows; a pointer may be null.
    let one = [&[0; 4], &[2, 0, 0, 0][..], &[2, 0, 0, 0], &[0xEF, 0xBE, 0xAD, 0xDE], &[0; 4]].concat();
    let stub = with_handle(handle, &[&one[..], &ndr_string(2, 0, 2, b"a\0")].concat());
    assert_ne!(client.call(7, &stub), BAD_STUB);
    bystander.expect_undisturbed();
}

#[test]
fn a_stub_shorter_than_its_handle_is_faulted() {
    while_another_goes_on(hasty, |proxy| {
        let mut client = Connection::bound(proxy.rpc(), NSPI);
        for length in [0, 1, 19] {
            assert_eq!(client.call(3, &vec![0; length]), BAD_STUB, "{length}");
        }
        assert_eq!(client.call(3, &[7; 20]), CONTEXT_MISMATCH);
    });
}
