//! Unchanged stubs are forwarded byte for byte, in both directions; only context handles are replaced.

use std::io::Read as _;

use crate::harness::{
    Connection, EMSMDB, HANDLE, NSPI, Outcome, Proxy, RFR, RawUpstream, Setup, with_handle,
};

/// Pseudorandom bytes, different for each `seed`.
fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// A server that responds to the call `n` with other noise, after its handle if it has one.
fn noisy() -> RawUpstream {
    RawUpstream::start(|call| {
        let seed = u32::from(call.opnum) + u32::try_from(call.stub.len()).unwrap();
        match call.opnum {
            0 => Outcome::Response([&[0; 8], &HANDLE[..], &noise(seed, 99)].concat()),
            opnum => Outcome::Response(noise(seed + u32::from(opnum), 7 + call.stub.len())),
        }
    })
}

fn proxy(upstream: &RawUpstream, stack: &[&'static str]) -> Proxy {
    Setup::before(&upstream.binding()).unprotected().stack(stack).start()
}

fn untouched(stack: &[&'static str]) {
    let upstream = noisy();
    let proxy = proxy(&upstream, stack);
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let sent = noise(1, 48);
    let response = client.call(0, &sent).stub();
    assert_eq!(upstream.calls()[0].stub, sent);
    let seed = 48;
    let (ours, rest) = response[8..].split_at(16);
    assert_eq!((&response[..8], rest), (&[0; 8][..], &noise(seed, 99)[..]));
    assert_ne!(ours, HANDLE);
    let ours: [u8; 16] = ours.try_into().unwrap();
    // Operations whose responses hold no handle; from a byte to many fragments, and all sizes between.
    for (number, length) in [0_usize, 1, 3, 17, 1000, 3979, 3980, 3981, 5000, 100_000].into_iter().enumerate()
    {
        let opnum = 14 + u16::try_from(number % 3).unwrap();
        let rest = noise(9, length);
        let response = client.call(opnum, &with_handle(ours, &rest)).stub();
        let call = upstream.calls().pop().unwrap();
        assert_eq!(call.opnum, opnum);
        assert_eq!(call.stub, with_handle(HANDLE, &rest), "a request of {length} bytes was changed");
        let seed = u32::from(opnum) * 2 + u32::try_from(20 + length).unwrap();
        assert_eq!(response, noise(seed, 27 + length), "a response of {} bytes was changed", 27 + length);
    }
}

#[test]
fn an_empty_stack_forwards_arbitrary_stubs_byte_for_byte() {
    untouched(&[]);
}

#[test]
fn an_observing_module_forwards_arbitrary_stubs_byte_for_byte() {
    untouched(&["dummy"]);
}

#[test]
fn trailing_bytes_of_a_request_are_forwarded_unless_a_module_changes_it() {
    let upstream = RawUpstream::echo();
    let proxy = proxy(&upstream, &["names", "downgrade", "dummy"]);
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let handle = client.nspi_bind();
    // NspiCompareMIds with a reserved field in use, an unknown code page, and trailing bytes.
    let rest = [noise(3, 4), noise(4, 36), noise(5, 8), b"and more".to_vec()].concat();
    let _ = client.call(10, &with_handle(handle, &rest)).stub();
    assert_eq!(upstream.calls()[1].stub, with_handle(HANDLE, &rest));
}

#[test]
fn handles_are_translated_in_both_directions_until_closed() {
    let upstream = RawUpstream::start(|call| match call.opnum {
        10 => Outcome::Response([&[0; 4], &HANDLE[..], &noise(1, 50), &[0; 4]].concat()),
        // The response of EcDoRpcExt2 has the handle of the request.
        11 => Outcome::Response([&[0; 4], &HANDLE[..], &noise(2, 5000), &[0; 4]].concat()),
        _ => Outcome::Response([0; 24].to_vec()),
    });
    let proxy = proxy(&upstream, &[]);
    let mut client = Connection::bound(proxy.rpc(), EMSMDB);
    let connected = client.call(10, &noise(5, 120)).stub();
    let ours: [u8; 16] = connected[4..20].try_into().unwrap();
    assert_ne!(ours, HANDLE);
    assert_eq!(connected[20..], [noise(1, 50), [0; 4].to_vec()].concat());

    let response = client.call(11, &with_handle(ours, &noise(6, 7000))).stub();
    assert_eq!(response, [&[0; 4], &ours[..], &noise(2, 5000), &[0; 4]].concat());
    assert_eq!(upstream.calls()[1].stub, with_handle(HANDLE, &noise(6, 7000)));

    // The upstream's own handle is not valid at the proxy, and the proxy's handle is not valid once it is closed.
    assert_eq!(client.call(11, &with_handle(HANDLE, &[])), Outcome::Fault(0x1C00_001A));
    assert_eq!(client.call(1, &with_handle(ours, &[])).stub(), [0; 24]);
    assert_eq!(upstream.calls()[2].stub, with_handle(HANDLE, &[]));
    assert_eq!(client.call(11, &with_handle(ours, &[])), Outcome::Fault(0x1C00_001A));
    assert_eq!(upstream.calls().len(), 3, "a call with a closed handle was relayed");
}

#[test]
fn faults_of_the_server_are_forwarded_unchanged() {
    let upstream = RawUpstream::start(|call| Outcome::Fault(0x1234_0000 + u32::from(call.opnum)));
    let proxy = proxy(&upstream, &[]);
    let mut client = Connection::bound(proxy.rpc(), RFR);
    assert_eq!(client.call(0, &noise(1, 40)), Outcome::Fault(0x1234_0000));
}

#[test]
fn a_fault_guarantees_that_the_call_was_not_executed_only_if_the_servers_fault_does() {
    const SERVER_TOO_BUSY: u32 = 0x1c01_0014;
    // The module sends it ahead of each call of the address book.
    const QUERY_COLUMNS: u16 = 16;
    for ahead in ["", "ahead = true"] {
        let upstream = RawUpstream::start(|call| match call.opnum {
            0 => Outcome::Response([&[0; 8], &HANDLE[..], &[0; 4]].concat()),
            10 | QUERY_COLUMNS => Outcome::NotExecuted(SERVER_TOO_BUSY),
            _ => Outcome::Fault(SERVER_TOO_BUSY),
        });
        let setup = Setup::before(&upstream.binding()).unprotected().stack(&["dummy"]);
        let proxy = setup.options("dummy", ahead).start();
        let mut client = Connection::bound(proxy.rpc(), NSPI);
        let handle = client.nspi_bind();
        for (opnum, is_guaranteed) in [(10, true), (11, false), (10, true)] {
            client.send_request(opnum, &with_handle(handle, b"x"));
            let mut fault = [0; 32];
            client.stream.read_exact(&mut fault).unwrap();
            // `PFC_DID_NOT_EXECUTE` (C706 12.6.3.1), and the status (C706 12.6.4.7).
            assert_eq!((fault[2], fault[3] & 0x20 != 0), (3, is_guaranteed), "{opnum} {ahead}");
            assert_eq!(fault[24..28], SERVER_TOO_BUSY.to_le_bytes());
        }
    }
}
